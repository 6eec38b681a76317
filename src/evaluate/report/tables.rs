//! What the written reports show, as tables that know no markup.

use super::super::{KINDS, Scores, StanceShare};
use super::{interval, number};
use crate::statistics::{Confusion, Counts};

/// One table of a report.
pub struct Section {
    pub title: String,
    /// How to read it, and the sources of its measures.
    pub note: String,
    pub header: Vec<String>,
    /// The first cell of a row names it.
    pub rows: Vec<Vec<String>>,
}

impl Section {
    fn new(title: &str, note: &str, header: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            note: note.to_owned(),
            header: header.iter().map(|&h| h.to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// All tables of the scores, in order.
pub fn sections(scores: &Scores) -> Vec<Section> {
    let mut sections = vec![figures(scores), evidence(scores)];
    for (name, title) in [
        ("cells", "Cells: labels down, program across"),
        ("primary", "Main explanation: labels down, program across"),
        (
            "evidence",
            "Evidence sentences: labels down, program across",
        ),
    ] {
        sections.push(confusion(title, &scores.confusion[name]));
    }
    sections.push(confusion(
        "Whose words, of sentences that both mark: labels down, program across",
        &scores.voices,
    ));
    sections.push(essays(scores));
    sections.push(agreement(scores));
    sections.extend(against(scores));
    sections.push(reliability(scores));
    sections.push(coverage(scores));
    sections.push(shares(scores));
    sections
}

fn figures(scores: &Scores) -> Section {
    let mut section = Section::new(
        "The program against the labels",
        &format!(
            "{} essays{}. Intervals: 95 %, percentile bootstrap over essays (Efron and Tibshirani \
             1993), {} draws, seed {}. Majority: what naming the labels' commonest value for \
             every essay or cell would reach. Kappa: Cohen 1960, weighted linearly (Cohen 1968) \
             over rejects, no side, endorses. Alpha: Krippendorff 2004. Unitizing alpha: \
             Krippendorff 1995, over the essays laid end to end.",
            scores.essays,
            match scores.learned_from.len() {
                0 => String::new(),
                n => format!("; {n} of them taught the judge, so that it only remembers them"),
            },
            scores.resampling.draws,
            scores.resampling.seed
        ),
        &["", "figure", "interval", "majority"],
    );
    for kind in KINDS {
        let figure = &scores.figures[kind.id];
        let majority = match kind.id {
            "primary" => number(scores.majority.primary),
            "cells" => number(scores.majority.cells),
            _ => String::new(),
        };
        section.rows.push(vec![
            kind.title.to_owned(),
            number(figure.value),
            interval(figure),
            majority,
        ]);
    }
    section
}

fn counts(name: String, counts: Counts) -> Vec<String> {
    let [p, r, f1] = [counts.precision(), counts.recall(), counts.f1()].map(number);
    let Counts {
        hits,
        false_alarms,
        misses,
    } = counts;
    let numbers = [hits, false_alarms, misses].map(|n| n.to_string());
    [name, p, r, f1].into_iter().chain(numbers).collect()
}

fn evidence(scores: &Scores) -> Section {
    let mut section = Section::new(
        "Evidence sentences",
        "A sentence is found when it shares more than half of the shorter of the two spans with a \
         marked one for the same thesis; “with stance” when the stance is the same, “exact” when \
         both spans are, too. P: precision, R: recall.",
        &["", "P", "R", "F1", "found", "too many", "missed"],
    );
    for (thesis, evidence) in &scores.evidence {
        section.rows.push(counts(thesis.clone(), evidence.thesis));
        section.rows.push(counts(
            format!("{thesis}, with stance"),
            evidence.thesis_and_stance,
        ));
        section
            .rows
            .push(counts(format!("{thesis}, exact"), evidence.exact));
    }
    for (stance, of) in &scores.stances {
        section.rows.push(counts(stance.name().to_owned(), *of));
    }
    for (voice, of) in &scores.by_voice {
        section.rows.push(counts(format!("voice: {voice}"), *of));
    }
    section
}

fn confusion(title: &str, confusion: &Confusion) -> Section {
    let mut header = vec![String::new()];
    header.extend(confusion.values.iter().cloned());
    header.extend(["P", "R", "F1"].map(str::to_owned));
    Section {
        title: title.to_owned(),
        note: format!(
            "Of {}; the mean of the F1 is {}.",
            confusion.total(),
            number(confusion.macro_f1())
        ),
        header,
        rows: (confusion.values.iter().enumerate())
            .map(|(i, value)| {
                let of = confusion.of(i);
                let figures = [of.precision(), of.recall(), of.f1()];
                let figures =
                    figures.map(|figure| number(figure.filter(|_| i < confusion.scored())));
                let row = confusion.counts[i].iter().map(|n| n.to_string());
                std::iter::once(value.clone())
                    .chain(row)
                    .chain(figures)
                    .collect()
            })
            .collect(),
    }
}

fn essays(scores: &Scores) -> Section {
    let mut section = Section::new(
        "Essay by essay",
        "Evidence with its stance.",
        &["", "primary", "cells right", "P", "R", "F1"],
    );
    for essay in &scores.by_essay {
        let of = essay.evidence;
        let [p, r, f1] = [of.precision(), of.recall(), of.f1()].map(number);
        section.rows.push(vec![
            essay.essay.clone(),
            match essay.primary {
                Some(true) => "right",
                Some(false) => "wrong",
                None => "n/a",
            }
            .to_owned(),
            format!("{} of {}", essay.cells_right, essay.cells),
            p,
            r,
            f1,
        ]);
    }
    section
}

fn agreement(scores: &Scores) -> Section {
    let mut header = vec!["".to_owned()];
    let pairs = scores.agreement.iter();
    header.extend(pairs.map(|a| format!("{} – {}", a.first, a.second)));
    let rows = KINDS.iter().map(|kind| {
        let cells = scores.agreement.iter().map(|a| {
            let figure = &a.figures[kind.id];
            match figure.value {
                Some(_) => format!("{} ({})", number(figure.value), interval(figure)),
                None => "n/a".to_owned(),
            }
        });
        std::iter::once(kind.title.to_owned())
            .chain(cells)
            .collect()
    });
    Section {
        title: "Readers against each other".to_owned(),
        note: "Every pair of readers over the essays that both have read; 95 % intervals by \
               bootstrap over essays. The program gives shares, not weights from 0 to 3."
            .to_owned(),
        header,
        rows: rows.collect(),
    }
}

fn against(scores: &Scores) -> Option<Section> {
    let against = scores.against.as_ref()?;
    let mut section = Section::new(
        &format!("Against the run in {}", against.run),
        &format!(
            "Over the {} labelled essays that both have. p: two-sided, approximate randomisation \
             over essays (Noreen 1989; Yeh 2000).",
            against.essays
        ),
        &["", "this run", "the other", "difference", "p"],
    );
    for kind in KINDS {
        let gain = &against.gains[kind.id];
        section.rows.push(vec![
            kind.title.to_owned(),
            number(gain.this),
            number(gain.other),
            gain.difference
                .map_or("n/a".to_owned(), |d| format!("{d:+.3}")),
            number(gain.p),
        ]);
    }
    Some(section)
}

fn reliability(scores: &Scores) -> Section {
    let of = &scores.calibration;
    let mut section = Section::new(
        "Whether confidence means what it says",
        &format!(
            "Cells by the program's confidence. Expected calibration error (Naeini and others \
             2015): {}. Brier score (1950): {}.",
            number(of.expected_calibration_error),
            number(of.brier)
        ),
        &["confidence", "cells", "mean confidence", "right"],
    );
    for bin in &of.bins {
        section.rows.push(vec![
            format!("{:.1} to {:.1}", bin.low, bin.high),
            bin.count.to_string(),
            number(Some(bin.confidence)),
            number(Some(bin.accuracy)),
        ]);
    }
    section
}

fn coverage(scores: &Scores) -> Section {
    let mut section = Section::new(
        "What is left to a person",
        "If only the surest cells are taken from the program and the others go to a person, so \
         many of those taken are right (El-Yaniv and Wiener 2010).",
        &["cells taken", "right"],
    );
    for tenth in [0.1, 0.25, 0.5, 0.75, 1.0] {
        let point = scores.coverage.iter().find(|p| p.coverage >= tenth - 1e-9);
        section.rows.push(vec![
            point.map_or("n/a".to_owned(), |p| format!("{:.0} %", 100.0 * p.coverage)),
            number(point.map(|p| p.accuracy)),
        ]);
    }
    section.rows.dedup();
    section
}

fn shares(scores: &Scores) -> Section {
    let mut section = Section::new(
        "How many essays take which stance",
        "Of all essays of the run: as the program says; and corrected for its errors on the \
         labelled essays by prediction-powered inference (Angelopoulos and others 2023; PPI++ \
         weights), right if these were drawn at random from texts like these. “n/a” where fewer \
         than two essays are labelled, or not labelled, or all labels say the same.",
        &["", "program", "corrected", "interval"],
    );
    for StanceShare {
        thesis,
        stance,
        program,
        corrected,
    } in &scores.shares
    {
        section.rows.push(vec![
            format!("{thesis}: {}", stance.name()),
            number(*program),
            number(corrected.map(|c| c.share)),
            corrected.map_or("n/a".to_owned(), |c| {
                format!("{:.2} to {:.2}", c.low, c.high)
            }),
        ]);
    }
    section
}
