//! `konspekt methods`: a paragraph for the paper.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::Outcome;
use super::run::finish;
use crate::comparison;
use crate::store;

#[derive(Args, Clone)]
pub struct MethodsArgs {
    /// The output folder of a run [default: the bundled study's]
    #[arg(default_value = "outputs/origins-of-stalinism")]
    run: PathBuf,
}

pub fn run(args: &MethodsArgs) -> Result<Outcome> {
    let bytes = |name: &str| {
        let path = args.run.join(name);
        fs::read(&path).with_context(|| {
            format!(
                "{}: cannot be read; give the output folder of a run",
                path.display()
            )
        })
    };
    let json = |name: &str, source: &[u8]| -> Result<Value> {
        serde_json::from_slice(source)
            .with_context(|| format!("{}: is no file of a run", args.run.join(name).display()))
    };
    let record = bytes("run.json")?;
    let id = &store::sha256(&record)[..12];
    let table = json("table.json", &bytes("table.json")?)?;
    let scores = match args.run.join("scores.json").exists() {
        true => Some(json("scores.json", &bytes("scores.json")?)?),
        false => None,
    };
    let record = json("run.json", &record)?;
    for field in ["version", "codebook", "thresholds", "weights"] {
        ensure!(
            !record[field].is_null(),
            "{}: {field} is missing; give the output folder of a run",
            args.run.join("run.json").display()
        );
    }
    let text = comparison::methods(&record, &table, scores.as_ref(), id);
    finish(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}
