//! The program as a person or a script uses it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const STUDY: &str = "pipelines/origins-of-stalinism";

fn konspekt(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("konspekt").unwrap();
    command.args(args);
    command
}

/// A folder with one good essay in it, and a folder to write to.
struct Desk {
    folder: TempDir,
}

const GOOD: &str = "The Lesson\n\nIt was hunger that made the clerk a master. No plan of Lenin's \
                    asked for that; the civil war did, and the blockade.\n";

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("essays")).unwrap();
        let desk = Self { folder };
        desk.put("essays/good.txt", GOOD);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Runs over the essays; exit code and standard error.
    fn run(&self) -> (i32, String) {
        let essays = self.path("essays");
        self.run_with(&["--essays", essays.to_str().unwrap()])
    }

    fn run_with(&self, args: &[&str]) -> (i32, String) {
        let out = self.path("out");
        let output = konspekt(&["run"])
            .args(args)
            .args(["--out", out.to_str().unwrap()])
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// Evaluates the essays against `labels/`; exit code and standard error.
    fn evaluate(&self) -> (i32, String) {
        let output = konspekt(&["evaluate", "--quiet", "--essays"])
            .arg(self.path("essays"))
            .arg("--out")
            .arg(self.path("out"))
            .arg("--labels")
            .arg(self.path("labels"))
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn table(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("out/table.json")).unwrap()).unwrap()
    }

    /// The bad essay is named in one line, and the good one is complete.
    fn one_bad_essay(&self, name: &str, why: &str) {
        let (code, said) = self.run();
        assert_eq!(code, 3, "{said}");
        let lines: Vec<&str> = said
            .lines()
            .filter(|l| l.starts_with("konspekt: "))
            .collect();
        assert_eq!(lines.len(), 1, "{said}");
        assert!(lines[0].contains(name) && lines[0].contains(why), "{said}");
        assert_eq!(self.table()["essays"][0]["id"], "good");
        self.nothing_half_written();
    }

    fn nothing_half_written(&self) {
        if let Ok(entries) = fs::read_dir(self.path("out")) {
            for entry in entries {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(!name.starts_with('.'), "{name} was left behind");
            }
        }
    }

    /// The run fails with one line that says all of `why`, and writes nothing.
    fn fails(&self, args: &[&str], why: &[&str]) {
        let (code, said) = self.run_with(args);
        assert_eq!(code, 1, "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in why {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert!(!self.path("out/table.json").exists());
        self.nothing_half_written();
    }
}

#[test]
fn an_empty_file() {
    let desk = Desk::new();
    desk.put("essays/bad.txt", "");
    desk.one_bad_essay("bad.txt", "empty");
}

#[test]
fn a_binary_file() {
    let desk = Desk::new();
    desk.put("essays/bad.txt", [0u8, 1, 2, 255, 0, 7].repeat(40));
    desk.one_bad_essay("bad.txt", "binary");
}

#[test]
fn no_known_encoding() {
    let desk = Desk::new();
    desk.put(
        "essays/bad.txt",
        [0x81, 0x8d, 0x8f, 0x90, 0x9d, b'\n'].repeat(40),
    );
    desk.one_bad_essay("bad.txt", "encoding");
}

#[test]
fn a_text_of_50_megabytes() {
    let desk = Desk::new();
    desk.put(
        "essays/bad.txt",
        "All power to the soviets. ".repeat(2_000_000),
    );
    desk.one_bad_essay("bad.txt", "divide it");
}

#[test]
fn an_essay_without_a_sentence() {
    let desk = Desk::new();
    desk.put("essays/rule.md", "---\n\n***\n");
    let (code, said) = desk.run();
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.table()["essays"].as_array().unwrap().len(), 2);
}

#[test]
fn a_line_of_a_megabyte() {
    let desk = Desk::new();
    // Endless words are one piece each, so that the networks have little to do.
    desk.put(
        "essays/long.txt",
        format!("{} ", "x".repeat(500)).repeat(2_000),
    );
    let (code, said) = desk.run();
    assert_eq!(code, 0, "{said}");
    assert_eq!(desk.table()["essays"].as_array().unwrap().len(), 2);
}

