//! `scores.html`: one file, no network.

use std::fmt::Write;

use super::super::{Error, Scores};
use super::plots;
use super::tables::sections;
use crate::markup::html as escape;

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #767676; --shade: #f2f2f2; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #161616; --line: #8c8c8c; --shade: #262626; } }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .15rem .7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-block: 2px solid var(--line); border-bottom-width: 1px; }
tbody tr:last-child > * { border-bottom: 2px solid var(--line); }
tbody th { font-weight: normal; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; }
figure svg { background: #fff; max-width: 100%; height: auto; }
.errors li { margin-bottom: .8rem; } mark { background: none; color: inherit; font-weight: bold; text-decoration: underline; }
.why { display: block; } .around { opacity: .8; }
@media print { body { max-width: none; margin: 0; } section { break-inside: avoid; } }";

/// The scores as a page.
pub fn page(scores: &Scores) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out, scores).expect("a string takes every write");
    out.into_bytes()
}

fn write(out: &mut String, scores: &Scores) -> std::fmt::Result {
    let title = escape(&format!("{}: program and labels", scores.study));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    )?;
    writeln!(out, "<section class=\"plots\" aria-label=\"Plots\">")?;
    let mut figure = |svg: String, caption: &str| {
        let drawing = svg.find("<svg").map_or("", |at| &svg[at..]);
        let caption = escape(caption);
        let drawing = drawing.replacen(
            "<svg",
            &format!("<svg role=\"img\" aria-label=\"{caption}\""),
            1,
        );
        writeln!(
            out,
            "<figure>{drawing}<figcaption>{caption}</figcaption></figure>"
        )
    };
    figure(
        plots::reliability(scores),
        "How often cells are right, by the program's confidence",
    )?;
    figure(
        plots::coverage(scores),
        "How many cells are right if only the surest are taken",
    )?;
    for (name, caption) in [
        ("cells", "Cells: labels down, program across"),
        ("primary", "Main explanation: labels down, program across"),
        (
            "evidence",
            "Evidence sentences: labels down, program across",
        ),
    ] {
        // Labels that name no main thesis leave nothing to draw.
        if !scores.confusion[name].values.is_empty() {
            figure(plots::confusion(&scores.confusion[name]), caption)?;
        }
    }
    writeln!(out, "</section>")?;
    for section in sections(scores) {
        writeln!(
            out,
            "<section>\n<h2>{}</h2>\n<p>{}</p>\n<table>\n<thead><tr>",
            escape(&section.title),
            escape(&section.note)
        )?;
        for cell in &section.header {
            write!(out, "<th scope=\"col\">{}</th>", escape(cell))?;
        }
        writeln!(out, "</tr></thead>\n<tbody>")?;
        for row in &section.rows {
            write!(out, "<tr>")?;
            for (i, cell) in row.iter().enumerate() {
                let cell = escape(cell);
                match i {
                    0 => write!(out, "<th scope=\"row\">{cell}</th>")?,
                    _ => write!(out, "<td>{cell}</td>")?,
                }
            }
            writeln!(out, "</tr>")?;
        }
        writeln!(out, "</tbody>\n</table>\n</section>")?;
    }
    writeln!(
        out,
        "<section>\n<h2>Where they differ</h2>\n<p>{} evidence spans off the body, {} quotes not at \
         their place. What would gain most comes first; of what would gain the same, what the \
         program was surest of.</p>\n<ol class=\"errors\">",
        scores.off_body_evidence, scores.bad_quotes
    )?;
    for error in &scores.errors {
        item(out, error)?;
    }
    writeln!(out, "</ol>\n</section>\n</main>\n</body>\n</html>")
}

fn item(out: &mut String, error: &Error) -> std::fmt::Result {
    writeln!(
        out,
        "<li><strong>{}, {}</strong> ({}): labels <em>{}</em>, program <em>{}</em> \
         <span class=\"why\">{}; worth {:.4}.</span>",
        escape(&error.essay),
        escape(&error.thesis),
        error.kind.name(),
        escape(&error.labels),
        escape(&error.program),
        escape(&error.why),
        error.gain
    )?;
    if let Some(s) = &error.sentence {
        writeln!(
            out,
            "<span class=\"around\">{}</span><mark>{}</mark><span class=\"around\">{}</span> \
             <small>bytes {} to {}</small>",
            escape(&s.before),
            escape(&s.quote),
            escape(&s.after),
            s.start,
            s.end
        )?;
    }
    writeln!(out, "</li>")
}
