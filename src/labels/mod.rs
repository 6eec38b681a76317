//! Labels: readings made by hand, and the files that annotation tools keep them in.

mod adjudicate;
pub mod draft;
pub mod formats;
pub mod guide;
pub mod propose;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layers::{SentenceStance, Speaker};
use crate::reading::CellStance;
use crate::text::Span;

pub use adjudicate::adjudicate;
pub use draft::Draft;

/// What a careful reader says of one essay; spans count bytes of its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The essay's file name.
    pub doc: String,
    pub body: Span,
    /// Parts inside the body that are not the essay.
    pub skip: Vec<Span>,
    /// Ids of theses that may count as the main explanation; `None` for "none".
    pub primary: Vec<Option<String>>,
    /// The sentence that states the main explanation best, or nothing.
    pub sentence: String,
    /// By thesis id.
    pub cells: BTreeMap<String, LabelCell>,
    pub marks: Vec<Mark>,
    /// Marked by one reader of several, or differently: left out of scoring.
    pub contested: Vec<Contested>,
    /// Further fields of the label's file (entities), kept as they are.
    pub rest: Map<String, Value>,
}

/// One thesis's place in the essay; several values where readers may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelCell {
    pub stances: Vec<CellStance>,
    /// 0 absent, 1 touched on, 2 substantial, 3 the main one.
    pub weights: Vec<u8>,
}

/// A sentence marked as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub span: Span,
    pub thesis: String,
    pub stance: SentenceStance,
    pub voice: Voice,
    /// The person or group that is cited, as the text has it; empty where unnamed.
    pub source: String,
}

/// Whose words a marked sentence gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voice {
    Author,
    Cited,
    /// Readers differ, and each is right.
    Either,
}

impl Voice {
    pub fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Cited => "cited",
            Self::Either => "either",
        }
    }
}

impl From<Speaker> for Voice {
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Author => Self::Author,
            Speaker::Cited => Self::Cited,
        }
    }
}

/// A sentence on which readers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    pub span: Span,
    pub thesis: String,
    /// What each reader says; nothing from one who did not mark it.
    pub stances: Vec<Option<SentenceStance>>,
}

/// The label files of folders (every `.json` in them) and single files, sorted.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in list(path)? {
                if is_label(&entry) {
                    files.push(entry);
                }
            }
        } else {
            files.push(path.clone());
        }
    }
    ensure!(
        !files.is_empty(),
        "no label files (.json) in {}",
        paths
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    );
    files.sort();
    Ok(files)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || {
        fs::read_dir(folder)?
            .map(|e| Ok(e?.path()))
            .collect::<std::io::Result<_>>()
    };
    let mut paths: Vec<PathBuf> =
        read().with_context(|| format!("{}: cannot be listed", folder.display()))?;
    paths.sort();
    Ok(paths)
}

/// Labels of a folder, at their places.
#[derive(Debug, Default)]
pub struct Labels {
    /// One an essay, sorted by its name.
    pub labels: Vec<Label>,
    /// Essays that are labelled and were not read.
    pub unknown: Vec<String>,
    /// A sentence for each label that was found elsewhere than its file said.
    pub moved: Vec<String>,
}

/// Reads label files; `text` gives the text of an essay by file name, or
/// nothing for an essay that was not read.
///
/// # Errors
/// When a file is no label, or marks something that is not in its essay, or two label
/// the same essay.
pub fn read<'t>(files: &[PathBuf], text: impl Fn(&str) -> Option<&'t str>) -> Result<Labels> {
    let mut found: BTreeMap<String, (Label, &Path)> = BTreeMap::new();
    let mut labels = Labels::default();
    for file in files {
        let at = || file.display().to_string();
        let source = fs::read(file).with_context(|| format!("{}: cannot be read", at()))?;
        let draft = guide::read(&source).with_context(at)?;
        let Some(text) = text(&draft.doc) else {
            labels.unknown.push(draft.doc);
            continue;
        };
        let placed = draft.place(text).with_context(at)?;
        let moved = placed
            .moved
            .iter()
            .map(|moved| format!("{}: {moved}", at()));
        labels.moved.extend(moved);
        let label = placed.label;
        if let Some((_, first)) = found.get(&label.doc) {
            bail!(
                "{} and {} both label {}",
                first.display(),
                file.display(),
                label.doc
            );
        }
        found.insert(label.doc.clone(), (label, file));
    }
    labels.labels = found.into_values().map(|(label, _)| label).collect();
    Ok(labels)
}

/// The readers of a folder of labels: one a folder in it that holds label files, by
/// name, in order.
pub fn readers(folder: &Path) -> Result<Vec<(String, Vec<PathBuf>)>> {
    let mut readers = Vec::new();
    for path in list(folder)?.into_iter().filter(|path| path.is_dir()) {
        let files: Vec<PathBuf> = (list(&path)?.into_iter())
            .filter(|file| is_label(file))
            .collect();
        if !files.is_empty() {
            let name = path.file_name().unwrap_or_default();
            readers.push((name.to_string_lossy().into_owned(), files));
        }
    }
    Ok(readers)
}

fn is_label(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "json")
}
