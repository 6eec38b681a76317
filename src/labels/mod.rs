//! Labels: readings made by hand.

pub mod guide;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::layers::SentenceStance;
use crate::reading::CellStance;
use crate::text::Span;

/// What a careful reader says of one essay; spans count bytes of its text.
#[derive(Clone, Debug)]
pub struct Label {
    /// The essay's file name.
    pub doc: String,
    pub body: Span,
    /// Parts inside the body that are not the essay.
    pub skip: Vec<Span>,
    /// Ids of theses that may count as the main explanation; `None` for "none".
    pub primary: Vec<Option<String>>,
    /// By thesis id.
    pub cells: BTreeMap<String, LabelCell>,
    pub marks: Vec<Mark>,
    /// Marked by one reader of two, or differently: left out of scoring.
    pub contested: Vec<Mark>,
}

/// One thesis's place in the essay; several values where readers may differ.
#[derive(Clone, Debug)]
pub struct LabelCell {
    pub stances: Vec<CellStance>,
    /// 0 absent, 1 touched on, 2 substantial, 3 the main one.
    pub weights: Vec<u8>,
}

/// A sentence marked as evidence.
#[derive(Clone, Debug)]
pub struct Mark {
    pub span: Span,
    pub thesis: String,
    /// Not given for some contested marks.
    pub stance: Option<SentenceStance>,
}

/// The label files of folders (every `.json` in them) and single files, sorted.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for entry in list(path)? {
                if entry.extension().is_some_and(|e| e == "json") {
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
    read().with_context(|| format!("{}: cannot be listed", folder.display()))
}

/// Reads label files; `text` gives the text of an essay by file name, or
/// nothing for an essay that was not read.
///
/// # Errors
/// When a file is no label, or marks something that is not in its essay.
/// A label for an essay that `text` does not know is returned in the second list.
pub fn read<'t>(
    files: &[PathBuf],
    text: impl Fn(&str) -> Option<&'t str>,
) -> Result<(Vec<Label>, Vec<String>)> {
    let mut labels: BTreeMap<String, (Label, &Path)> = BTreeMap::new();
    let mut unknown = Vec::new();
    for file in files {
        let at = || file.display().to_string();
        let source = fs::read(file).with_context(|| format!("{}: cannot be read", at()))?;
        let raw = guide::parse(&source).with_context(at)?;
        let Some(text) = text(&raw.doc) else {
            unknown.push(raw.doc);
            continue;
        };
        let label = raw.place(text).with_context(at)?;
        if let Some((_, first)) = labels.get(&label.doc) {
            bail!(
                "{} and {} both label {}",
                first.display(),
                file.display(),
                label.doc
            );
        }
        labels.insert(label.doc.clone(), (label, file));
    }
    Ok((
        labels.into_values().map(|(label, _)| label).collect(),
        unknown,
    ))
}
