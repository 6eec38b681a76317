//! Statistics of agreement, error and reliability, each with its source.
//!
//! A figure that is not defined for its input is `None`, never 0. The tests hold every
//! one of them against published worked examples and against the outputs of other
//! libraries (`tests/statistics`).

mod agreement;
mod calibration;
mod counts;
mod resampling;
mod shares;
mod unitizing;

pub use agreement::{Level, Weights, alpha, kappa, percent};
pub use calibration::{Bin, Reliability, risk_coverage};
pub use counts::{Confusion, Counts};
pub use resampling::{Interval, bootstrap, randomisation, resample};
pub use shares::{Share, corrected_share};
pub use unitizing::{Unit, Unitizing, unitizing};

/// The share `part / whole`; nothing where there is nothing to share.
pub fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The mean; nothing of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
