//! An ONNX network that learns: the weights that one output alone depends on.
//!
//! What is below them, and the other outputs, stay as they are. Gradients are libtorch's; the
//! optimizer's state is kept here, so that training can stop and go on.
//!
//! A step of training moves a weight by far less than int8 tells apart: rounded only when the
//! file is written, nearly all weights would fall back to what they were. So the network computes
//! with rounded weights while it learns, as the file will have them, and steps change others in
//! f32 behind these, which take the gradient as if there was no rounding (the straight-through
//! estimator; Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through
//! Stochastic Neurons", 2013). Of an int8 weight the file says only which step of the scale was
//! nearest; where it lies between two is drawn at random, so that a small change of all weights
//! turns over a small share of them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::ArrayD;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tch::{Kind, Reduction, Tensor as T};

use super::onnx::{Graph, Node, axis, refusal};
use super::{Shared, caught, from_torch, guarded, place};
use crate::engine::{Device, Engine, Tensor};

/// A target that does not count.
const NO_TARGET: i64 = -100;
/// Largest int8: the scale is symmetric, so that −128 is left out.
const LARGEST: f64 = 127.0;

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
#[derive(Clone, Copy, Debug)]
pub struct AdamW {
    /// Decay of matrices, a share of the rate; biases and layer norms do not decay.
    pub decay: f64,
    /// The norm that the gradient of all weights together is clipped to.
    pub clip: f64,
}

impl AdamW {
    const BETAS: (f64, f64) = (0.9, 0.999);
    const EPSILON: f64 = 1e-8;
}

/// A network whose output can be tuned.
pub struct Tuning(Shared<Network>);

struct Network {
    graph: Graph,
    output: String,
    weights: Vec<Weight>,
    /// The file, and where in it the data of every initializer stand.
    file: Vec<u8>,
    places: HashMap<String, Range<usize>>,
}

/// A tuned weight.
struct Weight {
    name: String,
    /// What steps change, in f32.
    value: T,
    /// The value rounded as the file has it: the graph computes with this memory.
    used: T,
    /// Running means of the gradient and of its square.
    moments: [T; 2],
    int8: Option<Int8>,
}

/// A weight that the file has in int8, symmetric.
struct Int8 {
    /// The initializer with its values.
    values: String,
    /// As the file has them, in a shape that goes with the values.
    scales: T,
}

/// Gradients of a loss, one for every tuned weight.
pub struct Gradients(Vec<T>);

/// A copy of what steps change, by the names of the weights.
pub struct Weights(Shared<Vec<(String, T)>>);

impl Tuning {
    /// Loads an ONNX file, with the name and the bytes of its external data, if it has any.
    /// Float weights and int8 weights that only `output` depends on are tuned. The seed is for
    /// where int8 weights lie between two steps of their scale; what the network computes at
    /// first does not depend on it.
    ///
    /// # Errors
    /// When the file is damaged or has no such weights.
    pub fn load(
        path: &Path,
        bytes: Vec<u8>,
        external: Option<(&str, Vec<u8>)>,
        output: &str,
        device: Device,
        seed: u64,
    ) -> Result<Self> {
        let loaded = guarded(|| Network::read(bytes, external, output, place(device), seed));
        let network = loaded.with_context(|| refusal(path))?;
        Ok(Self(Shared(network)))
    }

    /// Cross-entropy of the output's rows, summed over those that have a target, and its
    /// gradients. Inputs of several calls can be worked on side by side.
    ///
    /// # Errors
    /// When the inputs do not fit, or there is not one target for every row.
    pub fn gradients(
        &self,
        inputs: Vec<(&str, Tensor)>,
        targets: &[Option<u8>],
    ) -> Result<(f64, Gradients)> {
        let network = &self.0.0;
        let target = |&target: &Option<u8>| target.map_or(NO_TARGET, i64::from);
        let targets: Vec<i64> = targets.iter().map(target).collect();
        caught(|| {
            tch::with_grad(|| {
                let logits = &network.graph.run(inputs, &[&network.output])?[0];
                let classes = *logits.size().last().context("a number is no logits")?;
                let logits = logits.f_reshape([-1, classes])?;
                ensure!(
                    logits.size()[0] == targets.len() as i64,
                    "{} targets for {} rows",
                    targets.len(),
                    logits.size()[0]
                );
                let targets = T::from_slice(&targets).f_to_device(network.graph.device)?;
                let loss = logits.f_cross_entropy_loss(
                    &targets,
                    None::<&T>,
                    Reduction::Sum,
                    NO_TARGET,
                    0.0,
                )?;
                let values: Vec<&T> = network.weights.iter().map(|w| &w.used).collect();
                let gradients = T::f_run_backward(&[&loss], &values, false, false)?;
                Ok((loss.f_double_value(&[])?, Gradients(gradients)))
            })
        })
    }

