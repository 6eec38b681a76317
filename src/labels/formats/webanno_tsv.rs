//! WebAnno TSV 3.3, as INCEpTION and WebAnno read and write it: one `NAME.tsv` a label, a
//! row a token. Counts UTF-16 units.
//!
//! Two layers, which the tool's project must have with these features (strings): a mark or
//! contested sentence is a `webanno.custom.Thesis`, and body and skipped parts are
//! `webanno.custom.Essay` with `part` body or skip. What is said of the whole essay is one
//! more `webanno.custom.Essay`, on the first token, with the guide's JSON in `rest`: on the
//! body it would stand again in every row. Tokens end at white space and where a mark
//! begins or ends, and sentences at blank lines.
//!
//! Documentation: the INCEpTION user guide, appendix "WebAnno TSV 3.3", and for what it
//! leaves open INCEpTION's `Tsv3XSerializer` and `Tsv3XDeserializer`.
//!
//! Lost: white space at the ends of a span, and spans without a word, since tokens have
//! none. Other layers are passed over.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::{
    File, from_one_line, one_line, one_line_json, read_stance, read_stances, read_voice, rest_of,
    slice, stances_text, stem, take_rest,
};
use crate::labels::Label;
use crate::labels::draft::{Draft, DraftContested, DraftMark, Place, Unit};
use crate::text::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Layer {
    Thesis,
    Essay,
}

impl Layer {
    const ALL: [Self; 2] = [Self::Thesis, Self::Essay];

    fn name(self) -> &'static str {
        match self {
            Self::Thesis => "webanno.custom.Thesis",
            Self::Essay => "webanno.custom.Essay",
        }
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Thesis => &["thesis", "stance", "voice", "source", "contested"],
            Self::Essay => &["part", "rest"],
        }
    }

    /// The layer of a type's name; projects may have it in a package of their own.
    fn of(name: &str) -> Option<Self> {
        let short = name.rsplit('.').next().unwrap_or(name);
        match short {
            _ if short.ends_with("Thesis") => Some(Self::Thesis),
            _ if short.ends_with("Essay") => Some(Self::Essay),
            _ => None,
        }
    }
}

/// An annotation to be written; its number in the file is its place in their list.
struct Annotation {
    layer: Layer,
    span: Span,
    /// One for each of the layer's features.
    values: Vec<Option<String>>,
}

pub fn write(labels: &[(&Label, &str)]) -> Vec<File> {
    (labels.iter())
        .map(|(label, text)| File::new(format!("{}.tsv", stem(&label.doc)), table(label, text)))
        .collect()
}

fn table(label: &Label, text: &str) -> String {
    let mut annotations = annotations(label);
    let tokens = tokens(text, &annotations);
    if let Some(&first) = tokens.first() {
        let mut rest = rest_of(label, text);
        rest.insert("doc".to_owned(), Value::from(label.doc.as_str()));
        annotations.push(Annotation {
            layer: Layer::Essay,
            span: first,
            values: vec![None, Some(one_line_json(&Value::Object(rest)))],
        });
    }
    let layers: Vec<Layer> = (Layer::ALL.into_iter())
        .filter(|&layer| annotations.iter().any(|a| a.layer == layer))
        .collect();

    let mut table = "#FORMAT=WebAnno TSV 3.3\n".to_owned();
    for &layer in &layers {
        let features = layer.features().join("|");
        table.push_str(&format!("#T_SP={}|{features}\n", layer.name()));
    }
    table.push('\n');
    // Where the last token began, in bytes and in units.
    let mut at = (0, 0);
    let sentences = tokens.chunk_by(|a, b| !is_blank_line(&text[a.end..b.start]));
    for (i, tokens) in sentences.enumerate() {
        table.push('\n');
        let whole = Span::new(tokens[0].start, tokens[tokens.len() - 1].end);
        for line in whole.of(text).split('\n') {
            table.push_str(&format!("#Text={}\n", escaped_text(line)));
        }
        for (j, &token) in tokens.iter().enumerate() {
            let units = |part: &str| part.encode_utf16().count();
            at = (token.start, at.1 + units(&text[at.0..token.start]));
            let words = token.of(text);
            let (start, end) = (at.1, at.1 + units(words));
            table.push_str(&format!("{}-{}\t{start}-{end}\t{words}\t", i + 1, j + 1));
            for &layer in &layers {
                for feature in 0..layer.features().len() {
                    table.push_str(&cell(&annotations, layer, feature, token));
                    table.push('\t');
                }
            }
            table.push('\n');
        }
    }
    table
}

