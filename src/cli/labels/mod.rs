//! `konspekt labels`: hand labels to annotation tools and back, and several readers' into
//! one. Everything is read and placed before anything is written.

mod new;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};

use super::Outcome;
use super::corpus::{self, Corpus};
use super::hand_labels::{adjudicated, check};
use super::run::finish;
use crate::labels::draft::Unit;
use crate::labels::formats::{self, File, Format};
use crate::labels::{self, Label};
use crate::store::Staged;
use crate::study::Study;
use crate::text::file_name;
use crate::words::counted;

#[derive(Subcommand)]
pub enum LabelsCommand {
    /// Write hand labels in the files of an annotation tool
    Export(ExportArgs),
    /// Read an annotation tool's files and write the labels in them, one file an essay
    Import(ImportArgs),
    /// Make one label an essay of several readers': what they agree on, and what is contested
    Adjudicate(AdjudicateArgs),
    /// Choose what a person should label next, for a tool, with the program's opinion or without
    New(new::NewArgs),
}

/// What `labels new` calls its list of sentences.
const DOUBTFUL: &str = "doubtful.csv";

/// Where labels are written.
#[derive(Args, Clone)]
pub struct Overwrite {
    /// Replace files that are there already and differ
    #[arg(long)]
    force: bool,
}

