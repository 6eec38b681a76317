//! Labels in the files of annotation tools.
//!
//! A format is one file with two pure functions: `write`, from labels at their places to
//! files, and `read`, from files to [`Draft`]s, which [`Draft::place`] brings to their
//! places in the essays. What a tool has no place for is carried as one line of JSON
//! ([`rest_of`]), so that nothing is lost on the way there and back; what is lost all
//! the same the format's file says.

mod brat;
mod cas_json;
mod csv;
mod doccano;
mod label_studio;
mod refi_qda;
mod webanno_tsv;
mod whole;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::{Map, Value};

use super::draft::{Draft, Unit};
use super::{Label, Voice, guide};
use crate::layers::SentenceStance;

/// A tool's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The labelling guide's own JSON
    Guide,
    /// brat standoff: .txt and .ann
    Brat,
    /// INCEpTION: WebAnno TSV 3.3
    WebannoTsv,
    /// INCEpTION: UIMA CAS JSON
    CasJson,
    /// Label Studio: JSON
    LabelStudio,
    /// doccano: JSON lines
    Doccano,
    /// REFI-QDA project (ATLAS.ti, MAXQDA, NVivo, QualCoder): .qdpx
    RefiQda,
    /// Comma-separated values, a row a mark
    Csv,
    /// Tab-separated values, a row a mark
    Tsv,
}

/// A file's name (with `/` between folders) and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl File {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }

    /// Its text, without a byte order mark.
    ///
    /// # Errors
    /// When it is not UTF-8, naming the line.
    fn text(&self) -> Result<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
            Err(error) => {
                let before = &self.bytes[..error.valid_up_to()];
                let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
                bail!("line {line}: not UTF-8; save it as UTF-8")
            }
        }
    }
}

/// Writes labels, each with its essay's text, for a tool; `theses` are the codebook's ids.
pub fn write(format: Format, labels: &[(&Label, &str)], theses: &[&str]) -> Result<Vec<File>> {
    Ok(match format {
        Format::Guide => (labels.iter())
            .map(|(label, text)| {
                File::new(
                    format!("{}.json", stem(&label.doc)),
                    guide::write(label, text),
                )
            })
            .collect(),
        Format::Brat => brat::write(labels, theses)?,
        Format::WebannoTsv => webanno_tsv::write(labels),
        Format::CasJson => cas_json::write(labels),
        Format::LabelStudio => label_studio::write(labels, theses),
        Format::Doccano => doccano::write(labels),
        Format::RefiQda => refi_qda::write(labels, theses)?,
        Format::Csv => csv::write(labels, b','),
        Format::Tsv => csv::write(labels, b'\t'),
    })
}

/// Reads a tool's files. Those that are none of the format's (a tool's settings, the
/// texts) are passed over.
///
/// # Errors
/// One sentence that names the file, the place in it, and what is wrong.
pub fn read(format: Format, files: &[File]) -> Result<Vec<Draft>> {
    match format {
        Format::Guide => (files.iter())
            .filter(|file| file.name.ends_with(".json"))
            .map(|file| guide::read(&file.bytes).with_context(|| file.name.clone()))
            .collect(),
        Format::Brat => brat::read(files),
        Format::WebannoTsv => webanno_tsv::read(files),
        Format::CasJson => cas_json::read(files),
        Format::LabelStudio => label_studio::read(files),
        Format::Doccano => doccano::read(files),
        Format::RefiQda => refi_qda::read(files),
        Format::Csv => csv::read(files, b','),
        Format::Tsv => csv::read(files, b'\t'),
    }
}

