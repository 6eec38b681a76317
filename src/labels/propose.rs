//! What a person should label next, and a first label to correct or, blind, to fill.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Map;

use super::{Label, LabelCell, Mark};
use crate::layers::{Annotated, Stance};
use crate::reading::{CellStance, Reading};
use crate::study::Study;
use crate::text::Span;

/// How unsure the program is of an essay: the mean over its cells of one minus their
/// confidence (least-confidence sampling: Lewis and Gale 1994).
pub fn doubt(reading: &Reading) -> f64 {
    let cells = reading.cells.len().max(1) as f64;
    reading
        .cells
        .iter()
        .map(|cell| 1.0 - cell.confidence)
        .sum::<f64>()
        / cells
}

/// A sentence of which the program is unsure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubtful {
    pub span: Span,
    pub thesis: usize,
    /// Entropy of what it may say of the thesis: nothing, or one of three stances; in
    /// bits, 0 to 2.
    pub entropy: f64,
}

/// The sentences of which the program is least sure, the most doubtful first; no
/// sentence twice.
pub fn doubtful(essay: &Annotated, most: usize) -> Vec<Doubtful> {
    let mut all: Vec<Doubtful> = (essay.stances.iter().chain(&essay.nearest))
        .map(|stance| Doubtful {
            span: stance.span,
            thesis: stance.thesis_index,
            entropy: entropy(stance),
        })
        .collect();
    all.sort_by(|a, b| {
        (b.entropy.total_cmp(&a.entropy)).then((a.span, a.thesis).cmp(&(b.span, b.thesis)))
    });
    let mut chosen: Vec<Doubtful> = Vec::new();
    for sentence in all {
        if chosen.len() < most && chosen.iter().all(|c| c.span != sentence.span) {
            chosen.push(sentence);
        }
    }
    chosen
}

fn entropy(stance: &Stance) -> f64 {
    let some: f64 = stance.probabilities.iter().sum();
    let all = stance.probabilities.iter().copied().chain([1.0 - some]);
    let bits: f64 = all.filter(|&p| p > 0.0).map(|p| -p * p.log2()).sum();
    // To four places, since the order of the sentences hangs on it.
    (bits * 1e4).round() / 1e4
}

/// The label that the program would give, for a person to correct; blind, only where the
/// essay proper begins and ends and what is left out of it.
pub fn propose(essay: &Annotated, reading: &Reading, study: &Study, blind: bool) -> Label {
    let document = &essay.essay.document;
    let parts = document.body_spans();
    let body = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => Span::new(first.start, last.end),
        _ => Span::new(0, 0),
    };
    let between = parts.windows(2).filter_map(|pair| {
        let gap = &document.text[pair[0].end..pair[1].start];
        let start = pair[1].start - gap.trim_start().len();
        let skipped = Span::new(start, start + gap.trim().len());
        (!skipped.is_empty()).then_some(skipped)
    });
    let mut label = Label {
        doc: essay.essay.file_name().to_owned(),
        body,
        skip: between.collect(),
        primary: Vec::new(),
        sentence: String::new(),
        cells: BTreeMap::new(),
        marks: Vec::new(),
        contested: Vec::new(),
        rest: Map::new(),
    };
    if blind {
        return label;
    }
    label.primary = vec![reading.primary.map(|i| study.theses[i].id.clone())];
    for (i, (thesis, cell)) in study.theses.iter().zip(&reading.cells).enumerate() {
        let weight = match cell.stance {
            CellStance::Absent => 0,
            _ if reading.primary == Some(i) => 3,
            _ if cell.weight >= 0.3 => 2,
            _ => 1,
        };
        let proposed = LabelCell {
            stances: vec![cell.stance],
            weights: vec![weight],
        };
        label.cells.insert(thesis.id.clone(), proposed);
        label
            .marks
            .extend(cell.evidence.iter().map(|evidence| Mark {
                span: evidence.span,
                thesis: thesis.id.clone(),
                stance: evidence.stance,
                voice: evidence.voice.into(),
                source: evidence.source.clone().unwrap_or_default(),
            }));
    }
    label
        .marks
        .sort_by(|a, b| (a.span, &a.thesis).cmp(&(b.span, &b.thesis)));
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{SentenceStance, Speaker};

    fn stance(probabilities: [f64; 3], span: Span) -> Stance {
        Stance {
            span,
            thesis_index: 0,
            thesis: "t".into(),
            stance: SentenceStance::Asserts,
            voice: Speaker::Author,
            source: None,
            score: probabilities[0],
            probabilities,
        }
    }

    #[test]
    fn an_even_chance_is_the_most_doubtful() {
        let span = Span::new(0, 1);
        assert_eq!(entropy(&stance([0.25, 0.25, 0.25], span)), 2.0);
        assert_eq!(entropy(&stance([0.5, 0.0, 0.0], span)), 1.0);
        assert_eq!(entropy(&stance([1.0, 0.0, 0.0], span)), 0.0);
    }
}
