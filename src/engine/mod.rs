//! What executes a network.

mod rten;

use anyhow::Result;
use ndarray::ArrayD;

pub use self::rten::{RtenEngine, Workers};

/// A named input of a network.
pub enum Tensor {
    Int(ArrayD<i32>),
    Float(ArrayD<f32>),
}

/// A loaded network. The same inputs give the same bits, whatever the number
/// of threads.
pub trait Engine: Send + Sync {
    /// Runs the network once.
    ///
    /// # Errors
    /// When an input or output has no such name, or the shapes do not fit.
    fn run(&self, inputs: Vec<(&str, Tensor)>, outputs: &[&str]) -> Result<Vec<ArrayD<f32>>>;
}
