//! Fine-tuning of the judge on hand labels (cargo feature `torch`).
//!
//! What is tuned is the tower that reads a window of an essay beside a thesis, `[CLS] thesis
//! [SEP] sentence [SEP] sentence [SEP] …`, from the first layer on that no other output of the
//! network stands on. The word vectors, the layers below and the other towers stay as they are.
//!
//! The loss is cross-entropy over sentences, without weights of classes: most sentences do nothing
//! to a thesis, and weights would say how many more do, where thresholds and figures of calibration
//! ask for probabilities. Instead, as in `models/train/judge.py`, an epoch leaves out most of the
//! windows that have no stance at all, which teach little.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ndarray::{ArrayView2, Ix3};
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batches::batches;
use super::judge::{Input, pieces, tensors, thesis_pieces, windows};
use super::{Folder, STANCES, StanceLogits, WORDS, Wordpiece};
use crate::engine::torch::{AdamW, Tuning, Weights};
use crate::engine::{Backend, Device, Engine, RtenEngine, Tensor, Workers};
use crate::store::{self, Staged};

/// The output that is tuned.
const OUTPUT: &str = "stances";
/// Norm that gradients are clipped to.
const CLIP: f64 = 1.0;
/// Windows on which the written file is compared with what was tuned.
const COMPARED: usize = 64;
/// The file of a checkpoint that says which others belong to it.
const CHECKPOINT: &str = "checkpoint.json";

/// An essay with hand labels.
#[derive(Clone, Debug, Serialize)]
pub struct LabelledEssay {
    /// The surfaces of its sentences, in order.
    pub sentences: Vec<String>,
    /// The paragraph of every sentence.
    pub paragraphs: Vec<usize>,
    /// Of every sentence (outer) to every thesis (inner): 0 none, 1 asserts, 2 denies, 3 reports;
    /// `None` where readers disagree, which does not count.
    pub gold: Vec<Vec<Option<u8>>>,
}

/// What is learned from.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Material<'a> {
    /// The theses, as `label: definition`.
    pub theses: &'a [&'a str],
    pub essays: &'a [LabelledEssay],
    /// Essays that say when to stop. Without any, all epochs are done and the last counts.
    pub kept_out: &'a [LabelledEssay],
}

/// How to tune.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TuningOptions {
    /// The highest rate. A post-norm encoder (as BERT) collapses to the shares of the classes at
    /// rates too high for it; [`Epoch::spread`] shows it.
    pub rate: f64,
    /// The share of steps in which the rate rises, from 0; in the others it falls, to 0.
    pub warm_up: f64,
    pub weight_decay: f64,
    /// Windows a step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// So many epochs in a row without a lower loss on the essays kept out end the training.
    pub patience: usize,
    /// The share of windows without any stance that an epoch reads.
    pub quiet: f64,
    pub seed: u64,
    /// Where checkpoints are kept. Training that was cut short goes on from there.
    #[serde(skip)]
    pub checkpoints: Option<PathBuf>,
    /// Steps between two checkpoints; there is one after every epoch as well.
    #[serde(skip)]
    pub save_every: usize,
}

impl Default for TuningOptions {
    fn default() -> Self {
        Self {
            rate: 2e-5,
            warm_up: 0.1,
            weight_decay: 0.01,
            batch: 8,
            epochs: 4,
            patience: 1,
            quiet: 0.4,
            seed: 1917,
            checkpoints: None,
            save_every: 100,
        }
    }
}

/// How far training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The epoch that goes on, from 1; 0 before the first.
    pub epoch: usize,
    /// Steps done, of so many if it does not stop early.
    pub step: usize,
    pub steps: usize,
    /// Mean over the sentences of this epoch so far.
    pub loss: Option<f32>,
    /// As it last was.
    pub kept_out: Option<f32>,
    /// Word pieces that this call has learned from, special tokens included.
    pub pieces: usize,
}

/// What an epoch came to. Losses are means over sentences and theses, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// While it was trained on; none before training.
    pub loss: Option<f32>,
    /// On the essays kept out, after the epoch.
    pub kept_out: Option<f32>,
    /// Standard deviation, over the sentences kept out, of the logit of `none` less the largest
    /// other. Near 0, the network says the same of every sentence.
    pub spread: Option<f32>,
}

