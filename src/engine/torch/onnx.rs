//! ONNX networks on libtorch: the graph, node by node.
//!
//! Knows the operators of the shipped networks, opset 17 (https://onnx.ai/onnx/operators/).
//! Numbers that say shapes stay on the processor, everything else is on the device.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ndarray::ArrayD;
use rten_onnx::onnx::{AttributeProto, DataType, ModelProto, NodeProto, TensorProto};
use tch::{Kind, Tensor as T};

use super::{Shared, from_torch, guarded, place, to_torch};
use crate::engine::{Device, Engine, Tensor};

/// A network in ONNX format.
pub struct Onnx(Shared<Graph>);

/// The nodes of a network, each after those that it asks.
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    /// Weights, and what is computed of them alone.
    pub constants: HashMap<String, T>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub device: tch::Device,
}

pub(super) struct Node {
    pub operator: String,
    pub inputs: Vec<String>,
    pub output: String,
    attributes: HashMap<String, Attribute>,
}

enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Tensor(T),
}

impl Onnx {
    /// Loads an ONNX file, with the name and the bytes of its external data, if it has any;
    /// int8 weights are expanded to f32 here, once.
    pub fn load(
        path: &Path,
        bytes: &[u8],
        external: Option<(&str, Vec<u8>)>,
        device: Device,
    ) -> Result<Self> {
        let loaded = guarded(|| {
            let mut graph = Graph::read(bytes, external, place(device))?;
            graph.fold(&HashSet::new())?;
            Ok(Self(Shared(graph)))
        });
        loaded.with_context(|| refusal(path))
    }
}

/// What is said of a file that cannot be loaded.
pub(super) fn refusal(path: &Path) -> String {
    format!(
        "{}: damaged, or not an ONNX network that libtorch can run here; put it back as it came",
        path.display()
    )
}

impl Engine for Onnx {
    fn run(&self, inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<ArrayD<f32>>> {
        guarded(|| {
            let found = self.0.0.run(inputs, outputs)?;
            found.iter().map(from_torch).collect()
        })
    }
}

impl Graph {
    /// The file as it stands, floats on the device.
    pub fn read(
        bytes: &[u8],
        external: Option<(&str, Vec<u8>)>,
        device: tch::Device,
    ) -> Result<Self> {
        let model = ModelProto::parse_buf(bytes).map_err(|e| anyhow!("{e}"))?;
        let graph = model.graph.context("there is no graph in it")?;
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            let name = tensor.name.clone().unwrap_or_default();
            let value = constant(tensor, external.as_ref(), device)
                .with_context(|| format!("weight {name}"))?;
            constants.insert(name, value);
        }
        let nodes = graph.node.into_iter().map(|node| Node::new(node, device));
        let inputs = graph.input.into_iter().filter_map(|input| input.name);
        let outputs = graph.output.into_iter().filter_map(|output| output.name);
        Ok(Self {
            nodes: nodes.collect::<Result<_>>()?,
            constants,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            device,
        })
    }

    /// Computes now what depends on weights alone, but for what depends on those that are to
    /// change.
    pub fn fold(&mut self, changing: &HashSet<String>) -> Result<()> {
        let constants = &mut self.constants;
        let mut left = Vec::new();
        for node in self.nodes.drain(..) {
            let fixed = |name: &str| constants.contains_key(name) && !changing.contains(name);
            if node.given().all(fixed) {
                let value = node.value(|name| constants.get(name))?;
                constants.insert(node.output, value);
            } else {
                left.push(node);
            }
        }
        self.nodes = left;
        // Of these, only what a node or an output still asks for.
        let mut wanted: HashSet<&str> = self.outputs.iter().map(String::as_str).collect();
        wanted.extend(self.nodes.iter().flat_map(Node::given));
        constants.retain(|name, _| wanted.contains(name.as_str()));
        Ok(())
    }

