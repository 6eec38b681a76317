//! Networks of others: a Hugging Face folder for labels of tokens or of texts.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::{Array2, ArrayD, Axis, Ix2, Ix3, s};
use rayon::prelude::*;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::batches::batches;
use super::{Folder, WeightFile};
use crate::engine::{Backend, Engine, Tensor, Workers};

/// Pieces that two windows of a long text share; less where the network takes few.
const OVERLAP: usize = 32;

/// What the labels are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Every piece of the text.
    Tokens,
    /// The text.
    Text,
}

/// A network with its tokenizer and its own label names.
pub struct Classifier {
    engine: Box<dyn Engine>,
    tokenizer: Tokenizer,
    /// The special tokens that stand before and after a text.
    around: [Vec<i32>; 2],
    padding: i32,
    /// Most pieces, special tokens included.
    longest: usize,
    pub task: Task,
    /// The names of the labels (`id2label`), in the order of the logits.
    pub labels: Vec<String>,
    pub weights: Vec<WeightFile>,
}

/// What the network says of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The bytes of the text that each piece stands for.
    pub pieces: Vec<(usize, usize)>,
    /// The word of each piece, as the tokenizer counts them.
    pub words: Vec<Option<u32>>,
    /// `[pieces, labels]` for [`Task::Tokens`], `[1, labels]` for [`Task::Text`].
    pub logits: Array2<f32>,
}

/// Pieces `start..end` of a text.
#[derive(Clone, Copy)]
struct Window {
    text: usize,
    start: usize,
    end: usize,
}

impl Classifier {
    /// Loads a folder with `config.json`, `tokenizer.json` and the weights: for the engine
    /// torch `model.safetensors`, for rten `model.onnx` (or `onnx/model.onnx`, where exporters put it).
    ///
    /// # Errors
    /// When a file is missing or damaged, or the network is none that gives labels.
    pub fn load(folder: &Path, workers: &Workers) -> Result<Self> {
        ensure!(
            folder.is_dir(),
            "{}: no such folder; a network's config.json, tokenizer.json and weights belong there",
            folder.display()
        );
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let folder = Folder {
            name: name.into_owned(),
            path: folder.to_owned(),
            files: Default::default(),
        };
        let config: Value = folder.config()?;
        let (path, bytes) = folder.read("tokenizer.json")?;
        let refused = |e| {
            anyhow!(
                "{}: {e}; is it a tokenizer of Hugging Face's?",
                path.display()
            )
        };
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(refused)?;
        tokenizer.with_truncation(None).map_err(refused)?;
        tokenizer.with_padding(None);
        let around = around(&tokenizer).with_context(|| path.display().to_string())?;
        let path = folder.path.join("config.json");
        let described = || -> Result<_> {
            let architecture = config["architectures"][0].as_str().unwrap_or_default();
            let task = match architecture {
                name if name.ends_with("ForTokenClassification") => Task::Tokens,
                name if name.ends_with("ForSequenceClassification") => Task::Text,
                name => bail!(
                    "architectures: {name:?}; only networks for token or sequence classification \
                     give labels"
                ),
            };
            Ok((task, labels(&config)?, longest(&config)?))
        };
        let (task, labels, longest) = described().with_context(|| path.display().to_string())?;
        let specials = around[0].len() + around[1].len();
        ensure!(
            longest > specials + 1,
            "{}: max_position_embeddings leaves no room for a text",
            path.display()
        );
        Ok(Self {
            engine: engine(&folder, &config, workers)?,
            padding: config["pad_token_id"].as_i64().unwrap_or(0) as i32,
            tokenizer,
            around,
            longest,
            task,
            labels,
            weights: folder.files(),
        })
    }

