//! doccano JSON lines: `doccano.jsonl`, an essay a line. Offsets in UTF-16 units, as
//! doccano's page counts them; `konspekt.offset_unit` says which, since files that
//! scripts made count code points.
//!
//! A span has only a name, so it says all: `thesis:stance:voice`, or
//! `thesis:contested:` and the readers' stances, `body`, `skip`. What a name cannot say
//! is in `konspekt`, which doccano keeps: `doc`, `sources` (the span and its source) and
//! `rest`, what the label says of the whole essay. The project has to allow overlapping
//! spans; without, doccano drops them.
//! Documentation: backend/data_import and backend/data_export of doccano/doccano.
//!
//! Nothing is lost. The source of a mark whose place or name a person changes is.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

use super::{File, read_stance, read_stances, read_voice, rest_of, slice, stances_text, take_rest};
use crate::labels::Label;
use crate::labels::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use crate::text::Span;

pub fn write(labels: &[(&Label, &str)]) -> Vec<File> {
    let mut lines = String::new();
    for &(label, text) in labels {
        lines += &line(label, text).to_string();
        lines.push('\n');
    }
    vec![File::new("doccano.jsonl", lines)]
}

fn line(label: &Label, text: &str) -> Value {
    let count = Counter::new(text, Unit::Utf16);
    let span = |span: Span, name: String| {
        let (start, end) = count.span(span);
        json!([start, end, name])
    };
    let mut spans = vec![span(label.body, "body".to_owned())];
    let mut sources = Vec::new();
    spans.extend(label.skip.iter().map(|&skip| span(skip, "skip".to_owned())));
    for mark in &label.marks {
        let name = format!(
            "{}:{}:{}",
            mark.thesis,
            mark.stance.name(),
            mark.voice.name()
        );
        let (start, end) = count.span(mark.span);
        if !mark.source.is_empty() {
            sources.push(json!([start, end, name, mark.source]));
        }
        spans.push(span(mark.span, name));
    }
    for mark in &label.contested {
        let name = format!("{}:contested:{}", mark.thesis, stances_text(&mark.stances));
        spans.push(span(mark.span, name));
    }
    json!({
        "text": text,
        "label": spans,
        "konspekt": {
            "doc": label.doc, "offset_unit": "utf16", "sources": sources,
            "rest": rest_of(label, text),
        },
    })
}

pub fn read(files: &[File]) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    for file in files {
        if file.name.ends_with(".jsonl") || file.name.ends_with(".json") {
            read_one(file, &mut drafts).with_context(|| file.name.clone())?;
        }
    }
    Ok(drafts)
}

/// Reads JSON values one after the other, on a line each or on several.
fn read_one(file: &File, drafts: &mut Vec<Draft>) -> Result<()> {
    let text = file.text()?;
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let after = &text[values.byte_offset()..];
        let start = text.len() - after.trim_start().len();
        let line = text[..start].matches('\n').count() + 1;
        let Some(value) = values.next() else {
            return Ok(());
        };
        let value = value.map_err(|e| anyhow!("line {}: {e}", e.line()))?;
        let essays = match value {
            Value::Array(essays) => essays,
            essay => vec![essay],
        };
        for essay in essays {
            let draft = essay
                .as_object()
                .context("no JSON object; give an essay a line");
            let draft = draft
                .and_then(read_essay)
                .with_context(|| format!("line {line}"))?;
            drafts.push(draft);
        }
    }
}

/// A span of an essay.
struct Labelled {
    /// Of an export with relations.
    id: Option<Value>,
    start: usize,
    end: usize,
    name: String,
}

