//! The tidy tables: a row per essay and thesis, and a row per evidence sentence.
//! `csv` and `parquet` write the same rows with the same columns.

use serde::Serialize;

use super::Comparison;
use crate::layers::{SentenceStance, Speaker};
use crate::reading::CellStance;

#[derive(Serialize)]
pub(super) struct CellRow<'a> {
    pub essay: &'a str,
    pub file: &'a str,
    pub title: Option<&'a str>,
    pub author: Option<&'a str>,
    pub year: Option<i32>,
    pub thesis: &'a str,
    pub stance: CellStance,
    pub weight: f64,
    pub confidence: f64,
    pub evidence: usize,
    #[serde(serialize_with = "in_capitals")]
    pub primary: bool,
}

pub(super) const CELL_COLUMNS: [&str; 11] = [
    "essay",
    "file",
    "title",
    "author",
    "year",
    "thesis",
    "stance",
    "weight",
    "confidence",
    "evidence",
    "primary",
];

/// R takes `TRUE` for a logical value and `true` for a word; pandas knows both.
fn in_capitals<S: serde::Serializer>(value: &bool, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(if *value { "TRUE" } else { "FALSE" })
}

/// One row per essay and thesis.
pub(super) fn cells<'a>(comparison: &'a Comparison) -> Vec<CellRow<'a>> {
    let mut rows = Vec::new();
    for row in &comparison.rows {
        let essay = &row.essay.essay;
        let theses = comparison.study.theses.iter();
        for (i, (thesis, cell)) in theses.zip(&row.reading.cells).enumerate() {
            rows.push(CellRow {
                essay: &essay.id,
                file: &essay.file,
                title: essay.document.title.as_deref(),
                author: essay.document.author.as_deref(),
                year: essay.document.year,
                thesis: &thesis.id,
                stance: cell.stance,
                weight: cell.weight,
                confidence: cell.confidence,
                evidence: cell.evidence.len(),
                primary: row.reading.primary == Some(i),
            });
        }
    }
    rows
}

#[derive(Serialize)]
pub(super) struct EvidenceRow<'a> {
    pub essay: &'a str,
    pub file: &'a str,
    pub thesis: &'a str,
    pub stance: SentenceStance,
    pub voice: Speaker,
    pub source: Option<&'a str>,
    pub score: f64,
    pub start: usize,
    pub end: usize,
    pub quote: &'a str,
}

pub(super) const EVIDENCE_COLUMNS: [&str; 10] = [
    "essay", "file", "thesis", "stance", "voice", "source", "score", "start", "end", "quote",
];

/// One row per evidence sentence; offsets are bytes, as in `table.json`.
pub(super) fn evidence<'a>(comparison: &'a Comparison) -> Vec<EvidenceRow<'a>> {
    let mut rows = Vec::new();
    for row in &comparison.rows {
        let essay = &row.essay.essay;
        for (thesis, cell) in comparison.study.theses.iter().zip(&row.reading.cells) {
            rows.extend(cell.evidence.iter().map(|e| EvidenceRow {
                essay: &essay.id,
                file: &essay.file,
                thesis: &thesis.id,
                stance: e.stance,
                voice: e.voice,
                source: e.source.as_deref(),
                score: e.score,
                start: e.span.start,
                end: e.span.end,
                quote: &e.quote,
            }));
        }
    }
    rows
}
