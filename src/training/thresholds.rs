//! A study's thresholds and the calibration of its confidence, chosen on hand labels.

use super::{Lesson, logistic};
use crate::labels::Label;
use crate::layers::SentenceStance;
use crate::passes::stances::{Judged, likeliest, score};
use crate::reading::{Mass, decide};
use crate::statistics::{Counts, ratio};
use crate::study::{Calibration, Thesis, Thresholds};

const CELL: [f64; 7] = [0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5];
const PRIMARY: [f64; 5] = [0.2, 0.5, 1.0, 1.5, 2.5];
/// Cells from which on confidence is fitted to its grounds.
const FEW: usize = 20;

/// An essay with what a judge says of it that has not learned from it.
pub type Case<'a> = (&'a Lesson, &'a Judged);

/// The thresholds that are best on these essays: of evidence, by F1 of sentences with
/// thesis and stance; of cells and primaries, by the sum of the shares of cells, of cells of
/// weight 2 and 3, and of primaries that are right, and where these are equal by fewer
/// essays that explain nothing and are given a main explanation.
pub fn choose(cases: &[Case], theses: &[Thesis]) -> Thresholds {
    let evidence = (3..30).map(|step| f64::from(step) * 0.02);
    let evidence = first_best(evidence, |&least| evidence_f1(cases, least));
    // Where nothing decides, the defaults are better than the lowest.
    let default = Thresholds::default();
    let evidence = match evidence_f1(cases, evidence) > 0.0 {
        true => evidence,
        false => default.evidence,
    };
    let summed_up = |label: &Label| !label.cells.is_empty() || !label.primary.is_empty();
    if !cases.iter().any(|(lesson, _)| summed_up(&lesson.label)) {
        return Thresholds {
            evidence,
            ..default
        };
    }
    let masses: Vec<Vec<Mass>> = (cases.iter())
        .map(|(_, judged)| masses(judged, theses.len(), evidence))
        .collect();
    let pairs = CELL
        .iter()
        .flat_map(|&cell| PRIMARY.map(|primary| (cell, primary)));
    let (cell, primary) = first_best(pairs, |&(cell, primary)| {
        let thresholds = Thresholds {
            evidence,
            cell,
            primary,
        };
        let labels = cases.iter().map(|(lesson, _)| &lesson.label);
        right(labels.zip(&masses), theses, thresholds)
    });
    Thresholds {
        evidence,
        cell,
        primary,
    }
}

/// Confidence that is right as often as it says: logistic regression of "the cell is right"
/// on its grounds; for absent cells, and where there are few others, how often they are.
pub fn calibrate(cases: &[Case], theses: &[Thesis], thresholds: Thresholds) -> Calibration {
    let (mut absent, mut present) = (Vec::new(), Vec::new());
    for (lesson, judged) in cases {
        let masses = masses(judged, theses.len(), thresholds.evidence);
        let (stances, _) = decide(&masses, thresholds);
        for (thesis, (mass, stance)) in theses.iter().zip(masses.iter().zip(stances)) {
            let Some(cell) = lesson.label.cells.get(&thesis.id) else {
                continue;
            };
            let right = cell.stances.contains(&stance);
            match mass.grounds(stance) {
                None => absent.push(right),
                Some(grounds) => present.push((grounds, right)),
            }
        }
    }
    // Laplace's rule of succession: nothing is certain.
    let share = |right: usize, all: usize| (right + 1) as f64 / (all + 2) as f64;
    let count = |all: &[bool]| all.iter().filter(|right| **right).count();
    let rights: Vec<bool> = present.iter().map(|(_, right)| *right).collect();
    let overall = share(count(&rights), rights.len());
    let flat = Calibration {
        absent: share(count(&absent), absent.len()),
        intercept: (overall / (1.0 - overall)).ln(),
        share: 0.0,
        mass: 0.0,
    };
    if present.len() < FEW {
        return flat;
    }
    let grounds = present
        .iter()
        .flat_map(|(grounds, _)| grounds.map(|x| x as f32));
    let inputs = ndarray::Array2::from_shape_vec((present.len(), 2), grounds.collect());
    let targets = logistic::Targets {
        classes: ndarray::Array2::from_shape_fn((present.len(), 1), |(i, _)| rights[i].into()),
        weights: ndarray::Array2::ones((present.len(), 1)),
        count: 2,
    };
    let fitted = logistic::fit(&inputs.expect("two a row"), &targets, 1.0);
    let Ok(fitted) = fitted else { return flat };
    // Of "right" against "wrong".
    let slope = |i: usize| f64::from(fitted.weights[[i, 1]] - fitted.weights[[i, 0]]);
    Calibration {
        intercept: f64::from(fitted.bias[1] - fitted.bias[0]),
        share: slope(0),
        mass: slope(1),
        ..flat
    }
}

