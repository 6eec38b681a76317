//! What every engine owes: one suite, run on each engine that was built in, and the engines
//! against each other and against transformers (`tests/engines/make.py`).

use std::fs;
use std::path::{Path, PathBuf};

use konspekt::engine::{Backend, Device, Workers};
use konspekt::networks::{Classifier, Scored, Task};
use ndarray::Array2;
use serde::Deserialize;

/// Largest difference of a logit between engines.
const CLOSE: f32 = 1e-3;
/// Largest difference that padding may make in one engine.
const SAME: f32 = 1e-5;

/// The checkpoints: family and task.
const CHECKPOINTS: [&str; 10] = [
    "bert-tokens",
    "bert-text",
    "roberta-tokens",
    "roberta-text",
    "distilbert-tokens",
    "distilbert-text",
    "deberta-tokens",
    "deberta-text",
    "deberta-v2-tokens",
    "deberta-v2-text",
];

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<i32>,
    logits: Vec<Vec<f32>>,
}

fn backends() -> Vec<Backend> {
    match cfg!(feature = "torch") {
        true => vec![Backend::Rten, Backend::Torch(Device::Cpu)],
        false => vec![Backend::Rten],
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new("tests/engines").join(name)
}

fn cases(name: &str) -> Vec<Case> {
    serde_json::from_slice(&fs::read(folder(name).join("reference.json")).unwrap()).unwrap()
}

fn load(folder: &Path, backend: Backend) -> anyhow::Result<Classifier> {
    Classifier::load(folder, &Workers::new(2).on(backend)?)
}

/// The checkpoints that the engine can read.
fn checkpoints(backend: Backend) -> Vec<(&'static str, Classifier)> {
    let readable =
        |name: &&str| backend != Backend::Rten || folder(name).join("model.onnx").exists();
    let names = CHECKPOINTS.into_iter().filter(readable);
    names
        .map(|name| (name, load(&folder(name), backend).unwrap()))
        .collect()
}

/// Texts with accents, curly quotes, emoji and nothing at all, so many of them.
fn texts(count: usize) -> Vec<String> {
    let kinds: Vec<String> = cases("bert-text")
        .into_iter()
        .map(|case| case.text)
        .collect();
    let text = |i: usize| match i / kinds.len() {
        0 => kinds[i].clone(),
        round => format!(
            "{} {}",
            kinds[i % kinds.len()],
            kinds[(i + round) % kinds.len()]
        ),
    };
    (0..count).map(text).collect()
}

fn read(network: &Classifier, texts: &[String]) -> Vec<Scored> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    network.read(&texts).unwrap()
}

fn difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn any_number_of_texts_batch_equal_to_single() {
    for backend in backends() {
        for (name, network) in checkpoints(backend) {
            for count in [0, 1, 65, 200] {
                let texts = texts(count);
                let together = read(&network, &texts);
                assert_eq!(together.len(), count, "{backend:?} {name}");
                for (i, (text, of)) in texts.iter().zip(&together).enumerate() {
                    if count == 200 && i % 7 != 0 {
                        continue;
                    }
                    let single = &read(&network, std::slice::from_ref(text))[0];
                    assert_eq!(single.pieces, of.pieces, "{backend:?} {name}: {text}");
                    let apart = difference(&single.logits, &of.logits);
                    assert!(apart < SAME, "{backend:?} {name}: {text}: {apart}");
                }
            }
        }
    }
}

#[test]
fn offsets_are_bytes_of_the_text() {
    for backend in backends() {
        for (name, network) in checkpoints(backend) {
            let texts = texts(40);
            for (text, of) in texts.iter().zip(read(&network, &texts)) {
                let rows = match network.task {
                    Task::Tokens => of.pieces.len(),
                    Task::Text => 1,
                };
                assert_eq!(
                    of.logits.dim(),
                    (rows, network.labels.len()),
                    "{name}: {text}"
                );
                let mut covered = vec![false; text.len()];
                for (start, end) in of.pieces {
                    let piece = text.get(start..end);
                    assert!(piece.is_some(), "{name}: {text}: {start}..{end}");
                    covered[start..end].fill(true);
                }
                for (i, c) in text.char_indices() {
                    let seen = covered[i] || !c.is_alphanumeric();
                    assert!(seen, "{backend:?} {name}: {text}: {c:?} is in no piece");
                }
            }
        }
    }
}

