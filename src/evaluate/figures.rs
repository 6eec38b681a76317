//! The figures of agreement between two readers, each a function of essays' tallies,
//! so that essays can be drawn anew.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::tally::{CellPair, EvidenceTally, Tally};
use crate::layers::Speaker;
use crate::reading::CellStance;
use crate::statistics::{
    Counts, Interval, Level, Unit, Weights, alpha, bootstrap, kappa, percent, randomisation, ratio,
    unitizing,
};

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// `null` where it is not defined.
    pub value: Option<f64>,
    /// 95 %, by bootstrap over essays.
    pub interval: Option<Interval>,
}

/// One kind of figure.
pub struct Kind {
    pub id: &'static str,
    pub title: &'static str,
    of: fn(&[&Tally]) -> Option<f64>,
}

/// How essays are drawn.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Draws {
    pub draws: usize,
    pub seed: u64,
}

pub const KINDS: &[Kind] = &[
    Kind {
        id: "primary",
        title: "primary thesis, same",
        of: |t| percent(&primaries(t).0),
    },
    Kind {
        id: "primary_kappa",
        title: "primary thesis, Cohen's kappa",
        of: |t| {
            let (pairs, k) = primaries(t);
            kappa(&pairs, k, Weights::None)
        },
    },
    Kind {
        id: "cells",
        title: "cells, same",
        of: |t| percent(&stances(t)),
    },
    Kind {
        id: "main_cells",
        title: "cells of weight 2 and 3, same",
        of: |t| {
            let main = || cells(t).filter(|c| c.weight.is_some_and(|w| w >= 2));
            ratio(main().filter(|c| c.agrees()).count(), main().count())
        },
    },
    Kind {
        id: "cells_kappa",
        title: "cells, Cohen's kappa",
        of: |t| kappa(&stances(t), 4, Weights::None),
    },
    Kind {
        id: "cells_kappa_weighted",
        title: "cells by side, weighted kappa",
        of: |t| kappa(&sides(t), 3, Weights::Linear),
    },
    Kind {
        id: "cells_alpha",
        title: "cells, Krippendorff's alpha",
        of: |t| alpha(&items(&stances(t)), 4, Level::Nominal),
    },
    Kind {
        id: "cells_alpha_ordinal",
        title: "cells by side, ordinal alpha",
        of: |t| alpha(&items(&sides(t)), 3, Level::Ordinal),
    },
    Kind {
        id: "weights_alpha_ordinal",
        title: "weights 0 to 3, ordinal alpha",
        of: |t| {
            let both =
                |c: &CellPair| Some((c.weight?.min(3).into(), c.second_weight?.min(3).into()));
            alpha(
                &items(&cells(t).filter_map(both).collect::<Vec<_>>()),
                4,
                Level::Ordinal,
            )
        },
    },
    Kind {
        id: "evidence_thesis_f1",
        title: "evidence, thesis, F1",
        of: |t| sum(t, |e| e.thesis).f1(),
    },
    Kind {
        id: "evidence_precision",
        title: "evidence, thesis and stance, P",
        of: |t| sum(t, |e| e.thesis_and_stance).precision(),
    },
    Kind {
        id: "evidence_recall",
        title: "evidence, thesis and stance, R",
        of: |t| sum(t, |e| e.thesis_and_stance).recall(),
    },
    Kind {
        id: "evidence_f1",
        title: "evidence, thesis and stance, F1",
        of: |t| sum(t, |e| e.thesis_and_stance).f1(),
    },
    Kind {
        id: "evidence_exact_f1",
        title: "evidence, to the character, F1",
        of: |t| sum(t, |e| e.exact).f1(),
    },
    Kind {
        id: "evidence_alpha_unitizing",
        title: "evidence, unitizing alpha",
        of: unitizing_alpha,
    },
    Kind {
        id: "voice_cited_f1",
        title: "voice: cited, F1",
        of: |t| voices(t).f1(),
    },
    Kind {
        id: "voice_sources",
        title: "voice: same source",
        of: |t| {
            let all = || evidence(t).flat_map(|e| &e.sources);
            ratio(all().filter(|same| **same).count(), all().count())
        },
    },
];

/// All figures of two readers, by id.
pub fn figures(tallies: &[Tally], draws: Draws) -> BTreeMap<&'static str, Figure> {
    let all: Vec<&Tally> = tallies.iter().collect();
    let figure = |kind: &Kind| Figure {
        value: (kind.of)(&all),
        interval: bootstrap(all.len(), draws.draws, draws.seed, |sample| {
            (kind.of)(&sample.iter().map(|&i| all[i]).collect::<Vec<_>>())
        }),
    };
    KINDS
        .par_iter()
        .map(|kind| (kind.id, figure(kind)))
        .collect()
}

