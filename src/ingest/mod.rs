//! Reading an essay from a file: decoding, finding its parts, and telling the
//! essay proper from everything that surrounds it.
//!
//! Every format is read into a [`Draft`]: a text, its [`Part`]s in order, and
//! the markup between the words. [`parts::arrange`] then decides what each part
//! is to the essay. Nothing is thrown away: what is not the essay stays in the
//! text under [`Role::Outside`](crate::text::Role::Outside), with the reason.

mod encoding;
mod html;
mod inline;
mod markdown;
mod metadata;
mod parts;
mod phrases;
mod plain;
mod prose;
#[cfg(test)]
mod tests;

use crate::text::{Document, Reason, Span};

/// Why a file could not be read as an essay. The caller adds the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("the file is empty")]
    Empty,
    #[error("the file holds binary data, not text")]
    Binary,
    #[error("the file is damaged UTF-8: byte {at} begins no character")]
    DamagedUtf8 { at: usize },
    #[error("the file is damaged UTF-16")]
    DamagedUtf16,
    #[error("the text is in no known encoding (UTF-8, UTF-16 and Windows-1252 are)")]
    UnknownEncoding,
    #[error("unknown format {ending:?}: essays are read from .txt, .md, .markdown, .html and .htm")]
    UnknownFormat { ending: String },
}

/// Reads an essay from the bytes of a file. The ending of `name` chooses the
/// format: `.txt`, `.md`, `.markdown`, `.html` or `.htm`.
///
/// # Errors
/// When the bytes are no text, or the ending is none of these.
pub fn read(name: &str, bytes: Vec<u8>) -> Result<Document, IngestError> {
    let ending = name
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending)
        .to_ascii_lowercase();
    match ending.as_str() {
        // Essays saved as plain text often hold Markdown, so both are read alike.
        "txt" | "md" | "markdown" => {
            let (text, verbatim) = encoding::decode(bytes)?;
            Ok(parts::arrange(markdown::read(text), verbatim))
        }
        "html" | "htm" => {
            let page = html::read(&encoding::decode_html(bytes)?);
            if page.text.trim().is_empty() {
                return Err(IngestError::Empty);
            }
            Ok(parts::arrange(page, false))
        }
        _ => Err(IngestError::UnknownFormat { ending }),
    }
}

/// Whether a file's name ends as an essay's does.
pub fn is_essay(name: &str) -> bool {
    const ENDINGS: [&str; 5] = ["txt", "md", "markdown", "html", "htm"];
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Takes the whole text as body: no front matter, titles or menus are sought.
pub fn raw(text: String) -> Document {
    plain::read(text)
}

/// What a part looks like, before it is decided what it is to the essay.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Paragraph,
    /// A heading and its level, 1 to 6.
    Heading(u8),
    Item,
    Quotation,
    /// A footnote and the label that marks refer to.
    Note(String),
    Outside(Reason),
}

#[derive(Clone, Debug)]
struct Part {
    span: Span,
    kind: Kind,
}

/// A text and its parts in order.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    parts: Vec<Part>,
    markup: Vec<Span>,
    /// Footnote marks in the text, with their labels.
    marks: Vec<(Span, String)>,
    metadata: metadata::Metadata,
}
