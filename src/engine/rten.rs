//! The embedded engine: ONNX files run by `rten`, in pure Rust.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use ndarray::ArrayD;
use rten::{Model, ModelOptions, RunOptions, ValueOrView};
use rten_tensor::prelude::*;

use super::{Engine, Tensor, Workers};

/// A network in ONNX format.
pub struct RtenEngine {
    model: Model,
    workers: Workers,
}

impl RtenEngine {
    /// Loads an ONNX file, with the name and the bytes of its external data, if it
    /// has any; int8 weights are expanded to f32 here, once.
    pub fn load(
        path: &Path,
        bytes: Vec<u8>,
        external: Option<(&str, Vec<u8>)>,
        workers: Workers,
    ) -> Result<Self> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        if let Some((name, data)) = external {
            options.external_data(name, data);
        }
        let model = options
            .load(bytes)
            .map_err(|e| anyhow!("{e}"))
            .with_context(|| {
                format!(
                    "{}: damaged or not an ONNX network; put it back as it came",
                    path.display()
                )
            })?;
        Ok(Self { model, workers })
    }
}

impl Engine for RtenEngine {
    fn run(&self, mut inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<ArrayD<f32>>> {
        // Many exports of BERT ask for the kinds of pieces as well: of a single text all are 0.
        let kinds = self.model.find_node("token_type_ids");
        let wanted = kinds.is_some_and(|id| self.model.input_ids().contains(&id));
        if wanted && inputs.iter().all(|(name, _)| *name != "token_type_ids") {
            let ids = inputs.iter().find(|(name, _)| *name == "input_ids");
            if let Some((_, Tensor::Int(ids))) = ids {
                let kinds = Tensor::Int(ArrayD::zeros(ids.raw_dim()));
                inputs.push(("token_type_ids", kinds));
            }
        }
        let inputs = inputs
            .into_iter()
            .map(|(name, tensor)| Ok((self.model.node_id(name)?, value(tensor))))
            .collect::<Result<Vec<_>>>()?;
        let ids = outputs
            .iter()
            .map(|name| Ok(self.model.node_id(name)?))
            .collect::<Result<Vec<_>>>()?;
        let options = RunOptions::default().with_thread_pool(Some(self.workers.pool.clone()));
        self.model
            .run(inputs, &ids, Some(options))?
            .into_iter()
            .map(|value| {
                let tensor: rten_tensor::Tensor<f32> = value.try_into()?;
                let shape = tensor.shape().to_vec();
                Ok(ArrayD::from_shape_vec(shape, tensor.into_data())?)
            })
            .collect()
    }
}

fn value(tensor: Tensor) -> ValueOrView<'static> {
    fn owned<T: Clone>(array: ArrayD<T>) -> rten_tensor::Tensor<T> {
        let shape = array.shape().to_vec();
        let data = array
            .as_standard_layout()
            .into_owned()
            .into_raw_vec_and_offset()
            .0;
        rten_tensor::Tensor::from_data(&shape, data)
    }
    match tensor {
        Tensor::Int(array) => owned(array).into(),
        Tensor::Float(array) => owned(array).into(),
    }
}
