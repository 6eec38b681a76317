//! Text taken as it is: every block between blank lines is a paragraph.

use crate::text::{Block, Document, Role, Span};

use super::prose;

pub(super) fn read(text: String) -> Document {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Span> = None;
    for line in prose::lines(&text, 0) {
        let words = prose::trim(&text, line);
        if words.is_empty() {
            blocks.extend(open.take().map(|span| Block {
                span,
                role: Role::Paragraph,
            }));
        } else {
            open = Some(open.map_or(words, |block| Span::new(block.start, words.end)));
        }
    }
    blocks.extend(open.map(|span| Block {
        span,
        role: Role::Paragraph,
    }));
    Document {
        text,
        verbatim: true,
        blocks,
        ..Document::default()
    }
}
