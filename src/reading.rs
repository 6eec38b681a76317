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
    pub explanation: Explanation,
}

/// Why a cell says what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What the sentences of the cell add up to.
    #[serde(flatten)]
    pub mass: Mass,
    /// What would have made the cell another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Without>,
    /// Of an absent cell the sentence that comes nearest to showing its thesis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Evidence>,
}

/// What a cell would have been without the sentences that speak most for its stance:
/// those that add most to its own mass rather than to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Without {
    /// So many of those that speak most for its stance.
    pub sentences: usize,
    pub stance: CellStance,
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

impl Cell {
    /// The evidence with the sentences first that take the cell's own stance, each part
    /// strongest first: what to show of a cell when not all is shown.
    pub fn own_first(&self) -> Vec<&Evidence> {
        let (own, others): (Vec<_>, Vec<_>) =
            (self.evidence.iter()).partition(|e| CellStance::from(e.stance) == self.stance);
        [own, others].concat()
    }
}

impl From<SentenceStance> for CellStance {
    /// Where an essay stands that has no other sentence.
    fn from(stance: SentenceStance) -> Self {
        match stance {
            SentenceStance::Asserts => Self::Endorses,
            SentenceStance::Denies => Self::Rejects,
            SentenceStance::Reports => Self::Reports,
        }
    }
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
    /// What it adds to the cell.
    #[serde(flatten)]
    pub mass: Mass,
}

/// How much the sentences of a cell assert, deny and report: sums of
/// probabilities, so that "1.0" is what one sure sentence would give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mass {
    #[serde(rename = "p_asserts", default)]
    pub asserts: f64,
    #[serde(rename = "p_denies", default)]
    pub denies: f64,
    #[serde(rename = "p_reports", default)]
    pub reports: f64,
}

impl Mass {
    /// Of one sentence, by its probabilities of asserts, denies and reports.
    pub fn new([asserts, denies, reports]: [f64; 3]) -> Self {
        Self {
            asserts,
            denies,
            reports,
        }
    }

    fn of(stance: &Stance) -> Self {
        Self::new(stance.probabilities)
    }

    pub fn sum(masses: impl Iterator<Item = Self>) -> Self {
        masses.fold(Self::default(), |sum, mass| Self {
            asserts: sum.asserts + mass.asserts,
            denies: sum.denies + mass.denies,
            reports: sum.reports + mass.reports,
        })
    }

    /// As it is written to files.
    fn rounded(self) -> Self {
        Self {
            asserts: round(self.asserts),
            denies: round(self.denies),
            reports: round(self.reports),
        }
    }

    /// How far it is for `stance` rather than for what stands against it.
    fn speaks_for(self, stance: CellStance) -> f64 {
        match stance {
            CellStance::Endorses => self.asserts - self.denies,
            CellStance::Rejects => self.denies - self.asserts,
            CellStance::Reports => self.reports / 2.0 - self.asserts.max(self.denies),
            CellStance::Absent => 0.0,
        }
    }

    fn own(self, stance: CellStance) -> f64 {
        match stance {
            CellStance::Endorses => self.asserts,
            CellStance::Rejects => self.denies,
            CellStance::Reports => self.reports,
            CellStance::Absent => 0.0,
        }
    }

    fn total(self) -> f64 {
        self.asserts + self.denies + self.reports
    }

    /// The author's own side, where the author takes one: views set out to be
    /// answered are counted with neither.
    fn stance(self, least: f64) -> CellStance {
        // Rounded as it is shown: sums of decimals fall a hair short of what they add up to.
        let total = round(self.total());
        if total == 0.0 || total < round(least) {
            CellStance::Absent
        } else if self.asserts.max(self.denies) < self.reports / 2.0 {
            CellStance::Reports
        } else if self.asserts >= self.denies {
            CellStance::Endorses
        } else {
            CellStance::Rejects
        }
    }

    /// What confidence in a stance goes by: its share of the mass, and the mass's
    /// logarithm; nothing for an absent cell.
    pub fn grounds(self, stance: CellStance) -> Option<[f64; 2]> {
        let total = self.total();
        let present = stance != CellStance::Absent;
        present.then(|| [self.own(stance) / total, total.ln()])
    }

    /// Probability that `stance` is right.
    fn confidence(self, stance: CellStance, calibration: Calibration) -> f64 {
        let Some([share, mass]) = self.grounds(stance) else {
            return calibration.absent;
        };
        let logit = calibration.intercept + calibration.share * share + calibration.mass * mass;
        1.0 / (1.0 + (-logit).exp())
    }
}

/// What the masses of an essay's cells come to: the cells' stances, and the main
/// explanation among them.
pub fn decide(masses: &[Mass], thresholds: Thresholds) -> (Vec<CellStance>, Option<usize>) {
    let stances: Vec<CellStance> = (masses.iter())
        .map(|mass| mass.stance(thresholds.cell))
        .collect();
    let explains = |&thesis: &usize| {
        stances[thesis] == CellStance::Endorses
            && round(masses[thesis].asserts) >= round(thresholds.primary)
    };
    // The first in the codebook's order where two weigh the same.
    let primary = (0..masses.len()).filter(explains).reduce(|best, thesis| {
        if round(masses[thesis].asserts) > round(masses[best].asserts) {
            thesis
        } else {
            best
        }
    });
    (stances, primary)
}

