//! What a study has learned from hand labels, in the folder `trained/` beside its
//! `pipeline.toml`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::networks::{Fitted, Head, WeightFile};
use crate::store;
use crate::study::{Calibration, Thresholds};

/// The folder in a study's.
pub const FOLDER: &str = "trained";
const CONFIG: &str = "config.json";
const HEAD: &str = "head.safetensors";

/// A head with what goes with it.
#[derive(Clone, Debug)]
pub struct Trained {
    pub config: Config,
    pub head: Head,
}

/// `trained/config.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    #[serde(flatten)]
    pub fitted: Fitted,
    /// SHA-256 of the judge's network, on whose numbers the head stands.
    pub judge: String,
    pub thresholds: Thresholds,
    pub confidence: Calibration,
}

impl Trained {
    /// What a study has learned, if it has, with the files that were read.
    ///
    /// # Errors
    /// One sentence with the file, where it is damaged or was made for another judge.
    pub fn read(study: &Path, judge: &str) -> Result<Option<(Self, Vec<WeightFile>)>> {
        let folder = study.join(FOLDER);
        if !folder.join(CONFIG).exists() {
            return Ok(None);
        }
        let mut files = Vec::new();
        let mut read = |file: &str| -> Result<Vec<u8>> {
            let path = folder.join(file);
            let bytes =
                fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
            files.push(WeightFile {
                file: format!("{FOLDER}/{file}"),
                sha256: store::sha256(&bytes),
            });
            Ok(bytes)
        };
        let at = |file: &str| folder.join(file).display().to_string();
        let config: Config = serde_json::from_slice(&read(CONFIG)?).with_context(|| at(CONFIG))?;
        let head = Head::read(&read(HEAD)?).with_context(|| at(HEAD))?;
        ensure!(
            head.theses() == config.fitted.theses.len(),
            "{}: for {} theses, where {CONFIG} beside it names {}; run konspekt train again",
            at(HEAD),
            head.theses(),
            config.fitted.theses.len()
        );
        ensure!(
            config.judge == judge,
            "{}: was fitted to the numbers of another judge network than the one in use; run \
             konspekt train again, or remove the folder",
            folder.display()
        );
        Ok(Some((Self { config, head }, files)))
    }

    /// The files, by name.
    pub fn files(&self) -> [(&'static str, Vec<u8>); 2] {
        let mut config = serde_json::to_vec_pretty(&self.config).expect("plain data");
        config.push(b'\n');
        [(CONFIG, config), (HEAD, self.head.write())]
    }
}
