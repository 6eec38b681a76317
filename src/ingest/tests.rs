//! What must hold for every file, whatever is in it; and whole small files.

use proptest::prelude::*;

use super::{IngestError, raw, read};
use crate::text::{Document, Reason, Role, Span};

fn is_body(role: Role) -> bool {
    !matches!(role, Role::Note | Role::Outside(_))
}

/// Panics unless blocks, markup and notes are as [`Document`] promises.
fn check(document: &Document) {
    let text = &document.text;
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    let mut at = 0;
    for block in &document.blocks {
        let Span { start, end } = block.span;
        assert!(at <= start && start < end, "disjoint, in order, not empty");
        assert!(
            text[at..start].chars().all(blank),
            "nothing uncovered: {:?}",
            &text[at..start]
        );
        let words = block.span.of(text);
        assert_eq!(words.trim_matches(blank), words, "trimmed");
        at = end;
    }
    assert!(
        text[at..].chars().all(blank),
        "nothing uncovered: {:?}",
        &text[at..]
    );
    let mut at = 0;
    let mut blocks = document
        .blocks
        .iter()
        .filter(|block| is_body(block.role))
        .peekable();
    for mark in &document.markup {
        assert!(
            at <= mark.start && mark.start < mark.end,
            "disjoint, in order, not empty"
        );
        assert!(
            text.get(mark.start..mark.end).is_some(),
            "on character boundaries"
        );
        while blocks.next_if(|block| block.span.end < mark.end).is_some() {}
        assert!(
            blocks
                .peek()
                .is_some_and(|block| block.span.contains(*mark)),
            "inside one body block"
        );
        at = mark.end;
    }
    for link in &document.notes {
        assert_eq!(document.blocks[link.note].role, Role::Note);
        assert!(
            document.markup.iter().any(|mark| mark.contains(link.mark)),
            "a footnote mark is markup"
        );
    }
}

fn open(name: &str, text: &str) -> Document {
    let document = read(name, text.as_bytes().to_vec()).expect("readable");
    check(&document);
    document
}

/// The words of the blocks that `wanted` picks.
fn words(document: &Document, wanted: impl Fn(Role) -> bool) -> Vec<&str> {
    document
        .blocks
        .iter()
        .filter(|block| wanted(block.role))
        .map(|block| block.span.of(&document.text))
        .collect()
}

fn outside(document: &Document, reason: Reason) -> Vec<&str> {
    words(document, |role| role == Role::Outside(reason))
}

