//! `table.html`: the table as a page to read, one file that needs no network.
//!
//! The table and the strongest evidence are plain HTML, for readers without a script and
//! for print; [`page.js`](page/page.js) filters, sorts, and opens cells and essays from
//! [the data](data). What essays say is escaped here and a text node there, and the page
//! allows no script but its own, by its hash.

mod data;

use std::fmt::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use super::{Comparison, Row};
use crate::layers::Speaker;
use crate::markup::html as escape;
use crate::reading::{Cell, CellStance, Evidence};

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The comparison as a page.
pub fn page(comparison: &Comparison) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, comparison).expect("a string takes every write");
    out.into_bytes()
}

fn write(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let study = comparison.study;
    let question = escape(&study.question);
    let name = escape(&study.name);
    let style = style();
    let (script_hash, style_hash) = (hash(SCRIPT), hash(&style));
    writeln!(
        out,
        r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{script_hash}'; style-src '{style_hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}: essays by theses</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<p class="study">{name}</p>
<h1>{question}</h1>
</header>
<div class="page">
<main id="main" tabindex="-1">
<section id="overview" aria-labelledby="overview-title">
<h2 id="overview-title">Where the essays stand</h2>"##
    )?;
    write_filters(out, comparison)?;
    write_legend(out, study.confidence.is_known())?;
    write_table(out, comparison)?;
    if let Some(caution) = comparison.caution() {
        writeln!(out, "<p>{}</p>", escape(&caution))?;
    }
    write_strongest(out, comparison)?;
    let data = data::json(comparison);
    writeln!(
        out,
        r#"</section>
<article id="reader" aria-labelledby="reader-title" hidden></article>
</main>
<aside id="panel" aria-labelledby="panel-title" hidden></aside>
</div>
<footer><p>Places are bytes of the essay’s file or, where it is not plain text in UTF-8, of its text in <code>texts/</code>, as in <code>table.json</code>. Nothing on this page comes from or goes to the internet.</p></footer>
<script type="application/json" id="data">{data}</script>
<script type="module">{SCRIPT}</script>
</body>
</html>"#
    )
}

/// The source expression by which a Content Security Policy allows `text`.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

fn write_filters(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let rows = &comparison.rows;
    writeln!(
        out,
        r#"<form id="filters" role="search" aria-label="Filter the essays">
<label>Author, title or file <input type="search" name="words" autocomplete="off"></label>
<label>Thesis <select name="thesis"><option value="">any</option>"#
    )?;
    for (i, thesis) in comparison.study.theses.iter().enumerate() {
        writeln!(
            out,
            r#"<option value="{i}">{}</option>"#,
            escape(&thesis.label)
        )?;
    }
    writeln!(
        out,
        r#"</select></label>
<label>Stance <select name="stance"><option value="">any</option>"#
    )?;
    for stance in CellStance::ALL {
        let name = stance.name();
        writeln!(
            out,
            r#"<option value="{name}">{} {name}</option>"#,
            sign(stance)
        )?;
    }
    writeln!(
        out,
        r#"<option value="primary">★ main explanation</option></select></label>"#
    )?;
    let years = || rows.iter().filter_map(|row| row.essay.essay.document.year);
    if let (Some(first), Some(last)) = (years().min(), years().max()) {
        for (name, label, year) in [("from", "From year", first), ("to", "To year", last)] {
            writeln!(
                out,
                r#"<label>{label} <input type="number" name="{name}" placeholder="{year}"></label>"#
            )?;
        }
    }
    let essays = match rows.len() {
        1 => "1 essay".to_owned(),
        n => format!("{n} essays"),
    };
    writeln!(
        out,
        r#"<button type="reset">Show all</button>
</form>
<p id="count" role="status">{essays}</p>"#
    )
}