/// A file name without its folders and ending.
fn stem(name: &str) -> &str {
    let name = crate::text::file_name(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// What a label says of the whole essay, as the guide's fields `primary`, `sentence` and
/// `summary`, with all further ones.
fn rest_of(label: &Label, text: &str) -> Map<String, Value> {
    let all = serde_json::from_slice(&guide::write(label, text)).expect("just written");
    let Value::Object(mut all) = all else {
        unreachable!("a label is an object")
    };
    for spans in ["doc", "body", "skip", "marks", "contested"] {
        all.remove(spans);
    }
    all
}

/// Takes up what [`rest_of`] wrote.
///
/// # Errors
/// When a field is not as the guide wants it.
fn take_rest(draft: &mut Draft, rest: Map<String, Value>) -> Result<()> {
    let mut whole = rest;
    for (field, value) in [
        ("doc", Value::from("")),
        ("body", Value::from(vec![0, 0])),
        ("primary", Value::Array(Vec::new())),
        ("summary", Value::Object(Map::new())),
    ] {
        whole.entry(field).or_insert(value);
    }
    let read = guide::read(&serde_json::to_vec(&whole)?)?;
    draft.primary = read.primary;
    draft.sentence = read.sentence;
    draft.cells = read.cells;
    draft.rest = read.rest;
    Ok(())
}

/// A text for a format whose fields hold one line: as it is, or as a JSON string where it
/// has line breaks, white space at its ends, or could be taken for one.
fn one_line(text: &str) -> String {
    let plain = text.trim() == text
        && !text.starts_with('"')
        && !text.chars().any(|c| c.is_control() || is_line_break(c));
    match plain {
        true => text.to_owned(),
        false => one_line_json(&Value::from(text)),
    }
}

/// Reads what [`one_line`] wrote.
fn from_one_line(text: &str) -> String {
    let json = match text.starts_with('"') {
        true => serde_json::from_str(text).ok(),
        false => None,
    };
    json.unwrap_or_else(|| text.to_owned())
}

/// JSON without any character that a reader may take for the end of a line.
fn one_line_json(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        match is_line_break(c) {
            true => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => line.push(c),
        }
    }
    line
}

/// Whether Python's `splitlines` divides lines there; tools in Python read files so.
fn is_line_break(c: char) -> bool {
    matches!(
        c,
        '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// What readers say of a contested sentence, as text: `asserts,-,denies`.
fn stances_text(stances: &[Option<SentenceStance>]) -> String {
    let names = stances.iter().map(|s| s.map_or("-", SentenceStance::name));
    names.collect::<Vec<_>>().join(",")
}

/// Reads what [`stances_text`] wrote.
fn read_stances(text: &str) -> Result<Vec<Option<SentenceStance>>> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names
        .map(|name| match name {
            "-" => Ok(None),
            name => read_stance(name).map(Some),
        })
        .collect()
}

/// Reads the name of a stance.
fn read_stance(name: &str) -> Result<SentenceStance> {
    let found = SentenceStance::ALL
        .into_iter()
        .find(|s| s.name() == name.trim());
    found.with_context(|| format!("{name:?} is no stance; write asserts, denies or reports"))
}

/// Whose words: `author`, `cited` or `either`; the author's where nothing is said.
fn read_voice(name: &str) -> Result<Voice> {
    match name.trim() {
        "" | "author" => Ok(Voice::Author),
        "cited" => Ok(Voice::Cited),
        "either" => Ok(Voice::Either),
        other => bail!("{other:?} is no voice; write author, cited or either"),
    }
}

/// The part of a tool's own text between two of its units; nothing where they do not lie
/// in it or divide a character.
fn slice(text: &str, unit: Unit, start: usize, end: usize) -> Option<&str> {
    let at = |wanted: usize| {
        let mut units = 0;
        for (byte, c) in text.char_indices() {
            if units >= wanted {
                return (units == wanted).then_some(byte);
            }
            units += unit.of(c);
        }
        (units == wanted).then_some(text.len())
    };
    text.get(at(start)?..at(end)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::labels::{Contested, LabelCell, Mark, files, read as read_labels};
    use crate::reading::CellStance;
    use crate::text::Span;

    /// Formats whose files come back as they went.
    const THERE_AND_BACK: [Format; 8] = [
        Format::Brat,
        Format::WebannoTsv,
        Format::Csv,
        Format::Tsv,
        Format::CasJson,
        Format::LabelStudio,
        Format::Doccano,
        Format::RefiQda,
    ];

    pub const TEXT: &str = "🚩 Ruin came.\r\nWar & <ruin> went.";

    /// A label of [`TEXT`] with a little of everything.
    pub fn label() -> Label {
        let span = |words: &str| {
            let start = TEXT.find(words).unwrap();
            Span::new(start, start + words.len())
        };
        let cell = |stances: &[CellStance], weights: &[u8]| LabelCell {
            stances: stances.to_vec(),
            weights: weights.to_vec(),
        };
        Label {
            doc: "a.txt".to_owned(),
            body: Span::new(0, TEXT.len()),
            skip: vec![span("🚩")],
            primary: vec![Some("t".to_owned())],
            sentence: "Ruin came.".to_owned(),
            cells: [
                ("t".to_owned(), cell(&[CellStance::Endorses], &[3])),
                (
                    "u".to_owned(),
                    cell(&[CellStance::Rejects, CellStance::Absent], &[0, 1]),
                ),
            ]
            .into(),
            marks: vec![Mark {
                span: span("Ruin came."),
                thesis: "t".to_owned(),
                stance: SentenceStance::Reports,
                voice: Voice::Cited,
                source: "É \"x\"\tand, \\ &<: [y]".to_owned(),
            }],
            contested: vec![Contested {
                span: span("War & <ruin> went."),
                thesis: "u".to_owned(),
                stances: vec![Some(SentenceStance::Asserts), None],
            }],
            rest: [("entities".to_owned(), Value::from(vec!["É\n🚩"]))]
                .into_iter()
                .collect(),
        }
    }

    /// Whether these are the labels that `tests/formats/common.py` has.
    pub fn check_fixture(drafts: &[Draft]) {
        let text = include_str!("../../../tests/formats/doc.txt");
        let [draft] = drafts else {
            panic!("{} drafts", drafts.len())
        };
        let placed = draft.clone().place(text).unwrap();
        assert_eq!(placed.moved, [""; 0]);
        let label = placed.label;
        let marks: Vec<_> = (label.marks.iter())
            .map(|m| {
                (
                    m.span.of(text),
                    m.thesis.as_str(),
                    m.stance.name(),
                    m.voice,
                    m.source.as_str(),
                )
            })
            .collect();
        let (lenin, war, kind) = (
            "Lenin paved the way for Stalin, he wrote.",
            "The civil war, not the party,\nruined the soviets.",
            "Nothing of the kind – e\u{301} – was inevitable.",
        );
        assert_eq!(
            marks,
            [
                (lenin, "continuity", "reports", Voice::Cited, "he"),
                (war, "objective-conditions", "asserts", Voice::Author, ""),
                (war, "party-state-fusion", "denies", Voice::Author, ""),
                (kind, "continuity", "denies", Voice::Author, ""),
            ]
        );
        assert_eq!(label.doc, "doc.txt");
        assert_eq!(label.body, Span::new(0, text.len() - 1));
        let skip: Vec<_> = label.skip.iter().map(|skip| skip.of(text)).collect();
        assert_eq!(skip, ["Café “October” 🚩 began in hope."]);
        assert_eq!(label.primary, [Some("objective-conditions".to_owned())]);
        let cells = label
            .cells
            .values()
            .map(|cell| (cell.stances[0], cell.weights[0]));
        assert_eq!(
            cells.collect::<Vec<_>>(),
            [
                (CellStance::Rejects, 2),
                (CellStance::Endorses, 3),
                (CellStance::Rejects, 1)
            ]
        );
    }

    /// The bundled labels of a reader with their essays' texts.
    fn bundled(reader: &str) -> Vec<(Label, String)> {
        let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/origins-of-stalinism");
        let mut texts = std::collections::BTreeMap::new();
        for entry in fs::read_dir(study.join("essays")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = crate::ingest::read(&name, fs::read(&path).unwrap())
                .unwrap()
                .text;
            texts.insert(name, text);
        }
        let files = files(&[study.join("labels").join(reader)]).unwrap();
        let read = read_labels(&files, |doc| texts.get(doc).map(String::as_str)).unwrap();
        assert_eq!(read.labels.len(), 10);
        let text = |label: &Label| texts[&label.doc].clone();
        read.labels
            .into_iter()
            .map(|label| (label.clone(), text(&label)))
            .collect()
    }

    fn with_texts(labels: &[(Label, String)]) -> Vec<(&Label, &str)> {
        labels
            .iter()
            .map(|(label, text)| (label, text.as_str()))
            .collect()
    }

    #[test]
    fn labels_come_back_as_they_went() {
        for reader in ["first", "second"] {
            let mut labels = bundled(reader);
            labels.push((label(), TEXT.to_owned()));
            let labels = with_texts(&labels);
            for format in THERE_AND_BACK {
                let files = write(format, &labels, &["continuity"]).unwrap();
                let drafts = read(format, &files).unwrap_or_else(|e| panic!("{format:?}: {e:#}"));
                assert_eq!(drafts.len(), labels.len(), "{format:?}");
                for draft in drafts {
                    let (label, text) = labels.iter().find(|(l, _)| l.doc == draft.doc).unwrap();
                    let placed = draft.place(text).unwrap();
                    assert_eq!(placed.moved, [""; 0], "{format:?}");
                    assert_eq!(placed.label, **label, "{format:?}");
                }
                assert_eq!(files, write(format, &labels, &["continuity"]).unwrap());
            }
        }
    }

    #[test]
    #[ignore = "writes target/formats-check for tests/formats/check.py"]
    fn export_for_check() {
        let mut labels = bundled("first");
        labels.push((label(), TEXT.to_owned()));
        for format in THERE_AND_BACK {
            let name = format.to_possible_value().unwrap();
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let folder = root.join("target/formats-check").join(name.get_name());
            fs::create_dir_all(&folder).unwrap();
            for file in write(format, &with_texts(&labels), &["continuity"]).unwrap() {
                fs::write(folder.join(file.name), file.bytes).unwrap();
            }
        }
    }

    /// A span of words; nothing where there are none.
    fn words(text: &str, a: usize, b: usize) -> Option<Span> {
        let is_blank = |c: char| c.is_whitespace() || is_line_break(c);
        let starts = text.char_indices().map(|(at, _)| at);
        let marks: Vec<usize> = starts.chain([text.len()]).collect();
        let (a, b) = (marks[a % marks.len()], marks[b % marks.len()]);
        let (start, end) = (a.min(b), a.max(b));
        let part = &text[start..end];
        let start = end - part.trim_start_matches(is_blank).len();
        let end = start + text[start..end].trim_end_matches(is_blank).len();
        (start < end).then(|| Span::new(start, end))
    }

    const ODD: &str = "[a-cé🚩“_|\\[\\];*>\\-\\\\\"',=#/{}<&\u{301}\u{feff}\u{a0}\u{2028}\u{85}\u{1c}\u{1}\t\r\n ]{0,50}";

    proptest! {
        #[test]
        fn odd_labels_come_back_whole(
            text in ODD,
            ends in prop::collection::vec((0usize..51, 0usize..51, 0usize..3), 8),
            sources in prop::collection::vec(ODD, 3),
            sentence in ODD,
        ) {
            let spans: Vec<(Span, usize)> = (ends.iter())
                .filter_map(|&(a, b, kind)| Some((words(&text, a, b)?, kind)))
                .collect();
            prop_assume!(!spans.is_empty());
            let of = |wanted| spans[1..].iter().filter(move |(_, kind)| *kind == wanted);
            let stances = SentenceStance::ALL;
            let label = Label {
                doc: "an essay.v1.md".to_owned(),
                body: spans[0].0,
                skip: of(0).map(|&(span, _)| span).collect(),
                primary: vec![None, Some("t".to_owned())],
                sentence,
                cells: [("u-1".to_owned(), LabelCell {
                    stances: vec![CellStance::Absent, CellStance::Reports],
                    weights: vec![0, 1],
                })].into(),
                marks: of(1).enumerate().map(|(i, &(span, _))| Mark {
                    span,
                    thesis: ["t", "u-1"][i % 2].to_owned(),
                    stance: stances[i % 3],
                    voice: [Voice::Author, Voice::Cited, Voice::Either][i % 3],
                    source: sources[i % 3].clone(),
                }).collect(),
                contested: of(2).enumerate().map(|(i, &(span, _))| Contested {
                    span,
                    thesis: "t".to_owned(),
                    stances: vec![None, Some(stances[i % 3])],
                }).collect(),
                rest: [("entities".to_owned(), Value::from(sources.clone()))].into_iter().collect(),
            };
            for format in [Format::Brat, Format::WebannoTsv, Format::Csv, Format::Tsv] {
                let files = write(format, &[(&label, &text)], &["t", "u-1"]).unwrap();
                let draft = read(format, &files).unwrap().pop().unwrap();
                prop_assert_eq!(&draft.doc, &label.doc);
                let placed = draft.place(&text).unwrap();
                prop_assert_eq!(&placed.moved, &[""; 0]);
                prop_assert_eq!(&placed.label, &label, "{:?}", format);
            }
        }
    }
}
