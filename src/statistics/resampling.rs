//! Intervals and tests that draw essays anew.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// An interval that holds the figure with the stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The percentile bootstrap (Efron and Tibshirani, *An Introduction to the Bootstrap*,
/// 1993, chapter 13): `figure` of `draws` samples of `n` essays with replacement, and
/// its 2.5th and 97.5th percentiles. Essays are drawn whole, since the sentences
/// of one are not independent.
///
/// Draws in which the figure is not defined are left out; there is no interval where
/// that is more than half of them, nor of fewer than two essays.
pub fn bootstrap(
    n: usize,
    draws: usize,
    seed: u64,
    figure: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    if n < 2 {
        return None;
    }
    let mut figures = resample(n, draws, seed, figure);
    if 2 * figures.len() <= draws {
        return None;
    }
    figures.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        let rank = (q * figures.len() as f64).ceil() as usize;
        figures[rank.clamp(1, figures.len()) - 1]
    };
    Some(Interval {
        low: quantile(0.025),
        high: quantile(0.975),
    })
}

/// A figure of `draws` samples of `n` things with replacement, where it is defined.
pub fn resample<T>(
    n: usize,
    draws: usize,
    seed: u64,
    figure: impl Fn(&[usize]) -> Option<T>,
) -> Vec<T> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = vec![0; n];
    let draw = |_| {
        sample.fill_with(|| random.random_range(0..n));
        figure(&sample)
    };
    (0..draws).filter_map(draw).collect()
}

/// So many essays are tried in every way; more are drawn.
const EXACT: usize = 13;

/// The two-sided p-value of approximate randomisation (Noreen, *Computer-Intensive
/// Methods for Testing Hypotheses*, 1989; Yeh, "More accurate tests for the
/// statistical significance of result differences", 2000): how often the figure
/// differs between two runs as much as it does, when for each of `n` essays it is a
/// toss which run's result is which. `difference` takes, for each essay, whether the
/// two are swapped.
///
/// Up to 13 essays all ways are tried, and the value is exact; for more, `draws` of
/// them, and the value is (so often + 1) / (draws + 1). Not defined where the difference
/// is not.
pub fn randomisation(
    n: usize,
    draws: usize,
    seed: u64,
    difference: impl Fn(&[bool]) -> Option<f64>,
) -> Option<f64> {
    let mut swapped = vec![false; n];
    let observed = difference(&swapped)?.abs();
    // A way in which the figure is not defined counts as one without a difference.
    let extreme = |swapped: &[bool]| {
        difference(swapped).is_some_and(|d| d.abs() >= observed - 1e-12) || observed <= 1e-12
    };
    if n <= EXACT {
        let all = 1_usize << n;
        let so_often = (0..all).filter(|way| {
            for (essay, swap) in swapped.iter_mut().enumerate() {
                *swap = way >> essay & 1 == 1;
            }
            extreme(&swapped)
        });
        return Some(so_often.count() as f64 / all as f64);
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let so_often = (0..draws).filter(|_| {
        swapped.fill_with(|| random.random());
        extreme(&swapped)
    });
    Some((so_often.count() + 1) as f64 / (draws + 1) as f64)
}