fn write_legend(out: &mut String, calibrated: bool) -> std::fmt::Result {
    writeln!(out, r#"<ul class="legend" aria-label="Signs">"#)?;
    for (stance, means) in CellStance::ALL.into_iter().zip([
        "endorses the thesis",
        "rejects it",
        "reports it and takes no side",
        "absent",
    ]) {
        let (name, sign) = (stance.name(), sign(stance));
        writeln!(
            out,
            r#"<li><span class="sign {name}" aria-hidden="true">{sign}</span> {means}</li>"#
        )?;
    }
    writeln!(
        out,
        r#"<li><span class="star" aria-hidden="true">★</span> the essay’s main explanation</li>
<li>{} the thesis’s part of all that the essay says on these theses</li>"#,
        bar(0.6)
    )?;
    match calibrated {
        true => writeln!(
            out,
            "<li>{} so many of 100 such cells are right, by hand labels</li>",
            ring(0.6)
        )?,
        false => writeln!(out, "<li>how often cells are right is not known</li>")?,
    }
    writeln!(out, "</ul>")
}

fn write_table(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let study = comparison.study;
    writeln!(
        out,
        r#"<div class="scroll" role="region" aria-labelledby="overview-title" tabindex="0">
<table id="table">
<thead><tr>"#
    )?;
    for (key, label, sorted) in [
        ("author", "Author and title", "none"),
        ("year", "Year", "none"),
        ("file", "File", "ascending"),
    ] {
        writeln!(
            out,
            r#"<th scope="col" aria-sort="{sorted}" class="{key}"><button type="button" data-sort="{key}">{label}</button></th>"#
        )?;
    }
    for (i, thesis) in study.theses.iter().enumerate() {
        writeln!(
            out,
            r#"<th scope="col" aria-sort="none"><button type="button" data-sort="{i}">{}</button></th>"#,
            escape(&thesis.label)
        )?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for (i, row) in comparison.rows.iter().enumerate() {
        write_row(out, i, row, study.confidence.is_known())?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>")
}

fn write_row(out: &mut String, i: usize, row: &Row, calibrated: bool) -> std::fmt::Result {
    let essay = &row.essay.essay;
    let document = &essay.document;
    let author = document.author.as_deref().unwrap_or_default();
    let title = document.title.as_deref().unwrap_or(&essay.id);
    let year = document
        .year
        .map(|year| year.to_string())
        .unwrap_or_default();
    writeln!(
        out,
        r#"<tr><th scope="row"><span class="by">{}</span> <a data-row="{i}">{}</a></th><td class="year">{year}</td><td class="file">{}</td>"#,
        escape(author),
        escape(title),
        escape(&essay.file)
    )?;
    for (thesis, cell) in row.reading.cells.iter().enumerate() {
        let primary = row.reading.primary == Some(thesis);
        let (name, sign) = (cell.stance.name(), sign(cell.stance));
        let star = if primary {
            r#"<b class="star">★</b>"#
        } else {
            ""
        };
        let share = match cell.stance {
            CellStance::Absent => String::new(),
            _ => format!("{}<i>{}</i>", bar(cell.weight), percent(cell.weight)),
        };
        let ring = if calibrated {
            ring(cell.confidence)
        } else {
            String::new()
        };
        writeln!(
            out,
            r#"<td><button type="button" class="cell" data-row="{i}" data-thesis="{thesis}" aria-expanded="false" aria-controls="panel" aria-label="{}"><b class="sign {name}">{sign}</b><span>{name}</span>{star}<span class="share {name}">{share}</span>{ring}</button></td>"#,
            in_words(cell, primary, calibrated)
        )?;
    }
    writeln!(out, "</tr>")
}

/// The strongest evidence of every cell, for print.
fn write_strongest(out: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let study = comparison.study;
    writeln!(
        out,
        r#"<section id="strongest" aria-labelledby="strongest-title">
<h2 id="strongest-title">The strongest evidence of each cell</h2>"#
    )?;
    for row in &comparison.rows {
        writeln!(out, "<article><h3>{}</h3>\n<dl>", escape(&row.heading()))?;
        for (i, (thesis, cell)) in study.theses.iter().zip(&row.reading.cells).enumerate() {
            let primary = row.reading.primary == Some(i);
            writeln!(
                out,
                "<dt>{}: {}</dt>",
                escape(&thesis.label),
                in_words(cell, primary, study.confidence.is_known())
            )?;
            if let Some(evidence) = cell.own_first().first() {
                write_quote(out, evidence)?;
            }
        }
        writeln!(out, "</dl></article>")?;
    }
    writeln!(out, "</section>")
}

fn write_quote(out: &mut String, evidence: &Evidence) -> std::fmt::Result {
    let voice = match (evidence.voice, &evidence.source) {
        (Speaker::Author, _) => String::new(),
        (Speaker::Cited, Some(source)) => format!(", citing {}", escape(source)),
        (Speaker::Cited, None) => ", citing another".to_owned(),
    };
    writeln!(
        out,
        "<dd><q>{}</q> <small>{}{voice}; score {:.2}; bytes {} to {}</small></dd>",
        escape(&evidence.quote),
        evidence.stance.name(),
        evidence.score,
        evidence.span.start,
        evidence.span.end
    )
}

/// A stance's shape.
fn sign(stance: CellStance) -> char {
    match stance {
        CellStance::Endorses => '●',
        CellStance::Rejects => '×',
        CellStance::Reports => '○',
        CellStance::Absent => '–',
    }
}

fn in_words(cell: &Cell, primary: bool, calibrated: bool) -> String {
    let mut words = cell.stance.name().to_owned();
    if primary {
        words += ", main explanation";
    }
    if cell.stance != CellStance::Absent {
        words += &format!(", {} of the argument", percent(cell.weight));
    }
    if calibrated {
        words += &format!(", confidence {}", percent(cell.confidence));
    }
    match cell.evidence.len() {
        0 => {}
        1 => words += ", 1 sentence",
        n => words += &format!(", {n} sentences"),
    }
    words
}

/// With a space that does not break.
fn percent(share: f64) -> String {
    format!("{:.0}\u{a0}%", 100.0 * share)
}

/// The style sheet, with a class for every whole percentage: the page's policy allows no
/// style in the elements, and a drawing in each of some thousand cells is slow to open.
fn style() -> String {
    let steps = (0..=100).map(|n| format!(".n{n}{{--n:{n}}}"));
    STYLE.to_owned() + &steps.collect::<String>()
}

fn bar(share: f64) -> String {
    format!(r#"<span class="bar n{:.0}"></span>"#, 100.0 * share)
}

fn ring(share: f64) -> String {
    format!(
        r#"<span class="ring n{0:.0}" aria-hidden="true">{0:.0}</span>"#,
        100.0 * share
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_end_where_they_should() {
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
        assert!(!STYLE.contains("</"));
        // A parser makes one line break of two bytes, and the hash would be another.
        assert!(!SCRIPT.contains('\r') && !STYLE.contains('\r'));
    }
}
