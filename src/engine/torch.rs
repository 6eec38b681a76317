//! The second engine: libtorch, through `tch`, with rust-bert's networks where these are right.
//!
//! [`Checkpoint`] runs a Hugging Face folder as it is, [`Onnx`] the shipped networks. Both
//! compute in f32. A run takes one thread (the essays are read side by side by many), so that
//! the number of threads changes no sum.

mod checkpoint;
mod deberta;
mod onnx;
mod tuning;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, anyhow, ensure};
use ndarray::ArrayD;

use super::{Device, Tensor};
pub use checkpoint::Checkpoint;
pub use onnx::Onnx;
pub use tuning::{AdamW, Gradients, Tuning, Weights};

/// Whether libtorch can compute there.
pub(super) fn check(device: Device) -> Result<()> {
    if let Device::Cuda(number) = device {
        let cards = tch::Cuda::device_count();
        ensure!(
            cards > 0,
            "--device {device}: libtorch sees no NVIDIA card here; it needs one, its driver, and \
             a libtorch with CUDA (./models/setup-torch --cuda, then build again)"
        );
        ensure!(
            (number as i64) < cards,
            "--device {device}: there are {cards} NVIDIA cards, numbered from 0"
        );
    }
    Ok(())
}

/// A device of libtorch's.
fn place(device: Device) -> tch::Device {
    tch::set_num_threads(1);
    match device {
        Device::Cpu => tch::Device::Cpu,
        Device::Cuda(number) => tch::Device::Cuda(number),
    }
}

/// What libtorch computes with, for several threads at once.
struct Shared<T>(T);

// SAFETY: only networks are kept in it, whose tensors change only where they are borrowed
// mutably. A forward pass reads them and makes new ones; libtorch counts references to a tensor
// atomically and is meant to be read from several threads
// (https://pytorch.org/docs/2.4/notes/cpu_threading_torchscript_inference.html). So are gradients
// that are handed out, not added up in the weights
// (https://pytorch.org/docs/2.4/notes/autograd.html#multithreaded-autograd).
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above, and a tensor may be dropped by another thread than the one that made it.
unsafe impl<T> Send for Shared<T> {}

/// Runs `work` without gradients.
fn guarded<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    caught(|| tch::no_grad(work))
}

/// Runs `work`. rust-bert and tch panic on what libtorch refuses, as on a card without memory:
/// that becomes an error.
fn caught<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(said), _) => said,
            (_, Some(said)) => *said,
            _ => "no reason given",
        };
        Err(anyhow!("libtorch: {said}"))
    })
}

/// Integers become 64 bits wide, which libtorch's tables of vectors ask for.
fn to_torch(tensor: Tensor, device: tch::Device) -> Result<tch::Tensor> {
    let (shape, flat) = match &tensor {
        Tensor::Int(array) => {
            let data: Vec<i64> = array.iter().map(|&x| i64::from(x)).collect();
            (array.shape(), tch::Tensor::from_slice(&data))
        }
        Tensor::Float(array) => {
            let data: Vec<f32> = array.iter().copied().collect();
            (array.shape(), tch::Tensor::from_slice(&data))
        }
    };
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    Ok(flat.f_reshape(shape)?.f_to_device(device)?)
}

fn from_torch(tensor: &tch::Tensor) -> Result<ArrayD<f32>> {
    let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
    let flat = tensor
        .f_to_device(tch::Device::Cpu)?
        .f_to_kind(tch::Kind::Float)?
        .f_contiguous()?
        .f_reshape([-1])?;
    let data = Vec::<f32>::try_from(flat).context("an output of the network")?;
    Ok(ArrayD::from_shape_vec(shape, data)?)
}
