//! Where the program and the labels differ, and why.

use serde::Serialize;

use super::opinion::{MarkOpinion, Reader};
use super::tally::Tally;
use crate::layers::SentenceStance;
use crate::reading::Mass;
use crate::statistics::Counts;
use crate::text::Span;

/// One disagreement.
#[derive(Clone, Debug, Serialize)]
pub struct Error {
    pub essay: String,
    pub thesis: String,
    pub kind: ErrorKind,
    /// What the labels say, and what the program.
    pub labels: String,
    pub program: String,
    /// Why the program says so, as far as it knows.
    pub why: String,
    /// How much the figure would gain if this were right: the share of cells right, or
    /// the F1 of evidence with its stance.
    pub gain: f64,
    /// The sentence and its neighbourhood.
    #[serde(flatten)]
    pub sentence: Option<Sentence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    Cell,
    WrongStance,
    Missed,
    FalseAlarm,
}

impl ErrorKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::WrongStance => "wrong stance",
            Self::Missed => "missed",
            Self::FalseAlarm => "false alarm",
        }
    }
}

/// A sentence with the text around it, in bytes of the essay's text.
#[derive(Clone, Debug, Serialize)]
pub struct Sentence {
    pub start: usize,
    pub end: usize,
    pub before: String,
    pub quote: String,
    pub after: String,
}

/// All disagreements; what would gain most first, then what the program was surest of.
pub fn errors<'t>(
    labels: &Reader,
    program: &Reader,
    tallies: &[Tally],
    text: impl Fn(&str) -> &'t str,
) -> Vec<Error> {
    let all: Vec<&Tally> = tallies.iter().collect();
    let counts = super::figures::sum(&all, |e| e.thesis_and_stance);
    let cells: usize = tallies.iter().map(|t| t.cells.len()).sum();
    let mut errors: Vec<(f64, Error)> = Vec::new();
    for tally in tallies {
        let text = text(&tally.doc);
        let (gold, said) = (&labels.opinions[&tally.doc], &program.opinions[&tally.doc]);
        for cell in tally.cells.iter().filter(|c| !c.agrees()) {
            let weight = cell
                .weight
                .map_or(String::new(), |w| format!(", weight {w}"));
            let mass = said.cells[&cell.thesis].mass.unwrap_or_default();
            let strongest = |of: &[MarkOpinion]| {
                of.iter()
                    .find(|m| m.thesis == cell.thesis)
                    .map(|m| sentence(text, m.span))
            };
            let error = Error {
                essay: tally.doc.clone(),
                thesis: cell.thesis.clone(),
                kind: ErrorKind::Cell,
                labels: format!("{}{weight}", cell.first.name()),
                program: cell.second.name().to_owned(),
                why: format!("its sentences add up to {}", masses(mass)),
                gain: 1.0 / cells as f64,
                sentence: strongest(&gold.marks).or(strongest(&said.marks)),
            };
            errors.push((cell.confidence.unwrap_or(0.0), error));
        }
        for (thesis, evidence) in &tally.evidence {
            for difference in &evidence.differences {
                let (first, second) = (&difference.first, &difference.second);
                let kind = match (first, second) {
                    (Some(_), Some(_)) => ErrorKind::WrongStance,
                    (Some(_), None) => ErrorKind::Missed,
                    _ => ErrorKind::FalseAlarm,
                };
                let Some(mark) = second.as_ref().or(first.as_ref()) else {
                    continue;
                };
                let name = |mark: &Option<MarkOpinion>| {
                    mark.as_ref().map_or("unmarked".to_owned(), described)
                };
                let error = Error {
                    essay: tally.doc.clone(),
                    thesis: thesis.clone(),
                    kind,
                    labels: name(first),
                    program: name(second),
                    why: match (second.as_ref().and_then(|m| m.mass), said.cells.get(thesis)) {
                        (Some(mass), _) => masses(mass),
                        (None, Some(cell))
                            if cell.stances == [crate::reading::CellStance::Absent] =>
                        {
                            "not shown as evidence; the cell as a whole is absent".to_owned()
                        }
                        _ => "below the threshold of evidence".to_owned(),
                    },
                    gain: gain(counts, kind),
                    sentence: Some(sentence(text, mark.span)),
                };
                errors.push((mark.score.unwrap_or(0.0), error));
            }
        }
    }
    errors.sort_by(|(sure_a, a), (sure_b, b)| {
        let place = |e: &Error| e.sentence.as_ref().map(|s| s.start);
        (b.gain.total_cmp(&a.gain))
            .then(a.kind.cmp(&b.kind))
            .then(sure_b.total_cmp(sure_a))
            .then_with(|| (&a.essay, &a.thesis, place(a)).cmp(&(&b.essay, &b.thesis, place(b))))
    });
    errors.into_iter().map(|(_, error)| error).collect()
}

/// What the F1 of evidence with its stance would gain.
fn gain(counts: Counts, kind: ErrorKind) -> f64 {
    let mut better = counts;
    match kind {
        ErrorKind::WrongStance => {
            better.hits += 1;
            better.misses -= 1;
            better.false_alarms -= 1;
        }
        ErrorKind::Missed => {
            better.hits += 1;
            better.misses -= 1;
        }
        _ => better.false_alarms -= 1,
    }
    better.f1().unwrap_or(0.0) - counts.f1().unwrap_or(0.0)
}

fn described(mark: &MarkOpinion) -> String {
    match mark.source.as_str() {
        "" => mark.stance.name().to_owned(),
        source => format!("{} ({source})", mark.stance.name()),
    }
}

fn masses(mass: Mass) -> String {
    let named = SentenceStance::ALL
        .into_iter()
        .zip([mass.asserts, mass.denies, mass.reports]);
    let parts: Vec<String> = named.map(|(s, p)| format!("{} {p:.2}", s.name())).collect();
    parts.join(", ")
}

/// A sentence with up to 160 bytes of its paragraph on either side.
fn sentence(text: &str, span: Span) -> Sentence {
    const AROUND: usize = 160;
    let before = text.get(..span.start).unwrap_or("");
    let after = text.get(span.end..).unwrap_or("");
    let mut before = before.rsplit("\n\n").next().unwrap_or("");
    let mut after = after.split("\n\n").next().unwrap_or("");
    before = before.rsplit("\r\n\r\n").next().unwrap_or("");
    after = after.split("\r\n\r\n").next().unwrap_or("");
    let mut from = before.len().saturating_sub(AROUND);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let from = match from {
        0 => 0,
        _ => before[from..]
            .find(' ')
            .map_or(before.len(), |space| from + space),
    };
    let mut to = after.len().min(AROUND);
    while !after.is_char_boundary(to) {
        to -= 1;
    }
    if to < after.len() {
        to = after[..to].rfind(' ').unwrap_or(0);
    }
    Sentence {
        start: span.start,
        end: span.end,
        before: before[from..].to_owned(),
        quote: text.get(span.start..span.end).unwrap_or("").to_owned(),
        after: after[..to].to_owned(),
    }
}
