//! `konspekt models`: the networks that ship, and those fetched from the Hugging Face hub.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::Outcome;
use super::run::{finish, models};
use crate::hub::Wanted;
use crate::hub::cache::Cache;
use crate::hub::lock::{self, Lock, Locked, State};

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// Fetch a network from the Hugging Face hub (safetensors or ONNX only), verify it, lock it
    #[command(after_help = FETCH)]
    Fetch(FetchArgs),
    /// List the networks that ship and those that were fetched
    List(Place),
    /// Hash what was fetched and compare it with models.lock (exit code 1 if it differs)
    Verify(VerifyArgs),
}

const FETCH: &str = "\
Environment: HF_HOME (or HF_HUB_CACHE) says where networks are kept, HF_TOKEN opens private and
gated ones, HF_ENDPOINT is another hub, HF_HUB_OFFLINE=1 forbids the network.

A fetch that was stopped goes on where it stopped when it is given again. What models.lock has
is fetched at its commit and with its bytes, or refused.";

/// Where models.lock is.
#[derive(Args, Clone)]
pub struct Place {
    /// Folder of networks with models.lock, instead of models/
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

#[derive(Args, Clone)]
pub struct FetchArgs {
    /// A network of the hub, and a branch, tag or commit of it [default: the one locked, or main]
    #[arg(value_name = "NAME[@REVISION]")]
    network: Wanted,
    /// Of the weights only this file; can be given several times
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// Take the revision as the hub has it now, whatever models.lock says
    #[arg(long)]
    update: bool,
    /// Never touch the network
    #[arg(long)]
    offline: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone)]
pub struct VerifyArgs {
    /// Networks of models.lock [default: all]
    names: Vec<String>,
    #[command(flatten)]
    place: Place,
}

pub fn run(command: &ModelsCommand) -> Result<Outcome> {
    match command {
        ModelsCommand::Fetch(args) => fetch(args),
        ModelsCommand::List(place) => list(place),
        ModelsCommand::Verify(args) => verify(args),
    }
}

#[cfg(not(feature = "fetch"))]
fn fetch(args: &FetchArgs) -> Result<Outcome> {
    anyhow::bail!(
        "{}: this program was built without `models fetch`; build it with `cargo build --release \
         --features fetch`, for which a C compiler must be there",
        args.network.name
    )
}

/// Fetches, and prints the folder that it went to.
#[cfg(feature = "fetch")]
fn fetch(args: &FetchArgs) -> Result<Outcome> {
    use super::progress::Progress;
    use crate::hub::{cache, fetch};

    let progress = Progress::new(args.quiet);
    let cache = Cache::from_env()?;
    let order = fetch::Order {
        wanted: &args.network,
        files: &args.files,
        update: args.update,
        offline: args.offline || cache::is_offline(),
        lock: &models(args.place.models.as_ref())?.join(lock::FILE),
    };
    let show = fetch::Show {
        say: &|line| progress.say(line),
        bar: &|length| progress.bytes(length),
    };
    let locked = fetch::fetch(&order, &cache, &show)?;
    progress.say(&format!(
        "{} at {}: verified, and locked in {}; its folder:",
        locked.name,
        &locked.revision[..12],
        order.lock.display()
    ));
    let folder = cache.snapshot(&locked.name, &locked.revision);
    finish(writeln!(std::io::stdout(), "{}", folder.display()))?;
    Ok(Outcome::Done)
}

/// One line of the list.
struct Row {
    name: String,
    size: u64,
    revision: String,
    licence: String,
    state: String,
}

