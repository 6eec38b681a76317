//! `konspekt train` as a person uses it: on a copy of the bundled study with four labelled
//! essays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const STUDY: &str = "pipelines/origins-of-stalinism";
const LABELLED: [&str; 4] = [
    "brandreth-1986",
    "marwood-1998",
    "okafor-2011",
    "rafferty-1979",
];

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        for name in ["essays", "labels"] {
            fs::create_dir_all(desk.path("study").join(name)).unwrap();
        }
        let copy = |from: PathBuf, to: &str| {
            fs::copy(
                &from,
                desk.path("study").join(to).join(from.file_name().unwrap()),
            )
            .unwrap();
        };
        copy(Path::new(STUDY).join("pipeline.toml"), "");
        for essay in fs::read_dir(Path::new(STUDY).join("essays")).unwrap() {
            let path = essay.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if LABELLED.contains(&name) {
                copy(
                    Path::new(STUDY).join(format!("labels/{name}.json")),
                    "labels",
                );
                copy(path, "essays");
            }
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn konspekt(&self, args: &[&str]) -> Output {
        let study = self.path("study");
        let mut command = Command::cargo_bin("konspekt").unwrap();
        command.arg(args[0]).arg(study).args(&args[1..]);
        command.output().unwrap()
    }

    fn fails(&self, args: &[&str], why: &[&str]) {
        let output = self.konspekt(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        for part in why {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn record(&self, out: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(out).join("run.json")).unwrap()).unwrap()
    }
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_study_learns_uses_it_and_says_so() {
    let desk = Desk::new();
    let trained = desk.konspekt(&["train"]);
    let (table, said) = text(&trained);
    assert!(trained.status.success(), "{said}");
    assert!(table.contains("evidence, thesis and stance, F1"), "{table}");
    assert!(table.contains("Before: the judge as it ships."), "{table}");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );

    // The same bytes with another number of threads.
    let again = desk.path("again");
    let again = again.to_str().unwrap();
    assert!(
        desk.konspekt(&["train", "--out", again, "--jobs", "1"])
            .status
            .success()
    );
    for file in ["config.json", "head.safetensors", "MODEL_CARD.md"] {
        let [one, other] = ["study/trained", "again"].map(|d| fs::read(desk.path(d).join(file)));
        assert!(one.unwrap() == other.unwrap(), "{file} differs");
    }

    // A run is made with it, and evaluation knows whom it learned from.
    let out = desk.path("out");
    let out = out.to_str().unwrap();
    let (_, said) = text(&desk.konspekt(&["evaluate", "--out", out, "--draws", "10"]));
    assert!(
        said.contains("4 of the 4 labelled essays taught the judge"),
        "{said}"
    );
    let record = desk.record("out");
    let files: Vec<&str> = (record["weights"].as_array().unwrap().iter())
        .map(|file| file["file"].as_str().unwrap())
        .collect();
    assert!(files.contains(&"trained/head.safetensors"), "{files:?}");
    let config = fs::read(desk.path("study/trained/config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(record["thresholds"], config["thresholds"]);
    assert_eq!(config["essays"].as_array().unwrap().len(), 4);

    // It can be passed over.
    assert!(
        desk.konspekt(&["run", "--out", out, "--zero-shot"])
            .status
            .success()
    );
    assert!(!desk.record("out").to_string().contains("trained/"));

    // A thesis in other words is not known any more.
    desk.change(
        "study/pipeline.toml",
        "label = \"Continuity\"",
        "label = \"Roots\"",
    );
    let (_, said) = text(&desk.konspekt(&["run", "--out", out]));
    assert!(
        said.contains("no hand labels taught the judge continuity"),
        "{said}"
    );
    // The table says so too, and no confidence is claimed that was counted on another judge.
    let table = fs::read_to_string(desk.path("out/table.md")).unwrap();
    assert!(
        table.contains("Caution: no hand labels taught the judge continuity."),
        "{table}"
    );
    assert!(!table.contains("(confidence"), "{table}");

    // What does not fit is refused.
    let head = desk.path("study/trained/head.safetensors");
    let bytes = fs::read(&head).unwrap();
    fs::write(&head, &bytes[..bytes.len() / 2]).unwrap();
    desk.fails(&["run", "--out", out], &["head.safetensors", "damaged"]);
    fs::write(&head, bytes).unwrap();
    let judge = config["judge"].as_str().unwrap();
    desk.change("study/trained/config.json", judge, &"0".repeat(64));
    desk.fails(&["run", "--out", out], &["another judge", "train again"]);
}

/// Three labelled essays, then two: hardly enough for anything, and no reason to fail.
#[test]
fn the_learning_curve_of_two_and_three_essays() {
    let desk = Desk::new();
    for essay in ["brandreth-1986", "marwood-1998"] {
        fs::remove_file(desk.path(&format!("study/labels/{essay}.json"))).unwrap();
        let out = desk.path("curve");
        let args = [
            "train",
            "--curve",
            "--draws",
            "10",
            "--out",
            out.to_str().unwrap(),
        ];
        let trained = desk.konspekt(&args);
        let (table, said) = text(&trained);
        assert!(trained.status.success(), "{said}");
        assert!(table.contains("labelled essays   "), "{table}");
    }
}

#[cfg(unix)]
#[test]
fn essays_that_taught_the_judge_are_no_measure_of_it() {
    let desk = Desk::new();
    let models = Path::new("models").canonicalize().unwrap();
    fs::create_dir_all(desk.path("models/judge")).unwrap();
    for file in [
        "judge/model.onnx",
        "judge/tokenizer.json",
        "judge/head.safetensors",
        "word_vectors.data",
    ] {
        std::os::unix::fs::symlink(models.join(file), desk.path("models").join(file)).unwrap();
    }
    let mut config: Value =
        serde_json::from_slice(&fs::read("models/judge/config.json").unwrap()).unwrap();
    let essay = fs::read(desk.path("study/essays/okafor-2011.txt")).unwrap();
    config["essays"][0] = konspekt::store::sha256(&essay).into();
    fs::write(desk.path("models/judge/config.json"), config.to_string()).unwrap();
    let folder = desk.path("models");
    let args = [
        "train",
        "--models",
        folder.to_str().unwrap(),
        "--draws",
        "10",
    ];
    let (table, said) = text(&desk.konspekt(&args));
    let table = table.replace('\n', " ");
    assert!(
        table.contains("definitions alone, since 1 of these essays taught the judge"),
        "{table}{said}"
    );
}

#[test]
fn what_cannot_be_learned_is_said() {
    let desk = Desk::new();
    fs::write(desk.path("authors.json"), "[\"Okafor\"]").unwrap();
    let authors = desk.path("authors.json");
    desk.fails(
        &["train", "--authors", authors.to_str().unwrap()],
        &["authors.json", "no JSON object"],
    );
    let one = desk.path("study/labels/okafor-2011.json");
    let one = one.to_str().unwrap();
    desk.fails(&["train", "--labels", one], &["one author's"]);
    let mut label: Value = serde_json::from_slice(&fs::read(one).unwrap()).unwrap();
    label["marks"] = Value::Array(Vec::new());
    fs::write(one, label.to_string()).unwrap();
    desk.fails(&["train", "--labels", one], &["nothing to learn"]);
    fs::write(&authors, "{\"okafor-2011\": \"Okafor\"}").unwrap();
    desk.fails(
        &["train", "--authors", authors.to_str().unwrap()],
        &["names none of the essays"],
    );
    fs::create_dir(desk.path("other")).unwrap();
    fs::write(desk.path("other/model.onnx"), "somebody's").unwrap();
    let other = desk.path("other");
    desk.fails(
        &["train", "--out", other.to_str().unwrap()],
        &["another network"],
    );
    assert!(!desk.path("study/trained").exists(), "nothing was written");
}

/// Tuned on libtorch, read by the embedded engine.
#[cfg(feature = "torch")]
#[test]
fn the_judge_itself_is_tuned_and_runs_on_both_engines() {
    let desk = Desk::new();
    let trained = desk.konspekt(&["train", "--engine", "torch", "--draws", "10"]);
    let (table, said) = text(&trained);
    assert!(trained.status.success(), "{said}");
    assert!(table.contains("kept out of 4 labelled essays"), "{table}");
    let folder = desk.path("study/trained");
    for file in [
        "model.onnx",
        "model.safetensors",
        "MODEL_CARD.md",
        "config.json",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
    assert!(!folder.join("tuning-checkpoints").exists());
    for engine in ["rten", "torch"] {
        let out = desk.path(engine);
        let args = ["run", "--engine", engine, "--out", out.to_str().unwrap()];
        let (_, said) = text(&desk.konspekt(&args));
        let record = desk.record(engine);
        assert!(record.to_string().contains("trained/model.onnx"), "{said}");
        assert_eq!(
            record["engine"].as_str(),
            (engine == "torch").then_some("torch")
        );
    }
    let [one, other] =
        ["rten", "torch"].map(|e| fs::read(desk.path(e).join("table.json")).unwrap());
    assert!(one == other, "the engines' tables differ");

    // The small layer takes its place.
    assert!(desk.konspekt(&["train", "--draws", "10"]).status.success());
    assert!(folder.join("head.safetensors").exists());
    assert!(!folder.join("model.onnx").exists());
}
