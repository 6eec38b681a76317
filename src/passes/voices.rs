//! Voices: whose words or views a stretch of a sentence gives.
//!
//! Three things mark another's voice: quotation marks (also over several
//! sentences), a block quotation, and what the reader network tags as the
//! content of an attribution ("Smith argues that …"). The source and the cue
//! are the ones tagged in the sentence; a quotation that runs over several
//! sentences has one source in all of them, and a block quotation the one
//! named where it is introduced.

use std::ops::Range;

use super::tags::runs;
use crate::layers::{Sentence, Voice};
use crate::networks::{Reader, SentenceTags};
use crate::text::{Block, Document, Role, Span};

/// Fewer words in quotation marks are a term or a title, not a voice.
const FEWEST_WORDS: usize = 4;

/// What the network tags in one sentence.
#[derive(Default)]
struct Attribution {
    source: Option<String>,
    cue: Option<String>,
    contents: Vec<Span>,
}

pub fn find(
    document: &Document,
    sentences: &[Sentence],
    tags: &[SentenceTags],
    reader: &Reader,
) -> Vec<Voice> {
    let attributions: Vec<Attribution> = sentences
        .iter()
        .zip(tags)
        .map(|(sentence, tags)| attribution(document, sentence.span, tags, reader))
        .collect();
    let mut voices = Vec::new();
    for of_block in by_block(sentences) {
        let block = &document.blocks[sentences[of_block.start].block];
        let quotations = match block.role {
            Role::Quotation => vec![block.span],
            _ => quotations(document, block),
        };
        for i in of_block.clone() {
            let sentence = sentences[i].span;
            let inside = |span: &Span| clip(*span, sentence);
            let committed = |span| commitment(document, sentence, &tags[i], span);
            let quoted: Vec<(Span, Span)> = quotations
                .iter()
                .filter_map(|whole| Some((*whole, inside(whole)?)))
                .collect();
            let mut of_sentence: Vec<Voice> = quoted
                .iter()
                .map(|&(whole, span)| {
                    let touched = of_block
                        .clone()
                        .filter(|&k| sentences[k].span.overlaps(whole));
                    let before = whole
                        .contains(block.span)
                        .then(|| of_block.start.checked_sub(1));
                    let speaker = std::iter::once(i)
                        .chain(touched)
                        .chain(before.flatten())
                        .map(|k| &attributions[k])
                        .find(|a| a.source.is_some());
                    voice(span, speaker, committed(span))
                })
                .collect();
            let own = &attributions[i];
            of_sentence.extend(
                own.contents
                    .iter()
                    .filter(|span| !quoted.iter().any(|(_, q)| q.overlaps(**span)))
                    .map(|&span| voice(span, Some(own), committed(span))),
            );
            of_sentence.sort_by_key(|v| v.span);
            voices.extend(of_sentence);
        }
    }
    voices
}

fn voice(span: Span, attribution: Option<&Attribution>, commitment: f64) -> Voice {
    Voice {
        span,
        commitment,
        source: attribution.and_then(|a| a.source.clone()),
        cue: attribution.and_then(|a| a.cue.clone()),
    }
}

/// The author's commitment to `span` of a sentence: the mean over its pieces, to
/// two decimals.
fn commitment(document: &Document, sentence: Span, tags: &SentenceTags, span: Span) -> f64 {
    let surface = document.surface(sentence);
    let words = tags.words.iter().enumerate();
    let inside = words.filter(|(_, word)| surface.span(word.start, word.end).overlaps(span));
    let pieces = inside.flat_map(|(i, word)| {
        let next = tags.words.get(i + 1);
        word.piece..next.map_or(tags.commitment.len(), |next| next.piece)
    });
    let values: Vec<f64> = pieces.map(|i| f64::from(tags.commitment[i])).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    // Adding zero makes a negative zero a plain one.
    (mean * 100.0).round() / 100.0 + 0.0
}

