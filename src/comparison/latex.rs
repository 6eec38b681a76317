//! `table.tex` and `evidence.tex` for `\input`, and `article.tex`, which stands alone.
//!
//! The tables need the packages booktabs, tabularx and longtable. A text in another script
//! than Latin needs LuaLaTeX or XeLaTeX; all others any engine.

use std::fmt::Write;

use super::{Comparison, Row};
use crate::layers::Speaker;
use crate::markup::latex as escape;
use crate::reading::{Cell, CellStance};
use crate::study::{Column, Language, Order};
use crate::words::{one_line, shortened};

/// The table; `run` is the run's short name.
pub fn table(comparison: &Comparison, run: &str) -> Vec<u8> {
    written(|out| {
        let study = comparison.study;
        let (options, words) = (&study.table, Words::of(study.table.language));
        let columns = "l".repeat(options.columns.len() - 1);
        let theses = ">{\\raggedright\\arraybackslash}X".repeat(study.theses.len());
        writeln!(
            out,
            "% Needs \\usepackage{{array,booktabs,tabularx}}.\n\\begin{{table}}[htbp]\n\\centering\\small\n\
             \\caption{{{} ({} {})}}\n\\label{{tab:{}}}",
            escape(&study.question),
            words.run,
            escape(run),
            label(&study.name)
        )?;
        writeln!(
            out,
            "\\begin{{tabularx}}{{{}}}{{@{{}}l{columns}{theses}@{{}}}}\n\\toprule",
            options.width
        )?;
        let heads = options.columns.iter().map(|column| match column {
            Column::Essay => words.essay.to_owned(),
            Column::Author => words.author.to_owned(),
            Column::Title => words.title.to_owned(),
            Column::Year => words.year.to_owned(),
            Column::Primary => words.primary.to_owned(),
        });
        let theses = study
            .theses
            .iter()
            .map(|t| escape(t.label_in(options.language)));
        writeln!(
            out,
            "{} \\\\\n\\midrule",
            heads.chain(theses).collect::<Vec<_>>().join(" & ")
        )?;
        for row in ordered(comparison) {
            let cells = options
                .columns
                .iter()
                .map(|column| of_row(row, *column, comparison));
            let theses = row.reading.cells.iter().enumerate();
            let theses = theses.map(|(i, cell)| mark(cell, row.reading.primary == Some(i)));
            writeln!(
                out,
                "{} \\\\",
                cells.chain(theses).collect::<Vec<_>>().join(" & ")
            )?;
        }
        writeln!(
            out,
            "\\bottomrule\n\\end{{tabularx}}\n\n\\smallskip\n\\parbox{{{}}}{{\\footnotesize {}~{}; {}~{}; \
             {}~{}; {}~{}. {}}}\n\\end{{table}}",
            options.width,
            sign(CellStance::Endorses),
            words.endorses,
            sign(CellStance::Rejects),
            words.rejects,
            sign(CellStance::Reports),
            words.reports,
            sign(CellStance::Absent),
            words.absent,
            words.legend
        )
    })
}

/// The evidence for every cell.
pub fn evidence(comparison: &Comparison, run: &str) -> Vec<u8> {
    written(|out| {
        let study = comparison.study;
        let words = Words::of(study.table.language);
        writeln!(
            out,
            "% Needs \\usepackage{{array,booktabs,longtable}}.\n{{\\small\n\
             \\begin{{longtable}}{{@{{}}>{{\\raggedright\\arraybackslash}}p{{0.22\\linewidth}}\
             >{{\\raggedright\\arraybackslash}}p{{0.73\\linewidth}}@{{}}}}\n\
             \\caption{{{} ({} {})}}\\label{{tab:{}-evidence}}\\\\\n\\toprule\n{} & {} \\\\\n\\midrule\n\
             \\endfirsthead\n\\toprule\n{} & {} \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot",
            words.evidence,
            words.run,
            escape(run),
            label(&study.name),
            words.thesis,
            words.sentence,
            words.thesis,
            words.sentence
        )?;
        for row in ordered(comparison) {
            writeln!(
                out,
                "\\multicolumn{{2}}{{@{{}}l}}{{\\textbf{{{}}}}} \\\\*",
                escape(&shortened(&row.heading(), 80))
            )?;
            for (thesis, cell) in study.theses.iter().zip(&row.reading.cells) {
                for (i, e) in cell.evidence.iter().enumerate() {
                    let head = match i {
                        0 => format!(
                            "{} {}",
                            sign(cell.stance),
                            escape(thesis.label_in(study.table.language))
                        ),
                        _ => String::new(),
                    };
                    let source = match (e.voice, &e.source) {
                        (Speaker::Author, _) => String::new(),
                        (Speaker::Cited, Some(source)) => {
                            format!(", {} {}", words.citing, escape(source))
                        }
                        (Speaker::Cited, None) => format!(", {}", words.cited),
                    };
                    writeln!(
                        out,
                        "{head} & {} ({}{source}; {}--{}) \\\\",
                        escape(&one_line(&e.quote)),
                        words.sentence_stance(e.stance),
                        e.span.start,
                        e.span.end
                    )?;
                }
            }
            writeln!(out, "\\addlinespace")?;
        }
        writeln!(out, "\\end{{longtable}}}}")
    })
}

/// A document of both.
pub fn article(comparison: &Comparison) -> Vec<u8> {
    format!(
        "\\documentclass[a4paper]{{article}}\n\\usepackage{{iftex}}\n\\ifPDFTeX\n\\usepackage[T1]{{fontenc}}\n\
         \\usepackage[utf8]{{inputenc}}\n\\usepackage{{textcomp}}\n\\else\n\\usepackage{{fontspec}}\n\\fi\n\
         \\usepackage[margin=2.5cm]{{geometry}}\n\\usepackage{{array,booktabs,tabularx,longtable}}\n\
         \\title{{{}}}\n\\date{{}}\n\\begin{{document}}\n\\input{{table}}\n\\clearpage\n\\input{{evidence}}\n\
         \\end{{document}}\n",
        escape(&comparison.study.question)
    )
    .into_bytes()
}

