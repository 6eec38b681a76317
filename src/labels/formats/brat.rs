//! brat standoff: `NAME.txt` with the essay's text and `NAME.ann` with its marks, a line
//! each, and one `annotation.conf` for the folder. Counts Unicode code points; a carriage
//! return and a line feed are two.
//!
//! A mark is a text bound (`T1`) whose type is the thesis, with attributes `Stance` and
//! `Voice` and, where somebody is cited, a note `source: NAME`. `Body` and `Skip` are
//! types of their own. A contested sentence has the attribute `Contested`, what every
//! reader says (`asserts/-/denies`), instead of a stance. What is said of the whole essay
//! stands as `konspekt: {…}` in the note of the body.
//!
//! Documentation: <https://brat.nlplab.org/standoff.html>, and brat's own reader,
//! `server/src/annotation.py`.
//!
//! Lost: line breaks at the ends of a span, since brat's spans hold none and are divided
//! there. Relations, events, normalisations and notes of other kinds are passed over.

use std::collections::HashMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::{
    File, from_one_line, is_line_break, one_line, one_line_json, read_stance, read_stances,
    read_voice, rest_of, slice, stances_text, stem, take_rest,
};
use crate::labels::Label;
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::layers::SentenceStance;
use crate::text::Span;

const BODY: &str = "Body";
const SKIP: &str = "Skip";
/// What a note with the whole essay's fields begins with.
const REST: &str = "konspekt:";
/// What a note with the person or group cited begins with.
const SOURCE: &str = "source:";

/// # Errors
/// When a thesis is named as the types for body and skipped parts are.
pub fn write(labels: &[(&Label, &str)], theses: &[&str]) -> Result<Vec<File>> {
    for own in [BODY, SKIP] {
        ensure!(
            !theses.contains(&own),
            "the thesis {own} is called as brat's type for that part of an essay; rename it"
        );
    }
    let mut files = vec![File::new("annotation.conf", settings(labels, theses))];
    for &(label, text) in labels {
        let name = stem(&label.doc);
        files.push(File::new(format!("{name}.txt"), text));
        files.push(File::new(format!("{name}.ann"), standoff(label, text)));
    }
    Ok(files)
}

/// `annotation.conf`: the types and attributes that brat offers.
fn settings(labels: &[(&Label, &str)], theses: &[&str]) -> String {
    let mut contested: Vec<String> = (labels.iter())
        .flat_map(|(label, _)| &label.contested)
        .map(|mark| contested_value(&mark.stances))
        .filter(|value| !value.is_empty())
        .collect();
    contested.sort();
    contested.dedup();
    let of = theses.join("|");
    let stances = SentenceStance::ALL.map(SentenceStance::name).join("|");
    let mut conf = format!(
        "[entities]\n{}\n{BODY}\n{SKIP}\n\n\
         [relations]\n\n<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>\n\n\
         [events]\n\n\
         [attributes]\nStance\tArg:{of}, Value:{stances}\nVoice\tArg:{of}, Value:author|cited|either\n",
        theses.join("\n")
    );
    if !contested.is_empty() {
        let values = contested.join("|");
        conf.push_str(&format!("Contested\tArg:{of}, Value:{values}\n"));
    }
    conf
}

/// Commas divide the values in `annotation.conf`.
fn contested_value(stances: &[Option<SentenceStance>]) -> String {
    stances_text(stances).replace(',', "/")
}

/// The lines of an `.ann`.
struct Lines<'t> {
    text: &'t str,
    count: Counter<'t>,
    lines: String,
    spans: usize,
    attributes: usize,
    notes: usize,
}

fn standoff(label: &Label, text: &str) -> String {
    let mut lines = Lines {
        text,
        count: Counter::new(text, Unit::CodePoints),
        lines: String::new(),
        spans: 0,
        attributes: 0,
        notes: 0,
    };
    let body = lines.span(BODY, label.body);
    let mut rest = rest_of(label, text);
    rest.insert("doc".to_owned(), Value::from(label.doc.as_str()));
    let rest = one_line_json(&Value::Object(rest));
    lines.note(body, &format!("{REST} {rest}"));
    for &skip in &label.skip {
        lines.span(SKIP, skip);
    }
    for mark in &label.marks {
        let id = lines.span(&mark.thesis, mark.span);
        lines.attribute("Stance", id, mark.stance.name());
        lines.attribute("Voice", id, mark.voice.name());
        if !mark.source.is_empty() {
            lines.note(id, &format!("{SOURCE} {}", one_line(&mark.source)));
        }
    }
    for mark in &label.contested {
        let id = lines.span(&mark.thesis, mark.span);
        lines.attribute("Contested", id, &contested_value(&mark.stances));
    }
    lines.lines
}

