//! A network from the hub into the cache, and into the lock once all of it is verified.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use hf_hub::api::Siblings;
use hf_hub::{CacheRepo, Repo, RepoType};
use indicatif::ProgressBar;

use super::cache::Cache;
use super::files::{self, Kind};
use super::lock::{Lock, Locked, LockedFile, State};
use super::wire::{Hub, Remote};
use super::{Wanted, is_commit, is_hexadecimal};
use crate::store;

/// What is to be fetched.
pub struct Order<'a> {
    pub wanted: &'a Wanted,
    /// Of the weights only these; all where none is named.
    pub files: &'a [String],
    /// Take what the hub has now, whatever the lock says.
    pub update: bool,
    pub offline: bool,
    pub lock: &'a Path,
}

/// How the person at the terminal sees it.
pub struct Show<'a> {
    pub say: &'a dyn Fn(&str),
    pub bar: &'a dyn Fn(u64) -> ProgressBar,
}

/// Fetches what is not in the cache, verifies all, and locks it.
///
/// # Errors
/// When something differs from the lock or from what the hub says; the lock is then as
/// it was, and the file that differs is not in the cache.
pub fn fetch(order: &Order, cache: &Cache, show: &Show) -> Result<Locked> {
    for file in order.files {
        files::check(file)?;
    }
    let name = &order.wanted.name;
    let locked = match order.update {
        true => None,
        false => Lock::read(order.lock)?.get(name).cloned(),
    };
    if let Some(locked) = &locked
        && order.is_met_by(locked)
        && all_verified(locked, cache)?
    {
        return Ok(locked.clone());
    }
    ensure!(
        !order.offline,
        "{name}: not all of it is in {} as {} has it, and the network is forbidden (--offline or \
         HF_HUB_OFFLINE)",
        cache.hub.display(),
        order.lock.display()
    );
    let hub = Hub::open(cache)?;
    let (commit, paths) = order.plan(locked.as_ref(), &hub)?;
    let remotes = (paths.into_iter())
        .map(|path| {
            let remote = hub.head(name, &commit, &path)?;
            Ok((path, remote))
        })
        .collect::<Result<Vec<_>>>()?;
    let size: u64 = remotes.iter().map(|(_, remote)| remote.size).sum();
    (show.say)(&format!(
        "{name} at {}: {} files, {} MB.",
        &commit[..12],
        remotes.len(),
        size.div_ceil(1_000_000)
    ));
    let repo = Repo::with_revision(name.clone(), RepoType::Model, commit.clone());
    let place = Place {
        hub: &hub,
        name,
        commit: &commit,
        blobs: hf_hub::Cache::new(cache.hub.clone()).repo(repo),
        snapshot: cache.snapshot(name, &commit),
    };
    let mut files = Vec::new();
    for (path, remote) in &remotes {
        let expected = locked.as_ref().and_then(|locked| locked.file(path));
        let bar = (show.bar)(remote.size).with_prefix(path.clone());
        files.push(place.obtain(path, remote, expected, &bar)?);
        bar.finish_and_clear();
    }
    let branch = match (&order.wanted.revision, &locked) {
        (Some(revision), _) => Some(revision.as_str()),
        (None, None) => Some("main"),
        (None, Some(_)) => None,
    };
    if let Some(revision) = branch.filter(|revision| !is_commit(revision)) {
        // Other programs of the hub find the commit of a branch here.
        let branch = Repo::with_revision(name.clone(), RepoType::Model, revision.to_owned());
        let cached = hf_hub::Cache::new(cache.hub.clone()).repo(branch);
        cached
            .create_ref(&commit)
            .context("refs: cannot be written")?;
    }
    let fetched = Locked {
        name: name.clone(),
        revision: commit,
        files,
    };
    // Read again: another fetch may have added to it meanwhile.
    let mut lock = Lock::read(order.lock)?;
    if lock.get(name) != Some(&fetched) {
        lock.put(fetched.clone());
        lock.write(order.lock)?;
    }
    Ok(fetched)
}

