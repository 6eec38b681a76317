//! `scores.tex`: tables for `\input`, with the booktabs package.

use std::fmt::Write;

use super::super::Scores;
use super::tables::{Section, sections};
use crate::markup::latex as escape;

/// The scores as LaTeX.
pub fn document(scores: &Scores) -> Vec<u8> {
    let mut out = String::from(
        "% Needs \\usepackage[T1]{fontenc}, \\usepackage{textcomp} and \\usepackage{booktabs}.\n",
    );
    for (i, section) in sections(scores).iter().enumerate() {
        write(&mut out, &scores.study, i, section).expect("a string takes every write");
    }
    out.into_bytes()
}

fn write(out: &mut String, study: &str, number: usize, section: &Section) -> std::fmt::Result {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| escape(c)).collect();
        format!("{} \\\\", cells.join(" & "))
    };
    let columns = "r".repeat(section.header.len() - 1);
    writeln!(
        out,
        "\n\\begin{{table}}[htbp]\n\\centering\\small\n\\caption{{{} ({}). {}}}\n\\label{{tab:{}-scores-{}}}",
        escape(&section.title),
        escape(study),
        escape(&section.note),
        study.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        number + 1
    )?;
    writeln!(out, "\\begin{{tabular}}{{l{columns}}}\n\\toprule")?;
    writeln!(out, "{}\n\\midrule", row(&section.header))?;
    for cells in &section.rows {
        writeln!(out, "{}", row(cells))?;
    }
    writeln!(out, "\\bottomrule\n\\end{{tabular}}\n\\end{{table}}")
}
