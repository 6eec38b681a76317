//! `konspekt run`: essays in, comparison out.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use super::corpus::{self, Corpus};
use super::progress::Progress;
use super::{Common, Outcome, RunArgs};
use crate::comparison::{self, Comparison};
use crate::drawing;
use crate::engine::Workers;
use crate::layers::{Annotated, Layer};
use crate::passes::Pipeline;
use crate::passes::trained::Trained;
use crate::store::{self, Staged};
use crate::study::Study;
use crate::words::counted;

pub fn run(args: &RunArgs) -> Result<Outcome> {
    let session = Session::open(args)?;
    let essays = session.annotate()?;
    let comparison = session.compare(&essays);
    session.write(&comparison)?;
    print_table(&comparison)?;
    session.summarise(&essays);
    Ok(session.outcome())
}

/// What a run works with: the study, its networks and its essays.
pub struct Session {
    pub pipeline: Pipeline,
    pub out: PathBuf,
    corpus: Corpus,
    passed_over: Vec<String>,
    by_definition: bool,
    pub workers: Workers,
    progress: Progress,
}

impl Session {
    /// Reads the study, loads its networks and reads its essays.
    pub fn open(args: &RunArgs) -> Result<Self> {
        let progress = Progress::new(args.common.quiet);
        let study = Study::find(&args.study)?;
        ensure!(
            study.passes.contains(&Layer::Stances),
            "{}: passes: stances is missing, and without it there is no table",
            study.folder.join("pipeline.toml").display()
        );
        let out = match &args.out {
            Some(out) => out.clone(),
            None => Path::new("outputs").join(&study.name),
        };
        let found = match args.essays.is_empty() {
            true => corpus::find(&[study.folder.join("essays")])?,
            false => corpus::find(&args.essays)?,
        };
        // An output folder that cannot be used is known before the work, not after it.
        Staged::check(&out)?;
        let workers = workers(&args.common)?;
        let pipeline = load(study, &args.common, &workers)?;
        let bar = progress.stage("reading", found.sources.len());
        let corpus = workers.run(|| corpus::read(&found.sources, || bar.inc(1)));
        bar.finish_and_clear();
        for unread in &corpus.unread {
            eprintln!("konspekt: {unread}");
        }
        ensure!(
            !corpus.essays.is_empty(),
            "none of the essays could be read"
        );
        Ok(Self {
            pipeline,
            out,
            corpus,
            passed_over: found.passed_over,
            by_definition: args.common.zero_shot,
            workers,
            progress,
        })
    }

    pub fn essays(&self) -> &[crate::text::Essay] {
        &self.corpus.essays
    }

    /// Runs the passes over all essays, one pass after another.
    pub fn annotate(&self) -> Result<Vec<Annotated>> {
        let mut essays: Vec<Annotated> = self
            .corpus
            .essays
            .iter()
            .cloned()
            .map(Annotated::new)
            .collect();
        for &pass in self.pipeline.passes() {
            let bar = self.progress.stage(pass.name(), essays.len());
            self.workers.run(|| {
                essays.par_iter_mut().try_for_each(|essay| -> Result<()> {
                    self.pipeline.apply(pass, essay)?;
                    bar.inc(1);
                    Ok(())
                })
            })?;
            bar.finish_and_clear();
        }
        Ok(essays)
    }

    /// The readings of annotated essays side by side.
    pub fn compare<'a>(&'a self, essays: &'a [Annotated]) -> Comparison<'a> {
        Comparison {
            by_definition: self.pipeline.unknown_theses(),
            ..Comparison::new(self.pipeline.study(), essays)
        }
    }

    /// How the run ends: an essay that could not be read is told by the exit code.
    pub fn outcome(&self) -> Outcome {
        match self.corpus.unread.is_empty() {
            true => Outcome::Done,
            false => Outcome::SomeUnread,
        }
    }

    /// `run.json` of a run over these essays.
    pub fn record(&self) -> Vec<u8> {
        comparison::run_json(
            self.pipeline.study(),
            &self.corpus.essays,
            &self.pipeline.weights(),
            &self.pipeline.unknown_theses(),
            self.by_definition,
            self.workers.backend(),
        )
    }

    /// The run's short name: the beginning of the SHA-256 of `run.json`.
    pub fn id(&self) -> String {
        store::sha256(&self.record())[..12].to_owned()
    }

    /// All outputs, by name.
    pub fn files(&self, comparison: &Comparison) -> Vec<(String, Vec<u8>)> {
        let run = self.id();
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut add = |name: &str, bytes| files.push((name.to_owned(), bytes));
        add("table.json", comparison::table_json(comparison));
        add("table.html", comparison::table_page(comparison));
        add("table.md", comparison::table_markdown(comparison));
        add("table.csv", comparison::table_csv(comparison));
        add("evidence.csv", comparison::evidence_csv(comparison));
        add("cells.parquet", comparison::cells_parquet(comparison));
        add("evidence.parquet", comparison::evidence_parquet(comparison));
        add("table.xlsx", comparison::table_xlsx(comparison));
        add("table.tex", comparison::table_latex(comparison, &run));
        add("evidence.tex", comparison::evidence_latex(comparison, &run));
        add("article.tex", comparison::article_latex(comparison));
        let figures = [
            ("matrix", Some(comparison::matrix_svg(comparison))),
            ("strips", Some(comparison::strips_svg(comparison))),
            ("ternary", comparison::ternary_svg(comparison)),
        ];
        for (name, svg) in figures {
            if let Some(svg) = svg {
                add(&format!("figures/{name}.png"), drawing::png(&svg));
                add(&format!("figures/{name}.svg"), svg);
            }
        }
        let mut annotations = Vec::new();
        for row in &comparison.rows {
            annotations.extend(comparison::annotation_line(row.essay));
            let essay = &row.essay.essay;
            if !essay.document.verbatim {
                let text = essay.document.text.as_bytes().to_owned();
                add(&format!("texts/{}.txt", essay.id), text);
            }
        }
        add("annotations.jsonl", annotations);
        add("run.json", self.record());
        files
    }

