//! `run.json`: what a run was made of, so that it can be made again.

use serde::Serialize;

use crate::engine::{Backend, Device};
use crate::networks::WeightFile;
use crate::study::{Calibration, Study, Thresholds};
use crate::text::Essay;

#[derive(Serialize)]
struct RunRecord<'a> {
    program: &'static str,
    version: &'static str,
    study: &'a str,
    /// SHA-256 of `pipeline.toml`.
    pipeline: &'a str,
    /// SHA-256 of the question and the codebook alone.
    codebook: String,
    thresholds: Thresholds,
    confidence: Calibration,
    passes: Vec<&'static str>,
    /// Theses that the judge knew by their definition alone.
    zero_shot: &'a [&'a str],
    /// Whether that was asked for (`--zero-shot`).
    by_definition: bool,
    /// What ran the networks, where it was not the embedded engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    weights: Vec<&'a WeightFile>,
    essays: Vec<EssayFile<'a>>,
}

#[derive(Serialize)]
struct EssayFile<'a> {
    file: &'a str,
    sha256: &'a str,
}

/// The run as one JSON object. It holds nothing of the clock or the machine.
pub fn record(
    study: &Study,
    essays: &[Essay],
    weights: &[&WeightFile],
    zero_shot: &[&str],
    by_definition: bool,
    backend: Backend,
) -> Vec<u8> {
    let record = RunRecord {
        program: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        study: &study.name,
        pipeline: &study.sha256,
        codebook: study.codebook_sha256(),
        thresholds: study.thresholds,
        confidence: study.confidence,
        passes: study.passes.iter().map(|pass| pass.name()).collect(),
        zero_shot,
        by_definition,
        engine: match backend {
            Backend::Rten => None,
            Backend::Torch(Device::Cpu) => Some("torch".to_owned()),
            Backend::Torch(Device::Cuda(_)) => Some("torch on cuda".to_owned()),
        },
        weights: weights.to_vec(),
        essays: essays
            .iter()
            .map(|essay| EssayFile {
                file: &essay.file,
                sha256: &essay.sha256,
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&record).expect("the record has only string keys");
    bytes.push(b'\n');
    bytes
}
