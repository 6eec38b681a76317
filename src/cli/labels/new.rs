//! `konspekt labels new`: what a person should label next.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::super::run::{Session, finish};
use super::super::{Common, Outcome, RunArgs};
use super::{DOUBTFUL, Overwrite, write};
use crate::labels::formats::{self, File, Format};
use crate::labels::propose::{self, Doubtful};
use crate::labels::{self, Label};
use crate::layers::Annotated;
use crate::reading::{self, Reading};

#[derive(Args, Clone)]
pub struct NewArgs {
    /// The study whose passes and codebook are used
    #[arg(default_value = "origins-of-stalinism")]
    study: String,
    /// Files or folders of essays, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = "labels-new")]
    out: PathBuf,
    /// The tool that the files are for
    #[arg(long, value_enum, default_value = "guide")]
    format: Format,
    /// So many essays, those of which the program is least sure
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// So many sentences an essay are listed in doubtful.csv
    #[arg(long, value_name = "N", default_value_t = 20)]
    sentences: usize,
    /// Leave out what the program thinks
    #[arg(long)]
    blind: bool,
    /// Labels that are there already; their essays are left out [default: the study's labels/]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    labels: Vec<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
    #[command(flatten)]
    common: Common,
}

pub fn run(args: &NewArgs) -> Result<Outcome> {
    let session = Session::open(&RunArgs {
        study: args.study.clone(),
        essays: args.essays.clone(),
        out: Some(args.out.clone()),
        common: args.common.clone(),
    })?;
    let study = session.pipeline.study();
    let folders = match args.labels.is_empty() {
        true => vec![study.folder.join("labels")],
        false => args.labels.clone(),
    };
    let there: Vec<PathBuf> = match args.labels.is_empty() {
        true => folders.into_iter().filter(|f| f.is_dir()).collect(),
        false => folders,
    };
    let known = labelled(&there)?;
    let essays = session.annotate()?;
    let mut open: Vec<(&Annotated, Reading)> = (essays.iter())
        .filter(|essay| !known.contains(essay.essay.file_name()))
        .map(|essay| (essay, reading::read(essay, study)))
        .collect();
    ensure!(
        !open.is_empty(),
        "all {} essays have labels; give others with --essays",
        essays.len()
    );
    open.sort_by(|(a, ra), (b, rb)| {
        let doubt = propose::doubt(rb).total_cmp(&propose::doubt(ra));
        doubt.then_with(|| a.essay.file.cmp(&b.essay.file))
    });
    // The most doubtful of every author first: labels of many authors teach most.
    let mut authors = BTreeSet::new();
    let (first, more): (Vec<_>, Vec<_>) = open.into_iter().partition(|(essay, _)| {
        let author = essay.essay.document.author.as_ref();
        author.is_none_or(|author| authors.insert(author.to_lowercase()))
    });
    let mut open = [first, more].concat();
    open.truncate(args.count.into());

    let proposals: Vec<(Label, &str)> = (open.iter())
        .map(|(essay, reading)| {
            let label = propose::propose(essay, reading, study, args.blind);
            (label, essay.essay.document.text.as_str())
        })
        .collect();
    let pairs: Vec<(&Label, &str)> = proposals
        .iter()
        .map(|(label, text)| (label, *text))
        .collect();
    let theses: Vec<&str> = study.theses.iter().map(|t| t.id.as_str()).collect();
    let mut files = formats::write(args.format, &pairs, &theses)?;
    files.push(File {
        name: DOUBTFUL.to_owned(),
        bytes: list(&open, args, &theses)?,
    });
    write(&args.out, &files, args.overwrite.force)?;
    let mut doubts = String::new();
    for (essay, reading) in &open {
        let doubt = propose::doubt(reading);
        doubts += &format!("{} (doubt {doubt:.2})\n", essay.essay.file_name());
    }
    finish(std::io::stdout().write_all(doubts.as_bytes()))?;
    session.say(&format!(
        "\nWritten to {}: labels to {}, and doubtful.csv, the sentences to look at first.",
        args.out.display(),
        if args.blind { "fill" } else { "correct" }
    ));
    Ok(session.outcome())
}

/// The essays that have labels.
fn labelled(folders: &[PathBuf]) -> Result<BTreeSet<String>> {
    let mut files = labels::files(folders).unwrap_or_default();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        files.extend(
            labels::readers(folder)?
                .into_iter()
                .flat_map(|(_, files)| files),
        );
    }
    let doc = |file: &PathBuf| {
        let source = std::fs::read(file).with_context(|| file.display().to_string())?;
        let draft = labels::guide::read(&source).with_context(|| file.display().to_string())?;
        Ok(draft.doc)
    };
    files.iter().map(doc).collect()
}

/// `doubtful.csv`: blind, in the order of the text and without theses.
fn list(open: &[(&Annotated, Reading)], args: &NewArgs, theses: &[&str]) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["file", "start_byte", "end_byte", "sentence"];
    if !args.blind {
        header.extend(["thesis", "entropy"]);
    }
    csv.write_record(&header)?;
    for (essay, _) in open {
        let mut sentences = propose::doubtful(essay, args.sentences);
        if args.blind {
            sentences.sort_by_key(|sentence| sentence.span);
        }
        for Doubtful {
            span,
            thesis,
            entropy,
        } in sentences
        {
            let mut row = vec![
                essay.essay.file_name().to_owned(),
                span.start.to_string(),
                span.end.to_string(),
                essay.essay.quote(span).to_owned(),
            ];
            if !args.blind {
                row.extend([theses[thesis].to_owned(), format!("{entropy:.4}")]);
            }
            csv.write_record(&row)?;
        }
    }
    Ok(csv.into_inner()?)
}
