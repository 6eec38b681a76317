//! The reader: tags of one sentence at a time.

use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array2, Array3, ArrayD, Axis, Ix2, Ix3, s};
use rayon::prelude::*;
use serde::Deserialize;

use super::batches::{Chunk, batches, padded};
use super::path::best_path;
use super::{Folder, Pieces, Relation, WeightFile, Word, Wordpiece, settle, sigmoid};
use crate::engine::{Engine, Tensor, Workers};

/// Pieces that two windows of a long sentence share.
const OVERLAP: usize = 32;

const HEADS: [&str; 5] = ["entities", "claims", "voice", "causes", "commitment"];
type Outputs = [ArrayD<f32>; HEADS.len()];

/// What the reader says of one sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentenceTags {
    pub words: Vec<Word>,
    /// For each word, an index into [`Reader::entity_labels`].
    pub entities: Vec<u8>,
    /// For each word, an index into [`Reader::voice_labels`].
    pub voice: Vec<u8>,
    /// Probabilities that the sentence is a claim, a premise, causal.
    pub claims: [f64; 3],
    /// What brings what about, if the sentence is causal.
    pub relation: Option<Relation>,
    /// For each piece, how far the author is committed to what it says: from
    /// -3, sure that it is not so, over 0, left open, to 3, sure that it is so.
    pub commitment: Vec<f32>,
}

/// Settled logits of a sentence's pieces.
struct Logits {
    entities: Array2<f32>,
    voice: Array2<f32>,
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
            engine: folder.reading_network("model.onnx", workers)?,
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
                commitment: vec![0.0; p.len()],
                ..SentenceTags::default()
            })
            .collect();
        let mut logits: Vec<Logits> = pieces
            .iter()
            .map(|p| Logits {
                entities: Array2::zeros((p.len(), self.entity_labels.len())),
                voice: Array2::zeros((p.len(), self.voice_labels.len())),
            })
            .collect();
        let windows = pieces
            .iter()
            .enumerate()
            .flat_map(|(text, p)| self.windows(text, p.len()));
        let batches = batches(windows.collect(), |window| window.length());
        let ids: Vec<Vec<i32>> = pieces.iter().map(|p| p.ids.clone()).collect();
        let outputs = batches
            .par_iter()
            .map(|batch| self.run(batch, &ids, &pieces))
            .collect::<Result<Vec<_>>>()?;
        for (batch, outputs) in batches.iter().zip(outputs) {
            merge(batch, outputs, &mut tags, &mut logits)?;
        }
        for ((tags, logits), text) in tags.iter_mut().zip(&logits).zip(sentences) {
            let firsts: Vec<usize> = tags.words.iter().map(|word| word.piece).collect();
            let joined = joined(&tags.words, text);
            let of_words = |logits: &Array2<f32>| logits.select(Axis(0), &firsts);
            let entities = of_words(&logits.entities);
            tags.entities = best_path(entities.view(), &self.entity_labels, &joined);
            let voice = of_words(&logits.voice);
            tags.voice = best_path(voice.view(), &self.voice_labels, &joined);
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

    /// Outputs of the heads, in the order of [`HEADS`].
    fn run(&self, batch: &[Chunk], ids: &[Vec<i32>], pieces: &[Pieces]) -> Result<Outputs> {
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
            &HEADS,
        )?;
        Ok(outputs.try_into().expect("as many outputs as asked for"))
    }
}

/// Puts the answers for a batch where they belong.
fn merge(
    batch: &[Chunk],
    outputs: Outputs,
    tags: &mut [SentenceTags],
    logits: &mut [Logits],
) -> Result<()> {
    let [entities, claims, voice, causes, commitment] = outputs;
    let entities = entities.into_dimensionality::<Ix3>()?;
    let claims = claims.into_dimensionality::<Ix2>()?;
    let voice = voice.into_dimensionality::<Ix3>()?;
    let causes = causes.into_dimensionality::<Ix3>()?;
    let commitment = commitment.into_dimensionality::<Ix2>()?;
    for (row, window) in batch.iter().enumerate() {
        let (tags, logits) = (&mut tags[window.text], &mut logits[window.text]);
        // Where windows overlap, each gives the half that is farther from its edge.
        let from = match window.start {
            0 => 0,
            start => start + OVERLAP / 2,
        };
        let to = match window.end == tags.commitment.len() {
            true => window.end,
            false => window.end - OVERLAP / 2,
        };
        for piece in from..to {
            let at = piece - window.start + 1;
            let settled = |of: &Array3<f32>| of.slice(s![row, at, ..]).mapv(settle);
            logits.entities.row_mut(piece).assign(&settled(&entities));
            logits.voice.row_mut(piece).assign(&settled(&voice));
            tags.commitment[piece] = settle(commitment[[row, at]]);
        }
        // Cause and effect are sought where the sentence is most surely causal.
        let [.., causal] = tags.claims;
        if tags.relation.is_none() || sigmoid(claims[[row, 2]]) > causal {
            let pieces = 0..1 + window.end - window.start;
            tags.relation = Relation::decode(causes.slice(s![row, pieces, ..]))
                .map(|relation| relation.shifted(window.start));
        }
        // A long sentence argues where any part of it does.
        for (claim, &logit) in tags.claims.iter_mut().zip(claims.row(row)) {
            *claim = claim.max(sigmoid(logit));
        }
    }
    Ok(())
}

/// For each word, whether a hyphen ties it to the one before.
fn joined(words: &[Word], text: &str) -> Vec<bool> {
    let hyphen = |word: &Word| ["-", "‐", "‑"].contains(&&text[word.start..word.end]);
    let tied = |pair: &[Word]| pair[0].end == pair[1].start && pair.iter().any(hyphen);
    let first = words.iter().take(1).map(|_| false);
    first.chain(words.windows(2).map(tied)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hyphen_ties_words_together() {
        let word = |start, end| Word {
            piece: 0,
            start,
            end,
        };
        // right-SRs - both
        let words = [
            word(0, 5),
            word(5, 6),
            word(6, 9),
            word(10, 11),
            word(12, 16),
        ];
        assert_eq!(
            joined(&words, "right-SRs - both"),
            [false, true, true, false, false]
        );
        assert!(joined(&[], "").is_empty());
    }
}