fn list(place: &Place) -> Result<Outcome> {
    let folder = models(place.models.as_ref())?;
    let cache = Cache::from_env()?;
    let mut rows = shipped(&folder)?;
    for locked in &Lock::read(&folder.join(lock::FILE))?.models {
        let wrong = wrong(locked, &cache)?;
        let missing = (wrong.iter()).all(|(_, state)| *state == State::Missing);
        let card = cache
            .snapshot(&locked.name, &locked.revision)
            .join("README.md");
        rows.push(Row {
            name: locked.name.clone(),
            size: locked.size(),
            revision: locked.revision[..12].to_owned(),
            licence: licence(&card).unwrap_or("not stated".to_owned()),
            state: match wrong.len() {
                0 => "verified".to_owned(),
                n if missing && n == locked.files.len() => "not here".to_owned(),
                n if missing => format!("{n} of {} files not here", locked.files.len()),
                _ => "differs from the lock".to_owned(),
            },
        });
    }
    let width = |text: fn(&Row) -> &str, head: &str| {
        let widths = rows.iter().map(|row| text(row).chars().count());
        widths.max().unwrap_or(0).max(head.len())
    };
    let (name, licence) = (
        width(|r| &r.name, "network"),
        width(|r| &r.licence, "licence"),
    );
    let mut text = format!(
        "{:name$}  {:>10}  {:12}  {:licence$}  state\n",
        "network", "size", "revision", "licence"
    );
    for row in &rows {
        text += &format!(
            "{:name$}  {:>7.1} MB  {:12}  {:licence$}  {}\n",
            row.name,
            row.size as f64 / 1e6,
            row.revision,
            row.licence,
            row.state
        );
    }
    finish(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}

/// The networks in the folder itself, and the table of word vectors that they share.
fn shipped(folder: &Path) -> Result<Vec<Row>> {
    let unlisted = |folder: &Path| format!("{}: cannot be listed", folder.display());
    let listed = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder).and_then(|entries| {
            let paths = entries.map(|entry| Ok(entry?.path()));
            paths.collect::<std::io::Result<Vec<_>>>()
        });
        let mut paths = entries.with_context(|| unlisted(folder))?;
        paths.sort();
        Ok(paths)
    };
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|e| e == ending);
    let mut rows = Vec::new();
    for path in listed(folder)? {
        let files = match path.is_dir() {
            true => listed(&path)?,
            false if ends(&path, "data") => vec![path.clone()],
            false => continue,
        };
        if path.is_dir() && !files.iter().any(|file| ends(file, "onnx")) {
            continue;
        }
        let sizes = files.iter().map(|file| Ok(fs::metadata(file)?.len()));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        rows.push(Row {
            name: name.into_owned(),
            size: (sizes.sum::<std::io::Result<u64>>()).with_context(|| unlisted(&path))?,
            revision: env!("CARGO_PKG_VERSION").to_owned(),
            licence: "see its card".to_owned(),
            state: "ships with konspekt".to_owned(),
        });
    }
    Ok(rows)
}

/// The licence that a card of the hub names in its head.
fn licence(card: &Path) -> Option<String> {
    let card = fs::read_to_string(card).ok()?;
    let head = card.strip_prefix("---")?.split("\n---").next()?;
    let value = |key: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(key))?;
        let value = value.trim().trim_matches(['"', '\'']);
        // What a terminal would take for a command is no licence.
        let plain = value.chars().filter(|c| !c.is_control()).take(40);
        Some(plain.collect::<String>()).filter(|value| !value.is_empty())
    };
    value("license_name:").or_else(|| value("license:"))
}

fn verify(args: &VerifyArgs) -> Result<Outcome> {
    let path = models(args.place.models.as_ref())?.join(lock::FILE);
    let cache = Cache::from_env()?;
    let lock = Lock::read(&path)?;
    for name in &args.names {
        lock.get(name)
            .with_context(|| format!("{name}: {} has no such network", path.display()))?;
    }
    let asked = |locked: &&Locked| args.names.is_empty() || args.names.contains(&locked.name);
    let mut outcome = Outcome::Done;
    let mut text = String::new();
    for locked in lock.models.iter().filter(asked) {
        let wrong = wrong(locked, &cache)?;
        if wrong.is_empty() {
            text += &format!("{}: verified\n", locked.name);
        } else {
            outcome = Outcome::Differs;
        }
        for (file, state) in wrong {
            let what = match state {
                State::Missing => "is not here; fetch it again",
                _ => "is not what the lock says; fetch it again",
            };
            text += &format!("{}: {file} {what}\n", locked.name);
        }
    }
    if lock.models.is_empty() {
        text = "nothing was fetched, so there is nothing to verify\n".to_owned();
    }
    finish(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(outcome)
}

/// The files of a network that are not as the lock says.
fn wrong<'a>(locked: &'a Locked, cache: &Cache) -> Result<Vec<(&'a str, State)>> {
    let mut wrong = Vec::new();
    for file in &locked.files {
        match locked.state(cache, file)? {
            State::Verified => {}
            state => wrong.push((file.path.as_str(), state)),
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_read_from_the_head_of_the_card() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("README.md");
        let of = |card: &str| {
            fs::write(&path, card).unwrap();
            licence(&path)
        };
        assert_eq!(of("---\nlicense: mit\n---\n").as_deref(), Some("mit"));
        let other = "---\nlicense: other\nlicense_name: \"own\x1b[31m\"\n---\n";
        assert_eq!(of(other).as_deref(), Some("own[31m"));
        assert_eq!(of("---\ntags: x\n---\nlicense: mit\n"), None);
        assert_eq!(of("# No head\nlicense: mit\n"), None);
    }
}
