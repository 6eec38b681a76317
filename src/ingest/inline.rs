//! The marks between the words of a block: what is markup and not text.

use std::collections::{HashMap, HashSet};

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::text::Span;

use super::{Draft, Kind, Part, prose};

/// The labels of the link definitions of a text (`[label]: address`), lower case.
#[derive(Default)]
pub(super) struct Definitions(HashSet<String>);

impl Definitions {
    pub fn of<'a>(text: &str, parts: impl Iterator<Item = &'a Part>) -> Self {
        let label = |part: &Part| {
            let line = part.span.of(text).strip_prefix('[')?;
            let (label, _) = line.split_once("]:")?;
            matches!(part.kind, Kind::Outside(_)).then(|| label.to_lowercase())
        };
        Self(parts.filter_map(label).collect())
    }
}

/// Adds to `draft` the markup and footnote marks of the block `span`, whose
/// words begin at `content`.
pub(super) fn read(
    text: &str,
    span: Span,
    content: usize,
    definitions: &Definitions,
    draft: &mut Draft,
) {
    if content > span.start {
        draft
            .markup
            .push(prose::trim(text, Span::new(span.start, content)));
    }
    let words = &text[content..span.end];
    if !words.contains(['*', '_', '[', '<', '`', '\\', '>', '{', '!']) {
        return;
    }
    // A number at the start ("1917.") would be taken for a list marker.
    let digits = words.len() - words.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let start = content + digits;
    let marks = note_marks(text, Span::new(start, span.end));

    let mut markup: Vec<Span> = Vec::new();
    let mut end = start;
    for piece in text_pieces(&text[start..span.end], definitions) {
        let piece = Span::new(start + piece.start, start + piece.end);
        if piece.start > end {
            markup.push(Span::new(end, piece.start));
        }
        end = end.max(piece.end);
    }
    markup.push(Span::new(end, span.end));
    markup.extend(attributes(text, Span::new(start, span.end)));
    markup.extend(
        marks
            .iter()
            .filter(|mark| !prose::is_note_number(&mark.1))
            .map(|mark| mark.0),
    );
    draft.markup.extend(
        markup
            .into_iter()
            .map(|gap| prose::trim(text, gap))
            .filter(|gap| !gap.is_empty()),
    );
    draft.marks.extend(marks);
}

/// The pieces of `words` that a reader sees, in order.
fn text_pieces(words: &str, definitions: &Definitions) -> Vec<Span> {
    let mut resolve = |link: BrokenLink<'_>| {
        definitions
            .0
            .contains(&link.reference.to_lowercase())
            .then(|| (CowStr::from("#"), CowStr::from("")))
    };
    let parser = Parser::new_with_broken_link_callback(words, Options::empty(), Some(&mut resolve));
    let mut pieces = Vec::new();
    let mut in_image = 0usize;
    for (event, range) in parser.into_offset_iter() {
        let span = Span::new(range.start, range.end);
        match event {
            Event::Start(Tag::Image { .. }) => in_image += 1,
            Event::End(TagEnd::Image) => in_image -= 1,
            _ if in_image > 0 => {}
            Event::Text(_) => pieces.push(span),
            Event::Code(_) => {
                let ticks = span
                    .of(words)
                    .bytes()
                    .take_while(|&byte| byte == b'`')
                    .count();
                if span.len() > 2 * ticks {
                    pieces.push(Span::new(span.start + ticks, span.end - ticks));
                }
            }
            Event::Html(_) => {
                let outside = outside_tags(span.of(words));
                pieces.extend(
                    outside
                        .map(|piece| Span::new(span.start + piece.start, span.start + piece.end)),
                );
            }
            _ => {}
        }
    }
    pieces
}

/// The pieces of `html` that lie outside tags and are not white space.
pub(super) fn outside_tags(html: &str) -> impl Iterator<Item = Span> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < html.len() {
            let start = at;
            if html[at..].starts_with('<') {
                at = html[at..].find('>').map_or(html.len(), |end| at + end + 1);
                continue;
            }
            at = html[at..].find('<').map_or(html.len(), |end| at + end);
            if !html[start..at].trim().is_empty() {
                return Some(Span::new(start, at));
            }
        }
        None
    })
}

