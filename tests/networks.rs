//! The networks as each engine runs them, against the outputs of the PyTorch
//! originals (written by the recipes in `models/train/`).

use std::fs;
use std::path::Path;

use konspekt::engine::{Backend, Device, Engine, Tensor, Workers};
use konspekt::networks::{Judge, Reader, Wordpiece};
use ndarray::{Array2, ArrayD, Axis};
use serde::Deserialize;

/// Largest difference of a logit.
const CLOSE: f32 = 1e-3;

/// The engines of this build, with so many threads.
fn engines(threads: usize) -> Vec<Workers> {
    let mut engines = vec![Workers::new(threads)];
    if cfg!(feature = "torch") {
        let torch = Backend::Torch(Device::Cpu);
        engines.push(Workers::new(threads).on(torch).unwrap());
    }
    engines
}

fn engine(name: &str, workers: &Workers) -> Box<dyn Engine> {
    let path = Path::new("models").join(name).join("model.onnx");
    let bytes = fs::read(&path).unwrap();
    let words = "word_vectors.data";
    let external = Some((words, fs::read(Path::new("models").join(words)).unwrap()));
    workers.load_onnx(&path, bytes, external).unwrap()
}

fn wordpiece(name: &str) -> Wordpiece {
    let path = Path::new("models").join(name).join("tokenizer.json");
    Wordpiece::new(&fs::read(path).unwrap()).unwrap()
}

fn fixture<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    let path = Path::new("tests/fixtures").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn row(values: &[i32]) -> Tensor {
    Tensor::Int(
        Array2::from_shape_vec((1, values.len()), values.to_vec())
            .unwrap()
            .into_dyn(),
    )
}

#[derive(Deserialize)]
struct ReaderCase {
    text: String,
    input_ids: Vec<i32>,
    shape_ids: Vec<i32>,
    claims: Vec<f32>,
    entities: Vec<Vec<f32>>,
    entities_best: Vec<usize>,
    voice: Vec<Vec<f32>>,
    voice_best: Vec<usize>,
    causes: Vec<Vec<f32>>,
    commitment: Vec<f32>,
}

#[test]
fn the_reader_agrees_with_its_original() {
    for workers in engines(1) {
        reader_agrees(engine("reader", &workers).as_ref());
    }
}

fn reader_agrees(engine: &dyn Engine) {
    let wordpiece = wordpiece("reader");
    for case in fixture::<Vec<ReaderCase>>("reader-reference.json") {
        let pieces = wordpiece.pieces(&case.text).unwrap();
        let text = &case.text;
        let inner = 1..case.input_ids.len() - 1;
        assert_eq!(
            pieces.ids[..inner.len()],
            case.input_ids[inner.clone()],
            "{text}"
        );
        let shapes: Vec<i32> = pieces.shapes.iter().map(|&shape| shape as i32).collect();
        assert_eq!(shapes[..inner.len()], case.shape_ids[inner], "{text}");
        let outputs = engine
            .run(
                vec![
                    ("input_ids", row(&case.input_ids)),
                    ("attention_mask", row(&vec![1; case.input_ids.len()])),
                    ("shape_ids", row(&case.shape_ids)),
                ],
                &["claims", "entities", "voice", "causes", "commitment"],
            )
            .unwrap();
        compare(outputs[0].iter(), case.claims.iter(), text);
        compare(outputs[3].iter(), case.causes.iter().flatten(), text);
        compare(outputs[4].iter(), case.commitment.iter(), text);
        compare_pieces(&outputs[1], &case.entities, &case.entities_best, text);
        compare_pieces(&outputs[2], &case.voice, &case.voice_best, text);
    }
}

/// Both from the beginning, as far as the shorter goes.
fn compare<'a>(
    got: impl Iterator<Item = &'a f32>,
    wanted: impl Iterator<Item = &'a f32>,
    text: &str,
) {
    for (a, b) in got.zip(wanted) {
        assert!((a - b).abs() < CLOSE, "{text}: {a} for {b}");
    }
}

/// Logits of the first pieces (all of them in short texts), labels of all.
fn compare_pieces(output: &ArrayD<f32>, first: &[Vec<f32>], best: &[usize], text: &str) {
    let output = output.index_axis(Axis(0), 0);
    compare(output.iter(), first.iter().flatten(), text);
    let labels: Vec<usize> = output
        .axis_iter(Axis(0))
        .map(|logits| {
            let all = logits.iter().enumerate();
            all.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
        })
        .collect();
    assert_eq!(labels, best, "{text}");
}

fn reader(threads: usize) -> Reader {
    Reader::load(Path::new("models"), &Workers::new(threads)).unwrap()
}

