//! A comparison for the writers' tests, of text that a careless writer spoils.

use crate::layers::{Annotated, SentenceStance, Speaker, Stance};
use crate::study::Study;
use crate::text::{Document, Essay, Span};

/// Looks like a formula to a spreadsheet, and holds what CSV quotes.
pub const FORMULA: &str = "=HYPERLINK(\"http://example.org\", \"a, b\")";
/// More than a spreadsheet's cell holds.
pub const LONG: usize = 40_000;

/// Two essays and two theses: the first essay holds the first thesis on three
/// sentences; the second says nothing, and neither names its author.
pub fn hostile() -> (Study, Vec<Annotated>) {
    let study = toml::from_str(
        r#"
        name = "hostile"
        question = "@What came of it?"
        passes = ["sentences", "stances"]
        [[thesis]]
        id = "first"
        label = "+First"
        definition = "=1+1 & <so> on."
        [[thesis]]
        id = "second"
        label = "Second"
        definition = "Another."
        "#,
    );
    let long = "é".repeat(LONG);
    let text = format!("-2+3 cmd|' /C calc'!A0\r\nso.\n{FORMULA}\n{long}\n");
    let mut essay = essay("=a", &text);
    essay.essay.document.title = Some(FORMULA.to_owned());
    essay.essay.document.year = Some(1924);
    let mut start = 0;
    for (sentence, source) in [
        ("-2+3 cmd|' /C calc'!A0\r\nso.", Some("@Martov")),
        (FORMULA, None),
        (&long, None),
    ] {
        start += text[start..].find(sentence).expect("it is in the text");
        let span = Span::new(start, start + sentence.len());
        essay.stances.push(stance(span, source));
        start = span.end;
    }
    (
        study.expect("the study is whole"),
        vec![essay, self::essay("b", "Nothing.")],
    )
}

fn essay(id: &str, text: &str) -> Annotated {
    Annotated::new(Essay {
        id: id.to_owned(),
        file: format!("{id}.txt"),
        sha256: String::new(),
        document: Document {
            text: text.to_owned(),
            verbatim: true,
            ..Document::default()
        },
    })
}

fn stance(span: Span, source: Option<&str>) -> Stance {
    Stance {
        span,
        thesis_index: 0,
        thesis: "first".to_owned(),
        stance: SentenceStance::Asserts,
        voice: match source {
            Some(_) => Speaker::Cited,
            None => Speaker::Author,
        },
        source: source.map(str::to_owned),
        score: 0.75,
        probabilities: [0.75, 0.125, 0.0625],
    }
}
