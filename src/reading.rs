#![doc = include_str!("reading.md")]

use serde::{Deserialize, Serialize};

use crate::layers::{Annotated, SentenceStance, Speaker, Stance};
use crate::networks::round;
use crate::study::{Calibration, Study, Thresholds};
use crate::text::Span;

/// What one essay says of every thesis.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Index of the thesis that is the essay's main explanation.
    pub primary: Option<usize>,
    /// One cell a thesis, in the codebook's order.
    pub cells: Vec<Cell>,
}

/// Where an essay stands on one thesis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    pub stance: CellStance,
    /// The thesis's share of the essay's argument, 0 to 1.
    pub weight: f64,
    /// Probability that `stance` is what a careful reader would say, 0 to 1.
    pub confidence: f64,
    /// Strongest first.
    pub evidence: Vec<Evidence>,
}

/// Where an essay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellStance {
    Endorses,
    Rejects,
    /// Another's view, set out or left open.
    Reports,
    Absent,
}

impl CellStance {
    pub const ALL: [Self; 4] = [Self::Endorses, Self::Rejects, Self::Reports, Self::Absent];

    pub fn name(self) -> &'static str {
        match self {
            Self::Endorses => "endorses",
            Self::Rejects => "rejects",
            Self::Reports => "reports",
            Self::Absent => "absent",
        }
    }
}

/// A sentence that shows where the essay stands on a thesis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    #[serde(flatten)]
    pub span: Span,
    pub quote: String,
    pub stance: SentenceStance,
    pub voice: Speaker,
    pub source: Option<String>,
    pub score: f64,
}

/// How much the sentences of a cell assert, deny and report: sums of
/// probabilities, so that "1.0" is what one sure sentence would give.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mass {
    asserts: f64,
    denies: f64,
    reports: f64,
}

impl Mass {
    fn of<'a>(stances: impl Iterator<Item = &'a Stance>) -> Self {
        stances.fold(Self::default(), |sum, stance| {
            let [asserts, denies, reports] = stance.probabilities;
            Self {
                asserts: sum.asserts + asserts,
                denies: sum.denies + denies,
                reports: sum.reports + reports,
            }
        })
    }

    fn total(self) -> f64 {
        self.asserts + self.denies + self.reports
    }

    /// The author's own side, where the author takes one: views set out to be
    /// answered are counted with neither.
    fn stance(self, least: f64) -> CellStance {
        if self.total() < least {
            CellStance::Absent
        } else if self.asserts.max(self.denies) < self.reports / 2.0 {
            CellStance::Reports
        } else if self.asserts >= self.denies {
            CellStance::Endorses
        } else {
            CellStance::Rejects
        }
    }

    /// Probability that `stance` is right.
    fn confidence(self, stance: CellStance, calibration: Calibration) -> f64 {
        let own = match stance {
            CellStance::Endorses => self.asserts,
            CellStance::Rejects => self.denies,
            CellStance::Reports => self.reports,
            CellStance::Absent => return calibration.absent,
        };
        let total = self.total();
        let logit =
            calibration.intercept + calibration.share * own / total + calibration.mass * total.ln();
        1.0 / (1.0 + (-logit).exp())
    }
}

/// Reads an essay from its stances.
pub fn read(essay: &Annotated, study: &Study) -> Reading {
    let Thresholds {
        cell: least,
        primary: least_primary,
        ..
    } = study.thresholds;
    let masses: Vec<Mass> = (0..study.theses.len())
        .map(|thesis| Mass::of(of_thesis(&essay.stances, thesis)))
        .collect();
    let stances: Vec<CellStance> = masses.iter().map(|mass| mass.stance(least)).collect();
    let spoken_of = |thesis: &usize| stances[*thesis] != CellStance::Absent;
    let whole: f64 = (0..masses.len())
        .filter(spoken_of)
        .map(|thesis| masses[thesis].total())
        .sum();
    let cells: Vec<Cell> = (0..masses.len())
        .map(|thesis| {
            let (mass, stance) = (masses[thesis], stances[thesis]);
            let (weight, evidence) = match stance {
                CellStance::Absent => (0.0, Vec::new()),
                _ => (round(mass.total() / whole), evidence(essay, thesis)),
            };
            Cell {
                stance,
                weight,
                confidence: round(mass.confidence(stance, study.confidence)),
                evidence,
            }
        })
        .collect();
    let explains = |&thesis: &usize| {
        cells[thesis].stance == CellStance::Endorses && masses[thesis].asserts >= least_primary
    };
    // The first in the codebook's order where two weigh the same.
    let primary = (0..cells.len()).filter(explains).reduce(|best, thesis| {
        if round(masses[thesis].asserts) > round(masses[best].asserts) {
            thesis
        } else {
            best
        }
    });
    Reading { primary, cells }
}

fn of_thesis(stances: &[Stance], thesis: usize) -> impl Iterator<Item = &Stance> {
    stances.iter().filter(move |s| s.thesis_index == thesis)
}

fn evidence(essay: &Annotated, thesis: usize) -> Vec<Evidence> {
    let mut evidence: Vec<Evidence> = of_thesis(&essay.stances, thesis)
        .map(|s| Evidence {
            span: s.span,
            quote: essay.essay.quote(s.span).to_owned(),
            stance: s.stance,
            voice: s.voice,
            source: s.source.clone(),
            score: s.score,
        })
        .collect();
    evidence.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.span.cmp(&b.span)));
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(asserts: f64, denies: f64, reports: f64) -> Mass {
        Mass {
            asserts,
            denies,
            reports,
        }
    }

    #[test]
    fn a_view_set_out_to_be_refuted_is_rejected() {
        assert_eq!(mass(0.5, 2.0, 3.0).stance(1.0), CellStance::Rejects);
        assert_eq!(mass(0.2, 0.4, 3.0).stance(1.0), CellStance::Reports);
        assert_eq!(mass(4.0, 1.0, 2.0).stance(1.0), CellStance::Endorses);
        assert_eq!(mass(0.3, 0.3, 0.3).stance(1.0), CellStance::Absent);
    }

    #[test]
    fn confidence_is_as_calibrated() {
        let calibration = Calibration {
            absent: 0.7,
            intercept: 0.0,
            share: 1.0,
            mass: 0.5,
        };
        let sure = |m: Mass| m.confidence(m.stance(1.0), calibration);
        assert_eq!(sure(mass(0.1, 0.0, 0.0)), 0.7);
        assert!(sure(mass(9.0, 0.0, 0.0)) > sure(mass(2.0, 0.0, 0.0)));
        assert!(sure(mass(9.0, 0.0, 0.0)) > sure(mass(5.0, 4.0, 0.0)));
        // Logistic of 1 × share 1 + 0.5 × ln 1.
        assert!((sure(mass(1.0, 0.0, 0.0)) - 0.731).abs() < 1e-3);
        let unknown = Calibration::default();
        assert_eq!(
            mass(9.0, 0.0, 0.0).confidence(CellStance::Endorses, unknown),
            0.5
        );
    }
}
