//! What one reader says of one essay; the reader may be a person or the program.

use std::collections::BTreeMap;

use super::table::EssayRow;
use crate::labels::{Label, Voice};
use crate::layers::SentenceStance;
use crate::reading::CellStance;
use crate::reading::Mass;
use crate::text::Span;

/// A reader by name, and what the reader says of every essay, by file name.
#[derive(Clone, Debug)]
pub struct Reader {
    pub name: String,
    pub opinions: BTreeMap<String, Opinion>,
}

#[derive(Clone, Debug)]
pub struct Opinion {
    /// Theses that may count as the main explanation; `None` for "none".
    pub primary: Vec<Option<String>>,
    pub cells: BTreeMap<String, CellOpinion>,
    /// In the order of their weight to the reader: labels as in the file, the program's
    /// surest first.
    pub marks: Vec<MarkOpinion>,
    /// Sentences and theses on which readers differ: left out.
    pub contested: Vec<(Span, String)>,
    /// The essay proper and what is left out of it.
    pub body: Option<(Span, Vec<Span>)>,
}

#[derive(Clone, Debug)]
pub struct CellOpinion {
    /// Each is right; the program and most readers name one.
    pub stances: Vec<CellStance>,
    /// 0 to 3; persons only.
    pub weight: Option<u8>,
    /// The program only.
    pub confidence: Option<f64>,
    pub mass: Option<Mass>,
}

#[derive(Clone, Debug)]
pub struct MarkOpinion {
    pub span: Span,
    pub thesis: String,
    pub stance: SentenceStance,
    pub voice: Voice,
    pub source: String,
    /// The program only.
    pub score: Option<f64>,
    pub mass: Option<Mass>,
    /// The words that the reader has there, where they are not the text's.
    pub quote: Option<String>,
}

impl Opinion {
    pub fn of_label(label: &Label) -> Self {
        let cells = label.cells.iter().map(|(thesis, cell)| {
            let opinion = CellOpinion {
                stances: cell.stances.clone(),
                weight: cell.weights.iter().copied().max(),
                confidence: None,
                mass: None,
            };
            (thesis.clone(), opinion)
        });
        let marks = label.marks.iter().map(|mark| MarkOpinion {
            span: mark.span,
            thesis: mark.thesis.clone(),
            stance: mark.stance,
            voice: mark.voice,
            source: mark.source.clone(),
            score: None,
            mass: None,
            quote: None,
        });
        Self {
            primary: label.primary.clone(),
            cells: cells.collect(),
            marks: marks.collect(),
            contested: (label.contested.iter())
                .map(|mark| (mark.span, mark.thesis.clone()))
                .collect(),
            body: Some((label.body, label.skip.clone())),
        }
    }

    pub fn of_run(row: &EssayRow) -> Self {
        let cells = row.theses.iter().map(|(thesis, cell)| {
            let opinion = CellOpinion {
                stances: vec![cell.stance],
                weight: None,
                confidence: Some(cell.confidence),
                mass: Some(cell.explanation),
            };
            (thesis.clone(), opinion)
        });
        let marks = row.theses.iter().flat_map(|(thesis, cell)| {
            cell.evidence.iter().map(move |e| MarkOpinion {
                span: Span::new(e.start, e.end.max(e.start)),
                thesis: thesis.clone(),
                stance: e.stance,
                voice: e.voice.into(),
                source: e.source.clone().unwrap_or_default(),
                score: Some(e.score),
                mass: Some(e.mass),
                quote: Some(e.quote.clone()),
            })
        });
        Self {
            primary: vec![row.primary.clone()],
            cells: cells.collect(),
            marks: marks.collect(),
            contested: Vec::new(),
            body: None,
        }
    }
}