    /// Reads texts. What is said of one does not depend on the others, but for rounding in the
    /// last digits. A text too long for the network is read in overlapping windows: of a piece
    /// the window counts that has it farther from its edge; of a text the mean, by pieces.
    pub fn read(&self, texts: &[&str]) -> Result<Vec<Scored>> {
        let encoded = texts
            .par_iter()
            .map(|text| {
                self.tokenizer
                    .encode(*text, false)
                    .map_err(|e| anyhow!("{e}"))
            })
            .collect::<Result<Vec<_>>>()?;
        let ids: Vec<Vec<i32>> = encoded
            .iter()
            .map(|of| of.get_ids().iter().map(|&id| id as i32).collect())
            .collect();
        let windows = ids
            .iter()
            .enumerate()
            .flat_map(|(text, ids)| self.windows(text, ids.len()));
        let batches = batches(windows.collect(), |window| self.length(window));
        let outputs = batches
            .par_iter()
            .map(|batch| self.run(batch, &ids))
            .collect::<Result<Vec<_>>>()?;
        let mut scored: Vec<Scored> = encoded
            .iter()
            .map(|of| {
                let rows = if self.task == Task::Tokens {
                    of.len()
                } else {
                    1
                };
                Scored {
                    pieces: of.get_offsets().to_vec(),
                    words: of.get_word_ids().to_vec(),
                    logits: Array2::zeros((rows, self.labels.len())),
                }
            })
            .collect();
        for (batch, output) in batches.iter().zip(outputs) {
            self.merge(batch, output, &mut scored)?;
        }
        Ok(scored)
    }

    fn length(&self, window: &Window) -> usize {
        window.end - window.start + self.around[0].len() + self.around[1].len()
    }

    fn overlap(&self, size: usize) -> usize {
        OVERLAP.min(size / 4)
    }

    /// Pieces of a text in one window.
    fn size(&self) -> usize {
        self.longest - self.around[0].len() - self.around[1].len()
    }

    fn windows(&self, text: usize, length: usize) -> Vec<Window> {
        let size = self.size();
        let overlap = self.overlap(size);
        let starts = (0..length.max(1)).step_by(size - overlap);
        // A window that the one before it reaches past is not needed.
        let needed = starts.take_while(|&start| start == 0 || start + overlap < length);
        let window = |start| Window {
            text,
            start,
            end: length.min(start + size),
        };
        needed.map(window).collect()
    }

    /// Logits of a batch, `[windows, pieces, labels]` or `[windows, labels]`.
    fn run(&self, batch: &[Window], ids: &[Vec<i32>]) -> Result<ArrayD<f32>> {
        let width = batch.iter().map(|w| self.length(w)).max().unwrap_or(0);
        let mut input = Array2::from_elem((batch.len(), width), self.padding);
        let mut mask = Array2::zeros((batch.len(), width));
        for (row, window) in batch.iter().enumerate() {
            let [before, after] = &self.around;
            let own = &ids[window.text][window.start..window.end];
            let all = before.iter().chain(own).chain(after);
            for (to, &id) in input.row_mut(row).iter_mut().zip(all) {
                *to = id;
            }
            mask.slice_mut(s![row, ..self.length(window)]).fill(1);
        }
        let inputs = vec![
            ("input_ids", Tensor::Int(input.into_dyn())),
            ("attention_mask", Tensor::Int(mask.into_dyn())),
        ];
        let mut outputs = self.engine.run(inputs, &["logits"])?;
        let logits = outputs.pop().context("the network gave no logits")?;
        let found = logits.shape().last().copied().unwrap_or(0);
        ensure!(
            found == self.labels.len(),
            "the network gives {found} logits, and id2label has {} names: are config.json and \
             the weights of one model?",
            self.labels.len()
        );
        Ok(logits)
    }

    /// Puts the logits of a batch where they belong.
    fn merge(&self, batch: &[Window], output: ArrayD<f32>, scored: &mut [Scored]) -> Result<()> {
        let half = self.overlap(self.size()) / 2;
        match self.task {
            Task::Tokens => {
                let output = output.into_dimensionality::<Ix3>()?;
                for (row, window) in batch.iter().enumerate() {
                    let Scored { pieces, logits, .. } = &mut scored[window.text];
                    let from = if window.start == 0 {
                        0
                    } else {
                        window.start + half
                    };
                    let last = window.end == pieces.len();
                    let to = if last { window.end } else { window.end - half };
                    for piece in from..to {
                        let at = self.around[0].len() + piece - window.start;
                        logits.row_mut(piece).assign(&output.slice(s![row, at, ..]));
                    }
                }
            }
            Task::Text => {
                let output = output.into_dimensionality::<Ix2>()?;
                // Windows overlap alike, so that the sum of their lengths says their shares.
                for (window, logits) in batch.iter().zip(output.axis_iter(Axis(0))) {
                    let scored = &mut scored[window.text];
                    let all: usize = self
                        .windows(window.text, scored.pieces.len())
                        .iter()
                        .map(|w| (w.end - w.start).max(1))
                        .sum();
                    let share = (window.end - window.start).max(1) as f32 / all as f32;
                    scored.logits.row_mut(0).scaled_add(share, &logits);
                }
            }
        }
        Ok(())
    }
}