    /// The outputs, on the device.
    pub fn run(&self, inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<T>> {
        let mut values = HashMap::new();
        for (name, tensor) in inputs {
            ensure!(
                self.inputs.iter().any(|known| known == name),
                "{name}: the network has no such input"
            );
            values.insert(name.to_owned(), to_torch(tensor, self.device)?);
        }
        // How often each value is still asked for, by the nodes that the outputs need.
        let mut uses: HashMap<&str, usize> = outputs.iter().map(|&name| (name, 1)).collect();
        let mut needed = vec![false; self.nodes.len()];
        for (node, needed) in self.nodes.iter().zip(&mut needed).rev() {
            if uses.contains_key(node.output.as_str()) {
                *needed = true;
                for name in node.given() {
                    *uses.entry(name).or_default() += 1;
                }
            }
        }
        for (node, _) in self.nodes.iter().zip(needed).filter(|(_, needed)| *needed) {
            let value = node.value(|name| values.get(name).or_else(|| self.constants.get(name)))?;
            for name in node.given() {
                let left = uses.entry(name).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    values.remove(name);
                }
            }
            values.insert(node.output.clone(), value);
        }
        let of = |name: &&str| {
            let value = values.get(*name).or_else(|| self.constants.get(*name));
            let value = value.with_context(|| format!("{name}: the network has no such output"))?;
            Ok(value.shallow_clone())
        };
        outputs.iter().map(of).collect()
    }
}

impl Node {
    fn new(node: NodeProto, device: tch::Device) -> Result<Self> {
        let operator = node.op_type.unwrap_or_default();
        let [output] = &node.output[..] else {
            bail!("{operator}: has {} outputs, not one", node.output.len());
        };
        let mut attributes = HashMap::new();
        for of in node.attribute {
            let name = of.name.clone().unwrap_or_default();
            attributes.insert(name, attribute(of, device)?);
        }
        Ok(Self {
            output: output.clone(),
            inputs: node.input,
            operator,
            attributes,
        })
    }

