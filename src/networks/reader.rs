//! The reader: tags of one sentence at a time.

use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3};
use serde::Deserialize;

use super::{Folder, Pieces, WeightFile, Word, Wordpiece, settle, sigmoid};
use crate::engine::{Engine, Tensor, Workers};

/// Pieces that two windows of a long sentence share.
const OVERLAP: usize = 32;
/// Word pieces in one batch, padding included.
const BATCH_PIECES: usize = 1024;

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
    pub weights: WeightFile,
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

/// A stretch of a sentence that fits the network.
struct Window {
    sentence: usize,
    start: usize,
    end: usize,
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
        let (engine, weights) = folder.network(workers)?;
        Ok(Self {
            engine,
            tokenizer: folder.tokenizer()?,
            max_length: config.max_length,
            entity_labels: config.labels.entities,
            voice_labels: config.labels.voice,
            thresholds: config.thresholds,
            weights,
        })
    }

    /// Tags sentences, given as surfaces. The order of the sentences does not
    /// matter; long sentences are read in overlapping windows.
    pub fn read(&self, sentences: &[&str]) -> Result<Vec<SentenceTags>> {
        let pieces = sentences
            .iter()
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
        let mut windows: Vec<Window> = pieces
            .iter()
            .enumerate()
            .flat_map(|(sentence, p)| self.windows(sentence, p.len()))
            .collect();
        // Batches of like length need little padding.
        windows.sort_by_key(|w| w.end - w.start);
        let mut rest = &windows[..];
        while !rest.is_empty() {
            let fits = |n: usize| n * (rest[n - 1].end - rest[n - 1].start + 2) <= BATCH_PIECES;
            let size = (1..=rest.len())
                .take_while(|&n| n == 1 || fits(n))
                .last()
                .unwrap_or(1);
            let (batch, later) = rest.split_at(size);
            self.read_batch(batch, &pieces, &mut tags)?;
            rest = later;
        }
        Ok(tags)
    }

    fn windows(&self, sentence: usize, length: usize) -> Vec<Window> {
        let size = self.max_length - 2;
        let starts = (0..length).step_by(size - OVERLAP);
        // A window that the one before it reaches past is not needed.
        starts
            .take_while(|&start| start == 0 || start + OVERLAP < length)
            .map(|start| Window {
                sentence,
                start,
                end: length.min(start + size),
            })
            .collect()
    }

    fn read_batch(
        &self,
        batch: &[Window],
        pieces: &[Pieces],
        tags: &mut [SentenceTags],
    ) -> Result<()> {
        let width = 2 + batch.iter().map(|w| w.end - w.start).max().unwrap_or(0);
        let mut ids = Array2::from_elem((batch.len(), width), self.tokenizer.pad);
        let mut mask = Array2::zeros((batch.len(), width));
        let mut shapes = Array2::zeros((batch.len(), width));
        for (row, window) in batch.iter().enumerate() {
            let p = &pieces[window.sentence];
            let length = window.end - window.start;
            ids[[row, 0]] = self.tokenizer.cls;
            ids[[row, length + 1]] = self.tokenizer.sep;
            for i in 0..length {
                ids[[row, i + 1]] = p.ids[window.start + i];
                shapes[[row, i + 1]] = p.shapes[window.start + i] as i32;
            }
            mask.row_mut(row)
                .slice_mut(ndarray::s![..length + 2])
                .fill(1);
        }
        let outputs = self.engine.run(
            vec![
                ("input_ids", Tensor::Int(ids.into_dyn())),
                ("attention_mask", Tensor::Int(mask.into_dyn())),
                ("shape_ids", Tensor::Int(shapes.into_dyn())),
            ],
            &["entities", "claims", "voice"],
        )?;
        let [entities, claims, voice]: [ArrayD<f32>; 3] =
            outputs.try_into().expect("three outputs were asked for");
        let entities = entities.into_dimensionality::<Ix3>()?;
        let claims = claims.into_dimensionality::<Ix2>()?;
        let voice = voice.into_dimensionality::<Ix3>()?;
        for (row, window) in batch.iter().enumerate() {
            let tags = &mut tags[window.sentence];
            let last = window.end == tags.entities.len();
            // Where windows overlap, each gives the half that is farther from its edge.
            let from = if window.start == 0 {
                0
            } else {
                window.start + OVERLAP / 2
            };
            let to = if last {
                window.end
            } else {
                window.end - OVERLAP / 2
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
