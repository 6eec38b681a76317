//! `models.lock`: which bytes a fetched network must have.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::{check_name, files, is_commit, is_hexadecimal};
use crate::store;

/// The name of the file, in the folder of networks.
pub const FILE: &str = "models.lock";

const HEAD: &str = "\
# Written by `konspekt models fetch`. Keep it with the study or the program: with it,
# everybody gets the same bytes or an error.

";

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    #[serde(rename = "model", default)]
    pub models: Vec<Locked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    pub name: String,
    /// The commit.
    pub revision: String,
    #[serde(rename = "file")]
    pub files: Vec<LockedFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    pub path: String,
    pub size: u64,
    pub sha256: String,
}

/// What is in the cache of a file that the lock names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Verified,
    Missing,
    /// Not the bytes that it must have.
    Differs,
}

impl Lock {
    /// Reads the lock; where there is none yet it is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let source = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            source => source.with_context(|| format!("{}: cannot be read", path.display()))?,
        };
        let lock: Self =
            toml::from_str(&source).with_context(|| format!("{}: is no lock", path.display()))?;
        for locked in &lock.models {
            locked
                .check()
                .with_context(|| format!("{}: {}", path.display(), locked.name))?;
        }
        Ok(lock)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let source = toml::to_string(self).expect("a lock can be written as TOML");
        store::write(path, format!("{HEAD}{source}").as_bytes())
            .with_context(|| format!("{}: cannot be written; give --models", path.display()))
    }

    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.models.iter().find(|locked| locked.name == name)
    }

    /// Adds a network, or puts it in the place of the one of that name; in order.
    pub fn put(&mut self, mut locked: Locked) {
        locked.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.models.retain(|other| other.name != locked.name);
        self.models.push(locked);
        self.models.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl Locked {
    /// A lock is edited by hand and merged, and its words become paths.
    fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        ensure!(
            is_commit(&self.revision),
            "revision: a commit has 40 digits"
        );
        for file in &self.files {
            files::check(&file.path)?;
            ensure!(
                is_hexadecimal(&file.sha256, 64),
                "{}: sha256 has 64 digits, lower-case",
                file.path
            );
        }
        Ok(())
    }

    pub fn file(&self, path: &str) -> Option<&LockedFile> {
        self.files.iter().find(|file| file.path == path)
    }

    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|file| file.path.clone())
    }

    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// What is in the cache of the network's file.
    pub fn state(&self, cache: &Cache, file: &LockedFile) -> Result<State> {
        let path = cache.snapshot(&self.name, &self.revision).join(&file.path);
        let size = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Missing),
            metadata => metadata.map(|m| m.len()),
        };
        let same = size
            .and_then(|size| Ok(size == file.size && store::sha256_of_file(&path)? == file.sha256));
        match same.with_context(|| format!("{}: cannot be read", path.display()))? {
            true => Ok(State::Verified),
            false => Ok(State::Differs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> Locked {
        Locked {
            name: "owner/name".to_owned(),
            revision: "c0".repeat(20),
            files: vec![LockedFile {
                path: "model.onnx".to_owned(),
                size: 3,
                sha256: store::sha256(b"abc"),
            }],
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert!(Lock::read(&path).unwrap().models.is_empty());
        let mut lock = Lock::default();
        lock.put(locked());
        lock.put(locked());
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap().models, [locked()]);
    }

    #[test]
    fn a_lock_cannot_lead_out_of_the_cache() {
        let wrong: [fn(&mut Locked); 4] = [
            |l| l.name = "../../name".to_owned(),
            |l| l.revision = "../..".to_owned(),
            |l| l.files[0].path = "../model.onnx".to_owned(),
            |l| l.files[0].path = "model.bin".to_owned(),
        ];
        for wrong in wrong {
            let mut locked = locked();
            wrong(&mut locked);
            assert!(locked.check().is_err(), "{locked:?}");
        }
    }
}