#[derive(Args, Clone)]
pub struct ExportArgs {
    /// The tool's format
    #[arg(long, value_enum)]
    format: Format,
    /// A study: a folder with a pipeline.toml, or the name of one in pipelines/
    #[arg(default_value = "origins-of-stalinism")]
    study: String,
    /// Label files or folders of them, instead of the study's own labels/; folders in a
    /// folder without label files are readers, whose labels are made one
    #[arg(long, value_name = "PATH", num_args = 1..)]
    labels: Vec<PathBuf>,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write, instead of outputs/<study>/labels-<format>/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

#[derive(Args, Clone)]
pub struct ImportArgs {
    /// The tool's format
    #[arg(long, value_enum)]
    format: Format,
    /// The tool's files, or folders of them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The study whose codebook and essays are used
    #[arg(long, default_value = "origins-of-stalinism")]
    study: String,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write the labels
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files count, where it is not what their format says
    #[arg(long, value_enum)]
    offset_unit: Option<OffsetUnit>,
    #[command(flatten)]
    overwrite: Overwrite,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum OffsetUnit {
    Bytes,
    /// Unicode code points
    Characters,
    /// UTF-16 code units
    Utf16,
}

impl From<OffsetUnit> for Unit {
    fn from(unit: OffsetUnit) -> Self {
        match unit {
            OffsetUnit::Bytes => Self::Bytes,
            OffsetUnit::Characters => Self::CodePoints,
            OffsetUnit::Utf16 => Self::Utf16,
        }
    }
}

#[derive(Args, Clone)]
pub struct AdjudicateArgs {
    /// Folders of labels, one a reader
    #[arg(required = true, num_args = 2.., value_name = "READER_DIR")]
    readers: Vec<PathBuf>,
    /// The study whose codebook and essays are used
    #[arg(long, default_value = "origins-of-stalinism")]
    study: String,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write the labels
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

/// Runs one of the commands.
pub fn run(command: &LabelsCommand) -> Result<Outcome> {
    match command {
        LabelsCommand::Export(args) => export(args),
        LabelsCommand::Import(args) => import(args),
        LabelsCommand::Adjudicate(args) => adjudicate(args),
        LabelsCommand::New(args) => new::run(args),
    }
}

fn export(args: &ExportArgs) -> Result<Outcome> {
    let desk = Desk::open(&args.study, &args.essays)?;
    let texts = desk.texts();
    let paths = match args.labels.is_empty() {
        true => vec![desk.study.folder.join("labels")],
        false => args.labels.clone(),
    };
    let labels = match desk.readers(&paths)? {
        readers if readers.is_empty() => desk.read(&labels::files(&paths)?)?,
        readers => adjudicated(&readers, &texts),
    };
    ensure!(
        !labels.is_empty(),
        "none of the labels is for one of the essays; give the essays with --essays"
    );
    let theses: Vec<&str> = desk.study.theses.iter().map(|t| t.id.as_str()).collect();
    let files = formats::write(args.format, &with_texts(&labels, &texts), &theses)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => {
            let format = args.format.to_possible_value();
            let format = format.expect("every format has a name");
            let name = format!("labels-{}", format.get_name());
            Path::new("outputs").join(&desk.study.name).join(name)
        }
    };
    write(&out, &files, args.overwrite.force)?;
    print(&format!(
        "{} exported to {}.\n",
        counted(labels.len(), "label"),
        out.display()
    ))?;
    Ok(desk.outcome())
}

fn import(args: &ImportArgs) -> Result<Outcome> {
    let desk = Desk::open(&args.study, &args.essays)?;
    let texts = desk.texts();
    let mut files = Vec::new();
    for path in &args.files {
        gather(path, &mut files)?;
    }
    let mut drafts = formats::read(args.format, &files)?;
    ensure!(
        !drafts.is_empty(),
        "no labels in {} as --format {} has them; name the files or another format",
        shown(&args.files),
        args.format
            .to_possible_value()
            .expect("every format has a name")
            .get_name()
    );
    let mut lacking = Vec::new();
    for draft in &mut drafts {
        match essay(&draft.doc, &texts) {
            Some(name) => name.clone_into(&mut draft.doc),
            None => lacking.push(draft.doc.clone()),
        }
        if let Some(unit) = args.offset_unit {
            draft.unit = unit.into();
        }
    }
    ensure!(
        lacking.is_empty(),
        "the study has no essay called {}; give the essays with --essays",
        lacking.join(", ")
    );
    let mut labels: BTreeMap<String, Label> = BTreeMap::new();
    let mut moved = Vec::new();
    for draft in drafts {
        let placed = draft.clone().place(texts[draft.doc.as_str()])?;
        desk.check(&placed.label)?;
        moved.extend(placed.moved);
        let other = labels.insert(draft.doc.clone(), placed.label);
        ensure!(
            other.is_none(),
            "{} is labelled twice in {}; import one label an essay",
            draft.doc,
            shown(&args.files)
        );
    }
    let labels: Vec<Label> = labels.into_values().collect();
    write_guide(&args.out, &labels, &texts, args.overwrite.force)?;
    say(&moved);
    print(&format!(
        "{} imported to {}.\n",
        counted(labels.len(), "label"),
        args.out.display()
    ))?;
    Ok(desk.outcome())
}

fn adjudicate(args: &AdjudicateArgs) -> Result<Outcome> {
    let desk = Desk::open(&args.study, &args.essays)?;
    let texts = desk.texts();
    let mut essays: BTreeMap<String, Vec<Label>> = BTreeMap::new();
    for folder in &args.readers {
        ensure!(
            folder.is_dir(),
            "{}: no such folder; give a folder of labels for each reader",
            folder.display()
        );
        let files = labels::files(std::slice::from_ref(folder))?;
        let read = labels::read(&files, |doc| texts.get(doc).copied())?;
        ensure!(
            read.unknown.is_empty(),
            "{}: the study has no essay called {}; give the essays with --essays",
            folder.display(),
            read.unknown.join(", ")
        );
        say(&read.moved);
        for label in read.labels {
            desk.check(&label)?;
            essays.entry(label.doc.clone()).or_default().push(label);
        }
    }
    let mut said = String::new();
    let (mut agreed, mut contested) = (0, 0);
    let mut merged = Vec::new();
    for (doc, readers) in &essays {
        if readers.len() < args.readers.len() {
            eprintln!(
                "konspekt: {doc} is labelled by {} of {} readers",
                readers.len(),
                args.readers.len()
            );
        }
        let readers: Vec<&Label> = readers.iter().collect();
        let label = labels::adjudicate(&readers, texts[doc.as_str()]);
        let (marks, open) = (label.marks.len(), label.contested.len());
        said += &format!("{doc}: {marks} agreed, {open} contested\n");
        agreed += marks;
        contested += open;
        merged.push(label);
    }
    write_guide(&args.out, &merged, &texts, args.overwrite.force)?;
    said += &format!(
        "In all {agreed} agreed, {contested} contested; {} written to {}.\n",
        counted(merged.len(), "label"),
        args.out.display()
    );
    print(&said)?;
    Ok(desk.outcome())
}

/// A study and its essays, without its networks.
struct Desk {
    study: Study,
    corpus: Corpus,
}

impl Desk {
    fn open(study: &str, essays: &[PathBuf]) -> Result<Self> {
        let study = Study::find(study)?;
        let found = match essays.is_empty() {
            true => corpus::find(&[study.folder.join("essays")])?,
            false => corpus::find(essays)?,
        };
        let corpus = corpus::read(&found.sources, || ());
        say(&corpus.unread);
        ensure!(
            !corpus.essays.is_empty(),
            "none of the essays could be read"
        );
        Ok(Self { study, corpus })
    }