    /// Names of the inputs that are given.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        let names = self.inputs.iter().map(String::as_str);
        names.filter(|name| !name.is_empty())
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Int(value)) => *value,
            _ => default,
        }
    }

    fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(values)) => Some(values.clone()),
            _ => None,
        }
    }

    fn float(&self, name: &str, default: f32) -> f64 {
        f64::from(match self.attributes.get(name) {
            Some(Attribute::Float(value)) => *value,
            _ => default,
        })
    }

    pub fn value<'a>(&self, of: impl Fn(&str) -> Option<&'a T>) -> Result<T> {
        let computed = self.compute(of);
        computed.with_context(|| format!("operator {} (for {})", self.operator, self.output))
    }

    /// What the operator makes of its inputs.
    fn compute<'a>(&self, of: impl Fn(&str) -> Option<&'a T>) -> Result<T> {
        let maybe = |i: usize| -> Result<Option<&'a T>> {
            match self.inputs.get(i).map(String::as_str) {
                None | Some("") => Ok(None),
                Some(name) => Ok(Some(
                    of(name).with_context(|| format!("{name} is not given"))?,
                )),
            }
        };
        let input = |i: usize| maybe(i)?.with_context(|| format!("input {i} is not given"));
        let numbers = |i: usize| maybe(i)?.map(numbers).transpose();
        let pair = || Ok::<_, anyhow::Error>(together(input(0)?, input(1)?));
        Ok(match self.operator.as_str() {
            "Add" => {
                let (a, b) = pair()?;
                a.f_add(&b)?
            }
            "Sub" => {
                let (a, b) = pair()?;
                a.f_sub(&b)?
            }
            "Mul" => {
                let (a, b) = pair()?;
                a.f_mul(&b)?
            }
            "Div" => {
                let (a, b) = pair()?;
                match whole(&a) && whole(&b) {
                    true => a.f_div_tensor_mode(&b, "trunc")?,
                    false => a.f_div(&b)?,
                }
            }
            "Equal" => {
                let (a, b) = pair()?;
                a.f_eq_tensor(&b)?
            }
            "Greater" => {
                let (a, b) = pair()?;
                a.f_gt_tensor(&b)?
            }
            "MatMul" => input(0)?.f_matmul(input(1)?)?,
            "Gemm" => {
                let turned = |i: usize, name: &str| -> Result<T> {
                    match self.int(name, 0) {
                        0 => Ok(input(i)?.shallow_clone()),
                        _ => Ok(input(i)?.f_transpose(0, 1)?),
                    }
                };
                let product = turned(0, "transA")?.f_matmul(&turned(1, "transB")?)?;
                let product = product.f_mul_scalar(self.float("alpha", 1.0))?;
                match maybe(2)? {
                    Some(bias) => product.f_add(&bias.f_mul_scalar(self.float("beta", 1.0))?)?,
                    None => product,
                }
            }
            "Erf" => input(0)?.f_erf()?,
            "Exp" => input(0)?.f_exp()?,
            "Log" => input(0)?.f_log()?,
            "Softmax" => input(0)?.f_softmax(self.int("axis", -1), Kind::Float)?,
            "LogSoftmax" => input(0)?.f_log_softmax(self.int("axis", -1), Kind::Float)?,
            "LayerNormalization" => {
                let x = input(0)?;
                let from = axis(self.int("axis", -1), x.dim())?;
                let scale = input(1)?;
                let epsilon = self.float("epsilon", 1e-5);
                x.f_layer_norm(&x.size()[from..], Some(scale), maybe(2)?, epsilon, false)?
            }
            "Clip" => {
                let mut x = input(0)?.shallow_clone();
                if let Some(least) = maybe(1)? {
                    x = x.f_clamp_min(least.f_double_value(&[])?)?;
                }
                if let Some(most) = maybe(2)? {
                    x = x.f_clamp_max(most.f_double_value(&[])?)?;
                }
                x
            }
            "ReduceSum" | "ReduceL2" => {
                let x = input(0)?;
                let axes = match (numbers(1)?, self.ints("axes")) {
                    (Some(axes), _) | (None, Some(axes)) => axes,
                    (None, None) => (0..x.dim() as i64).collect(),
                };
                let keep = self.int("keepdims", 1) != 0;
                match self.operator.as_str() {
                    "ReduceSum" => x.f_sum_dim_intlist(axes, keep, x.kind())?,
                    _ => x.f_norm_scalaropt_dim(2.0, axes, keep)?,
                }
            }
            "DequantizeLinear" => {
                let (x, scale) = (input(0)?.f_to_kind(Kind::Float)?, input(1)?);
                let mut shape = vec![1; x.dim()];
                if scale.dim() == 1 {
                    shape[axis(self.int("axis", 1), x.dim())?] = -1;
                }
                let x = match maybe(2)? {
                    Some(zero) => x.f_sub(&zero.f_to_kind(Kind::Float)?.f_reshape(&shape)?)?,
                    None => x,
                };
                x.f_mul(&scale.f_reshape(&shape)?)?
            }
            "Constant" => match self.attributes.values().next() {
                Some(Attribute::Tensor(value)) => value.shallow_clone(),
                Some(Attribute::Int(value)) => T::from(*value),
                Some(Attribute::Float(value)) => T::from(*value),
                Some(Attribute::Ints(values)) => T::from_slice(values),
                None => bail!("it has no value"),
            },
            "ConstantOfShape" => {
                let shape = numbers(0)?.context("shape is not given")?;
                match self.attributes.get("value") {
                    Some(Attribute::Tensor(value)) => {
                        value.f_reshape([1])?.f_expand(shape, false)?
                    }
                    _ => T::f_zeros(shape, (Kind::Float, input(0)?.device()))?,
                }
            }
            "Shape" => T::from_slice(&input(0)?.size()),
            "Cast" => input(0)?.f_to_kind(kind(DataType(self.int("to", 1) as i32))?)?,
            "Where" => {
                let (a, b) = together(input(1)?, input(2)?);
                let (which, a) = together(input(0)?, &a);
                let (_, b) = together(&a, &b);
                a.f_where_self(&which, &b)?
            }
            "Gather" => {
                let (data, at) = (input(0)?, input(1)?);
                let along = axis(self.int("axis", 0), data.dim())?;
                let size = data.size();
                let flat = at.f_to_device(data.device())?.f_reshape([-1])?;
                // A negative number counts from the end.
                let flat = flat.f_remainder(size[along])?;
                let shape = [&size[..along], &at.size()[..], &size[along + 1..]].concat();
                data.f_index_select(along as i64, &flat)?.f_reshape(shape)?
            }
            "Concat" => {
                let parts = (0..self.inputs.len())
                    .map(input)
                    .collect::<Result<Vec<_>>>()?;
                T::f_cat(&parts, self.int("axis", 0))?
            }
            "Slice" => {
                let mut x = input(0)?.shallow_clone();
                let from = numbers(1)?.context("starts are not given")?;
                let to = numbers(2)?.context("ends are not given")?;
                let axes = numbers(3)?.unwrap_or_else(|| (0..from.len() as i64).collect());
                let steps = numbers(4)?.unwrap_or_else(|| vec![1; from.len()]);
                for (((&from, &to), &along), &step) in from.iter().zip(&to).zip(&axes).zip(&steps) {
                    ensure!(step > 0, "a slice backwards");
                    x = x.f_slice(along, from, to, step)?;
                }
                x
            }
            "Reshape" => {
                let x = input(0)?;
                let mut shape = numbers(1)?.context("shape is not given")?;
                for (n, same) in shape.iter_mut().zip(x.size()) {
                    if *n == 0 && self.int("allowzero", 0) == 0 {
                        *n = same;
                    }
                }
                x.f_reshape(shape)?
            }
            "Flatten" => {
                let x = input(0)?;
                let rows: i64 = x.size()[..axis(self.int("axis", 1), x.dim() + 1)?]
                    .iter()
                    .product();
                x.f_reshape([rows, x.numel() as i64 / rows.max(1)])?
            }
            "Transpose" => {
                let x = input(0)?;
                let turned = || (0..x.dim() as i64).rev().collect();
                x.f_permute(self.ints("perm").unwrap_or_else(turned))?
            }
            "Expand" => {
                let x = input(0)?;
                let mut shape = numbers(1)?.context("shape is not given")?;
                // Both sides may be wider in some dimension.
                for (n, own) in shape.iter_mut().rev().zip(x.size().into_iter().rev()) {
                    *n = if *n == 1 { own } else { *n };
                }
                x.f_expand(shape, false)?
            }
            "Unsqueeze" => {
                let mut x = input(0)?.shallow_clone();
                let mut axes = numbers(1)?.context("axes are not given")?;
                let rank = (x.dim() + axes.len()) as i64;
                axes.iter_mut()
                    .for_each(|along| *along = along.rem_euclid(rank));
                axes.sort_unstable();
                for along in axes {
                    x = x.f_unsqueeze(along)?;
                }
                x
            }
            "Squeeze" => match numbers(1)? {
                Some(axes) => input(0)?.f_squeeze_dims(&axes[..])?,
                None => input(0)?.f_squeeze()?,
            },
            other => bail!("{other} is not among the operators known here"),
        })
    }
}

