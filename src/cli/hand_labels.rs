//! The hand labels of a study: every reader's, and what counts as right.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use crate::labels::{self, Label, Labels};
use crate::study::{Study, Thesis};

pub struct HandLabels {
    /// What counts as right: the labels in the folders themselves, or what their readers
    /// come to.
    pub agreed: Vec<Label>,
    /// Folders in the folders: readers by name.
    pub readers: Vec<(String, Vec<Label>)>,
    /// Labels whose essays were not read.
    pub unknown: BTreeSet<String>,
}

impl HandLabels {
    /// Reads label files or folders of them, or else the study's own. Tells the user what
    /// had to be looked for, and what is passed over.
    ///
    /// # Errors
    /// When a file is no label, or of another codebook, or none is for an essay that was read.
    pub fn read(paths: &[PathBuf], study: &Study, texts: &HashMap<&str, &str>) -> Result<Self> {
        let own = [study.folder.join("labels")];
        let paths = if paths.is_empty() { &own } else { paths };
        let read = |files: &[PathBuf]| -> Result<Labels> {
            let read = labels::read(files, |doc| texts.get(doc).copied())?;
            for label in &read.labels {
                check(label, &study.theses)?;
            }
            for moved in &read.moved {
                eprintln!("konspekt: {moved}");
            }
            Ok(read)
        };
        let mut readers: Vec<(String, Vec<Label>)> = Vec::new();
        let mut unknown = BTreeSet::new();
        for folder in paths.iter().filter(|path| path.is_dir()) {
            for (name, files) in labels::readers(folder)? {
                ensure!(
                    readers.iter().all(|(other, _)| *other != name),
                    "two folders of labels are called {name}; readers are known by their folders, \
                     so rename one"
                );
                ensure!(
                    !["program", "labels", "adjudicated"].contains(&name.as_str()),
                    "{name} is no name for a reader: outputs use it; rename {}",
                    folder.join(&name).display()
                );
                let of_reader = read(&files)?;
                unknown.extend(of_reader.unknown);
                readers.push((name, of_reader.labels));
            }
        }
        let agreed = match labels::files(paths) {
            Err(_) if !readers.is_empty() => adjudicated(&readers, texts),
            files => {
                let agreed = read(&files?)?;
                unknown.extend(agreed.unknown);
                agreed.labels
            }
        };
        ensure!(
            !agreed.is_empty(),
            "none of the labels is for an essay of this run; give the essays with --essays"
        );
        let blank: Vec<&str> = (agreed.iter())
            .filter(|l| l.cells.is_empty() && l.primary.is_empty() && l.marks.is_empty())
            .map(|label| label.doc.as_str())
            .collect();
        if !blank.is_empty() {
            eprintln!(
                "konspekt: the labels for {} say nothing, which counts as an essay without any \
                 evidence; remove those that are still to be filled",
                blank.join(", ")
            );
        }
        for doc in &unknown {
            eprintln!("konspekt: the label for {doc} is passed over: the run has no such essay");
        }
        Ok(Self {
            agreed,
            readers,
            unknown,
        })
    }
}

/// Every thesis that a label names must be one of the codebook.
pub fn check(label: &Label, theses: &[Thesis]) -> Result<()> {
    let known = |id: &&str| theses.iter().any(|thesis| thesis.id == *id);
    let cells = label.cells.keys().map(String::as_str);
    let marks = label.marks.iter().map(|m| m.thesis.as_str());
    let contested = label.contested.iter().map(|m| m.thesis.as_str());
    let primary = label.primary.iter().flatten().map(String::as_str);
    if let Some(id) = (cells.chain(marks).chain(contested).chain(primary)).find(|id| !known(id)) {
        bail!(
            "the label for {}: {id:?} is no thesis of the codebook",
            label.doc
        );
    }
    Ok(())
}

/// One label an essay, of all readers of it.
pub fn adjudicated(readers: &[(String, Vec<Label>)], texts: &HashMap<&str, &str>) -> Vec<Label> {
    let mut essays: BTreeMap<&str, Vec<&Label>> = BTreeMap::new();
    for label in readers.iter().flat_map(|(_, labels)| labels) {
        essays.entry(&label.doc).or_default().push(label);
    }
    (essays.into_iter())
        .map(|(doc, readers)| labels::adjudicate(&readers, texts[doc]))
        .collect()
}
