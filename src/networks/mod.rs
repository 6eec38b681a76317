//! The networks: what they are given, and what their outputs mean.
//!
//! The *reader* sees each sentence once and tags it; the *judge* sees each with
//! its neighbours and says where it stands on every thesis. `models/README.md` describes both.

mod batches;
mod classifier;
mod head;
mod judge;
mod path;
mod pieces;
mod reader;
mod relation;
#[cfg(feature = "torch")]
pub mod tuning;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;

use crate::engine::{Engine, Workers};
use crate::store;

pub use classifier::{Classifier, Scored, Task};
pub use head::{Features, Head, Inputs, Linear, STANCES, Sparse, Words};
pub use judge::{Fitted, Judge, StanceLogits};
pub use pieces::{CaseShape, Pieces, Word, Wordpiece};
pub use reader::{ClaimThresholds, Reader, SentenceTags};
pub use relation::{PieceSpan, Relation};

/// Logits are rounded to multiples of 1/128 before anything is decided on
/// them: far above what summation order can change, far below what matters.
pub fn settle(logit: f32) -> f32 {
    (logit * 128.0).round() / 128.0
}

/// Softmax of settled logits, rounded to four decimals.
pub fn softmax<const N: usize>(logits: [f32; N]) -> [f64; N] {
    let all = probabilities(&logits);
    std::array::from_fn(|i| all[i])
}

/// The same of any number of logits.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let settled: Vec<f64> = logits.iter().map(|&x| f64::from(settle(x))).collect();
    let top = settled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = settled.iter().map(|x| (x - top).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|x| round(x / sum)).collect()
}

/// Logistic function of a settled logit, rounded to four decimals.
pub fn sigmoid(logit: f32) -> f64 {
    round(1.0 / (1.0 + (-f64::from(settle(logit))).exp()))
}

/// Rounds to the four decimals that outputs carry.
pub fn round(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// The word vectors that the networks have in common, in the folder of networks.
const WORDS: &str = "word_vectors.data";

/// The files of one network's folder.
struct Folder {
    name: String,
    path: PathBuf,
    /// What was read of it.
    files: RefCell<Vec<WeightFile>>,
}

/// A file of a network that a run used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WeightFile {
    pub file: String,
    pub sha256: String,
}

impl Folder {
    fn new(models: &Path, name: &str) -> Result<Self> {
        let path = models.join(name);
        ensure!(
            path.is_dir(),
            "{}: no such folder; the {name} network belongs there (or give --models)",
            path.display()
        );
        Ok(Self {
            name: name.to_owned(),
            path,
            files: RefCell::default(),
        })
    }

    fn read(&self, file: &str) -> Result<(PathBuf, Vec<u8>)> {
        self.read_at(self.path.join(file), format!("{}/{file}", self.name))
    }

    fn read_at(&self, path: PathBuf, file: String) -> Result<(PathBuf, Vec<u8>)> {
        let bytes =
            fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        self.files.borrow_mut().push(WeightFile {
            file,
            sha256: store::sha256(&bytes),
        });
        Ok((path, bytes))
    }

    fn config<T: DeserializeOwned>(&self) -> Result<T> {
        let (path, bytes) = self.read("config.json")?;
        serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
    }

    fn tokenizer(&self) -> Result<Wordpiece> {
        let (path, bytes) = self.read("tokenizer.json")?;
        Wordpiece::new(&bytes).with_context(|| path.display().to_string())
    }

    /// A network that reads words, by the vectors that all have in common.
    fn reading_network(&self, file: &str, workers: &Workers) -> Result<Box<dyn Engine>> {
        let (path, bytes) = self.read(file)?;
        let shared = self.path.with_file_name(WORDS);
        let (_, words) = self.read_at(shared, WORDS.to_owned())?;
        workers.load_onnx(&path, bytes, Some((WORDS, words)))
    }

    /// The files that were read.
    fn files(self) -> Vec<WeightFile> {
        self.files.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_below_the_rounding_changes_nothing() {
        assert_eq!(
            softmax([1.0, 2.0, 3.0]),
            softmax([1.0 + 1e-5, 2.0 - 1e-5, 3.0])
        );
        assert_eq!(sigmoid(0.0), 0.5);
        assert_eq!(softmax([0.0, 0.0]), [0.5, 0.5]);
    }
}
