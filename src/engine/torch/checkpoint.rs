//! Hugging Face checkpoints, by rust-bert's forward passes.
//!
//! Of rust-bert only the networks are used: its pipelines mix up batches and offsets; and of
//! these not DeBERTa's (see [`super::deberta`]). The networks have their layer norms' epsilon built in (1e-12, where RoBERTa's configurations say
//! 1e-5), which moves logits by less than 1e-3 in the tests' checkpoints; everything else of
//! `config.json` counts.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::ArrayD;
use rust_bert::bert::{BertConfig, BertForSequenceClassification, BertForTokenClassification};
use rust_bert::distilbert::{
    DistilBertConfig, DistilBertForTokenClassification, DistilBertModelClassifier,
};
use rust_bert::roberta::{RobertaForSequenceClassification, RobertaForTokenClassification};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tch::nn::VarStore;

use super::deberta::Deberta;
use super::{Shared, from_torch, guarded, place, to_torch};
use crate::engine::{Device, Engine, Tensor};

/// A file's tensors, by name.
type Tensors = HashMap<String, tch::Tensor>;

/// A network for labels of tokens or of texts, with its weights.
///
/// Inputs `input_ids` and `attention_mask`, both `[texts, pieces]`, and `token_type_ids` of that
/// shape, if wanted; output `logits`, `[texts, pieces, labels]` or `[texts, labels]`.
pub struct Checkpoint {
    network: Shared<Network>,
    device: tch::Device,
    /// Ids are below this.
    vocabulary: i64,
    /// Most pieces, special tokens included.
    longest: i64,
    /// Kinds of `token_type_ids`.
    types: i64,
}

enum Network {
    BertTokens(BertForTokenClassification),
    BertText(BertForSequenceClassification),
    RobertaTokens(RobertaForTokenClassification),
    RobertaText(RobertaForSequenceClassification),
    DistilBertTokens(DistilBertForTokenClassification),
    DistilBertText(DistilBertModelClassifier),
    Deberta(Deberta),
}

impl Checkpoint {
    /// Builds the network that `config` (the folder's config.json) describes and fills it from
    /// `weights` (its model.safetensors).
    ///
    /// # Errors
    /// When the architecture is none of those known here, the configuration is at odds with
    /// itself, or a weight is missing or of another shape.
    pub fn load(config: &Value, weights: &Path, device: Device) -> Result<Self> {
        let device = place(device);
        let config = completed(config)?;
        let number = |key: &str| config.get(key).and_then(Value::as_i64);
        let mut store = VarStore::new(device);
        let file = || weights.display().to_string();
        let tensors = guarded(|| stored(weights, device)).with_context(file)?;
        let network = guarded(|| Network::build(&store, &config, &tensors));
        let network = network.with_context(|| format!("config.json, with {}", file()))?;
        guarded(|| fill(&store, &tensors)).with_context(file)?;
        store.freeze();
        // RoBERTa counts its positions from the padding's id on.
        let before = match &network {
            Network::RobertaTokens(_) | Network::RobertaText(_) => 2,
            _ => 0,
        };
        Ok(Self {
            network: Shared(network),
            device,
            vocabulary: number("vocab_size").unwrap_or(0),
            longest: number("max_position_embeddings").unwrap_or(0) - before,
            types: number("type_vocab_size").unwrap_or(0),
        })
    }

    /// What rust-bert would panic on.
    fn check(&self, name: &str, array: &ArrayD<i32>, shape: &[usize]) -> Result<()> {
        let limit = match name {
            "input_ids" => self.vocabulary,
            "token_type_ids" => self.types.max(1),
            _ => 2,
        };
        ensure!(
            array.ndim() == 2 && array.shape() == shape,
            "{name}: shape {:?}, where texts and pieces make {shape:?}",
            array.shape()
        );
        ensure!(
            array.iter().all(|&id| (0..limit).contains(&i64::from(id))),
            "{name}: an id outside 0 to {}; is tokenizer.json of the same model as config.json?",
            limit - 1
        );
        Ok(())
    }
}

