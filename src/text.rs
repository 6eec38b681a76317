//! The essay and the byte spans laid over it.
//!
//! An [`Essay`] holds one immutable text. Nothing downstream edits it: every
//! pass adds spans over it, and a span's bytes are always the file's bytes.

use serde::Serialize;

/// A half-open range of bytes, `start..end`, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self { start, end }
    }
    pub fn len(self) -> usize {
        self.end - self.start
    }
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
    /// The bytes of `text` under this span.
    pub fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
    /// Whether the two are the same sentence of `text` to two readers: they share more
    /// than half of the shorter, counted in code points.
    pub fn matches(self, other: Span, text: &str) -> bool {
        let length = |span: Span| {
            text.get(span.start..span.end)
                .map_or(0, |t| t.chars().count())
        };
        self.overlaps(other) && {
            let common = Span::new(self.start.max(other.start), self.end.min(other.end));
            2 * length(common) > length(self).min(length(other))
        }
    }
}

/// What a block of text is to the essay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Running prose of the essay.
    Paragraph,
    /// A heading inside the essay: context for what follows, not evidence.
    Heading,
    /// One item of a list in the essay.
    Item,
    /// A block quotation in the essay.
    Quotation,
    /// A footnote or endnote: kept and linked, not part of the body.
    Note,
    /// Not the essay, and why.
    Outside(Reason),
}

impl Role {
    /// Prose of the essay, whose sentences can be evidence.
    pub fn is_prose(self) -> bool {
        matches!(self, Role::Paragraph | Role::Item | Role::Quotation)
    }
}

/// Why a block was left out of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    FrontMatter,
    Title,
    Byline,
    Standfirst,
    Menu,
    Caption,
    PullQuote,
    RelatedPosts,
    Comments,
    /// Cookie notice, licence, boilerplate of a site.
    Notice,
    TableOfContents,
    Bibliography,
    AuthorBiography,
    EditorNote,
    /// A line that is only markup: `* * *`, `---`, an image.
    Rule,
}

/// A block: a paragraph, heading, list item ... Blocks are disjoint and in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub span: Span,
    pub role: Role,
}

/// A footnote mark in the body and the note that it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteLink {
    /// The mark, e.g. `[^1]`.
    pub mark: Span,
    /// Index into [`Document::blocks`] of the note.
    pub note: usize,
}

/// What ingest makes of a file: a text, its parts, and what is only markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The text that all spans count in: for plain text and Markdown in UTF-8
    /// the file itself, byte for byte (a BOM included); for every other format
    /// or encoding the text taken out of it.
    pub text: String,
    /// True when `text` is the file's own bytes.
    pub verbatim: bool,
    pub title: Option<String>,
    pub author: Option<String>,
    pub year: Option<i32>,
    /// Disjoint, in order, covering all text but white space.
    pub blocks: Vec<Block>,
    /// Bytes inside body blocks that are markup and not words: emphasis marks,
    /// `>` prefixes, link targets, `[^1]`, inline HTML tags, the hyphen and line
    /// break of a word divided at a line end. Disjoint, in order.
    pub markup: Vec<Span>,
    pub notes: Vec<NoteLink>,
}

impl Document {
    /// The essay proper: its blocks less headings, notes and what was left out.
    pub fn body(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|b| b.role.is_prose())
    }

    /// The body as maximal spans: neighbouring body blocks (headings between
    /// them included) run together until something left out comes between.
    pub fn body_spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut open = false;
        for block in &self.blocks {
            match block.role {
                Role::Outside(_) | Role::Note => open = false,
                _ if open => spans.last_mut().expect("a span is open").end = block.span.end,
                _ => {
                    spans.push(block.span);
                    open = true;
                }
            }
        }
        spans
    }

    /// What a reader sees under `span`; this is what the networks are given.
    pub fn surface(&self, span: Span) -> Surface {
        let mut text = String::with_capacity(span.len());
        let mut origin = Vec::with_capacity(span.len());
        let first = self.markup.partition_point(|m| m.end <= span.start);
        let marks = self.markup[first..]
            .iter()
            .take_while(|m| m.start < span.end);
        let mut at = span.start;
        for mark in marks.copied().chain([Span::new(span.end, span.end)]) {
            for (i, c) in self.text[at..mark.start.max(at)].char_indices() {
                if !c.is_whitespace() {
                    text.push(c);
                    origin.extend((0..c.len_utf8()).map(|k| at + i + k));
                } else if !text.is_empty() && !text.ends_with(' ') {
                    text.push(' ');
                    origin.push(at + i);
                }
            }
            at = mark.end.min(span.end).max(at);
        }
        text.truncate(text.trim_end().len());
        origin.truncate(text.len());
        Surface { text, origin }
    }
}

/// A stretch of the essay as a reader sees it: markup cut out, white space
/// folded to single spaces, trimmed; with the way back to the essay's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    pub text: String,
    /// For each byte of `text`, the byte of the essay that it comes from.
    origin: Vec<usize>,
}

impl Surface {
    /// The essay's bytes under bytes `start..end` of the surface (not empty).
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.origin[start], self.origin[end - 1] + 1)
    }
}

/// One essay: where it came from and what is in it.
#[derive(Clone, Debug)]
pub struct Essay {
    /// The file name without its ending; unique in a run.
    pub id: String,
    /// The path relative to the folder in which the file was found.
    pub file: String,
    /// SHA-256 of the file's bytes, in hexadecimal.
    pub sha256: String,
    pub document: Document,
}

/// A file's name without its folders, by which labels know an essay.
pub fn file_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

impl Essay {
    pub fn file_name(&self) -> &str {
        file_name(&self.file)
    }

    pub fn quote(&self, span: Span) -> &str {
        span.of(&self.document.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_match_by_code_points() {
        let text = "ééééab";
        assert!(Span::new(0, 8).matches(Span::new(2, 10), text));
        assert!(
            !Span::new(0, 4).matches(Span::new(2, 8), text),
            "exactly half is not more than half"
        );
        assert!(!Span::new(0, 4).matches(Span::new(4, 8), text));
    }
}