fn annotations(label: &Label) -> Vec<Annotation> {
    let text = |text: &str| Some(text.to_owned());
    let marks = label.marks.iter().map(|mark| Annotation {
        layer: Layer::Thesis,
        span: mark.span,
        values: vec![
            text(&mark.thesis),
            text(mark.stance.name()),
            text(mark.voice.name()),
            // The format has no escape for a carriage return.
            (!mark.source.is_empty()).then(|| one_line(&mark.source)),
            None,
        ],
    });
    let contested = label.contested.iter().map(|mark| {
        let stances = stances_text(&mark.stances);
        Annotation {
            layer: Layer::Thesis,
            span: mark.span,
            values: vec![text(&mark.thesis), None, None, None, Some(stances)],
        }
    });
    let part = |name, span| Annotation {
        layer: Layer::Essay,
        span,
        values: vec![text(name), None],
    };
    let skip = label.skip.iter().map(|&span| part("skip", span));
    let body = std::iter::once(part("body", label.body));
    let all = marks.chain(contested).chain(body).chain(skip);
    all.collect()
}

/// The text divided at white space, and where an annotation begins or ends.
fn tokens(text: &str, annotations: &[Annotation]) -> Vec<Span> {
    let mut cuts: Vec<usize> = (annotations.iter())
        .flat_map(|a| [a.span.start, a.span.end])
        .collect();
    cuts.sort_unstable();
    let mut tokens: Vec<Span> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match tokens.last_mut() {
            _ if c.is_whitespace() => open = false,
            Some(token) if open && cuts.binary_search(&at).is_err() => token.end = end,
            _ => {
                tokens.push(Span::new(at, end));
                open = true;
            }
        }
    }
    tokens
}

/// Whether the white space between two tokens holds a blank line.
fn is_blank_line(gap: &str) -> bool {
    let returns = gap.replace("\r\n", "\n");
    returns.matches(['\n', '\r']).count() > 1
}

/// A token's cell: all annotations there, each with its number.
fn cell(annotations: &[Annotation], layer: Layer, feature: usize, token: Span) -> String {
    let values: Vec<String> = (annotations.iter().enumerate())
        .filter(|(_, a)| a.layer == layer && a.span.overlaps(token))
        .map(|(i, a)| {
            let value = a.values[feature].as_deref();
            format!("{}[{}]", value.map_or("*".to_owned(), escaped), i + 1)
        })
        .collect();
    match values.is_empty() {
        true => "_".to_owned(),
        false => values.join("|"),
    }
}

fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\\' | '[' | ']' | '|' | '_' | ';' | '*' => escaped.extend(['\\', c]),
            '-' if rest.peek() == Some(&'>') => escaped.push_str("\\-"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Texts have other escapes than values.
fn escaped_text(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            '\u{c}' => escaped.push_str("\\f"),
            '\u{8}' => escaped.push_str("\\b"),
            '\\' | '\u{0}'..='\u{7}' | '\u{e}'..='\u{1f}' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            (_, true) => plain.push(match rest.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('b') => '\u{8}',
                Some(other) => other,
                None => '\\',
            }),
            _ => plain.push(c),
        }
    }
    plain
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    (files.iter())
        .filter(|file| file.name.ends_with(".tsv"))
        .map(|file| {
            let read = || Rows::read(file.text()?)?.draft(stem(&file.name));
            read().with_context(|| file.name.clone())
        })
        .collect()
}

/// An annotation as it was read.
struct Found {
    layer: Layer,
    /// Its first row's line.
    line: usize,
    id: Option<u32>,
    start: usize,
    end: usize,
    /// By feature; those that are not set are not there.
    values: HashMap<String, String>,
}

/// What the rows of a file say.
#[derive(Default)]
struct Rows<'s> {
    tokens: Vec<(usize, usize, &'s str)>,
    annotations: Vec<Found>,
}

