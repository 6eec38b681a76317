//! One essay's reading with its reasons, for the terminal.

use std::fmt::Write;

use super::Row;
use crate::layers::Speaker;
use crate::reading::{Cell, CellStance, Evidence};
use crate::study::Study;
use crate::words::one_line;

/// Sentences shown for a cell.
const SHOWN: usize = 8;
/// Characters of a quote shown.
const QUOTE: usize = 160;

/// Why each cell of a row says what it says: what its sentences add up to, the
/// strongest of them, and what would have changed it.
pub fn explanation(row: &Row, study: &Study) -> String {
    let mut out = String::new();
    write(&mut out, row, study).expect("a string takes every write");
    out
}

fn write(out: &mut String, row: &Row, study: &Study) -> std::fmt::Result {
    writeln!(out, "{}  [{}]", row.heading(), row.essay.essay.file)?;
    match row.reading.primary {
        Some(thesis) => writeln!(
            out,
            "Main explanation: {}, which it asserts most (of what it endorses).",
            study.theses[thesis].label
        )?,
        None => writeln!(
            out,
            "No main explanation: nothing that it endorses is asserted with a mass of {:.2}.",
            study.thresholds.primary
        )?,
    }
    for (thesis, cell) in study.theses.iter().zip(&row.reading.cells) {
        writeln!(out)?;
        write_cell(out, &thesis.label, cell, study)?;
    }
    Ok(())
}

fn write_cell(out: &mut String, label: &str, cell: &Cell, study: &Study) -> std::fmt::Result {
    let why = &cell.explanation;
    write!(out, "{label}: {}", cell.stance.name())?;
    if cell.stance != CellStance::Absent {
        write!(
            out,
            ", {:.0} % of what it says on the theses",
            100.0 * cell.weight
        )?;
    }
    match study.confidence.is_known() {
        true => writeln!(
            out,
            "; right in {:.0} of 100 such cells",
            100.0 * cell.confidence
        )?,
        false => writeln!(out, "; how often such cells are right is not known")?,
    }
    writeln!(
        out,
        "  Its sentences assert {:.2}, deny {:.2}, report {:.2} (absent below {:.2} together).",
        why.mass.asserts, why.mass.denies, why.mass.reports, study.thresholds.cell
    )?;
    if let Some(without) = why.without {
        writeln!(
            out,
            "  Without {} the cell would say: {}.",
            match without.sentences {
                1 => "the sentence that speaks most for this".to_owned(),
                n => format!("the {n} sentences that speak most for this"),
            },
            without.stance.name()
        )?;
    }
    for evidence in cell.own_first().into_iter().take(SHOWN) {
        write_evidence(out, evidence)?;
    }
    if cell.evidence.len() > SHOWN {
        writeln!(
            out,
            "  … and {} more, in table.json",
            cell.evidence.len() - SHOWN
        )?;
    }
    if let Some(nearest) = &why.nearest {
        writeln!(out, "  What comes nearest:")?;
        write_evidence(out, nearest)?;
    }
    Ok(())
}

fn write_evidence(out: &mut String, evidence: &Evidence) -> std::fmt::Result {
    let words = one_line(&evidence.quote);
    let cut: String = words.chars().take(QUOTE).collect();
    let more = if cut.len() < words.len() { "…" } else { "" };
    let voice = match (evidence.voice, &evidence.source) {
        (Speaker::Author, _) => String::new(),
        (Speaker::Cited, Some(source)) => format!(" ({source})"),
        (Speaker::Cited, None) => " (cited)".to_owned(),
    };
    writeln!(
        out,
        "  {:.2} {}{voice} at {}–{}: {cut}{more}",
        evidence.score,
        evidence.stance.name(),
        evidence.span.start,
        evidence.span.end
    )
}
