//! The judge: where every sentence stands on every thesis.
//!
//! The network has three towers on one trunk.
//!
//! - For any thesis: one reads `[CLS] thesis [SEP] sentence [SEP] sentence
//!   [SEP] …`, a window of whole paragraphs beside one thesis, and says what each
//!   sentence does to it.
//! - For theses that hand labels were there for, two make features: one, trained
//!   on essays about the theses of the first study, reads the window alone and gives
//!   every sentence a state and stances on these; one makes a vector of each sentence
//!   by itself. On these, on those of what stands around a sentence, and on its word
//!   pieces stands a head ([`Head`]), fitted to the labels, that answers.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ndarray::{Array2, Array3, ArrayView1, Axis, Ix3, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batches::batches;
use super::head::{Features, Head, STANCES};
use super::{Folder, WORDS, WeightFile, Wordpiece};
use crate::engine::{Engine, Tensor, Workers};

/// Pieces of the sentences that are read at once, a separator each.
const WINDOW: usize = 224;
/// Pieces of a sentence that is made a vector of, without special tokens.
const CHUNK: usize = 190;
/// Pieces of a thesis at most: with a full window as many as the network takes.
const LONGEST_THESIS: usize = 512 - WINDOW - 2;

/// Logits of none, asserts, denies, reports.
pub type StanceLogits = [f32; 4];

/// The judge network.
pub struct Judge {
    engine: Box<dyn Engine>,
    tokenizer: Wordpiece,
    /// The theses that one tower was trained on, in its order.
    tower: Vec<String>,
    /// Of vectors and states.
    width: usize,
    /// The study's own head first, then the one that ships.
    heads: Vec<(Fitted, Head)>,
    /// Where the network itself was tuned to hand labels: for these it answers alone.
    tuned: Option<Fitted>,
    pub weights: Vec<WeightFile>,
}

/// What a head was fitted to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fitted {
    /// As `label: definition`, in the head's order.
    pub theses: Vec<String>,
    /// SHA-256 of the essays whose hand labels it was fitted to.
    #[serde(default)]
    pub essays: Vec<String>,
}

impl Fitted {
    fn has(&self, thesis: &str) -> bool {
        self.theses.iter().any(|known| known == thesis)
    }
}

/// Pieces `start..end` of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub sentence: usize,
    pub start: usize,
    pub end: usize,
}

/// One input of the network.
pub(super) struct Input {
    pub ids: Vec<i32>,
    /// Where the sentences to answer for stand in `ids`.
    pub spans: Vec<(usize, usize)>,
}

impl Judge {
    /// Loads `judge/` in the folder of networks.
    pub fn load(models: &Path, workers: &Workers) -> Result<Self> {
        let folder = Folder::new(models, "judge")?;
        let fitted: Fitted = folder.config()?;
        let engine = folder.reading_network("model.onnx", workers)?;
        let head = read_head(&folder, &fitted)?;
        Ok(Self {
            engine,
            tokenizer: folder.tokenizer()?,
            tower: fitted.theses.clone(),
            width: head.mean.len(),
            heads: vec![(fitted, head)],
            tuned: None,
            weights: folder.files(),
        })
    }

    /// Puts a study's own head, of these files, before the one that ships.
    pub fn teach(&mut self, fitted: Fitted, head: Head, files: Vec<WeightFile>) {
        self.heads.insert(0, (fitted, head));
        self.weights.extend(files);
    }

    /// Puts a network that was tuned to hand labels in the place of the one that ships;
    /// `file` is its file, with its bytes.
    pub fn retune(
        &mut self,
        fitted: Fitted,
        file: (&Path, Vec<u8>),
        models: &Path,
        workers: &Workers,
        files: Vec<WeightFile>,
    ) -> Result<()> {
        let words = models.join(WORDS);
        let words =
            fs::read(&words).with_context(|| format!("{}: cannot be read", words.display()))?;
        self.engine = workers.load_onnx(file.0, file.1, Some((WORDS, words)))?;
        self.tuned = Some(fitted);
        self.weights.extend(files);
        Ok(())
    }

    /// SHA-256 of the network under the heads.
    pub fn sha256(&self) -> &str {
        let file = self.weights.iter().find(|f| f.file == "judge/model.onnx");
        &file.expect("the network was read").sha256
    }

    /// Whether hand labels were there for this thesis. Of others the judge knows only
    /// what their definition says.
    pub fn knows(&self, thesis: &str) -> bool {
        self.teacher(thesis).is_some()
    }