    /// Takes the step of this number, from 1, against the sum of gradients, each times `scale`.
    /// The order of `parts` is that of the sum.
    ///
    /// # Errors
    /// When a gradient is not finite: the weights are then as they were.
    pub fn step(
        &mut self,
        parts: Vec<Gradients>,
        scale: f64,
        number: usize,
        rate: f64,
        optimizer: AdamW,
    ) -> Result<()> {
        let weights = &mut self.0.0.weights;
        guarded(|| {
            let mut sum: Vec<T> = Vec::new();
            for Gradients(part) in parts {
                match sum.is_empty() {
                    true => sum = part,
                    false => {
                        for (sum, part) in sum.iter_mut().zip(&part) {
                            *sum = sum.f_add(part)?;
                        }
                    }
                }
            }
            let mut squares = 0.0;
            for gradient in &sum {
                squares += gradient.f_norm()?.f_double_value(&[])?.powi(2);
            }
            let norm = squares.sqrt() * scale;
            ensure!(
                norm.is_finite(),
                "the gradient of step {number} is not finite; take a lower rate"
            );
            let scale = scale * (optimizer.clip / norm.max(f64::MIN_POSITIVE)).min(1.0);
            let pairs = weights.par_iter_mut().zip(sum);
            pairs.try_for_each(|(weight, mut gradient)| {
                guarded(|| {
                    let gradient = gradient.f_mul_scalar_(scale)?;
                    weight.step(&gradient, number, rate, optimizer.decay)
                })
            })
        })
    }

    /// A copy of what steps change, as it is now.
    pub fn weights(&self) -> Result<Weights> {
        let copied = |w: &Weight| Ok((w.name.clone(), w.value.f_detach_copy()?));
        guarded(|| {
            let weights = self.0.0.weights.iter().map(copied);
            Ok(Weights(Shared(weights.collect::<Result<_>>()?)))
        })
    }

    /// Puts weights back.
    ///
    /// # Errors
    /// When they are of another network.
    pub fn set(&mut self, weights: &Weights) -> Result<()> {
        let named: HashMap<&str, &T> = weights.0.0.iter().map(|(n, t)| (n.as_str(), t)).collect();
        guarded(|| {
            for weight in &mut self.0.0.weights {
                let value = named.get(&*weight.name).copied();
                fill(&mut weight.value, value, &weight.name)?;
                weight.round()?;
            }
            Ok(())
        })
    }

    /// The tuned weights, the optimizer's moments and a second set of weights, as safetensors.
    pub fn save(&self, best: &Weights) -> Result<Vec<u8>> {
        let mut tensors: Vec<(String, T)> = Vec::new();
        for weight in &self.0.0.weights {
            for (kind, tensor) in weight.state() {
                tensors.push((format!("{kind}.{}", weight.name), tensor));
            }
        }
        let best = best.0.0.iter();
        tensors.extend(best.map(|(name, t)| (format!("best.{name}"), t.shallow_clone())));
        safetensors(&tensors)
    }

    /// Goes back to what [`Tuning::save`] wrote, and gives the second set of weights.
    ///
    /// # Errors
    /// When the file cannot be read, or is of another network.
    pub fn resume(&mut self, path: &Path) -> Result<Weights> {
        let network = &mut self.0.0;
        let resumed = guarded(|| {
            let stored: HashMap<String, T> = T::read_safetensors(path)?.into_iter().collect();
            let of = |kind: &str, name: &str| stored.get(&format!("{kind}.{name}"));
            let mut best = Vec::new();
            for weight in &mut network.weights {
                let name = weight.name.clone();
                let mut copy = weight.value.f_detach_copy()?;
                fill(&mut copy, of("best", &name), &name)?;
                for (kind, mut tensor) in weight.state() {
                    fill(&mut tensor, of(kind, &name), &name)?;
                }
                weight.round()?;
                best.push((name, copy));
            }
            Ok(Weights(Shared(best)))
        });
        resumed.with_context(|| format!("{}: damaged, or of another network", path.display()))
    }

    /// The file with the tuned weights in place of the old, int8 where they were int8, with the
    /// same scales. Nothing else of it changes.
    pub fn onnx(&self) -> Result<Vec<u8>> {
        guarded(|| self.0.0.written())
    }

