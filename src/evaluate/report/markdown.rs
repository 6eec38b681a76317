//! `scores.md`.

use std::fmt::Write;

use super::super::{Error, Scores};
use super::tables::sections;
use crate::markup::markdown as escape;

/// The scores as Markdown.
pub fn document(scores: &Scores) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, scores).expect("a string takes every write");
    out.into_bytes()
}

fn write(out: &mut String, scores: &Scores) -> std::fmt::Result {
    writeln!(out, "# {}: program and labels\n", escape(&scores.study))?;
    for section in sections(scores) {
        writeln!(
            out,
            "## {}\n\n{}\n",
            escape(&section.title),
            escape(&section.note)
        )?;
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|c| escape(c)).collect();
            format!("| {} |", cells.join(" | "))
        };
        writeln!(out, "{}", row(&section.header))?;
        writeln!(out, "| --- |{}", " ---: |".repeat(section.header.len() - 1))?;
        for cells in &section.rows {
            writeln!(out, "{}", row(cells))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "## Where they differ\n\n{} evidence spans off the body, {} quotes not at their place. \
         What would gain most comes first; of what would gain the same, what the program was \
         surest of.\n",
        scores.off_body_evidence, scores.bad_quotes
    )?;
    for error in &scores.errors {
        writeln!(out, "- {}", line(error))?;
    }
    Ok(())
}

fn line(error: &Error) -> String {
    let quote = error.sentence.as_ref().map_or(String::new(), |s| {
        format!(
            " {} **{}** {} (bytes {} to {})",
            escape(&s.before),
            escape(&s.quote),
            escape(&s.after),
            s.start,
            s.end
        )
    });
    format!(
        "{}, {} ({}): labels {}, program {}; {}; worth {:.4}.{quote}",
        escape(&error.essay),
        escape(&error.thesis),
        error.kind.name(),
        escape(&error.labels),
        escape(&error.program),
        escape(&error.why),
        error.gain
    )
}
