//! The judge: where every sentence stands on every thesis.
//!
//! The network has three towers on one trunk.
//!
//! - For any thesis: one reads `[CLS] thesis [SEP] sentence [SEP] sentence
//!   [SEP] …`, a window of whole paragraphs beside one thesis, and says what each
//!   sentence does to it.
//! - For theses that hand labels were there for, two make features: one, trained
//!   on essays about these theses, reads the window alone and gives every sentence
//!   a state and stances on all of them; one makes a vector of each sentence by
//!   itself. On these, on those of what stands around a sentence, and on its word
//!   pieces stands a head, fitted to the labels, that answers.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use ndarray::{Array2, Array3, ArrayView1, Axis, Ix3, concatenate, s};
use rayon::prelude::*;
use serde::Deserialize;

use super::batches::batches;
use super::{Folder, WeightFile, Wordpiece};
use crate::engine::{Engine, Tensor, Workers};

/// Pieces of the sentences that are read at once, a separator each.
const WINDOW: usize = 224;
/// Pieces of a sentence that is made a vector of, without special tokens.
const CHUNK: usize = 190;
/// Pieces of a thesis at most: with a full window as many as the network takes.
const LONGEST_THESIS: usize = 512 - WINDOW - 2;
/// What stands around a sentence counts half.
const CONTEXT: f32 = 0.5;
/// Sentences on each side whose mean stands for the passage.
const PASSAGE: usize = 4;

/// Logits of none, asserts, denies, reports.
pub type StanceLogits = [f32; 4];

/// The judge network.
pub struct Judge {
    engine: Box<dyn Engine>,
    head: Box<dyn Engine>,
    tokenizer: Wordpiece,
    trained_on: Vec<String>,
    essays: Vec<String>,
    pub weights: Vec<WeightFile>,
}

#[derive(Deserialize)]
struct Config {
    /// The theses that the head was fitted to, as `label: definition`, in its order.
    theses: Vec<String>,
    /// SHA-256 of the essays whose hand labels it was fitted to.
    #[serde(default)]
    essays: Vec<String>,
}

/// Pieces `start..end` of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    sentence: usize,
    start: usize,
    end: usize,
}

/// One input of the network.
struct Input {
    ids: Vec<i32>,
    /// Where the sentences to answer for stand in `ids`.
    spans: Vec<(usize, usize)>,
}

impl Judge {
    /// Loads `judge/` in the folder of networks.
    pub fn load(models: &Path, workers: &Workers) -> Result<Self> {
        let folder = Folder::new(models, "judge")?;
        let config: Config = folder.config()?;
        Ok(Self {
            engine: folder.reading_network("model.onnx", workers)?,
            head: folder.network("head.onnx", workers)?,
            tokenizer: folder.tokenizer()?,
            trained_on: config.theses,
            essays: config.essays,
            weights: folder.files(),
        })
    }

    /// Whether the head was fitted to hand labels for this thesis. Of others the
    /// judge knows only what their definition says.
    pub fn knows(&self, thesis: &str) -> bool {
        self.index(thesis).is_some()
    }

    /// Whether the head was fitted to hand labels of the file with this SHA-256.
    pub fn learned_from(&self, sha256: &str) -> bool {
        self.essays.iter().any(|essay| essay == sha256)
    }

    /// Makes every thesis unknown.
    pub fn forget_labels(&mut self) {
        self.trained_on.clear();
        self.essays.clear();
    }

    fn index(&self, thesis: &str) -> Option<usize> {
        self.trained_on.iter().position(|known| known == thesis)
    }

    /// Logits for every sentence (outer) and thesis (inner), given the surfaces
    /// of an essay's sentences in order, the paragraph of each, and the theses
    /// as `label: definition`.
    ///
    /// # Errors
    /// When a thesis is too long for the network.
    pub fn judge(
        &self,
        sentences: &[&str],
        paragraphs: &[usize],
        theses: &[&str],
    ) -> Result<Vec<Vec<StanceLogits>>> {
        let known: Vec<Option<usize>> = theses.iter().map(|thesis| self.index(thesis)).collect();
        let of_unknown = known.iter().zip(theses).filter(|(k, _)| k.is_none());
        let unknown: Vec<&str> = of_unknown.map(|(_, &thesis)| thesis).collect();
        let pieces = self.pieces(sentences)?;
        let mut read = self.read(&pieces, paragraphs, &unknown)?.into_iter();
        let fitted = match unknown.len() < theses.len() {
            true => self.fitted(&pieces, paragraphs)?,
            false => Vec::new(),
        };
        let mut by_thesis = Vec::with_capacity(theses.len());
        for known in known {
            by_thesis.push(match known {
                Some(known) => fitted[known].clone(),
                None => read.next().expect("one answer for each unknown thesis"),
            });
        }
        let logits = |i: usize, of: &Array2<f32>| std::array::from_fn(|k| of[[i, k]]);
        let of_sentence = |i| by_thesis.iter().map(|of| logits(i, of)).collect();
        Ok((0..sentences.len()).map(of_sentence).collect())
    }

