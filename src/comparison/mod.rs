//! The comparison: all readings side by side, and its writers.
//!
//! Each writer is one file and one pure function from the comparison to bytes.

mod annotations;
mod csv;
mod diff;
#[cfg(test)]
mod example;
mod explanation;
mod figures;
mod json;
mod latex;
mod markdown;
mod methods;
mod page;
mod parquet;
mod run;
mod terminal;
mod tidy;
mod xlsx;

use crate::layers::Annotated;
use crate::reading::{self, Cell, CellStance, Reading};
use crate::study::Study;

pub use annotations::line as annotation_line;
pub use csv::{evidence as evidence_csv, table as table_csv};
pub use diff::{Run, diff};
pub use explanation::explanation;
pub use figures::{matrix as matrix_svg, strips as strips_svg, ternary as ternary_svg};
pub use json::table as table_json;
pub use latex::{article as article_latex, evidence as evidence_latex, table as table_latex};
pub use markdown::table as table_markdown;
pub use methods::methods;
pub use page::page as table_page;
pub use parquet::{cells as cells_parquet, evidence as evidence_parquet};
pub use run::record as run_json;
pub use terminal::table as table_terminal;
pub use xlsx::workbook as table_xlsx;

/// All readings of a run.
pub struct Comparison<'a> {
    pub study: &'a Study,
    /// Sorted by the essays' files.
    pub rows: Vec<Row<'a>>,
    /// The theses, by id, that no hand labels taught the judge.
    pub by_definition: Vec<&'a str>,
}

/// One essay and its reading.
pub struct Row<'a> {
    pub essay: &'a Annotated,
    pub reading: Reading,
}

impl<'a> Comparison<'a> {
    pub fn new(study: &'a Study, essays: &'a [Annotated]) -> Self {
        let rows = essays
            .iter()
            .map(|essay| Row {
                essay,
                reading: reading::read(essay, study),
            })
            .collect();
        Self {
            study,
            rows,
            by_definition: Vec::new(),
        }
    }
}

impl Comparison<'_> {
    /// What a reader of the table must know where no hand labels taught the judge.
    pub fn caution(&self) -> Option<String> {
        (!self.by_definition.is_empty()).then(|| {
            format!(
                "Caution: no hand labels taught the judge {}. It goes by the definition alone, and \
                 is wrong far more often: read the evidence.",
                self.by_definition.join(", ")
            )
        })
    }
}

/// A cell as people read it.
fn in_words(cell: &Cell) -> String {
    match cell.stance {
        CellStance::Absent => "absent".to_owned(),
        stance => format!("{} {:.0} %", stance.name(), 100.0 * cell.weight),
    }
}

impl Row<'_> {
    /// "Author, Title (year)" as far as the essay states them, else its id.
    pub fn heading(&self) -> String {
        let essay = &self.essay.essay;
        let document = &essay.document;
        let mut heading = match (&document.author, &document.title) {
            (Some(author), Some(title)) => format!("{author}, {title}"),
            (None, Some(title)) => title.clone(),
            _ => essay.id.clone(),
        };
        if let Some(year) = document.year {
            heading += &format!(" ({year})");
        }
        heading
    }

    /// Id of the thesis that is the essay's main explanation.
    pub fn primary<'s>(&self, study: &'s Study) -> Option<&'s str> {
        self.reading
            .primary
            .map(|thesis| study.theses[thesis].id.as_str())
    }
}
