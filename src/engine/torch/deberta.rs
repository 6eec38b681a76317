//! DeBERTa (He et al. 2021, arXiv 2006.03654; v3: arXiv 2111.09543).
//!
//! Written here because rust-bert 0.23's own is wrong: in v1 its distances end at as many pieces
//! as there are heads; in v2 and v3 it shifts and scales what content says of position, and its
//! buckets of distances divide whole numbers.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Kind, Tensor as T};

/// A network for labels of tokens or of texts.
pub struct Deberta {
    words: T,
    positions: Option<T>,
    types: Option<T>,
    wider: Option<Linear>,
    norm: Norm,
    layers: Vec<Layer>,
    /// Vectors of distances, `[2 × span, width]`.
    distances: Option<T>,
    span: i64,
    /// As (buckets, furthest), where far distances share one.
    buckets: Option<(i64, i64)>,
    heads: i64,
    activation: Activation,
    pooler: Option<(Linear, Activation)>,
    classifier: Linear,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    /// Of distances: content to position, position to content.
    distance_key: Option<Linear>,
    distance_query: Option<Linear>,
    mixed: Linear,
    mixed_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
}

struct Linear {
    weight: T,
    bias: Option<T>,
}

struct Norm {
    weight: T,
    bias: T,
    epsilon: f64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Activation {
    Gelu,
    GeluNew,
    Relu,
    Swish,
    Tanh,
}

#[derive(Deserialize)]
struct Config {
    vocab_size: i64,
    hidden_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    max_position_embeddings: i64,
    type_vocab_size: i64,
    hidden_act: Activation,
    pooler_hidden_act: Option<Activation>,
    layer_norm_eps: Option<f64>,
    #[serde(default)]
    relative_attention: bool,
    max_relative_positions: Option<i64>,
    position_buckets: Option<i64>,
    position_biased_input: Option<bool>,
    #[serde(default)]
    pos_att_type: Vec<String>,
    #[serde(default)]
    share_att_key: bool,
    norm_rel_ebd: Option<String>,
    conv_kernel_size: Option<i64>,
    #[serde(default)]
    talking_head: bool,
    embedding_size: Option<i64>,
    id2label: Map<String, Value>,
}

/// The file's tensors, on the device.
struct Weights<'a> {
    tensors: &'a HashMap<String, T>,
    epsilon: f64,
}

impl Weights<'_> {
    fn take(&self, name: &str, shape: &[i64]) -> Result<T> {
        let tensor = self.tensors.get(name).with_context(|| {
            format!("there is no {name}; are config.json and the weights of one model?")
        })?;
        ensure!(
            tensor.size() == shape,
            "{name}: shape {:?}, where config.json makes it {shape:?}",
            tensor.size()
        );
        Ok(tensor.shallow_clone())
    }

    fn linear(&self, name: &str, from: i64, to: i64) -> Result<Linear> {
        Ok(Linear {
            weight: self.take(&format!("{name}.weight"), &[to, from])?,
            bias: Some(self.take(&format!("{name}.bias"), &[to])?),
        })
    }

    fn norm(&self, name: &str, width: i64) -> Result<Norm> {
        Ok(Norm {
            weight: self.take(&format!("{name}.weight"), &[width])?,
            bias: self.take(&format!("{name}.bias"), &[width])?,
            epsilon: self.epsilon,
        })
    }
}

