//! The LaTeX outputs compile, where there is a TeX engine: those of the bundled study, and
//! those of essays that hold every character that TeX takes for its own.

use std::fs;
use std::path::Path;
use std::process::Command;

const HOSTILE: &str = "[*] Ruin & Rule: 100 % of $5, #1, a_b, {c}, ~d^e\\f \"g\" <h>\n\nBy O’Neil\n\n\
    It was hunger & the civil war that ruined the soviets: 75 % of the workers_were gone \\textbf{here}. \
    The party \\input{/etc/passwd} put itself in the place of the class – and “fused” with the state; \
    that ~ and nothing else ^ brought $Stalinism$ about #1.\n";

fn run(out: &Path, args: &[&str]) {
    let output = assert_cmd::Command::cargo_bin("konspekt")
        .unwrap()
        .args(["run", "--quiet", "--out"])
        .arg(out)
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Compiles a document; false where there is no TeX engine.
fn compiles(folder: &Path, file: &str) -> bool {
    let engine = ["pdflatex", "lualatex", "xelatex"]
        .into_iter()
        .find(|engine| Command::new(engine).arg("--version").output().is_ok());
    let Some(engine) = engine else {
        println!("no TeX engine here: {file} is not compiled");
        return false;
    };
    let output = Command::new(engine)
        .args(["-interaction=nonstopmode", "-halt-on-error", file])
        .current_dir(folder)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{engine} {file}: {log}");
    true
}

#[test]
fn the_bundled_study_compiles() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), &[]);
    let article = fs::read_to_string(out.path().join("article.tex")).unwrap();
    assert!(article.contains("\\input{table}") && article.contains("\\input{evidence}"));
    if compiles(out.path(), "article.tex") {
        assert!(out.path().join("article.pdf").exists());
    }
}

#[test]
fn essays_cannot_speak_to_tex() {
    let folder = tempfile::tempdir().unwrap();
    let essays = folder.path().join("essays");
    fs::create_dir(&essays).unwrap();
    fs::write(essays.join("hostile.txt"), HOSTILE).unwrap();
    let out = folder.path().join("out");
    run(&out, &["--essays", essays.to_str().unwrap()]);
    let evidence = fs::read_to_string(out.join("evidence.tex")).unwrap();
    assert!(!evidence.contains("\\textbf{here}") && !evidence.contains("\\input{/etc"));
    assert!(evidence.contains("Ruin \\& Rule"), "{evidence}");
    compiles(&out, "article.tex");
}