impl Lines<'_> {
    fn span(&mut self, kind: &str, span: Span) -> usize {
        self.spans += 1;
        let pieces = pieces(self.text, span);
        let places: Vec<String> = (pieces.iter())
            .map(|&piece| {
                let (start, end) = self.count.span(piece);
                format!("{start} {end}")
            })
            .collect();
        let words: Vec<&str> = pieces.iter().map(|piece| piece.of(self.text)).collect();
        let (id, places, words) = (self.spans, places.join(";"), words.join(" "));
        self.line(format_args!("T{id}\t{kind} {places}\t{words}"));
        id
    }

    fn attribute(&mut self, name: &str, of: usize, value: &str) {
        self.attributes += 1;
        // Without a value an attribute only says that it is there.
        let space = if value.is_empty() { "" } else { " " };
        let id = self.attributes;
        self.line(format_args!("A{id}\t{name} T{of}{space}{value}"));
    }

    fn note(&mut self, of: usize, text: &str) {
        self.notes += 1;
        let id = self.notes;
        self.line(format_args!("#{id}\tAnnotatorNotes T{of}\t{text}"));
    }

    fn line(&mut self, line: std::fmt::Arguments) {
        writeln!(self.lines, "{line}").expect("a string takes what is written");
    }
}

/// A span without its line breaks: one piece a line.
fn pieces(text: &str, span: Span) -> Vec<Span> {
    let mut pieces = Vec::new();
    let mut start = span.start;
    for line in span.of(text).split_inclusive(is_line_break) {
        let words = line.trim_end_matches(is_line_break);
        if !words.is_empty() {
            pieces.push(Span::new(start, start + words.len()));
        }
        start += line.len();
    }
    if pieces.is_empty() {
        pieces.push(Span::new(span.start, span.start));
    }
    pieces
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    let texts: HashMap<&str, &File> = (files.iter())
        .filter_map(|file| Some((file.name.strip_suffix(".txt")?, file)))
        .collect();
    let mut drafts = Vec::new();
    for file in files {
        let Some(name) = file.name.strip_suffix(".ann") else {
            continue;
        };
        let text = match texts.get(name) {
            // As it is: brat counts a byte order mark as a character.
            Some(file) => Some(
                std::str::from_utf8(&file.bytes)
                    .with_context(|| format!("{}: not UTF-8; save it as UTF-8", file.name))?,
            ),
            None => None,
        };
        let read = || Annotations::read(file.text()?)?.draft(stem(&file.name), text);
        drafts.extend(read().with_context(|| file.name.clone())?);
    }
    Ok(drafts)
}

/// What the lines of an `.ann` say.
#[derive(Default)]
struct Annotations<'s> {
    spans: Vec<Bound<'s>>,
    /// By the id of their span and their name.
    attributes: HashMap<(&'s str, &'s str), &'s str>,
    /// The line, the id of the span, and the text.
    notes: Vec<(usize, &'s str, &'s str)>,
}

/// A `T` line.
struct Bound<'s> {
    line: usize,
    id: &'s str,
    kind: &'s str,
    /// In order.
    pieces: Vec<(usize, usize)>,
    text: &'s str,
}

