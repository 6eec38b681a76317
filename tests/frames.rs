//! The tables as other programs open them: pandas, pyarrow, polars, DuckDB, openpyxl
//! and, where it is installed, R; all against `table.json`.
//!
//! ```text
//! python3 -m venv target/frames
//! target/frames/bin/pip install -r tests/frames/requirements.txt
//! PYTHON=target/frames/bin/python cargo test --release --test frames -- --ignored
//! ```

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process;

use assert_cmd::Command;

const ESSAYS: &str = "pipelines/origins-of-stalinism/essays";

fn run(out: &Path, essays: &Path) {
    let mut command = Command::cargo_bin("konspekt").unwrap();
    command.args(["run", "--quiet", "--essays"]).arg(essays);
    command.arg("--out").arg(out).assert().success();
}

fn check(folder: &Path) {
    let python = std::env::var_os("PYTHON");
    let python = python.as_deref().unwrap_or(OsStr::new("python3"));
    let status = process::Command::new(python)
        .arg("tests/frames/check.py")
        .arg(folder)
        .status()
        .expect("PYTHON names an interpreter");
    assert!(status.success(), "tests/frames/check.py failed");
}

#[test]
#[ignore = "needs Python with pyarrow, pandas and duckdb"]
fn the_bundled_study_in_data_frames() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Path::new(ESSAYS));
    check(out.path());
}

#[test]
#[ignore = "needs Python with pyarrow, pandas and duckdb"]
fn what_must_be_quoted_in_data_frames() {
    let folder = tempfile::tempdir().unwrap();
    let essays = folder.path().join("essays");
    fs::create_dir(&essays).unwrap();
    let essay = fs::read_to_string(Path::new(ESSAYS).join("brandreth-1986.txt")).unwrap();
    // No year, a title like a formula, and line ends and quotation marks of all kinds.
    // Its lines end in CR LF already.
    let essay = essay.replace("that", "\"that,\" 'that'");
    assert!(essay.contains("\r\n") && essay.contains('"'));
    let head = "---\r\ntitle: '=SUM(1, 2) \"x\"'\r\nauthor: \"@O'Brien, Q.\"\r\n---\r\n\r\n";
    fs::write(essays.join("=quoted, 'x'.md"), format!("{head}{essay}")).unwrap();
    // Says nothing of any thesis.
    fs::write(
        essays.join("bread.txt"),
        "Bread\n\nThe baker sold two loaves.\n",
    )
    .unwrap();
    run(&folder.path().join("out"), &essays);
    check(&folder.path().join("out"));
    // No evidence at all.
    fs::remove_file(essays.join("=quoted, 'x'.md")).unwrap();
    run(&folder.path().join("none"), &essays);
    check(&folder.path().join("none"));
}
