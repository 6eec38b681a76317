//! `konspekt train`: a study fitted to hand labels.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rayon::prelude::*;

use super::hand_labels::HandLabels;
use super::progress::Progress;
use super::run::{finish, models, workers};
use super::{Common, Outcome, corpus};
use crate::evaluate::{self, Draws, Evaluation, Opinion, Reader, Scores, Table};
use crate::networks::{Fitted, Judge};
use crate::store::Staged;
use crate::study::{Study, Thesis};
use crate::training::{self, Case, Config, FOLDS, Lesson, Report, Trained};
use crate::words::counted;

#[derive(Args, Clone)]
#[command(after_help = AFTER)]
pub struct TrainArgs {
    /// A study: a folder with a pipeline.toml, or the name of one in pipelines/
    #[arg(default_value = "origins-of-stalinism")]
    study: String,
    /// Label files or folders of them, instead of the study's own labels/
    #[arg(long, value_name = "PATH", num_args = 1..)]
    labels: Vec<PathBuf>,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write, instead of the study's folder trained/, which every run reads
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also say what 2, 5, 10 and all labelled essays teach, a third of them kept out
    #[arg(long)]
    curve: bool,
    /// A JSON object from essays' file names to numbers: essays of one number are kept out
    /// together [default: five parts by author]
    #[arg(long, value_name = "FILE")]
    folds: Option<PathBuf>,
    /// How often essays are drawn for intervals and tests
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// Where the drawing begins
    #[arg(long, value_name = "N", default_value_t = 1917)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

const AFTER: &str = "\
What is learned goes into the study's folder trained/; every later run of the study uses it, with
the thresholds chosen on the labels, until the folder is removed (--zero-shot passes it over).";

/// Labelled essays of the points on the learning curve, before all of them.
const SIZES: [usize; 3] = [2, 5, 10];
/// How often essays are drawn for each.
const CURVE_DRAWS: u64 = 5;

pub fn run(args: &TrainArgs) -> Result<Outcome> {
    let progress = Progress::new(args.common.quiet);
    let mut study = Study::find(&args.study)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => study.folder.join(training::FOLDER),
    };
    Staged::check(&out)?;
    let found = match args.essays.is_empty() {
        true => corpus::find(&[study.folder.join("essays")])?,
        false => corpus::find(&args.essays)?,
    };
    let workers = workers(&args.common)?;
    let read = workers.run(|| corpus::read(&found.sources, || ()));
    for unread in &read.unread {
        eprintln!("konspekt: {unread}");
    }
    let texts = corpus::texts(&read.essays);
    let labels = HandLabels::read(&args.labels, &study, &texts)?.agreed;
    ensure!(
        labels.iter().any(|label| !label.marks.is_empty()),
        "none of the labels marks a sentence, so that there is nothing to learn"
    );

    let mut judge = Judge::load(&models(args.common.models.as_ref())?, &workers)?;
    let theses: Vec<String> = study.theses.iter().map(Thesis::statement).collect();
    let labelled: Vec<_> = (labels.into_iter())
        .filter_map(|label| {
            let essay = read.essays.iter().find(|e| e.file_name() == label.doc)?;
            Some((essay.clone(), label))
        })
        .collect();
    let mut sha256: Vec<String> = labelled.iter().map(|(e, _)| e.sha256.clone()).collect();
    sha256.sort();
    // What the judge says of essays that taught it is no measure.
    let taught = (sha256.iter())
        .filter(|essay| judge.learned_from(essay, &theses))
        .count();
    let by_definition = args.common.zero_shot || taught > 0;
    if by_definition {
        judge.forget_labels();
        study.forget_labels();
    }

    let bar = progress.stage("judge", labelled.len());
    let lessons: Vec<Lesson> = workers.run(|| {
        let lessons = labelled.into_par_iter().map(|(essay, label)| {
            let lesson = Lesson::new(essay, label, &judge, &study.theses);
            bar.inc(1);
            lesson
        });
        lessons.collect::<Result<_>>()
    })?;
    bar.finish_and_clear();
    let lessons: Vec<&Lesson> = lessons.iter().collect();
    let examples = workers.run(|| training::examples(&judge, &study.theses))?;
    let folds = match &args.folds {
        Some(file) => read_folds(file, &lessons)?,
        None => training::by_author(&lessons, FOLDS),
    };
    let parts = folds.iter().collect::<BTreeSet<_>>().len();
    ensure!(
        parts > 1,
        "all labelled essays are one author's: what is learned from them could not be tried on \
         another's; label an essay of somebody else"
    );

