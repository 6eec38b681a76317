//! The sheet "Evidence".

use rust_xlsxwriter::Worksheet;

use super::{Formats, LINKS, ROWS, Result, fit, frame, link, stance_column, text};
use crate::comparison::Comparison;
use crate::reading::{Cell, Evidence};
use crate::study::Thesis;

/// A sentence of evidence, and where in the table its cell is.
pub struct Found<'a> {
    at: (u32, u16),
    file: &'a str,
    thesis: &'a Thesis,
    evidence: &'a Evidence,
}

pub fn all<'a>(comparison: &'a Comparison) -> impl Iterator<Item = Found<'a>> {
    comparison.rows.iter().zip(1..).flat_map(|(row, at)| {
        let cells = comparison.study.theses.iter().zip(&row.reading.cells);
        cells
            .enumerate()
            .flat_map(move |(i, (thesis, cell)): (usize, (&Thesis, &Cell))| {
                cell.evidence.iter().map(move |evidence| Found {
                    at: (at, stance_column(i)),
                    file: &row.essay.essay.file,
                    thesis,
                    evidence,
                })
            })
    })
}

/// A row per sentence, in the table's order.
pub fn write(sheet: &mut Worksheet, comparison: &Comparison, formats: &Formats) -> Result<()> {
    sheet.set_name("Evidence")?;
    let columns = [
        ("Essay", 26.0),
        ("Thesis", 22.0),
        ("Stance", 10.0),
        ("Voice", 9.0),
        ("Source", 18.0),
        ("Score", 8.0),
        ("Quote", 80.0),
        ("Start byte", 10.0),
        ("End byte", 10.0),
    ]
    .map(|(name, width)| (name.to_owned(), width));
    let rows = all(comparison).take(ROWS).count();
    frame(sheet, &columns, rows, formats)?;
    sheet.set_freeze_panes(1, 0)?;
    for (found, at) in all(comparison).take(ROWS).zip(1..) {
        let Evidence { span, .. } = found.evidence;
        let (row, column) = found.at;
        match (at as usize) <= LINKS {
            true => {
                let to = link("Table", row, column).set_text(fit(found.file));
                sheet.write_url_with_format(at, 0, to, &formats.link)?;
            }
            false => text(sheet, at, 0, found.file, &formats.plain)?,
        }
        text(sheet, at, 1, &found.thesis.label, &formats.wrapped)?;
        text(sheet, at, 2, found.evidence.stance.name(), &formats.plain)?;
        text(sheet, at, 3, found.evidence.voice.name(), &formats.plain)?;
        if let Some(source) = &found.evidence.source {
            text(sheet, at, 4, source, &formats.wrapped)?;
        }
        sheet.write_number_with_format(at, 5, found.evidence.score, &formats.plain)?;
        text(sheet, at, 6, &found.evidence.quote, &formats.wrapped)?;
        sheet.write_number_with_format(at, 7, span.start as f64, &formats.plain)?;
        sheet.write_number_with_format(at, 8, span.end as f64, &formats.plain)?;
    }
    Ok(())
}