/// The two on one device: the one that is not on the processor, if there is one.
fn together(a: &T, b: &T) -> (T, T) {
    match (a.device(), b.device()) {
        (tch::Device::Cpu, to) if to != tch::Device::Cpu => (a.to_device(to), b.shallow_clone()),
        (to, tch::Device::Cpu) if to != tch::Device::Cpu => (a.shallow_clone(), b.to_device(to)),
        _ => (a.shallow_clone(), b.shallow_clone()),
    }
}

fn whole(x: &T) -> bool {
    !x.is_floating_point()
}

/// The numbers of a tensor of integers.
fn numbers(of: &T) -> Result<Vec<i64>> {
    ensure!(whole(of), "integers are wanted");
    let flat = of.f_to_device(tch::Device::Cpu)?.f_to_kind(Kind::Int64)?;
    Ok(Vec::<i64>::try_from(flat.f_reshape([-1])?)?)
}

/// A dimension that may be counted from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let rank = rank as i64;
    ensure!(
        (-rank..rank).contains(&axis),
        "no dimension {axis} in {rank}"
    );
    Ok(axis.rem_euclid(rank) as usize)
}

fn kind(of: DataType) -> Result<Kind> {
    Ok(match of {
        DataType::FLOAT => Kind::Float,
        DataType::DOUBLE => Kind::Double,
        DataType::INT8 => Kind::Int8,
        DataType::INT32 => Kind::Int,
        DataType::INT64 => Kind::Int64,
        DataType::BOOL => Kind::Bool,
        other => bail!(
            "numbers of kind {} are not known here",
            other.name().unwrap_or("?")
        ),
    })
}

