//! The scores on the terminal.

use std::fmt::Write;

use super::super::{Error, KINDS, Scores};
use super::{interval, number};
use crate::statistics::Counts;
use crate::words::{one_line, shortened};

/// Errors shown; all of them are in the files.
const SHOWN: usize = 5;

/// The scores as lines of at most 80 columns.
pub fn summary(scores: &Scores) -> String {
    let mut out = String::new();
    write(&mut out, scores).expect("a string takes every write");
    out
}

fn write(out: &mut String, scores: &Scores) -> std::fmt::Result {
    let heading = format!("{} labelled essays", scores.essays);
    writeln!(
        out,
        "{heading:34} {:>8} {:>16} {:>10}",
        "program", "95 %", "majority"
    )?;
    for kind in KINDS {
        let figure = &scores.figures[kind.id];
        // Precision and recall stand below; persons alone give weights from 0 to 3.
        let elsewhere = [
            "evidence_precision",
            "evidence_recall",
            "weights_alpha_ordinal",
        ];
        if elsewhere.contains(&kind.id) {
            continue;
        }
        let majority = match kind.id {
            "primary" => number(scores.majority.primary),
            "cells" => number(scores.majority.cells),
            _ => String::new(),
        };
        let line = format!(
            "{:34} {:>8} {:>16} {majority:>10}",
            kind.title,
            number(figure.value),
            interval(figure)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out, "\n{:34} {:>8} {:>8} {:>8}", "evidence", "P", "R", "F1")?;
    let mut line = |what: &str, counts: Counts| {
        let [p, r, f1] = [counts.precision(), counts.recall(), counts.f1()].map(number);
        writeln!(out, "{what:34} {p:>8} {r:>8} {f1:>8}")
    };
    for (thesis, evidence) in &scores.evidence {
        line(thesis, evidence.thesis)?;
        line("  with stance", evidence.thesis_and_stance)?;
    }
    for (stance, counts) in &scores.stances {
        line(stance.name(), *counts)?;
    }
    agreement(out, scores)?;
    if let Some(against) = &scores.against {
        writeln!(
            out,
            "\n{:34} {:>8} {:>8} {:>8} {:>8}",
            format!("against {}", shortened(&against.run, 25)),
            "this",
            "other",
            "gain",
            "p"
        )?;
        let main = [
            "primary",
            "cells",
            "main_cells",
            "evidence_thesis_f1",
            "evidence_f1",
        ];
        for kind in KINDS {
            let gain = &against.gains[kind.id];
            let differs = gain.difference.is_some_and(|d| d.abs() > 1e-9);
            if !main.contains(&kind.id) && !differs {
                continue;
            }
            let difference = gain
                .difference
                .map_or("n/a".to_owned(), |d| format!("{d:+.3}"));
            writeln!(
                out,
                "{:34} {:>8} {:>8} {difference:>8} {:>8}",
                kind.title,
                number(gain.this),
                number(gain.other),
                number(gain.p)
            )?;
        }
    }
    let half = scores.coverage.iter().find(|p| p.coverage >= 0.5);
    let half = half.filter(|p| p.coverage < 1.0);
    writeln!(
        out,
        "\ncalibration error {}; of the surest {} of the cells {} are right",
        number(scores.calibration.expected_calibration_error),
        half.map_or("half".to_owned(), |p| format!(
            "{:.0} %",
            100.0 * p.coverage
        )),
        number(half.map(|p| p.accuracy))
    )?;
    writeln!(
        out,
        "{} evidence spans off the body, {} quotes not at their place",
        scores.off_body_evidence, scores.bad_quotes
    )?;
    if !scores.errors.is_empty() {
        writeln!(
            out,
            "\nwould gain most, of {} differences:",
            scores.errors.len()
        )?;
    }
    for error in scores.errors.iter().take(SHOWN) {
        writeln!(out, "{}", shortened(&line_of(error), 79))?;
    }
    Ok(())
}

fn agreement(out: &mut String, scores: &Scores) -> std::fmt::Result {
    if scores.agreement.len() < 2 {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:34} {:>6} {:>6} {:>6} {:>7} {:>8} {:>6}",
        "readers", "cells", "kappa", "alpha", "primary", "evidence", "units"
    )?;
    for pair in &scores.agreement {
        let of = |id: &str| {
            pair.figures[id]
                .value
                .map_or("n/a".to_owned(), |f| format!("{f:.2}"))
        };
        writeln!(
            out,
            "{:34} {:>6} {:>6} {:>6} {:>7} {:>8} {:>6}",
            shortened(&format!("{} – {}", pair.first, pair.second), 34),
            of("cells"),
            of("cells_kappa"),
            of("cells_alpha_ordinal"),
            of("primary"),
            of("evidence_f1"),
            of("evidence_alpha_unitizing")
        )?;
    }
    Ok(())
}

fn line_of(error: &Error) -> String {
    let quote = error.sentence.as_ref().map_or("", |s| s.quote.as_str());
    format!(
        "  {}, {}: {}, not {}: {}",
        error
            .essay
            .rsplit_once('.')
            .map_or(error.essay.as_str(), |(stem, _)| stem),
        error.thesis,
        error.labels,
        error.program,
        one_line(quote)
    )
}
