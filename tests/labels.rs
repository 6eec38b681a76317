//! Hand labels on their way to annotation tools and back.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use tempfile::TempDir;

const STUDY: &str = "pipelines/origins-of-stalinism";

/// The formats that keep a label whole.
const FORMATS: [&str; 8] = [
    "brat",
    "webanno-tsv",
    "cas-json",
    "label-studio",
    "doccano",
    "refi-qda",
    "csv",
    "tsv",
];

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Runs `konspekt labels`; arguments that begin with `@` are files here. Exit code,
    /// and what was said.
    fn labels(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("konspekt").unwrap();
        command.arg("labels");
        for arg in args {
            match arg.strip_prefix('@') {
                Some(name) => command.arg(self.path(name)),
                None => command.arg(arg),
            };
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn good(&self, args: &[&str]) -> String {
        let (code, out, said) = self.labels(args);
        assert_eq!((code, said.as_str()), (0, ""), "{args:?}");
        out
    }

    /// The command fails with one line that says all of `why`, and writes nothing.
    fn fails(&self, args: &[&str], why: &[&str]) {
        let (code, _, said) = self.labels(args);
        assert_eq!(code, 1, "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in why {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert!(!self.path("out").exists());
    }

    /// Names and bytes of the files in a folder.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(path).unwrap())
            })
            .collect()
    }
}

const TEXT: &str = "The Lesson\n\nIt was hunger that made the clerk a master. No plan of Lenin's \
                    asked for that; the civil war did, 🚩 and the blockade.\n";

/// A desk with one essay.
fn desk_with_essay() -> Desk {
    let desk = Desk::new();
    desk.put("essays/good.txt", TEXT);
    desk
}

const IMPORT: [&str; 7] = [
    "import", "--essays", "@essays", "--out", "@out", "@in", "--format",
];

fn import(format: &'static str) -> Vec<&'static str> {
    [&IMPORT[..], &[format]].concat()
}

#[test]
fn every_format_goes_there_and_back() {
    let desk = Desk::new();
    desk.good(&["export", "--format", "guide", STUDY, "--out", "@guide"]);
    let guide = desk.files("guide");
    assert_eq!(guide.len(), 10);
    for format in FORMATS {
        let (tool, back) = (format!("@{format}"), format!("@{format}-back"));
        let out = desk.good(&["export", "--format", format, STUDY, "--out", &tool]);
        assert!(out.starts_with("10 labels exported to "), "{out}");
        desk.good(&["import", "--format", format, &tool, "--out", &back]);
        assert_eq!(desk.files(&back[1..]), guide, "{format}");
    }
}

#[test]
fn bad_files_are_named_in_one_sentence_and_nothing_is_written() {
    let span = "T1\tcontinuity 12 18\tIt was\n";
    let tsv = "#FORMAT=WebAnno TSV 3.3\n#T_SP=webanno.custom.Thesis|thesis|stance\n\n\n";
    let table = "doc,quote,thesis,stance\n";
    let cases: [(&str, &str, Vec<u8>, &[&str]); 14] = [
        (
            "brat",
            "good.ann",
            span.into(),
            &["good.ann: line 1: T1 has no attribute Stance"],
        ),
        (
            "brat",
            "good.ann",
            span.repeat(2).into(),
            &["line 2: T1 is in line 1 already"],
        ),
        (
            "brat",
            "good.ann",
            span[..16].into(),
            &["line 1: T1 is cut off"],
        ),
        (
            "brat",
            "good.ann",
            b"T1\tcontinuity 900 901\tx\nA1\tStance T1 denies\n".into(),
            &["900 to 901", "stand nowhere in good.txt"],
        ),
        (
            "brat",
            "good.ann",
            b"T1\tother 12 18\tIt was\nA1\tStance T1 denies\n".into(),
            &["the label for good.txt: \"other\" is no thesis of the codebook"],
        ),
        (
            "brat",
            "bad.ann",
            b"T1\tcontinuity 12 18\tIt was\nA1\tStance T1 denies\n".into(),
            &["the study has no essay called bad.txt"],
        ),
        (
            "brat",
            "good.ann",
            b"T1\tt 0 4\tCaf\xe9\n".into(),
            &["good.ann: line 1: not UTF-8"],
        ),
        (
            "brat",
            "good.txt",
            TEXT.into(),
            &["no labels in ", "--format brat"],
        ),
        (
            "webanno-tsv",
            "good.tsv",
            format!("{tsv}#Text=It was\n1-1\t12-14\tIt\tcont").into(),
            &["good.tsv: line 6: 4 columns where the header names 5"],
        ),
        (
            "webanno-tsv",
            "good.tsv",
            format!("{tsv}#Text=Waterloo\n1-1\t12-20\tWaterloo\tcontinuity\tdenies\t\n").into(),
            &["“Waterloo”", "stand nowhere in good.txt"],
        ),
        (
            "webanno-tsv",
            "good.tsv",
            [tsv.as_bytes(), b"#Text=Caf\xe9\n"].concat(),
            &["good.tsv: line 5: not UTF-8"],
        ),
        (
            "csv",
            "x.csv",
            format!("{table}good.txt,Waterloo,continuity,denies\n").into(),
            &["“Waterloo”", "stand nowhere in good.txt"],
        ),
        (
            "csv",
            "x.csv",
            format!("{table}good.txt,It was,conti").into(),
            &["x.csv: line 2: 3 fields where the first line names 4"],
        ),
        (
            "tsv",
            "x.tsv",
            [b"doc\tquote\nCaf\xe9".as_slice(), b"\tx\n"].concat(),
            &["x.tsv: line 2: not UTF-8"],
        ),
    ];
    for (format, name, bytes, why) in cases {
        let desk = desk_with_essay();
        desk.put(&format!("in/{name}"), bytes);
        desk.fails(&import(format), why);
    }
}

#[test]
fn an_essay_labelled_twice() {
    let desk = desk_with_essay();
    let table = "doc,quote,thesis,stance\ngood.txt,It was,continuity,denies\n";
    desk.put("in/a.csv", table);
    desk.put("in/sub/b.csv", table.replace("good.txt", "good.html"));
    desk.fails(&import("csv"), &["good.txt is labelled twice"]);
}

#[test]
fn what_moved_is_told_and_another_unit_is_taken() {
    let desk = desk_with_essay();
    let at = TEXT.find("and the").unwrap();
    let rows = format!(
        "doc,start,end,quote,thesis,stance\ngood.txt,{at},{},and the,continuity,denies\n",
        at + 7
    );
    desk.put("in/a.csv", rows);
    let (code, out, said) = desk.labels(&import("csv"));
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("mark 1 in good.txt: “and the” is not at"),
        "{said}"
    );
    assert!(out.starts_with("1 label imported to "), "{out}");
    let found = desk.files("out");
    desk.good(&[&import("csv")[..], &["--offset-unit", "bytes"]].concat());
    assert_eq!(desk.files("out"), found);
}

