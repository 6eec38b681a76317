//! A run scored against hand labels, and readers against each other.
//!
//! Everybody who reads is a [`Reader`]: the program, each person, and the adjudicated
//! labels. Two of them are compared essay by essay ([`tally`]), and every figure is a
//! function of the tallies ([`figures`]), so that its interval comes from drawing whole
//! essays.
//!
//! Cells and the primary thesis are compared as they stand. An evidence span counts for
//! a mark when they share more than half of the shorter of them and name the same
//! thesis; each mark is found once; spans on contested marks count neither way. Where
//! readers may differ on a cell, each of their values is right.

mod errors;
mod figures;
mod opinion;
mod report;
mod table;
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::layers::{SentenceStance, Speaker};
use crate::reading::CellStance;
use crate::statistics::{
    Confusion, Counts, Reliability, Share, corrected_share, ratio, risk_coverage,
};

pub use errors::Error;
pub use figures::{Draws, Figure, Gain, KINDS, Kind};
pub use opinion::{CellOpinion, MarkOpinion, Opinion, Reader};
pub use report::{confusion_svg, html, json, latex, markdown, reliability_svg, terminal};
pub use table::{EssayRow, Table};
pub use tally::{Tally, tally};

/// How a run agrees with the labels, and the readers among themselves.
#[derive(Clone, Debug, Serialize)]
pub struct Scores {
    pub study: String,
    /// Labelled essays that the run has.
    pub essays: usize,
    /// Labelled essays that the judge was fitted to: what the figures say of them is how
    /// well it remembers.
    pub learned_from: Vec<String>,
    /// Labels whose essays the run does not have.
    pub labels_without_essay: Vec<String>,
    /// How intervals and tests draw essays.
    pub resampling: Draws,
    /// The program against the labels, by the ids of [`KINDS`].
    pub figures: BTreeMap<&'static str, Figure>,
    /// What always naming the labels' commonest value would reach.
    pub majority: Majority,
    /// By thesis id, and "all".
    pub evidence: BTreeMap<String, EvidenceScores>,
    /// Evidence by sentence stance, thesis right as well.
    pub stances: BTreeMap<SentenceStance, Counts>,
    /// The same by whose words a sentence gives.
    pub by_voice: BTreeMap<&'static str, Counts>,
    /// Sentences found: whose words they are.
    pub voices: Confusion,
    /// Rows are the labels', columns the program's.
    pub confusion: BTreeMap<&'static str, Confusion>,
    pub by_essay: Vec<EssayScores>,
    pub off_body_evidence: usize,
    pub bad_quotes: usize,
    /// Of the cells' confidence.
    pub calibration: Reliability,
    /// What the accuracy of the cells is if those of less confidence are left to a person.
    pub coverage: Vec<Coverage>,
    /// How many essays of the whole run take each stance on each thesis.
    pub shares: Vec<StanceShare>,
    /// Every pair of readers; not the adjudicated labels with those that they are made of.
    pub agreement: Vec<Agreement>,
    /// Against another run with the same labels, by the ids of [`KINDS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Where program and labels differ; what would gain most first.
    pub errors: Vec<Error>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Majority {
    pub primary: Option<f64>,
    pub cells: Option<f64>,
}

/// Evidence of one thesis.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct EvidenceScores {
    /// The sentence is evidence on the thesis, whatever its stance.
    pub thesis: Counts,
    /// The stance is right as well.
    pub thesis_and_stance: Counts,
    /// And the span to the character.
    pub exact: Counts,
}

#[derive(Clone, Debug, Serialize)]
pub struct EssayScores {
    pub essay: String,
    /// Nothing where the label says nothing of it.
    pub primary: Option<bool>,
    pub cells_right: usize,
    pub cells: usize,
    pub evidence: Counts,
}

/// A point of the curve of accuracy against coverage.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Coverage {
    pub coverage: f64,
    pub accuracy: f64,
}

/// How many essays of the run take a stance on a thesis.
#[derive(Clone, Debug, Serialize)]
pub struct StanceShare {
    pub thesis: String,
    pub stance: CellStance,
    /// As the program says, over all essays.
    pub program: Option<f64>,
    /// Corrected for its errors on the labelled ones; `null` where nearly every essay is
    /// labelled, or nearly none.
    pub corrected: Option<Share>,
}

/// Two readers of the same essays.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    pub first: String,
    pub second: String,
    pub essays: usize,
    pub figures: BTreeMap<&'static str, Figure>,
}

/// This run and another.
#[derive(Clone, Debug, Serialize)]
pub struct Against {
    pub run: String,
    /// Labelled essays that both have, and those that one lacks.
    pub essays: usize,
    pub left_out: Vec<String>,
    pub gains: BTreeMap<&'static str, Gain>,
}

/// The name of the program among the readers.
pub const PROGRAM: &str = "program";

