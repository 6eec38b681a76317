//! A run scored against hand labels.
//!
//! Cells and the primary thesis are compared as they stand. An evidence span
//! counts for a mark when they share more than half of the shorter of them and
//! name the same thesis; each mark is found once; spans on contested marks count
//! neither way. Where readers may differ on a cell, each of their values is right.

mod report;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::labels::{Label, Mark};
use crate::layers::SentenceStance;
use crate::reading::CellStance;
use crate::text::Span;

pub use report::terminal as report_terminal;
pub use table::{EssayRow, Table};

/// True positives, false positives, false negatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub hits: usize,
    pub false_alarms: usize,
    pub misses: usize,
}

impl Counts {
    pub fn precision(self) -> Option<f64> {
        ratio(self.hits, self.hits + self.false_alarms)
    }
    pub fn recall(self) -> Option<f64> {
        ratio(self.hits, self.hits + self.misses)
    }
    /// Harmonic mean of precision and recall (van Rijsbergen 1979).
    pub fn f1(self) -> Option<f64> {
        ratio(
            2 * self.hits,
            2 * self.hits + self.false_alarms + self.misses,
        )
    }
    fn add(&mut self, other: Counts) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Figures {
            precision: Option<f64>,
            recall: Option<f64>,
            f1: Option<f64>,
            hits: usize,
            false_alarms: usize,
            misses: usize,
        }
        Figures {
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f1(),
            hits: self.hits,
            false_alarms: self.false_alarms,
            misses: self.misses,
        }
        .serialize(to)
    }
}

/// The share `part / whole`; nothing where there is nothing to share.
fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How a run agrees with the labels.
#[derive(Clone, Debug, Serialize)]
pub struct Scores {
    /// Labelled essays that the run has.
    pub essays: usize,
    pub primary_accuracy: Option<f64>,
    pub cell_accuracy: Option<f64>,
    /// Cohen's kappa (Cohen 1960) over all cells.
    pub cell_kappa: Option<f64>,
    /// Accuracy over cells that the labels give weight 2 or 3.
    pub main_cell_accuracy: Option<f64>,
    /// What always naming the labels' commonest value would reach.
    pub majority: Majority,
    /// By thesis id, and "all".
    pub evidence: BTreeMap<String, EvidenceScores>,
    /// Evidence by sentence stance, thesis right as well.
    pub stances: BTreeMap<SentenceStance, Counts>,
    pub off_body_evidence: usize,
    pub bad_quotes: usize,
    /// Labels whose essays the run does not have.
    pub labels_without_essay: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Majority {
    pub primary_accuracy: Option<f64>,
    pub cell_accuracy: Option<f64>,
}

/// Evidence of one thesis.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct EvidenceScores {
    /// The sentence is evidence on the thesis, whatever its stance.
    pub thesis: Counts,
    /// The stance is right as well.
    pub thesis_and_stance: Counts,
}

/// One cell as labelled and as predicted.
struct CellPair<'a> {
    predicted: CellStance,
    wanted: &'a [CellStance],
    weight: u8,
}

impl CellPair<'_> {
    /// What the labels say; the prediction where it is one of several values.
    fn gold(&self) -> CellStance {
        if self.wanted.contains(&self.predicted) {
            self.predicted
        } else {
            self.wanted[0]
        }
    }
}