    /// The same weights in f32 as safetensors, by the names that the ONNX graph gives their f32
    /// values: of an int8 weight that of its `DequantizeLinear`'s output, of others the
    /// initializer's.
    pub fn safetensors(&self) -> Result<Vec<u8>> {
        let weights = self.0.0.weights.iter();
        let named = weights.map(|w| (w.name.clone(), w.used.shallow_clone()));
        safetensors(&named.collect::<Vec<_>>())
    }
}

impl Engine for Tuning {
    fn run(&self, inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<ArrayD<f32>>> {
        guarded(|| {
            let found = self.0.0.graph.run(inputs, outputs)?;
            found.iter().map(from_torch).collect()
        })
    }
}

impl Weight {
    /// What training changes: other handles on the same memory.
    fn state(&self) -> [(&'static str, T); 3] {
        let [first, second] = &self.moments;
        [
            ("weight", &self.value),
            ("first", first),
            ("second", second),
        ]
        .map(|(kind, tensor)| (kind, tensor.shallow_clone()))
    }

    fn step(&mut self, gradient: &T, number: usize, rate: f64, decay: f64) -> Result<()> {
        let (b1, b2) = AdamW::BETAS;
        let [first, second] = &mut self.moments;
        *first = first.f_lerp(gradient, 1.0 - b1)?;
        *second = second.f_lerp(&gradient.f_square()?, 1.0 - b2)?;
        // The moments begin at 0, and are too small for it at first.
        let unbiased = |beta: f64| 1.0 - beta.powf(number as f64);
        let spread = second.f_div_scalar(unbiased(b2))?.f_sqrt()?;
        let step = first.f_div(&spread.f_add_scalar(AdamW::EPSILON)?)?;
        let kept = match self.value.dim() {
            0 | 1 => 1.0,
            _ => 1.0 - rate * decay,
        };
        let value = self.value.f_mul_scalar(kept)?;
        let value = value.f_sub(&step.f_mul_scalar(rate / unbiased(b1))?)?;
        self.value.f_copy_(&value)?;
        self.round()
    }

    fn round(&mut self) -> Result<()> {
        match &self.int8 {
            Some(int8) => {
                let rounded = int8.rounded(&self.value)?.f_mul(&int8.scales)?;
                self.used.f_copy_(&rounded)?;
            }
            None => self.used.f_copy_(&self.value)?,
        }
        Ok(())
    }

    /// The initializer that the weight has in the file, and its data.
    fn data(&self) -> Result<(&str, T)> {
        Ok(match &self.int8 {
            Some(int8) => {
                let rounded = int8.rounded(&self.value)?;
                (&int8.values, rounded.f_to_kind(Kind::Int8)?)
            }
            None => (&self.name, self.value.shallow_clone()),
        })
    }
}

impl Int8 {
    /// In steps of the scale.
    fn rounded(&self, value: &T) -> Result<T> {
        let steps = value.f_div(&self.scales)?.f_round()?;
        Ok(steps.f_clamp(-LARGEST, LARGEST)?)
    }

    /// A value that is rounded to this one, any of them as likely.
    fn unrounded(&self, value: &T, random: &mut ChaCha8Rng) -> Result<T> {
        // A little less than half a step, for what f32 rounds.
        let draw = || (random.random::<f32>() - 0.5) * 0.999;
        let shares: Vec<f32> = std::iter::repeat_with(draw).take(value.numel()).collect();
        let shares = T::from_slice(&shares).f_reshape(value.size())?;
        let shares = shares.f_to_device(value.device())?;
        Ok(value.f_add(&shares.f_mul(&self.scales)?)?)
    }
}

impl Network {
    fn read(
        file: Vec<u8>,
        external: Option<(&str, Vec<u8>)>,
        output: &str,
        device: tch::Device,
        seed: u64,
    ) -> Result<Self> {
        let mut graph = Graph::read(&file, external, device)?;
        let places = places(&file).context("its weights cannot be found")?;
        let found = own_weights(&graph, output, &places)?;
        ensure!(
            !found.is_empty(),
            "there are no weights that {output} alone depends on"
        );
        graph.fold(&found.iter().map(|(name, _)| name.clone()).collect())?;
        let mut weights = Vec::new();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for (name, int8) in found {
            let stored = graph.constants.get(&name).context("a weight is missing")?;
            let used = stored.f_detach_copy()?.f_set_requires_grad(true)?;
            graph.constants.insert(name.clone(), used.shallow_clone());
            let start = used.f_detach_copy()?;
            weights.push(Weight {
                name,
                value: match &int8 {
                    Some(int8) => int8.unrounded(&start, &mut random)?,
                    None => start,
                },
                moments: [used.f_zeros_like()?, used.f_zeros_like()?],
                used,
                int8,
            });
        }
        Ok(Self {
            graph,
            output: output.to_owned(),
            weights,
            file,
            places,
        })
    }

