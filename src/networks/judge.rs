//! The judge: where every sentence stands on every thesis.
//!
//! An encoder makes a vector of each sentence and each thesis; a head, a small
//! layer on these vectors, sees a sentence with its neighbours and answers for
//! every thesis.

use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array1, Array2, Axis, Ix2, Ix3, concatenate, s};
use rayon::prelude::*;
use serde::Deserialize;

use super::batches::{Chunk, batches, padded};
use super::{Folder, WeightFile, Wordpiece};
use crate::engine::{Engine, Tensor, Workers};

/// What stands around a sentence counts half.
const CONTEXT: f32 = 0.5;
/// Sentences on each side whose mean stands for the passage.
const PASSAGE: usize = 4;
/// Sentences that the head answers for at once.
const ROWS: usize = 512;

/// Logits of none, asserts, denies, reports.
pub type StanceLogits = [f32; 4];

/// The judge network.
pub struct Judge {
    encoder: Box<dyn Engine>,
    head: Box<dyn Engine>,
    tokenizer: Wordpiece,
    max_length: usize,
    trained_on: Vec<String>,
    pub weights: Vec<WeightFile>,
}

#[derive(Deserialize)]
struct Config {
    /// Word pieces of one input, special tokens included.
    max_length: usize,
    /// The theses of the labelled essays that the head was fitted to.
    theses: Vec<String>,
}

impl Judge {
    /// Loads `judge/` in the folder of networks.
    pub fn load(models: &Path, workers: &Workers) -> Result<Self> {
        let folder = Folder::new(models, "judge")?;
        let config: Config = folder.config()?;
        ensure!(
            config.max_length > 2,
            "{}: max_length is too small",
            folder.path.join("config.json").display()
        );
        Ok(Self {
            encoder: folder.network("encoder.onnx", workers)?,
            head: folder.network("head.onnx", workers)?,
            tokenizer: folder.tokenizer()?,
            max_length: config.max_length,
            trained_on: config.theses,
            weights: folder.files(),
        })
    }

    /// Whether the head was fitted to hand labels for this thesis; for others
    /// its answers are those of the nearest theses that it knows.
    pub fn knows(&self, thesis: &str) -> bool {
        self.trained_on.iter().any(|known| known == thesis)
    }

    /// Logits for every sentence (outer) and thesis (inner), given the surfaces
    /// of an essay's sentences in order, and the theses as `label: definition`.
    pub fn judge(&self, sentences: &[&str], theses: &[&str]) -> Result<Vec<Vec<StanceLogits>>> {
        let sentences = in_context(&self.embed(sentences)?);
        let theses = self.embed(theses)?;
        let blocks: Vec<_> = sentences.axis_chunks_iter(Axis(0), ROWS).collect();
        let answers = blocks
            .into_par_iter()
            .map(|block| {
                let outputs = self.head.run(
                    vec![
                        ("sentences", Tensor::Float(block.to_owned().into_dyn())),
                        ("theses", Tensor::Float(theses.clone().into_dyn())),
                    ],
                    &["stances"],
                )?;
                let stances = outputs[0].view().into_dimensionality::<Ix3>()?;
                let logits = |i, j| std::array::from_fn(|k| stances[[i, j, k]]);
                let row = |i| (0..theses.nrows()).map(|j| logits(i, j)).collect();
                Ok((0..block.nrows()).map(row).collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// A vector of length 1 for every text, shape `[texts, width]`: the mean
    /// over its pieces. A text too long for the network is read in parts.
    pub fn embed(&self, texts: &[&str]) -> Result<Array2<f32>> {
        let pieces = texts
            .par_iter()
            .map(|text| Ok(self.tokenizer.pieces(text)?.ids))
            .collect::<Result<Vec<_>>>()?;
        let size = self.max_length - 2;
        let chunks = pieces.iter().enumerate().flat_map(|(text, ids)| {
            (0..ids.len().max(1)).step_by(size).map(move |start| Chunk {
                text,
                start,
                end: ids.len().min(start + size),
            })
        });
        let batches = batches(chunks.collect());
        let encoded = batches
            .par_iter()
            .map(|batch| {
                let (ids, mask) = padded(batch, &pieces, &self.tokenizer);
                let outputs = self.encoder.run(
                    vec![
                        ("input_ids", Tensor::Int(ids.into_dyn())),
                        ("attention_mask", Tensor::Int(mask.into_dyn())),
                    ],
                    &["mean"],
                )?;
                Ok(outputs[0].to_owned().into_dimensionality::<Ix2>()?)
            })
            .collect::<Result<Vec<_>>>()?;
        let width = encoded.first().map_or(0, Array2::ncols);
        let mut vectors = Array2::zeros((texts.len(), width));
        for (batch, means) in batches.iter().zip(&encoded) {
            for (chunk, mean) in batch.iter().zip(means.rows()) {
                let share = (chunk.end - chunk.start + 2) as f32;
                vectors.row_mut(chunk.text).scaled_add(share, &mean);
            }
        }
        for mut vector in vectors.rows_mut() {
            let length = vector.dot(&vector).sqrt();
            vector /= length.max(f32::MIN_POSITIVE);
        }
        Ok(vectors)
    }
}

/// Each sentence's vector and, at half weight, the one before, the one after and
/// the mean of the passage around it; shape `[sentences, 4 × width]`.
fn in_context(sentences: &Array2<f32>) -> Array2<f32> {
    let (count, width) = sentences.dim();
    let mut before = Array2::zeros((count, width));
    let mut after = Array2::zeros((count, width));
    let mut passage = Array2::zeros((count, width));
    for i in 0..count {
        if i > 0 {
            before.row_mut(i).scaled_add(CONTEXT, &sentences.row(i - 1));
        }
        if i + 1 < count {
            after.row_mut(i).scaled_add(CONTEXT, &sentences.row(i + 1));
        }
        let around = i.saturating_sub(PASSAGE)..count.min(i + PASSAGE + 1);
        let mean: Array1<f32> = sentences
            .slice(s![around, ..])
            .mean_axis(Axis(0))
            .expect("a sentence");
        passage.row_mut(i).scaled_add(CONTEXT, &mean);
    }
    concatenate![Axis(1), *sentences, before, after, passage]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_sentence_stands_between_its_neighbours() {
        let context = in_context(&array![[1.0], [2.0], [6.0]]);
        assert_eq!(
            context,
            array![
                [1.0, 0.0, 1.0, 1.5],
                [2.0, 0.5, 3.0, 1.5],
                [6.0, 1.0, 0.0, 1.5]
            ]
        );
        assert_eq!(in_context(&Array2::zeros((0, 2))).dim(), (0, 8));
    }
}