fn all_verified(locked: &Locked, cache: &Cache) -> Result<bool> {
    for file in &locked.files {
        if locked.state(cache, file)? != State::Verified {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Order<'_> {
    /// Whether the lock says all that is to be known: the commit and the files.
    fn is_met_by(&self, locked: &Locked) -> bool {
        let revision = self.wanted.revision.as_ref();
        revision.is_none_or(|revision| *revision == locked.revision)
            && self.files.iter().all(|file| locked.file(file).is_some())
    }

    /// The commit and the files to fetch.
    fn plan(&self, locked: Option<&Locked>, hub: &Hub) -> Result<(String, BTreeSet<String>)> {
        let name = &self.wanted.name;
        if let Some(locked) = locked
            && self.is_met_by(locked)
        {
            return Ok((locked.revision.clone(), locked.paths().collect()));
        }
        let given = self.wanted.revision.as_deref();
        let revision = given.or(locked.map(|locked| locked.revision.as_str()));
        let revision = revision.unwrap_or("main");
        let info = hub.describe(name, revision)?;
        ensure!(
            is_commit(&info.sha),
            "{name}: the hub says {:?} where a commit belongs",
            info.sha
        );
        let mut paths = BTreeSet::new();
        if let Some(locked) = locked {
            ensure!(
                info.sha == locked.revision,
                "{name}: {revision} is commit {}, but {} has {}; leave the revision out for that \
                 one, or take the other with --update",
                info.sha,
                self.lock.display(),
                locked.revision
            );
            paths.extend(locked.paths());
        }
        if locked.is_none() || !self.files.is_empty() {
            paths.extend(select(name, &info.siblings, self.files)?);
        }
        Ok((info.sha, paths))
    }
}

/// Of a network's files those to fetch: the weights (or those of them that are asked
/// for), and all that belongs beside them.
fn select(name: &str, siblings: &[Siblings], asked: &[String]) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    let mut weights = Vec::new();
    let mut unsafe_file = None;
    for Siblings { rfilename: file } in siblings {
        match files::kind(file) {
            Kind::Unsafe => unsafe_file = Some(file),
            Kind::Other => {}
            kind => {
                files::check(file).with_context(|| format!("{name}: nothing is fetched"))?;
                match kind {
                    Kind::Weights => weights.push(file.as_str()),
                    _ => taken.push(file.clone()),
                }
            }
        }
    }
    if weights.is_empty() {
        match unsafe_file {
            Some(file) => bail!(
                "{name}: has its weights only in files such as {file}, which can run code when \
                 they are loaded; choose one with safetensors or ONNX"
            ),
            None => bail!("{name}: has no safetensors and no ONNX; choose one that has"),
        }
    }
    for file in asked {
        ensure!(
            weights.contains(&file.as_str()) || taken.contains(file),
            "{file}: {name} has no such file; its weights are {}",
            weights.join(", ")
        );
    }
    let wanted = |file: &&str| asked.is_empty() || asked.iter().any(|asked| asked == file);
    taken.extend(weights.into_iter().filter(wanted).map(str::to_owned));
    Ok(taken)
}

/// Where the files of one commit come from and go to.
struct Place<'a> {
    hub: &'a Hub,
    name: &'a str,
    commit: &'a str,
    blobs: CacheRepo,
    snapshot: PathBuf,
}