    /// For every thesis that hand labels were there for, the head's answer
    /// `[sentences, 4]`.
    fn fitted(&self, sentences: &[Vec<i32>], paragraphs: &[usize]) -> Result<Vec<Array2<f32>>> {
        if sentences.is_empty() {
            return Ok(vec![Array2::zeros((0, 4)); self.trained_on.len()]);
        }
        let vectors = self.embed(sentences)?;
        let states = &self.windowed(sentences, paragraphs, &[Vec::new()], "states")?[0];
        let (states, logits) = states.view().split_at(Axis(1), vectors.ncols());
        let features = concatenate![
            Axis(1),
            in_context(&vectors),
            states,
            in_context(&logits.to_owned())
        ];
        let (pieces, counts) = counted(sentences);
        let outputs = self.head.run(
            vec![
                ("features", Tensor::Float(features.into_dyn())),
                ("pieces", Tensor::Int(pieces.into_dyn())),
                ("counts", Tensor::Float(counts.into_dyn())),
            ],
            &["stances"],
        )?;
        let all: Array2<f32> = outputs[0].to_owned().into_dimensionality()?;
        let of_thesis = all.axis_chunks_iter(Axis(1), 4);
        Ok(of_thesis.map(|stances| stances.to_owned()).collect())
    }

    fn pieces(&self, texts: &[&str]) -> Result<Vec<Vec<i32>>> {
        let ids = |text: &&str| Ok(self.tokenizer.pieces(text)?.ids);
        texts.par_iter().map(ids).collect()
    }

    /// A vector of length 1 for every text, given its pieces and read by itself,
    /// shape `[texts, width]`: the mean over its pieces. A text too long for the
    /// network is read in parts.
    fn embed(&self, texts: &[Vec<i32>]) -> Result<Array2<f32>> {
        let inputs = texts.iter().enumerate().flat_map(|(text, ids)| {
            (0..ids.len().max(1)).step_by(CHUNK).map(move |start| {
                let part = &ids[start..ids.len().min(start + CHUNK)];
                let ids = [&[self.tokenizer.cls], part, &[self.tokenizer.sep]].concat();
                let spans = vec![(0, ids.len())];
                (text, Input { ids, spans })
            })
        });
        let found = self.run_all(inputs.collect(), "vectors")?;
        let width = found.first().map_or(0, |(_, _, vectors)| vectors.ncols());
        let mut vectors = Array2::zeros((texts.len(), width));
        for (text, input, found) in found {
            let share = input.ids.len() as f32;
            vectors.row_mut(text).scaled_add(share, &found.row(0));
        }
        for mut vector in vectors.rows_mut() {
            let length = vector.dot(&vector).sqrt();
            vector /= length.max(f32::MIN_POSITIVE);
        }
        Ok(vectors)
    }

    /// Reads the essay once for every thesis: logits `[sentences, 4]` of each.
    fn read(
        &self,
        sentences: &[Vec<i32>],
        paragraphs: &[usize],
        theses: &[&str],
    ) -> Result<Vec<Array2<f32>>> {
        let of_thesis = self.pieces(theses)?;
        for (thesis, ids) in theses.iter().zip(&of_thesis) {
            ensure!(
                ids.len() <= LONGEST_THESIS,
                "thesis \"{}…\": label and definition have {} word pieces, the judge reads {LONGEST_THESIS}: shorten the definition",
                thesis.chars().take(40).collect::<String>(),
                ids.len()
            );
        }
        self.windowed(sentences, paragraphs, &of_thesis, "stances")
    }