/// What is to be scored.
pub struct Evaluation<'a> {
    pub study: &'a str,
    pub run: &'a Table,
    /// What counts as right: the first of them.
    pub labels: &'a Reader,
    /// Readers one by one, where they are known.
    pub readers: &'a [Reader],
    /// Another run, by name.
    pub against: Option<(&'a str, &'a Table)>,
    pub learned_from: Vec<String>,
    pub labels_without_essay: Vec<String>,
    pub draws: Draws,
}

impl Table {
    /// The run as a reader.
    pub fn reader(&self) -> Reader {
        let opinion = |row: &EssayRow| (row.file_name().to_owned(), Opinion::of_run(row));
        Reader {
            name: PROGRAM.to_owned(),
            opinions: self.essays.iter().map(opinion).collect(),
        }
    }
}

/// Scores a run. `text` gives an essay's text by file name.
pub fn score<'t>(evaluation: Evaluation, text: impl Fn(&str) -> &'t str) -> Scores {
    let Evaluation { labels, draws, .. } = evaluation;
    let program = evaluation.run.reader();
    let tallies = tallies(labels, &program, &text);
    let all: Vec<&Tally> = tallies.iter().collect();

    let mut evidence: BTreeMap<String, EvidenceScores> = BTreeMap::new();
    let mut stances: BTreeMap<SentenceStance, Counts> = SentenceStance::ALL
        .into_iter()
        .map(|stance| (stance, Counts::default()))
        .collect();
    let mut by_voice: BTreeMap<&'static str, Counts> = BTreeMap::new();
    for (thesis, found) in tallies.iter().flat_map(|t| &t.evidence) {
        for key in [thesis.as_str(), "all"] {
            let sum = evidence.entry(key.to_owned()).or_default();
            sum.thesis += found.thesis;
            sum.thesis_and_stance += found.thesis_and_stance;
            sum.exact += found.exact;
        }
        for (voice, counts) in &found.by_voice {
            *by_voice.entry(*voice).or_default() += *counts;
        }
        for (stance, counts) in &found.by_stance {
            *stances.entry(*stance).or_default() += *counts;
        }
    }
    let answers: Vec<(f64, bool)> = (tallies.iter().flat_map(|t| &t.cells))
        .filter_map(|cell| Some((cell.confidence?, cell.agrees())))
        .collect();
    let agree = |first: &Reader, second: &Reader, tallies: &[Tally]| Agreement {
        first: first.name.clone(),
        second: second.name.clone(),
        essays: tallies.len(),
        figures: figures::figures(tallies, draws),
    };
    let pair = |first, second| agree(first, second, &self::tallies(first, second, &text));
    // What readers agree on is not compared with them: it agrees with each.
    let persons = evaluation.readers;
    let mut agreement = vec![agree(labels, &program, &tallies)];
    agreement.extend(persons.iter().map(|person| pair(person, &program)));
    for (i, first) in persons.iter().enumerate() {
        agreement.extend(persons[i + 1..].iter().map(|second| pair(first, second)));
    }
    let against = evaluation.against.map(|(name, table)| {
        let other = self::tallies(labels, &table.reader(), &text);
        let docs = |tallies: &[Tally]| -> BTreeSet<String> {
            tallies.iter().map(|t| t.doc.clone()).collect()
        };
        let (ours, theirs) = (docs(&tallies), docs(&other));
        let both = |wanted: &[Tally], of: &[Tally]| -> Vec<Tally> {
            let has = |t: &&Tally| of.iter().any(|o| o.doc == t.doc);
            wanted.iter().filter(has).cloned().collect()
        };
        Against {
            run: name.to_owned(),
            essays: ours.intersection(&theirs).count(),
            left_out: ours.symmetric_difference(&theirs).cloned().collect(),
            gains: figures::gains(&both(&tallies, &other), &both(&other, &tallies), draws),
        }
    });
    Scores {
        study: evaluation.study.to_owned(),
        essays: tallies.len(),
        learned_from: evaluation.learned_from,
        labels_without_essay: evaluation.labels_without_essay,
        resampling: draws,
        figures: agreement[0].figures.clone(),
        majority: majority(labels, &tallies),
        evidence,
        stances,
        by_voice,
        voices: voices(&all),
        confusion: [
            ("cells", cells(&all)),
            ("primary", primaries(&all)),
            ("evidence", sentences(&all)),
        ]
        .into(),
        by_essay: tallies.iter().map(essay).collect(),
        off_body_evidence: tallies.iter().map(|t| t.off_body).sum(),
        bad_quotes: tallies.iter().map(|t| t.bad_quotes).sum(),
        calibration: Reliability::new(&answers),
        coverage: (risk_coverage(&answers).into_iter())
            .map(|(coverage, accuracy)| Coverage { coverage, accuracy })
            .collect(),
        shares: shares(labels, &program),
        agreement,
        against,
        errors: errors::errors(labels, &program, &tallies, &text),
    }
}

