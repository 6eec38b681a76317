//! What training gained, on the terminal and in the model card.

use std::fmt::Write;

use crate::evaluate::{Figure, KINDS, Scores};
use crate::passes::trained::{Config, Kind};
use crate::study::{Study, Thresholds};
use crate::words::{counted, one_line};

/// The figures that are shown.
const SHOWN: [&str; 6] = [
    "evidence_f1",
    "evidence_thesis_f1",
    "cells",
    "main_cells",
    "primary",
    "cells_alpha_ordinal",
];

/// What training was given, and what it gained on essays kept out.
pub struct Report<'a> {
    pub study: &'a Study,
    pub before: &'a Scores,
    /// By heads that have not seen the essay's author.
    pub after: &'a Scores,
    /// What *before* is.
    pub baseline: String,
    /// How the essays were kept out that the figures are of.
    pub kept_out: &'a str,
    /// Labelled essays, and the scores of heads fitted to as many.
    pub curve: &'a [(usize, Vec<Scores>)],
    pub config: &'a Config,
    /// By epoch of tuning, from before the first: the loss in training, and that on the
    /// essays that said when to stop.
    pub losses: &'a [[Option<f32>; 2]],
    pub marks: usize,
}

impl Report<'_> {
    /// At most 80 columns.
    pub fn terminal(&self) -> String {
        let mut out = format!(
            "{}, {}\n\n",
            counted(self.after.essays, "labelled essay"),
            self.kept_out
        );
        out += &format!(
            "{:31} {:>6} {:>13} {:>6} {:>13} {:>5}\n",
            "", "before", "95 %", "after", "95 %", "p"
        );
        for (title, [before, before_in, after, after_in, p]) in self.rows() {
            out += &format!(
                "{title:31} {before:>6} {before_in:>13} {after:>6} {after_in:>13} {p:>5}\n"
            );
        }
        writeln!(out, "\nBefore: {}.", self.baseline).expect("a string");
        for (id, what) in [("evidence_f1", "Evidence is"), ("cells", "Cells are")] {
            let figure = |scores: &Scores| scores.figures[id].value;
            if let (Some(before), Some(after)) = (figure(self.before), figure(self.after))
                && after <= before
            {
                out += &format!("{what} no better on essays kept out: label more (labels new).\n");
            }
        }
        for (epoch, [own, kept]) in self.losses.iter().enumerate() {
            let [own, kept] = [own, kept].map(|loss| number(loss.map(f64::from)));
            out += &format!("Epoch {epoch}: loss {own}, on essays that say when to stop {kept}\n");
        }
        if !self.curve.is_empty() {
            out += &format!("\n{:31}", "labelled essays");
            for (essays, _) in self.curve {
                out += &format!(" {essays:>11}");
            }
            out.push('\n');
            for (title, points) in self.curve_rows() {
                let points: String = points.iter().map(|p| format!(" {p:>11}")).collect();
                out += &format!("{title:31}{points}\n");
            }
            out += "A third kept out in turn; means, and ranges over five draws of the essays.\n";
        }
        out
    }

    /// The model card, in Markdown.
    pub fn card(&self) -> String {
        let config = self.config;
        let theses: Vec<&str> = self.study.theses.iter().map(|t| t.id.as_str()).collect();
        let Thresholds {
            evidence,
            cell,
            primary,
        } = config.thresholds;
        let (what, how) = match config.learned {
            Kind::Head => (
                "Head",
                "Two logistic regressions a thesis on what konspekt's judge makes of sentences",
            ),
            Kind::Network => ("Judge", "konspekt's judge, its upper layers tuned"),
        };
        let mut out = format!(
            "# {what} of the study {}\n\n\
             {how}, fitted to hand labels by `konspekt train` {}. The essays answer the question: \
             {}\n\n\
             | | |\n| --- | --- |\n\
             | theses | {} |\n\
             | learned from | {} (SHA-256 in config.json); with those kept out, {} |\n\
             | made for the judge | {} |\n\
             | thresholds | evidence {evidence}, cell {cell}, primary {primary} |\n\
             | licence | that of the labels |\n\n\
             ## How good it is\n\n\
             On {}, {}; thresholds were chosen on other essays. 95 % by bootstrap over essays; p by \
             approximate randomisation ({} draws, seed {}). Before: {}.\n\n\
             | figure | before | 95 % | after | 95 % | p |\n| --- | --- | --- | --- | --- | --- |\n",
            self.study.name,
            env!("CARGO_PKG_VERSION"),
            self.study.question,
            theses.join(", "),
            counted(config.fitted.essays.len(), "essay"),
            counted(self.marks, "marked sentence"),
            config.judge,
            counted(self.after.essays, "labelled essay"),
            self.kept_out,
            self.after.resampling.draws,
            self.after.resampling.seed,
            one_line(&self.baseline),
        );
        for (title, row) in self.rows() {
            out += &format!("| {title} | {} |\n", row.join(" | "));
        }
        let majority = [self.after.majority.cells, self.after.majority.primary].map(number);
        out += &format!(
            "\nAlways the commonest value: cells {}, primary {}.\n",
            majority[0], majority[1]
        );
        if !self.curve.is_empty() {
            out += "\n## What more labels would bring\n\n\
                    A third of the essays after the other kept out; head and thresholds from so \
                    many of the rest: means, and ranges over five draws.\n\n| figure |";
            let sizes: String = self
                .curve
                .iter()
                .map(|(n, _)| format!(" {n} essays |"))
                .collect();
            out += &format!("{sizes}\n|{}\n", " --- |".repeat(self.curve.len() + 1));
            for (title, points) in self.curve_rows() {
                out += &format!("| {title} | {} |\n", points.join(" | "));
            }
        }
        if !self.losses.is_empty() {
            out += "\n## Training\n\n| epoch | loss | on essays that say when to stop |\n\
                    | --- | --- | --- |\n";
            for (epoch, losses) in self.losses.iter().enumerate() {
                let [own, kept] = losses.map(|loss| number(loss.map(f64::from)));
                out += &format!("| {epoch} | {own} | {kept} |\n");
            }
        }
        out += "\n## Limits\n\n\
                It knows these theses in these words: another definition in `pipeline.toml`, and \
                the thesis is read by its definition alone. It says nothing sure of essays unlike \
                those it learned from. The figures are of few essays: look at the intervals.\n";
        out
    }

    fn rows(&self) -> Vec<(&'static str, [String; 5])> {
        let gains = self.after.against.as_ref().map(|against| &against.gains);
        let mut rows: Vec<(&'static str, [String; 5])> = (SHOWN.iter())
            .map(|&id| {
                let (before, after) = (&self.before.figures[id], &self.after.figures[id]);
                let row = [
                    number(before.value),
                    interval(before),
                    number(after.value),
                    interval(after),
                    number(gains.and_then(|gains| gains[id].p)),
                ];
                (title(id), row)
            })
            .collect();
        let error = |scores: &Scores| number(scores.calibration.expected_calibration_error);
        let none = String::new;
        rows.push((
            "confidence, calibration error",
            [
                error(self.before),
                none(),
                error(self.after),
                none(),
                none(),
            ],
        ));
        rows
    }

    fn curve_rows(&self) -> Vec<(&'static str, Vec<String>)> {
        let point = |id: &str, scores: &[Scores]| -> String {
            let values: Vec<f64> = scores.iter().filter_map(|s| s.figures[id].value).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            match values.len() {
                0 => "n/a".to_owned(),
                1 => format!("{mean:.2}"),
                _ => format!("{mean:.2} {:02.0}–{:02.0}", 100.0 * least, 100.0 * most),
            }
        };
        let row = |&id: &&'static str| {
            let points = self.curve.iter().map(|(_, scores)| point(id, scores));
            (title(id), points.collect())
        };
        SHOWN.iter().map(row).collect()
    }
}