/// Footnote marks: `[^label]`, the note written in place `^[…]`, and `[13]`
/// (which is a mark only where a note of that number exists).
fn note_marks(text: &str, span: Span) -> Vec<(Span, String)> {
    const LONGEST_NOTE: usize = 4000;
    let words = span.of(text);
    let mut marks = Vec::new();
    let mut at = 0;
    while let Some(found) = words[at..].find('[') {
        let open = at + found;
        at = open + 1;
        let bytes = words.as_bytes();
        if open > 0 && bytes[open - 1] == b'^' {
            let mut depth = 0usize;
            let close = bytes[open..].iter().take(LONGEST_NOTE).position(|byte| {
                depth += usize::from(*byte == b'[');
                depth -= usize::from(*byte == b']');
                depth == 0
            });
            if let Some(close) = close {
                at = open + close + 1;
                marks.push((
                    Span::new(span.start + open - 1, span.start + at),
                    String::from("^"),
                ));
            } else {
                at = words.len().min(open + LONGEST_NOTE);
                while !words.is_char_boundary(at) {
                    at += 1;
                }
            }
            continue;
        }
        let Some(close) = bytes[open..].iter().take(64).position(|&byte| byte == b']') else {
            continue;
        };
        let label = &words[open + 1..open + close];
        let label = match label.strip_prefix('^') {
            Some(label) if !label.is_empty() && !label.contains(' ') => label,
            None if prose::is_note_number(label) => label,
            _ => continue,
        };
        at = open + close + 1;
        marks.push((
            Span::new(span.start + open, span.start + at),
            label.to_owned(),
        ));
    }
    marks
}

/// Attributes in braces after an image, link or heading: `{.class #id}`.
fn attributes(text: &str, span: Span) -> impl Iterator<Item = Span> + '_ {
    let words = span.of(text);
    words.match_indices('{').filter_map(move |(open, _)| {
        let rest = words.get(open..)?;
        let close = rest.bytes().take(80).position(|byte| byte == b'}')?;
        rest[1..]
            .starts_with(['.', '#'])
            .then(|| Span::new(span.start + open, span.start + open + close + 1))
    })
}

/// The hyphen and line break of words divided at a line end (`revolu-⏎tion`).
/// Where only the hyphenated form occurs elsewhere in the text (`well-⏎known`),
/// the hyphen stays and the line break alone is markup.
pub(super) fn divided_words(text: &str, parts: &[Part]) -> Vec<Span> {
    let mut divisions = Vec::new();
    let mut seen: HashMap<String, bool> = HashMap::new();
    for part in parts
        .iter()
        .filter(|part| !matches!(part.kind, Kind::Outside(_)))
    {
        let words = part.span.of(text);
        for (hyphen, _) in words.match_indices(['-', '\u{ad}']) {
            let (before, after) = (&words[..hyphen], &words[hyphen..]);
            let width = after.chars().next().map_or(0, char::len_utf8);
            let after = &after[width..];
            let first = before
                .chars()
                .rev()
                .take_while(|c| c.is_alphabetic())
                .map(char::len_utf8)
                .sum::<usize>();
            let rest = after.trim_start_matches([' ', '\t', '\r']);
            let Some(rest) = rest.strip_prefix('\n') else {
                continue;
            };
            let rest = rest.trim_start_matches([' ', '\t', '>']);
            let second = rest
                .chars()
                .take_while(|c| c.is_alphabetic())
                .map(char::len_utf8)
                .sum::<usize>();
            let (first, second) = (&before[before.len() - first..], &rest[..second]);
            let lower =
                first.ends_with(char::is_lowercase) && second.starts_with(char::is_lowercase);
            if !lower || matches!(second, "and" | "or" | "to" | "nor" | "und" | "et") {
                continue;
            }
            let start = part.span.start + hyphen;
            let end = part.span.end - rest.len();
            let joined = format!("{first}{second}").to_lowercase();
            let hyphenated = format!("{first}-{second}").to_lowercase();
            seen.insert(joined.clone(), false);
            seen.insert(hyphenated.clone(), false);
            divisions.push((start, start + width, end, joined, hyphenated));
        }
    }
    if divisions.is_empty() {
        return Vec::new();
    }
    for word in text.split(|c: char| !c.is_alphabetic() && c != '-') {
        if let Some(seen) = seen.get_mut(&word.to_lowercase()) {
            *seen = true;
        }
    }
    let markup = divisions
        .into_iter()
        .map(|(hyphen, line_end, end, joined, hyphenated)| {
            let keeps_hyphen = seen[&hyphenated] && !seen[&joined];
            Span::new(if keeps_hyphen { line_end } else { hyphen }, end)
        });
    markup.collect()
}
