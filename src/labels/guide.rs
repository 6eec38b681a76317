//! The labelling guide's own JSON: one file per essay, `start` and `end` in
//! Unicode code points.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::draft::{Counter, Draft, DraftContested, DraftMark, Place, Unit};
use super::{Label, LabelCell, Voice};
use crate::layers::SentenceStance;
use crate::reading::CellStance;

/// One value, or several between which readers may differ.
#[derive(Clone, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "not one of the values that the guide names, nor a list of them"
)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::More(values) => values,
        }
    }
}

impl<T: Clone> OneOrMore<T> {
    fn of(values: &[T]) -> Self {
        match values {
            [one] => Self::One(one.clone()),
            more => Self::More(more.to_vec()),
        }
    }
}

/// A label file as it is written.
#[derive(Deserialize, Serialize)]
struct File {
    doc: String,
    body: (usize, usize),
    #[serde(default)]
    skip: Vec<(usize, usize)>,
    primary: OneOrMore<String>,
    #[serde(default)]
    sentence: String,
    summary: BTreeMap<String, Cell>,
    #[serde(default)]
    marks: Vec<Mark>,
    #[serde(default)]
    contested: Vec<Contested>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct Cell {
    stance: OneOrMore<CellStance>,
    weight: OneOrMore<u8>,
}

#[derive(Deserialize, Serialize)]
struct Mark {
    start: usize,
    end: usize,
    #[serde(default)]
    quote: Option<String>,
    thesis: String,
    stance: SentenceStance,
    #[serde(default = "author")]
    voice: Voice,
    #[serde(default)]
    source: String,
}

#[derive(Deserialize, Serialize)]
struct Contested {
    start: usize,
    end: usize,
    #[serde(default)]
    quote: Option<String>,
    thesis: String,
    #[serde(default)]
    stances: Vec<Option<SentenceStance>>,
}

fn author() -> Voice {
    Voice::Author
}

/// Reads the JSON of a label file.
pub fn read(source: &[u8]) -> Result<Draft> {
    let file: File =
        serde_json::from_slice(source).map_err(|e| anyhow!("line {}: {e}", e.line()))?;
    let place = |start, end, quote: Option<String>| Place { start, end, quote };
    let mut draft = Draft::new(&file.doc, Unit::CodePoints);
    draft.body = Some(place(file.body.0, file.body.1, None));
    draft.skip = file.skip.iter().map(|&(a, b)| place(a, b, None)).collect();
    draft.primary = (file.primary.into_vec().into_iter())
        .map(|id| (id != "none").then_some(id))
        .collect();
    draft.sentence = file.sentence;
    for (thesis, cell) in file.summary {
        let cell = LabelCell {
            stances: cell.stance.into_vec(),
            weights: cell.weight.into_vec(),
        };
        if cell.stances.is_empty() || cell.weights.is_empty() {
            bail!("summary, {thesis}: an empty list; give a stance and a weight");
        }
        if let Some(weight) = cell.weights.iter().find(|&&weight| weight > 3) {
            bail!("summary, {thesis}: weight {weight}; give 0 to 3");
        }
        draft.cells.insert(thesis, cell);
    }
    draft.marks = (file.marks.into_iter())
        .map(|mark| DraftMark {
            place: place(mark.start, mark.end, mark.quote),
            thesis: mark.thesis,
            stance: mark.stance,
            voice: mark.voice,
            source: mark.source,
        })
        .collect();
    draft.contested = (file.contested.into_iter())
        .map(|mark| DraftContested {
            place: place(mark.start, mark.end, mark.quote),
            thesis: mark.thesis,
            stances: mark.stances,
        })
        .collect();
    draft.rest = file.rest;
    Ok(draft)
}

/// Writes a label file; `text` is the essay's.
pub fn write(label: &Label, text: &str) -> Vec<u8> {
    let count = Counter::new(text, Unit::CodePoints);
    let quote = |span: crate::text::Span| Some(span.of(text).to_owned());
    let primary: Vec<String> = (label.primary.iter())
        .map(|id| id.clone().unwrap_or_else(|| "none".to_owned()))
        .collect();
    let file = File {
        doc: label.doc.clone(),
        body: count.span(label.body),
        skip: label.skip.iter().map(|&span| count.span(span)).collect(),
        primary: OneOrMore::of(&primary),
        sentence: label.sentence.clone(),
        summary: (label.cells.iter())
            .map(|(thesis, cell)| {
                let cell = Cell {
                    stance: OneOrMore::of(&cell.stances),
                    weight: OneOrMore::of(&cell.weights),
                };
                (thesis.clone(), cell)
            })
            .collect(),
        marks: (label.marks.iter())
            .map(|mark| {
                let (start, end) = count.span(mark.span);
                Mark {
                    start,
                    end,
                    quote: quote(mark.span),
                    thesis: mark.thesis.clone(),
                    stance: mark.stance,
                    voice: mark.voice,
                    source: mark.source.clone(),
                }
            })
            .collect(),
        contested: (label.contested.iter())
            .map(|mark| {
                let (start, end) = count.span(mark.span);
                Contested {
                    start,
                    end,
                    quote: quote(mark.span),
                    thesis: mark.thesis.clone(),
                    stances: mark.stances.clone(),
                }
            })
            .collect(),
        rest: label.rest.clone(),
    };
    let mut bytes = serde_json::to_vec_pretty(&file).expect("a label has only string keys");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "“É!” Ruin came.";

    fn source(body: &str, mark: &str) -> String {
        format!(
            r#"{{"doc": "a.txt", "body": {body}, "primary": "none",
                "summary": {{"t": {{"stance": ["absent", "reports"], "weight": 0}}}},
                "marks": [{mark}], "entities": [1]}}"#
        )
    }

    #[test]
    fn code_points_become_bytes_and_go_back() {
        let mark = r#"{"start": 5, "end": 15, "quote": "Ruin came.", "thesis": "t", "stance": "asserts", "voice": "cited", "source": "É"}"#;
        let draft = read(source("[0, 15]", mark).as_bytes()).unwrap();
        let label = draft.clone().place(TEXT).unwrap().label;
        assert_eq!(label.marks[0].span.of(TEXT), "Ruin came.");
        assert_eq!(label.body.of(TEXT), TEXT);
        assert_eq!(label.primary, [None]);
        assert_eq!(label.cells["t"].stances.len(), 2);
        assert_eq!(read(&write(&label, TEXT)).unwrap(), draft);
    }

    #[test]
    fn an_empty_list_of_stances_is_an_error() {
        let source = r#"{"doc": "a.txt", "body": [0, 15], "primary": "none",
            "summary": {"t": {"stance": [], "weight": 0}}}"#;
        let error = read(source.as_bytes()).unwrap_err();
        assert!(
            error.to_string().contains("summary, t: an empty list"),
            "{error}"
        );
    }
}