    /// Writes all outputs, or none.
    pub fn write(&self, comparison: &Comparison) -> Result<()> {
        let earlier = self.earlier();
        let files = self.files(comparison);
        let mut staged = Staged::new(&self.out)?;
        for (name, bytes) in &files {
            staged.add(name, bytes)?;
        }
        self.remove_stale(&earlier, &files)?;
        staged.commit()
    }

    /// Removes what an earlier run left that would contradict this one: its scores, and
    /// its own files that this run does not have.
    fn remove_stale(&self, earlier: &[String], files: &[(String, Vec<u8>)]) -> Result<()> {
        let left = earlier
            .iter()
            .filter(|name| files.iter().all(|(file, _)| file != *name));
        let scores = super::evaluate::FILES.into_iter();
        for name in left.map(String::as_str).chain(scores) {
            store::remove(&self.out.join(name))?;
        }
        Ok(())
    }

    /// The files of an earlier run in the output folder that another run may lack: texts
    /// of its essays, and figures.
    fn earlier(&self) -> Vec<String> {
        let record = fs::read(self.out.join("run.json")).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
        let files = record["essays"].as_array().into_iter().flatten();
        let texts = files
            .filter_map(|essay| essay["file"].as_str())
            .map(|file| format!("texts/{}.txt", corpus::id(file)));
        let figures = ["svg", "png"].map(|ending| format!("figures/ternary.{ending}"));
        match record.is_null() {
            true => Vec::new(),
            false => texts.chain(figures).collect(),
        }
    }

    /// Says something to the person who runs it.
    pub fn say(&self, what: &str) {
        self.progress.say(what);
    }

    fn summarise(&self, essays: &[Annotated]) {
        let sentences: usize = essays.iter().map(|e| e.sentences.len()).sum();
        let progress = self.progress;
        progress.say(&format!(
            "\n{} read: {} sentences.",
            counted(essays.len(), "essay"),
            sentences
        ));
        if !self.corpus.unread.is_empty() {
            progress.say(&format!(
                "{} could not be read (named above).",
                counted(self.corpus.unread.len(), "essay")
            ));
        }
        if !self.passed_over.is_empty() {
            progress.say(&format!(
                "{} passed over, being no text, Markdown or HTML by their names: {}.",
                counted(self.passed_over.len(), "file"),
                self.passed_over.join(", ")
            ));
        }
        progress.say(&format!(
            "Run {}, written to {}:\n\
             table.html, .md, .tex, .xlsx, .csv, .json; cells.parquet; evidence.*; figures/;\n\
             annotations.jsonl; run.json",
            self.id(),
            self.out.display()
        ));
    }
}

/// The study's passes with their networks. Tells the user of theses that are read by
/// their definition alone.
pub fn load(mut study: Study, common: &Common, workers: &Workers) -> Result<Pipeline> {
    if common.zero_shot {
        study.forget_labels();
    }
    let models = models(common.models.as_ref())?;
    let mut pipeline = Pipeline::load(study, &models, workers)?;
    if common.zero_shot {
        pipeline.forget_labels();
        return Ok(pipeline);
    }
    if let Some(judge) = pipeline.judge()
        && let Some(trained) = Trained::read(&pipeline.study().folder, judge.sha256())?
    {
        pipeline.teach(trained, &models, workers)?;
    }
    if let unknown @ [_, ..] = pipeline.unknown_theses().as_slice() {
        eprintln!(
            "konspekt: no hand labels taught the judge {}: it goes by the definition alone; \
             models/judge/MODEL_CARD.md says how well it does that (\"stance-studies, 12 held out\")",
            unknown.join(", ")
        );
        pipeline.forget_calibration();
    }
    Ok(pipeline)
}

/// As many threads as asked for, or as there are cores, with the engine that was asked for.
pub fn workers(common: &Common) -> Result<Workers> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    Workers::new(common.jobs.map_or(cores, usize::from)).on(common.backend()?)
}

/// The folder of networks.
pub fn models(given: Option<&PathBuf>) -> Result<PathBuf> {
    match given {
        Some(folder) => Ok(folder.clone()),
        None => store::locate(Path::new("models/judge"))
            .and_then(|judge| judge.parent().map(Path::to_owned))
            .context("models/: no folder of networks here or above the program; give --models"),
    }
}

/// Prints the table on standard output, for a person, in 80 columns.
pub fn print_table(comparison: &Comparison) -> Result<()> {
    let stdout = std::io::stdout();
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let table = comparison::table_terminal(comparison, 80, colour);
    finish(stdout.lock().write_all(table.as_bytes()))
}

/// A reader that closed the pipe has seen enough.
pub fn finish(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output"),
    }
}
