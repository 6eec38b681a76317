//! The reader: tags of one sentence at a time.

use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};
use rayon::prelude::*;
use serde::Deserialize;

use super::batches::{Chunk, batches, padded};
use super::{Folder, Pieces, WeightFile, Word, Wordpiece, settle, sigmoid};
use crate::engine::{Engine, Tensor, Workers};

/// Pieces that two windows of a long sentence share.
const OVERLAP: usize = 32;

/// What the reader says of one sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentenceTags {
    pub words: Vec<Word>,
    /// For each piece, an index into [`Reader::entity_labels`].
    pub entities: Vec<u8>,
    /// For each piece, an index into [`Reader::voice_labels`].
    pub voice: Vec<u8>,
    /// Probabilities that the sentence is a claim, a premise, causal.
    pub claims: [f64; 3],
}

/// The reader network.
pub struct Reader {
    engine: Box<dyn Engine>,
    tokenizer: Wordpiece,
    max_length: usize,
    /// BIO labels of the entity head.
    pub entity_labels: Vec<String>,
    /// BIO labels of the voice head.
    pub voice_labels: Vec<String>,
    pub thresholds: ClaimThresholds,
    pub weights: Vec<WeightFile>,
}

#[derive(Deserialize)]
struct Config {
    max_length: usize,
    labels: Labels,
    thresholds: ClaimThresholds,
}

#[derive(Deserialize)]
struct Labels {
    entities: Vec<String>,
    voice: Vec<String>,
}

/// Probabilities from which on a sentence counts as a claim and so on, chosen
/// on the development sets.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ClaimThresholds {
    pub claim: f64,
    pub premise: f64,
    pub causal: f64,
}

impl Reader {
    /// Loads `reader/` in the folder of networks.
    pub fn load(models: &Path, workers: &Workers) -> Result<Self> {
        let folder = Folder::new(models, "reader")?;
        let config: Config = folder.config()?;
        ensure!(
            config.max_length > 2 * OVERLAP + 2,
            "{}: max_length is too small",
            folder.path.join("config.json").display()
        );
        Ok(Self {
            engine: folder.network("model.onnx", workers)?,
            tokenizer: folder.tokenizer()?,
            max_length: config.max_length,
            entity_labels: config.labels.entities,
            voice_labels: config.labels.voice,
            thresholds: config.thresholds,
            weights: folder.files(),
        })
    }

    /// Tags sentences, given as surfaces. The order of the sentences does not
    /// matter; long sentences are read in overlapping windows.
    pub fn read(&self, sentences: &[&str]) -> Result<Vec<SentenceTags>> {
        let pieces = sentences
            .par_iter()
            .map(|text| self.tokenizer.pieces(text))
            .collect::<Result<Vec<_>>>()?;
        let mut tags: Vec<SentenceTags> = pieces
            .iter()
            .map(|p| SentenceTags {
                words: p.words.clone(),
                entities: vec![0; p.len()],
                voice: vec![0; p.len()],
                claims: [0.0; 3],
            })
            .collect();
        let windows = pieces
            .iter()
            .enumerate()
            .flat_map(|(text, p)| self.windows(text, p.len()));
        let batches = batches(windows.collect());
        let ids: Vec<Vec<i32>> = pieces.iter().map(|p| p.ids.clone()).collect();
        let outputs = batches
            .par_iter()
            .map(|batch| self.run(batch, &ids, &pieces))
            .collect::<Result<Vec<_>>>()?;
        for (batch, outputs) in batches.iter().zip(outputs) {
            merge(batch, outputs, &mut tags)?;
        }
        Ok(tags)
    }

    /// Windows over a sentence; two that follow share [`OVERLAP`] pieces.
    fn windows(&self, text: usize, length: usize) -> impl Iterator<Item = Chunk> + use<> {
        let size = self.max_length - 2;
        let starts = (0..length).step_by(size - OVERLAP);
        // A window that the one before it reaches past is not needed.
        starts
            .take_while(move |&start| start == 0 || start + OVERLAP < length)
            .map(move |start| Chunk {
                text,
                start,
                end: length.min(start + size),
            })
    }

    /// Logits of the entity, claim and voice heads.
    fn run(
        &self,
        batch: &[Chunk],
        ids: &[Vec<i32>],
        pieces: &[Pieces],
    ) -> Result<[ArrayD<f32>; 3]> {
        let (ids, mask) = padded(batch, ids, &self.tokenizer);
        let mut shapes = Array2::zeros(ids.dim());
        for (row, chunk) in batch.iter().enumerate() {
            let of_chunk = &pieces[chunk.text].shapes[chunk.start..chunk.end];
            for (i, &shape) in of_chunk.iter().enumerate() {
                shapes[[row, i + 1]] = shape as i32;
            }
        }
        let outputs = self.engine.run(
            vec![
                ("input_ids", Tensor::Int(ids.into_dyn())),
                ("attention_mask", Tensor::Int(mask.into_dyn())),
                ("shape_ids", Tensor::Int(shapes.into_dyn())),
            ],
            &["entities", "claims", "voice"],
        )?;
        Ok(outputs.try_into().expect("three outputs were asked for"))
    }
}

/// Puts the answers for a batch where they belong.
fn merge(batch: &[Chunk], outputs: [ArrayD<f32>; 3], tags: &mut [SentenceTags]) -> Result<()> {
    let [entities, claims, voice] = outputs;
    let entities = entities.into_dimensionality::<Ix3>()?;
    let claims = claims.into_dimensionality::<Ix2>()?;
    let voice = voice.into_dimensionality::<Ix3>()?;
    for (row, window) in batch.iter().enumerate() {
        let tags = &mut tags[window.text];
        // Where windows overlap, each gives the half that is farther from its edge.
        let from = match window.start {
            0 => 0,
            start => start + OVERLAP / 2,
        };
        let to = match window.end == tags.entities.len() {
            true => window.end,
            false => window.end - OVERLAP / 2,
        };
        for piece in from..to {
            let at = piece - window.start + 1;
            tags.entities[piece] = best(entities.index_axis(Axis(0), row).row(at));
            tags.voice[piece] = best(voice.index_axis(Axis(0), row).row(at));
        }
        // A long sentence argues where any part of it does.
        for (claim, &logit) in tags.claims.iter_mut().zip(claims.row(row)) {
            *claim = claim.max(sigmoid(logit));
        }
    }
    Ok(())
}

/// Index of the largest settled logit; the first of equals.
fn best(logits: ndarray::ArrayView1<f32>) -> u8 {
    let mut best = 0;
    for (i, &x) in logits.iter().enumerate() {
        if settle(x) > settle(logits[best]) {
            best = i;
        }
    }
    best as u8
}
