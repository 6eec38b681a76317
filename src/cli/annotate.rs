//! `konspekt annotate`: the layers of files, as JSON lines.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::Deserialize;

use super::run::{finish, models, workers};
use super::{AnnotateArgs, Outcome};
use crate::comparison::annotation_line;
use crate::ingest;
use crate::layers::Annotated;
use crate::passes::Pipeline;
use crate::store;
use crate::study::Study;
use crate::text::Essay;

/// Texts annotated at once; each batch is written before the next is read.
const BATCH: usize = 64;

/// A line of standard input.
#[derive(Deserialize)]
struct Text {
    id: String,
    text: String,
}

pub fn run(args: &AnnotateArgs) -> Result<Outcome> {
    let workers = workers(&args.common);
    let pipeline = Pipeline::load(Study::find(&args.study)?, &models(&args.common)?, &workers)?;
    let mut outcome = Outcome::Done;
    let mut annotate = |essays: Vec<Result<Essay>>| -> Result<()> {
        let lines: Vec<Result<Vec<u8>>> = workers.run(|| {
            let annotated = essays
                .into_par_iter()
                .map(|essay| annotate(&pipeline, essay?));
            annotated.collect()
        });
        for line in lines {
            match line {
                Ok(line) => finish(std::io::stdout().write_all(&line))?,
                Err(error) => {
                    eprintln!("konspekt: {error:#}");
                    outcome = Outcome::SomeUnread;
                }
            }
        }
        Ok(())
    };
    for files in args.files.chunks(BATCH) {
        if files.iter().any(|file| file == Path::new("-")) {
            let mut lines = std::io::stdin().lock().lines().enumerate().peekable();
            while lines.peek().is_some() {
                let batch = lines.by_ref().take(BATCH);
                annotate(
                    batch
                        .map(|(i, line)| from_line(i + 1, line, args.raw))
                        .collect(),
                )?;
            }
        } else {
            annotate(files.iter().map(|file| from_file(file, args.raw)).collect())?;
        }
    }
    Ok(outcome)
}

fn annotate(pipeline: &Pipeline, essay: Essay) -> Result<Vec<u8>> {
    let mut annotated = Annotated::new(essay);
    for &pass in pipeline.passes() {
        let file = || format!("{}: {}", annotated.essay.file, pass.name());
        let context = file();
        pipeline.apply(pass, &mut annotated).context(context)?;
    }
    Ok(annotation_line(&annotated))
}

fn from_file(path: &PathBuf, raw: bool) -> Result<Essay> {
    let read = || -> Result<Essay> {
        let bytes = std::fs::read(path).context("cannot be read")?;
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let sha256 = store::sha256(&bytes);
        let mut document = ingest::read(&file, bytes)?;
        if raw {
            document = ingest::raw(document.text);
        }
        Ok(essay(file, sha256, document))
    };
    read().with_context(|| path.display().to_string())
}

fn from_line(number: usize, line: std::io::Result<String>, raw: bool) -> Result<Essay> {
    let read = || -> Result<Essay> {
        let Text { id, text } = serde_json::from_str(&line.context("cannot be read")?)?;
        let sha256 = store::sha256(text.as_bytes());
        let document = match raw {
            true => ingest::raw(text),
            false => ingest::read("text.txt", text.into_bytes())?,
        };
        Ok(essay(id, sha256, document))
    };
    read().with_context(|| format!("standard input, line {number}"))
}

fn essay(file: String, sha256: String, document: crate::text::Document) -> Essay {
    Essay {
        id: file.clone(),
        file,
        sha256,
        document,
    }
}