impl Deberta {
    /// The network that `config` describes, from the tensors of its file, which are on the
    /// device. `first` is DeBERTa v1, whose weights lie otherwise; `tokens`: labels of tokens.
    pub fn new(
        config: &Map<String, Value>,
        tensors: &HashMap<String, T>,
        first: bool,
        tokens: bool,
    ) -> Result<Self> {
        let config: Config = serde_json::from_value(Value::Object(config.clone()))?;
        ensure!(
            config.conv_kernel_size.unwrap_or(0) == 0 && !config.talking_head,
            "config.json: conv_kernel_size and talking_head: networks with these are not known here"
        );
        let weights = Weights {
            tensors,
            epsilon: config.layer_norm_eps.unwrap_or(1e-7),
        };
        let width = config.hidden_size;
        let furthest = match config.max_relative_positions {
            Some(furthest) if furthest > 0 => furthest,
            _ => config.max_position_embeddings,
        };
        let buckets = config.position_buckets.filter(|&n| n > 0 && !first);
        let span = buckets.unwrap_or(furthest);
        let embedded = config.embedding_size.unwrap_or(width);
        let table = |name: &str, rows: i64| {
            weights.take(
                &format!("deberta.embeddings.{name}.weight"),
                &[rows, embedded],
            )
        };
        let has =
            |kind: &str| config.relative_attention && config.pos_att_type.iter().any(|k| k == kind);
        let distances = match config.relative_attention {
            true => {
                let name = "deberta.encoder.rel_embeddings.weight";
                let plain = weights.take(name, &[2 * span, width])?;
                match config.norm_rel_ebd.as_deref() {
                    None | Some("none") => Some(plain),
                    Some("layer_norm") => {
                        let norm = weights.norm("deberta.encoder.LayerNorm", width)?;
                        Some(norm.of(&plain)?)
                    }
                    Some(other) => bail!("config.json: norm_rel_ebd: {other:?} is not known here"),
                }
            }
            false => None,
        };
        let labels = config.id2label.len() as i64;
        Ok(Self {
            words: table("word_embeddings", config.vocab_size)?,
            positions: match config.position_biased_input.unwrap_or(true) {
                true => Some(table(
                    "position_embeddings",
                    config.max_position_embeddings,
                )?),
                false => None,
            },
            types: match config.type_vocab_size {
                0 => None,
                count => Some(table("token_type_embeddings", count)?),
            },
            wider: match embedded == width {
                true => None,
                false => Some(Linear {
                    weight: weights
                        .take("deberta.embeddings.embed_proj.weight", &[width, embedded])?,
                    bias: None,
                }),
            },
            norm: weights.norm("deberta.embeddings.LayerNorm", width)?,
            layers: (0..config.num_hidden_layers)
                .map(|n| {
                    let name = format!("deberta.encoder.layer.{n}");
                    let with = [has("c2p"), has("p2c")];
                    match first {
                        true => Layer::first(&weights, &name, &config, with),
                        false => Layer::second(&weights, &name, &config, with),
                    }
                })
                .collect::<Result<_>>()?,
            distances,
            span,
            buckets: buckets.map(|buckets| (buckets, furthest)),
            heads: config.num_attention_heads,
            activation: config.hidden_act,
            pooler: match tokens {
                true => None,
                false => Some((
                    weights.linear("pooler.dense", width, width)?,
                    config.pooler_hidden_act.unwrap_or(Activation::Gelu),
                )),
            },
            classifier: weights.linear("classifier", width, labels)?,
        })
    }

    /// Logits `[texts, pieces, labels]` or `[texts, labels]` of ids and mask `[texts, pieces]`.
    pub fn logits(&self, ids: &T, mask: &T, types: Option<&T>) -> Result<T> {
        let length = ids.size()[1];
        let mut states = look_up(&self.words, ids)?;
        if let Some(positions) = &self.positions {
            states = states.f_add(&positions.f_slice(0, 0, length, 1)?)?;
        }
        if let Some(table) = &self.types {
            let types = types.map_or_else(|| ids.zeros_like(), T::shallow_clone);
            states = states.f_add(&look_up(table, &types)?)?;
        }
        if let Some(wider) = &self.wider {
            states = wider.of(&states)?;
        }
        states = self.norm.of(&states)?;
        states = states.f_mul(&mask.f_unsqueeze(-1)?.f_to_kind(Kind::Float)?)?;
        let mask = mask.f_to_kind(Kind::Bool)?;
        // What may not look at what, `[texts, 1, pieces, pieces]`.
        let shut = mask
            .f_unsqueeze(1)?
            .f_unsqueeze(-1)?
            .f_logical_and(&mask.f_unsqueeze(1)?.f_unsqueeze(1)?)?
            .f_logical_not()?;
        let apart = self.apart(length, ids.device())?;
        for layer in &self.layers {
            states = self.layer(layer, &states, &shut, &apart)?;
        }
        if let Some((pooler, activation)) = &self.pooler {
            states = activation.of(&pooler.of(&states.f_select(1, 0)?)?)?;
        }
        self.classifier.of(&states)
    }