impl<'s> Rows<'s> {
    fn read(source: &'s str) -> Result<Self> {
        let mut lines = (source.split('\n').enumerate())
            .map(|(i, line)| (i + 1, line.strip_suffix('\r').unwrap_or(line)));
        let first = lines.next().map_or("", |(_, line)| line);
        ensure!(
            first.starts_with("#FORMAT=WebAnno TSV 3"),
            "line 1: not WebAnno TSV 3; export it from INCEpTION as \"WebAnno TSV v3.3\""
        );
        let mut columns: Vec<Option<(Layer, &str)>> = Vec::new();
        let mut rows = Self::default();
        let mut by_id: HashMap<u32, usize> = HashMap::new();
        // The sentence's text, and its last row.
        let mut text = String::new();
        let mut last: Option<&str> = None;
        for (number, line) in lines {
            if let Some(layer) = line.strip_prefix("#T_") {
                columns.extend(layer_columns(layer));
            } else if let Some(part) = line.strip_prefix("#Text=") {
                text.push_str(&unescaped(part));
                text.push('\n');
            } else if line.is_empty() {
                check_end(&text, last.take(), number)?;
                text.clear();
            } else if !line.starts_with('#') {
                let fields: Vec<&str> = line.split('\t').collect();
                ensure!(
                    fields.len() >= 3 + columns.len(),
                    "line {number}: {} columns where the header names {}; the file is cut off or \
                     damaged, so export it again",
                    fields.len(),
                    3 + columns.len()
                );
                let place = (fields[1].split_once('-'))
                    .and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)))
                    .filter(|(start, end): &(usize, usize)| start <= end);
                let (start, end) = place.with_context(|| {
                    format!(
                        "line {number}: {:?} is no place in the text; write START-END",
                        fields[1]
                    )
                })?;
                // A row with a full stop in its number is a part of the token before it.
                if !fields[0].contains('.') {
                    rows.tokens.push((start, end, fields[2]));
                    last = Some(fields[2]);
                }
                let mut here: HashMap<(Layer, usize), usize> = HashMap::new();
                for (column, cell) in columns.iter().zip(&fields[3..]) {
                    let Some((layer, feature)) = *column else {
                        continue;
                    };
                    for (nth, (value, id)) in stacked(cell).into_iter().enumerate() {
                        let known = here.get(&(layer, nth)).or_else(|| by_id.get(&id?));
                        let at = known.copied().unwrap_or_else(|| {
                            rows.annotations.push(Found {
                                layer,
                                line: number,
                                id,
                                start,
                                end,
                                values: HashMap::new(),
                            });
                            rows.annotations.len() - 1
                        });
                        here.insert((layer, nth), at);
                        if let Some(id) = id {
                            by_id.insert(id, at);
                        }
                        let found = &mut rows.annotations[at];
                        ensure!(
                            found.layer == layer,
                            "line {number}: [{}] is an annotation of another layer in line {}; \
                             number each once",
                            id.unwrap_or_default(),
                            found.line
                        );
                        found.end = end.max(found.end);
                        if let Some(value) = value {
                            found.values.insert(feature.to_owned(), value);
                        }
                    }
                }
            }
        }
        check_end(&text, last, source.split('\n').count())?;
        if rows.annotations.iter().all(|found| found.id.is_some()) {
            rows.annotations.sort_by_key(|found| found.id);
        }
        Ok(rows)
    }

    fn draft(&self, name: &str) -> Result<Draft> {
        let mut draft = Draft::new(&format!("{name}.txt"), Unit::Utf16);
        for found in &self.annotations {
            let at = || format!("line {}", found.line);
            let value = |feature| found.values.get(feature).map(String::as_str);
            let place = self.place(found);
            match found.layer {
                Layer::Essay => {
                    if let Some(rest) = value("rest") {
                        let mut rest: Map<String, Value> = serde_json::from_str(rest)
                            .with_context(|| format!("line {}: rest is damaged", found.line))?;
                        if let Some(Value::String(doc)) = rest.remove("doc") {
                            draft.doc = doc;
                        }
                        take_rest(&mut draft, rest).with_context(at)?;
                    }
                    match value("part") {
                        Some("body") => {
                            ensure!(
                                draft.body.is_none(),
                                "line {}: a second body; keep one",
                                found.line
                            );
                            draft.body = Some(place);
                        }
                        Some("skip") => draft.skip.push(place),
                        None if value("rest").is_some() => {}
                        other => bail!(
                            "line {}: part is {:?}; set body or skip",
                            found.line,
                            other.unwrap_or("")
                        ),
                    }
                }
                Layer::Thesis => {
                    let set = |feature, of: &str| {
                        value(feature).with_context(|| {
                            format!("line {}: the mark has no {feature}: set {of}", found.line)
                        })
                    };
                    let thesis = set("thesis", "the id of a thesis")?.to_owned();
                    if let Some(stances) = value("contested") {
                        draft.contested.push(DraftContested {
                            place,
                            thesis,
                            stances: read_stances(stances).with_context(at)?,
                        });
                        continue;
                    }
                    let stance = set("stance", "asserts, denies or reports")?;
                    draft.marks.push(DraftMark {
                        place,
                        thesis,
                        stance: read_stance(stance).with_context(at)?,
                        voice: read_voice(value("voice").unwrap_or("")).with_context(at)?,
                        source: value("source").map(from_one_line).unwrap_or_default(),
                    });
                }
            }
        }
        Ok(draft)
    }

    /// Its place and the words of its tokens, with a space wherever they do not touch.
    fn place(&self, found: &Found) -> Place {
        let mut quote = String::new();
        let mut at = found.start;
        for &(start, end, words) in &self.tokens {
            let (from, to) = (start.max(found.start), end.min(found.end));
            if from >= to {
                continue;
            }
            if from > at {
                quote.push(' ');
            }
            let part = slice(words, Unit::Utf16, from - start, to - start);
            quote.push_str(part.unwrap_or(words));
            at = end;
        }
        Place {
            start: found.start,
            end: found.end,
            quote: (!quote.is_empty()).then_some(quote),
        }
    }
}

