//! The judge: where every sentence of a window stands on every thesis.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array2, Array3, Ix4, s};
use serde::Deserialize;

use super::{Folder, WeightFile, Wordpiece};
use crate::engine::{Engine, Tensor, Workers};

/// A sentence (or a heading, for context) as the judge is given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub pieces: Vec<i32>,
    /// Units of one paragraph share a number; windows keep paragraphs whole
    /// where they can.
    pub paragraph: usize,
}

/// Sizes in word pieces; what the network was trained with.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Sizes {
    /// Text of a window.
    #[serde(rename = "window_pieces")]
    pub window: usize,
    /// The two sentences before a window's first, if they are no longer than this.
    #[serde(rename = "context_pieces")]
    pub context: usize,
    /// One thesis.
    #[serde(rename = "max_thesis_pieces")]
    pub thesis: usize,
    /// A longer sentence keeps its first `head` and last `tail` pieces.
    #[serde(rename = "long_sentence")]
    pub long: usize,
    #[serde(rename = "long_sentence_head")]
    pub head: usize,
    #[serde(rename = "long_sentence_tail")]
    pub tail: usize,
    /// Theses that are judged at once.
    #[serde(rename = "max_theses")]
    pub theses: usize,
}

/// Context and scored part of a window, as ranges of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub context: Range<usize>,
    pub scored: Range<usize>,
}

/// Logits of none, asserts, denies, reports.
pub type StanceLogits = [f32; 4];

/// The judge network.
pub struct Judge {
    engine: Box<dyn Engine>,
    tokenizer: Wordpiece,
    sizes: Sizes,
    pub weights: WeightFile,
}

impl Judge {
    /// Loads `judge/` in the folder of networks.
    pub fn load(models: &Path, workers: &Workers) -> Result<Self> {
        let folder = Folder::new(models, "judge")?;
        let sizes: Sizes = folder.config()?;
        ensure!(
            sizes.head + sizes.tail <= sizes.long && sizes.long <= sizes.window && sizes.theses > 0,
            "{}: the sizes do not fit each other",
            folder.path.join("config.json").display()
        );
        let (engine, weights) = folder.network(workers)?;
        Ok(Self {
            engine,
            tokenizer: folder.tokenizer()?,
            sizes,
            weights,
        })
    }

    /// A sentence's surface as a unit.
    pub fn unit(&self, surface: &str, paragraph: usize) -> Result<Unit> {
        let Sizes {
            long, head, tail, ..
        } = self.sizes;
        let mut pieces = self.tokenizer.pieces(surface)?.ids;
        if pieces.len() > long {
            pieces.drain(head..pieces.len() - tail);
        }
        Ok(Unit { pieces, paragraph })
    }

    /// Windows over an essay's units; every unit is scored in exactly one.
    pub fn windows(&self, units: &[Unit]) -> Vec<Window> {
        windows(units, self.sizes.window, self.sizes.context)
    }

    /// Logits for every scored unit of a window (outer) and every thesis (inner).
    pub fn judge(
        &self,
        units: &[Unit],
        window: &Window,
        theses: &[String],
    ) -> Result<Vec<Vec<StanceLogits>>> {
        let mut logits = vec![Vec::with_capacity(theses.len()); window.scored.len()];
        for group in theses.chunks(self.sizes.theses) {
            self.judge_group(units, window, group, &mut logits)?;
        }
        Ok(logits)
    }

    fn judge_group(
        &self,
        units: &[Unit],
        window: &Window,
        theses: &[String],
        logits: &mut [Vec<StanceLogits>],
    ) -> Result<()> {
        let mut ids = vec![self.tokenizer.cls];
        let mut thesis_at = Vec::new();
        for thesis in theses {
            let mut pieces = self.tokenizer.pieces(thesis)?.ids;
            pieces.truncate(self.sizes.thesis);
            thesis_at.push(ids.len()..ids.len() + pieces.len());
            ids.extend(pieces);
            ids.push(self.tokenizer.sep);
        }
        let front = ids.len();
        for unit in &units[window.context.clone()] {
            ids.extend(&unit.pieces);
        }
        let mut sentence_at = Vec::new();
        for unit in &units[window.scored.clone()] {
            sentence_at.push(ids.len()..ids.len() + unit.pieces.len());
            ids.extend(&unit.pieces);
        }
        ids.push(self.tokenizer.sep);

        let length = ids.len();
        let types: Vec<i32> = (0..length).map(|i| i32::from(i >= front)).collect();
        let row = |values: Vec<i32>| -> Result<Tensor> {
            Ok(Tensor::Int(
                Array2::from_shape_vec((1, length), values)?.into_dyn(),
            ))
        };
        let outputs = self.engine.run(
            vec![
                ("input_ids", row(ids)?),
                ("attention_mask", row(vec![1; length])?),
                ("token_type_ids", row(types)?),
                ("sentence_pool", means(&sentence_at, length)),
                ("thesis_pool", means(&thesis_at, length)),
            ],
            &["stances"],
        )?;
        let stances = outputs[0].view().into_dimensionality::<Ix4>()?;
        for (i, row) in logits.iter_mut().enumerate() {
            for j in 0..theses.len() {
                row.push(std::array::from_fn(|k| stances[[0, i, j, k]]));
            }
        }
        Ok(())
    }
}

