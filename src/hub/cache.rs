//! The cache that programs of the hub have in common: blobs by their ETag, and for every
//! commit a folder of links to them.
//!
//! ```text
//! HF_HOME/hub/models--OWNER--NAME/blobs/ETAG
//!                                /refs/main                 the commit
//!                                /snapshots/COMMIT/FILE  →  ../../blobs/ETAG
//! ```

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

pub struct Cache {
    /// Where the token is, if one was stored.
    pub home: PathBuf,
    pub hub: PathBuf,
}

impl Cache {
    /// Where `HF_HOME` says (or `HF_HUB_CACHE`, for the cache alone), else in the
    /// person's own cache.
    pub fn from_env() -> Result<Self> {
        let folder = |name| variable(name).map(PathBuf::from);
        let home = folder("HF_HOME")
            .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("huggingface")))
            .or_else(|| Some(env::home_dir()?.join(".cache/huggingface")))
            .context("no home folder for the networks; set HF_HOME to a folder")?;
        let hub = folder("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub"));
        Ok(Self { home, hub })
    }

    /// The folder of a network, for one commit.
    pub fn snapshot(&self, name: &str, commit: &str) -> PathBuf {
        let folder = format!("models--{}", name.replace('/', "--"));
        self.hub.join(folder).join("snapshots").join(commit)
    }
}

/// Whether the hub is not to be asked.
pub fn is_offline() -> bool {
    let said = variable("HF_HUB_OFFLINE")
        .unwrap_or_default()
        .to_uppercase();
    ["1", "ON", "YES", "TRUE"].contains(&said.as_str())
}

/// An environment variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