    /// Reads the essay in windows, once beside every thesis (or once, where there is
    /// one without pieces): one output of the network, `[sentences, …]` for each.
    fn windowed(
        &self,
        sentences: &[Vec<i32>],
        paragraphs: &[usize],
        theses: &[Vec<i32>],
        output: &str,
    ) -> Result<Vec<Array2<f32>>> {
        let lengths: Vec<usize> = sentences.iter().map(Vec::len).collect();
        let windows = windows(&lengths, paragraphs);
        let mut inputs = Vec::with_capacity(windows.len() * theses.len());
        for window in &windows {
            for (t, thesis) in theses.iter().enumerate() {
                inputs.push(((window, t), self.input(window, sentences, thesis)));
            }
        }
        let found = self.run_all(inputs, output)?;
        let width = found.first().map_or(4, |(_, _, found)| found.ncols());
        let mut answers = vec![Array2::zeros((sentences.len(), width)); theses.len()];
        for ((window, thesis), _, found) in found {
            for (part, found) in window.iter().zip(found.rows()) {
                // A sentence that was read in parts: the mean over its pieces.
                let share = match lengths[part.sentence] {
                    0 => 1.0,
                    all => (part.end - part.start) as f32 / all as f32,
                };
                let mut row = answers[thesis].row_mut(part.sentence);
                row.scaled_add(share, &found);
            }
        }
        Ok(answers)
    }

    fn input(&self, window: &[Part], sentences: &[Vec<i32>], thesis: &[i32]) -> Input {
        let mut ids = vec![self.tokenizer.cls];
        if !thesis.is_empty() {
            ids.extend(thesis);
            ids.push(self.tokenizer.sep);
        }
        let mut spans = Vec::with_capacity(window.len());
        for part in window {
            // An empty sentence stands on its separator.
            let start = ids.len();
            ids.extend(&sentences[part.sentence][part.start..part.end]);
            spans.push((start, ids.len().max(start + 1)));
            ids.push(self.tokenizer.sep);
        }
        Input { ids, spans }
    }

    /// Runs inputs in batches of like length. With each comes what it was for,
    /// and with its answer, `[sentences, …]`, both go back, in the order of batches.
    fn run_all<T: Send + Sync + Copy>(
        &self,
        inputs: Vec<(T, Input)>,
        output: &str,
    ) -> Result<Vec<(T, Input, Array2<f32>)>> {
        let batches = batches(inputs, |(_, input)| input.ids.len());
        let answers = batches
            .par_iter()
            .map(|batch| self.run(batch, output))
            .collect::<Result<Vec<_>>>()?;
        let mut all = Vec::new();
        for (batch, answers) in batches.into_iter().zip(answers) {
            for ((what, input), answer) in batch.into_iter().zip(answers.outer_iter()) {
                all.push((what, input, answer.to_owned()));
            }
        }
        Ok(all)
    }

    /// One output for a batch, shape `[inputs, sentences, …]`.
    fn run<T>(&self, batch: &[(T, Input)], output: &str) -> Result<Array3<f32>> {
        let inputs = || batch.iter().map(|(_, input)| input).enumerate();
        let length = inputs()
            .map(|(_, input)| input.ids.len())
            .max()
            .unwrap_or(0);
        let count = inputs()
            .map(|(_, input)| input.spans.len())
            .max()
            .unwrap_or(0);
        let mut ids = Array2::from_elem((batch.len(), length), self.tokenizer.pad);
        let mut mask = Array2::zeros((batch.len(), length));
        let mut members = Array3::zeros((batch.len(), count, length));
        for (i, input) in inputs() {
            let filled = ..input.ids.len();
            ids.slice_mut(s![i, filled])
                .assign(&ArrayView1::from(&input.ids));
            mask.slice_mut(s![i, filled]).fill(1);
            for (k, &(start, end)) in input.spans.iter().enumerate() {
                let share = 1.0 / (end - start) as f32;
                members.slice_mut(s![i, k, start..end]).fill(share);
            }
        }
        let outputs = self.engine.run(
            vec![
                ("input_ids", Tensor::Int(ids.into_dyn())),
                ("attention_mask", Tensor::Int(mask.into_dyn())),
                ("members", Tensor::Float(members.into_dyn())),
            ],
            &[output],
        )?;
        Ok(outputs[0].to_owned().into_dimensionality::<Ix3>()?)
    }
}

