use super::*;
use proptest::prelude::*;

/// The sentences of `text`, split as one paragraph or several.
fn plain(text: &str) -> Vec<&str> {
    split_plain(text).into_iter().map(|s| s.of(text)).collect()
}

/// Checks that `text`, its sentences joined by `|`, divides there and nowhere else.
#[track_caller]
fn divides(text: &str) {
    let want: Vec<&str> = text.split('|').map(str::trim).collect();
    let joined = text.replace('|', "");
    assert_eq!(plain(&joined), want);
}

/// Splits with every `{...}` in `text` taken as markup (braces left out).
fn with_markup(text: &str) -> Vec<String> {
    let (mut bare, mut markup, mut open) = (String::new(), Vec::new(), 0);
    for c in text.chars() {
        match c {
            '{' => open = bare.len(),
            '}' => markup.push(Span::new(open, bare.len())),
            c => bare.push(c),
        }
    }
    let block = Span::new(0, bare.len());
    split(&bare, block, &markup)
        .into_iter()
        .map(|s| s.of(&bare).to_owned())
        .collect()
}

#[test]
fn marks() {
    divides("The strike spread. |Would it hold? |It did! |Nobody had expected that");
    divides("What?! |They did it?? |Yes!!! |And then... |Nothing.");
}

#[test]
fn hard_wrapped_lines() {
    divides("The soviets were\nemptied one by\r\none. |The unions\nfollowed.");
}

#[test]
fn blank_lines_divide_plain_text() {
    assert_eq!(
        plain("A heading\n\nThe first\nline\n \t\nThe end"),
        ["A heading", "The first\nline", "The end"]
    );
    assert_eq!(plain("One\r\n\r\nTwo"), ["One", "Two"]);
    assert!(plain(" \n\n\t").is_empty());
}

#[test]
fn titles_and_initials() {
    divides("Gen. Denikin met Dr. K. L. Weber and Mrs. Hale at St. Olaf. |They quarrelled.");
    divides("See R. W. Davies, The Great Turn, p. 165; pp. 367ff., and vol. 2. |It is all there.");
    divides("It was decided by you and I. |Did George I. Hill know?");
    divides("The crown went to Charles V. |This surprised nobody.");
}

#[test]
fn scholarly_abbreviations() {
    divides(
        "Cf. Hill, op. cit., ch. 4 (ed. Marsh et al., c. 1920), i.e. the later version, e.g. fig. 3, no. 5.",
    );
    divides("They held mines, mills, etc. |Lenin disagreed. |About 90 per cent. of them left.");
    divides("It fell on Oct. 25 and not on Nov. 7. |The calendar changed.");
    divides("He answered no. |No. 5 was worse. |It was a form of art. |Art. 12 forbade it.");
}

#[test]
fn acronyms() {
    divides("The U.S. Government and the U.S.S.R. agreed. |He lived in the U.S. |There he died.");
    divides("The Oslo Paper Co. Ltd. failed. |He wrote to Marsh & Co. |They never answered.");
}

#[test]
fn times() {
    divides("At 5 a.m. Mrs. Hale left. |The session closed at 6 p.m. |It reopened the next day.");
}

#[test]
fn numbers_and_addresses() {
    divides(
        "It rose by 3.5 to 12.25 in 1921. |300 men left. |See https://example.org/a.b?c=d.html. |Write to a.b@example.org.",
    );
    divides("It is set out at https://example.org/a.html |The rest is lost.");
}

#[test]
fn quotations() {
    // A full stop ends a sentence inside a quotation too.
    divides("He wrote: “The party is weak. |It must be purged.” |Nobody answered.");
    divides("«La fin.» |Then came ‘the end.’ |And \"the rest.\" |Then 「終わり。」 |So it was.");
    // ... but lower case goes on.
    divides("“Why?” he asked. |“Stop!” Hale cried. |\"It is over.\" said the clerk.");
    divides("“Who rules?” Marsh asked, and left. |“Who rules?” |The question stayed.");
    divides(
        "She called it “the final act of a long play” (Hale 55). |\"A long play.\" (Hale 55). |So be it.",
    );
}

#[test]
fn brackets() {
    divides("He taught (He had been a clerk.) at the mill. |(They all knew it.) |Nobody spoke.");
    divides("\"It was over.\" |[Hale, The Mill, p. 7] |Thus it ended.");
    divides("The film Help! (1965), and Why Not? (1970) too, were shown.");
}

#[test]
fn ellipses() {
    divides("It was … well … over. |They waited... |Nobody came.... |So it ended.");
    divides("The law . . . was kept. |. . . Then it fell.");
    divides("The party [...] ruled. |The party [...] Lenin built ruled.");
}

#[test]
fn names_with_marks() {
    divides("She works at Yahoo! in the north. |Alas! the end was near.");
    divides("He wrote *Whose bread?* which nobody read.");
}

#[test]
fn lists_run_together() {
    divides("1. The first thing |2. The second thing |3. The third");
    divides("a) bread |b) land |c) peace");
    divides("• bread |• land |• peace");
    divides("So it began. |1) They came. |2) They saw.");
    divides("2.3. The mill and its owners");
    // Inside a sentence the items are its parts.
    divides("It shows two things: 1) that they came and 2) that they saw.");
}

#[test]
fn note_marks_belong_to_the_sentence_before() {
    divides(
        "It fell.[12] |It rose.¹ |It fell again.[3][4] |He was shot.12 |They wept. [5] |It ended.[^a]",
    );
    divides("The rate was 0.12 in all. |He died in 1921. |12 men mourned.");
}

