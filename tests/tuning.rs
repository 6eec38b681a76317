//! Fine-tuning of the judge: it learns, it goes on where it stopped, and it changes nothing else.
#![cfg(feature = "torch")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use konspekt::engine::{Backend, Device, Engine, RtenEngine, Tensor, Workers};
use konspekt::networks::Judge;
use konspekt::networks::tuning::{LabelledEssay, Material, Progress, Tuned, TuningOptions, tune};
use ndarray::{Array2, Array3, ArrayD};

/// Largest difference of a logit between engines.
const CLOSE: f32 = 1e-3;
const WORDS: &str = "word_vectors.data";
const THESES: [&str; 2] = [
    "The harvest: The towns went hungry because the harvest failed.",
    "The war: The war ruined the railways.",
];

/// One essay in which each sentence clearly does what its label says.
fn essay() -> LabelledEssay {
    let rows: [(&str, usize, [Option<u8>; 2]); 8] = [
        (
            "The harvest failed, and so the towns went hungry.",
            0,
            [Some(1), Some(0)],
        ),
        ("My uncle kept bees behind the mill.", 0, [Some(0), Some(0)]),
        (
            "It is false that the war ruined the railways.",
            0,
            [Some(0), Some(2)],
        ),
        (
            "The towns did not go hungry for want of grain.",
            1,
            [Some(2), Some(0)],
        ),
        (
            "According to Ivanov, the war ruined the railways.",
            1,
            [Some(0), Some(3)],
        ),
        ("The lake froze early that year.", 1, [Some(0), Some(0)]),
        (
            "Nobody can say what the trains carried.",
            2,
            [Some(0), None],
        ),
        ("The war left no railway unharmed.", 2, [Some(0), Some(1)]),
    ];
    LabelledEssay {
        sentences: rows.iter().map(|row| row.0.to_owned()).collect(),
        paragraphs: rows.iter().map(|row| row.1).collect(),
        gold: rows.iter().map(|row| row.2.to_vec()).collect(),
    }
}

fn options() -> TuningOptions {
    TuningOptions {
        rate: 3e-4,
        batch: 1,
        epochs: 12,
        quiet: 1.0,
        ..TuningOptions::default()
    }
}

fn tuned(
    kept_out: &[LabelledEssay],
    options: &TuningOptions,
    threads: usize,
    progress: &mut (dyn FnMut(Progress) -> Result<()> + Send),
) -> Result<Tuned> {
    let material = Material {
        theses: &THESES,
        essays: &[essay()],
        kept_out,
    };
    let workers = Workers::new(threads).on(Backend::Torch(Device::Cpu))?;
    tune(Path::new("models"), material, options, &workers, progress)
}

fn words() -> (&'static str, Vec<u8>) {
    (WORDS, fs::read(Path::new("models").join(WORDS)).unwrap())
}

/// A copy of the folder of networks with another `judge/model.onnx`.
fn models(onnx: &[u8]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("judge")).unwrap();
    for file in [
        WORDS,
        "judge/config.json",
        "judge/tokenizer.json",
        "judge/head.safetensors",
    ] {
        fs::copy(Path::new("models").join(file), copy.path().join(file)).unwrap();
    }
    fs::write(copy.path().join("judge/model.onnx"), onnx).unwrap();
    copy
}

#[test]
fn an_essay_is_learned_and_nothing_else_changes() {
    let mut seen = Vec::new();
    let mut progress = |now| {
        seen.push(now);
        Ok(())
    };
    let tuned = tuned(&[], &options(), 1, &mut progress).unwrap();
    assert_eq!(seen.first().unwrap().step, 0);
    let last = seen.last().unwrap();
    assert_eq!((last.epoch, last.step, last.steps), (12, 24, 24));
    let losses: Vec<f32> = tuned.epochs.iter().filter_map(|epoch| epoch.loss).collect();
    assert_eq!((losses.len(), tuned.best), (12, 12));
    assert!(losses[11] < 0.1 && losses[0] > 0.5, "{losses:?}");

    // As the program reads it, on the embedded engine.
    let copy = models(&tuned.onnx);
    let mut judge = Judge::load(copy.path(), &Workers::new(1)).unwrap();
    judge.forget_labels();
    let essay = essay();
    let sentences: Vec<&str> = essay.sentences.iter().map(String::as_str).collect();
    let found = judge.judge(&sentences, &essay.paragraphs, &THESES).unwrap();
    for (sentence, (found, gold)) in sentences.iter().zip(found.iter().zip(&essay.gold)) {
        for (logits, gold) in found.iter().zip(gold) {
            let best = (0..4).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
            assert!(
                gold.is_none_or(|gold| best == Some(usize::from(gold))),
                "{sentence}: {logits:?}"
            );
        }
    }
    assert!(tuned.difference < CLOSE, "{}", tuned.difference);

    // The weights in f32 are there under names of the graph.
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &tuned.safetensors).unwrap();
    let weights = tch::Tensor::read_safetensors(file.path()).unwrap();
    assert!(weights.iter().any(|(name, _)| name == "stances.bias"));
    assert_eq!(
        weights.len(),
        50,
        "three layers of sixteen, and the classifier"
    );

    let old = fs::read("models/judge/model.onnx").unwrap();
    assert_eq!(old.len(), tuned.onnx.len());
    let [before, after] = [old, tuned.onnx].map(outputs);
    assert_eq!(before[0], after[0], "vectors");
    assert_eq!(before[1], after[1], "states");
    assert_ne!(before[2], after[2], "stances");
}

