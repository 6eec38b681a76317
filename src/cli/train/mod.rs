//! `konspekt train`: a study fitted to hand labels.

#[cfg(feature = "torch")]
mod tuning;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rayon::prelude::*;

use super::corpus::{self, Corpus};
use super::hand_labels::HandLabels;
use super::progress::Progress;
use super::run::{finish, models, workers};
use super::{Common, EngineName, Outcome};
use crate::engine::{Backend, Workers};
use crate::evaluate::{self, Draws, Evaluation, Opinion, Reader, Scores, Table};
use crate::labels::Label;
use crate::networks::{Features, Fitted, Judge};
use crate::passes::trained::{self, Config, Kind};
use crate::store::Staged;
use crate::study::{Calibration, Study, Thesis, Thresholds};
use crate::text::Essay;
use crate::training::{self, Case, Example, FOLDS, Lesson, Point, Report, Seen};
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
    /// Also say what 2, 5, 10 and two thirds of the labelled essays teach, the others kept out
    #[arg(long)]
    curve: bool,
    /// A JSON object from essays' file names to their authors, where the texts do not name
    /// them: an author's essays are kept out together
    #[arg(long, value_name = "FILE")]
    authors: Option<PathBuf>,
    /// With --engine torch: the highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 2e-5)]
    rate: f64,
    /// With --engine torch: epochs at most; it stops where the loss on essays kept out no
    /// longer falls
    #[arg(long, value_name = "N", default_value_t = 4)]
    epochs: usize,
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
    ensure!(
        !(args.curve && args.common.engine == EngineName::Torch),
        "--curve: is of the small layer, which is fitted without --engine torch"
    );
    let room = Room::open(args, progress)?;
    let learned = match room.workers.backend() {
        Backend::Rten => room.fit_head(args, progress)?,
        #[cfg(feature = "torch")]
        Backend::Torch(_) => tuning::tune(&room, args, progress)?,
        #[cfg(not(feature = "torch"))]
        Backend::Torch(_) => unreachable!("there are no workers on an engine that is not here"),
    };
    let texts = corpus::texts(&room.corpus.essays);
    let draws = Draws {
        draws: args.draws,
        seed: args.seed,
    };
    let labels: Vec<&Label> = (learned.tried.iter())
        .map(|&lesson| &room.lessons[lesson].label)
        .collect();
    let score = |run: &Table, against: Option<&Table>, draws: Draws| {
        score(&room.study, &labels, &texts, run, against, draws)
    };
    let (before, after, curve) = room.workers.run(|| {
        let once = Draws { draws: 0, ..draws };
        let scored = |point: &Point| {
            let scores = point.tables.iter().map(|table| score(table, None, once));
            (point.essays, scores.collect())
        };
        (
            score(&learned.before, None, draws),
            score(&learned.after, Some(&learned.before), draws),
            learned.curve.iter().map(scored).collect::<Vec<_>>(),
        )
    });
    let report = Report {
        study: &room.study,
        config: &learned.config,
        marks: room.lessons.iter().map(|l| l.label.marks.len()).sum(),
        before: &before,
        after: &after,
        baseline: room.baseline(),
        kept_out: &learned.kept_out,
        curve: &curve,
        losses: &learned.losses,
    };
    let mut staged = Staged::new(&room.out)?;
    let mut names = vec!["MODEL_CARD.md"];
    staged.add(names[0], report.card().as_bytes())?;
    for (name, bytes) in &learned.files {
        staged.add(name, bytes)?;
        names.push(name);
    }
    staged.commit()?;
    for name in trained::stale(learned.config.learned) {
        let _ = fs::remove_file(room.out.join(name));
    }
    if learned.config.learned == Kind::Network {
        let _ = fs::remove_dir_all(room.out.join(trained::CHECKPOINTS));
    }
    finish(std::io::stdout().write_all(report.terminal().as_bytes()))?;
    progress.say(&format!(
        "\nLearned from {}; written to {}: {}.{}",
        counted(learned.config.fitted.essays.len(), "essay"),
        room.out.display(),
        names.join(", "),
        match args.out {
            Some(_) => "",
            None => "\nEvery run of this study uses it now; to undo, remove the folder.",
        }
    ));
    Ok(match room.corpus.unread.is_empty() {
        true => Outcome::Done,
        false => Outcome::SomeUnread,
    })
}