    /// The distance of every piece from every other, `[pieces, pieces]`, far ones in buckets.
    fn apart(&self, length: i64, device: tch::Device) -> Result<T> {
        let at = T::f_arange(length, (Kind::Int64, device))?;
        let apart = at.f_unsqueeze(1)?.f_sub(&at.f_unsqueeze(0)?)?;
        let Some((buckets, furthest)) = self.buckets else {
            return Ok(apart);
        };
        // In f32, as the original does it: the ends of the buckets depend on the rounding.
        let middle = buckets / 2;
        let far = apart.f_abs()?.f_clamp_min(middle - 1)?;
        let longest = T::from((furthest - 1) as f32 / middle as f32).f_to_device(device)?;
        let by_log = far
            .f_to_kind(Kind::Float)?
            .f_div_scalar(middle as f64)?
            .f_log()?
            .f_div(&longest.f_log()?)?
            .f_mul_scalar((middle - 1) as f64)?
            .f_ceil()?
            .f_add_scalar(middle as f64)?
            .f_mul(&apart.f_sign()?)?
            .f_to_kind(Kind::Int64)?;
        Ok(apart.f_where_self(&far.f_le(middle)?, &by_log)?)
    }

    fn layer(&self, layer: &Layer, states: &T, shut: &T, apart: &T) -> Result<T> {
        let split = |x: &T| -> Result<T> {
            let size = x.size();
            let [.., length, width] = size[..] else {
                bail!("states of shape {size:?}");
            };
            let by_head = x.f_reshape([-1, length, self.heads, width / self.heads])?;
            Ok(by_head.f_permute([0, 2, 1, 3])?)
        };
        let query = split(&layer.query.of(states)?)?;
        let key = split(&layer.key.of(states)?)?;
        let value = split(&layer.value.of(states)?)?;
        let size = query.size();
        let terms =
            1 + i64::from(layer.distance_key.is_some()) + i64::from(layer.distance_query.is_some());
        let scale = ((size[3] * terms) as f64).sqrt();
        let mut scores = query.f_matmul(&key.f_transpose(-1, -2)?)?;
        if let Some(distances) = &self.distances {
            let at = |apart: &T| -> Result<T> {
                let at = apart
                    .f_add_scalar(self.span)?
                    .f_clamp(0, 2 * self.span - 1)?;
                Ok(at.f_expand([size[0], size[1], size[2], size[2]], false)?)
            };
            if let Some(by) = &layer.distance_key {
                let of = split(&by.of(distances)?)?.f_transpose(-1, -2)?;
                let found = query.f_matmul(&of)?.f_gather(-1, &at(apart)?, false)?;
                scores = scores.f_add(&found)?;
            }
            if let Some(by) = &layer.distance_query {
                let of = split(&by.of(distances)?)?.f_transpose(-1, -2)?;
                let found = key
                    .f_matmul(&of)?
                    .f_gather(-1, &at(&apart.f_neg()?)?, false)?;
                scores = scores.f_add(&found.f_transpose(-1, -2)?)?;
            }
        }
        let scores = scores.f_div_scalar(scale)?;
        let shares = scores
            .f_masked_fill(shut, f64::from(f32::MIN))?
            .f_softmax(-1, Kind::Float)?
            .f_masked_fill(shut, 0.0)?;
        let seen = shares.f_matmul(&value)?.f_permute([0, 2, 1, 3])?;
        let seen = seen.f_reshape([size[0], size[2], size[1] * size[3]])?;
        let mixed = layer
            .mixed_norm
            .of(&layer.mixed.of(&seen)?.f_add(states)?)?;
        let wide = self.activation.of(&layer.wide.of(&mixed)?)?;
        layer.norm.of(&layer.narrow.of(&wide)?.f_add(&mixed)?)
    }
}