#[test]
fn a_long_text_is_read_to_its_end() {
    let sentence = "“Naïve” 🚩 scarcity made the bureaucracy, above all. ";
    for backend in backends() {
        for (name, network) in checkpoints(backend) {
            let long = sentence.repeat(120);
            let of = &read(&network, &[long.clone(), "Short.".to_owned()])[0];
            let (_, end) = *of.pieces.last().unwrap();
            assert!(end + 1 >= long.len(), "{backend:?} {name}: {end}");
            assert!(of.pieces.len() > 1000, "{name}: many windows");
            for row in of.logits.rows() {
                assert!(
                    row.iter().all(|x| x.is_finite() && *x != 0.0),
                    "{backend:?} {name}"
                );
            }
        }
    }
}

#[test]
fn transformers_says_the_same() {
    for backend in backends() {
        for (name, network) in checkpoints(backend) {
            for case in cases(name) {
                let of = &read(&network, std::slice::from_ref(&case.text))[0];
                // The reference has the special tokens too, one at each end.
                let rows = match network.task {
                    Task::Tokens => &case.logits[1..case.logits.len() - 1],
                    Task::Text => &case.logits[..],
                };
                assert_eq!(of.pieces.len(), case.ids.len() - 2, "{name}: {}", case.text);
                let wanted = rows.concat();
                let wanted = Array2::from_shape_vec(of.logits.dim(), wanted).unwrap();
                let apart = difference(&of.logits, &wanted);
                assert!(apart < CLOSE, "{backend:?} {name}: {}: {apart}", case.text);
            }
        }
    }
}