/// The first of those with the highest value.
fn first_best<T, V: PartialOrd>(all: impl Iterator<Item = T>, value: impl Fn(&T) -> V) -> T {
    let better = |best: (T, V), next: (T, V)| if next.1 > best.1 { next } else { best };
    let valued = all.map(|one| {
        let value = value(&one);
        (one, value)
    });
    valued.reduce(better).expect("something to choose from").0
}

/// What an essay's evidence adds up to for every thesis.
fn masses(judged: &Judged, theses: usize, evidence: f64) -> Vec<Mass> {
    let of_thesis = |thesis: usize| {
        let found = judged.iter().map(move |of_sentence| of_sentence[thesis]);
        let found = found.filter(|&[none, ..]| score(none) >= evidence);
        Mass::sum(found.map(|[_, asserts, denies, reports]| Mass::new([asserts, denies, reports])))
    };
    (0..theses).map(of_thesis).collect()
}

/// F1 of sentences with thesis and stance.
fn evidence_f1(cases: &[Case], least: f64) -> f64 {
    let mut counts = Counts::default();
    let sentences = (cases.iter()).flat_map(|(lesson, judged)| lesson.gold.iter().zip(*judged));
    for (gold, judged) in sentences.flat_map(|(gold, judged)| gold.iter().zip(judged)) {
        let &[none, asserts, denies, reports] = judged;
        let Some(gold) = *gold else { continue };
        let said = likeliest([asserts, denies, reports]);
        let found = score(none) >= least;
        let hit = found && gold == class(said);
        counts.hits += usize::from(hit);
        counts.false_alarms += usize::from(found && !hit);
        counts.misses += usize::from(gold > 0 && !hit);
    }
    counts.f1().unwrap_or(0.0)
}

/// The class of a stance; 0 is none.
pub fn class(stance: SentenceStance) -> usize {
    1 + stance as usize
}

/// How much is right, and how few primaries are forced.
fn right<'a>(
    essays: impl Iterator<Item = (&'a Label, &'a Vec<Mass>)>,
    theses: &[Thesis],
    thresholds: Thresholds,
) -> (f64, i64) {
    let (mut cells, mut main, mut primaries) = ([0; 2], [0; 2], [0; 2]);
    let mut forced = 0;
    for (label, masses) in essays {
        let (stances, primary) = decide(masses, thresholds);
        for (thesis, stance) in theses.iter().zip(stances) {
            let Some(cell) = label.cells.get(&thesis.id) else {
                continue;
            };
            let hit = usize::from(cell.stances.contains(&stance));
            cells[0] += hit;
            cells[1] += 1;
            if cell.weights.iter().any(|&weight| weight >= 2) {
                main[0] += hit;
                main[1] += 1;
            }
        }
        if !label.primary.is_empty() {
            let named = primary.map(|thesis| theses[thesis].id.clone());
            primaries[0] += usize::from(label.primary.contains(&named));
            primaries[1] += 1;
            forced -= i64::from(label.primary == [None] && named.is_some());
        }
    }
    let shares = [cells, main, primaries].map(|[right, all]| ratio(right, all).unwrap_or(0.0));
    (shares.iter().sum(), forced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_is_taken() {
        assert_eq!(first_best([3, 1, 2].into_iter(), |x| x % 2), 3);
    }

    #[test]
    fn masses_are_of_the_evidence_alone() {
        let judged = vec![vec![[0.5, 0.3, 0.2, 0.0]], vec![[0.9, 0.1, 0.0, 0.0]]];
        let found = masses(&judged, 1, 0.5);
        assert_eq!(found, [Mass::new([0.3, 0.2, 0.0])]);
    }
}