#[test]
fn batches_order_and_threads_change_nothing() {
    let sentences = [
        "Lenin came back in April.",
        "",
        "“Bread!” cried the women of the Vyborg side, 🥖 and the Cossacks did not shoot.",
        "Троцкий и Ленин.",
        "Long before the party had an apparatus, as Rabinowitch shows, it had members.",
    ];
    let together = reader(2).read(&sentences).unwrap();
    let reader = reader(1);
    for (sentence, tags) in sentences.iter().zip(&together) {
        assert_eq!(&reader.read(&[sentence]).unwrap()[0], tags, "{sentence}");
    }
    let backwards: Vec<&str> = sentences.iter().rev().copied().collect();
    let mut other = reader.read(&backwards).unwrap();
    other.reverse();
    assert_eq!(other, together);
}

#[test]
fn a_sentence_of_5000_words_is_read_to_its_end() {
    let mut words = vec!["the"; 5000];
    words.extend(["Nikolai", "Bukharin", "wrote", "it."]);
    let text = words.join(" ");
    let tags = reader(2).read(&[&text]).unwrap().remove(0);
    assert_eq!(tags.words.len(), 5005);
    assert_eq!(tags.words.last().unwrap().end, text.len());
    assert!(
        tags.entities[5000..].iter().any(|&label| label != 0),
        "the name at the end is seen"
    );
}

#[derive(Deserialize)]
struct JudgeCase {
    sentences: Vec<String>,
    /// The paragraph of each sentence.
    paragraphs: Vec<usize>,
    theses: Vec<String>,
    /// By sentence, thesis and stance.
    stances: Vec<Vec<Vec<f32>>>,
}

fn judge(threads: usize) -> Judge {
    Judge::load(Path::new("models"), &Workers::new(threads)).unwrap()
}

#[test]
fn the_judge_agrees_with_its_original() {
    for workers in engines(2) {
        judge_agrees(&Judge::load(Path::new("models"), &workers).unwrap());
    }
}

fn judge_agrees(judge: &Judge) {
    for case in fixture::<Vec<JudgeCase>>("judge-reference.json") {
        let sentences: Vec<&str> = case.sentences.iter().map(String::as_str).collect();
        let theses: Vec<&str> = case.theses.iter().map(String::as_str).collect();
        let logits = judge.judge(&sentences, &case.paragraphs, &theses).unwrap();
        assert_eq!(logits.len(), case.stances.len());
        for ((sentence, row), wanted) in sentences.iter().zip(&logits).zip(&case.stances) {
            for (got, wanted) in row.iter().flatten().zip(wanted.iter().flatten()) {
                assert!(
                    (got - wanted).abs() < CLOSE,
                    "{sentence}: {got} for {wanted}"
                );
            }
        }
    }
}

#[test]
fn theses_are_judged_each_by_itself() {
    let sentences = [
        "The grain ran out before the decrees did.",
        "“No,” she said, “it was the decrees that ran it out.” 🥖",
        "",
        "Nothing else happened that winter.",
    ];
    let theses = [
        "Hunger: It says that hunger decided the outcome.",
        "Decrees: It says that the government's own decrees decided the outcome.",
    ];
    let paragraphs = [0, 0, 1, 1];
    let together = judge(2).judge(&sentences, &paragraphs, &theses).unwrap();
    let judge = judge(1);
    for (k, thesis) in theses.iter().enumerate() {
        let alone = judge.judge(&sentences, &paragraphs, &[thesis]).unwrap();
        for (all, alone) in together.iter().zip(&alone) {
            compare(all[k].iter(), alone[0].iter(), thesis);
        }
    }
    assert!(judge.judge(&[], &[], &theses).unwrap().is_empty());
}

#[test]
fn a_paragraph_of_5000_words_is_judged_to_its_end() {
    let thesis = "Hunger: It says that hunger decided the outcome.";
    let filling = "They met again and adjourned. ".repeat(1000);
    let mut sentences: Vec<&str> = filling.split_inclusive(". ").collect();
    sentences.push("Hunger alone decided the outcome.");
    let judged = judge(2)
        .judge(&sentences, &vec![0; sentences.len()], &[thesis])
        .unwrap();
    assert_eq!(judged.len(), 1001);
    let [none, asserts, ..] = judged[1000][0];
    assert!(
        asserts > none,
        "the last sentence asserts the thesis: {:?}",
        judged[1000]
    );
}

#[test]
fn a_thesis_that_is_too_long_is_named() {
    let error = judge(1)
        .judge(&["It rained."], &[0], &[&"word ".repeat(400)])
        .unwrap_err();
    assert!(
        error.to_string().contains("shorten the definition"),
        "{error}"
    );
}