/// A matrix that takes the mean over each range of pieces; shape `[1, ranges, length]`.
fn means(ranges: &[Range<usize>], length: usize) -> Tensor {
    let mut pool = Array3::zeros((1, ranges.len(), length));
    for (i, range) in ranges.iter().enumerate() {
        pool.slice_mut(s![0, i, range.clone()])
            .fill(1.0 / range.len().max(1) as f32);
    }
    Tensor::Float(pool.into_dyn())
}

/// Consecutive units of at most `size` pieces with their context: whole
/// paragraphs while they fit; a paragraph too long for a window is divided.
fn windows(units: &[Unit], size: usize, context: usize) -> Vec<Window> {
    let total: Vec<usize> = std::iter::once(0)
        .chain(units.iter().scan(0, |sum, unit| {
            *sum += unit.pieces.len();
            Some(*sum)
        }))
        .collect();
    let pieces = |range: &Range<usize>| total[range.end] - total[range.start];
    let mut out = Vec::new();
    let mut at = 0;
    while at < units.len() {
        let mut before = at.saturating_sub(2)..at;
        if pieces(&before) > context {
            before = at..at;
        }
        let room = size - pieces(&before);
        // The first sentence goes in whatever its length (it fits an empty window).
        let fits = (at + 1..=units.len())
            .take_while(|&end| end == at + 1 || pieces(&(at..end)) <= room)
            .last()
            .unwrap_or(at + 1);
        let ends_paragraph =
            |end: &usize| *end == units.len() || units[*end].paragraph != units[*end - 1].paragraph;
        let end = (at + 1..=fits).rev().find(ends_paragraph).unwrap_or(fits);
        out.push(Window {
            context: before,
            scored: at..end,
        });
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(sizes: &[(usize, usize)]) -> Vec<Unit> {
        sizes
            .iter()
            .map(|&(paragraph, size)| Unit {
                pieces: vec![7; size],
                paragraph,
            })
            .collect()
    }

    fn scored(units: &[Unit], size: usize, context: usize) -> Vec<(Range<usize>, Range<usize>)> {
        windows(units, size, context)
            .into_iter()
            .map(|w| (w.context, w.scored))
            .collect()
    }

    #[test]
    fn paragraphs_stay_whole_where_they_fit() {
        let u = units(&[(0, 4), (0, 4), (1, 4), (1, 4), (2, 4)]);
        assert_eq!(scored(&u, 14, 0), [(0..0, 0..2), (2..2, 2..5)]);
    }

    #[test]
    fn a_long_paragraph_is_divided_between_sentences() {
        let u = units(&[(0, 6), (0, 6), (0, 6), (1, 2)]);
        assert_eq!(scored(&u, 13, 0), [(0..0, 0..2), (2..2, 2..4)]);
    }

    #[test]
    fn context_is_dropped_when_it_is_long() {
        let u = units(&[(0, 9), (1, 3), (1, 3), (2, 9)]);
        assert_eq!(
            scored(&u, 12, 6),
            [(0..0, 0..1), (1..1, 1..3), (1..3, 3..4)]
        );
    }

    #[test]
    fn every_unit_is_scored_once() {
        let u = units(&[(0, 1), (1, 0), (1, 30), (2, 5), (2, 5), (3, 5), (4, 1)]);
        for size in 30..50 {
            let windows = windows(&u, size, 8);
            let covered: Vec<usize> = windows.iter().flat_map(|w| w.scored.clone()).collect();
            assert_eq!(covered, (0..u.len()).collect::<Vec<_>>());
        }
    }
}
