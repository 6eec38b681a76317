//! `table.json`.

use serde::{Serialize, Serializer};

use super::Comparison;
use crate::reading::Cell;

#[derive(Serialize)]
struct Table<'a> {
    study: &'a str,
    question: &'a str,
    theses: Vec<Thesis<'a>>,
    essays: Vec<Essay<'a>>,
}

#[derive(Serialize)]
struct Thesis<'a> {
    id: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct Essay<'a> {
    id: &'a str,
    file: &'a str,
    title: &'a Option<String>,
    author: &'a Option<String>,
    year: Option<i32>,
    primary: Option<&'a str>,
    theses: Cells<'a>,
}

/// Cells by thesis id, in the codebook's order.
struct Cells<'a>(Vec<(&'a str, &'a Cell)>);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// The comparison as one JSON object.
pub fn table(comparison: &Comparison) -> Vec<u8> {
    let study = comparison.study;
    let table = Table {
        study: &study.name,
        question: &study.question,
        theses: study
            .theses
            .iter()
            .map(|t| Thesis {
                id: &t.id,
                label: &t.label,
            })
            .collect(),
        essays: comparison
            .rows
            .iter()
            .map(|row| {
                let essay = &row.essay.essay;
                let ids = study.theses.iter().map(|t| t.id.as_str());
                Essay {
                    id: &essay.id,
                    file: &essay.file,
                    title: &essay.document.title,
                    author: &essay.document.author,
                    year: essay.document.year,
                    primary: row.primary(study),
                    theses: Cells(ids.zip(&row.reading.cells).collect()),
                }
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&table).expect("the table has only string keys");
    bytes.push(b'\n');
    bytes
}
