//! `table.md`: the table, and under it the strongest evidence for every cell.

use std::fmt::Write;

use super::{Comparison, in_words};
use crate::layers::Speaker;
use crate::markup::markdown as escape;
use crate::reading::Evidence;

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
            write!(out, " {mark}{}{mark} |", in_words(cell))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nA cell gives the essay's stance, and the thesis's part of all that the essay says on these \
         theses; **bold** is the essay's main explanation.\n"
    )?;
    if let Some(caution) = comparison.caution() {
        writeln!(out, "{}\n", escape(&caution))?;
    }
    for row in &comparison.rows {
        writeln!(out, "## {}\n", escape(&row.heading()))?;
        for (thesis, cell) in study.theses.iter().zip(&row.reading.cells) {
            write!(out, "**{}**: {}", escape(&thesis.label), in_words(cell))?;
            match study.confidence.is_known() {
                true => writeln!(out, " (confidence {:.2})\n", cell.confidence)?,
                false => writeln!(out, "\n")?,
            }
            for evidence in cell.own_first().into_iter().take(SHOWN) {
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
