//! `annotations.jsonl`: the layers of every essay, one line each.

use serde::Serialize;

use crate::layers::{Annotated, Claim, Class, Entity, Stance, Voice};
use crate::text::{Reason, Role, Span};

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    title: &'a Option<String>,
    author: &'a Option<String>,
    year: Option<i32>,
    /// What the offsets count in, where that is not the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    body: Vec<(usize, usize)>,
    /// Bytes in the body that are markup and not words.
    markup: Vec<(usize, usize)>,
    left_out: Vec<LeftOut>,
    notes: Vec<Note>,
    /// Blocks of the body that hold sentences, headings included.
    paragraphs: Vec<(usize, usize)>,
    sentences: Vec<(usize, usize)>,
    entities: &'a [Entity],
    claims: &'a [Claim],
    voices: &'a [Voice],
    stances: &'a [Stance],
    #[serde(skip_serializing_if = "<[Class]>::is_empty")]
    classes: &'a [Class],
}

#[derive(Serialize)]
struct LeftOut {
    #[serde(flatten)]
    span: Span,
    reason: Reason,
}

/// A footnote and the mark in the body that points to it.
#[derive(Serialize)]
struct Note {
    #[serde(flatten)]
    span: Span,
    mark: (usize, usize),
}

/// The layers of one essay as one line of JSON, line break included.
pub fn line(annotated: &Annotated) -> Vec<u8> {
    let document = &annotated.essay.document;
    let pair = |span: Span| (span.start, span.end);
    let line = Line {
        file: &annotated.essay.file,
        title: &document.title,
        author: &document.author,
        year: document.year,
        text: (!document.verbatim).then_some(document.text.as_str()),
        body: document.body_spans().into_iter().map(pair).collect(),
        markup: document.markup.iter().copied().map(pair).collect(),
        left_out: document
            .blocks
            .iter()
            .filter_map(|block| match block.role {
                Role::Outside(reason) => Some(LeftOut {
                    span: block.span,
                    reason,
                }),
                _ => None,
            })
            .collect(),
        notes: document
            .notes
            .iter()
            .map(|link| Note {
                span: document.blocks[link.note].span,
                mark: pair(link.mark),
            })
            .collect(),
        paragraphs: annotated
            .sentences
            .chunk_by(|a, b| a.block == b.block)
            .map(|of_block| pair(document.blocks[of_block[0].block].span))
            .collect(),
        sentences: annotated.sentences.iter().map(|s| pair(s.span)).collect(),
        entities: &annotated.entities,
        claims: &annotated.claims,
        voices: &annotated.voices,
        stances: &annotated.stances,
        classes: &annotated.classes,
    };
    let mut bytes = serde_json::to_vec(&line).expect("the layers have only string keys");
    bytes.push(b'\n');
    bytes
}