fn attribute(of: AttributeProto, device: tch::Device) -> Result<Attribute> {
    Ok(match (of.t, of.i, of.f) {
        (Some(tensor), _, _) => Attribute::Tensor(constant(&tensor, None, device)?),
        (_, Some(int), _) => Attribute::Int(int),
        (_, _, Some(float)) => Attribute::Float(float),
        _ => Attribute::Ints(of.ints),
    })
}

/// A tensor of the file's; floats go to the device.
fn constant(
    of: &TensorProto,
    external: Option<&(&str, Vec<u8>)>,
    device: tch::Device,
) -> Result<T> {
    let kind = kind(of.data_type.context("of no kind")?)?;
    let elsewhere = |key: &str| {
        let mut entries = of.external_data.iter();
        let entry = entries.find(|entry| entry.key.as_deref() == Some(key));
        entry.and_then(|entry| entry.value.as_deref())
    };
    let stored = of.raw_data.as_ref().map(|bytes| bytes.borrow());
    let tensor = match (elsewhere("location"), stored) {
        (Some(location), _) => {
            let (_, bytes) = external
                .filter(|(name, _)| *name == location)
                .with_context(|| format!("its file {location} is not given"))?;
            let number = |key: &str| elsewhere(key).and_then(|value| value.parse::<usize>().ok());
            let from = number("offset").unwrap_or(0);
            let to = number("length").map_or(bytes.len(), |length| from.saturating_add(length));
            let part = bytes.get(from..to);
            stored_as(
                part.with_context(|| format!("{location} is too short"))?,
                &of.dims,
                kind,
            )?
        }
        (None, Some(bytes)) => stored_as(&bytes, &of.dims, kind)?,
        (None, None) if !of.float_data.is_empty() => {
            T::from_slice(&of.float_data).f_reshape(&of.dims)?
        }
        (None, None) if !of.int64_data.is_empty() => {
            T::from_slice(&of.int64_data).f_reshape(&of.dims)?
        }
        (None, None) => {
            ensure!(
                of.dims.contains(&0),
                "its numbers are stored in a way not known here"
            );
            T::f_zeros(&of.dims, (kind, tch::Device::Cpu))?
        }
    };
    Ok(match whole(&tensor) && kind != Kind::Int8 {
        true => tensor,
        false => tensor.f_to_device(device)?,
    })
}

/// A tensor of packed numbers.
fn stored_as(bytes: &[u8], shape: &[i64], kind: Kind) -> Result<T> {
    let wanted = shape.iter().try_fold(kind.elt_size_in_bytes(), |size, &n| {
        size.checked_mul(usize::try_from(n).ok()?)
    });
    ensure!(
        wanted == Some(bytes.len()),
        "{} bytes do not make shape {shape:?}",
        bytes.len()
    );
    Ok(T::f_from_data_size(bytes, shape, kind)?)
}
