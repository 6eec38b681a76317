//! Shares of a corpus, corrected for the program's errors.

use serde::Serialize;

use super::mean;

/// How many of a corpus's essays have a property.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    pub share: f64,
    /// The 95 % interval of the normal approximation, within 0 to 1.
    pub low: f64,
    pub high: f64,
}

/// The share of essays with a property: what the program says of the essays without
/// labels, corrected by how far it is off on those with (prediction-powered inference:
/// Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, *Science* 382; the weight of the
/// program's answers as in PPI++, Angelopoulos, Duchi and Zrnic 2023). Right whatever
/// the program's errors are, as long as the labelled essays were drawn at random.
///
/// `labelled` are what the labels and the program say of each labelled essay,
/// `unlabelled` what the program says of the others. Not defined for fewer than two of
/// either, nor where all labels say the same: a spread of none would promise certainty.
pub fn corrected_share(labelled: &[(bool, bool)], unlabelled: &[bool]) -> Option<Share> {
    let alike = labelled.windows(2).all(|pair| pair[0].0 == pair[1].0);
    if alike || unlabelled.len() < 2 {
        return None;
    }
    let number = |b: bool| f64::from(u8::from(b));
    let gold: Vec<f64> = labelled.iter().map(|l| number(l.0)).collect();
    let said: Vec<f64> = labelled.iter().map(|l| number(l.1)).collect();
    let rest: Vec<f64> = unlabelled.iter().map(|&b| number(b)).collect();
    let (n, m) = (gold.len() as f64, rest.len() as f64);
    let weight = weight(&gold, &said, &rest);
    let off: Vec<f64> = gold
        .iter()
        .zip(&said)
        .map(|(g, s)| g - weight * s)
        .collect();
    let share = weight * mean(&rest)? + mean(&off)?;
    let spread = (weight * weight * variance(&rest) / m + variance(&off) / n).sqrt();
    let at = |z: f64| (share + z * spread).clamp(0.0, 1.0);
    Some(Share {
        share: at(0.0),
        low: at(-1.959_963_984_540_054),
        high: at(1.959_963_984_540_054),
    })
}

/// The weight that makes the interval smallest, 0 to 1 (PPI++, section 6).
fn weight(gold: &[f64], said: &[f64], rest: &[f64]) -> f64 {
    let together: Vec<f64> = said.iter().chain(rest).copied().collect();
    let all = together.len() as f64;
    let of_said = variance(&together) * all / (all - 1.0);
    if of_said == 0.0 {
        return 1.0;
    }
    let (n, m) = (gold.len() as f64, rest.len() as f64);
    let (mean_gold, mean_said) = (mean(gold).unwrap_or(0.0), mean(said).unwrap_or(0.0));
    let covariance = (gold.iter().zip(said))
        .map(|(g, s)| (g - mean_gold) * (s - mean_said))
        .sum::<f64>()
        / n;
    (covariance / ((1.0 + n / m) * of_said)).clamp(0.0, 1.0)
}

/// Of a whole population.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values).unwrap_or(0.0);
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}