fn attribution(
    document: &Document,
    sentence: Span,
    tags: &SentenceTags,
    reader: &Reader,
) -> Attribution {
    let surface = document.surface(sentence);
    let mut found = Attribution::default();
    for run in runs(&tags.voice, &reader.voice_labels, &tags.words) {
        let words = || Some(surface.text[run.start..run.end].to_owned());
        match run.label {
            "SOURCE" if found.source.is_none() => found.source = words(),
            "CUE" if found.cue.is_none() => found.cue = words(),
            "CONTENT" => found.contents.push(surface.span(run.start, run.end)),
            _ => {}
        }
    }
    if found.source.as_deref().is_some_and(is_first_person) {
        // "I believe that …" is the author's own view.
        return Attribution::default();
    }
    // Content that nobody and nothing attributes is a guess.
    let attributed = found.source.is_some() || found.cue.is_some();
    found
        .contents
        .retain(|span| attributed && is_long(*span, document));
    found
}

fn is_long(span: Span, document: &Document) -> bool {
    span.of(&document.text).split_whitespace().count() >= FEWEST_WORDS
}

fn is_first_person(source: &str) -> bool {
    ["I", "We", "we", "My", "my", "Our", "our", "me", "us"].contains(&source)
}

/// Runs of sentences that share a block.
fn by_block(sentences: &[Sentence]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    sentences
        .chunk_by(|a, b| a.block == b.block)
        .map(move |chunk| {
            let range = at..at + chunk.len();
            at = range.end;
            range
        })
}

/// The part of `span` in `sentence`.
fn clip(span: Span, sentence: Span) -> Option<Span> {
    span.overlaps(sentence)
        .then(|| Span::new(span.start.max(sentence.start), span.end.min(sentence.end)))
}

/// Stretches between quotation marks in a block, without the marks. A mark
/// that is opened and not closed reaches to the end of the block: the
/// quotation goes on in the next paragraph.
fn quotations(document: &Document, block: &Block) -> Vec<Span> {
    let text = block.span.of(&document.text);
    let mut found = Vec::new();
    let mut open: Option<(char, usize)> = None;
    let mut previous = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = at + c.len_utf8();
        match open {
            None => {
                if let Some(close) = closing(c)
                    && (c != '"' || !previous.is_alphanumeric())
                {
                    open = Some((close, after));
                }
            }
            // An apostrophe inside a word closes nothing.
            Some((close, start)) if c == close => {
                let next = chars.peek().map_or(' ', |&(_, next)| next);
                if c != '’' || !next.is_alphanumeric() {
                    found.push(Span::new(block.span.start + start, block.span.start + at));
                    open = None;
                }
            }
            Some(_) => {}
        }
        previous = c;
    }
    if let Some((close, start)) = open
        && close == '”'
    {
        found.push(Span::new(block.span.start + start, block.span.end));
    }
    found.retain(|span| is_long(*span, document));
    found
}

/// The mark that closes what `open` opens.
fn closing(open: char) -> Option<char> {
    Some(match open {
        '“' => '”',
        '„' => '“',
        '"' => '"',
        '«' => '»',
        '‘' => '’',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Vec<&str> {
        let document = Document {
            text: text.to_owned(),
            ..Document::default()
        };
        let block = Block {
            span: Span::new(0, text.len()),
            role: Role::Paragraph,
        };
        let spans = quotations(&document, &block);
        spans.into_iter().map(|s| s.of(text)).collect()
    }

    #[test]
    fn quotations_of_every_typography() {
        let words = "all power to the soviets";
        for text in [
            format!("He cried “{words}” twice."),
            format!("He cried \"{words}\" twice."),
            format!("He cried «{words}» twice."),
            format!("He cried ‘{words}’ twice."),
        ] {
            assert_eq!(quoted(&text), [words], "{text}");
        }
    }

    #[test]
    fn apostrophes_and_single_words_are_no_quotation() {
        assert!(quoted("The ‘party’ of the workers’ state wasn’t theirs.").is_empty());
        assert_eq!(
            quoted("She wrote ‘the workers’s party isn’t the workers’ any more’."),
            ["the workers’s party isn’t the workers"],
            "an apostrophe after a word cannot be told from a closing mark"
        );
    }

    #[test]
    fn a_quotation_over_sentences_is_one() {
        assert_eq!(
            quoted("“We were wrong. We did not see it,” he said."),
            ["We were wrong. We did not see it,"]
        );
        assert_eq!(
            quoted("“And so it went on to the end."),
            ["And so it went on to the end."]
        );
    }
}