/// A tuned network.
pub struct Tuned {
    /// The network's file, rounded to int8 as the old one: it takes the place of `judge/model.onnx`.
    pub onnx: Vec<u8>,
    /// The same weights in f32, as safetensors, by the names of the ONNX graph.
    pub safetensors: Vec<u8>,
    /// Before training, then after each epoch.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights these are; 0 where training made nothing better.
    pub best: usize,
    /// Largest difference of a logit between the file, on the embedded engine, and the network as
    /// it was tuned, on libtorch: over the essays kept out, or those that were learned from, 64
    /// windows at most.
    pub difference: f32,
}

/// A window beside a thesis, and what is right for each of its sentences.
struct Example {
    input: Input,
    gold: Vec<Option<u8>>,
}

/// An example with the logits of its sentences.
type Answer<'e> = (&'e Example, Vec<StanceLogits>);

/// How far training is, in a checkpoint's JSON.
#[derive(Serialize, Deserialize)]
struct State {
    /// SHA-256 of network, material and options.
    digest: String,
    /// The file with weights and moments.
    tensors: String,
    step: usize,
    /// Of the epoch that goes on: sum of losses, and of how many sentences.
    loss: f64,
    sentences: usize,
    epochs: Vec<Epoch>,
    best: usize,
}

/// Tunes the judge of a folder of networks, `judge/`.
///
/// Threads and device are those of `workers` (a processor if they are on the embedded engine).
/// The number of threads changes no bit: windows are worked on side by side, each on one thread,
/// and gradients are added up in order.
///
/// `progress` is called before the first step and after each; an error of its ends the training,
/// and is handed on. A later call with the same arguments goes on from the last checkpoint, to
/// the same weights as without a stop.
///
/// # Errors
/// When the network is damaged, labels do not fit their essay or are none, a thesis is too long,
/// a checkpoint is of other material or cannot be written, or the loss is not finite.
pub fn tune(
    models: &Path,
    material: Material,
    options: &TuningOptions,
    workers: &Workers,
    progress: &mut (dyn FnMut(Progress) -> Result<()> + Send),
) -> Result<Tuned> {
    workers.run(|| Training::new(models, material, options, workers)?.run(progress))
}

struct Training<'a> {
    network: Tuning,
    best: Weights,
    state: State,
    examples: Vec<Example>,
    kept_out: Vec<Example>,
    /// For each epoch, for each of its steps, the examples.
    plans: Vec<Vec<Vec<usize>>>,
    pieces: usize,
    pad: i32,
    words: Vec<u8>,
    path: PathBuf,
    options: &'a TuningOptions,
    workers: &'a Workers,
}

impl<'a> Training<'a> {
    fn new(
        models: &Path,
        material: Material,
        options: &'a TuningOptions,
        workers: &'a Workers,
    ) -> Result<Self> {
        let folder = Folder::new(models, "judge")?;
        let (path, bytes) = folder.read("model.onnx")?;
        let (_, words) = folder.read_at(models.join(WORDS), WORDS.to_owned())?;
        let tokenizer = folder.tokenizer()?;
        let device = match workers.backend() {
            Backend::Torch(device) => device,
            Backend::Rten => Device::Cpu,
        };
        let external = Some((WORDS, words.clone()));
        let network = Tuning::load(&path, bytes, external, OUTPUT, device, options.seed)?;
        let theses = thesis_pieces(&tokenizer, material.theses)?;
        let examples = examples(material.essays, &theses, &tokenizer)?;
        let plans = plans(&examples, options);
        ensure!(
            !examples.is_empty(),
            "there is nothing to learn from: no essay has a label that counts"
        );
        let of = serde_json::to_vec(&(folder.files(), material, options))?;
        let state = State {
            digest: store::sha256(&of),
            tensors: String::new(),
            step: 0,
            loss: 0.0,
            sentences: 0,
            epochs: Vec::new(),
            best: 0,
        };
        Ok(Self {
            best: network.weights()?,
            kept_out: self::examples(material.kept_out, &theses, &tokenizer)?,
            network,
            state,
            examples,
            plans,
            pieces: 0,
            pad: tokenizer.pad,
            words,
            path,
            options,
            workers,
        })
    }

