//! `konspekt evaluate`: the last run against hand labels.

use std::collections::HashMap;
use std::fs;
use std::io::Write;

use anyhow::{Context, Result, bail, ensure};

use super::run::{Session, finish};
use super::{EvaluateArgs, Outcome};
use crate::comparison::Comparison;
use crate::evaluate::{self, Table};
use crate::labels;
use crate::store::Staged;
use crate::study::Study;

pub fn run(args: &EvaluateArgs) -> Result<Outcome> {
    let files = match args.labels.is_empty() {
        true => labels::files(&[Study::find(&args.run.study)?.folder.join("labels")])?,
        false => labels::files(&args.labels)?,
    };
    let session = Session::open(&args.run)?;
    let texts: HashMap<&str, &str> = session
        .essays()
        .iter()
        .map(|essay| {
            let name = essay.file.rsplit('/').next().unwrap_or(&essay.file);
            (name, essay.document.text.as_str())
        })
        .collect();
    let (labels, unknown) = labels::read(&files, |doc| texts.get(doc).copied())?;
    ensure!(
        !labels.is_empty(),
        "none of the {} labels is for an essay of this run; give the essays with --essays",
        files.len()
    );

    for label in &labels {
        let known = |id: &str| session.pipeline.study().theses.iter().any(|t| t.id == id);
        let cells = label.cells.keys().map(String::as_str);
        let marks = label
            .marks
            .iter()
            .chain(&label.contested)
            .map(|m| m.thesis.as_str());
        let primary = label.primary.iter().flatten().map(String::as_str);
        if let Some(id) = cells.chain(marks).chain(primary).find(|id| !known(id)) {
            bail!(
                "the label for {}: {id:?} is no thesis of the codebook",
                label.doc
            );
        }
    }
    for doc in &unknown {
        eprintln!("konspekt: the label for {doc} is passed over: the run has no such essay");
    }

    // The last run is good when it was made of the same things.
    let last = fs::read(session.out.join("run.json")).is_ok_and(|run| run == session.record());
    if !last {
        let essays = session.annotate()?;
        session.write(&Comparison::new(session.pipeline.study(), &essays))?;
    }
    let path = session.out.join("table.json");
    let source = fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let table: Table =
        serde_json::from_slice(&source).with_context(|| path.display().to_string())?;

    let scores = evaluate::score(&table, &labels, unknown, |doc| texts[doc]);
    let mut staged = Staged::new(&session.out)?;
    let mut json = serde_json::to_vec_pretty(&scores).context("scores.json")?;
    json.push(b'\n');
    staged.add("scores.json", &json)?;
    staged.commit()?;
    finish(std::io::stdout().write_all(evaluate::report_terminal(&scores).as_bytes()))?;
    Ok(session.outcome())
}
