//! Agreement of readers who give each item one value.

use super::ratio;

/// How far apart two values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Alike or not (Cohen 1960).
    None,
    /// By the steps between them (Cohen 1968).
    Linear,
    /// By the square of the steps (Cohen 1968).
    Quadratic,
}

/// The share of pairs whose two values are the same.
pub fn percent(pairs: &[(usize, usize)]) -> Option<f64> {
    ratio(pairs.iter().filter(|(a, b)| a == b).count(), pairs.len())
}

/// Cohen's kappa of two readers, plain (Cohen, "A coefficient of agreement for nominal
/// scales", 1960) or weighted ("Weighted kappa", 1968): one minus observed
/// disagreement over the disagreement expected by chance. Values are 0 to `k` - 1, for
/// weights in their order.
///
/// Not defined without pairs, nor where both readers give all items one and the same
/// value, since chance alone would then agree.
pub fn kappa(pairs: &[(usize, usize)], k: usize, weights: Weights) -> Option<f64> {
    let apart = |a: usize, b: usize| {
        let steps = a.abs_diff(b) as f64;
        match weights {
            Weights::None => f64::from(u8::from(a != b)),
            Weights::Linear => steps,
            Weights::Quadratic => steps * steps,
        }
    };
    let mut first = vec![0.0; k];
    let mut second = vec![0.0; k];
    let mut observed = 0.0;
    for &(a, b) in pairs {
        first[a] += 1.0;
        second[b] += 1.0;
        observed += apart(a, b);
    }
    let mut expected = 0.0;
    for (a, n) in first.iter().enumerate() {
        for (b, m) in second.iter().enumerate() {
            expected += n * m * apart(a, b);
        }
    }
    expected /= pairs.len() as f64;
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

/// The level of measurement of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Nominal,
    /// Values stand in their order.
    Ordinal,
}

/// Krippendorff's alpha (Krippendorff, *Content Analysis*, 2004, chapter 11; "Computing
/// Krippendorff's alpha-reliability", 2011). `items` hold for each item the values, 0 to
/// `k` - 1, that its readers gave; an item with one value says nothing of agreement.
///
/// Not defined where fewer than two values can be paired or all are the same.
pub fn alpha(items: &[Vec<usize>], k: usize, level: Level) -> Option<f64> {
    let mut coincidences = vec![vec![0.0; k]; k];
    for item in items.iter().filter(|item| item.len() > 1) {
        for (i, &a) in item.iter().enumerate() {
            for (j, &b) in item.iter().enumerate() {
                if i != j {
                    coincidences[a][b] += 1.0 / (item.len() - 1) as f64;
                }
            }
        }
    }
    let totals: Vec<f64> = coincidences.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = totals.iter().sum();
    let apart = |a: usize, b: usize| match level {
        _ if a == b => 0.0,
        Level::Nominal => 1.0,
        Level::Ordinal => {
            let between: f64 = totals[a.min(b)..=a.max(b)].iter().sum();
            (between - (totals[a] + totals[b]) / 2.0).powi(2)
        }
    };
    let (mut observed, mut expected) = (0.0, 0.0);
    for a in 0..k {
        for b in 0..k {
            observed += coincidences[a][b] * apart(a, b);
            expected += totals[a] * totals[b] * apart(a, b);
        }
    }
    (expected > 0.0).then(|| 1.0 - (all - 1.0) * observed / expected)
}
