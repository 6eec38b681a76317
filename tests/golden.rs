//! The bundled study, whole: the outputs are the golden ones, byte for byte,
//! whatever the number of threads and whichever essays stand beside.
//!
//! After a change that is meant to change them, `UPDATE_GOLDEN=1 cargo test
//! --release --test golden` writes them anew; read the diff before you keep it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

const GOLDEN: &str = "tests/golden/origins-of-stalinism";
const EVALUATION: &str = "tests/golden/evaluation";
const STUDY: &str = "pipelines/origins-of-stalinism";
const SAMPLE: &str = "outputs/sample/table.md";

fn run(out: &Path, args: &[&str]) -> String {
    konspekt("run", out, args)
}

fn konspekt(command: &str, out: &Path, args: &[&str]) -> String {
    let output = Command::cargo_bin("konspekt")
        .unwrap()
        .args([command, "--quiet"])
        .args(args)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            names.extend(
                files(&path)
                    .into_iter()
                    .map(|inner| format!("{name}/{inner}")),
            );
        } else {
            names.insert(name);
        }
    }
    names
}

#[test]
fn the_bundled_study() {
    let out = tempfile::tempdir().unwrap();
    let golden = Path::new(GOLDEN);
    let table = run(out.path(), &["--jobs", "2"]);
    fs::write(out.path().join("terminal.txt"), table).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(golden);
        for file in files(out.path()) {
            let to = golden.join(&file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(out.path().join(&file), to).unwrap();
        }
        fs::copy(golden.join("table.md"), SAMPLE).unwrap();
    }
    assert_eq!(files(out.path()), files(golden), "the same files are there");
    for file in files(golden) {
        let got = fs::read(out.path().join(&file)).unwrap();
        let wanted = fs::read(golden.join(&file)).unwrap();
        assert!(got == wanted, "{file} differs from {GOLDEN}/{file}");
    }
    let sample = fs::read(SAMPLE).unwrap();
    assert!(
        sample == fs::read(golden.join("table.md")).unwrap(),
        "{SAMPLE} is out of date"
    );
}

/// The second engine says the same of every sentence: only the run's record, and what
/// names the run after it, are others.
#[cfg(feature = "torch")]
#[test]
fn the_bundled_study_on_libtorch() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), &["--engine", "torch"]);
    let mut wanted = files(Path::new(GOLDEN));
    wanted.remove("terminal.txt");
    assert_eq!(files(out.path()), wanted, "the same files are there");
    for file in files(out.path()) {
        if ["run.json", "table.tex", "evidence.tex"].contains(&file.as_str()) {
            continue;
        }
        let got = fs::read(out.path().join(&file)).unwrap();
        let wanted = fs::read(Path::new(GOLDEN).join(&file)).unwrap();
        assert!(got == wanted, "{file} differs from {GOLDEN}/{file}");
    }
}

#[test]
fn the_readme_shows_the_golden_table() {
    let readme = fs::read_to_string("README.md").unwrap();
    let table = fs::read_to_string(Path::new(GOLDEN).join("terminal.txt")).unwrap();
    assert!(
        readme.contains(&table),
        "README.md shows another table than the program prints"
    );
}

#[test]
fn one_thread_and_one_essay_give_the_same_bytes() {
    let golden: Value =
        serde_json::from_slice(&fs::read(Path::new(GOLDEN).join("table.json")).unwrap()).unwrap();
    let out = tempfile::tempdir().unwrap();
    run(out.path(), &["--jobs", "1"]);
    let wanted = fs::read(Path::new(GOLDEN).join("table.json")).unwrap();
    assert!(
        fs::read(out.path().join("table.json")).unwrap() == wanted,
        "--jobs 1"
    );
    for name in ["okafor-2011.txt", "castellano-2021.html"] {
        let file = format!("pipelines/origins-of-stalinism/essays/{name}");
        run(out.path(), &["--essays", &file]);
        let alone: Value =
            serde_json::from_slice(&fs::read(out.path().join("table.json")).unwrap()).unwrap();
        let together = golden["essays"]
            .as_array()
            .unwrap()
            .iter()
            .find(|essay| essay["file"] == name)
            .unwrap();
        assert_eq!(&alone["essays"][0], together, "{name} alone");
    }
}

#[test]
fn every_quote_lies_at_its_place() {
    let table: Value =
        serde_json::from_slice(&fs::read(Path::new(GOLDEN).join("table.json")).unwrap()).unwrap();
    let mut quotes = 0;
    for essay in table["essays"].as_array().unwrap() {
        let extracted =
            Path::new(GOLDEN).join(format!("texts/{}.txt", essay["id"].as_str().unwrap()));
        let original = Path::new("pipelines/origins-of-stalinism/essays")
            .join(essay["file"].as_str().unwrap());
        let bytes = fs::read(if extracted.exists() {
            extracted
        } else {
            original
        })
        .unwrap();
        for cell in essay["theses"].as_object().unwrap().values() {
            for e in cell["evidence"].as_array().unwrap() {
                let at = |field: &str| e[field].as_u64().unwrap() as usize;
                assert_eq!(
                    &bytes[at("start")..at("end")],
                    e["quote"].as_str().unwrap().as_bytes()
                );
                quotes += 1;
            }
        }
    }
    assert!(quotes > 0, "the golden table has evidence");
}

