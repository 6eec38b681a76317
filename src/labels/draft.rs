//! Labels as a tool's file has them, and their way to their places in the essay.
//!
//! Tools count in bytes, code points or UTF-16 units, and keep a text of their own
//! that may differ from the essay's in white space. A [`Draft`] says where the tool
//! has a label and what words stand there; [`Draft::place`] finds those words in the
//! essay, at their place or where they moved to, or says that they are not there.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::{Contested, Label, LabelCell, Mark, Voice};
use crate::layers::SentenceStance;
use crate::text::Span;

/// What a tool counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    /// Unicode code points, as Python, brat and doccano count.
    CodePoints,
    /// UTF-16 code units, as JavaScript and Java count.
    Utf16,
}

impl Unit {
    /// How many of them a character is.
    pub fn of(self, c: char) -> usize {
        match self {
            Self::Bytes => c.len_utf8(),
            Self::CodePoints => 1,
            Self::Utf16 => c.len_utf16(),
        }
    }
}

/// Where a tool has a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub start: usize,
    pub end: usize,
    /// The words that stand there, where the tool keeps them.
    pub quote: Option<String>,
}

/// One essay's label as a tool's file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The essay's file name.
    pub doc: String,
    pub unit: Unit,
    /// The essay proper; the whole text where nothing is said.
    pub body: Option<Place>,
    pub skip: Vec<Place>,
    pub marks: Vec<DraftMark>,
    pub contested: Vec<DraftContested>,
    pub primary: Vec<Option<String>>,
    pub sentence: String,
    pub cells: BTreeMap<String, LabelCell>,
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DraftMark {
    pub place: Place,
    pub thesis: String,
    pub stance: SentenceStance,
    pub voice: Voice,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DraftContested {
    pub place: Place,
    pub thesis: String,
    pub stances: Vec<Option<SentenceStance>>,
}

/// A label at its place, and what had moved on the way.
#[derive(Clone, Debug)]
pub struct Placed {
    pub label: Label,
    /// A sentence for each label that was found elsewhere than its file said.
    pub moved: Vec<String>,
}

impl Draft {
    /// A label that says nothing yet.
    pub fn new(doc: &str, unit: Unit) -> Self {
        Self {
            doc: doc.to_owned(),
            unit,
            body: None,
            skip: Vec::new(),
            marks: Vec::new(),
            contested: Vec::new(),
            primary: Vec::new(),
            sentence: String::new(),
            cells: BTreeMap::new(),
            rest: Map::new(),
        }
    }

    /// Finds the label's places in the essay's text.
    ///
    /// A quote that is not where the file says is looked for in the whole text,
    /// white space aside, and taken at the occurrence nearest to its old place.
    ///
    /// # Errors
    /// When a place lies past the end or divides a character and there is no quote to
    /// find, or a quote stands nowhere in the text: all such places, a line each.
    pub fn place(self, text: &str) -> Result<Placed> {
        let doc = self.doc;
        let mut finder = Finder::new(text, self.unit, &doc);
        let whole = Span::new(0, text.len());
        let body = match &self.body {
            Some(place) => finder.find(place, "body"),
            None => whole,
        };
        let skip = (self.skip.iter().enumerate())
            .map(|(i, place)| finder.find(place, &format!("skipped part {}", i + 1)))
            .collect();
        let marks = (self.marks.into_iter().enumerate())
            .map(|(i, mark)| Mark {
                span: finder.find(&mark.place, &format!("mark {}", i + 1)),
                thesis: mark.thesis,
                stance: mark.stance,
                voice: mark.voice,
                source: mark.source,
            })
            .collect();
        let contested = (self.contested.into_iter().enumerate())
            .map(|(i, mark)| Contested {
                span: finder.find(&mark.place, &format!("contested mark {}", i + 1)),
                thesis: mark.thesis,
                stances: mark.stances,
            })
            .collect();
        let Finder {
            mut moved, lost, ..
        } = finder;
        if !moved.is_empty()
            && self
                .body
                .as_ref()
                .is_some_and(|place| place.quote.is_none())
        {
            moved.push(format!(
                "the body of {doc} has no words to find it by, and may have moved as well: look at it"
            ));
        }
        if !lost.is_empty() {
            bail!("{}", lost.join("\n"));
        }
        Ok(Placed {
            label: Label {
                doc,
                body,
                skip,
                primary: self.primary,
                sentence: self.sentence,
                cells: self.cells,
                marks,
                contested,
                rest: self.rest,
            },
            moved,
        })
    }
}

/// Finds places in one text.
struct Finder<'t> {
    text: &'t str,
    doc: &'t str,
    unit: Unit,
    /// The byte at which each unit of `unit` begins; one more for the end. `None`
    /// inside a character.
    begins: Vec<Option<usize>>,
    /// The text with every run of white space made one space, and the byte of the
    /// text at which each of its bytes stands; made when it is first needed.
    folded: Option<(String, Vec<usize>)>,
    moved: Vec<String>,
    lost: Vec<String>,
}