fn read_essay(essay: &Map<String, Value>) -> Result<Draft> {
    let field = |names: &[&str]| names.iter().find_map(|name| essay.get(*name));
    let text = field(&["text", "data"]).and_then(Value::as_str);
    let text = text.context("no text; export the texts too")?;
    let none = Map::new();
    let konspekt = match essay.get("konspekt") {
        Some(Value::Object(konspekt)) => konspekt,
        None | Some(Value::Null) => &none,
        Some(_) => bail!("konspekt is no JSON object; remove it or restore it"),
    };
    let doc = konspekt.get("doc").and_then(Value::as_str);
    let doc = doc.context("no konspekt.doc; add \"konspekt\": {\"doc\": the essay's file name}")?;
    let unit = match konspekt.get("offset_unit").and_then(Value::as_str) {
        None | Some("utf16") => Unit::Utf16,
        Some("codepoint") => Unit::CodePoints,
        Some(other) => bail!(
            "konspekt.offset_unit {other:?} cannot be read; label in a project that does not \
             count grapheme clusters, and write utf16 or codepoint"
        ),
    };
    let list = |value: Option<&Value>, what: &str| match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list.clone()),
        Some(_) => bail!("{what} is no list; export the labels as one"),
    };

    let mut spans = Vec::new();
    for value in list(field(&["label", "labels", "entities"]), "label")? {
        let span = read_span(&value);
        spans.push(
            span.with_context(|| format!("{value} is no span; write [start, end, \"name\"]"))?,
        );
    }
    let place = |start, end, name: &str| {
        let quote = slice(text, unit, start, end).with_context(|| {
            format!(
                "{name}: {start} to {end} does not lie in the text or divides a character; \
                 correct it or konspekt.offset_unit"
            )
        })?;
        Ok::<_, anyhow::Error>(Place {
            start,
            end,
            quote: Some(quote.to_owned()),
        })
    };

    // Sources by the span they are of, each for one mark.
    let mut sources: BTreeMap<(usize, usize, String), Vec<String>> = BTreeMap::new();
    for value in list(konspekt.get("sources"), "konspekt.sources")? {
        let source = value.get(3).and_then(Value::as_str);
        let Some((span, source)) = read_span(&value).zip(source) else {
            bail!(
                "konspekt.sources: {value} is not [start, end, \"name\", \"source\"]; correct it"
            );
        };
        sources
            .entry((span.start, span.end, span.name))
            .or_default()
            .insert(0, source.to_owned());
    }
    let relations = list(essay.get("relations"), "relations")?;

    let mut draft = Draft::new(doc, unit);
    for span in &spans {
        let place = place(span.start, span.end, &span.name)?;
        match span.name.as_str() {
            "skip" => draft.skip.push(place),
            "body" => {
                ensure!(draft.body.is_none(), "a second body; leave one");
                draft.body = Some(place);
            }
            // What a relation says whose source it is.
            "source" if span.id.is_some() => {}
            name => {
                let mut source = sources
                    .get_mut(&(span.start, span.end, name.to_owned()))
                    .and_then(Vec::pop)
                    .unwrap_or_default();
                let of = |relation: &&Value| {
                    span.id.is_some() && relation.get("from_id") == span.id.as_ref()
                };
                for relation in relations.iter().filter(of) {
                    let to = relation.get("to_id");
                    let named = |s: &&Labelled| s.name == "source" && s.id.as_ref() == to;
                    if let Some(named) = spans.iter().find(named) {
                        source = slice(text, unit, named.start, named.end)
                            .unwrap_or_default()
                            .to_owned();
                    }
                }
                take_name(&mut draft, name, place, source)?;
            }
        }
    }
    if let Some(rest) = konspekt.get("rest") {
        let rest = rest
            .as_object()
            .context("konspekt.rest is no JSON object")?;
        take_rest(&mut draft, rest.clone()).context("konspekt.rest")?;
    }
    Ok(draft)
}

/// `[start, end, name, …]` or an object with `start_offset`, `end_offset` and `label`.
fn read_span(value: &Value) -> Option<Labelled> {
    let (start, end, name) = match value {
        Value::Array(list) => (list.first(), list.get(1), list.get(2)),
        value => (
            value.get("start_offset"),
            value.get("end_offset"),
            value.get("label"),
        ),
    };
    let number = |value: Option<&Value>| usize::try_from(value?.as_u64()?).ok();
    Some(Labelled {
        id: value.get("id").cloned(),
        start: number(start)?,
        end: number(end)?,
        name: name?.as_str()?.to_owned(),
    })
}