/// The columns of a header line after its `#T_`; those that are not ours are there, too,
/// to be counted.
fn layer_columns(header: &str) -> Vec<Option<(Layer, &str)>> {
    let (kind, layer) = header.split_once('=').unwrap_or((header, ""));
    let mut names = layer.split('|').filter(|name| !name.is_empty());
    let own = names.next().and_then(Layer::of).filter(|_| kind == "SP");
    let mut columns: Vec<_> = names.map(|name| own.map(|own| (own, name))).collect();
    if columns.is_empty() {
        columns.push(None);
    }
    columns
}

/// A sentence's rows must go on to the end of its text.
fn check_end(text: &str, last: Option<&str>, line: usize) -> Result<()> {
    ensure!(
        text.trim_end().ends_with(last.unwrap_or("").trim_end())
            && (last.is_some() || text.trim().is_empty()),
        "line {line}: the rows end before their #Text does; the file is cut off, so export it again"
    );
    Ok(())
}

/// The values of a cell, nothing for those not set, and the numbers of their annotations.
fn stacked(cell: &str) -> Vec<(Option<String>, Option<u32>)> {
    if cell == "_" {
        return Vec::new();
    }
    let mut values = Vec::new();
    let (mut start, mut bracket, mut escape) = (0, None, false);
    for (at, c) in cell.char_indices().chain([(cell.len(), '|')]) {
        match c {
            '|' if !escape || at == cell.len() => {
                let value = &cell[start..at];
                let id = bracket
                    .and_then(|open: usize| cell[open + 1..at].strip_suffix(']')?.parse().ok());
                let value = match (bracket, id) {
                    (Some(open), Some(_)) => &cell[start..open],
                    _ => value,
                };
                values.push(((value != "*").then(|| unescaped(value)), id));
                (start, bracket) = (at + 1, None);
            }
            '[' if !escape => bracket = Some(at),
            _ => {}
        }
        escape = c == '\\' && !escape;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Voice;

    const TEXT: &str = include_str!("../../../tests/formats/brat/doc.txt");
    const DOC: &str = include_str!("../../../tests/formats/webanno-tsv/doc.tsv");
    const OTHERS: &str = include_str!("../../../tests/formats/webanno-tsv/doc-regions-escapes.tsv");

    fn one(table: impl Into<Vec<u8>>) -> Result<Draft> {
        let mut drafts = read(&[
            File::new("in/notes.txt", "passed over"),
            File::new("in/doc.tsv", table),
        ])?;
        Ok(drafts.pop().unwrap())
    }

    fn error(table: impl Into<Vec<u8>>) -> String {
        format!("{:#}", one(table).unwrap_err())
    }

    /// A file with these columns and rows.
    fn with(columns: &str, rows: &str) -> String {
        format!("#FORMAT=WebAnno TSV 3.3\n#T_SP={columns}\n\n\n{rows}")
    }

    const THESIS: &str = "webanno.custom.Thesis|thesis|stance|voice|source|contested";

    #[test]
    fn the_fixtures_are_read() {
        for table in [DOC, OTHERS] {
            let placed = one(table).unwrap().place(TEXT).unwrap();
            assert_eq!(placed.moved, [""; 0]);
            let label = placed.label;
            assert_eq!(label.doc, "doc.txt");
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
            assert_eq!(label.marks[1].source, "");
        }
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let rows = "#Text=It was war.\n1-1\t0-2\tIt\t_\t_\t_\t\n\
                    1-2\t3-6\twas\t_\tasserts[1]\tt[1]\t\n1-3\t7-11\twar.\tx\tasserts[1]\tt[1]\t\n";
        let columns = "de.tudarmstadt.Lemma|value\n#T_SP=my.own.Thesis|stance|thesis";
        let label = one(with(columns, rows))
            .unwrap()
            .place("It was war.")
            .unwrap()
            .label;
        assert_eq!(label.marks[0].span, Span::new(3, 11));
        let relation = "my.Thesis|thesis|stance\n#T_RL=my.Link|kind|BT_my.Thesis\n#T_SP=my.Bare|";
        let rows = "#Text=war\n1-1\t0-3\twar\tt\tdenies\tx\t1-1\t_\t\n";
        assert_eq!(one(with(relation, rows)).unwrap().marks.len(), 1);
    }

    #[test]
    fn rows_of_parts_of_tokens_are_places() {
        let rows = "#Text=post-war 🚩\n1-1\t0-8\tpost-war\t_\t_\t_\t_\t_\t\n\
                    1-1.1\t5-8\twar\tt[1]\tdenies[1]\t*[1]\t*[1]\t*[1]\t\n\
                    1-2\t9-11\t🚩\tt[1]\tdenies[1]\t*[1]\t*[1]\t*[1]\t\n";
        let text = "post-war\r\n🚩\r\n";
        let draft = one(with(THESIS, rows)).unwrap();
        assert_eq!(draft.marks[0].place.quote.as_deref(), Some("war 🚩"));
        let label = draft.place(text).unwrap().label;
        assert_eq!(label.marks[0].span.of(text), "war\r\n🚩");
    }

    #[test]
    fn escapes_come_back() {
        let value = "a_b|c[1]*; -> \\x - > \t\n]";
        let cell = format!("{}[7]|*[8]|\\*|x\\\\|[9]", escaped(value));
        assert!(cell.starts_with("a\\_b\\|c\\[1\\]\\*\\; \\-> \\\\x - > \\t\\n\\][7]"));
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(
            stacked(&cell),
            [
                (value("a_b|c[1]*; -> \\x - > \t\n]"), Some(7)),
                (None, Some(8)),
                (value("*"), None),
                (value("x\\"), None),
                (value(""), Some(9)),
            ]
        );
        let text = "a\tb\\c\u{c}\u{8}\u{1}\r_|[";
        assert_eq!(escaped_text(text), "a\\tb\\\\c\\f\\b\\\u{1}\\r_|[");
        assert_eq!(unescaped(&escaped_text(text)), text);
    }

    #[test]
    fn the_grammar_is_that_of_the_documentation() {
        let text = "One\r\n🚩 two.\r\n\r\nThree_.\n";
        let mut draft = Draft::new("a.md", Unit::CodePoints);
        draft.marks.push(DraftMark {
            place: Place {
                start: 5,
                end: 10,
                quote: None,
            },
            thesis: "t".to_owned(),
            stance: crate::layers::SentenceStance::Denies,
            voice: Voice::Author,
            source: "x_y".to_owned(),
        });
        let label = draft.place(text).unwrap().label;
        assert_eq!(label.marks[0].span.of(text), "🚩 two");
        let written = table(&label, text);
        let json = r#"{"doc":"a.md","primary":\[\],"sentence":"","summary":{}}"#;
        let expected = format!(
            "#FORMAT=WebAnno TSV 3.3\n\
             #T_SP=webanno.custom.Thesis|thesis|stance|voice|source|contested\n\
             #T_SP=webanno.custom.Essay|part|rest\n\n\n\
             #Text=One\\r\n#Text=🚩 two.\n\
             1-1\t0-3\tOne\t_\t_\t_\t_\t_\tbody[2]|*[3]\t*[2]|{json}[3]\t\n\
             1-2\t5-7\t🚩\tt[1]\tdenies[1]\tauthor[1]\tx\\_y[1]\t*[1]\tbody[2]\t*[2]\t\n\
             1-3\t8-11\ttwo\tt[1]\tdenies[1]\tauthor[1]\tx\\_y[1]\t*[1]\tbody[2]\t*[2]\t\n\
             1-4\t11-12\t.\t_\t_\t_\t_\t_\tbody[2]\t*[2]\t\n\n\
             #Text=Three_.\n\
             2-1\t16-23\tThree_.\t_\t_\t_\t_\t_\tbody[2]\t*[2]\t\n"
        );
        assert_eq!(written, expected);
    }

    #[test]
    fn errors_name_the_file_the_line_and_what_to_do() {
        let rows = |cells: &str| format!("#Text=war\n1-1\t0-3\twar\t{cells}\t\n");
        for (table, expected) in [
            (
                "a\tb\n".to_owned(),
                "in/doc.tsv: line 1: not WebAnno TSV 3; export it from INCEpTION as \
                 \"WebAnno TSV v3.3\"",
            ),
            (
                with(THESIS, "#Text=war\n1-1\t0-3\twar\tt\tden"),
                "in/doc.tsv: line 6: 5 columns where the header names 8; the file is cut off or \
                 damaged, so export it again",
            ),
            (
                with(THESIS, "#Text=war came\n1-1\t0-3\twar\t_\t_\t_\t_\t_\t\n"),
                "in/doc.tsv: line 7: the rows end before their #Text does; the file is cut off, \
                 so export it again",
            ),
            (
                with(THESIS, "#Text=war\n"),
                "in/doc.tsv: line 6: the rows end before their #Text does; the file is cut off, \
                 so export it again",
            ),
            (
                with(THESIS, &rows("t\t*\t*\t*\t*")),
                "in/doc.tsv: line 6: the mark has no stance: set asserts, denies or reports",
            ),
            (
                with(THESIS, &rows("*\tdenies\t*\t*\t*")),
                "in/doc.tsv: line 6: the mark has no thesis: set the id of a thesis",
            ),
            (
                with(THESIS, &rows("t\tno\t*\t*\t*")),
                "in/doc.tsv: line 6: \"no\" is no stance; write asserts, denies or reports",
            ),
            (
                with(THESIS, "#Text=war\n1-1\t3-0\twar\t_\t_\t_\t_\t_\t\n"),
                "in/doc.tsv: line 6: \"3-0\" is no place in the text; write START-END",
            ),
            (
                with("my.Essay|part|rest", &rows("boddy\t*")),
                "in/doc.tsv: line 6: part is \"boddy\"; set body or skip",
            ),
            (
                with("my.Essay|part|rest", &rows("body[1]|body[2]\t*[1]|*[2]")),
                "in/doc.tsv: line 6: a second body; keep one",
            ),
            (
                with(
                    "my.Essay|part|rest\n#T_SP=my.Thesis|thesis",
                    &rows("body[1]\t*[1]\tt[1]"),
                ),
                "in/doc.tsv: line 7: [1] is an annotation of another layer in line 7; number each \
                 once",
            ),
        ] {
            assert_eq!(error(table), expected);
        }
        let damaged = error(with("my.Essay|part|rest", &rows("*\t{\"doc")));
        assert!(damaged.contains("line 6: rest is damaged"), "{damaged}");
        let latin = error(b"#FORMAT=WebAnno TSV 3.3\n#Text=Caf\xe9\n".as_slice());
        assert!(latin.contains("line 2: not UTF-8"), "{latin}");
    }

    #[test]
    fn a_mark_past_the_end_is_found_by_its_words_or_named() {
        let rows = "#Text=war\n1-1\t90-93\twar\tt\tdenies\t*\t*\t*\t\n";
        let draft = one(with(THESIS, rows)).unwrap();
        assert_eq!(draft.clone().place("A war.").unwrap().moved.len(), 1);
        let error = draft.place("Peace.").unwrap_err().to_string();
        assert!(error.contains("stand nowhere"), "{error}");
    }
}