/// How much a figure of one run is above another's, and how likely so large a
/// difference is if the runs are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    pub this: Option<f64>,
    pub other: Option<f64>,
    pub difference: Option<f64>,
    pub p: Option<f64>,
}

/// Compares two runs with the same labels, essay by essay (approximate randomisation).
pub fn gains(this: &[Tally], other: &[Tally], draws: Draws) -> BTreeMap<&'static str, Gain> {
    let gain = |kind: &Kind| {
        let figure = |swapped: &[bool], swap_means_other: bool| {
            let drawn: Vec<&Tally> = (swapped.iter().enumerate())
                .map(|(i, &swap)| {
                    if swap == swap_means_other {
                        &other[i]
                    } else {
                        &this[i]
                    }
                })
                .collect();
            (kind.of)(&drawn)
        };
        let difference = |swapped: &[bool]| Some(figure(swapped, true)? - figure(swapped, false)?);
        let unswapped = vec![false; this.len()];
        Gain {
            this: figure(&unswapped, true),
            other: figure(&unswapped, false),
            difference: difference(&unswapped),
            p: randomisation(this.len(), draws.draws, draws.seed, difference),
        }
    };
    KINDS.par_iter().map(|kind| (kind.id, gain(kind))).collect()
}

pub fn evidence<'a>(tallies: &[&'a Tally]) -> impl Iterator<Item = &'a EvidenceTally> {
    tallies.iter().flat_map(|t| t.evidence.values())
}

pub fn sum(tallies: &[&Tally], counts: impl Fn(&EvidenceTally) -> Counts) -> Counts {
    evidence(tallies).map(counts).sum()
}

fn cells<'a>(tallies: &[&'a Tally]) -> impl Iterator<Item = &'a CellPair> {
    tallies.iter().flat_map(|t| &t.cells)
}

fn stances(tallies: &[&Tally]) -> Vec<(usize, usize)> {
    cells(tallies)
        .map(|c| (c.first as usize, c.second as usize))
        .collect()
}

/// Against a thesis, on no side, for it.
fn sides(tallies: &[&Tally]) -> Vec<(usize, usize)> {
    let side = |stance| match stance {
        CellStance::Rejects => 0,
        CellStance::Reports | CellStance::Absent => 1,
        CellStance::Endorses => 2,
    };
    cells(tallies)
        .map(|c| (side(c.first), side(c.second)))
        .collect()
}

fn items(pairs: &[(usize, usize)]) -> Vec<Vec<usize>> {
    pairs.iter().map(|&(a, b)| vec![a, b]).collect()
}

/// Values of both readers as numbers, and how many values there are.
fn primaries(tallies: &[&Tally]) -> (Vec<(usize, usize)>, usize) {
    let mut values: Vec<&Option<String>> = Vec::new();
    let mut number = |id| {
        values.iter().position(|v| *v == id).unwrap_or_else(|| {
            values.push(id);
            values.len() - 1
        })
    };
    let pairs = tallies
        .iter()
        .filter_map(|t| t.primary.as_ref())
        .map(|(first, second)| (number(first), number(second)))
        .collect();
    (pairs, values.len())
}

fn voices(tallies: &[&Tally]) -> Counts {
    let mut counts = Counts::default();
    for pair in evidence(tallies).flat_map(|e| &e.voices) {
        match pair {
            (Speaker::Cited, Speaker::Cited) => counts.hits += 1,
            (Speaker::Author, Speaker::Cited) => counts.false_alarms += 1,
            (Speaker::Cited, Speaker::Author) => counts.misses += 1,
            (Speaker::Author, Speaker::Author) => {}
        }
    }
    counts
}

/// Over the theses, with the essays' texts laid end to end.
fn unitizing_alpha(tallies: &[&Tally]) -> Option<f64> {
    let mut theses: BTreeMap<&str, (usize, [Vec<Unit>; 2])> = BTreeMap::new();
    for (thesis, evidence) in tallies.iter().flat_map(|t| &t.evidence) {
        let (length, readers) = theses.entry(thesis).or_default();
        for (all, units) in readers.iter_mut().zip(&evidence.units) {
            all.extend(units.iter().map(|unit| Unit {
                start: unit.start + *length,
                end: unit.end + *length,
            }));
        }
        *length += evidence.length;
    }
    theses
        .values()
        .map(|(length, readers)| unitizing(*length, readers))
        .sum::<crate::statistics::Unitizing>()
        .alpha()
}
