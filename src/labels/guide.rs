//! The labelling guide's own JSON: one file per essay, `start` and `end` in
//! Unicode code points.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use super::{Label, LabelCell, Mark};
use crate::layers::SentenceStance;
use crate::reading::CellStance;
use crate::text::Span;

/// One value, or several between which readers may differ.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "not one of the values that the guide names, nor a list of them"
)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn is_empty(&self) -> bool {
        matches!(self, Self::More(values) if values.is_empty())
    }

    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::More(values) => values,
        }
    }
}

/// A label file as it is written.
#[derive(Deserialize)]
pub struct Raw {
    pub doc: String,
    body: (usize, usize),
    #[serde(default)]
    skip: Vec<(usize, usize)>,
    primary: OneOrMore<String>,
    summary: BTreeMap<String, RawCell>,
    #[serde(default)]
    marks: Vec<RawMark>,
    #[serde(default)]
    contested: Vec<RawMark>,
}

#[derive(Deserialize)]
struct RawCell {
    stance: OneOrMore<CellStance>,
    weight: OneOrMore<u8>,
}

#[derive(Deserialize)]
struct RawMark {
    start: usize,
    end: usize,
    #[serde(default)]
    quote: Option<String>,
    thesis: String,
    #[serde(default)]
    stance: Option<OneOrMore<SentenceStance>>,
}

/// Reads the JSON of a label file.
pub fn parse(source: &[u8]) -> Result<Raw> {
    serde_json::from_slice(source).map_err(|e| anyhow!("line {}: {e}", e.line()))
}

impl Raw {
    /// Finds the label's places in the essay's text.
    ///
    /// # Errors
    /// When a place lies past the end, or its text is not the quote.
    pub fn place(self, text: &str) -> Result<Label> {
        let bytes: Vec<usize> = text
            .char_indices()
            .map(|(i, _)| i)
            .chain([text.len()])
            .collect();
        let span = |start: usize, end: usize| -> Result<Span> {
            match (bytes.get(start), bytes.get(end)) {
                (Some(&a), Some(&b)) if a <= b => Ok(Span::new(a, b)),
                _ => bail!(
                    "{start} to {end} does not lie in {}, which has {} characters",
                    self.doc,
                    bytes.len() - 1
                ),
            }
        };
        let mark = |raw: &RawMark| -> Result<Mark> {
            let place = span(raw.start, raw.end)?;
            if let Some(quote) = &raw.quote
                && quote != place.of(text)
            {
                bail!(
                    "{} to {} is not {quote:?} in {} (labels count characters, not bytes)",
                    raw.start,
                    raw.end,
                    self.doc
                );
            }
            Ok(Mark {
                span: place,
                thesis: raw.thesis.clone(),
                stance: match &raw.stance {
                    Some(OneOrMore::One(stance)) => Some(*stance),
                    _ => None,
                },
            })
        };
        let marks = |field: &str, raw: &[RawMark]| -> Result<Vec<Mark>> {
            let numbered = raw.iter().enumerate();
            numbered
                .map(|(i, raw)| mark(raw).with_context(|| format!("{field} {}", i + 1)))
                .collect()
        };
        for (thesis, cell) in &self.summary {
            if cell.stance.is_empty() || cell.weight.is_empty() {
                bail!("summary, {thesis}: an empty list; give a stance and a weight");
            }
        }
        Ok(Label {
            body: span(self.body.0, self.body.1).context("body")?,
            skip: self
                .skip
                .iter()
                .map(|&(a, b)| span(a, b).context("skip"))
                .collect::<Result<_>>()?,
            marks: marks("mark", &self.marks)?,
            contested: marks("contested mark", &self.contested)?,
            primary: self
                .primary
                .clone()
                .into_vec()
                .into_iter()
                .map(|id| (id != "none").then_some(id))
                .collect(),
            cells: self
                .summary
                .iter()
                .map(|(thesis, cell)| {
                    let cell = LabelCell {
                        stances: cell.stance.clone().into_vec(),
                        weights: cell.weight.clone().into_vec(),
                    };
                    (thesis.clone(), cell)
                })
                .collect(),
            doc: self.doc,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "“É!” Ruin came.";

    fn raw(body: &str, mark: &str) -> Raw {
        let source = format!(
            r#"{{"doc": "a.txt", "body": {body}, "primary": "none",
                "summary": {{"t": {{"stance": ["absent", "reports"], "weight": 0}}}},
                "marks": [{mark}]}}"#
        );
        parse(source.as_bytes()).unwrap()
    }

    #[test]
    fn code_points_become_bytes() {
        let mark =
            r#"{"start": 5, "end": 15, "quote": "Ruin came.", "thesis": "t", "stance": "asserts"}"#;
        let label = raw("[0, 15]", mark).place(TEXT).unwrap();
        assert_eq!(label.marks[0].span.of(TEXT), "Ruin came.");
        assert_eq!(label.body.of(TEXT), TEXT);
        assert_eq!(label.primary, [None]);
        assert_eq!(label.cells["t"].stances.len(), 2);
    }

    #[test]
    fn a_quote_that_is_elsewhere_is_an_error() {
        let mark = r#"{"start": 4, "end": 14, "quote": "Ruin came.", "thesis": "t"}"#;
        let error = format!("{:#}", raw("[0, 15]", mark).place(TEXT).unwrap_err());
        assert_eq!(
            error,
            "mark 1: 4 to 14 is not \"Ruin came.\" in a.txt (labels count characters, not bytes)"
        );
    }

    #[test]
    fn an_empty_list_of_stances_is_an_error() {
        let source = r#"{"doc": "a.txt", "body": [0, 15], "primary": "none",
            "summary": {"t": {"stance": [], "weight": 0}}}"#;
        let error = parse(source.as_bytes()).unwrap().place(TEXT).unwrap_err();
        assert!(
            error.to_string().contains("summary, t: an empty list"),
            "{error}"
        );
    }

    #[test]
    fn a_place_past_the_end_is_an_error() {
        let error = format!("{:#}", raw("[0, 99]", "").place(TEXT).unwrap_err());
        assert_eq!(
            error,
            "body: 0 to 99 does not lie in a.txt, which has 15 characters"
        );
    }
}