fn engine(folder: &Folder, config: &Value, workers: &Workers) -> Result<Box<dyn Engine>> {
    match workers.backend() {
        Backend::Rten => {
            let exported = folder.path.join("onnx/model.onnx");
            let file = match exported.exists() {
                true => "onnx/model.onnx",
                false => "model.onnx",
            };
            let (path, bytes) = folder.read(file).with_context(|| {
                format!(
                    "{}: the engine rten reads networks in ONNX format; --engine torch reads \
                     model.safetensors",
                    folder.path.display()
                )
            })?;
            workers.load_onnx(&path, bytes, None)
        }
        #[cfg(feature = "torch")]
        Backend::Torch(device) => {
            let (path, _) = folder.read("model.safetensors")?;
            let loaded = crate::engine::torch::Checkpoint::load(config, &path, device);
            Ok(Box::new(
                loaded.with_context(|| folder.path.display().to_string())?,
            ))
        }
        #[cfg(not(feature = "torch"))]
        Backend::Torch(_) => {
            let _ = config;
            workers.backend().check()?;
            bail!("the engine torch is not in this build")
        }
    }
}

/// The special tokens that the tokenizer puts before and after a text.
fn around(tokenizer: &Tokenizer) -> Result<[Vec<i32>; 2]> {
    let encoding = tokenizer.encode("a", true).map_err(|e| anyhow!("{e}"))?;
    let (ids, special) = (encoding.get_ids(), encoding.get_special_tokens_mask());
    let first = special.iter().position(|&special| special == 0);
    let last = special.iter().rposition(|&special| special == 0);
    let (Some(first), Some(last)) = (first, last) else {
        bail!("the tokenizer makes nothing of the letter a; is it the network's own?");
    };
    let numbers = |ids: &[u32]| ids.iter().map(|&id| id as i32).collect();
    Ok([numbers(&ids[..first]), numbers(&ids[last + 1..])])
}

/// The names of the labels in order; two unnamed ones where the configuration has none, as
/// Hugging Face means it.
fn labels(config: &Value) -> Result<Vec<String>> {
    let Some(names) = config["id2label"].as_object() else {
        return Ok(vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()]);
    };
    let mut labels = BTreeMap::new();
    for (id, name) in names {
        let number: usize = id
            .parse()
            .with_context(|| format!("id2label: {id:?} is no number"))?;
        let name = name
            .as_str()
            .with_context(|| format!("id2label: {id} is no text"))?;
        labels.insert(number, name.to_owned());
    }
    ensure!(
        !labels.is_empty() && labels.keys().copied().eq(0..labels.len()),
        "id2label: its numbers do not run from 0 on without a gap"
    );
    Ok(labels.into_values().collect())
}

/// Most pieces that the network takes, special tokens included.
fn longest(config: &Value) -> Result<usize> {
    let positions = match &config["max_position_embeddings"] {
        Value::Null => 512,
        number => number
            .as_u64()
            .context("max_position_embeddings: not a number")? as usize,
    };
    // RoBERTa's positions begin after the padding's, which is 1.
    let roberta = ["roberta", "xlm-roberta", "camembert"];
    let before = match config["model_type"].as_str() {
        Some(kind) if roberta.contains(&kind) => 2,
        _ => 0,
    };
    Ok(positions.saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_names_come_in_the_order_of_their_numbers() {
        let config = json!({"id2label": {"10": "k", "0": "a", "1": "b", "2": "c", "3": "d", "4": "e",
            "5": "f", "6": "g", "7": "h", "8": "i", "9": "j"}});
        assert_eq!(labels(&config).unwrap().concat(), "abcdefghijk");
        assert_eq!(labels(&json!({})).unwrap(), ["LABEL_0", "LABEL_1"]);
        for broken in [
            json!({"id2label": {}}),
            json!({"id2label": {"0": "a", "2": "b"}}),
            json!({"id2label": {"one": "a"}}),
            json!({"id2label": {"0": 1}}),
        ] {
            assert!(labels(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn robertas_positions_begin_after_the_paddings() {
        let config = |kind: &str| json!({"model_type": kind, "max_position_embeddings": 514});
        assert_eq!(longest(&config("roberta")).unwrap(), 512);
        assert_eq!(longest(&config("bert")).unwrap(), 514);
    }
}
