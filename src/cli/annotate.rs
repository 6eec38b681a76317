//! `konspekt annotate`: the layers of files, as JSON lines.

use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde::Deserialize;

use super::corpus::{self, Source};
use super::run::{finish, load, models, workers};
use super::{AnnotateArgs, Outcome};
use crate::comparison::annotation_line;
use crate::hub::cache::Cache;
use crate::hub::lock::{self, Lock, State};
use crate::ingest;
use crate::layers::Annotated;
use crate::networks::Classifier;
use crate::passes::{Pipeline, classes};
use crate::store;
use crate::study::Study;
use crate::text::{Document, Essay};

/// Texts annotated at once; each batch is written before the next is read.
const BATCH: usize = 64;

/// A line of standard input.
#[derive(Deserialize)]
struct Text {
    id: String,
    text: String,
}

pub fn run(args: &AnnotateArgs) -> Result<Outcome> {
    let workers = workers(&args.common)?;
    let pipeline = load(Study::find(&args.study)?, &args.common, &workers)?;
    let networks: Vec<(String, Classifier)> = (args.networks.iter())
        .map(|name| {
            let folder = network(name, args.common.models.as_ref())?;
            Ok((name.clone(), Classifier::load(&folder, &workers)?))
        })
        .collect::<Result<_>>()?;
    let mut outcome = Outcome::Done;
    let mut annotate = |essays: Vec<Result<Essay>>| -> Result<()> {
        let lines: Vec<Result<Vec<u8>>> = workers.run(|| {
            let annotated = essays
                .into_par_iter()
                .map(|essay| annotate(&pipeline, &networks, essay?));
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
    let is_stdin = |file: &PathBuf| file == Path::new("-");
    for files in args.files.chunk_by(|a, b| is_stdin(a) == is_stdin(b)) {
        if is_stdin(&files[0]) {
            let mut lines = std::io::stdin().lock().lines().enumerate().peekable();
            while lines.peek().is_some() {
                let mut essays = Vec::new();
                for (i, line) in lines.by_ref().take(BATCH) {
                    // A line that is not UTF-8 can be passed over; a broken stream cannot.
                    if let Err(error) = &line
                        && error.kind() != ErrorKind::InvalidData
                    {
                        bail!("standard input: {error}");
                    }
                    essays.push(from_line(i + 1, line, args.raw));
                }
                annotate(essays)?;
            }
        } else {
            for files in files.chunks(BATCH) {
                annotate(files.iter().map(|file| from_file(file, args.raw)).collect())?;
            }
        }
    }
    Ok(outcome)
}

/// The folder of a network: given as such, or fetched by its name.
fn network(name: &str, given: Option<&PathBuf>) -> Result<PathBuf> {
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let lock = models(given)?.join(lock::FILE);
    let all = Lock::read(&lock)?;
    let locked = all.get(name).with_context(|| {
        format!(
            "{name}: no such folder, and no network of that name in {}; konspekt models fetch \
             {name} brings one of the Hugging Face hub",
            lock.display()
        )
    })?;
    let cache = Cache::from_env()?;
    for file in &locked.files {
        let state = locked.state(&cache, file)?;
        ensure!(
            state == State::Verified,
            "{name}: {} is not here as {} says; konspekt models fetch {name} brings it",
            file.path,
            lock.display()
        );
    }
    Ok(cache.snapshot(name, &locked.revision))
}

fn annotate(
    pipeline: &Pipeline,
    networks: &[(String, Classifier)],
    essay: Essay,
) -> Result<Vec<u8>> {
    let mut annotated = Annotated::new(essay);
    for &pass in pipeline.passes() {
        pipeline.apply(pass, &mut annotated)?;
    }
    for (name, network) in networks {
        let Annotated {
            essay, sentences, ..
        } = &annotated;
        let found = classes::find(&essay.document, sentences, name, network);
        let found = found.with_context(|| format!("{}: {name}", essay.file))?;
        annotated.classes.extend(found);
    }
    Ok(annotation_line(&annotated))
}

fn from_file(path: &Path, raw: bool) -> Result<Essay> {
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let source = Source {
        path: path.to_owned(),
        file,
    };
    let mut essay = corpus::read_one(&source).with_context(|| path.display().to_string())?;
    if raw {
        essay.document = Document {
            verbatim: essay.document.verbatim,
            ..ingest::raw(essay.document.text)
        };
    }
    Ok(essay)
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
