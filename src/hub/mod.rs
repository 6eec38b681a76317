//! Networks that are too large to ship: fetched from the Hugging Face hub, pinned in
//! `models.lock`, verified.
//!
//! What is fetched lies where all programs of the hub expect it ([`cache`]); which bytes
//! it must have stands in the [`lock`]; what may be fetched at all is decided by name
//! ([`files`]). Only `fetch` touches the network, and only programs built with the
//! feature of that name have it.

pub mod cache;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod files;
pub mod lock;
#[cfg(feature = "fetch")]
mod wire;

use std::str::FromStr;

use anyhow::{Result, bail, ensure};

/// A network of the hub, and which of its revisions: `NAME[@REVISION]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    /// A branch, a tag or a commit.
    pub revision: Option<String>,
}

impl FromStr for Wanted {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        check_name(name)?;
        if let Some(revision) = revision {
            ensure!(
                files::is_safe(revision),
                "{revision:?} is no revision; give a branch, a tag or a commit after the @"
            );
        }
        Ok(Self {
            name: name.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }
}

/// Whether this can be the name of a network; the cache's folder is named after it.
fn check_name(name: &str) -> Result<()> {
    // `--` stands for `/` in the cache.
    if !files::is_safe(name) || name.contains("--") || name.split('/').count() > 2 {
        bail!("{name:?} is no name of a network; they are like owner/name");
    }
    Ok(())
}

/// Whether this is a commit's full hash.
pub fn is_commit(revision: &str) -> bool {
    is_hexadecimal(revision, 40)
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == length && text.bytes().all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_revisions_that_could_lead_elsewhere_are_refused() {
        let wanted: Wanted = "owner/name-v1.5@refs/pr/1".parse().unwrap();
        assert_eq!(wanted.name, "owner/name-v1.5");
        assert_eq!(wanted.revision.as_deref(), Some("refs/pr/1"));
        for wrong in [
            "",
            "/name",
            "a/b/c",
            "../name",
            "a/..",
            "a--b/c",
            "a b/c",
            "a/b@",
            "a/b@../main",
            "a/b@main?x",
            "a\\b",
        ] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }
}