    fn run(mut self, progress: &mut (dyn FnMut(Progress) -> Result<()> + Send)) -> Result<Tuned> {
        if !self.resume()? {
            let before = self.measure(&self.network, None)?;
            self.state.epochs.push(before);
        }
        progress(self.progress())?;
        while let Some(plan) = self.next_epoch() {
            let begun = self.steps_before(plan);
            while self.state.step < begun + self.plans[plan].len() {
                self.step(self.plans[plan][self.state.step - begun].clone())?;
                let step = self.state.step;
                if step.is_multiple_of(self.options.save_every.max(1)) {
                    self.save()?;
                }
                progress(self.progress())?;
            }
            self.end_epoch()?;
            self.save()?;
        }
        self.network.set(&self.best)?;
        let onnx = self.network.onnx()?;
        Ok(Tuned {
            difference: self.difference(&onnx)?,
            onnx,
            safetensors: self.network.safetensors()?,
            epochs: self.state.epochs,
            best: self.state.best,
        })
    }

    /// The plan of the epoch that is to go on, unless all are done or nothing gets better.
    fn next_epoch(&self) -> Option<usize> {
        let done = self.state.epochs.len() - 1;
        let patient = done - self.state.best < self.options.patience.max(1);
        (done < self.plans.len() && patient).then_some(done)
    }

    fn step(&mut self, examples: Vec<usize>) -> Result<()> {
        let examples: Vec<&Example> = examples.iter().map(|&i| &self.examples[i]).collect();
        let counted = examples.iter().flat_map(|e| &e.gold).flatten().count();
        let pieces: usize = examples.iter().map(|e| e.input.ids.len()).sum();
        let batches = batches(examples, |example| example.input.ids.len());
        let gradients = |batch: &Vec<&Example>| {
            let sentences = batch.iter().map(|e| e.gold.len()).max().unwrap_or(0);
            let rows = |e: &&Example| {
                let mut gold = e.gold.clone();
                gold.resize(sentences, None);
                gold
            };
            let targets: Vec<Option<u8>> = batch.iter().flat_map(rows).collect();
            self.network.gradients(self.tensors(batch), &targets)
        };
        let parts = batches.par_iter().map(gradients);
        let (losses, gradients): (Vec<f64>, Vec<_>) =
            parts.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let optimizer = AdamW {
            decay: self.options.weight_decay,
            clip: CLIP,
        };
        self.state.step += 1;
        let scale = 1.0 / counted as f64;
        let (number, rate) = (self.state.step, self.rate());
        self.network
            .step(gradients, scale, number, rate, optimizer)?;
        self.state.loss += losses.iter().sum::<f64>();
        self.state.sentences += counted;
        self.pieces += pieces;
        Ok(())
    }

    /// The rate of this step: a linear rise, then a linear fall.
    fn rate(&self) -> f64 {
        let (step, steps) = (self.state.step as f64, self.steps() as f64);
        let rise = (self.options.warm_up * steps).max(1.0);
        let fall = (steps + 1.0 - rise).max(1.0);
        self.options.rate * (step / rise).min((steps + 1.0 - step) / fall)
    }

    fn steps(&self) -> usize {
        self.steps_before(self.plans.len())
    }

    fn steps_before(&self, plan: usize) -> usize {
        self.plans[..plan].iter().map(Vec::len).sum()
    }

    fn end_epoch(&mut self) -> Result<()> {
        let epoch = self.measure(&self.network, self.loss())?;
        let (now, before) = (epoch.kept_out, self.state.epochs[self.state.best].kept_out);
        if now.zip(before).is_none_or(|(now, before)| now < before) {
            self.best = self.network.weights()?;
            self.state.best = self.state.epochs.len();
        }
        self.state.epochs.push(epoch);
        self.state.loss = 0.0;
        self.state.sentences = 0;
        Ok(())
    }

    fn loss(&self) -> Option<f32> {
        let sentences = self.state.sentences;
        (sentences > 0).then(|| (self.state.loss / sentences as f64) as f32)
    }

    fn progress(&self) -> Progress {
        Progress {
            epoch: match self.state.step {
                0 => 0,
                _ => self.state.epochs.len(),
            },
            step: self.state.step,
            steps: self.steps(),
            loss: self.loss(),
            kept_out: self.state.epochs.last().and_then(|epoch| epoch.kept_out),
            pieces: self.pieces,
        }
    }

