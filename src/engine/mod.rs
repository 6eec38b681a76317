//! What executes a network.

mod rten;
#[cfg(feature = "torch")]
pub mod torch;
mod workers;

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use ndarray::ArrayD;

pub use self::rten::RtenEngine;
pub use self::workers::Workers;

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

/// Which engine, and on what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The embedded engine: ONNX files, on the processor.
    #[default]
    Rten,
    /// libtorch: ONNX files and Hugging Face checkpoints (cargo feature `torch`).
    Torch(Device),
}

impl Backend {
    /// Whether networks can run there.
    ///
    /// # Errors
    /// When the program was built without this engine, or there is no such device.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Rten => Ok(()),
            #[cfg(feature = "torch")]
            Self::Torch(device) => torch::check(device),
            #[cfg(not(feature = "torch"))]
            Self::Torch(_) => bail!(
                "--engine torch: not in this build of konspekt; run ./models/setup-torch, then \
                 cargo build --release --features torch"
            ),
        }
    }
}

/// Where libtorch computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    #[default]
    Cpu,
    /// An NVIDIA card, by its number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let card = name.strip_prefix("cuda:").map(str::parse);
        match (name, card) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(number)),
            _ => bail!("no such device: it is cpu, cuda or cuda:N (cuda:0 is the first card)"),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        for (name, device) in [
            ("cpu", Device::Cpu),
            ("cuda", Device::Cuda(0)),
            ("cuda:2", Device::Cuda(2)),
        ] {
            assert_eq!(name.parse::<Device>().unwrap(), device);
        }
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }

    #[cfg(not(feature = "torch"))]
    #[test]
    fn without_the_feature_torch_is_refused_with_advice() {
        let refused = Backend::Torch(Device::Cpu).check().unwrap_err();
        assert!(refused.to_string().contains("./models/setup-torch"));
    }
}