#[test]
fn labels_that_are_there_are_kept() {
    let desk = desk_with_essay();
    desk.put(
        "in/a.csv",
        "doc,quote,thesis,stance\ngood.txt,It was,continuity,denies\n",
    );
    desk.put("out/good.json", "hand work");
    let (code, _, said) = desk.labels(&import("csv"));
    assert_eq!(code, 1);
    assert!(
        said.contains("good.json is there already and differs"),
        "{said}"
    );
    assert_eq!(fs::read(desk.path("out/good.json")).unwrap(), b"hand work");
    let forced = [&import("csv")[..], &["--force"]].concat();
    assert_eq!(desk.labels(&forced).0, 0);
    assert_eq!(
        desk.labels(&import("csv")).0,
        0,
        "the same again is no harm"
    );
    assert_eq!(desk.files("out").len(), 1);
}

#[test]
fn an_essay_that_cannot_be_read_is_told() {
    let desk = desk_with_essay();
    desk.put("essays/empty.txt", "");
    desk.put(
        "in/a.csv",
        "doc,quote,thesis,stance\ngood.txt,It,continuity,denies\n",
    );
    let (code, _, said) = desk.labels(&import("csv"));
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("empty.txt"), "{said}");
    assert!(desk.path("out/good.json").exists());
}

#[test]
fn readers_are_made_one() {
    let desk = desk_with_essay();
    let label = |stance: &str| {
        format!(
            r#"{{"doc": "good.txt", "body": [12, 60], "primary": "none", "summary": {{}},
                "marks": [{{"start": 12, "end": 55, "thesis": "continuity", "stance": "denies"}},
                          {{"start": 56, "end": 100, "thesis": "continuity", "stance": "{stance}"}}]}}"#
        )
    };
    desk.put("a/good.json", label("denies"));
    desk.put("b/good.json", label("reports"));
    let args = [
        "adjudicate",
        "@a",
        "@b",
        "--essays",
        "@essays",
        "--out",
        "@out",
    ];
    let out = desk.good(&args);
    assert!(
        out.starts_with(
            "good.txt: 1 agreed, 1 contested\nIn all 1 agreed, 1 contested; 1 label written to "
        ),
        "{out}"
    );
    let written = fs::read_to_string(desk.path("out/good.json")).unwrap();
    assert!(written.contains("contested"), "{written}");
    fs::remove_dir_all(desk.path("out")).unwrap();
    desk.put(
        "b/other.json",
        label("denies").replace("good.txt", "other.txt"),
    );
    desk.fails(&args, &["no essay called other.txt"]);
}

#[test]
fn wrong_usage() {
    let desk = Desk::new();
    for args in [
        &["export"][..],
        &["export", "--format", "word"],
        &["import", "--format", "csv", "x.csv"],
        &["adjudicate", "one", "--out", "x"],
    ] {
        assert_eq!(desk.labels(args).0, 2, "{args:?}");
    }
}