/// What there is to learn from.
struct Room {
    study: Study,
    judge: Judge,
    /// The folder of networks; libtorch tunes what lies there.
    #[cfg_attr(not(feature = "torch"), expect(dead_code))]
    models: PathBuf,
    workers: Workers,
    corpus: Corpus,
    lessons: Vec<Lesson>,
    out: PathBuf,
    /// Whether the judge has to forget what it knew; because so many of the labelled
    /// essays taught it, or because that was asked for.
    by_definition: bool,
    taught: usize,
}

/// What was learned, and how it was tried.
struct Learned {
    config: Config,
    files: Vec<(&'static str, Vec<u8>)>,
    /// The lessons that were kept out, and how.
    tried: Vec<usize>,
    kept_out: String,
    before: Table,
    after: Table,
    curve: Vec<Point>,
    /// By epoch, from before the first: the loss in training, and that on essays kept out.
    losses: Vec<[Option<f32>; 2]>,
}

impl Room {
    fn open(args: &TrainArgs, progress: Progress) -> Result<Self> {
        let mut study = Study::find(&args.study)?;
        let out = match &args.out {
            Some(out) => out.clone(),
            None => study.folder.join(trained::FOLDER),
        };
        Staged::check(&out)?;
        trained::check(&out)?;
        let authors = args.authors.as_deref().map(read_authors).transpose()?;
        let found = match args.essays.is_empty() {
            true => corpus::find(&[study.folder.join("essays")])?,
            false => corpus::find(&args.essays)?,
        };
        let workers = workers(&args.common)?;
        let corpus = workers.run(|| corpus::read(&found.sources, || ()));
        for unread in &corpus.unread {
            eprintln!("konspekt: {unread}");
        }
        let texts = corpus::texts(&corpus.essays);
        if let (Some(authors), Some(file)) = (&authors, &args.authors) {
            let (known, unknown): (Vec<&String>, Vec<&String>) = authors
                .keys()
                .partition(|doc| texts.contains_key(doc.as_str()));
            ensure!(
                !known.is_empty(),
                "{}: names none of the essays; its keys are their file names, with the endings",
                file.display()
            );
            for doc in unknown.into_iter().collect::<BTreeSet<_>>() {
                eprintln!("konspekt: {}: {doc} is no essay here", file.display());
            }
        }
        let folder = study.folder.join("labels");
        ensure!(
            !args.labels.is_empty() || folder.is_dir(),
            "{}: there are no labels to learn from; konspekt labels new makes files to fill in, and \
             --labels names others",
            folder.display()
        );
        let labels = HandLabels::read(&args.labels, &study, &texts)?.agreed;
        ensure!(
            labels.iter().any(|label| !label.marks.is_empty()),
            "none of the {} labels marks a sentence as evidence (`marks`), so that there is nothing \
             to learn; mark some, or give others with --labels",
            labels.len()
        );
        let of_label = |label: Label| {
            let essay = corpus.essays.iter().find(|e| e.file_name() == label.doc);
            let essay = essay.expect("labels are of essays that were read").clone();
            let stated = essay.document.author.as_ref();
            let given = authors.as_ref().and_then(|authors| authors.get(&label.doc));
            // An essay that names no author is an author's of its own.
            let author = given.or(stated).unwrap_or(&label.doc).trim().to_lowercase();
            (essay, label, author)
        };
        let labelled: Vec<(Essay, Label, String)> = labels.into_iter().map(of_label).collect();

        let models = models(args.common.models.as_ref())?;
        let mut judge = Judge::load(&models, &workers)?;
        let theses = Thesis::statements(&study.theses);
        // What the judge says of essays that taught it is no measure.
        let taught = labelled
            .iter()
            .filter(|(e, ..)| judge.learned_from(&e.sha256, &theses));
        let taught = taught.count();
        let by_definition = args.common.zero_shot || taught > 0;
        if by_definition {
            judge.forget_labels();
            study.forget_labels();
        }
        let bar = progress.stage("judge", labelled.len());
        let lessons = workers.run(|| {
            let lessons = labelled.into_par_iter().map(|(essay, label, author)| {
                let lesson = Lesson::new(essay, label, author, &judge, &study.theses);
                bar.inc(1);
                lesson
            });
            lessons.collect::<Result<Vec<_>>>()
        })?;
        bar.finish_and_clear();
        Ok(Self {
            study,
            judge,
            models,
            workers,
            corpus,
            lessons,
            out,
            by_definition,
            taught,
        })
    }