/// Scores a run. `text` gives an essay's text by file name.
pub fn score<'t>(
    table: &Table,
    labels: &[Label],
    unknown: Vec<String>,
    text: impl Fn(&str) -> &'t str,
) -> Scores {
    let by_doc: BTreeMap<&str, &Label> = labels.iter().map(|l| (l.doc.as_str(), l)).collect();
    let mut evidence: BTreeMap<String, EvidenceScores> = BTreeMap::new();
    let mut stances: BTreeMap<SentenceStance, Counts> = SentenceStance::ALL
        .into_iter()
        .map(|stance| (stance, Counts::default()))
        .collect();
    let mut cells: Vec<CellPair> = Vec::new();
    let mut primaries: Vec<(Option<&str>, &Label)> = Vec::new();
    let (mut off_body, mut bad_quotes) = (0, 0);
    for essay in &table.essays {
        let Some(label) = by_doc.get(essay.file_name()) else {
            continue;
        };
        let text = text(&label.doc);
        primaries.push((essay.primary.as_deref(), label));
        for (thesis, cell) in &essay.theses {
            let Some(wanted) = label.cells.get(thesis) else {
                continue;
            };
            cells.push(CellPair {
                predicted: cell.stance,
                wanted: &wanted.stances,
                weight: wanted.weights.iter().copied().max().unwrap_or(0),
            });
            bad_quotes += cell
                .evidence
                .iter()
                .filter(|e| text.get(e.start..e.end) != Some(e.quote.as_str()))
                .count();
            let found = score_evidence(&cell.evidence, thesis, label, text);
            off_body += found.off_body;
            for (stance, counts) in found.stances {
                stances.entry(stance).or_default().add(counts);
            }
            for key in [thesis.as_str(), "all"] {
                let sum = evidence.entry(key.to_owned()).or_default();
                sum.thesis.add(found.scores.thesis);
                sum.thesis_and_stance.add(found.scores.thesis_and_stance);
            }
        }
    }
    let right = |pairs: &[&CellPair]| {
        ratio(
            pairs
                .iter()
                .filter(|c| c.wanted.contains(&c.predicted))
                .count(),
            pairs.len(),
        )
    };
    let main: Vec<&CellPair> = cells.iter().filter(|c| c.weight >= 2).collect();
    let is_primary = |predicted: Option<&str>, label: &Label| {
        label.primary.iter().any(|id| id.as_deref() == predicted)
    };
    let primary_right = |predicted: &dyn Fn(usize) -> Option<String>| {
        let right = primaries
            .iter()
            .enumerate()
            .filter(|(i, (_, label))| is_primary(predicted(*i).as_deref(), label));
        ratio(right.count(), primaries.len())
    };
    Scores {
        essays: primaries.len(),
        primary_accuracy: primary_right(&|i| primaries[i].0.map(str::to_owned)),
        cell_accuracy: right(&cells.iter().collect::<Vec<_>>()),
        cell_kappa: kappa(
            &cells
                .iter()
                .map(|c| (c.predicted, c.gold()))
                .collect::<Vec<_>>(),
        ),
        main_cell_accuracy: right(&main),
        majority: Majority {
            primary_accuracy: {
                let values: BTreeSet<_> = primaries
                    .iter()
                    .flat_map(|(_, l)| l.primary.clone())
                    .collect();
                best(
                    values
                        .into_iter()
                        .map(|v| primary_right(&move |_| v.clone())),
                )
            },
            cell_accuracy: best(CellStance::ALL.into_iter().map(|stance| {
                ratio(
                    cells.iter().filter(|c| c.wanted.contains(&stance)).count(),
                    cells.len(),
                )
            })),
        },
        evidence,
        stances,
        off_body_evidence: off_body,
        bad_quotes,
        labels_without_essay: unknown,
    }
}

fn best(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    figures.flatten().max_by(f64::total_cmp)
}

struct Found {
    scores: EvidenceScores,
    stances: BTreeMap<SentenceStance, Counts>,
    off_body: usize,
}

fn score_evidence(evidence: &[table::Evidence], thesis: &str, label: &Label, text: &str) -> Found {
    let of_thesis = |marks: &'_ [Mark]| -> Vec<Mark> {
        marks
            .iter()
            .filter(|m| m.thesis == thesis)
            .cloned()
            .collect()
    };
    let (marks, contested) = (of_thesis(&label.marks), of_thesis(&label.contested));
    let mut used = vec![false; marks.len()];
    let mut scores = EvidenceScores::default();
    let mut stances: BTreeMap<SentenceStance, Counts> = BTreeMap::new();
    let mut off_body = 0;
    for e in evidence {
        let span = Span::new(e.start, e.end);
        let hit = (0..marks.len()).find(|&i| !used[i] && share(text, span, marks[i].span));
        if let Some(i) = hit {
            used[i] = true;
            scores.thesis.hits += 1;
            if marks[i].stance == Some(e.stance) {
                scores.thesis_and_stance.hits += 1;
                stances.entry(e.stance).or_default().hits += 1;
            } else {
                scores.thesis_and_stance.false_alarms += 1;
                scores.thesis_and_stance.misses += 1;
                stances.entry(e.stance).or_default().false_alarms += 1;
                if let Some(marked) = marks[i].stance {
                    stances.entry(marked).or_default().misses += 1;
                }
            }
            continue;
        }
        let on_contested = contested.iter().any(|m| share(text, span, m.span));
        let again = (0..marks.len()).any(|i| used[i] && share(text, span, marks[i].span));
        if !on_contested && !again {
            off_body += usize::from(!inside_body(text, span, label));
            scores.thesis.false_alarms += 1;
            scores.thesis_and_stance.false_alarms += 1;
            stances.entry(e.stance).or_default().false_alarms += 1;
        }
    }
    for (mark, _) in marks.iter().zip(&used).filter(|(_, used)| !**used) {
        if let Some(marked) = mark.stance {
            stances.entry(marked).or_default().misses += 1;
        }
    }
    let missed = used.iter().filter(|used| !**used).count();
    scores.thesis.misses += missed;
    scores.thesis_and_stance.misses += missed;
    Found {
        scores,
        stances,
        off_body,
    }
}

