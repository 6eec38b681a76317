//! Tunes the judge on essays written for its recipe: losses by epoch, speed, memory.
//!
//! ```text
//! cargo run --release --features torch --example tuning -- [THREADS [RATE [ESSAYS [EPOCHS]]]]
//! ```
//!
//! (2 threads, the default rate, 12 essays and 2 epochs.) The essays are of
//! `models/train/written/essays`, from i on, of which the judge's tower has read none; six others
//! are kept out. Speed is that of the steps alone, in word pieces a second, memory the
//! process's peak (Linux only).

use std::env;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use konspekt::engine::{Backend, Device, Workers};
use konspekt::networks::tuning::{LabelledEssay, Material, Progress, TuningOptions, tune};
use konspekt::study::{Study, Thesis};

/// Letters of the theses in the written essays, in the codebook's order.
const CODES: &str = "OFC";
const KEPT_OUT: usize = 6;

fn main() -> Result<()> {
    let default = TuningOptions::default();
    let threads = argument(1, 2)?;
    let options = TuningOptions {
        rate: argument(2, default.rate)?,
        epochs: argument(4, 2)?,
        patience: usize::MAX,
        ..default
    };
    let essays = written(KEPT_OUT + argument(3, 12)?)?;
    let (kept_out, essays) = essays.split_at(KEPT_OUT);
    let study = Study::read(Path::new("pipelines/origins-of-stalinism"))?;
    let theses: Vec<String> = study.theses.iter().map(Thesis::statement).collect();
    let theses: Vec<&str> = theses.iter().map(String::as_str).collect();
    let material = Material {
        theses: &theses,
        essays,
        kept_out,
    };
    let workers = Workers::new(threads).on(Backend::Torch(Device::Cpu))?;
    let (mut last, mut before) = (Instant::now(), None::<Progress>);
    let (mut spent, mut pieces) = (Duration::ZERO, 0);
    let mut progress = |now: Progress| {
        // Between two epochs the essays kept out are read too, which is no step.
        if let Some(before) = before.filter(|before| before.epoch == now.epoch) {
            spent += last.elapsed();
            pieces += now.pieces - before.pieces;
        }
        before = Some(now);
        last = Instant::now();
        Ok(())
    };
    let tuned = tune(
        Path::new("models"),
        material,
        &options,
        &workers,
        &mut progress,
    )?;
    for (number, epoch) in tuned.epochs.iter().enumerate() {
        println!("epoch {number}: {epoch:?}");
    }
    println!(
        "best: {}; largest difference of the file: {:.1e}",
        tuned.best, tuned.difference
    );
    println!(
        "{threads} thread(s): {:.0} pieces/s",
        pieces as f64 / spent.as_secs_f64()
    );
    if let Some(mb) = peak_memory() {
        println!("peak memory: {mb} MB");
    }
    Ok(())
}

fn argument<T: FromStr>(at: usize, default: T) -> Result<T> {
    match env::args().nth(at) {
        Some(given) => given
            .parse()
            .ok()
            .with_context(|| format!("{given}: not understood")),
        None => Ok(default),
    }
}

/// So many essays from different places of the list, with their labels.
fn written(count: usize) -> Result<Vec<LabelledEssay>> {
    let folder = fs::read_dir("models/train/written/essays")?;
    let mut paths: Vec<_> = folder
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let unread = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().as_ref() >= "i")
    };
    paths.retain(|path| unread(path));
    paths.sort();
    let every = (paths.len() / count).max(1);
    paths
        .into_iter()
        .step_by(every)
        .take(count)
        .map(|path| essay(&path))
        .collect()
}

/// `A+ B~ | sentence` a line, a blank line between paragraphs, `#` before what is no text.
fn essay(path: &Path) -> Result<LabelledEssay> {
    let mut essay = LabelledEssay {
        sentences: Vec::new(),
        paragraphs: Vec::new(),
        gold: Vec::new(),
    };
    let mut paragraph = 0;
    for line in fs::read_to_string(path)?.lines() {
        let Some((marks, text)) = line.split_once('|').filter(|_| !line.starts_with('#')) else {
            paragraph += 1;
            continue;
        };
        let mut gold = vec![Some(0); CODES.len()];
        for mark in marks.split_whitespace() {
            let thesis = CODES.find(&mark[..1]).with_context(|| mark.to_owned())?;
            gold[thesis] = Some(match &mark[1..] {
                "+" => 1,
                "-" => 2,
                "~" => 3,
                _ => bail!("{}: {mark}", path.display()),
            });
        }
        essay.sentences.push(text.trim().to_owned());
        essay.paragraphs.push(paragraph);
        essay.gold.push(gold);
    }
    Ok(essay)
}

/// In MB.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
