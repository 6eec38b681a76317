//! `table.csv` (one row per essay and thesis) and `evidence.csv` (one row per
//! evidence sentence): tidy tables for data frames.

use csv::Writer;
use serde::Serialize;

use super::Comparison;
use crate::layers::{SentenceStance, Speaker};
use crate::reading::CellStance;

#[derive(Serialize)]
struct CellRow<'a> {
    essay: &'a str,
    file: &'a str,
    title: &'a Option<String>,
    author: &'a Option<String>,
    year: Option<i32>,
    thesis: &'a str,
    stance: CellStance,
    weight: f64,
    confidence: f64,
    evidence: usize,
    primary: bool,
}

/// One row per essay and thesis.
pub fn table(comparison: &Comparison) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in &comparison.rows {
        let essay = &row.essay.essay;
        for (i, (thesis, cell)) in comparison
            .study
            .theses
            .iter()
            .zip(&row.reading.cells)
            .enumerate()
        {
            rows.push(CellRow {
                essay: &essay.id,
                file: &essay.file,
                title: &essay.document.title,
                author: &essay.document.author,
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
    bytes(&CELL_COLUMNS, &rows)
}

const CELL_COLUMNS: [&str; 11] = [
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

#[derive(Serialize)]
struct EvidenceRow<'a> {
    essay: &'a str,
    file: &'a str,
    thesis: &'a str,
    stance: SentenceStance,
    voice: Speaker,
    source: &'a Option<String>,
    score: f64,
    start: usize,
    end: usize,
    quote: &'a str,
}

const EVIDENCE_COLUMNS: [&str; 10] = [
    "essay", "file", "thesis", "stance", "voice", "source", "score", "start", "end", "quote",
];

/// One row per evidence sentence; offsets are bytes, as in `table.json`.
pub fn evidence(comparison: &Comparison) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in &comparison.rows {
        let essay = &row.essay.essay;
        for (thesis, cell) in comparison.study.theses.iter().zip(&row.reading.cells) {
            for e in &cell.evidence {
                rows.push(EvidenceRow {
                    essay: &essay.id,
                    file: &essay.file,
                    thesis: &thesis.id,
                    stance: e.stance,
                    voice: e.voice,
                    source: &e.source,
                    score: e.score,
                    start: e.span.start,
                    end: e.span.end,
                    quote: &e.quote,
                });
            }
        }
    }
    bytes(&EVIDENCE_COLUMNS, &rows)
}

/// The header is written by hand so that a table without rows has one too.
fn bytes<T: Serialize>(columns: &[&str], rows: &[T]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let write = |writer: &mut Writer<Vec<u8>>| -> csv::Result<()> {
        writer.write_record(columns)?;
        rows.iter().try_for_each(|row| writer.serialize(row))
    };
    write(&mut writer).expect("rows of plain fields, written to memory");
    writer.into_inner().expect("memory takes every byte")
}