impl Engine for Checkpoint {
    fn run(&self, inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<ArrayD<f32>>> {
        ensure!(
            outputs == ["logits"],
            "a checkpoint has one output, logits, not {}",
            outputs.join(", ")
        );
        let shape = match inputs.iter().find(|(name, _)| *name == "input_ids") {
            Some((_, Tensor::Int(ids))) => ids.shape().to_vec(),
            _ => bail!("input_ids: not given, or no integers"),
        };
        if let [_, length] = shape[..] {
            ensure!(
                (length as i64) <= self.longest,
                "input_ids: {length} pieces, where the network takes {}",
                self.longest
            );
        }
        let (mut ids, mut mask, mut types) = (None, None, None);
        for (name, tensor) in inputs {
            let slot = match name {
                "input_ids" => &mut ids,
                "attention_mask" => &mut mask,
                "token_type_ids" => &mut types,
                _ => bail!("{name}: a checkpoint has no such input"),
            };
            match &tensor {
                Tensor::Int(array) => self.check(name, array, &shape)?,
                Tensor::Float(_) => bail!("{name}: integers are wanted"),
            }
            *slot = Some(to_torch(tensor, self.device)?);
        }
        let (Some(ids), Some(mask)) = (ids, mask) else {
            bail!("attention_mask: not given");
        };
        let logits = guarded(|| self.network.0.logits(&ids, &mask, types.as_ref()))?;
        Ok(vec![from_torch(&logits)?])
    }
}

impl Network {
    fn build(store: &VarStore, config: &Map<String, Value>, tensors: &Tensors) -> Result<Self> {
        let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
        let family = text("model_type");
        let architecture = config
            .get("architectures")
            .and_then(|names| names.get(0)?.as_str())
            .unwrap_or_default();
        let tokens = match architecture {
            name if name.ends_with("ForTokenClassification") => true,
            name if name.ends_with("ForSequenceClassification") => false,
            name => bail!(
                "architectures: {name:?}; only networks for token or sequence classification \
                 give labels"
            ),
        };
        let root = store.root();
        Ok(match (family, tokens) {
            ("bert", true) => {
                Self::BertTokens(BertForTokenClassification::new(root, &parsed(config)?)?)
            }
            ("bert", false) => {
                Self::BertText(BertForSequenceClassification::new(root, &parsed(config)?)?)
            }
            ("roberta" | "xlm-roberta" | "camembert", _) => {
                let config: BertConfig = parsed(config)?;
                match tokens {
                    true => Self::RobertaTokens(RobertaForTokenClassification::new(root, &config)?),
                    false => {
                        Self::RobertaText(RobertaForSequenceClassification::new(root, &config)?)
                    }
                }
            }
            ("distilbert", _) => {
                let config: DistilBertConfig = parsed(config)?;
                match tokens {
                    true => Self::DistilBertTokens(DistilBertForTokenClassification::new(
                        root, &config,
                    )?),
                    false => Self::DistilBertText(DistilBertModelClassifier::new(root, &config)?),
                }
            }
            ("deberta" | "deberta-v2", _) => {
                let first = family == "deberta";
                Self::Deberta(Deberta::new(config, tensors, first, tokens)?)
            }
            (other, _) => bail!(
                "model_type: {other:?}; known are bert, roberta (xlm-roberta, camembert), \
                 distilbert, deberta and deberta-v2 (also v3)"
            ),
        })
    }