#[test]
fn a_folder_without_essays() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).unwrap();
    let empty = desk.path("empty");
    desk.fails(
        &["--essays", empty.to_str().unwrap()],
        &["empty", "no essays there"],
    );
}

#[test]
fn two_essays_of_one_name() {
    let desk = Desk::new();
    desk.put("essays/more/good.md", GOOD);
    let essays = desk.path("essays");
    desk.fails(
        &["--essays", essays.to_str().unwrap()],
        &["good.txt", "good.md", "rename"],
    );
}

/// The bundled pipeline file with a change, as a study of its own.
fn changed_study(desk: &Desk, from: &str, to: &str) -> String {
    let pipeline = fs::read_to_string(Path::new(STUDY).join("pipeline.toml")).unwrap();
    assert!(pipeline.contains(from));
    desk.put("study/pipeline.toml", pipeline.replacen(from, to, 1));
    desk.put("study/essays/good.txt", GOOD);
    desk.path("study").to_str().unwrap().to_owned()
}

#[test]
fn a_misspelt_field() {
    let desk = Desk::new();
    let study = changed_study(&desk, "\ndefinition =", "\ndefinitoin =");
    desk.fails(&[&study], &["pipeline.toml, line ", "definitoin"]);
}

#[test]
fn a_thesis_id_twice() {
    let desk = Desk::new();
    let study = changed_study(
        &desk,
        "id = \"continuity\"",
        "id = \"objective-conditions\"",
    );
    desk.fails(
        &[&study],
        &["pipeline.toml", "theses 1 and 3", "objective-conditions"],
    );
}