    /// What the network makes of the essays kept out.
    fn measure(&self, engine: &dyn Engine, loss: Option<f32>) -> Result<Epoch> {
        let examples: Vec<&Example> = self.kept_out.iter().collect();
        let (mut total, mut leads) = (0.0, Vec::new());
        for (example, logits) in self.logits(engine, examples)? {
            for (gold, logits) in example.gold.iter().zip(logits) {
                let Some(gold) = gold else { continue };
                let logits = logits.map(f64::from);
                let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logits.iter().map(|x| (x - top).exp()).sum();
                total += top + sum.ln() - logits[usize::from(*gold)];
                let other = logits[1..]
                    .iter()
                    .copied()
                    .fold(f64::NEG_INFINITY, f64::max);
                leads.push(logits[0] - other);
            }
        }
        if leads.is_empty() {
            return Ok(Epoch {
                loss,
                kept_out: None,
                spread: None,
            });
        }
        let count = leads.len() as f64;
        let mean = leads.iter().sum::<f64>() / count;
        let variance = leads.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        Ok(Epoch {
            loss,
            kept_out: Some((total / count) as f32),
            spread: Some(variance.sqrt() as f32),
        })
    }

    /// How far the file's logits are from the network's.
    fn difference(&self, onnx: &[u8]) -> Result<f32> {
        let external = Some((WORDS, self.words.clone()));
        let file = RtenEngine::load(&self.path, onnx.to_vec(), external, self.workers.clone())?;
        let examples = match self.kept_out.is_empty() {
            true => &self.examples,
            false => &self.kept_out,
        };
        let examples: Vec<&Example> = examples.iter().take(COMPARED).collect();
        let rounded = self.logits(&file, examples.clone())?;
        let tuned = self.logits(&self.network, examples)?;
        let pairs = rounded.iter().zip(&tuned);
        let rows = pairs.flat_map(|((_, a), (_, b))| a.iter().flatten().zip(b.iter().flatten()));
        Ok(rows.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
    }

    /// Every example with an engine's logits for its sentences.
    fn logits<'e>(
        &self,
        engine: &dyn Engine,
        examples: Vec<&'e Example>,
    ) -> Result<Vec<Answer<'e>>> {
        let batches = batches(examples, |example| example.input.ids.len());
        let answers = batches.into_par_iter().map(|batch| {
            let found = engine.run(self.tensors(&batch), &[OUTPUT])?.remove(0);
            let found = found.into_dimensionality::<Ix3>()?;
            let answer = |(example, rows): (&'e Example, ArrayView2<f32>)| {
                let rows = rows.outer_iter().take(example.gold.len());
                let logits = rows.map(|row| std::array::from_fn(|k| row[k]));
                (example, logits.collect())
            };
            let answers = batch.into_iter().zip(found.outer_iter()).map(answer);
            Ok(answers.collect::<Vec<_>>())
        });
        let answers = answers.collect::<Result<Vec<_>>>()?;
        Ok(answers.into_iter().flatten().collect())
    }

    fn tensors(&self, batch: &[&Example]) -> Vec<(&'static str, Tensor)> {
        let inputs: Vec<&Input> = batch.iter().map(|example| &example.input).collect();
        tensors(&inputs, self.pad)
    }

    /// Writes a checkpoint: first the tensors, then the JSON that names them, so that there
    /// always is a whole one.
    fn save(&mut self) -> Result<()> {
        let Some(folder) = &self.options.checkpoints else {
            return Ok(());
        };
        let before = std::mem::replace(
            &mut self.state.tensors,
            format!(
                "step-{}-{}.safetensors",
                self.state.step,
                self.state.epochs.len()
            ),
        );
        for (name, bytes) in [
            (self.state.tensors.as_str(), self.network.save(&self.best)?),
            (CHECKPOINT, serde_json::to_vec_pretty(&self.state)?),
        ] {
            let mut staged = Staged::new(folder)?;
            staged.add(name, &bytes)?;
            staged.commit()?;
        }
        if !before.is_empty() && before != self.state.tensors {
            // A file too many does no harm.
            let _ = std::fs::remove_file(folder.join(before));
        }
        Ok(())
    }

    /// Goes back to the last checkpoint, if there is one.
    fn resume(&mut self) -> Result<bool> {
        let Some(folder) = &self.options.checkpoints else {
            return Ok(false);
        };
        let path = folder.join(CHECKPOINT);
        if !path.exists() {
            return Ok(false);
        }
        let bytes =
            std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let state: State = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: damaged; remove its folder", path.display()))?;
        ensure!(
            state.digest == self.state.digest,
            "{}: of other labels, essays, options or networks; remove its folder to begin anew",
            path.display()
        );
        let done = state.epochs.len().saturating_sub(1);
        ensure!(
            state.best < state.epochs.len()
                && done <= self.plans.len()
                && state.step >= self.steps_before(done),
            "{}: damaged; remove its folder",
            path.display()
        );
        self.best = self.network.resume(&folder.join(&state.tensors))?;
        self.state = state;
        Ok(true)
    }
}