impl Place<'_> {
    /// Brings one file into the cache, verified.
    fn obtain(
        &self,
        path: &str,
        remote: &Remote,
        expected: Option<&LockedFile>,
        bar: &ProgressBar,
    ) -> Result<LockedFile> {
        let told = Some(&remote.etag).filter(|etag| is_hexadecimal(etag, 64));
        if let Some(expected) = expected {
            let same = told.is_none_or(|told| *told == expected.sha256);
            ensure!(
                same && remote.size == expected.size,
                "{path} of {}: the hub has {} bytes, SHA-256 {}, but the lock says {} bytes, {}; \
                 nothing of it was fetched. If you trust the hub, use --update",
                self.name,
                remote.size,
                told.map_or("unknown", String::as_str),
                expected.size,
                expected.sha256
            );
        }
        let sha256 = expected.map(|expected| &expected.sha256).or(told);
        let blob = self.blobs.blob_path(&remote.etag);
        let sha256 = match verified(&blob, remote.size, sha256)? {
            Some(sha256) => sha256,
            None => self.download(path, &blob, remote.size, sha256, bar)?,
        };
        link(&blob, &self.snapshot, path).with_context(|| {
            format!("{}: cannot be written", self.snapshot.join(path).display())
        })?;
        Ok(LockedFile {
            path: path.to_owned(),
            size: remote.size,
            sha256,
        })
    }

    /// Fetches one file beside its place, and moves it there when it is verified.
    fn download(
        &self,
        path: &str,
        blob: &Path,
        size: u64,
        sha256: Option<&String>,
        bar: &ProgressBar,
    ) -> Result<String> {
        let mut part = blob.as_os_str().to_owned();
        part.push(".incomplete");
        let part = PathBuf::from(part);
        let unwritten = || format!("{}: cannot be written", part.display());
        let mut file = open(&part).with_context(unwritten)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => bail!(
                "{path} of {}: is being fetched by another program; wait for it",
                self.name
            ),
            // Not every file system can lock.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        // Another fetch may have ended since; then this is its file, and not to be cut.
        if let Some(sha256) = verified(blob, size, sha256)? {
            return Ok(sha256);
        }
        if sha256.is_none() {
            // Nothing would tell that the two halves do not belong together.
            file.set_len(0).with_context(unwritten)?;
        }
        let address = self.hub.address(self.name, self.commit, path);
        loop {
            let resumed = file.metadata().with_context(unwritten)?.len() > 0;
            self.hub.pull(&address, &mut file, size, bar)?;
            let found = store::sha256_of_file(&part).with_context(unwritten)?;
            let wrong = sha256.filter(|&sha256| *sha256 != found);
            match wrong {
                None => {
                    let looks = files::check_content(&part, path);
                    if looks.is_err() {
                        fs::remove_file(&part).with_context(unwritten)?;
                    }
                    looks?;
                    fs::rename(&part, blob)
                        .with_context(|| format!("{}: cannot be written", blob.display()))?;
                    return Ok(found);
                }
                // What was there before may have been of something else: once anew.
                Some(_) if resumed => file.set_len(0).with_context(unwritten)?,
                Some(sha256) => {
                    fs::remove_file(&part).with_context(unwritten)?;
                    bail!(
                        "{path} of {}: SHA-256 is {found}, and must be {sha256}; it was not kept, \
                         and what you have is as it was",
                        self.name
                    );
                }
            }
        }
    }
}

fn open(part: &Path) -> std::io::Result<File> {
    fs::create_dir_all(part.parent().expect("a blob lies in a folder"))?;
    OpenOptions::new().create(true).append(true).open(part)
}

/// The SHA-256 of a blob that is there as it must be.
fn verified(blob: &Path, size: u64, sha256: Option<&String>) -> Result<Option<String>> {
    if fs::metadata(blob).map_or(0, |metadata| metadata.len()) != size || !blob.is_file() {
        return Ok(None);
    }
    let found = store::sha256_of_file(blob)
        .with_context(|| format!("{}: cannot be read", blob.display()))?;
    Ok(Some(found).filter(|found| sha256.is_none_or(|sha256| sha256 == found)))
}

/// Makes `snapshot/path` lead to the blob.
fn link(blob: &Path, snapshot: &Path, path: &str) -> std::io::Result<()> {
    let place = snapshot.join(path);
    fs::create_dir_all(place.parent().expect("a file lies in a folder"))?;
    if fs::symlink_metadata(&place).is_ok() {
        fs::remove_file(&place)?;
    }
    #[cfg(unix)]
    {
        // From snapshots/COMMIT up to the network's folder, and one more for every folder.
        let up = "../".repeat(2 + path.matches('/').count());
        let name = blob.file_name().expect("a blob has a name");
        std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(name), place)
    }
    #[cfg(not(unix))]
    {
        fs::hard_link(blob, &place).or_else(|_| fs::copy(blob, &place).map(|_| ()))
    }
}
