//! `konspekt train --engine torch`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::super::progress::Progress;
use super::{Learned, Room, TrainArgs};
use crate::networks::Judge;
use crate::networks::tuning::{self, LabelledEssay, Material, TuningOptions};
use crate::passes::stances::Judged;
use crate::passes::trained::{self, Kind};
use crate::study::Thesis;
use crate::training::{self, Case, FOLDS, Lesson};
use crate::words::counted;

/// The judge itself, tuned by libtorch. A third of the essays is kept out for the
/// figures; a fifth of the others says when to stop, and where the thresholds lie.
pub fn tune(room: &Room, args: &TrainArgs, progress: Progress) -> Result<Learned> {
    let all: Vec<&Lesson> = room.lessons.iter().collect();
    let authors: BTreeSet<&str> = all.iter().map(|lesson| lesson.author.as_str()).collect();
    ensure!(
        authors.len() > 2,
        "--engine torch needs labelled essays by three authors (to learn from, to say when to stop, \
         and for the figures), and there are {}; label another's, or leave --engine torch out",
        authors.len()
    );
    let thirds = room.parts(&all, 3)?;
    let tried: Vec<usize> = (0..all.len()).filter(|&i| thirds[i] == 0).collect();
    let rest: Vec<&Lesson> = (0..all.len())
        .filter(|&i| thirds[i] != 0)
        .map(|i| all[i])
        .collect();
    let fifths = room.parts(&rest, FOLDS)?;
    let part = |stop: bool| -> Vec<&Lesson> {
        let part = rest.iter().zip(&fifths).filter(|(_, f)| (**f == 0) == stop);
        part.map(|(lesson, _)| *lesson).collect()
    };
    let (taught, stop) = (part(false), part(true));
    let essay = |lesson: &&Lesson| LabelledEssay {
        sentences: lesson.questions.surfaces.clone(),
        paragraphs: lesson.questions.paragraphs.clone(),
        gold: (lesson.gold.iter())
            .map(|golds| {
                golds
                    .iter()
                    .map(|gold| gold.map(|class| class as u8))
                    .collect()
            })
            .collect(),
    };
    let theses = Thesis::statements(&room.study.theses);
    let checkpoints = room.out.join(trained::CHECKPOINTS);
    let bar = progress.stage("tuning", 0);
    let tuned = tuning::tune(
        &room.models,
        Material {
            theses: &theses.iter().map(String::as_str).collect::<Vec<_>>(),
            essays: &taught.iter().map(essay).collect::<Vec<_>>(),
            kept_out: &stop.iter().map(essay).collect::<Vec<_>>(),
        },
        &TuningOptions {
            checkpoints: Some(checkpoints),
            seed: args.seed,
            rate: args.rate,
            epochs: args.epochs,
            ..TuningOptions::default()
        },
        &room.workers,
        &mut |at| {
            bar.set_length(at.steps as u64);
            bar.set_position(at.step as u64);
            let loss = |loss: Option<f32>| loss.map_or("–".to_owned(), |l| format!("{l:.3}"));
            let (own, kept) = (loss(at.loss), loss(at.kept_out));
            bar.set_message(format!("epoch {}, loss {own}, kept out {kept}", at.epoch));
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    let config = |chosen| room.config(Kind::Network, &rest, chosen);
    let mut judge = Judge::load(&room.models, &room.workers)?;
    let fitted = config(Default::default()).fitted;
    let file = (Path::new("the tuned network"), tuned.onnx.clone());
    judge.retune(fitted, file, &room.models, &room.workers, Vec::new())?;
    let kept: Vec<&Lesson> = tried.iter().map(|&i| all[i]).collect();
    let (of_stop, of_kept) = room.workers.run(|| {
        let ask = |lessons: &[&Lesson]| -> Result<Vec<Judged>> {
            let judged = lessons.par_iter().map(|l| l.questions.ask(&judge, &theses));
            judged.collect()
        };
        anyhow::Ok((ask(&stop)?, ask(&kept)?))
    })?;
    let cases: Vec<Case> = stop.iter().copied().zip(&of_stop).collect();
    let chosen = training::chosen(&cases, &room.study);
    let mut study = room.study.clone();
    (study.thresholds, study.confidence) = chosen;
    let before: Vec<Case> = kept
        .iter()
        .map(|lesson| (*lesson, &lesson.before))
        .collect();
    let after: Vec<Case> = kept.iter().copied().zip(&of_kept).collect();
    let config = config(chosen);
    Ok(Learned {
        files: trained::network_files(&config, tuned.onnx, tuned.safetensors),
        config,
        tried,
        kept_out: format!(
            "kept out of {}, an author's together",
            counted(all.len(), "labelled essay")
        ),
        before: training::table(&before, &room.study),
        after: training::table(&after, &study),
        curve: Vec::new(),
        losses: tuned.epochs.iter().map(|e| [e.loss, e.kept_out]).collect(),
    })
}
