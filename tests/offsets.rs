//! Offsets never drift: whatever an essay is written with, a span's bytes are
//! the file's bytes, and a surface leads back to them.

use konspekt::passes::sentences;
use konspekt::{ingest, text::Span};
use proptest::prelude::*;

const PIECES: [&str; 30] = [
    "Lenin ",
    "wrote ",
    "it. ",
    "“No,” ",
    "‘why?’ ",
    "she asked. ",
    "🥖 ",
    "Троцкий ",
    "e\u{301}t\u{e9} ",
    "\r\n",
    "\n",
    "\n\n",
    "\r\n\r\n",
    "> ",
    "* ",
    "**bold** ",
    "_not_ ",
    "[^1] ",
    "[^1]: A note.\n",
    "[link](https://example.org/a_b) ",
    "revolu-\ntion ",
    "S. A. Smith, ",
    "p. 165; ",
    "… ",
    "# Heading\n",
    "<b>x</b> ",
    "\\* ",
    "1. ",
    "— ",
    "\u{a0}",
];

fn essay() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..60);
    (any::<bool>(), pieces).prop_map(|(bom, pieces)| {
        let mark = if bom { "\u{feff}" } else { "" };
        format!("{mark}The party was the state. {}", pieces.concat())
    })
}

proptest! {
    #[test]
    fn a_sentence_is_the_bytes_of_its_file(text in essay()) {
        let document = ingest::read("essay.md", text.clone().into_bytes()).unwrap();
        prop_assert!(document.verbatim);
        prop_assert_eq!(&document.text, &text);
        let mut end = 0;
        for sentence in sentences::find(&document) {
            let span = sentence.span;
            prop_assert!(end <= span.start && span.start < span.end, "in order, apart, not empty");
            end = span.end;
            let quote = span.of(&text);
            prop_assert_eq!(quote.trim(), quote);
            let body = document.body_spans();
            prop_assert!(body.iter().any(|b| b.contains(span)), "{:?} lies in the body", quote);
            let surface = document.surface(span);
            for (start, c) in surface.text.char_indices() {
                let at = surface.span(start, start + c.len_utf8());
                prop_assert!(span.contains(at));
                let own = at.of(&text);
                prop_assert!(own.starts_with(c) || (c == ' ' && own.starts_with(char::is_whitespace)));
            }
        }
    }
}

#[test]
fn a_block_quotation_is_quoted_without_its_mark() {
    let text = "The bread ran out.\n\n> They were *hungry*.\n> They said so.\n\nSo it ended, and so it was told.\n";
    let document = ingest::read("essay.md", text.as_bytes().to_vec()).unwrap();
    let quotes: Vec<&str> = sentences::find(&document)
        .iter()
        .map(|s| s.span.of(text))
        .collect();
    assert_eq!(
        quotes,
        [
            "The bread ran out.",
            "They were *hungry*.",
            "They said so.",
            "So it ended, and so it was told."
        ]
    );
    let third = document.surface(Span::new(0, text.len())).text;
    assert!(third.contains("They were hungry. They said so."), "{third}");
}