    fn baseline(&self) -> String {
        let statements = Thesis::statements(&self.study.theses);
        let knows = statements.iter().any(|thesis| self.judge.knows(thesis));
        match (self.by_definition, self.taught) {
            (false, _) if knows => "the judge as it ships".to_owned(),
            (false, _) => {
                "by the theses' definitions alone, no labels for them being known".to_owned()
            }
            (true, 0) => "by the theses' definitions alone".to_owned(),
            (true, taught) => format!(
                "by the theses' definitions alone, since {taught} of these essays\n\
                 taught the judge that ships, and what it says of them is no measure"
            ),
        }
    }

    /// Parts of lessons to keep out, by author.
    fn parts(&self, lessons: &[&Lesson], count: usize) -> Result<Vec<usize>> {
        let parts = training::by_author(lessons, count);
        ensure!(
            parts.iter().any(|part| *part > 0),
            "all labelled essays are one author's: what is learned from them could not be tried \
             on another's; label an essay of somebody else"
        );
        Ok(parts)
    }

    fn config(&self, learned: Kind, from: &[&Lesson], chosen: (Thresholds, Calibration)) -> Config {
        let mut essays: Vec<String> = (from.iter())
            .map(|lesson| lesson.annotated.essay.sha256.clone())
            .collect();
        essays.sort();
        Config {
            fitted: Fitted {
                theses: Thesis::statements(&self.study.theses),
                essays,
            },
            learned,
            judge: self.judge.sha256().to_owned(),
            thresholds: chosen.0,
            confidence: chosen.1,
        }
    }

    /// The small layer on the judge's numbers.
    fn fit_head(&self, args: &TrainArgs, progress: Progress) -> Result<Learned> {
        let theses = &self.study.theses;
        let all: Vec<&Lesson> = self.lessons.iter().collect();
        let folds = self.parts(&all, FOLDS)?;
        let parts = 1 + folds.iter().max().expect("there are lessons");
        let bar = progress.stage("features", all.len());
        let (features, examples) = self.workers.run(|| {
            let features = all.par_iter().map(|lesson| {
                let features = lesson.questions.features(&self.judge, theses);
                bar.inc(1);
                features
            });
            let features = features.collect::<Result<Vec<Features>>>()?;
            anyhow::Ok((features, training::examples(&self.judge, theses)?))
        })?;
        bar.finish_and_clear();
        let examples: Vec<&Example> = examples.iter().collect();
        let seen: Vec<Seen> = all.iter().copied().zip(&features).collect();

        let bar = progress.stage("fitting", parts + 1);
        let (judged, head) = self.workers.run(|| {
            let judged = training::cross_validate(&seen, &folds, &examples, || bar.inc(1))?;
            anyhow::Ok((judged, training::fit_head(&seen, &examples)?))
        })?;
        bar.finish_and_clear();
        let cases: Vec<Case> = all.iter().copied().zip(&judged).collect();
        let before: Vec<Case> = all.iter().map(|lesson| (*lesson, &lesson.before)).collect();
        let curve = match args.curve {
            false => Vec::new(),
            true => {
                let thirds = self.parts(&all, 3)?;
                let bar = progress.stage("curve", 3 * (SIZES.len() * CURVE_DRAWS as usize + 1));
                let curve = self.workers.run(|| {
                    let done = || bar.inc(1);
                    training::curve(
                        &seen,
                        &thirds,
                        &examples,
                        &self.study,
                        &SIZES,
                        CURVE_DRAWS,
                        done,
                    )
                })?;
                bar.finish_and_clear();
                curve
            }
        };
        let chosen = self.workers.run(|| training::chosen(&cases, &self.study));
        let config = self.config(Kind::Head, &all, chosen);
        Ok(Learned {
            files: trained::head_files(&config, &head),
            config,
            tried: (0..all.len()).collect(),
            kept_out: format!("kept out in {parts} parts, an author's together"),
            before: training::table(&before, &self.study),
            after: (self.workers).run(|| training::held_out(&all, &folds, &judged, &self.study)),
            curve,
            losses: Vec::new(),
        })
    }
}

/// Scores a table against the labels.
fn score(
    study: &Study,
    labels: &[&Label],
    texts: &HashMap<&str, &str>,
    run: &Table,
    against: Option<&Table>,
    draws: Draws,
) -> Scores {
    let opinion = |label: &&Label| (label.doc.clone(), Opinion::of_label(label));
    let labels = Reader {
        name: "labels".to_owned(),
        opinions: labels.iter().map(opinion).collect(),
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

/// Who wrote what.
fn read_authors(file: &Path) -> Result<HashMap<String, String>> {
    let at = || file.display().to_string();
    let source = fs::read(file).with_context(|| format!("{}: cannot be read", at()))?;
    serde_json::from_slice(&source)
        .with_context(|| format!("{}: no JSON object from file names to authors", at()))
}
