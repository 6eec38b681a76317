//! The sheet "Table".

use rust_xlsxwriter::Worksheet;

use super::{Formats, LINKS, ROWS, Result, THESES, frame, link, stance_column, text};
use crate::comparison::{Comparison, Row};
use crate::study::Study;

/// A row per essay, three columns per thesis.
pub fn write(sheet: &mut Worksheet, comparison: &Comparison, formats: &Formats) -> Result<()> {
    let study = comparison.study;
    sheet.set_name("Table")?;
    let mut columns: Vec<(String, f64)> = [
        ("File", 26.0),
        ("Author", 20.0),
        ("Title", 36.0),
        ("Year", 7.0),
        ("Primary", 22.0),
    ]
    .map(|(name, width)| (name.to_owned(), width))
    .into();
    for thesis in study.theses.iter().take(THESES) {
        let label = &thesis.label;
        columns.push((format!("{label}: stance"), 14.0));
        columns.push((format!("{label}: weight"), 12.0));
        columns.push((format!("{label}: confidence"), 12.0));
    }
    frame(sheet, &columns, comparison.rows.len(), formats)?;
    sheet.set_freeze_panes(1, 1)?;
    let mut first_evidence = first_evidence(comparison).into_iter();
    let mut links = 0;
    for (row, at) in comparison.rows.iter().take(ROWS).zip(1..) {
        essay(sheet, at, row, study, formats)?;
        for (i, cell) in row.reading.cells.iter().enumerate() {
            let evidence = first_evidence.next().flatten();
            if i >= THESES {
                continue;
            }
            let primary = row.reading.primary == Some(i);
            let column = stance_column(i);
            match evidence.filter(|_| links < LINKS) {
                Some(to) => {
                    let format = match primary {
                        true => &formats.bold_link,
                        false => &formats.link,
                    };
                    let to = link("Evidence", to, 0).set_text(cell.stance.name());
                    sheet.write_url_with_format(at, column, to, format)?;
                    links += 1;
                }
                None => {
                    let format = if primary {
                        &formats.bold
                    } else {
                        &formats.plain
                    };
                    text(sheet, at, column, cell.stance.name(), format)?;
                }
            }
            sheet.write_number_with_format(at, column + 1, cell.weight, &formats.percent)?;
            sheet.write_number_with_format(at, column + 2, cell.confidence, &formats.percent)?;
        }
    }
    Ok(())
}

fn essay(
    sheet: &mut Worksheet,
    at: u32,
    row: &Row,
    study: &Study,
    formats: &Formats,
) -> Result<()> {
    let essay = &row.essay.essay;
    let document = &essay.document;
    let primary = row.reading.primary.map(|i| study.theses[i].label.as_str());
    text(sheet, at, 0, &essay.file, &formats.plain)?;
    for (column, value) in [
        (1, document.author.as_deref()),
        (2, document.title.as_deref()),
        (4, primary),
    ] {
        if let Some(value) = value {
            text(sheet, at, column, value, &formats.wrapped)?;
        }
    }
    if let Some(year) = document.year {
        sheet.write_number_with_format(at, 3, year, &formats.plain)?;
    }
    Ok(())
}

/// For every cell of the table, essay by essay, the row of its first evidence.
fn first_evidence(comparison: &Comparison) -> Vec<Option<u32>> {
    let cells = comparison.rows.iter().flat_map(|row| &row.reading.cells);
    let mut next = 1;
    cells
        .map(|cell| {
            let first = next;
            next += cell.evidence.len();
            let there = !cell.evidence.is_empty() && first <= ROWS;
            there.then_some(first as u32)
        })
        .collect()
}