    let bar = progress.stage("fitting", parts + 1);
    let (judged, head) = workers.run(|| {
        let judged = training::cross_validate(&lessons, &folds, &examples, || bar.inc(1))?;
        anyhow::Ok((judged, training::fit_head(&lessons, &examples)?))
    })?;
    bar.finish_and_clear();
    let cases: Vec<Case> = lessons.iter().copied().zip(&judged).collect();
    let (thresholds, confidence) = workers.run(|| training::chosen(&cases, &study));

    let before: Vec<Case> = lessons.iter().map(|l| (*l, &l.before)).collect();
    let before = training::table(&before, &study);
    let after = workers.run(|| training::held_out(&lessons, &folds, &judged, &study));
    let draws = Draws {
        draws: args.draws,
        seed: args.seed,
    };
    let score = |run: &Table, against: Option<&Table>, draws: Draws| {
        score(&study, &lessons, &texts, run, against, draws)
    };
    let (before, after) = workers.run(|| {
        (
            score(&before, None, draws),
            score(&after, Some(&before), draws),
        )
    });
    let curve = match args.curve {
        false => Vec::new(),
        true => {
            let thirds = training::by_author(&lessons, 3);
            let bar = progress.stage("curve", 3 * (SIZES.len() * CURVE_DRAWS as usize + 1));
            let points = workers.run(|| {
                training::curve(
                    &lessons,
                    &thirds,
                    &examples,
                    &study,
                    &SIZES,
                    CURVE_DRAWS,
                    || {
                        bar.inc(1);
                    },
                )
            })?;
            bar.finish_and_clear();
            let scored = |point: training::Point| {
                let once = Draws { draws: 0, ..draws };
                let scores = point.tables.iter().map(|table| score(table, None, once));
                (point.essays, workers.run(|| scores.collect()))
            };
            points.into_iter().map(scored).collect()
        }
    };

    let trained = Trained {
        config: Config {
            fitted: Fitted {
                theses,
                essays: sha256,
            },
            judge: judge.sha256().to_owned(),
            thresholds,
            confidence,
        },
        head,
    };
    let report = Report {
        study: &study,
        before: &before,
        after: &after,
        by_definition,
        taught,
        parts,
        curve: &curve,
        config: &trained.config,
        marks: lessons.iter().map(|l| l.label.marks.len()).sum(),
    };
    let mut staged = Staged::new(&out)?;
    for (name, bytes) in trained.files() {
        staged.add(name, &bytes)?;
    }
    staged.add("MODEL_CARD.md", report.card().as_bytes())?;
    staged.commit()?;
    finish(std::io::stdout().write_all(report.terminal().as_bytes()))?;
    progress.say(&format!(
        "\nLearned from {}; written to {}: config.json, head.safetensors, MODEL_CARD.md.{}",
        counted(lessons.len(), "essay"),
        out.display(),
        match args.out {
            Some(_) => "",
            None => "\nEvery run of this study uses it now; to undo, remove the folder.",
        }
    ));
    Ok(match read.unread.is_empty() {
        true => Outcome::Done,
        false => Outcome::SomeUnread,
    })
}

/// Scores a table against the labels.
fn score(
    study: &Study,
    lessons: &[&Lesson],
    texts: &HashMap<&str, &str>,
    run: &Table,
    against: Option<&Table>,
    draws: Draws,
) -> Scores {
    let opinion = |lesson: &&Lesson| {
        let label = &lesson.label;
        (label.doc.clone(), Opinion::of_label(label))
    };
    let labels = Reader {
        name: "labels".to_owned(),
        opinions: lessons.iter().map(opinion).collect(),
    };
    let evaluation = Evaluation {
        study: &study.name,
        run,
        labels: &labels,
        readers: &[],
        against: against.map(|table| ("before", table)),
        learned_from: Vec::new(),
        labels_without_essay: Vec::new(),
        draws,
    };
    evaluate::score(evaluation, |doc| texts[doc])
}

/// The fold of every lesson, numbered from 0.
fn read_folds(file: &Path, lessons: &[&Lesson]) -> Result<Vec<usize>> {
    let at = || file.display().to_string();
    let source = fs::read(file).with_context(|| format!("{}: cannot be read", at()))?;
    let folds: HashMap<String, i64> = serde_json::from_slice(&source)
        .with_context(|| format!("{}: no JSON object from file names to numbers", at()))?;
    let fold = |lesson: &&Lesson| match folds.get(&lesson.label.doc) {
        Some(fold) => Ok(*fold),
        None => bail!("{}: says nothing of {}", at(), lesson.label.doc),
    };
    let of_lessons: Vec<i64> = lessons.iter().map(fold).collect::<Result<_>>()?;
    let numbers: BTreeSet<i64> = of_lessons.iter().copied().collect();
    let place = |fold: i64| numbers.iter().take_while(|&&number| number < fold).count();
    Ok(of_lessons.into_iter().map(place).collect())
}
