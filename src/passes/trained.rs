//! What a study has learned from hand labels, in the folder `trained/` beside its
//! `pipeline.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::engine::Workers;
use crate::networks::{Fitted, Head, Judge, WeightFile};
use crate::store;
use crate::study::{Calibration, Thresholds};

/// The folder in a study's.
pub const FOLDER: &str = "trained";
const CONFIG: &str = "config.json";
const HEAD: &str = "head.safetensors";
const NETWORK: &str = "model.onnx";
const WEIGHTS: &str = "model.safetensors";
/// Where tuning keeps how far it is.
pub const CHECKPOINTS: &str = "tuning-checkpoints";

/// What was learned, with what goes with it.
pub struct Trained {
    pub config: Config,
    learned: Learned,
    /// Where it was read from, and its files.
    path: PathBuf,
    files: Vec<WeightFile>,
}

/// `trained/config.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    #[serde(flatten)]
    pub fitted: Fitted,
    pub learned: Kind,
    /// SHA-256 of the judge's network that it was made for.
    pub judge: String,
    pub thresholds: Thresholds,
    pub confidence: Calibration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A small layer on the judge's numbers: `head.safetensors`.
    Head,
    /// The judge itself, tuned: `model.onnx`, its new weights also in `model.safetensors`.
    Network,
}

enum Learned {
    Head(Box<Head>),
    Network(Vec<u8>),
}

impl Trained {
    /// What a study has learned, if it has.
    ///
    /// # Errors
    /// One sentence with the file, where it is damaged or was made for another judge.
    pub fn read(study: &Path, judge: &str) -> Result<Option<Self>> {
        let path = study.join(FOLDER);
        if !path.join(CONFIG).exists() {
            return Ok(None);
        }
        let at = |file: &str| path.join(file).display().to_string();
        let mut files = Vec::new();
        let mut read = |file: &str| -> Result<Vec<u8>> {
            let bytes = fs::read(path.join(file))
                .with_context(|| format!("{}: cannot be read", at(file)))?;
            files.push(WeightFile {
                file: format!("{FOLDER}/{file}"),
                sha256: store::sha256(&bytes),
            });
            Ok(bytes)
        };
        let damaged = |file: &str| {
            format!(
                "{}: damaged; run konspekt train again, or remove the folder",
                at(file)
            )
        };
        let config: Config =
            serde_json::from_slice(&read(CONFIG)?).with_context(|| damaged(CONFIG))?;
        ensure!(
            config.judge == judge,
            "{}: was made for another judge network than the one in use; run konspekt train \
             again, or remove the folder",
            path.display()
        );
        let learned = match config.learned {
            Kind::Network => Learned::Network(read(NETWORK)?),
            Kind::Head => {
                let head = Head::read(&read(HEAD)?).with_context(|| damaged(HEAD))?;
                ensure!(
                    head.theses() == config.fitted.theses.len(),
                    "{}: for {} theses, where {CONFIG} beside it names {}; run konspekt train again",
                    at(HEAD),
                    head.theses(),
                    config.fitted.theses.len()
                );
                Learned::Head(Box::new(head))
            }
        };
        Ok(Some(Self {
            config,
            learned,
            path,
            files,
        }))
    }

    /// Makes a judge know it.
    pub fn teach(self, judge: &mut Judge, models: &Path, workers: &Workers) -> Result<()> {
        let fitted = self.config.fitted;
        match self.learned {
            Learned::Head(head) => judge.teach(fitted, *head, self.files),
            Learned::Network(bytes) => {
                let file = (&*self.path.join(NETWORK), bytes);
                judge.retune(fitted, file, models, workers, self.files)?;
            }
        }
        Ok(())
    }
}

/// The files of a study that learned a head, by name; the last says what the others are.
pub fn head_files(config: &Config, head: &Head) -> Vec<(&'static str, Vec<u8>)> {
    vec![(HEAD, head.write()), (CONFIG, json(config))]
}

/// The files of a study that tuned the judge.
pub fn network_files(
    config: &Config,
    onnx: Vec<u8>,
    safetensors: Vec<u8>,
) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (NETWORK, onnx),
        (WEIGHTS, safetensors),
        (CONFIG, json(config)),
    ]
}

/// Checks that a folder holds no network but one that training wrote there.
pub fn check(folder: &Path) -> Result<()> {
    let own = match fs::read(folder.join(CONFIG)) {
        Ok(bytes) => serde_json::from_slice::<Config>(&bytes).is_ok(),
        Err(_) => [NETWORK, WEIGHTS, HEAD]
            .iter()
            .all(|file| !folder.join(file).exists()),
    };
    ensure!(
        own,
        "{}: holds another network; choose another folder with --out",
        folder.display()
    );
    Ok(())
}

/// The files that the other kind of training would have left.
pub fn stale(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Head => &[NETWORK, WEIGHTS],
        Kind::Network => &[HEAD],
    }
}

fn json(config: &Config) -> Vec<u8> {
    let mut config = serde_json::to_vec_pretty(config).expect("plain data");
    config.push(b'\n');
    config
}