/// Reads an essay from its stances.
pub fn read(essay: &Annotated, study: &Study) -> Reading {
    let least = study.thresholds.cell;
    let masses: Vec<Mass> = (0..study.theses.len())
        .map(|thesis| Mass::sum(of_thesis(&essay.stances, thesis).map(Mass::of)))
        .collect();
    let (stances, primary) = decide(&masses, study.thresholds);
    let spoken_of = |thesis: &usize| stances[*thesis] != CellStance::Absent;
    let whole: f64 = (0..masses.len())
        .filter(spoken_of)
        .map(|thesis| masses[thesis].total())
        .sum();
    let cells: Vec<Cell> = (0..masses.len())
        .map(|thesis| {
            let (mass, stance) = (masses[thesis], stances[thesis]);
            let evidence = all_evidence(essay, thesis);
            let (weight, evidence, nearest) = match stance {
                CellStance::Absent => {
                    // What there is of it does not make a cell; else the nearest miss.
                    let miss = of_thesis(&essay.nearest, thesis).map(|s| self::evidence(essay, s));
                    (0.0, Vec::new(), evidence.into_iter().chain(miss).next())
                }
                _ => (round(mass.total() / whole), evidence, None),
            };
            Cell {
                stance,
                weight,
                confidence: round(mass.confidence(stance, study.confidence)),
                explanation: Explanation {
                    mass: mass.rounded(),
                    without: without(stance, evidence.iter().map(|e| e.mass).collect(), least),
                    nearest,
                },
                evidence,
            }
        })
        .collect();
    Reading { primary, cells }
}

fn of_thesis(stances: &[Stance], thesis: usize) -> impl Iterator<Item = &Stance> {
    stances.iter().filter(move |s| s.thesis_index == thesis)
}

fn evidence(essay: &Annotated, of: &Stance) -> Evidence {
    Evidence {
        span: of.span,
        quote: essay.essay.quote(of.span).to_owned(),
        stance: of.stance,
        voice: of.voice,
        source: of.source.clone(),
        score: of.score,
        mass: Mass::of(of),
    }
}

fn all_evidence(essay: &Annotated, thesis: usize) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = of_thesis(&essay.stances, thesis)
        .map(|stance| evidence(essay, stance))
        .collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.span.cmp(&b.span)));
    all
}

/// Takes sentences away, those first that speak most for the cell's stance, until
/// it is another.
fn without(stance: CellStance, mut masses: Vec<Mass>, least: f64) -> Option<Without> {
    masses.sort_by(|a, b| b.speaks_for(stance).total_cmp(&a.speaks_for(stance)));
    (1..=masses.len()).find_map(|gone| {
        let left = Mass::sum(masses[gone..].iter().copied()).stance(least);
        (left != stance).then_some(Without {
            sentences: gone,
            stance: left,
        })
    })
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
    fn what_is_shown_of_a_cell_takes_its_stance() {
        let sentence = |start, stance| Evidence {
            span: Span::new(start, start + 1),
            quote: String::new(),
            stance,
            voice: Speaker::Author,
            source: None,
            score: 1.0,
            mass: Mass::default(),
        };
        let cell = Cell {
            stance: CellStance::Rejects,
            weight: 1.0,
            confidence: 0.5,
            evidence: vec![
                sentence(0, SentenceStance::Reports),
                sentence(1, SentenceStance::Denies),
                sentence(2, SentenceStance::Asserts),
                sentence(3, SentenceStance::Denies),
            ],
            explanation: Explanation {
                mass: Mass::default(),
                without: None,
                nearest: None,
            },
        };
        let starts: Vec<usize> = cell.own_first().iter().map(|e| e.span.start).collect();
        assert_eq!(starts, [1, 3, 0, 2]);
    }

    #[test]
    fn a_threshold_is_met_by_what_is_shown_as_much() {
        assert_eq!(mass(0.7, 0.1, 0.0).stance(0.8), CellStance::Endorses);
        assert_eq!(mass(0.0, 0.0, 0.0).stance(0.0), CellStance::Absent);
    }

    #[test]
    fn a_cell_names_the_sentences_it_hangs_on() {
        let masses = vec![
            mass(0.9, 0.0, 0.0),
            mass(0.1, 0.8, 0.0),
            mass(0.6, 0.1, 0.0),
        ];
        let change = |stance| without(stance, masses.clone(), 0.5);
        assert_eq!(
            change(CellStance::Endorses),
            Some(Without {
                sentences: 1,
                stance: CellStance::Rejects
            })
        );
        // The second alone decides, though the first asserts more.
        let divided = vec![
            mass(0.5, 0.48, 0.0),
            mass(0.4, 0.0, 0.0),
            mass(0.0, 0.3, 0.0),
        ];
        let change = without(CellStance::Endorses, divided, 0.5);
        assert_eq!(change.map(|w| w.sentences), Some(1));
        let one = |stance| without(stance, vec![mass(0.9, 0.0, 0.0)], 0.5);
        assert_eq!(
            one(CellStance::Endorses).map(|w| w.stance),
            Some(CellStance::Absent)
        );
        assert_eq!(without(CellStance::Absent, Vec::new(), 0.5), None);
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