impl<'s> Annotations<'s> {
    fn read(source: &'s str) -> Result<Self> {
        let mut read = Self::default();
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for (i, line) in source.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let number = i + 1;
            let (id, rest) = line.split_once('\t').unwrap_or((line, ""));
            if !is_id(id) {
                continue;
            }
            if let Some(first) = lines.insert(id, number) {
                bail!("line {number}: {id} is in line {first} already; give each its own number");
            }
            let cut_off =
                |form: &str| format!("line {number}: {id} is cut off or damaged; write {form}");
            match &id[..1] {
                "T" => read.spans.push(
                    Bound::read(number, id, rest)
                        .with_context(|| cut_off("TYPE START END, a tab and the words"))?,
                ),
                "A" | "M" => {
                    let mut parts = rest.splitn(3, ' ');
                    let (Some(name), Some(of)) = (parts.next(), parts.next()) else {
                        bail!("{}", cut_off("NAME T1 VALUE"));
                    };
                    let value = parts.next().unwrap_or("").trim();
                    if let Some(other) = read.attributes.insert((of, name), value) {
                        ensure!(
                            other == value,
                            "line {number}: {of} has {name} twice, {other:?} and {value:?}; keep one"
                        );
                    }
                }
                "#" => {
                    if let Some((head, text)) = rest.split_once('\t')
                        && let Some(of) = head.strip_prefix("AnnotatorNotes ")
                    {
                        read.notes.push((number, of, text.trim()));
                    }
                }
                _ => {}
            }
        }
        Ok(read)
    }

    /// The label; nothing where nobody has marked anything. `text` is brat's own.
    fn draft(&self, name: &str, text: Option<&str>) -> Result<Option<Draft>> {
        let mut draft = Draft::new(&format!("{name}.txt"), Unit::CodePoints);
        let mut sources: HashMap<&str, String> = HashMap::new();
        for (line, of, note) in &self.notes {
            if let Some(rest) = note.strip_prefix(REST) {
                let at = || format!("line {line}: the note that begins with {REST:?} is damaged");
                let mut rest: Map<String, Value> = serde_json::from_str(rest).with_context(at)?;
                if let Some(Value::String(doc)) = rest.remove("doc") {
                    draft.doc = doc;
                }
                take_rest(&mut draft, rest).with_context(at)?;
            } else if let Some(source) = note.strip_prefix(SOURCE) {
                sources.insert(of, from_one_line(source.trim()));
            }
        }
        if self.spans.is_empty() && self.notes.is_empty() {
            return Ok(None);
        }
        for bound in &self.spans {
            let (line, id) = (bound.line, bound.id);
            let attribute = |name| self.attributes.get(&(id, name)).copied();
            let mut places = bound.places(text);
            match bound.kind {
                BODY => {
                    ensure!(
                        places.len() == 1,
                        "line {line}: {id} has words between its pieces; mark one {BODY} from \
                         beginning to end, and what is not the essay as {SKIP}"
                    );
                    ensure!(
                        draft.body.is_none(),
                        "line {line}: {id} is a second {BODY}; keep one"
                    );
                    draft.body = places.pop();
                }
                SKIP => draft.skip.extend(places),
                thesis => {
                    let at = || format!("line {line}, {id}");
                    if let Some(stances) = attribute("Contested") {
                        let stances = read_stances(&stances.replace('/', ",")).with_context(at)?;
                        draft
                            .contested
                            .extend(places.into_iter().map(|place| DraftContested {
                                place,
                                thesis: thesis.to_owned(),
                                stances: stances.clone(),
                            }));
                        continue;
                    }
                    let stance = attribute("Stance").with_context(|| {
                        format!(
                            "line {line}: {id} has no attribute Stance: set asserts, denies or \
                             reports"
                        )
                    })?;
                    let stance = read_stance(stance).with_context(at)?;
                    let voice = read_voice(attribute("Voice").unwrap_or("")).with_context(at)?;
                    draft
                        .marks
                        .extend(places.into_iter().map(|place| DraftMark {
                            place,
                            thesis: thesis.to_owned(),
                            stance,
                            voice,
                            source: sources.get(id).cloned().unwrap_or_default(),
                        }));
                }
            }
        }
        Ok(Some(draft))
    }
}

/// `T1`, `#2`, `R3`: letters, or `#` and letters, and a number.
fn is_id(id: &str) -> bool {
    let name = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let letters = name.strip_prefix('#').unwrap_or(name);
    name.len() < id.len() && !name.is_empty() && letters.chars().all(|c| c.is_ascii_alphabetic())
}

impl<'s> Bound<'s> {
    fn read(line: usize, id: &'s str, rest: &'s str) -> Option<Self> {
        let (head, text) = rest.split_once('\t')?;
        let (kind, places) = head.split_once(' ')?;
        let mut pieces = (places.split(';'))
            .map(|piece| {
                let (start, end) = piece.trim().split_once(' ')?;
                let (start, end) = (start.parse().ok()?, end.parse().ok()?);
                (start <= end).then_some((start, end))
            })
            .collect::<Option<Vec<(usize, usize)>>>()?;
        pieces.sort_unstable();
        Some(Self {
            line,
            id,
            kind,
            pieces,
            text,
        })
    }

    /// Pieces with nothing but white space between them are one place.
    fn places(&self, text: Option<&str>) -> Vec<Place> {
        let cut = |start, end| slice(text?, Unit::CodePoints, start, end);
        let words: Option<String> = self.pieces.iter().map(|&(a, b)| cut(a, b)).collect();
        if words.is_none_or(|words| bare(&words) != bare(self.text)) {
            // There is no text, or another one: the line's own words are to be looked for.
            let end = self.pieces.iter().map(|piece| piece.1).max();
            return vec![Place {
                start: self.pieces[0].0,
                end: end.expect("a span has a piece"),
                quote: (!self.text.is_empty()).then(|| self.text.to_owned()),
            }];
        }
        let mut places: Vec<(usize, usize)> = Vec::new();
        for &(start, end) in &self.pieces {
            match places.last_mut() {
                Some(last)
                    if start <= last.1
                        || cut(last.1, start).is_some_and(|gap| bare(gap).is_empty()) =>
                {
                    last.1 = end.max(last.1);
                }
                _ => places.push((start, end)),
            }
        }
        (places.into_iter())
            .map(|(start, end)| Place {
                start,
                end,
                quote: cut(start, end).map(str::to_owned),
            })
            .collect()
    }
}