/// Two spans share more than half of the shorter, counted in code points.
fn share(text: &str, a: Span, b: Span) -> bool {
    let length = |span: Span| {
        text.get(span.start..span.end)
            .map_or(0, |t| t.chars().count())
    };
    a.overlaps(b) && {
        let common = Span::new(a.start.max(b.start), a.end.min(b.end));
        2 * length(common) > length(a).min(length(b))
    }
}

/// Inside the body by the labels, with two characters' grace at its end, and
/// off every skipped region of more than forty characters.
fn inside_body(text: &str, span: Span, label: &Label) -> bool {
    let after = text.get(label.body.end..).unwrap_or("");
    let grace: usize = after.chars().take(2).map(char::len_utf8).sum();
    let long = |skip: &&Span| skip.of(text).chars().count() > 40;
    label.body.start <= span.start
        && span.end <= label.body.end + grace
        && !label
            .skip
            .iter()
            .filter(long)
            .any(|skip| skip.overlaps(span))
}

/// Cohen's kappa (Cohen 1960); 1 where both always name the same one value.
fn kappa(pairs: &[(CellStance, CellStance)]) -> Option<f64> {
    let n = pairs.len() as f64;
    if pairs.is_empty() {
        return None;
    }
    let share = |matching: &dyn Fn(&(CellStance, CellStance)) -> bool| {
        pairs.iter().filter(|pair| matching(pair)).count() as f64 / n
    };
    let observed = share(&|(a, b)| a == b);
    let expected: f64 = CellStance::ALL
        .into_iter()
        .map(|value| share(&|(a, _)| *a == value) * share(&|(_, b)| *b == value))
        .sum();
    Some(if expected < 1.0 {
        (observed - expected) / (1.0 - expected)
    } else {
        1.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use CellStance::{Absent, Endorses, Rejects};

    #[test]
    fn kappa_of_a_worked_example() {
        // Cohen's 2 × 2: 20 both yes, 15 both no, 5 and 10 apart: kappa = 0.4.
        let mut pairs = vec![(Endorses, Endorses); 20];
        pairs.extend(vec![(Rejects, Rejects); 15]);
        pairs.extend(vec![(Endorses, Rejects); 5]);
        pairs.extend(vec![(Rejects, Endorses); 10]);
        assert!((kappa(&pairs).unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(kappa(&[]), None);
        assert_eq!(kappa(&[(Absent, Absent)]), Some(1.0));
    }

    #[test]
    fn spans_share_by_code_points() {
        let text = "ééééab";
        assert!(share(text, Span::new(0, 8), Span::new(2, 10)));
        assert!(
            !share(text, Span::new(0, 4), Span::new(2, 8)),
            "exactly half is not more than half"
        );
        assert!(!share(text, Span::new(0, 4), Span::new(4, 8)));
    }

    #[test]
    fn a_wrong_stance_is_a_false_alarm_of_one_and_a_miss_of_the_other() {
        let text = "It was hunger. It was not hunger.";
        let mark = |start, end, stance| Mark {
            span: Span::new(start, end),
            thesis: "t".into(),
            stance: Some(stance),
        };
        let label = Label {
            doc: "a.txt".into(),
            body: Span::new(0, text.len()),
            skip: Vec::new(),
            primary: vec![None],
            cells: BTreeMap::new(),
            marks: vec![
                mark(0, 14, SentenceStance::Asserts),
                mark(15, 33, SentenceStance::Denies),
            ],
            contested: Vec::new(),
        };
        let evidence = [table::Evidence {
            start: 15,
            end: 33,
            quote: text[15..33].into(),
            stance: SentenceStance::Asserts,
        }];
        let found = score_evidence(&evidence, "t", &label, text);
        let counts = |hits, false_alarms, misses| Counts {
            hits,
            false_alarms,
            misses,
        };
        assert_eq!(found.scores.thesis, counts(1, 0, 1));
        assert_eq!(found.scores.thesis_and_stance, counts(0, 1, 2));
        assert_eq!(found.stances[&SentenceStance::Asserts], counts(0, 1, 1));
        assert_eq!(found.stances[&SentenceStance::Denies], counts(0, 0, 1));
    }

    #[test]
    fn an_undefined_figure_is_no_figure() {
        let none = Counts::default();
        assert_eq!(
            (none.precision(), none.recall(), none.f1()),
            (None, None, None)
        );
    }
}