#[test]
fn careless_writing() {
    divides("it was the end. |they left? |nobody knows");
    divides("That was the end.|The mill closed.");
    divides("It was great :) |Thanks to all. :( |Bye");
    divides("Best regards, |Anna Hale |01/26/2001 11:36 AM |Please call me.");
    divides("An interview with Anna Hale |Sunday, May 28, 2006 |On Friday we met her.");
    divides("They met on Sunday, May 28, 2006 Hale says, and left.");
    divides("what is it?|lens or what?|nobody knows");
}

#[test]
fn markup_is_absent() {
    assert_eq!(
        with_markup("{*}He left.{*} {**}She{**} stayed."),
        ["*He left.*", "**She** stayed."]
    );
    assert_eq!(
        with_markup("He left.{[^3]} She stayed.{ [^4]}"),
        ["He left.[^3]", "She stayed. [^4]"]
    );
    assert_eq!(
        with_markup("He left. {[^3]} She stayed."),
        ["He left. [^3]", "She stayed."]
    );
    assert_eq!(
        with_markup("{> }He left.\n{> }She stayed."),
        ["> He left.", "> She stayed."]
    );
    assert_eq!(
        with_markup("Read {[}it.{](http://a.b/c d)} She did."),
        ["Read [it.](http://a.b/c d)", "She did."]
    );
    assert_eq!(with_markup("Dr{*}.{*} Hale left."), ["Dr*.* Hale left."]);
}

#[test]
fn only_the_block_is_split() {
    let text = "Before. The one. The other. After.";
    let spans = split(
        text,
        Span::new(8, 27),
        &[Span::new(0, 7), Span::new(28, 34)],
    );
    assert_eq!(spans, [Span::new(8, 16), Span::new(17, 27)]);
}

/// Long inputs with nothing to hold on to: quadratic time would take minutes.
#[test]
fn linear_time() {
    for unit in [
        "a",
        ".",
        ". ",
        "\"",
        "“",
        "(",
        "[",
        ".)",
        "a.",
        "A. ",
        "1. ",
        ".[1]",
        "? (",
        "… ",
        "?” Smith ",
        "• ",
        " ",
        "a.B",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        let start = std::time::Instant::now();
        split_plain(&text);
        assert!(start.elapsed().as_secs() < 10, "{unit:?}");
    }
}

/// Strings made of what the rules look at, and of what may trip them.
fn text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "The",
        "end",
        "he",
        "said",
        "Mr",
        "p",
        "etc",
        "U.S",
        "a.m",
        "I",
        "1917",
        "12",
        "é",
        "e\u{301}",
        "ß",
        "中",
        "👩‍👩‍👧",
        "🎉",
        ".",
        ".",
        "!",
        "?",
        "…",
        "...",
        ". . .",
        "。",
        "！",
        ",",
        ";",
        ":",
        " ",
        " ",
        " ",
        "\n",
        "\r\n",
        "\n\n",
        "\t",
        "\u{a0}",
        "\u{2003}",
        "\u{feff}",
        "\u{200b}",
        "\"",
        "'",
        "“",
        "”",
        "‘",
        "’",
        "«",
        "»",
        "„",
        "「",
        "」",
        "(",
        ")",
        "[",
        "]",
        "[^3]",
        "[12]",
        "¹",
        "*",
        "_",
        "•",
        "1.",
        "2)",
        "a)",
        "b)",
        "-",
        "—",
        "***",
        "-----",
        ":)",
        "https://a.b/c",
        "a@b.cd",
        "01/26/2001 11:36 AM",
        "Thanks,",
        "Figure 1.2",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|p| p.concat())
}

/// A text, and disjoint spans of it on character boundaries.
fn text_and_markup() -> impl Strategy<Value = (String, Vec<Span>)> {
    (
        text(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    )
        .prop_map(|(text, cuts)| {
            let at: Vec<usize> = text
                .char_indices()
                .map(|(i, _)| i)
                .chain([text.len()])
                .collect();
            let mut ends: Vec<usize> = cuts.iter().map(|i| at[i.index(at.len())]).collect();
            ends.sort_unstable();
            let markup = ends
                .chunks_exact(2)
                .filter(|p| p[0] < p[1])
                .map(|p| Span::new(p[0], p[1]))
                .collect();
            (text, markup)
        })
}

fn check(text: &str, block: Span, sentences: &[Span]) -> Result<(), TestCaseError> {
    let mut at = block.start;
    for s in sentences {
        prop_assert!(
            at <= s.start && s.start < s.end && s.end <= block.end,
            "{sentences:?}"
        );
        prop_assert!(
            text[at..s.start].trim().is_empty(),
            "left out: {:?}",
            &text[at..s.start]
        );
        prop_assert_eq!(s.of(text).trim(), s.of(text));
        at = s.end;
    }
    prop_assert!(
        text[at..block.end].trim().is_empty(),
        "left out: {:?}",
        &text[at..block.end]
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn sentences_cover_the_block((text, markup) in text_and_markup(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let at: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let (a, b) = (at[a.index(at.len())], at[b.index(at.len())]);
        let block = Span::new(a.min(b), a.max(b));
        check(&text, block, &split(&text, block, &markup))?;
    }

    #[test]
    fn sentences_cover_plain_text(text in text()) {
        check(&text, Span::new(0, text.len()), &split_plain(&text))?;
    }

    #[test]
    fn any_string_is_split(text in any::<String>()) {
        check(&text, Span::new(0, text.len()), &split_plain(&text))?;
    }
}