#[test]
fn labels_have_their_own_names() {
    for backend in backends() {
        for (name, network) in checkpoints(backend) {
            match network.task {
                Task::Tokens => assert_eq!(network.labels, ["O", "B-CAUSE", "I-CAUSE"], "{name}"),
                Task::Text => {
                    assert_eq!(
                        network.labels,
                        ["none", "asserts", "denies", "reports"],
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn engines_agree_on_the_same_weights() {
    let texts = texts(200);
    for (name, network) in checkpoints(Backend::Rten) {
        let found = read(&network, &texts);
        for &backend in &backends()[1..] {
            let other = read(&load(&folder(name), backend).unwrap(), &texts);
            for ((text, a), b) in texts.iter().zip(&found).zip(&other) {
                assert_eq!(a.pieces, b.pieces, "{name}: {text}");
                let apart = difference(&a.logits, &b.logits);
                assert!(apart < CLOSE, "{backend:?} {name}: {text}: {apart}");
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let texts = texts(65);
    for backend in backends() {
        let read_on = |threads: usize| {
            let workers = Workers::new(threads).on(backend).unwrap();
            let network = Classifier::load(&folder("bert-tokens"), &workers).unwrap();
            workers.run(|| read(&network, &texts))
        };
        assert_eq!(read_on(1), read_on(3), "{backend:?}");
    }
}

/// A copy of a checkpoint in which one file was changed.
fn changed(
    name: &str,
    file: &str,
    change: impl Fn(Vec<u8>) -> Option<Vec<u8>>,
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = copy.path().join(file);
    match change(fs::read(&path).unwrap()) {
        Some(bytes) => fs::write(&path, bytes).unwrap(),
        None => fs::remove_file(&path).unwrap(),
    }
    copy
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Option<Vec<u8>> {
    move |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{from}");
        Some(text.replace(from, to).into_bytes())
    }
}

/// The error of a checkpoint that should be refused, in one line.
fn refusal(copy: &tempfile::TempDir, backend: Backend) -> String {
    let loaded = load(copy.path(), backend);
    let Err(error) = loaded.and_then(|network| network.read(&["A text."])) else {
        panic!("a broken checkpoint was read");
    };
    format!("{error:#}")
}

#[test]
fn broken_folders_are_refused_by_name() {
    for backend in backends() {
        for (file, change, says) in [
            ("config.json", "{", "config.json"),
            ("tokenizer.json", "{}", "tokenizer.json"),
        ] {
            let copy = changed("bert-tokens", file, |_| Some(change.into()));
            let refusal = refusal(&copy, backend);
            assert!(refusal.contains(says), "{backend:?}: {refusal}");
        }
        let other = replaced("ForTokenClassification", "ForMaskedLM");
        let copy = changed("bert-tokens", "config.json", other);
        let refusal = refusal(&copy, backend);
        assert!(refusal.contains("ForMaskedLM"), "{backend:?}: {refusal}");
        let missing = load(Path::new("tests/engines/none"), backend)
            .err()
            .unwrap();
        assert!(missing.to_string().contains("no such folder"), "{missing}");
    }
    let copy = changed("bert-tokens", "model.onnx", |_| None);
    let refusal = refusal(&copy, Backend::Rten);
    assert!(refusal.contains("--engine torch"), "{refusal}");
}

#[cfg(feature = "torch")]
mod torch {
    use super::*;

    const TORCH: Backend = Backend::Torch(Device::Cpu);

    #[test]
    fn broken_checkpoints_are_refused_by_name() {
        let cut = |bytes: Vec<u8>| Some(bytes[..bytes.len() / 2].to_vec());
        let copy = changed("bert-tokens", "model.safetensors", cut);
        let said = refusal(&copy, TORCH);
        assert!(said.contains("model.safetensors"), "{said}");
        let copy = changed("bert-tokens", "model.safetensors", |_| None);
        let said = refusal(&copy, TORCH);
        assert!(said.contains("model.safetensors"), "{said}");
        for (from, to, says) in [
            ("\"bert\"", "\"bart\"", "model_type: \"bart\""),
            ("\"hidden_size\": 16", "\"hidden_size\": 32", "shape [16]"),
            (
                "\"hidden_size\": 16",
                "\"hidden_size\": 15",
                "does not divide",
            ),
            (
                "\"num_hidden_layers\": 2",
                "\"num_hidden_layers\": 3",
                "layer.2",
            ),
            (
                "\"hidden_act\": \"gelu\"",
                "\"hidden_act\": \"gulu\"",
                "gulu",
            ),
            ("\"vocab_size\": 300", "\"vocab_size\": -300", "config.json"),
            (
                "\"2\": \"I-CAUSE\"",
                "\"2\": \"I-CAUSE\", \"3\": \"X\"",
                "classifier",
            ),
            (
                "\"absolute\"",
                "\"relative_key\"",
                "position_embedding_type",
            ),
        ] {
            let copy = changed("bert-tokens", "config.json", replaced(from, to));
            let said = refusal(&copy, TORCH);
            assert!(said.contains(says), "{to}: {said}");
        }
    }

    #[test]
    fn ids_beyond_the_table_are_an_error() {
        // A tokenizer of another model.
        let other = fs::read(folder("roberta-tokens").join("tokenizer.json")).unwrap();
        let copy = changed("bert-tokens", "tokenizer.json", |_| Some(other.clone()));
        let network = load(copy.path(), TORCH).unwrap();
        let text = "Isolation in a backward country explains the outcome, some say.";
        let said = network.read(&[text]).unwrap_err().to_string();
        assert!(said.contains("tokenizer.json"), "{said}");
    }

    /// The bundled study by the shipped reader and judge: the same labels everywhere.
    #[test]
    fn the_study_comes_out_the_same() {
        let out = tempfile::tempdir().unwrap();
        let tables = ["rten", "torch"].map(|engine| {
            let folder = out.path().join(engine);
            let run = assert_cmd::Command::cargo_bin("konspekt")
                .unwrap()
                .args(["run", "--quiet", "--engine", engine, "--out"])
                .arg(&folder)
                .output()
                .unwrap();
            assert!(
                run.status.success(),
                "{}",
                String::from_utf8_lossy(&run.stderr)
            );
            let table = fs::read(folder.join("table.json")).unwrap();
            serde_json::from_slice::<serde_json::Value>(&table).unwrap()
        });
        let labels = tables.map(|table| {
            let mut labels = Vec::new();
            words(&table, String::new(), &mut labels);
            labels
        });
        assert!(labels[0].len() > 100);
        assert_eq!(labels[0], labels[1]);
    }

    /// All that a table says but its fractions: names, stances, sentences, whole numbers.
    fn words(of: &serde_json::Value, at: String, into: &mut Vec<String>) {
        use serde_json::Value;
        match of {
            Value::Object(fields) => {
                for (name, value) in fields {
                    words(value, format!("{at}.{name}"), into);
                }
            }
            Value::Array(values) => {
                for (i, value) in values.iter().enumerate() {
                    words(value, format!("{at}.{i}"), into);
                }
            }
            Value::Number(number) if number.is_f64() => {}
            other => into.push(format!("{at} {other}")),
        }
    }

    #[test]
    fn a_card_that_is_not_there_is_refused() {
        let refused = Workers::new(1).on(Backend::Torch(Device::Cuda(99)));
        let said = refused.err().unwrap().to_string();
        assert!(said.contains("--device cuda:99"), "{said}");
    }
}