/// The sentences in windows: whole paragraphs while they fit, a longer paragraph
/// by sentences, a longer sentence in parts. `lengths`: pieces of each sentence.
fn windows(lengths: &[usize], paragraphs: &[usize]) -> Vec<Vec<Part>> {
    let mut windows: Vec<Vec<Part>> = Vec::new();
    let mut used = WINDOW; // nothing fits before the first window is opened
    let mut at = 0;
    for paragraph in paragraphs.chunk_by(|a, b| a == b) {
        let of_paragraph = at..at + paragraph.len();
        at = of_paragraph.end;
        let whole: usize = lengths[of_paragraph.clone()].iter().map(|n| n + 1).sum();
        let mut fresh = used + whole > WINDOW;
        for sentence in of_paragraph {
            fresh |= used + lengths[sentence] + 1 > WINDOW;
            for start in (0..lengths[sentence].max(1)).step_by(WINDOW - 1) {
                if fresh || start > 0 {
                    windows.push(Vec::new());
                    used = 0;
                    fresh = false;
                }
                let end = lengths[sentence].min(start + WINDOW - 1);
                let part = Part {
                    sentence,
                    start,
                    end,
                };
                windows.last_mut().expect("a window is open").push(part);
                used += end - start + 1;
            }
        }
    }
    windows
}

/// The distinct pieces of every sentence and how often it has them, shape
/// `[sentences, most in one]`; a count of 0 fills up.
fn counted(sentences: &[Vec<i32>]) -> (Array2<i32>, Array2<f32>) {
    let counts: Vec<BTreeMap<i32, u32>> = sentences
        .iter()
        .map(|pieces| {
            let mut counts = BTreeMap::new();
            for &piece in pieces {
                *counts.entry(piece).or_default() += 1;
            }
            counts
        })
        .collect();
    let most = counts.iter().map(BTreeMap::len).max().unwrap_or(0).max(1);
    let mut pieces = Array2::zeros((sentences.len(), most));
    let mut times = Array2::zeros((sentences.len(), most));
    for (i, of_sentence) in counts.iter().enumerate() {
        for (k, (&piece, &count)) in of_sentence.iter().enumerate() {
            pieces[[i, k]] = piece;
            times[[i, k]] = count as f32;
        }
    }
    (pieces, times)
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
        let around = sentences.slice(s![around, ..]);
        let mean = around.mean_axis(Axis(0)).expect("a sentence");
        passage.row_mut(i).scaled_add(CONTEXT, &mean);
    }
    concatenate![Axis(1), *sentences, before, after, passage]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

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

    #[test]
    fn pieces_are_counted() {
        let (pieces, counts) = counted(&[vec![7, 3, 7], vec![], vec![5]]);
        assert_eq!(pieces, array![[3, 7], [0, 0], [5, 0]]);
        assert_eq!(counts, array![[1.0, 2.0], [0.0, 0.0], [1.0, 0.0]]);
        assert_eq!(counted(&[]).0.dim(), (0, 1));
    }

    #[test]
    fn a_window_holds_whole_paragraphs_while_they_fit() {
        let sentences = |lengths: &[usize], paragraphs: &[usize]| -> Vec<Vec<usize>> {
            let windows = windows(lengths, paragraphs);
            let of_window = |w: &Vec<Part>| w.iter().map(|part| part.sentence).collect();
            windows.iter().map(of_window).collect()
        };
        assert_eq!(
            sentences(&[100, 100, 50, 10], &[0, 0, 1, 1]),
            [vec![0, 1], vec![2, 3]]
        );
        assert_eq!(sentences(&[50; 4], &[0, 1, 2, 3]), [vec![0, 1, 2, 3]]);
        assert_eq!(
            sentences(&[150, 150, 500, 0], &[0; 4]),
            [vec![0], vec![1], vec![2], vec![2], vec![2, 3]],
            "a long paragraph by sentences, a long sentence in parts"
        );
        assert!(windows(&[], &[]).is_empty());
    }

    proptest! {
        #[test]
        fn every_piece_is_read_once_and_no_window_is_too_long(
            sentences in prop::collection::vec((0usize..600, 0usize..2), 0..60)
        ) {
            let lengths: Vec<usize> = sentences.iter().map(|s| s.0).collect();
            let paragraphs: Vec<usize> = sentences.iter().scan(0, |p, s| { *p += s.1; Some(*p) }).collect();
            let windows = windows(&lengths, &paragraphs);
            for window in &windows {
                prop_assert!(window.iter().map(|p| p.end - p.start + 1).sum::<usize>() <= WINDOW);
            }
            let read: Vec<(usize, usize)> = windows.concat().iter().flat_map(|p| (p.start..p.end).map(|i| (p.sentence, i))).collect();
            let all: Vec<(usize, usize)> = lengths.iter().enumerate().flat_map(|(s, &n)| (0..n).map(move |i| (s, i))).collect();
            prop_assert_eq!(read, all);
        }
    }
}
