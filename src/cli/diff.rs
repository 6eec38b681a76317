//! `konspekt diff` and `konspekt verify`: one run against another, or against itself made
//! again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::run::{Session, finish};
use super::{Common, EngineName, Outcome, RunArgs};
use crate::comparison::{Run, diff};
use crate::engine::Device;

#[derive(Args, Clone)]
pub struct DiffArgs {
    /// The output folder of one run
    old: PathBuf,
    /// The output folder of the other
    new: PathBuf,
}

/// Prints what changed between two runs.
pub fn diff_runs(args: &DiffArgs) -> Result<Outcome> {
    match diff(&Run::read(&args.old)?, &Run::read(&args.new)?) {
        None => Ok(Outcome::Done),
        Some(changes) => {
            finish(std::io::Write::write_all(
                &mut std::io::stdout(),
                changes.as_bytes(),
            ))?;
            Ok(Outcome::Differs)
        }
    }
}

#[derive(Args, Clone)]
pub struct VerifyArgs {
    /// The output folder of a run [default: the bundled study's]
    #[arg(default_value = "outputs/origins-of-stalinism")]
    run: PathBuf,
    /// The study, where it is none of pipelines/
    #[arg(long, value_name = "STUDY")]
    study: Option<String>,
    /// The files or folders of essays that the run was made of, instead of the study's own
    #[arg(long, value_name = "PATH", num_args = 1..)]
    essays: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Makes a run again from what its `run.json` names, and compares every byte.
pub fn verify(args: &VerifyArgs) -> Result<Outcome> {
    let record = args.run.join("run.json");
    let recorded = fs::read(&record).with_context(|| {
        format!(
            "{}: cannot be read; give the output folder of a run",
            record.display()
        )
    })?;
    let named: serde_json::Value = serde_json::from_slice(&recorded)
        .with_context(|| format!("{}: is not the record of a run", record.display()))?;
    let study = match (&args.study, named["study"].as_str()) {
        (Some(study), _) => study.clone(),
        (None, Some(study)) => study.to_owned(),
        (None, None) => bail!("{}: names no study; give --study", record.display()),
    };
    // The run is made beside, so that what is verified is not touched.
    let beside = tempfile::tempdir().context("a folder for the run made again")?;
    let mut common = args.common.clone();
    common.zero_shot |= named["by_definition"] == true;
    if named["engine"].is_string() {
        common.engine = EngineName::Torch;
    }
    if named["engine"] == "torch on cuda" && common.device == Device::Cpu {
        common.device = Device::Cuda(0);
    }
    let session = Session::open(&RunArgs {
        study,
        essays: args.essays.clone(),
        out: Some(beside.path().to_owned()),
        common,
    })?;
    let essays = session.annotate()?;
    let comparison = session.compare(&essays);
    session.write(&comparison)?;
    let mut differing: Vec<String> = Vec::new();
    for (name, bytes) in session.files(&comparison) {
        match fs::read(args.run.join(&name)) {
            Ok(there) if there == bytes => {}
            Ok(_) => differing.push(format!("{name} differs")),
            Err(_) => differing.push(format!("{name} is not there")),
        }
    }
    let said = match differing.is_empty() {
        true => format!("run {}: the same, byte for byte\n", session.id()),
        false => {
            let changes = diff(&Run::read(&args.run)?, &Run::read(beside.path())?);
            format!("{}\n{}", differing.join("\n"), changes.unwrap_or_default())
        }
    };
    finish(std::io::Write::write_all(
        &mut std::io::stdout(),
        said.as_bytes(),
    ))?;
    Ok(match differing.is_empty() {
        true => session.outcome(),
        false => Outcome::Differs,
    })
}