fn written(write: impl FnOnce(&mut String) -> std::fmt::Result) -> Vec<u8> {
    let mut out = String::new();
    write(&mut out).expect("a string takes every write");
    out.into_bytes()
}

fn ordered<'c, 'a>(comparison: &'c Comparison<'a>) -> Vec<&'c Row<'a>> {
    let mut rows: Vec<&Row> = comparison.rows.iter().collect();
    match comparison.study.table.order {
        Order::File => {}
        Order::Author => rows.sort_by_key(|row| row.essay.essay.document.author.clone()),
        Order::Year => rows.sort_by_key(|row| row.essay.essay.document.year),
    }
    rows
}

fn of_row(row: &Row, column: Column, comparison: &Comparison) -> String {
    let document = &row.essay.essay.document;
    let or_id = |text: &Option<String>| escape(text.as_ref().unwrap_or(&row.essay.essay.id));
    let year = document.year.map_or(String::new(), |year| year.to_string());
    match column {
        Column::Essay => match document.year {
            Some(year) => format!("{} ({year})", or_id(&document.author)),
            None => or_id(&document.author),
        },
        Column::Author => or_id(&document.author),
        Column::Title => or_id(&document.title),
        Column::Year => year,
        Column::Primary => row.reading.primary.map_or("--".to_owned(), |i| {
            let study = comparison.study;
            escape(study.theses[i].label_in(study.table.language))
        }),
    }
}

fn mark(cell: &Cell, primary: bool) -> String {
    let sign = sign(cell.stance);
    match cell.stance {
        CellStance::Absent => sign.to_owned(),
        _ if primary => format!("{sign}~\\textbf{{{:.0}}}*", 100.0 * cell.weight),
        _ => format!("{sign}~{:.0}", 100.0 * cell.weight),
    }
}

fn sign(stance: CellStance) -> &'static str {
    match stance {
        CellStance::Endorses => "$\\bullet$",
        CellStance::Rejects => "$\\times$",
        CellStance::Reports => "$\\circ$",
        CellStance::Absent => "--",
    }
}

/// A label for `\ref`.
fn label(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// The words of the tables in a language.
struct Words {
    essay: &'static str,
    author: &'static str,
    title: &'static str,
    year: &'static str,
    primary: &'static str,
    thesis: &'static str,
    evidence: &'static str,
    sentence: &'static str,
    run: &'static str,
    endorses: &'static str,
    rejects: &'static str,
    reports: &'static str,
    absent: &'static str,
    asserts: &'static str,
    denies: &'static str,
    citing: &'static str,
    cited: &'static str,
    legend: &'static str,
}

impl Words {
    fn sentence_stance(&self, stance: crate::layers::SentenceStance) -> &'static str {
        use crate::layers::SentenceStance::{Asserts, Denies, Reports};
        match stance {
            Asserts => self.asserts,
            Denies => self.denies,
            Reports => self.reports,
        }
    }

    fn of(language: Language) -> Self {
        match language {
            Language::En => Self {
                essay: "Essay",
                author: "Author",
                title: "Title",
                year: "Year",
                primary: "Main explanation",
                thesis: "Thesis",
                evidence: "Evidence",
                sentence: "Sentence (stance; place in bytes)",
                run: "run",
                endorses: "endorses",
                rejects: "rejects",
                reports: "reports",
                absent: "absent",
                asserts: "asserts",
                denies: "denies",
                citing: "citing",
                cited: "cited",
                legend: "Numbers: the thesis's share of the essay's argument in percent. *: its main explanation.",
            },
            Language::De => Self {
                essay: "Essay",
                author: "Autor",
                title: "Titel",
                year: "Jahr",
                primary: "Haupterklärung",
                thesis: "These",
                evidence: "Belege",
                sentence: "Satz (Haltung; Stelle in Bytes)",
                run: "Lauf",
                endorses: "vertritt",
                rejects: "verwirft",
                reports: "referiert",
                absent: "fehlt",
                asserts: "behauptet",
                denies: "bestreitet",
                citing: "zitiert",
                cited: "zitiert",
                legend: "Zahlen: Anteil der These an der Argumentation in Prozent. *: Haupterklärung.",
            },
            Language::Fr => Self {
                essay: "Essai",
                author: "Auteur",
                title: "Titre",
                year: "Année",
                primary: "Explication principale",
                thesis: "Thèse",
                evidence: "Passages",
                sentence: "Phrase (position ; place en octets)",
                run: "exécution",
                endorses: "soutient",
                rejects: "rejette",
                reports: "rapporte",
                absent: "absente",
                asserts: "affirme",
                denies: "nie",
                citing: "citant",
                cited: "cité",
                legend: "Nombres : part de la thèse dans l'argument, en pour cent. * : explication principale.",
            },
            Language::Es => Self {
                essay: "Ensayo",
                author: "Autor",
                title: "Título",
                year: "Año",
                primary: "Explicación principal",
                thesis: "Tesis",
                evidence: "Pasajes",
                sentence: "Frase (postura; lugar en bytes)",
                run: "ejecución",
                endorses: "sostiene",
                rejects: "rechaza",
                reports: "refiere",
                absent: "ausente",
                asserts: "afirma",
                denies: "niega",
                citing: "cita a",
                cited: "citado",
                legend: "Números: parte de la tesis en el argumento, en por ciento. *: explicación principal.",
            },
        }
    }
}