    fn written(&self) -> Result<Vec<u8>> {
        let mut file = self.file.clone();
        for weight in &self.weights {
            let (name, tensor) = weight.data()?;
            let tensor = tensor.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
            let place = self.places.get(name).cloned();
            let data = place.and_then(|place| file.get_mut(place));
            let size = tensor.numel() * tensor.kind().elt_size_in_bytes();
            let data = data.filter(|data| data.len() == size);
            let data = data.with_context(|| format!("{name}: not stored as whole numbers"))?;
            tensor.f_copy_data_u8(data, tensor.numel())?;
        }
        Ok(file)
    }
}

/// The weights that `output` depends on and no other output does, in the order of the nodes.
///
/// A weight is a float initializer, or a `DequantizeLinear` of initializers, with more than one
/// number: single numbers belong to the formula, as the root of a head's width does.
fn own_weights(
    graph: &Graph,
    output: &str,
    places: &HashMap<String, Range<usize>>,
) -> Result<Vec<(String, Option<Int8>)>> {
    ensure!(
        graph.outputs.iter().any(|known| known == output),
        "{output}: the network has no such output"
    );
    let others = graph.outputs.iter().filter(|other| *other != output);
    let others = asked(graph, others.map(String::as_str));
    let own = asked(graph, [output]);
    // External data are shared with other networks, and have no place in the file.
    let own = |name: &&str| own.contains(name) && !others.contains(name);
    let stored = |name: &&str| places.contains_key(*name) && graph.constants.contains_key(*name);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for node in graph.nodes.iter().filter(|node| own(&node.output.as_str())) {
        if node.operator == "DequantizeLinear" {
            if node.given().all(|name| own(&name) && stored(&name)) {
                found.push((node.output.clone(), Some(int8(node, graph)?)));
            }
            continue;
        }
        for name in node.given().filter(own).filter(stored) {
            let value = &graph.constants[name];
            if value.kind() == Kind::Float && value.numel() > 1 && seen.insert(name) {
                found.push((name.to_owned(), None));
            }
        }
    }
    Ok(found)
}

/// All values that are needed for some.
fn asked<'a>(graph: &'a Graph, of: impl IntoIterator<Item = &'a str>) -> HashSet<&'a str> {
    let mut asked: HashSet<&str> = of.into_iter().collect();
    for node in graph.nodes.iter().rev() {
        if asked.contains(node.output.as_str()) {
            asked.extend(node.given());
        }
    }
    asked
}

/// The weight of a `DequantizeLinear`.
fn int8(node: &Node, graph: &Graph) -> Result<Int8> {
    let named = |i: usize| node.inputs.get(i).filter(|name| !name.is_empty());
    let (name, scales) = named(0).zip(named(1)).context("no values or no scales")?;
    let (values, scales) = (&graph.constants[name], &graph.constants[scales]);
    let centred = match named(2) {
        Some(zero) => {
            graph.constants[zero]
                .f_count_nonzero(None)?
                .f_int64_value(&[])?
                == 0
        }
        None => true,
    };
    ensure!(
        values.kind() == Kind::Int8 && centred && scales.f_min()?.f_double_value(&[])? > 0.0,
        "{name}: not int8 around 0 with positive scales"
    );
    let mut shape = vec![1; values.dim()];
    if scales.dim() == 1 {
        shape[axis(node.int("axis", 1), values.dim())?] = -1;
    }
    Ok(Int8 {
        values: name.clone(),
        scales: scales.f_reshape(shape)?,
    })
}

/// Where in an ONNX file the data of every initializer stand: `ModelProto.graph` (7),
/// `GraphProto.initializer` (5), `TensorProto.name` (8), `raw_data` (9) or packed `float_data`
/// (4) (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
fn places(file: &[u8]) -> Option<HashMap<String, Range<usize>>> {
    let mut places = HashMap::new();
    let of = |range, number| {
        let fields = fields(file, range)?.into_iter();
        Some(
            fields
                .filter(move |(of, _)| *of == number)
                .map(|(_, place)| place),
        )
    };
    for graph in of(0..file.len(), 7)? {
        for tensor in of(graph, 5)? {
            let name = of(tensor.clone(), 8)?.next().unwrap_or(0..0);
            let data = of(tensor.clone(), 9)?.chain(of(tensor, 4)?).next();
            if let Some(data) = data {
                places.insert(String::from_utf8(file[name].to_vec()).ok()?, data);
            }
        }
    }
    Some(places)
}

/// The fields of a protobuf message that are bytes: their numbers and places
/// (https://protobuf.dev/programming-guides/encoding/).
fn fields(file: &[u8], message: Range<usize>) -> Option<Vec<(u64, Range<usize>)>> {
    let message_end = message.end;
    let mut at = message.start;
    let varint = |at: &mut usize| {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *file[..message_end].get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    };
    let mut found = Vec::new();
    while at < message_end {
        let tag = varint(&mut at)?;
        let length = match tag & 7 {
            0 => varint(&mut at).map(|_| 0)?,
            1 => 8,
            2 => usize::try_from(varint(&mut at)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let end = at.checked_add(length).filter(|end| *end <= message_end)?;
        if tag & 7 == 2 {
            found.push((tag >> 3, at..end));
        }
        at = end;
    }
    Some(found)
}

fn fill(to: &mut T, from: Option<&T>, name: &str) -> Result<()> {
    let from = from.with_context(|| format!("there is no {name}"))?;
    ensure!(
        from.size() == to.size(),
        "{name}: shape {:?}, not {:?}",
        from.size(),
        to.size()
    );
    to.f_copy_(from)?;
    Ok(())
}

fn safetensors(tensors: &[(String, T)]) -> Result<Vec<u8>> {
    // The binding writes to a path only.
    let file = tempfile::NamedTempFile::new()?;
    guarded(|| {
        let stored = |(name, tensor): &(String, T)| {
            let tensor = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?;
            Ok((name.clone(), tensor.f_contiguous()?))
        };
        let tensors = tensors.iter().map(stored).collect::<Result<Vec<_>>>()?;
        T::write_safetensors(&tensors, file.path()).map_err(|e| anyhow!("{e}"))
    })?;
    Ok(std::fs::read(file.path())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_nonsense_is_not() {
        // 1: varint 150; 2: "ab"; 3: f32; 4: f64; 2: "".
        let message = [
            &[
                0x08, 0x96, 0x01, 0x12, 2, b'a', b'b', 0x1d, 0, 0, 0, 0, 0x21,
            ][..],
            &[0; 8],
            &[0x12, 0],
        ]
        .concat();
        let all = 0..message.len();
        assert_eq!(fields(&message, all).unwrap(), [(2, 5..7), (2, 23..23)]);
        assert_eq!(fields(&message, 0..6), None, "cut short");
        assert_eq!(fields(&[0xff; 20], 0..20), None);
        assert_eq!(fields(&[], 0..0), Some(vec![]));
    }

    #[test]
    fn the_step_is_that_of_the_paper() {
        let mut weight = Weight {
            name: String::new(),
            value: T::from_slice(&[1.0_f32, -2.0]).reshape([1, 2]),
            used: T::zeros([1, 2], (Kind::Float, tch::Device::Cpu)),
            moments: [(); 2].map(|()| T::zeros([1, 2], (Kind::Float, tch::Device::Cpu))),
            int8: None,
        };
        let (mut value, mut m, mut v) = ([1.0_f64, -2.0], [0.0; 2], [0.0; 2]);
        for (t, gradient) in [(1, [0.5, -3.0]), (2, [-0.25, 1.0])] {
            let given = T::from_slice(&gradient.map(|g| g as f32)).reshape([1, 2]);
            weight.step(&given, t, 0.1, 0.01).unwrap();
            for i in 0..2 {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                let (m, v) = (
                    m[i] / (1.0 - 0.9_f64.powi(t as i32)),
                    v[i] / (1.0 - 0.999_f64.powi(t as i32)),
                );
                value[i] -= 0.1 * (m / (v.sqrt() + 1e-8) + 0.01 * value[i]);
            }
        }
        for (i, value) in value.into_iter().enumerate() {
            assert_eq!(weight.used, weight.value);
            assert!((weight.value.double_value(&[0, i as i64]) - value).abs() < 1e-5);
        }
    }

    #[test]
    fn what_is_unrounded_is_rounded_to_the_same() {
        let int8 = Int8 {
            values: String::new(),
            scales: T::from_slice(&[0.003_f32, 1e-6, 7.0]),
        };
        let steps: Vec<f32> = (0..255 * 3).map(|i| (i / 3 - 127) as f32).collect();
        let steps = T::from_slice(&steps).reshape([255, 3]);
        let values = &steps * &int8.scales;
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let moved = int8.unrounded(&values, &mut random).unwrap();
        assert_ne!(moved, values);
        assert_eq!(int8.rounded(&moved).unwrap(), steps);
    }
}