    fn texts(&self) -> HashMap<&str, &str> {
        corpus::texts(&self.corpus.essays)
    }

    /// Labels of the essays, checked; those of other essays are named.
    fn read(&self, files: &[PathBuf]) -> Result<Vec<Label>> {
        let texts = self.texts();
        let read = labels::read(files, |doc| texts.get(doc).copied())?;
        for label in &read.labels {
            self.check(label)?;
        }
        say(&read.moved);
        for doc in &read.unknown {
            eprintln!("konspekt: the label for {doc} is passed over: there is no such essay");
        }
        Ok(read.labels)
    }

    /// The readers in folders, where these hold no labels of their own.
    fn readers(&self, paths: &[PathBuf]) -> Result<Vec<(String, Vec<Label>)>> {
        let mut readers = Vec::new();
        if labels::files(paths).is_err() {
            for folder in paths.iter().filter(|path| path.is_dir()) {
                for (name, files) in labels::readers(folder)? {
                    readers.push((name, self.read(&files)?));
                }
            }
        }
        Ok(readers)
    }

    fn check(&self, label: &Label) -> Result<()> {
        check(label, &self.study.theses)
    }

    fn outcome(&self) -> Outcome {
        match self.corpus.unread.is_empty() {
            true => Outcome::Done,
            false => Outcome::SomeUnread,
        }
    }
}

/// The name of the essay that a tool calls `doc`: tools often change the ending.
fn essay<'t>(doc: &str, texts: &HashMap<&'t str, &str>) -> Option<&'t str> {
    let name = file_name(doc);
    let same = texts.keys().find(|essay| **essay == name);
    // Essays of one run differ in their names without the endings, too.
    let alike = || {
        texts
            .keys()
            .find(|essay| corpus::id(essay) == corpus::id(name))
    };
    same.or_else(alike).copied()
}

/// The files in a path and in the folders under it, sorted.
fn gather(path: &Path, files: &mut Vec<File>) -> Result<()> {
    if !path.is_dir() {
        let bytes =
            fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let name = path
            .display()
            .to_string()
            .replace(std::path::MAIN_SEPARATOR, "/");
        files.push(File { name, bytes });
        return Ok(());
    }
    let list = || {
        let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
        entries.collect::<std::io::Result<Vec<PathBuf>>>()
    };
    let mut paths = list().with_context(|| format!("{}: cannot be listed", path.display()))?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        // The list that `labels new` writes beside its files holds no labels.
        if !name.to_string_lossy().starts_with('.') && name != DOUBTFUL {
            gather(&path, files)?;
        }
    }
    Ok(())
}

fn with_texts<'a>(
    labels: &'a [Label],
    texts: &HashMap<&str, &'a str>,
) -> Vec<(&'a Label, &'a str)> {
    let text = |label: &Label| texts[label.doc.as_str()];
    labels.iter().map(|label| (label, text(label))).collect()
}

fn write_guide(
    out: &Path,
    labels: &[Label],
    texts: &HashMap<&str, &str>,
    force: bool,
) -> Result<()> {
    let files = formats::write(Format::Guide, &with_texts(labels, texts), &[])?;
    write(out, &files, force)
}

/// Writes all files, or none; hand work that is there is kept.
fn write(out: &Path, files: &[File], force: bool) -> Result<()> {
    for file in files.iter().filter(|_| !force) {
        let path = out.join(&file.name);
        match fs::read(&path) {
            Ok(there) if there != file.bytes => bail!(
                "{} is there already and differs; choose another folder with --out, or replace it \
                 with --force",
                path.display()
            ),
            Ok(_) => {}
            // A folder that cannot be made is told when it is made.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    let mut staged = Staged::new(out)?;
    for file in files {
        staged.add(&file.name, &file.bytes)?;
    }
    staged.commit()
}

fn shown(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

fn say(sentences: &[String]) {
    for sentence in sentences {
        eprintln!("konspekt: {sentence}");
    }
}

fn print(text: &str) -> Result<()> {
    finish(std::io::stdout().write_all(text.as_bytes()))
}
