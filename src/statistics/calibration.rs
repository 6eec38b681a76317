//! Whether a confidence means what it says.

use serde::Serialize;

use super::ratio;

/// How often cells are right, by how sure the program was of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// Ten bins of equal width over 0 to 1; empty ones left out.
    pub bins: Vec<Bin>,
    /// Mean over the cells of the distance between a bin's confidence and its accuracy
    /// (Naeini, Cooper and Hauskrecht 2015).
    pub expected_calibration_error: Option<f64>,
    /// Mean square of confidence less outcome (Brier 1950).
    pub brier: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    pub low: f64,
    pub high: f64,
    pub count: usize,
    pub confidence: f64,
    pub accuracy: f64,
}

const BINS: usize = 10;

impl Reliability {
    /// Of answers with their confidence, 0 to 1, and whether they are right. A bin takes
    /// its upper edge, the first also 0.
    pub fn new(answers: &[(f64, bool)]) -> Self {
        let mut bins: Vec<Vec<(f64, bool)>> = vec![Vec::new(); BINS];
        for &(confidence, right) in answers {
            let bin = (confidence * BINS as f64).ceil() as usize;
            bins[bin.clamp(1, BINS) - 1].push((confidence, right));
        }
        let n = answers.len() as f64;
        let bins: Vec<Bin> = (bins.iter().enumerate())
            .filter(|(_, answers)| !answers.is_empty())
            .map(|(i, answers)| {
                let count = answers.len();
                Bin {
                    low: i as f64 / BINS as f64,
                    high: (i + 1) as f64 / BINS as f64,
                    count,
                    confidence: answers.iter().map(|a| a.0).sum::<f64>() / count as f64,
                    accuracy: answers.iter().filter(|a| a.1).count() as f64 / count as f64,
                }
            })
            .collect();
        let gaps = bins
            .iter()
            .map(|bin| bin.count as f64 * (bin.confidence - bin.accuracy).abs());
        let squares = answers
            .iter()
            .map(|&(confidence, right)| (confidence - f64::from(u8::from(right))).powi(2));
        let some = !answers.is_empty();
        Self {
            expected_calibration_error: some.then(|| gaps.sum::<f64>() / n),
            brier: some.then(|| squares.sum::<f64>() / n),
            bins,
        }
    }
}

/// Accuracy against coverage (El-Yaniv and Wiener 2010): for every confidence, the
/// share of answers that are at least as sure, and how many of these are right; what is
/// left of the accuracy when the less sure ones go to a person. Surest first.
pub fn risk_coverage(answers: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let mut curve = Vec::new();
    for (i, answer) in sorted.iter().enumerate() {
        right += usize::from(answer.1);
        let last_of_its_kind = sorted.get(i + 1).is_none_or(|next| next.0 < answer.0);
        if last_of_its_kind && let Some(accuracy) = ratio(right, i + 1) {
            curve.push(((i + 1) as f64 / sorted.len() as f64, accuracy));
        }
    }
    curve
}
