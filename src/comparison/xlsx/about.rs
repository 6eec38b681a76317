//! The sheet "About".

use rust_xlsxwriter::Worksheet;

use super::{Formats, ROWS, Result, evidence, program, text};
use crate::comparison::Comparison;
use crate::study::Thesis;

/// What the table is of, and how to read it.
pub fn write(sheet: &mut Worksheet, comparison: &Comparison, formats: &Formats) -> Result<()> {
    let study = comparison.study;
    let confidence = match study.confidence.is_known() {
        true => {
            "How likely it is that a careful reader would say the same, by the hand labels \
             of this study."
        }
        false => {
            "Not known: this study has no hand labels to count on, and the numbers mean nothing."
        }
    };
    let mut lines: Vec<(&str, String)> = vec![
        ("Study", study.name.clone()),
        ("Question", study.question.clone()),
        ("Program", program()),
        (
            "Stance",
            "Where the essay as a whole stands on the thesis: it endorses it, rejects it, \
             reports it (sets out another's view and leaves it open), or it is absent."
                .to_owned(),
        ),
        (
            "Weight",
            "The thesis's part of all that the essay says on these theses; those of an essay add up \
             to 100 %."
                .to_owned(),
        ),
        ("Confidence", confidence.to_owned()),
        (
            "Primary",
            "The essay's main explanation, if it has one; its stance is bold in the table."
                .to_owned(),
        ),
        (
            "Evidence",
            "Every sentence that bears on a thesis, strongest first. A stance in the table \
             links to its first sentence, and an essay's name there back to the stance."
                .to_owned(),
        ),
        (
            "Score",
            "Probability that the sentence bears on the thesis in this way, 0 to 1.".to_owned(),
        ),
        (
            "Start and end byte",
            "Where the quote lies in the essay's file, or in its text in the folder texts/."
                .to_owned(),
        ),
    ];
    let sentences = evidence::all(comparison).count();
    if sentences > ROWS {
        lines.push((
            "Left out",
            format!(
                "A sheet holds the first {ROWS} of {sentences} sentences; all are in evidence.csv."
            ),
        ));
    }
    sheet.set_name("About")?;
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 24)?;
    sheet.set_column_width(2, 90)?;
    let mut at = 0;
    for (name, value) in &lines {
        text(sheet, at, 0, name, &formats.bold)?;
        sheet.merge_range(at, 1, at, 2, "", &formats.wrapped)?;
        text(sheet, at, 1, value, &formats.wrapped)?;
        at += 1;
    }
    at += 1;
    for (column, name) in (0..).zip(["Thesis", "Id", "Definition"]) {
        text(sheet, at, column, name, &formats.head)?;
    }
    for thesis in &study.theses {
        at += 1;
        let Thesis {
            label,
            id,
            definition,
            ..
        } = thesis;
        for (column, value) in (0..).zip([label, id, definition]) {
            text(sheet, at, column, value, &formats.wrapped)?;
        }
    }
    Ok(())
}