/// The essays that both have read, in order.
fn tallies<'t>(first: &Reader, second: &Reader, text: impl Fn(&str) -> &'t str) -> Vec<Tally> {
    (first.opinions.iter())
        .filter_map(|(doc, opinion)| {
            Some(tally(doc, opinion, second.opinions.get(doc)?, text(doc)))
        })
        .collect()
}

fn majority(labels: &Reader, tallies: &[Tally]) -> Majority {
    let best =
        |figures: &mut dyn Iterator<Item = Option<f64>>| figures.flatten().max_by(f64::total_cmp);
    let primaries: Vec<&Vec<Option<String>>> = (tallies.iter())
        .map(|t| &labels.opinions[&t.doc].primary)
        .filter(|primary| !primary.is_empty())
        .collect();
    let values: BTreeSet<&Option<String>> = primaries.iter().copied().flatten().collect();
    let cells = || tallies.iter().flat_map(|t| &t.cells);
    Majority {
        primary: best(&mut values.into_iter().map(|value| {
            let right = primaries.iter().filter(|p| p.contains(value));
            ratio(right.count(), primaries.len())
        })),
        cells: best(&mut CellStance::ALL.into_iter().map(|stance| {
            let right = cells().filter(|c| c.right.contains(&stance));
            ratio(right.count(), cells().count())
        })),
    }
}

fn essay(tally: &Tally) -> EssayScores {
    EssayScores {
        essay: tally.doc.clone(),
        primary: tally
            .primary
            .as_ref()
            .map(|(first, second)| first == second),
        cells_right: tally.cells.iter().filter(|c| c.agrees()).count(),
        cells: tally.cells.len(),
        evidence: figures::sum(&[tally], |e| e.thesis_and_stance),
    }
}

fn cells(tallies: &[&Tally]) -> Confusion {
    let cells = tallies.iter().flat_map(|t| &t.cells);
    Confusion::new(
        CellStance::ALL.map(|s| s.name().to_owned()).into(),
        cells.map(|c| (c.first as usize, c.second as usize)),
    )
}

fn primaries(tallies: &[&Tally]) -> Confusion {
    let named = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let both = || {
        let known = tallies.iter().filter_map(|t| t.primary.as_ref());
        known.map(|(first, second)| (named(first), named(second)))
    };
    let values: BTreeSet<String> = both().flat_map(|(a, b)| [a, b]).collect();
    let values: Vec<String> = values.into_iter().collect();
    let place = |id: String| values.iter().take_while(|v| **v != id).count();
    let pairs: Vec<_> = both().map(|(a, b)| (place(a), place(b))).collect();
    Confusion::new(values, pairs)
}

/// Stances of the sentences that either marks; "unmarked" where one does not.
fn sentences(tallies: &[&Tally]) -> Confusion {
    let mut values: Vec<String> = SentenceStance::ALL.map(|s| s.name().to_owned()).into();
    values.push("unmarked".to_owned());
    let place = |stance: Option<SentenceStance>| match stance {
        Some(stance) => stance as usize,
        None => SentenceStance::ALL.len(),
    };
    let pairs = figures::evidence(tallies).flat_map(|e| &e.stances);
    Confusion::new(values, pairs.map(|&(a, b)| (place(a), place(b)))).unmarked_last()
}

fn voices(tallies: &[&Tally]) -> Confusion {
    let place = |voice: Speaker| usize::from(voice == Speaker::Cited);
    let pairs = figures::evidence(tallies).flat_map(|e| &e.voices);
    Confusion::new(
        vec!["author".to_owned(), "cited".to_owned()],
        pairs.map(|&(a, b)| (place(a), place(b))),
    )
}

fn shares(labels: &Reader, program: &Reader) -> Vec<StanceShare> {
    let theses: BTreeSet<&String> = program
        .opinions
        .values()
        .flat_map(|o| o.cells.keys())
        .collect();
    let mut shares = Vec::new();
    for thesis in theses {
        for stance in CellStance::ALL {
            let takes = |opinion: &Opinion| {
                let cell = opinion.cells.get(thesis);
                cell.map(|cell| cell.stances.first() == Some(&stance))
            };
            let (mut labelled, mut unlabelled, mut all) = (Vec::new(), Vec::new(), Vec::new());
            for (doc, opinion) in &program.opinions {
                let Some(said) = takes(opinion) else { continue };
                all.push(said);
                match labels.opinions.get(doc).and_then(takes) {
                    Some(gold) => labelled.push((gold, said)),
                    None => unlabelled.push(said),
                }
            }
            shares.push(StanceShare {
                thesis: thesis.clone(),
                stance,
                program: ratio(all.iter().filter(|said| **said).count(), all.len()),
                corrected: corrected_share(&labelled, &unlabelled),
            });
        }
    }
    shares
}