/// Takes a span's name apart: from its end, since a thesis may have a colon.
fn take_name(draft: &mut Draft, name: &str, place: Place, source: String) -> Result<()> {
    let (before, last) = name.rsplit_once(':').unwrap_or(("", name));
    let (thesis, stance, voice) = match before.rsplit_once(':') {
        Some((thesis, "contested")) => {
            let stances = read_stances(last).with_context(|| format!("label {name:?}"))?;
            let thesis = thesis.to_owned();
            draft.contested.push(DraftContested {
                place,
                thesis,
                stances,
            });
            return Ok(());
        }
        Some((thesis, stance)) if read_stance(last).is_err() => (thesis, stance, last),
        _ => (before, last, "author"),
    };
    ensure!(
        !thesis.is_empty(),
        "label {name:?} says no stance; name it {name}:asserts:author (or denies, reports; cited, either)"
    );
    draft.marks.push(DraftMark {
        place,
        thesis: thesis.to_owned(),
        stance: read_stance(stance).with_context(|| format!("label {name:?}"))?,
        voice: read_voice(voice).with_context(|| format!("label {name:?}"))?,
        source,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Voice;
    use crate::labels::formats::tests::{TEXT, check_fixture, label};

    const UTF16: &str = include_str!("../../../tests/formats/doccano/doc.utf16.jsonl");
    const CODE_POINTS: &str = include_str!("../../../tests/formats/doccano/doc.codepoint.jsonl");
    const GRAPHEMES: &str = include_str!("../../../tests/formats/doccano/doc.grapheme.jsonl");
    const RELATIONS: &str =
        include_str!("../../../tests/formats/doccano/doc.relations.utf16.jsonl");

    fn drafts(json: &str) -> Result<Vec<Draft>> {
        read(&[File::new("a.jsonl", json)])
    }

    fn error(json: &str) -> String {
        format!("{:#}", drafts(json).unwrap_err())
    }

    #[test]
    fn exports_are_read_in_the_unit_they_name() {
        check_fixture(&drafts(UTF16).unwrap());
        check_fixture(&drafts(CODE_POINTS).unwrap());
        let unnamed = UTF16.replace("\"offset_unit\": \"utf16\",", "");
        check_fixture(&drafts(&unnamed).unwrap());
        assert!(error(GRAPHEMES).contains("does not count grapheme clusters"));
    }

    #[test]
    fn older_and_relation_exports_and_pretty_printed_ones_are_read() {
        let old = UTF16
            .replace("\"text\":", "\"data\":")
            .replace("\"label\":", "\"labels\":");
        check_fixture(&drafts(&old).unwrap());
        let value: Value = serde_json::from_str(UTF16).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        check_fixture(&drafts(&pretty).unwrap());
        check_fixture(&drafts(&format!("[{pretty}]")).unwrap());
        // Relations name the source; body and skip are spans of other files only.
        let draft = drafts(RELATIONS).unwrap().remove(0);
        assert_eq!(draft.marks.len(), 4);
        assert_eq!(draft.marks[0].source, "he");
        assert_eq!(draft.marks[1].source, "");
    }

    #[test]
    fn names_are_taken_apart_from_their_end() {
        let line = |name: &str| {
            json!({"text": "É", "label": [[0, 1, name]], "konspekt": {"doc": "a.txt"}}).to_string()
        };
        let mark = |name: &str| drafts(&line(name)).unwrap().remove(0).marks.remove(0);
        assert_eq!(mark("a:b:denies:cited").thesis, "a:b");
        assert_eq!(mark("a:b:denies").thesis, "a:b");
        assert_eq!(mark("a:denies").voice, Voice::Author);
        let contested = drafts(&line("a:contested:")).unwrap().remove(0).contested;
        assert!(contested[0].stances.is_empty());
        assert_eq!(
            error(&line("a")),
            "a.jsonl: line 1: label \"a\" says no stance; name it a:asserts:author (or denies, reports; cited, either)"
        );
        assert!(error(&line("a:b:cited")).contains("\"b\" is no stance"));
        assert!(error(&line("a:denies:me")).contains("\"me\" is no voice"));
    }

    #[test]
    fn sources_follow_their_marks() {
        let files = write(&[(&label(), TEXT)]);
        let mut line: Value = serde_json::from_slice(&files[0].bytes).unwrap();
        let added = json!([0, 1, "t:denies:author"]);
        line["label"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!([3, 7, "t:denies:author"]));
        let draft = drafts(&line.to_string()).unwrap().remove(0);
        assert_eq!(draft.marks[0].source, "");
        assert_eq!(draft.marks[1].source, label().marks[0].source);
        // Half a pair of UTF-16 units.
        line["label"][0] = added;
        assert!(error(&line.to_string()).contains("0 to 1 does not lie in the text or divides"));
    }

    #[test]
    fn errors_name_the_line() {
        let two = format!("{UTF16}\n{}", UTF16.replace("[33, 74,", "[33, 740,"));
        let error_text = error(&two);
        assert!(
            error_text
                .starts_with("a.jsonl: line 3: continuity:reports:cited: 33 to 740 does not lie"),
            "{error_text}"
        );
        let cut = &UTF16[..UTF16.len() - 20];
        assert!(error(&format!("{UTF16}{cut}")).starts_with("a.jsonl: line 2: "));
        assert!(error("3").contains("line 1: no JSON object"));
        assert!(error("{\"text\": \"a\"}").contains("no konspekt.doc"));
        assert!(error(&UTF16.replace("[33, 74,", "[-1, 74,")).contains("is no span"));
        let latin = read(&[File::new("a.jsonl", b"{}\n\xe9".to_vec())]).unwrap_err();
        assert_eq!(
            format!("{latin:#}"),
            "a.jsonl: line 2: not UTF-8; save it as UTF-8"
        );
    }
}