    /// Whether what answers for one of `theses` was fitted to hand labels of the file with
    /// this SHA-256.
    pub fn learned_from(&self, sha256: &str, theses: &[String]) -> bool {
        let mut teachers = theses.iter().filter_map(|thesis| self.teacher(thesis));
        teachers.any(|fitted| fitted.essays.iter().any(|essay| essay == sha256))
    }

    /// The labels that were there for a thesis.
    fn teacher(&self, thesis: &str) -> Option<&Fitted> {
        let tuned = self.tuned.as_ref().filter(|tuned| tuned.has(thesis));
        tuned.or_else(|| Some(&self.heads[self.place(thesis)?.0].0))
    }

    /// Makes every thesis that a head knows unknown; a tower that was tuned stays.
    pub fn forget_labels(&mut self) {
        self.heads.clear();
    }

    /// The head that knows a thesis, and the thesis's place in it.
    fn place(&self, thesis: &str) -> Option<(usize, usize)> {
        if self.tuned.as_ref().is_some_and(|tuned| tuned.has(thesis)) {
            return None;
        }
        let place = |fitted: &Fitted| fitted.theses.iter().position(|known| known == thesis);
        (self.heads.iter().enumerate()).find_map(|(head, (fitted, _))| Some((head, place(fitted)?)))
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
        let places: Vec<_> = theses.iter().map(|thesis| self.place(thesis)).collect();
        let of_unknown = places.iter().zip(theses).filter(|(k, _)| k.is_none());
        let unknown: Vec<&str> = of_unknown.map(|(_, &thesis)| thesis).collect();
        let pieces = pieces(&self.tokenizer, sentences)?;
        let mut read = self.read(&pieces, paragraphs, &unknown)?.into_iter();
        let of_head = |(i, (fitted, head)): (usize, &(Fitted, Head))| {
            if !places.iter().flatten().any(|&(used, _)| used == i) {
                return Ok(Vec::new());
            }
            let theses: Vec<&str> = fitted.theses.iter().map(String::as_str).collect();
            Ok(head.stances(&self.features_of(pieces.clone(), paragraphs, &theses)?))
        };
        let fitted: Vec<Vec<Array2<f32>>> =
            (self.heads.iter().enumerate().map(of_head)).collect::<Result<_>>()?;
        let mut by_thesis = Vec::with_capacity(theses.len());
        for place in places {
            by_thesis.push(match place {
                Some((head, thesis)) => fitted[head][thesis].clone(),
                None => read.next().expect("one answer for each unknown thesis"),
            });
        }
        let logits = |i: usize, of: &Array2<f32>| std::array::from_fn(|k| of[[i, k]]);
        let of_sentence = |i| by_thesis.iter().map(|of| logits(i, of)).collect();
        Ok((0..sentences.len()).map(of_sentence).collect())
    }

    /// What a head for these theses is given, of an essay as in [`Judge::judge`].
    ///
    /// # Errors
    /// When a thesis is too long for the network.
    pub fn features(
        &self,
        sentences: &[&str],
        paragraphs: &[usize],
        theses: &[&str],
    ) -> Result<Features> {
        self.features_of(pieces(&self.tokenizer, sentences)?, paragraphs, theses)
    }

    fn features_of(
        &self,
        pieces: Vec<Vec<i32>>,
        paragraphs: &[usize],
        theses: &[&str],
    ) -> Result<Features> {
        let vectors = self.embed(&pieces)?;
        let states = self.windowed(&pieces, paragraphs, &[Vec::new()], "states")?;
        let (states, tower) = states[0].view().split_at(Axis(1), self.width);
        let known = |thesis: &str| self.tower.iter().position(|known| known == thesis);
        let unknown = theses.iter().filter(|thesis| known(thesis).is_none());
        let unknown: Vec<&str> = unknown.copied().collect();
        let mut read = self.read(&pieces, paragraphs, &unknown)?.into_iter();
        let logits = theses.iter().map(|thesis| match known(thesis) {
            Some(at) => tower
                .slice(s![.., at * STANCES..(at + 1) * STANCES])
                .to_owned(),
            None => read.next().expect("one answer for each unknown thesis"),
        });
        Ok(Features {
            logits: logits.collect(),
            vectors,
            states: states.to_owned(),
            pieces,
        })
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
        let mut vectors = Array2::zeros((texts.len(), self.width));
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
        let theses = thesis_pieces(&self.tokenizer, theses)?;
        self.windowed(sentences, paragraphs, &theses, "stances")
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
                let input = Input::new(window, sentences, thesis, &self.tokenizer);
                inputs.push(((window, t), input));
            }
        }
        let found = self.run_all(inputs, output)?;
        let width = match output {
            "states" => self.width + STANCES * self.tower.len(),
            _ => STANCES,
        };
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
        let inputs: Vec<&Input> = batch.iter().map(|(_, input)| input).collect();
        let tensors = tensors(&inputs, self.tokenizer.pad);
        let outputs = self.engine.run(tensors, &[output])?;
        Ok(outputs[0].to_owned().into_dimensionality::<Ix3>()?)
    }
}