/// All windows of all essays beside all theses that have a label that counts. A part of a long
/// sentence has the labels of the sentence.
fn examples(
    essays: &[LabelledEssay],
    theses: &[Vec<i32>],
    tokenizer: &Wordpiece,
) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for (number, essay) in essays.iter().enumerate() {
        let known = |gold: &Option<u8>| gold.is_none_or(|gold| usize::from(gold) < STANCES);
        let fits = |golds: &Vec<Option<u8>>| golds.len() == theses.len() && golds.iter().all(known);
        ensure!(
            essay.paragraphs.len() == essay.sentences.len()
                && essay.gold.len() == essay.sentences.len()
                && essay.gold.iter().all(fits),
            "essay {}: its labels or paragraphs do not fit its {} sentences and {} theses",
            number + 1,
            essay.sentences.len(),
            theses.len()
        );
        let sentences: Vec<&str> = essay.sentences.iter().map(String::as_str).collect();
        let sentences = pieces(tokenizer, &sentences)?;
        let lengths: Vec<usize> = sentences.iter().map(Vec::len).collect();
        for window in windows(&lengths, &essay.paragraphs) {
            for (t, thesis) in theses.iter().enumerate() {
                let gold = window.iter().map(|part| essay.gold[part.sentence][t]);
                let example = Example {
                    input: Input::new(&window, &sentences, thesis, tokenizer),
                    gold: gold.collect(),
                };
                if example.gold.iter().any(Option::is_some) {
                    examples.push(example);
                }
            }
        }
    }
    Ok(examples)
}

/// What every step of every epoch reads: it depends on the seed and the examples alone.
fn plans(examples: &[Example], options: &TuningOptions) -> Vec<Vec<Vec<usize>>> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut plan = |_| {
        let says = |example: &Example| example.gold.iter().flatten().any(|&gold| gold > 0);
        let quiet = options.quiet.clamp(0.0, 1.0);
        let mut read: Vec<usize> = (0..examples.len())
            .filter(|&i| says(&examples[i]) || random.random_bool(quiet))
            .collect();
        read.shuffle(&mut random);
        let batches = read.chunks(options.batch.max(1));
        batches.map(<[usize]>::to_vec).collect()
    };
    (0..options.epochs).map(&mut plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(gold: &[u8]) -> Example {
        Example {
            input: Input {
                ids: Vec::new(),
                spans: Vec::new(),
            },
            gold: gold.iter().map(|&gold| Some(gold)).collect(),
        }
    }

    #[test]
    fn an_epoch_reads_every_window_with_a_stance_and_some_of_the_others() {
        let examples: Vec<Example> = (0..100).map(|i| example(&[0, u8::from(i < 20)])).collect();
        let plans = plans(&examples, &TuningOptions::default());
        assert_eq!(plans.len(), 4);
        assert_ne!(plans[0], plans[1]);
        for plan in plans {
            let mut read = plan.concat();
            assert!(plan.iter().rev().skip(1).all(|batch| batch.len() == 8));
            read.sort_unstable();
            assert!(read.starts_with(&(0..20).collect::<Vec<_>>()));
            assert!((35..70).contains(&read.len()), "{}", read.len());
            read.dedup();
            assert_eq!(read.len(), plan.concat().len());
        }
    }
}
