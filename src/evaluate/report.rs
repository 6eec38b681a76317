//! The scores on the terminal.

use std::fmt::Write;

use super::{Counts, Scores};

/// The scores as lines of at most 80 columns.
pub fn terminal(scores: &Scores) -> String {
    let mut out = String::new();
    write(&mut out, scores).expect("a string takes every write");
    out
}

fn write(out: &mut String, scores: &Scores) -> std::fmt::Result {
    let majority = &scores.majority;
    writeln!(
        out,
        "{:34} {:>8} {:>10}",
        format!("{} labelled essays", scores.essays),
        "run",
        "majority"
    )?;
    for (name, run, majority) in [
        (
            "primary thesis right",
            scores.primary_accuracy,
            Some(majority.primary_accuracy),
        ),
        (
            "cells right",
            scores.cell_accuracy,
            Some(majority.cell_accuracy),
        ),
        ("cells, Cohen's kappa", scores.cell_kappa, None),
        (
            "cells of weight 2 and 3 right",
            scores.main_cell_accuracy,
            None,
        ),
    ] {
        let majority = majority.map_or(String::new(), figure);
        writeln!(out, "{name:34} {:>8} {majority:>10}", figure(run))?;
    }
    writeln!(out, "\n{:34} {:>8} {:>8} {:>8}", "evidence", "P", "R", "F1")?;
    let mut line = |what: &str, counts: Counts| {
        let [p, r, f1] = [counts.precision(), counts.recall(), counts.f1()].map(figure);
        writeln!(out, "{what:34} {p:>8} {r:>8} {f1:>8}")
    };
    for (thesis, evidence) in &scores.evidence {
        line(thesis, evidence.thesis)?;
        line("  with stance", evidence.thesis_and_stance)?;
    }
    for (stance, counts) in &scores.stances {
        line(stance.name(), *counts)?;
    }
    writeln!(
        out,
        "\n{} evidence spans off the body, {} quotes not at their place",
        scores.off_body_evidence, scores.bad_quotes
    )?;
    Ok(())
}

fn figure(figure: Option<f64>) -> String {
    figure.map_or("n/a".to_owned(), |f| format!("{f:.3}"))
}