impl Input {
    /// A window beside a thesis, or by itself where the thesis has no pieces.
    pub fn new(
        window: &[Part],
        sentences: &[Vec<i32>],
        thesis: &[i32],
        tokenizer: &Wordpiece,
    ) -> Self {
        let mut ids = vec![tokenizer.cls];
        if !thesis.is_empty() {
            ids.extend(thesis);
            ids.push(tokenizer.sep);
        }
        let mut spans = Vec::with_capacity(window.len());
        for part in window {
            // An empty sentence stands on its separator.
            let start = ids.len();
            ids.extend(&sentences[part.sentence][part.start..part.end]);
            spans.push((start, ids.len().max(start + 1)));
            ids.push(tokenizer.sep);
        }
        Self { ids, spans }
    }
}

/// A batch as the network takes it: `input_ids` and `attention_mask` `[inputs, pieces]`,
/// `members` `[inputs, sentences, pieces]`.
pub(super) fn tensors(batch: &[&Input], pad: i32) -> Vec<(&'static str, Tensor)> {
    let length = batch.iter().map(|input| input.ids.len()).max();
    let count = batch.iter().map(|input| input.spans.len()).max();
    let (length, count) = (length.unwrap_or(0), count.unwrap_or(0));
    let mut ids = Array2::from_elem((batch.len(), length), pad);
    let mut mask = Array2::zeros((batch.len(), length));
    let mut members = Array3::zeros((batch.len(), count, length));
    for (i, input) in batch.iter().enumerate() {
        let filled = ..input.ids.len();
        ids.slice_mut(s![i, filled])
            .assign(&ArrayView1::from(&input.ids));
        mask.slice_mut(s![i, filled]).fill(1);
        for (k, &(start, end)) in input.spans.iter().enumerate() {
            let share = 1.0 / (end - start) as f32;
            members.slice_mut(s![i, k, start..end]).fill(share);
        }
    }
    vec![
        ("input_ids", Tensor::Int(ids.into_dyn())),
        ("attention_mask", Tensor::Int(mask.into_dyn())),
        ("members", Tensor::Float(members.into_dyn())),
    ]
}

/// The word pieces of every text.
pub(super) fn pieces(tokenizer: &Wordpiece, texts: &[&str]) -> Result<Vec<Vec<i32>>> {
    let ids = |text: &&str| Ok(tokenizer.pieces(text)?.ids);
    texts.par_iter().map(ids).collect()
}

/// The word pieces of every thesis.
///
/// # Errors
/// When a thesis is too long for the network.
pub(super) fn thesis_pieces(tokenizer: &Wordpiece, theses: &[&str]) -> Result<Vec<Vec<i32>>> {
    let of_thesis = pieces(tokenizer, theses)?;
    for (thesis, ids) in theses.iter().zip(&of_thesis) {
        ensure!(
            ids.len() <= LONGEST_THESIS,
            "thesis \"{}…\": label and definition have {} word pieces, the judge reads {LONGEST_THESIS}: shorten the definition",
            thesis.chars().take(40).collect::<String>(),
            ids.len()
        );
    }
    Ok(of_thesis)
}

/// The sentences in windows: whole paragraphs while they fit, a longer paragraph
/// by sentences, a longer sentence in parts. `lengths`: pieces of each sentence.
pub(super) fn windows(lengths: &[usize], paragraphs: &[usize]) -> Vec<Vec<Part>> {
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

fn read_head(folder: &Folder, fitted: &Fitted) -> Result<Head> {
    let (path, bytes) = folder.read("head.safetensors")?;
    let head = Head::read(&bytes).with_context(|| path.display().to_string())?;
    ensure!(
        head.theses() == fitted.theses.len(),
        "{}: fitted to {} theses, where config.json names {}",
        path.display(),
        head.theses(),
        fitted.theses.len()
    );
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
