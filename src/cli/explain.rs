//! `konspekt explain`: why the cells of one essay say what they say.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::corpus::{self, Source};
use super::run::{finish, load, workers};
use super::{ExplainArgs, Outcome};
use crate::comparison::{self, Row};
use crate::layers::{Annotated, Layer};
use crate::reading;
use crate::study::Study;

pub fn run(args: &ExplainArgs) -> Result<Outcome> {
    let study = Study::find(&args.study)?;
    ensure!(
        study.passes.contains(&Layer::Stances),
        "{}: passes: stances is missing, and without it there is nothing to explain",
        study.folder.join("pipeline.toml").display()
    );
    let source = find(&args.essay, &study)?;
    let workers = workers(&args.common)?;
    let pipeline = load(study, &args.common, &workers)?;
    let essay = corpus::read_one(&source).with_context(|| source.path.display().to_string())?;
    let mut annotated = Annotated::new(essay);
    workers.run(|| {
        let mut passes = pipeline.passes().iter();
        passes.try_for_each(|&pass| pipeline.apply(pass, &mut annotated))
    })?;
    let row = Row {
        reading: reading::read(&annotated, pipeline.study()),
        essay: &annotated,
    };
    let text = comparison::explanation(&row, pipeline.study());
    finish(std::io::Write::write_all(
        &mut std::io::stdout(),
        text.as_bytes(),
    ))?;
    Ok(Outcome::Done)
}

/// A file, or one of the study's essays: its id, or its path with or without ending.
fn find(essay: &Path, study: &Study) -> Result<Source> {
    if essay.is_file() {
        let found = corpus::find(&[essay.to_owned()])?;
        return found.sources.into_iter().next().context("no essay");
    }
    let folder = study.folder.join("essays");
    let sources = corpus::find(std::slice::from_ref(&folder))
        .with_context(|| format!("{}: no such file", essay.display()))?
        .sources;
    let named = |source: &Source| {
        let file = Path::new(&source.file);
        file == essay
            || file.with_extension("") == essay
            || file.file_stem() == Some(essay.as_os_str())
    };
    let names: Vec<&str> = sources.iter().map(|s| s.file.as_str()).collect();
    let known = names.join(", ");
    sources.iter().find(|s| named(s)).cloned().with_context(|| {
        format!(
            "{}: no such file, nor an essay in {} (another study: --study), which has {known}",
            essay.display(),
            folder.display()
        )
    })
}
