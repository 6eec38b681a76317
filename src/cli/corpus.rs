//! The essays of a run: found, read, and the ones that could not be.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;

use crate::ingest;
use crate::store;
use crate::text::{Essay, file_name};

/// A longer file is no essay: the longest novels have 4 MB.
const LARGEST: u64 = 8 << 20;

/// A file that may be an essay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    /// Its path relative to the folder it was found in, with `/`.
    pub file: String,
}

/// Files to read, and files passed over because of their kind.
#[derive(Debug, Default)]
pub struct Found {
    pub sources: Vec<Source>,
    pub passed_over: Vec<String>,
}

/// The essays that could be read, and a sentence for each that could not.
#[derive(Default)]
pub struct Corpus {
    pub essays: Vec<Essay>,
    pub unread: Vec<String>,
}

/// Finds essays in files and folders (with the folders in them), sorted.
///
/// # Errors
/// When a path cannot be listed, when there is no essay, and when two files
/// have the same name (with or without their endings), since ids are names.
pub fn find(paths: &[PathBuf]) -> Result<Found> {
    let mut found = Found::default();
    for path in paths {
        if path.is_dir() {
            walk(path, path, &mut found)?;
        } else {
            ensure!(path.exists(), "{}: no such file or folder", path.display());
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            found.sources.push(Source {
                path: path.clone(),
                file: name,
            });
        }
    }
    let shown = || {
        paths
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    ensure!(
        !found.sources.is_empty(),
        "{}: no essays there (.txt, .md or .html)",
        shown()
    );
    found.sources.sort_by(|a, b| a.file.cmp(&b.file));
    found.passed_over.sort();
    let mut ids: HashMap<String, &Source> = HashMap::new();
    for source in &found.sources {
        if let Some(other) = ids.insert(id(&source.file).to_lowercase(), source) {
            bail!(
                "{} and {} have the same name; essays are known by their names, so rename one",
                other.path.display(),
                source.path.display()
            );
        }
    }
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Found) -> Result<()> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|e| Ok(e?.path()))
                .collect::<std::io::Result<Vec<_>>>()
        })
        .with_context(|| format!("{}: cannot be listed", folder.display()))?;
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        if name.starts_with('.') {
            continue;
        } else if path.is_dir() {
            walk(root, &path, found)?;
        } else if ingest::is_essay(&name) {
            found.sources.push(Source { path, file });
        } else {
            found.passed_over.push(file);
        }
    }
    Ok(())
}

/// An essay's id: its file name without the ending.
pub fn id(file: &str) -> &str {
    let name = file_name(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Reads the essays. One that cannot be read stops no other.
pub fn read(sources: &[Source], done: impl Fn() + Sync) -> Corpus {
    let read: Vec<Result<Essay>> = sources
        .par_iter()
        .map(|source| {
            let essay = read_one(source).with_context(|| source.path.display().to_string());
            done();
            essay
        })
        .collect();
    let mut corpus = Corpus::default();
    for essay in read {
        match essay {
            Ok(essay) => corpus.essays.push(essay),
            Err(error) => corpus.unread.push(format!("{error:#}")),
        }
    }
    corpus
}

/// The texts of essays by their file names.
pub fn texts(essays: &[Essay]) -> HashMap<&str, &str> {
    (essays.iter())
        .map(|essay| (essay.file_name(), essay.document.text.as_str()))
        .collect()
}

/// Reads one essay.
pub fn read_one(source: &Source) -> Result<Essay> {
    let size = fs::metadata(&source.path).context("cannot be read")?.len();
    ensure!(
        size <= LARGEST,
        "{} MB long; an essay may have {} MB, so divide it",
        size >> 20,
        LARGEST >> 20
    );
    let bytes = fs::read(&source.path).context("cannot be read")?;
    let sha256 = store::sha256(&bytes);
    Ok(Essay {
        id: id(&source.file).to_owned(),
        file: source.file.clone(),
        sha256,
        document: ingest::read(&source.file, bytes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn essays_are_found_in_order_and_the_rest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        for file in ["b.txt", "a.md", "sub/c.html", "a.json", ".hidden.txt"] {
            fs::write(folder.path().join(file), "x").unwrap();
        }
        let found = find(&[folder.path().to_owned()]).unwrap();
        let files: Vec<&str> = found.sources.iter().map(|s| s.file.as_str()).collect();
        assert_eq!(files, ["a.md", "b.txt", "sub/c.html"]);
        assert_eq!(found.passed_over, ["a.json"]);
        fs::write(folder.path().join("sub/b.md"), "x").unwrap();
        let error = find(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("b.txt") && error.contains("b.md"), "{error}");
    }

    #[test]
    fn an_essay_that_cannot_be_read_stops_no_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("good.txt"),
            "It was the war that did it.\n",
        )
        .unwrap();
        fs::write(folder.path().join("empty.txt"), "").unwrap();
        let found = find(&[folder.path().to_owned()]).unwrap();
        let corpus = read(&found.sources, || ());
        assert_eq!(corpus.essays.len(), 1);
        assert_eq!(corpus.unread.len(), 1);
        assert!(
            corpus.unread[0].contains("empty.txt"),
            "{}",
            corpus.unread[0]
        );
    }
}