impl<'t> Finder<'t> {
    fn new(text: &'t str, unit: Unit, doc: &'t str) -> Self {
        Self {
            text,
            doc,
            unit,
            begins: begins(text, unit),
            folded: None,
            moved: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The span of a place; an empty one where it is lost.
    fn find(&mut self, place: &Place, what: &str) -> Span {
        let begin = |at: usize| self.begins.get(at).copied().flatten();
        let stated = match (begin(place.start), begin(place.end)) {
            (Some(start), Some(end)) if start <= end => Some(Span::new(start, end)),
            _ => None,
        };
        let doc = self.doc;
        let (start, end) = (place.start, place.end);
        match (&place.quote, stated) {
            (None, Some(span)) => return span,
            // White space that a tool folds at the same place has not moved.
            (Some(quote), Some(span)) if same_words(span.of(self.text), quote) => return span,
            (None, None) => self.lost.push(format!(
                "{what}: {start} to {end} does not lie in {doc}, which has {} {}",
                self.begins.len() - 1,
                match self.unit {
                    Unit::Bytes => "bytes",
                    Unit::CodePoints => "characters",
                    Unit::Utf16 => "UTF-16 units",
                }
            )),
            (Some(quote), _) => {
                let near = stated.map_or(self.text.len(), |span| span.start);
                match self.search(quote, near) {
                    Some(span) => {
                        if stated != Some(span) {
                            self.moved.push(format!(
                                "{what} in {doc}: {} is not at {start} to {end}; found at byte {}",
                                shown(quote),
                                span.start
                            ));
                        }
                        return span;
                    }
                    None => self.lost.push(format!(
                        "{what}: {start} to {end} is not {}, and these words stand nowhere in {doc}",
                        shown(quote)
                    )),
                }
            }
        }
        Span::new(0, 0)
    }

    /// The occurrence of `quote` nearest to the byte `near`, white space aside.
    fn search(&mut self, quote: &str, near: usize) -> Option<Span> {
        let (folded, places) = self.folded.get_or_insert_with(|| fold(self.text));
        let (wanted, _) = fold(quote.trim());
        if wanted.is_empty() {
            return None;
        }
        let spans = folded.match_indices(&wanted).map(|(at, _)| {
            let last = at + wanted.len() - 1;
            Span::new(places[at], places[last] + 1)
        });
        spans.min_by_key(|span| span.start.abs_diff(near))
    }
}

/// The byte at which every unit of a text begins, and the text's length.
fn begins(text: &str, unit: Unit) -> Vec<Option<usize>> {
    let mut begins = Vec::new();
    for (at, c) in text.char_indices() {
        begins.push(Some(at));
        begins.resize(begins.len() + unit.of(c) - 1, None);
    }
    begins.push(Some(text.len()));
    begins
}

/// Every run of white space as one space, and where each byte came from. The bytes of
/// a character come one by one, so that the last one's place plus one is its end.
fn fold(text: &str) -> (String, Vec<usize>) {
    let (mut folded, mut places) = (String::new(), Vec::new());
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() {
            folded.push(c);
            places.extend(at..at + c.len_utf8());
        } else if !folded.ends_with(' ') {
            folded.push(' ');
            places.push(at);
        }
    }
    (folded, places)
}

/// Whether the two are the same but for how white space is written.
fn same_words(one: &str, other: &str) -> bool {
    one == other || fold(one.trim()).0 == fold(other.trim()).0
}

/// The beginning of a quote, for a message.
fn shown(quote: &str) -> String {
    let short: String = quote.chars().take(40).collect();
    let more = if quote.chars().nth(40).is_some() {
        "…"
    } else {
        ""
    };
    format!("“{short}{more}”").replace(['\n', '\r'], " ")
}

/// Counts a span of bytes in another unit, for writing.
pub struct Counter<'t> {
    text: &'t str,
    unit: Unit,
}