impl Layer {
    /// As v2 and v3 keep it.
    fn second(
        weights: &Weights,
        name: &str,
        config: &Config,
        [c2p, p2c]: [bool; 2],
    ) -> Result<Self> {
        let width = config.hidden_size;
        let own =
            |part: &str| weights.linear(&format!("{name}.attention.self.{part}"), width, width);
        let distance = |wanted: bool, shared: &str, part: &str| match (wanted, config.share_att_key)
        {
            (false, _) => Ok(None),
            (true, true) => own(shared).map(Some),
            (true, false) => own(part).map(Some),
        };
        let attention = [own("query_proj")?, own("key_proj")?, own("value_proj")?];
        let distances = [
            distance(c2p, "key_proj", "pos_key_proj")?,
            distance(p2c, "query_proj", "pos_query_proj")?,
        ];
        Self::rest(weights, name, config, attention, distances)
    }

    /// As v1 keeps it: query, key and value of each head in one matrix, with no bias of the key.
    fn first(
        weights: &Weights,
        name: &str,
        config: &Config,
        [c2p, p2c]: [bool; 2],
    ) -> Result<Self> {
        let (width, heads) = (config.hidden_size, config.num_attention_heads);
        let own = |part: &str| format!("{name}.attention.self.{part}");
        let all = weights
            .take(&own("in_proj.weight"), &[3 * width, width])?
            .f_reshape([heads, 3, width / heads, width])?;
        let part = |k: i64, bias: Option<&str>| -> Result<Linear> {
            Ok(Linear {
                weight: all.f_select(1, k)?.f_reshape([width, width])?,
                bias: bias
                    .map(|name| weights.take(&own(name), &[width]))
                    .transpose()?,
            })
        };
        let attention = [
            part(0, Some("q_bias"))?,
            part(1, None)?,
            part(2, Some("v_bias"))?,
        ];
        let distance_key = match c2p {
            true => Some(Linear {
                weight: weights.take(&own("pos_proj.weight"), &[width, width])?,
                bias: None,
            }),
            false => None,
        };
        let distance_query = match p2c {
            true => Some(weights.linear(&own("pos_q_proj"), width, width)?),
            false => None,
        };
        Self::rest(
            weights,
            name,
            config,
            attention,
            [distance_key, distance_query],
        )
    }

    fn rest(
        weights: &Weights,
        name: &str,
        config: &Config,
        [query, key, value]: [Linear; 3],
        [distance_key, distance_query]: [Option<Linear>; 2],
    ) -> Result<Self> {
        let width = config.hidden_size;
        let inner = format!("{name}.intermediate.dense");
        let wider = weights.tensors.get(&format!("{inner}.weight"));
        let wider = wider.map_or(0, |weight| weight.size()[0]);
        Ok(Self {
            query,
            key,
            value,
            distance_key,
            distance_query,
            mixed: weights.linear(&format!("{name}.attention.output.dense"), width, width)?,
            mixed_norm: weights.norm(&format!("{name}.attention.output.LayerNorm"), width)?,
            wide: weights.linear(&inner, width, wider)?,
            narrow: weights.linear(&format!("{name}.output.dense"), wider, width)?,
            norm: weights.norm(&format!("{name}.output.LayerNorm"), width)?,
        })
    }
}

impl Linear {
    fn of(&self, x: &T) -> Result<T> {
        Ok(x.f_linear(&self.weight, self.bias.as_ref())?)
    }
}

impl Norm {
    fn of(&self, x: &T) -> Result<T> {
        let width = self.weight.size();
        let (weight, bias) = (Some(&self.weight), Some(&self.bias));
        Ok(x.f_layer_norm(width, weight, bias, self.epsilon, false)?)
    }
}

impl Activation {
    fn of(self, x: &T) -> Result<T> {
        Ok(match self {
            Self::Gelu => x.f_gelu("none")?,
            Self::GeluNew => x.f_gelu("tanh")?,
            Self::Relu => x.f_relu()?,
            Self::Swish => x.f_silu()?,
            Self::Tanh => x.f_tanh()?,
        })
    }
}

fn look_up(table: &T, ids: &T) -> Result<T> {
    Ok(T::f_embedding(table, ids, -1, false, false)?)
}
