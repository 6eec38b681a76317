//! `table.md`: the table, and under it the strongest evidence for every cell.

use std::fmt::Write;

use super::Comparison;
use crate::layers::Speaker;
use crate::markup::markdown as escape;
use crate::reading::{Cell, CellStance, Evidence};

/// Evidence sentences shown for a cell; all of them are in `evidence.csv`.
const SHOWN: usize = 3;

/// The comparison as Markdown.
pub fn table(comparison: &Comparison) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, comparison).expect("a string takes every write");
    out.into_bytes()
}

fn write(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let study = comparison.study;
    writeln!(out, "# {}\n", escape(&study.question))?;
    write!(out, "| Essay |")?;
    for thesis in &study.theses {
        write!(out, " {} |", escape(&thesis.label))?;
    }
    writeln!(out, "\n| --- |{}", " --- |".repeat(study.theses.len()))?;
    for row in &comparison.rows {
        write!(out, "| {} |", escape(&row.heading()))?;
        for (i, cell) in row.reading.cells.iter().enumerate() {
            let mark = if row.reading.primary == Some(i) {
                "**"
            } else {
                ""
            };
            write!(out, " {mark}{}{mark} |", label(cell))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nA cell gives the essay's stance and the thesis's share of its argument; **bold** is the \
         essay's main explanation.\n"
    )?;
    for row in &comparison.rows {
        writeln!(out, "## {}\n", escape(&row.heading()))?;
        for (thesis, cell) in study.theses.iter().zip(&row.reading.cells) {
            writeln!(
                out,
                "**{}**: {} (confidence {:.2})\n",
                escape(&thesis.label),
                label(cell),
                cell.confidence
            )?;
            for evidence in cell.evidence.iter().take(SHOWN) {
                writeln!(out, "- {}", line(evidence))?;
            }
            if cell.evidence.len() > SHOWN {
                writeln!(out, "- and {} more", cell.evidence.len() - SHOWN)?;
            }
            if !cell.evidence.is_empty() {
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

fn label(cell: &Cell) -> String {
    match cell.stance {
        CellStance::Absent => "absent".to_owned(),
        stance => format!("{} {:.0} %", stance.name(), 100.0 * cell.weight),
    }
}

fn line(evidence: &Evidence) -> String {
    let stance = evidence.stance.name();
    let voice = match (evidence.voice, &evidence.source) {
        (Speaker::Author, _) => String::new(),
        (Speaker::Cited, Some(source)) => format!(", citing {}", escape(source)),
        (Speaker::Cited, None) => ", citing another".to_owned(),
    };
    format!(
        "“{}” ({stance}{voice}; bytes {} to {})",
        escape(&evidence.quote),
        evidence.span.start,
        evidence.span.end
    )
}