fn title(id: &str) -> &'static str {
    let kind = KINDS.iter().find(|kind| kind.id == id);
    kind.expect("shown figures are known").title
}

fn number(value: Option<f64>) -> String {
    value.map_or("n/a".to_owned(), |value| format!("{value:.3}"))
}

fn interval(figure: &Figure) -> String {
    match figure.interval {
        Some(interval) => format!("{:.2} to {:.2}", interval.low, interval.high),
        None => "n/a".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Draws, Evaluation, Reader, Table, score};
    use crate::networks::Fitted;

    /// Two runs of one essay: before it says nothing, after it says what the label says.
    fn report(before: &str, after: &str) -> String {
        let table = |evidence: &str| -> Table {
            let cell = format!(
                "{{\"stance\": \"endorses\", \"confidence\": 0.5, \"evidence\": [{evidence}]}}"
            );
            let essay = format!("{{\"file\": \"a.txt\", \"theses\": {{\"hunger\": {cell}}}}}");
            serde_json::from_str(&format!("{{\"essays\": [{essay}]}}")).unwrap()
        };
        let label = table(RIGHT).reader();
        let scored = |run: &str, against: Option<&str>| {
            let other = against.map(table);
            score(
                Evaluation {
                    study: "test",
                    run: &table(run),
                    labels: &Reader {
                        name: "labels".to_owned(),
                        opinions: label.opinions.clone(),
                    },
                    readers: &[],
                    against: other.as_ref().map(|table| ("before", table)),
                    learned_from: Vec::new(),
                    labels_without_essay: Vec::new(),
                    draws: Draws { draws: 10, seed: 1 },
                },
                |_| "It was hunger.",
            )
        };
        let study: Study = toml::from_str(
            "name = \"test\"\nquestion = \"Why?\"\npasses = [\"sentences\", \"stances\"]\n\
             [[thesis]]\nid = \"hunger\"\nlabel = \"Hunger\"\ndefinition = \"It says so\"\n",
        )
        .unwrap();
        let config = Config {
            fitted: Fitted {
                theses: vec!["Hunger: it says so".to_owned()],
                essays: vec!["0".repeat(64)],
            },
            learned: Kind::Head,
            judge: "0".repeat(64),
            thresholds: Default::default(),
            confidence: Default::default(),
        };
        let report = Report {
            study: &study,
            before: &scored(before, None),
            after: &scored(after, Some(before)),
            baseline: "nothing".to_owned(),
            kept_out: "kept out",
            curve: &[(2, vec![scored(after, None)])],
            config: &config,
            losses: &[[None, Some(0.5)]],
            marks: 1,
        };
        assert!(report.card().contains("1 labelled essay"));
        report.terminal()
    }

    const RIGHT: &str = "{\"start\": 0, \"end\": 14, \"quote\": \"It was hunger.\", \
        \"stance\": \"asserts\", \"voice\": \"author\", \"source\": null, \"score\": 0.9}";

    #[test]
    fn what_is_no_better_is_called_so() {
        let gained = report("", RIGHT);
        assert!(!gained.contains("Evidence is no better"), "{gained}");
        assert!(
            gained.lines().all(|line| line.chars().count() <= 80),
            "{gained}"
        );
        let lost = report(RIGHT, RIGHT);
        assert!(lost.contains("Evidence is no better"), "{lost}");
    }
}