/// `vectors`, `states` and `stances` of a few numbers, on the embedded engine.
fn outputs(onnx: Vec<u8>) -> Vec<ArrayD<f32>> {
    let engine = RtenEngine::load(Path::new("it"), onnx, Some(words()), Workers::new(1)).unwrap();
    let ids = Array2::from_shape_fn((2, 40), |(i, j)| (101 + 997 * i + 31 * j) as i32);
    let mask = Array2::from_shape_fn((2, 40), |(i, j)| i32::from(i == 0 || j < 30));
    let members = Array3::from_shape_fn((2, 3, 40), |(_, k, j)| f32::from(j / 10 == k) / 10.0);
    let inputs = vec![
        ("input_ids", Tensor::Int(ids.into_dyn())),
        ("attention_mask", Tensor::Int(mask.into_dyn())),
        ("members", Tensor::Float(members.into_dyn())),
    ];
    engine
        .run(inputs, &["vectors", "states", "stances"])
        .unwrap()
}

#[test]
fn a_stop_and_the_number_of_threads_change_no_bit() {
    let short = TuningOptions {
        epochs: 3,
        batch: 2,
        ..options()
    };
    let kept_out = [essay()];
    let whole = tuned(&kept_out, &short, 2, &mut |_| Ok(())).unwrap();
    assert!(whole.epochs[0].spread.unwrap() > 0.1);
    assert!(whole.epochs[whole.best].kept_out < whole.epochs[0].kept_out);

    let folder = tempfile::tempdir().unwrap();
    let kept = TuningOptions {
        checkpoints: Some(folder.path().join("kept")),
        save_every: 1,
        ..short.clone()
    };
    let mut stops = 0;
    let resumed = loop {
        // Stopped before anything, and after every step.
        let mut calls = 0;
        let stopped = tuned(&kept_out, &kept, 1, &mut |_| {
            calls += 1;
            ensure!(calls < 2, "stopped");
            Ok(())
        });
        match stopped {
            Ok(resumed) => break resumed,
            Err(error) => assert_eq!(error.to_string(), "stopped"),
        }
        stops += 1;
    };
    assert!(stops >= 3);
    assert!(resumed.onnx == whole.onnx && resumed.safetensors == whole.safetensors);
    assert_eq!(resumed.epochs, whole.epochs);
    assert_eq!(fs::read_dir(folder.path().join("kept")).unwrap().count(), 2);

    let other = TuningOptions { seed: 1, ..kept };
    let refused = tuned(&kept_out, &other, 1, &mut |_| Ok(())).err().unwrap();
    assert!(refused.to_string().contains("of other labels"), "{refused}");
}

#[test]
fn broken_files_and_labels_are_refused_in_a_sentence() {
    let workers = Workers::new(1).on(Backend::Torch(Device::Cpu)).unwrap();
    let refusal = |models: &Path, essays: &[LabelledEssay], theses: &[&str]| {
        let material = Material {
            theses,
            essays,
            kept_out: &[],
        };
        let refused = tune(models, material, &options(), &workers, &mut |_| Ok(()));
        format!("{:#}", refused.err().expect("it should be refused"))
    };
    let old = fs::read("models/judge/model.onnx").unwrap();
    let reader = fs::read("models/reader/model.onnx").unwrap();
    for (onnx, says) in [
        (&old[..old.len() / 2], "damaged"),
        (&b"no network"[..], "damaged"),
        (&reader, "stances: the network has no such output"),
    ] {
        let copy = models(onnx);
        let said = refusal(copy.path(), &[essay()], &THESES);
        assert!(said.contains("model.onnx") && said.contains(says), "{said}");
    }

    let here = Path::new("models");
    let said = refusal(here, &[essay()], &THESES[..1]);
    assert!(said.contains("essay 1: its labels"), "{said}");
    let said = refusal(here, &[], &THESES);
    assert!(said.contains("nothing to learn"), "{said}");
    let mut contested = essay();
    contested.gold.fill(vec![None; 2]);
    let said = refusal(here, &[contested], &THESES);
    assert!(said.contains("nothing to learn"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let kept = TuningOptions {
        epochs: 1,
        checkpoints: Some(folder.path().to_owned()),
        ..options()
    };
    tuned(&[], &kept, 1, &mut |_| Ok(())).unwrap();
    let tensors: PathBuf = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|ending| ending == "safetensors")
        })
        .unwrap();
    fs::write(&tensors, b"cut").unwrap();
    let said = tuned(&[], &kept, 1, &mut |_| Ok(()))
        .err()
        .unwrap()
        .to_string();
    assert!(said.contains("safetensors: damaged"), "{said}");
}
