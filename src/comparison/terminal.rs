//! The table on the terminal.

use std::fmt::Write;

use super::{Comparison, in_words};
use crate::reading::{Cell, CellStance};
use crate::words::shortened;

const ESSAY: usize = 30;
const WORDS: usize = 16;
const MARKS: usize = 7;

/// The table as lines of at most `width` columns where the codebook allows it:
/// cells in words, or as marks when there are too many theses for words.
pub fn table(comparison: &Comparison, width: usize, colour: bool) -> String {
    let mut out = String::new();
    write(&mut out, comparison, width, colour).expect("a string takes every write");
    out
}

fn write(
    out: &mut String,
    comparison: &Comparison,
    width: usize,
    colour: bool,
) -> std::fmt::Result {
    let theses = &comparison.study.theses;
    let words = ESSAY + WORDS * theses.len() <= width;
    let column = if words { WORDS } else { MARKS };
    let heads: Vec<Vec<String>> = theses
        .iter()
        .enumerate()
        .map(|(i, thesis)| match words {
            true => wrap(&thesis.label, column - 1),
            false => vec![format!("[{}]", i + 1)],
        })
        .collect();
    for line in 0..heads.iter().map(Vec::len).max().unwrap_or(0) {
        let mut row = pad(if line == 0 { "Essay" } else { "" }, ESSAY);
        for head in &heads {
            row += &pad(head.get(line).map_or("", String::as_str), column);
        }
        writeln!(out, "{}", row.trim_end())?;
    }
    writeln!(out, "{}", "─".repeat(ESSAY + column * theses.len() - 1))?;
    for row in &comparison.rows {
        write!(out, "{}", pad(&row.essay.essay.id, ESSAY))?;
        for (i, cell) in row.reading.cells.iter().enumerate() {
            let mut text = if words {
                in_words(cell)
            } else {
                in_marks(cell)
            };
            if row.reading.primary == Some(i) {
                text.push('*');
            }
            let last = i + 1 == theses.len();
            let text = if last { text } else { pad(&text, column) };
            match (colour, ansi(cell.stance)) {
                (true, code) => write!(out, "\x1b[{code}m{text}\x1b[0m")?,
                (false, _) => write!(out, "{text}")?,
            }
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    if !words {
        for (i, thesis) in theses.iter().enumerate() {
            writeln!(out, "[{}] {}", i + 1, thesis.label)?;
        }
        writeln!(out, "+ endorses  − rejects  ~ reports  · absent")?;
    }
    writeln!(
        out,
        "Percent: the thesis's part of all that the essay says on these theses.\n\
         *: the main explanation, of those endorsed the one with most said for it,\n   \
         if that is enough."
    )?;
    if let Some(caution) = comparison.caution() {
        writeln!(out, "{}", caution.replacen(". ", ".\n", 1))?;
    }
    Ok(())
}

fn in_marks(cell: &Cell) -> String {
    let mark = match cell.stance {
        CellStance::Endorses => '+',
        CellStance::Rejects => '−',
        CellStance::Reports => '~',
        CellStance::Absent => return "·".to_owned(),
    };
    format!("{mark}{:.0}", 100.0 * cell.weight)
}

/// Green, red, yellow, faint: colour repeats what the words say.
fn ansi(stance: CellStance) -> &'static str {
    match stance {
        CellStance::Endorses => "32",
        CellStance::Rejects => "31",
        CellStance::Reports => "33",
        CellStance::Absent => "2",
    }
}

/// Cuts or fills text to a column with a space at its end.
fn pad(text: &str, column: usize) -> String {
    format!("{:<column$}", shortened(text, column - 1))
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_width() {
        assert_eq!(pad("ab", 5), "ab   ");
        assert_eq!(pad("abcdef", 5), "abc… ");
        assert_eq!(wrap("Party-state fusion", 14), ["Party-state", "fusion"]);
    }
}