    /// Logits `[texts, pieces, labels]` or `[texts, labels]`.
    fn logits(
        &self,
        ids: &tch::Tensor,
        mask: &tch::Tensor,
        types: Option<&tch::Tensor>,
    ) -> Result<tch::Tensor> {
        let (some_ids, some_mask) = (Some(ids), Some(mask));
        Ok(match self {
            Self::BertTokens(n) => {
                n.forward_t(some_ids, some_mask, types, None, None, false)
                    .logits
            }
            Self::BertText(n) => {
                n.forward_t(some_ids, some_mask, types, None, None, false)
                    .logits
            }
            Self::RobertaTokens(n) => {
                n.forward_t(some_ids, some_mask, types, None, None, false)
                    .logits
            }
            Self::RobertaText(n) => {
                n.forward_t(some_ids, some_mask, types, None, None, false)
                    .logits
            }
            Self::DistilBertTokens(n) => n.forward_t(some_ids, some_mask, None, false)?.logits,
            Self::DistilBertText(n) => n.forward_t(some_ids, some_mask, None, false)?.logits,
            Self::Deberta(n) => n.logits(ids, mask, types)?,
        })
    }
}

fn parsed<T: DeserializeOwned>(config: &Map<String, Value>) -> Result<T> {
    Ok(serde_json::from_value(Value::Object(config.clone()))?)
}

/// The configuration with what Hugging Face leaves out because it is the default, and with the
/// names that rust-bert has for activations. Refuses what rust-bert would panic on.
fn completed(config: &Value) -> Result<Map<String, Value>> {
    let mut config = config
        .as_object()
        .context("config.json: not a JSON object")?
        .clone();
    config.retain(|_, value| !value.is_null());
    let family = config.get("model_type").and_then(Value::as_str);
    let roberta = matches!(family, Some("roberta" | "xlm-roberta" | "camembert"));
    let relative = matches!(family, Some("deberta" | "deberta-v2"));
    let defaults = [
        ("hidden_act", json!("gelu")),
        ("activation", json!("gelu")),
        ("attention_probs_dropout_prob", json!(0.1)),
        ("hidden_dropout_prob", json!(0.1)),
        ("attention_dropout", json!(0.1)),
        ("dropout", json!(0.1)),
        ("qa_dropout", json!(0.1)),
        ("seq_classif_dropout", json!(0.2)),
        ("sinusoidal_pos_embds", json!(false)),
        ("tie_weights_", json!(true)),
        ("initializer_range", json!(0.02)),
        ("max_position_embeddings", json!(512)),
        ("type_vocab_size", json!(if relative { 0 } else { 2 })),
        ("id2label", json!({"0": "LABEL_0", "1": "LABEL_1"})),
    ];
    for (key, value) in defaults {
        config.entry(key).or_insert(value);
    }
    for key in ["hidden_act", "activation", "pooler_hidden_act", "conv_act"] {
        let known = match config.get(key).and_then(Value::as_str) {
            Some("silu") => "swish",
            Some("gelu_pytorch_tanh" | "gelu_fast") => "gelu_new",
            _ => continue,
        };
        config.insert(key.to_owned(), json!(known));
    }
    let number = |key: &str| config.get(key).and_then(Value::as_i64);
    for (size, heads) in [("hidden_size", "num_attention_heads"), ("dim", "n_heads")] {
        if let (Some(width), Some(count)) = (number(size), number(heads)) {
            ensure!(
                width > 0 && count > 0 && width % count == 0,
                "config.json: {size} is {width}, which {heads} ({count}) does not divide"
            );
        }
    }
    let padding = number("pad_token_id");
    ensure!(
        !roberta || padding.is_none_or(|id| id == 1),
        "config.json: pad_token_id is {}; RoBERTa's positions are counted from padding 1",
        padding.unwrap_or_default()
    );
    let kind = config.get("position_embedding_type");
    ensure!(
        kind.is_none_or(|kind| kind == "absolute"),
        "config.json: position_embedding_type: only absolute is known here"
    );
    let kinds: Vec<String> = match config.get("pos_att_type") {
        Some(Value::String(kinds)) => kinds.split('|').map(str::to_owned).collect(),
        Some(Value::Array(kinds)) => kinds
            .iter()
            .map(|kind| kind.as_str().unwrap_or_default().to_owned())
            .collect(),
        _ => Vec::new(),
    };
    ensure!(
        kinds.iter().all(|kind| kind == "c2p" || kind == "p2c"),
        "config.json: pos_att_type: {kinds:?}; c2p and p2c are known"
    );
    config.insert("pos_att_type".to_owned(), json!(kinds));
    Ok(config)
}

/// The file's tensors, in f32.
fn stored(weights: &Path, device: tch::Device) -> Result<Tensors> {
    let tensors = tch::Tensor::read_safetensors(weights)
        .map_err(|e| anyhow!("{e}"))
        .context("not a safetensors file, or damaged")?;
    let mut named = Tensors::new();
    for (name, tensor) in tensors {
        // Checkpoints that were once TensorFlow's call a layer norm's two gamma and beta.
        let name = name
            .replace("LayerNorm.gamma", "LayerNorm.weight")
            .replace("LayerNorm.beta", "LayerNorm.bias");
        let tensor = tensor.f_to_device(device)?.f_to_kind(tch::Kind::Float)?;
        named.insert(name, tensor);
    }
    Ok(named)
}

/// Puts the tensors into the network's variables.
fn fill(store: &VarStore, tensors: &Tensors) -> Result<()> {
    let mut variables: Vec<(String, tch::Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, mut variable) in variables {
        let tensor = tensors.get(&name).with_context(|| {
            format!("there is no {name}; are config.json and the weights of one model?")
        })?;
        ensure!(
            tensor.size() == variable.size(),
            "{name}: shape {:?}, where config.json makes it {:?}",
            tensor.size(),
            variable.size()
        );
        variable.f_copy_(tensor)?;
    }
    Ok(())
}