impl<'t> Counter<'t> {
    pub fn new(text: &'t str, unit: Unit) -> Self {
        Self { text, unit }
    }

    /// Units before the byte `at`, which begins a character.
    pub fn at(&self, at: usize) -> usize {
        let before = &self.text[..at];
        match self.unit {
            Unit::Bytes => at,
            Unit::CodePoints => before.chars().count(),
            Unit::Utf16 => before.encode_utf16().count(),
        }
    }

    pub fn span(&self, span: Span) -> (usize, usize) {
        (self.at(span.start), self.at(span.end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "“É!” 🚩 Ruin\r\ncame. Ruin came again.";

    fn find(unit: Unit, start: usize, end: usize, quote: Option<&str>) -> Result<(Span, usize)> {
        let mut draft = Draft::new("a.txt", unit);
        draft.body = Some(Place {
            start,
            end,
            quote: quote.map(str::to_owned),
        });
        let placed = draft.place(TEXT)?;
        Ok((placed.label.body, placed.moved.len()))
    }

    #[test]
    fn every_unit_comes_to_the_same_bytes() {
        for (unit, start, end) in [
            (Unit::Bytes, 15, 27),
            (Unit::CodePoints, 7, 18),
            (Unit::Utf16, 8, 19),
        ] {
            let start_byte = TEXT.find("Ruin").unwrap();
            let (span, moved) = find(unit, start, start + (end - start), None).unwrap();
            assert_eq!(span.start, start_byte, "{unit:?}");
            assert_eq!(moved, 0);
        }
        assert!(find(Unit::Utf16, 5, 7, None).is_ok());
        assert!(find(Unit::Utf16, 6, 8, None).is_err(), "inside a pair");
    }

    #[test]
    fn a_quote_that_moved_is_found_at_its_nearest_place() {
        let (span, moved) = find(Unit::CodePoints, 0, 10, Some("Ruin came")).unwrap();
        assert_eq!((span.of(TEXT), moved), ("Ruin\r\ncame", 1));
        let (span, _) = find(Unit::CodePoints, 21, 30, Some("Ruin came")).unwrap();
        assert_eq!(span.of(TEXT), "Ruin came");
    }

    #[test]
    fn folded_white_space_at_the_same_place_has_not_moved() {
        let (span, moved) = find(Unit::CodePoints, 7, 18, Some("Ruin came.")).unwrap();
        assert_eq!((span.of(TEXT), moved), ("Ruin\r\ncame.", 0));
    }

    #[test]
    fn words_that_overlap_themselves_stay_at_their_place() {
        let mut draft = Draft::new("a.txt", Unit::CodePoints);
        draft.body = Some(Place {
            start: 2,
            end: 5,
            quote: Some("a a".to_owned()),
        });
        let placed = draft.place("a a\na").unwrap();
        assert_eq!(placed.label.body, Span::new(2, 5));
        assert!(placed.moved.is_empty());
    }

    #[test]
    fn what_stands_nowhere_is_named() {
        let error = find(Unit::CodePoints, 7, 18, Some("War came.")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body: 7 to 18 is not “War came.”, and these words stand nowhere in a.txt"
        );
        let error = find(Unit::CodePoints, 7, 99, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body: 7 to 99 does not lie in a.txt, which has 35 characters"
        );
    }

    proptest! {
        #[test]
        fn counting_there_and_back_is_the_same(text in "[a-zé🚩“\u{301}\r\n ]{0,40}", a in 0usize..41, b in 0usize..41) {
            let marks: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
            let (a, b) = (marks[a % marks.len()], marks[b % marks.len()]);
            let span = Span::new(a.min(b), a.max(b));
            for unit in [Unit::Bytes, Unit::CodePoints, Unit::Utf16] {
                let (start, end) = Counter::new(&text, unit).span(span);
                let mut draft = Draft::new("a", unit);
                draft.body = Some(Place { start, end, quote: Some(span.of(&text).to_owned()) });
                prop_assert_eq!(draft.place(&text).unwrap().label.body, span);
            }
        }
    }
}