/// The words without white space: tools join pieces with a space or with nothing.
fn bare(text: &str) -> String {
    (text.chars())
        .filter(|&c| !c.is_whitespace() && !is_line_break(c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Voice;

    const TEXT: &str = include_str!("../../../tests/formats/brat/doc.txt");
    const ANN: &str = include_str!("../../../tests/formats/brat/doc.ann");

    fn drafts(text: Option<&str>, ann: impl Into<Vec<u8>>) -> Result<Vec<Draft>> {
        let mut files = vec![
            File::new("in/annotation.conf", "[entities]\n"),
            File::new("in/doc.ann", ann),
        ];
        files.extend(text.map(|text| File::new("in/doc.txt", text)));
        read(&files)
    }

    fn one(text: Option<&str>, ann: &str) -> Draft {
        drafts(text, ann).unwrap().pop().unwrap()
    }

    fn error(ann: impl Into<Vec<u8>>) -> String {
        format!("{:#}", drafts(Some(TEXT), ann).unwrap_err())
    }

    #[test]
    fn the_fixture_is_read_with_its_text_and_without() {
        for text in [Some(TEXT), None] {
            let placed = one(text, ANN).place(TEXT).unwrap();
            assert_eq!(placed.moved, [""; 0]);
            let label = placed.label;
            assert_eq!(label.doc, "doc.txt");
            assert_eq!(label.body, Span::new(0, 179));
            assert_eq!(label.skip, [Span::new(0, 39)]);
            let marks: Vec<_> = (label.marks.iter())
                .map(|m| (m.span.start, m.span.end, m.thesis.as_str(), m.stance.name()))
                .collect();
            assert_eq!(
                marks,
                [
                    (40, 81, "continuity", "reports"),
                    (82, 131, "objective-conditions", "asserts"),
                    (82, 131, "party-state-fusion", "denies"),
                    (132, 179, "continuity", "denies"),
                ]
            );
            assert_eq!(label.marks[0].voice, Voice::Cited);
            assert_eq!(label.marks[0].source, "he");
            assert_eq!(label.primary, [Some("objective-conditions".to_owned())]);
            assert_eq!(label.cells["objective-conditions"].weights, [3]);
        }
    }

    #[test]
    fn what_is_written_is_what_brat_reads() {
        let label = one(Some(TEXT), ANN).place(TEXT).unwrap().label;
        let theses = ["objective-conditions", "party-state-fusion", "continuity"];
        let files = write(&[(&label, TEXT)], &theses).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["annotation.conf", "doc.txt", "doc.ann"]);
        assert_eq!(files[1].bytes, TEXT.as_bytes());
        assert_eq!(files[2].text().unwrap(), ANN);
        assert_eq!(
            files[0].text().unwrap(),
            include_str!("../../../tests/formats/brat/annotation.conf")
        );
    }

    #[test]
    fn carriage_returns_are_characters() {
        let text = "🚩 War\r\ncame.\r\n";
        let ann = "T1\tt 2 5;7 12\tWar came.\r\nA1\tStance T1 asserts\r\n";
        let label = one(Some(text), ann).place(text).unwrap().label;
        assert_eq!(label.marks[0].span.of(text), "War\r\ncame.");
        let written = standoff(&label, text);
        assert!(written.contains("\tt 2 5;7 12\tWar came.\n"), "{written}");
    }

    #[test]
    fn other_tools_put_a_space_or_nothing_for_a_line_break() {
        for words in ["not the party, ruined", "not the party,ruined"] {
            let ann = format!("A1\tStance T1 denies\nT1\tt 89 110\t{words}\n");
            let label = one(Some(TEXT), &ann).place(TEXT).unwrap().label;
            assert_eq!(label.marks[0].span.of(TEXT), "not the party,\nruined");
        }
    }

    #[test]
    fn pieces_with_words_between_them_are_marks_of_their_own() {
        let ann = "T1\tt 0 4;17 22\tCafé began\nA1\tStance T1 denies\n\
                   T2\tBody 0 4;17 22\tCafé began\n";
        let error = error(ann);
        assert!(error.contains("line 3: T2 has words between"), "{error}");
        let ann = "T1\tt 0 4;17 22\tCafé began\nA1\tStance T1 denies\n";
        let label = one(Some(TEXT), ann).place(TEXT).unwrap().label;
        let words: Vec<&str> = label.marks.iter().map(|m| m.span.of(TEXT)).collect();
        assert_eq!(words, ["Café", "began"]);
    }

    #[test]
    fn a_span_that_moved_is_found_by_its_words() {
        let ann = "T1\tt 900 905\tbegan\nA1\tStance T1 denies\n";
        let placed = one(Some(TEXT), ann).place(TEXT).unwrap();
        assert_eq!(placed.label.marks[0].span.of(TEXT), "began");
        assert_eq!(placed.moved.len(), 1);
        let ann = "T1\tt 900 905\tWaterloo\nA1\tStance T1 denies\n";
        let error = one(Some(TEXT), ann).place(TEXT).unwrap_err().to_string();
        assert!(
            error.contains("“Waterloo”") && error.contains("stand nowhere"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        let ann = "T1\tt 0 4\tCafé\nA1\tStance T1 denies\nR1\tCauses Arg1:T1 Arg2:T1\n\
                   *\tEquiv T1 T1\nE1\tt:T1\nN1\tReference T1 W:1\tCafé\n#1\tSTATUS T1\tdone\n\
                   #2\tAnnotatorNotes T1\tis this right?\nA9\tOther T1\n\nnonsense\n";
        assert_eq!(one(Some(TEXT), ann).marks.len(), 1);
        assert!(drafts(Some(TEXT), "").unwrap().is_empty(), "not yet marked");
    }

    #[test]
    fn contested_sentences_and_sources_come_back() {
        let ann = "T9\tBody 0 4\tCafé\nT1\tt 0 4\tCafé\nA1\tContested T1 asserts/-/denies\n\
                   T2\tt 0 4\tCafé\nA2\tContested T2\n\
                   T3\tt 0 4\tCafé\nA3\tStance T3 denies\n#1\tAnnotatorNotes T3\tsource: \"a\\nb\"\n";
        let label = one(Some(TEXT), ann).place(TEXT).unwrap().label;
        assert_eq!(label.contested[0].stances.len(), 3);
        assert!(label.contested[1].stances.is_empty());
        assert_eq!(label.marks[0].source, "a\nb");
        let written = standoff(&label, TEXT);
        assert_eq!(one(Some(TEXT), &written).place(TEXT).unwrap().label, label);
        assert!(written.contains("source: \"a\\nb\"\n"), "{written}");
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_to_do() {
        for (ann, expected) in [
            (
                "T1\tt 0 4\tCafé\n\nT3\tt 0 4\tCafé\nA1\tStance T1 asserts\n",
                "in/doc.ann: line 3: T3 has no attribute Stance: set asserts, denies or reports",
            ),
            (
                "T1\tt 0 4\tCafé\nT1\tt 0 4\tCafé\n",
                "in/doc.ann: line 2: T1 is in line 1 already; give each its own number",
            ),
            (
                "T1\tt 0",
                "in/doc.ann: line 1: T1 is cut off or damaged; write TYPE START END, a tab and the words",
            ),
            (
                "T1\tt 4 0\tCafé",
                "in/doc.ann: line 1: T1 is cut off or damaged; write TYPE START END, a tab and the words",
            ),
            (
                "A1\tStance",
                "in/doc.ann: line 1: A1 is cut off or damaged; write NAME T1 VALUE",
            ),
            (
                "T1\tt 0 4\tCafé\nA1\tStance T1 no\n",
                "in/doc.ann: line 1, T1: \"no\" is no stance; write asserts, denies or reports",
            ),
            (
                "A1\tStance T1 denies\nA2\tStance T1 asserts\n",
                "in/doc.ann: line 2: T1 has Stance twice, \"denies\" and \"asserts\"; keep one",
            ),
            (
                "T1\tBody 0 4\tCafé\nT2\tBody 0 4\tCafé\n",
                "in/doc.ann: line 2: T2 is a second Body; keep one",
            ),
        ] {
            assert_eq!(error(ann), expected);
        }
        let damaged = error("T1\tBody 0 4\tCafé\n#1\tAnnotatorNotes T1\tkonspekt: {\"pri");
        assert!(damaged.contains("line 2: the note"), "{damaged}");
        let latin = error(b"T1\tt 0 4\tCaf\xe9\n".as_slice());
        assert!(latin.contains("line 1: not UTF-8"), "{latin}");
        let theses = write(&[], &["Body"]).unwrap_err().to_string();
        assert!(theses.contains("rename it"), "{theses}");
    }
}