/// What `konspekt evaluate` prints and writes of the bundled study; and its figures are
/// those that the scoring script of the contract (`score_table.py --json`, run on the same
/// table, labels and texts) printed into the fixture.
#[test]
fn the_evaluation_of_the_bundled_study() {
    let out = tempfile::tempdir().unwrap();
    let printed = konspekt("evaluate", out.path(), &["--jobs", "2"]);
    fs::write(out.path().join("terminal.txt"), &printed).unwrap();
    let golden = Path::new(EVALUATION);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden).unwrap();
        for file in ["terminal.txt", "scores.md", "scores.tex"] {
            fs::copy(out.path().join(file), golden.join(file)).unwrap();
        }
    }
    for file in files(golden) {
        let got = fs::read(out.path().join(&file)).unwrap();
        let wanted = fs::read(golden.join(&file)).unwrap();
        assert!(got == wanted, "{file} differs from {EVALUATION}/{file}");
    }
    let readme = fs::read_to_string("README.md").unwrap();
    let shown = printed.split("\n\nwould gain most").next().unwrap();
    assert!(
        readme.contains(shown),
        "README.md shows other scores than the program prints"
    );

    let scores = json(&out.path().join("scores.json"));
    let wanted = json(Path::new("tests/fixtures/score-table.json"));
    let same = |got: &Value, wanted: &Value, what: &str| match (got.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{what}: {a} for {b}"),
        (a, b) => assert_eq!(a, b, "{what}"),
    };
    for (ours, theirs) in [
        ("primary", "primary_accuracy"),
        ("cells", "cell_accuracy"),
        ("cells_kappa", "cell_kappa"),
        ("main_cells", "main_cell_accuracy"),
    ] {
        same(&scores["figures"][ours]["value"], &wanted[theirs], ours);
    }
    for figure in ["essays", "off_body_evidence", "bad_quotes"] {
        same(&scores[figure], &wanted[figure], figure);
    }
    for (ours, theirs) in [("thesis", "mark"), ("thesis_and_stance", "mark+stance")] {
        let theses = wanted["evidence"][theirs].as_object().unwrap();
        assert_eq!(theses.len(), 4);
        for (thesis, figures) in theses {
            for (i, name) in ["precision", "recall", "f1"].into_iter().enumerate() {
                let got = &scores["evidence"][thesis][ours][name];
                same(got, &figures[i], &format!("{thesis}, {ours}, {name}"));
            }
        }
    }
    let readers = scores["agreement"].as_array().unwrap();
    let people = readers
        .iter()
        .find(|r| r["first"] == "first" && r["second"] == "second");
    let figures = people.unwrap()["figures"].as_object().unwrap();
    for (figure, value) in figures {
        let (value, interval) = (&value["value"], &value["interval"]);
        assert!(value.is_number(), "{figure} of the two readers: {value}");
        let within = |at: &str| interval[at].as_f64().unwrap() - value.as_f64().unwrap();
        assert!(
            within("low") <= 1e-9 && within("high") >= -1e-9,
            "{figure}: {interval}"
        );
    }
    let page = fs::read_to_string(out.path().join("scores.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    assert!(
        !page.contains("src=") && !page.contains("href="),
        "the page needs no network"
    );
    assert_eq!(
        page.matches("<li>").count(),
        scores["errors"].as_array().unwrap().len()
    );
}

/// A run with a pass switched off is told apart from one with it.
#[test]
fn two_runs_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("without-voices");
    fs::create_dir_all(&study).unwrap();
    let source = fs::read_to_string(Path::new(STUDY).join("pipeline.toml")).unwrap();
    let with = "\"entities\", \"claims\", \"voices\", ";
    assert!(source.contains(with));
    fs::write(study.join("pipeline.toml"), source.replace(with, "")).unwrap();
    let essays = Path::new(STUDY).join("essays");
    let (without, out) = (folder.path().join("without"), folder.path().join("out"));
    let study = study.to_str().unwrap().to_owned();
    run(&without, &[&study, "--essays", essays.to_str().unwrap()]);
    konspekt("evaluate", &out, &["--against", without.to_str().unwrap()]);
    let gains = &json(&out.join("scores.json"))["against"]["gains"];
    let voices = &gains["voice_cited_f1"];
    assert!(voices["difference"].as_f64().unwrap() > 0.3, "{voices}");
    assert!(voices["p"].as_f64().unwrap() < 1.0, "{voices}");
    let cells = &gains["cells"];
    assert_eq!(
        (&cells["difference"], &cells["p"]),
        (&0.0.into(), &1.0.into())
    );
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_cell_adds_up_from_its_evidence() {
    let table: Value =
        serde_json::from_slice(&fs::read(Path::new(GOLDEN).join("table.json")).unwrap()).unwrap();
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    let (mut explained, mut nearest) = (0, 0);
    for essay in table["essays"].as_array().unwrap() {
        for cell in essay["theses"].as_object().unwrap().values() {
            let why = &cell["explanation"];
            let evidence = cell["evidence"].as_array().unwrap();
            nearest += usize::from(!why["nearest"].is_null());
            if cell["stance"] == "absent" {
                continue;
            }
            for name in ["p_asserts", "p_denies", "p_reports"] {
                let sum: f64 = evidence.iter().map(|e| number(e, name)).sum();
                assert!((sum - number(why, name)).abs() < 1e-3, "{name} of {cell}");
            }
            assert!(why["without"]["sentences"].as_u64().unwrap() > 0);
            assert_ne!(why["without"]["stance"].as_str().unwrap(), cell["stance"]);
            explained += 1;
        }
    }
    assert!(explained > 0 && nearest > 0);
}