#[test]
fn an_output_folder_that_cannot_be_made() {
    let desk = Desk::new();
    desk.put("out", "a file where the folder should be");
    let essays = desk.path("essays");
    let (code, said) = desk.run_with(&["--essays", essays.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("output folder"), "{said}");
}

#[test]
fn a_truncated_weight_file() {
    let desk = Desk::new();
    for file in [
        "reader/config.json",
        "reader/tokenizer.json",
        "reader/model.onnx",
        "judge/config.json",
        "judge/tokenizer.json",
        "judge/model.onnx",
        "judge/head.safetensors",
        "word_vectors.data",
    ] {
        let mut bytes = fs::read(Path::new("models").join(file)).unwrap();
        if file == "judge/model.onnx" {
            bytes.truncate(1_000_000);
        }
        desk.put(&format!("models/{file}"), bytes);
    }
    let models = desk.path("models");
    desk.fails(
        &["--models", models.to_str().unwrap()],
        &["judge/model.onnx", "damaged"],
    );
}

#[test]
fn wrong_usage() {
    let output = konspekt(&["run", "--jobs", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = konspekt(&["annotate"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn help_has_examples_and_completions_are_printed() {
    let help = konspekt(&["--help"]).output().unwrap();
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("Examples:")
    );
    let script = konspekt(&["completions", "bash"]).output().unwrap();
    assert!(
        String::from_utf8(script.stdout)
            .unwrap()
            .contains("_konspekt")
    );
}

#[test]
fn labels_for_an_unknown_essay() {
    let desk = Desk::new();
    let label = |doc: &str| {
        format!(r#"{{"doc": "{doc}", "body": [12, 60], "primary": "none", "summary": {{}}}}"#)
    };
    desk.put("labels/other.json", label("other.txt"));
    let (code, said) = desk.evaluate();
    assert_eq!(code, 1);
    assert!(
        said.contains("none of the labels is for an essay of this run"),
        "{said}"
    );
    desk.put("labels/good.json", label("good.txt"));
    let (code, said) = desk.evaluate();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("other.txt is passed over"), "{said}");
}

#[test]
fn labels_that_do_not_fit_the_codebook() {
    let desk = Desk::new();
    let label = r#"{"doc": "good.txt", "body": [12, 60], "primary": "party-state", "summary": {}}"#;
    desk.put("labels/good.json", label);
    let (code, said) = desk.evaluate();
    assert_eq!(code, 1);
    assert!(said.contains("\"party-state\" is no thesis"), "{said}");
}

#[test]
fn an_unread_essay_is_told_by_a_second_evaluation_too() {
    let desk = Desk::new();
    desk.put("essays/bad.txt", "");
    let label = r#"{"doc": "good.txt", "body": [12, 60], "primary": "none", "summary": {}}"#;
    desk.put("labels/good.json", label);
    for _ in 0..2 {
        let (code, said) = desk.evaluate();
        assert_eq!(code, 3, "{said}");
    }
}

#[test]
fn an_essay_that_became_plain_text_leaves_no_old_text_behind() {
    let desk = Desk::new();
    desk.put(
        "essays/page.html",
        "<p>It was hunger that did it, and the war that brought it.</p>",
    );
    desk.run();
    assert!(desk.path("out/texts/page.txt").exists());
    fs::remove_file(desk.path("essays/page.html")).unwrap();
    desk.put("essays/page.txt", GOOD);
    desk.run();
    assert!(!desk.path("out/texts/page.txt").exists());
}

#[test]
fn annotate_answers_in_order_and_says_what_it_cannot_read() {
    let input = "{\"id\": \"b\", \"text\": \"“No,” said Martov. He left.\"}\n\
                 {\"id\": \"x\"\n\
                 {\"id\": \"a\", \"text\": \"\u{feff}Bread 🥖 was short.\"}\n";
    let output = konspekt(&["annotate", "--raw", "-"])
        .write_stdin(input)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard input, line 2"), "{said}");
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines.iter().map(|l| &l["file"]).collect::<Vec<_>>(),
        ["b", "a"]
    );
    for field in [
        "body",
        "sentences",
        "entities",
        "claims",
        "voices",
        "stances",
    ] {
        assert!(lines[0][field].is_array(), "{field}");
    }
    assert_eq!(lines[0]["sentences"].as_array().unwrap().len(), 2);
    let span = &lines[1]["sentences"][0];
    let text = "\u{feff}Bread 🥖 was short.";
    let range = span[0].as_u64().unwrap() as usize..span[1].as_u64().unwrap() as usize;
    assert_eq!(&text[range], "Bread 🥖 was short.");
}

#[test]
fn explain_gives_the_reasons_of_one_essay() {
    let output = konspekt(&["explain", "marwood-1998"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[marwood-1998.txt]"), "{text}");
    for label in [
        "Objective conditions: ",
        "Party-state fusion: ",
        "Continuity: ",
    ] {
        assert!(text.contains(label), "{label} in {text}");
    }
    assert!(
        text.contains("the cell would say"),
        "what would change it: {text}"
    );

    let desk = Desk::new();
    let file = desk.path("essays/good.txt");
    let of_file = konspekt(&["explain"]).arg(file).output().unwrap();
    assert_eq!(of_file.status.code(), Some(0));

    let output = konspekt(&["explain", "nobody-1900"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("nobody-1900") && error.contains("marwood-1998.txt"),
        "{error}"
    );
}

#[test]
fn zero_shot_forgets_the_labels() {
    let desk = Desk::new();
    let essays = desk.path("essays");
    let unknown = |args: &[&str]| {
        let (code, error) =
            desk.run_with(&[args, &["--essays", essays.to_str().unwrap()]].concat());
        assert_eq!(code, 0, "{error}");
        let run = fs::read(desk.path("out/run.json")).unwrap();
        let run: Value = serde_json::from_slice(&run).unwrap();
        (run["zero_shot"].as_array().unwrap().len(), desk.table())
    };
    let (none, fitted) = unknown(&[]);
    let (all, bare) = unknown(&["--zero-shot"]);
    assert_eq!((none, all), (0, 3));
    assert_ne!(fitted["essays"], bare["essays"]);
}

#[test]
fn a_run_is_verified_whatever_the_threads_and_a_change_is_named() {
    let desk = Desk::new();
    let essays = desk.path("essays");
    let essays = essays.to_str().unwrap();
    let (code, said) = desk.run_with(&["--essays", essays, "--jobs", "1"]);
    assert_eq!(code, 0, "{said}");
    let out = desk.path("out");
    let out = out.to_str().unwrap();
    let verify = |args: &[&str]| {
        let output = konspekt(&["verify", out, "--quiet", "--essays", essays])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said)
    };
    for jobs in ["2", "5"] {
        let (code, said) = verify(&["--jobs", jobs]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("the same, byte for byte"), "{said}");
    }
    let table = desk.path("out/table.md");
    fs::write(&table, fs::read_to_string(&table).unwrap() + "more").unwrap();
    let (code, said) = verify(&[]);
    assert_eq!((code, said.as_str()), (1, "table.md differs\n"));

    let other = desk.path("other");
    let other = other.to_str().unwrap();
    let zero_shot = konspekt(&["run", "--quiet", "--zero-shot", "--essays", essays])
        .args(["--out", other])
        .output()
        .unwrap();
    assert!(zero_shot.status.success());
    let diff = |old: &str, new: &str| {
        let output = konspekt(&["diff", old, new]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said)
    };
    assert_eq!(diff(out, out), (0, String::new()));
    let (code, said) = diff(out, other);
    assert_eq!(code, 1);
    assert!(said.contains("the thresholds changed"), "{said}");
    let (code, said) = (konspekt(&["verify", other, "--quiet", "--essays", essays]))
        .output()
        .map(|o| {
            (
                o.status.code().unwrap(),
                String::from_utf8(o.stdout).unwrap(),
            )
        })
        .unwrap();
    assert_eq!(
        code, 0,
        "a run by definitions alone is made again so: {said}"
    );
}

#[test]
fn a_methods_paragraph_says_whether_agreement_was_measured() {
    let desk = Desk::new();
    let (code, said) = desk.run();
    assert_eq!(code, 0, "{said}");
    let methods = || {
        let out = desk.path("out");
        let output = konspekt(&["methods", out.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = methods();
    assert!(
        text.contains("We compared 1 essay on the question"),
        "{text}"
    );
    assert!(
        text.contains("Agreement with hand labels was not measured"),
        "{text}"
    );
    assert!(text.contains("@software{konspekt,"), "{text}");
    let label = r#"{"doc": "good.txt", "body": [12, 60], "primary": "none", "summary": {}}"#;
    desk.put("labels/good.json", label);
    desk.evaluate();
    assert!(methods().contains("On 1 essay with hand labels"));
}

#[test]
fn what_to_label_next_is_chosen_and_hand_work_is_kept() {
    let desk = Desk::new();
    desk.put("essays/other.txt", GOOD.replace("hunger", "the party"));
    let label = r#"{"doc": "good.txt", "body": [12, 60], "primary": "none", "summary": {}}"#;
    desk.put("labels/good.json", label);
    let new = |args: &[&str]| {
        let output = konspekt(&["labels", "new", "--quiet"])
            .arg("--essays")
            .arg(desk.path("essays"))
            .arg("--labels")
            .arg(desk.path("labels"))
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (open, blind) = (desk.path("open"), desk.path("blind"));
    let (open, blind) = (open.to_str().unwrap(), blind.to_str().unwrap());
    assert_eq!(new(&["--out", open]), (0, String::new()));
    assert_eq!(new(&["--out", blind, "--blind"]), (0, String::new()));
    let read = |file: &str| fs::read_to_string(desk.path(file)).unwrap();
    assert!(!desk.path("open/good.json").exists(), "it has a label");
    let proposed: Value = serde_json::from_str(&read("open/other.json")).unwrap();
    assert_eq!(proposed["summary"].as_object().unwrap().len(), 3);
    let filled: Value = serde_json::from_str(&read("blind/other.json")).unwrap();
    assert_eq!(filled["summary"].as_object().unwrap().len(), 0);
    assert_eq!(
        (&filled["marks"], &filled["primary"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    assert_eq!(filled["body"], proposed["body"]);
    assert!(read("open/doubtful.csv").contains("entropy"));
    let list = read("blind/doubtful.csv");
    assert!(
        list.lines().count() > 1 && !list.contains("entropy"),
        "{list}"
    );

    let work = read("blind/other.json").replace("\"marks\": []", "\"marks\": [ ]");
    desk.put("blind/other.json", &work);
    let (code, said) = new(&["--out", blind, "--blind"]);
    assert_eq!(code, 1);
    assert!(said.contains("is there already and differs"), "{said}");
    assert_eq!(read("blind/other.json"), work);
}

#[test]
fn readers_by_folder_are_compared_and_agreed_labels_made_of_them() {
    let desk = Desk::new();
    let label = |stance: &str| {
        format!(
            r#"{{"doc": "good.txt", "body": [12, 60], "primary": "none",
                "summary": {{"continuity": {{"stance": "{stance}", "weight": 1}}}}}}"#
        )
    };
    desk.put("labels/anna/good.json", label("rejects"));
    desk.put("labels/boris/good.json", label("absent"));
    desk.put(
        "labels/boris/gone.json",
        label("absent").replace("good", "gone"),
    );
    let (code, said) = desk.evaluate();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("gone.txt is passed over"), "{said}");
    let scores: Value =
        serde_json::from_slice(&fs::read(desk.path("out/scores.json")).unwrap()).unwrap();
    let pairs: Vec<(&str, &str)> = (scores["agreement"].as_array().unwrap().iter())
        .map(|pair| {
            (
                pair["first"].as_str().unwrap(),
                pair["second"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        pairs,
        [
            ("adjudicated", "program"),
            ("anna", "program"),
            ("boris", "program"),
            ("anna", "boris")
        ]
    );
    assert_eq!(scores["agreement"][3]["figures"]["cells"]["value"], 0.0);
    assert_eq!(
        scores["labels_without_essay"],
        serde_json::json!(["gone.txt"])
    );
    fs::rename(desk.path("labels/anna"), desk.path("labels/program")).unwrap();
    let (code, said) = desk.evaluate();
    assert_eq!(code, 1);
    assert!(said.contains("program is no name for a reader"), "{said}");
}

/// Small networks with random weights: what they say means nothing, where they say it does.
#[test]
fn networks_of_others_label_sentences_and_words_in_their_own_names() {
    let desk = Desk::new();
    let essay = "Caf\u{e9} notes\n\n*Lenin* spoke \u{201c}plainly\u{201d}. The soviets 🙂 lost.\n";
    desk.put("essays/good.md", essay);
    let file = desk.path("essays/good.md");
    let file = file.to_str().unwrap();
    let text = "tests/engines/bert-text";
    let tokens = "tests/engines/bert-tokens";
    let args = ["annotate", file, "--network", text, "--network", tokens];
    let output = konspekt(&args).output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sentences = line["sentences"].as_array().unwrap();
    let classes = |network: &str| -> Vec<Value> {
        let all = line["classes"].as_array().unwrap().iter();
        all.filter(|class| class["network"] == network)
            .cloned()
            .collect()
    };
    let of_sentences: Vec<Value> = (classes(text).iter())
        .map(|class| Value::Array(vec![class["start"].clone(), class["end"].clone()]))
        .collect();
    assert_eq!(of_sentences, *sentences, "one label a sentence");
    assert!(!classes(tokens).is_empty());
    for class in classes(tokens) {
        let place = |key: &str| class[key].as_u64().unwrap() as usize;
        let quote = &essay[place("start")..place("end")];
        assert_eq!(quote.trim(), quote, "{quote:?}");
    }
    for class in line["classes"].as_array().unwrap() {
        let label = class["label"].as_str().unwrap();
        assert!(!label.starts_with("LABEL_") && label != "O", "{label}");
        assert!((0.0..=1.0).contains(&class["score"].as_f64().unwrap()));
    }
    let unknown = ["annotate", file, "--network", "nobody/nothing"];
    let output = konspekt(&unknown).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("models fetch nobody/nothing"), "{said}");
}