/// What a reader of the body sees: without markup, white space folded.
fn surface(document: &Document) -> String {
    let mut bytes = document.text.clone().into_bytes();
    for mark in document.markup.iter().rev() {
        bytes.drain(mark.start..mark.end);
    }
    String::from_utf8(bytes)
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

const PROSE: &str = "The harbour board met every Tuesday for eleven years, and in all that time it never once agreed on anything of weight.";
const MORE: &str = "When the board was dissolved nobody in the town noticed, because the cranes had long been run by the men who greased them.";

#[test]
fn front_matter_names_the_essay() {
    let text = format!(
        "---\ntitle: \"The Cranes: a \\\"history\\\"\"\nauthors:\n- Holm, Berit\ndate: 1994-03-01\n---\n\n# The Cranes: a \"history\"\n\n{PROSE}\n\n## Later\n\n{MORE}\n"
    );
    let document = open("a.md", &text);
    assert!(document.verbatim);
    assert_eq!(document.title.as_deref(), Some("The Cranes: a \"history\""));
    assert_eq!(document.author.as_deref(), Some("Berit Holm"));
    assert_eq!(document.year, Some(1994));
    assert_eq!(words(&document, is_body), [PROSE, "## Later", MORE]);
    assert_eq!(outside(&document, Reason::Title).len(), 1);
}

#[test]
fn a_rule_at_the_top_is_no_front_matter() {
    let text = format!("---\n\n{PROSE}\n\n---\n\n{MORE}\n");
    let document = open("a.md", &text);
    assert_eq!(words(&document, is_body), [PROSE, MORE]);
    assert_eq!(outside(&document, Reason::Rule), ["---", "---"]);
}

#[test]
fn markdown_marks_are_markup() {
    let text = format!(
        "The *board* met **twice** in [June](https://example.org/a_b), \\*so <i>they</i> said.[^n]\n\n> It met\n> _once_.\n\n- ash\n- birch\n  bark\n\n{PROSE} 2 * 3 * 4 and snake_case_word.\n\n[^n]: By letter.\n"
    );
    let document = open("a.txt", &text);
    let body = words(&document, |role| role == Role::Paragraph);
    assert_eq!(body.len(), 2);
    assert_eq!(
        words(&document, |role| role == Role::Quotation),
        ["> It met\n> _once_."]
    );
    assert_eq!(
        words(&document, |role| role == Role::Item),
        ["- ash", "- birch\n  bark"]
    );
    assert_eq!(document.notes.len(), 1);
    assert_eq!(document.notes[0].mark.of(&text), "[^n]");
    assert_eq!(
        document.blocks[document.notes[0].note].span.of(&text),
        "[^n]: By letter."
    );
    let seen = surface(&document);
    assert!(
        seen.starts_with(
            "The board met twice in June, *so they said. It met once. ash birch bark The harbour"
        ),
        "{seen}"
    );
    assert!(seen.contains("2 * 3 * 4 and snake_case_word."), "{seen}");
}

#[test]
fn words_divided_at_line_ends_are_joined() {
    let text = "A revolu-\r\ntion is no well-\r\nknown thing: it is well-known only to\r\nthe pre- and post-\r\nwar clerks who lived through one.\r\n";
    let document = open("a.txt", text);
    assert_eq!(
        surface(&document),
        "A revolution is no well-known thing: it is well-known only to the pre- and postwar clerks who lived through one."
    );
    assert_eq!(document.text, text);
}

#[test]
fn plain_text_head_and_tail() {
    let text = format!(
        "THE CRANES\nA study of a harbour\n\nBy Berit Holm\nMarch 3, 1994\n\n     {PROSE}\n\nII\n\n    A quotation set in from the margin, as typists used to do it,\n    and of two lines.\n\n{MORE}\n\n* * *\n\nBerit Holm teaches history at a school for pilots.\n\nFirst published in The Mole, 1995.\n"
    );
    let document = open("a.txt", &text);
    assert_eq!(document.title.as_deref(), Some("THE CRANES"));
    assert_eq!(document.author.as_deref(), Some("Berit Holm"));
    assert_eq!(document.year, Some(1994));
    assert_eq!(
        words(&document, |role| role == Role::Paragraph),
        [PROSE, MORE]
    );
    assert_eq!(words(&document, |role| role == Role::Heading), ["II"]);
    assert_eq!(words(&document, |role| role == Role::Quotation).len(), 1);
    assert_eq!(outside(&document, Reason::AuthorBiography).len(), 1);
    assert_eq!(outside(&document, Reason::EditorNote).len(), 1);
}

#[test]
fn a_text_without_head_or_tail_is_all_body() {
    let text = format!("{PROSE}\n\n{MORE}\n\nIn 1994, it was over.\n");
    assert_eq!(words(&open("a.txt", &text), is_body).len(), 3);
}

#[test]
fn what_surrounds_an_essay_is_left_out() {
    let quote = "nobody in the town noticed, because the cranes had long been run";
    let text = format!(
        "# The Cranes\n\n## Contents\n\n1. The board\n2. The men\n\n## The board\n\n{PROSE}\n\n![A crane](crane.jpg)\n\n\
         The old crane in 1911. Credit: Harbour Museum\n\n{MORE}\n\n{quote}\n\nAlso read: Pilots and their wives\n\n\
         [Illustration:\n\n  THE NEW CRANE.\n]\n\n{{{{< figure src=\"x.jpg\" >}}}}\n\nThe men who greased them are not named in any of its minutes, and they were never asked to sign one.\n\n\
         ## Further reading\n\nHolm, Berit. *Cranes*. Pilot Press, 1990.\n\n## 2 comments\n\nNonsense, my uncle was on the board and they agreed on coal.\n"
    );
    let document = open("a.md", &text);
    assert_eq!(words(&document, |role| role == Role::Paragraph).len(), 3);
    assert_eq!(outside(&document, Reason::TableOfContents).len(), 3);
    assert_eq!(outside(&document, Reason::Caption).len(), 3);
    assert_eq!(outside(&document, Reason::PullQuote), [quote]);
    assert_eq!(outside(&document, Reason::RelatedPosts).len(), 1);
    assert_eq!(outside(&document, Reason::Bibliography).len(), 2);
    assert_eq!(outside(&document, Reason::Comments).len(), 2);
}

#[test]
fn numbered_notes_in_transcriptions() {
    let text = format!(
        "{PROSE}[12]\n\n[12] Minutes of the board, vol. ii.\n\n[13] This numbered paragraph has no mark in the text and stays.\n\n{MORE}\n"
    );
    let document = open("a.txt", &text);
    assert_eq!(
        words(&document, |role| role == Role::Note),
        ["[12] Minutes of the board, vol. ii."]
    );
    assert_eq!(words(&document, |role| role == Role::Paragraph).len(), 3);
    assert_eq!(document.notes.len(), 1);
}

#[test]
fn a_web_page() {
    let page = format!(
        r##"<!DOCTYPE html><html><head><meta charset="utf-8"><title>The Cranes | The Mole</title>
        <script type="application/ld+json">{{"@graph": [{{"headline": "The Cranes", "author": {{"name": "Berit Holm"}}, "datePublished": "1994-03-01"}}]}}</script>
        <style>p {{ color: red }}</style></head><body class="with-sidebar no-comments">
        <nav><a href="/">Home</a></nav><div class="cookie-bar">We use cookies.</div>
        <main><article class="post tag-comments"><h1>The Cranes</h1><p class="standfirst">How a board fell asleep.</p><p class="byline">By Berit Holm</p>
        <p>{PROSE}<sup><a href="#n1">1</a></sup> It&rsquo;s so.<p>{MORE}
        <figure><img src=x><figcaption>A crane.</figcaption></figure>
        <blockquote>Cranes do not vote.</blockquote><ul><li>ash<li>birch</ul>
        <aside class="pull-quote">it never once agreed</aside><h2>Later</h2><p hidden>unseen</p>
        <p>One<br>line &amp; <em>more</em>.</p><ol class="footnotes"><li id="n1">By letter. <a href="#r1">↩</a></li></ol></article></main>
        <section id="comments"><h3>1 comment</h3><p>{MORE} {MORE} {PROSE}</p></section><footer>© The Mole</footer></body></html>"##
    );
    let document = open("a.html", &page);
    assert!(!document.verbatim);
    assert_eq!(document.title.as_deref(), Some("The Cranes"));
    assert_eq!(document.author.as_deref(), Some("Berit Holm"));
    assert_eq!(document.year, Some(1994));
    assert_eq!(
        words(&document, is_body),
        [
            &format!("{PROSE}1 It’s so."),
            MORE,
            "Cranes do not vote.",
            "ash",
            "birch",
            "Later",
            "One\nline & more."
        ]
    );
    assert_eq!(
        words(&document, |role| role == Role::Note),
        ["By letter. ↩"]
    );
    assert_eq!(document.notes.len(), 1);
    assert_eq!(document.notes[0].mark.of(&document.text), "1");
    for (reason, seen) in [
        (Reason::Menu, "Home"),
        (Reason::Notice, "We use cookies."),
        (Reason::Title, "The Cranes"),
        (Reason::Standfirst, "How a board fell asleep."),
        (Reason::Byline, "By Berit Holm"),
        (Reason::Caption, "A crane."),
        (Reason::PullQuote, "it never once agreed"),
        (Reason::Comments, "1 comment"),
    ] {
        assert!(
            outside(&document, reason).contains(&seen),
            "{reason:?}: {seen}"
        );
    }
    assert!(!document.text.contains("unseen") && !document.text.contains("color"));
}

#[test]
fn an_old_page_without_structure() {
    let page = format!(
        "<HTML><BODY><FONT SIZE=2><CENTER>The Cranes</CENTER><BR>{PROSE}<BR><BR>{MORE}</FONT>"
    );
    assert_eq!(words(&open("a.htm", &page), is_body), [PROSE, MORE]);
}

#[test]
fn encodings() {
    let text = "“Né à Gävle” – so the card says, and it says no more than that.";
    let utf16 =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let (windows, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let little = utf16(u16::to_le_bytes);
    let big = [vec![0xFE, 0xFF], utf16(u16::to_be_bytes)].concat();
    for bytes in [windows.into_owned(), little, big] {
        let document = read("a.txt", bytes).unwrap();
        assert_eq!(document.text, text);
        assert!(!document.verbatim);
    }
    let with_bom = format!("\u{feff}{text}\r\n");
    let document = open("a.txt", &with_bom);
    assert_eq!(document.text, with_bom);
    assert_eq!(document.blocks[0].span.start, 3);

    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(
        "<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'><p>Né à Gävle.</p>",
    );
    assert_eq!(
        read("a.html", latin.into_owned()).unwrap().text,
        "Né à Gävle."
    );
}

#[test]
fn what_is_no_essay_is_refused() {
    let error = |name, bytes: &[u8]| read(name, bytes.to_vec()).unwrap_err();
    assert_eq!(error("a.txt", b""), IngestError::Empty);
    assert_eq!(error("a.md", b"\xEF\xBB\xBF \n"), IngestError::Empty);
    assert_eq!(error("a.html", b"<p> </p>"), IngestError::Empty);
    assert_eq!(error("a.txt", b"PK\x03\x04\0\0\0\0\0"), IngestError::Binary);
    assert_eq!(error("a.txt", b"%PDF-1.4 text"), IngestError::Binary);
    assert_eq!(
        error(
            "a.txt",
            "Gävle är här och där\u{2014}"
                .as_bytes()
                .split_last()
                .unwrap()
                .1
        ),
        IngestError::DamagedUtf8 { at: 24 }
    );
    assert_eq!(
        error("a.txt", b"\xCF\xF0\xE8\xE2\xE5\xF2, \xEC\xE8\xF0"),
        IngestError::UnknownEncoding
    );
    assert_eq!(
        error(
            "a.txt",
            b"An undefined byte: \x81 in an otherwise fair text."
        ),
        IngestError::UnknownEncoding
    );
    assert_eq!(
        error("a.docx", b"x"),
        IngestError::UnknownFormat {
            ending: String::from("docx")
        }
    );
}

#[test]
fn raw_text_is_all_body() {
    let document = raw(String::from("---\ntitle: x\n---\n\n# *One*\n\n© two\n"));
    check(&document);
    assert_eq!(document.blocks.len(), 3);
    assert!(
        document
            .blocks
            .iter()
            .all(|block| block.role == Role::Paragraph)
            && document.markup.is_empty()
    );
}

/// Depth costs no stack and repetition no quadratic time.
#[test]
fn hostile_files() {
    const N: usize = 100_000;
    for (name, text) in [
        ("a.md", format!("{}x", ">".repeat(N))),
        ("a.md", "> ".repeat(N)),
        ("a.md", format!("{0}x{0}", "*".repeat(N))),
        ("a.md", "*a _b ".repeat(N)),
        ("a.md", "[".repeat(N)),
        ("a.md", "[a](".repeat(N)),
        ("a.md", "^[".repeat(N)),
        ("a.md", "<a ".repeat(N)),
        ("a.md", "<figure>\n\n".repeat(N)),
        ("a.txt", "[Illustration\n\n".repeat(N)),
        ("a.txt", "a-\n".repeat(N)),
        ("a.txt", "word and ".repeat(N)),
        ("a.html", "<div>".repeat(N) + "x"),
        ("a.html", "<div class=related><p>x.".repeat(N)),
        ("a.html", "<article><b><p>x.</i>".repeat(N)),
    ] {
        open(name, &text);
    }
}

/// Bits of which random files are made.
const BITS: &[&str] = &[
    "The council met on Tuesday. ",
    "“Curly” quotes ’tis ",
    "e\u{301}te\u{301} ",
    "👩‍👩‍👧 ",
    "\r\n",
    "\n",
    "\n\n",
    "\r\n\r\n",
    "\u{feff}",
    "\t",
    "    ",
    "\u{a0}",
    "*",
    "**",
    "_",
    "`",
    "```\n",
    "> ",
    ">",
    "# ",
    "## Notes\n\n",
    "### ",
    "- ",
    "• Ada Bell\n\n",
    "1. ",
    "[^1]",
    "[^1]: ",
    "[13]",
    "\n[13] ",
    "^[note] ",
    "[a](b)",
    "![alt](x)",
    "[ref]: http://x\n",
    "[x][ref]",
    "---\n",
    "===\n",
    "* * *\n",
    "\\*",
    "\\",
    "&amp;",
    "<b>",
    "</b>",
    "<br>",
    "<p>",
    "<div class=\"comments\">",
    "</div>",
    "<figure>\n",
    "</figure>\n",
    "<!-- ",
    "-->",
    "{{% figure %}}\n",
    "{.class}",
    "[Illustration: ",
    "]\n",
    "---\ntitle: A\n---\n",
    "By Ada Bell\n",
    "Contents\n\n",
    "revolu-\ntion ",
    "soft\u{ad}\nhyphen ",
    "Comments\n\n",
    "Ada Bell is a writer.\n\n",
    "<script>",
    "</script>",
    "<li id=n1>",
    "<a href=\"#n1\">1</a>",
    "<blockquote>",
    "<h1>",
    "</h1>",
    "<article>",
    "</article>",
    "<pre>",
    "&nbsp;",
    "<",
    ">",
    "[",
    "]",
    "(c) ",
    "©",
];

fn anything() -> impl Strategy<Value = String> {
    let bit = prop_oneof![8 => prop::sample::select(BITS).prop_map(String::from), 1 => "\\PC{1,8}"];
    prop::collection::vec(bit, 0..40).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_covered(text in anything()) {
        for name in ["a.txt", "a.md"] {
            match read(name, text.clone().into_bytes()) {
                Ok(document) => {
                    check(&document);
                    prop_assert!(document.verbatim);
                    prop_assert_eq!(&document.text, &text);
                }
                Err(error) => prop_assert_eq!(error, IngestError::Empty),
            }
        }
        check(&raw(text));
    }

    #[test]
    fn any_page_is_covered(text in anything()) {
        match read("a.html", text.into_bytes()) {
            Ok(document) => check(&document),
            Err(error) => prop_assert_eq!(error, IngestError::Empty),
        }
    }

    #[test]
    fn no_word_of_a_page_is_lost(paragraphs in prop::collection::vec("[a-z]{1,6}( [a-z]{1,6}){0,5}", 1..8), tags in prop::collection::vec(0usize..6, 8)) {
        const TAGS: [(&str, &str); 6] =
            [("<p>", "</p>"), ("<div class=comments>", "</div>"), ("<figure>", "</figure>"), ("<li>", ""), ("<h2><a href=x>", "</a></h2>"), ("<b>", "</b><br>")];
        let page: String = paragraphs.iter().zip(tags).map(|(words, tag)| format!("{}{words}{}", TAGS[tag].0, TAGS[tag].1)).collect();
        let document = read("a.html", page.into_bytes()).unwrap();
        let seen = document.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in paragraphs {
            prop_assert!(seen.contains(&words), "{} in {}", words, seen);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in ["a.txt", "a.html"] {
            if let Ok(document) = read(name, bytes.clone()) {
                check(&document);
            }
        }
    }
}
