//! Voices: whose words or views a stretch of a sentence gives.
//!
//! Three things mark another's voice: quotation marks (also over several
//! sentences), a block quotation, and what the reader network tags as the
//! content of an attribution ("Smith argues that …"). The source and the cue
//! are the ones tagged in the sentence; a quotation that runs over several
//! sentences has one source in all of them. Where none is tagged, a quotation is
//! given to the person named beside it, else to the one that the sentence before
//! it names or attributes something to (for a block quotation, the sentence that
//! introduces it), else to whoever something was attributed to last. "He" and
//! "she" are the person named last. "According to" and "for" with a person or a
//! group at the head of a sentence give all the rest of it to them.

use std::ops::Range;

use super::tags::runs;
use crate::layers::{Entity, EntityKind, Sentence, Voice};
use crate::networks::{Reader, SentenceTags};
use crate::text::{Block, Document, Role, Span};

/// Fewer words in quotation marks are a term or a title, not a voice.
const FEWEST_WORDS: usize = 4;

/// A source is looked for so many bytes back, a long paragraph.
const REACH: usize = 1500;

/// What the network tags in one sentence.
#[derive(Clone, Default)]
struct Attribution {
    source: Option<String>,
    cue: Option<String>,
    contents: Vec<Span>,
}

pub fn find(
    document: &Document,
    sentences: &[Sentence],
    tags: &[SentenceTags],
    entities: &[Entity],
    reader: &Reader,
) -> Vec<Voice> {
    let persons = Persons::new(entities);
    let attributions: Vec<Attribution> = sentences
        .iter()
        .zip(tags)
        .map(|(sentence, tags)| attribution(document, sentence.span, tags, &persons, reader))
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
                    let around: Vec<usize> = std::iter::once(i).chain(touched).collect();
                    let before = match whole.contains(block.span) {
                        true => of_block.start.checked_sub(1),
                        false => around.iter().min().and_then(|k| k.checked_sub(1)),
                    };
                    let before =
                        before.filter(|k| whole.contains(block.span) || of_block.contains(k));
                    let tagged =
                        |k: &usize| Some(attributions[*k].clone()).filter(|a| a.source.is_some());
                    let beside = |k: &usize| persons.beside(sentences[*k].span, whole);
                    let speaker = around
                        .iter()
                        .find_map(tagged)
                        .or_else(|| around.iter().find_map(beside).map(Attribution::of))
                        .or_else(|| before.as_ref().and_then(tagged))
                        .or_else(|| before.as_ref().and_then(beside).map(Attribution::of))
                        .or_else(|| carried(&attributions[..i], &sentences[..i], whole.start));
                    voice(span, speaker.as_ref(), committed(span))
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

/// Whoever something was attributed to last: writers quote one source for pages.
fn carried(before: &[Attribution], sentences: &[Sentence], at: usize) -> Option<Attribution> {
    let within = |s: &Sentence| at.saturating_sub(s.span.end) <= REACH;
    let near = before
        .iter()
        .zip(sentences)
        .rev()
        .take_while(|(_, s)| within(s));
    near.map(|(attribution, _)| attribution)
        .find(|a| a.source.is_some())
        .map(|a| Attribution {
            contents: Vec::new(),
            ..a.clone()
        })
}

impl Attribution {
    /// To a person whom nothing but the place makes the source.
    fn of(source: String) -> Self {
        Self {
            source: Some(source),
            ..Self::default()
        }
    }
}

/// The persons named in an essay, in its order.
struct Persons<'a>(Vec<&'a Entity>);

impl<'a> Persons<'a> {
    fn new(entities: &'a [Entity]) -> Self {
        let person = |entity: &&Entity| entity.kind == EntityKind::Per;
        Self(entities.iter().filter(person).collect())
    }

    /// The person named in `sentence` beside `quotation`: the last before it, else the
    /// first after it.
    fn beside(&self, sentence: Span, quotation: Span) -> Option<String> {
        let inside = || self.0.iter().filter(|e| sentence.contains(e.span));
        let before = inside().rfind(|e| e.span.end <= quotation.start);
        let after = || inside().find(|e| e.span.start >= quotation.end);
        Some(before.or_else(after)?.canonical.clone())
    }

    fn any_in(&self, span: Span) -> bool {
        self.0.iter().any(|e| span.contains(e.span))
    }

    /// The person named last before `at`.
    fn before(&self, at: usize) -> Option<String> {
        let next = self.0.partition_point(|e| e.span.end <= at);
        let last = self.0[..next].last()?;
        (at - last.span.end <= REACH).then(|| last.canonical.clone())
    }
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
    persons: &Persons,
    reader: &Reader,
) -> Attribution {
    let surface = document.surface(sentence);
    let mut found = Attribution::default();
    for run in runs(&tags.voice, &reader.voice_labels, &tags.words) {
        let words = || Some(surface.text[run.start..run.end].to_owned());
        match run.label {
            "SOURCE" if found.source.is_none() => {
                let span = surface.span(run.start, run.end);
                let named = words().filter(|w| !is_third_person(w));
                found.source = named.or_else(|| persons.before(span.start)).or_else(words);
            }
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
    if found.contents.is_empty()
        && let Some((source, content)) = frame(&surface.text)
        && (persons.any_in(surface.span(source.start, source.end))
            || is_group(&surface.text[source.clone()]))
    {
        found = Attribution::of(surface.text[source].to_owned());
        found.contents = vec![surface.span(content, surface.text.len())];
    }
    found
}

/// "According to Carr, …", "So, for Trotsky, …": the words of a source that a
/// sentence begins with, and where what is attributed to it begins.
fn frame(text: &str) -> Option<(Range<usize>, usize)> {
    let adverb = ["So, ", "Thus, ", "However, ", "But ", "And ", "Yet "]
        .iter()
        .find(|adverb| text.starts_with(**adverb));
    let start = adverb.map_or(0, |adverb| adverb.len());
    let opening = [
        "According to ",
        "In the view of ",
        "In the eyes of ",
        "For ",
    ]
    .iter()
    .find(|opening| {
        let at = text.get(start..start + opening.len());
        at.is_some_and(|at| at.eq_ignore_ascii_case(opening))
    })?;
    let begin = start + opening.len();
    let end = begin + text[begin..].find(", ")?;
    let few = (1..=6).contains(&text[begin..end].split_whitespace().count());
    (few && end + 2 < text.len()).then_some((begin..end, end + 2))
}

/// "Leninists", "the Mensheviks": the adherents of something.
fn is_group(words: &str) -> bool {
    let last = words.rsplit(' ').next().unwrap_or_default();
    let endings = ["ists", "eviks", "ians", "critics"];
    let verbs = [
        "exists", "consists", "persists", "insists", "resists", "assists",
    ];
    endings.iter().any(|ending| last.ends_with(ending)) && !verbs.contains(&last)
}

fn is_long(span: Span, document: &Document) -> bool {
    span.of(&document.text).split_whitespace().count() >= FEWEST_WORDS
}

fn is_first_person(source: &str) -> bool {
    ["I", "We", "we", "My", "my", "Our", "our", "me", "us"].contains(&source)
}

/// One person: "they" may be anybody.
fn is_third_person(source: &str) -> bool {
    ["he", "He", "she", "She"].contains(&source)
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
    fn a_quotation_belongs_to_the_person_beside_it() {
        let person = |start, end, canonical: &str| Entity {
            span: Span::new(start, end),
            kind: EntityKind::Per,
            canonical: canonical.to_owned(),
        };
        let place = Entity {
            kind: EntityKind::Loc,
            ..person(8, 14, "Moscow")
        };
        let entities = [person(0, 5, "E. H. Carr"), place, person(60, 65, "Serge")];
        let persons = Persons::new(&entities);
        let beside = |a, b, c, d| persons.beside(Span::new(a, b), Span::new(c, d));
        assert_eq!(beside(0, 50, 20, 50).as_deref(), Some("E. H. Carr"));
        assert_eq!(beside(30, 70, 30, 55).as_deref(), Some("Serge"));
        assert_eq!(beside(30, 59, 30, 55), None);
        assert_eq!(persons.before(20).as_deref(), Some("E. H. Carr"));
        assert_eq!(persons.before(3), None);
        assert_eq!(persons.before(10_000), None, "too far back");
    }

    #[test]
    fn a_sentence_may_begin_with_its_source() {
        let framed = |text: &'static str| {
            frame(text).map(|(source, content)| (&text[source], &text[content..]))
        };
        assert_eq!(
            framed("So, for Trotsky, it was a counter-revolution."),
            Some(("Trotsky", "it was a counter-revolution."))
        );
        assert_eq!(
            framed("According to the Mensheviks, it came too early."),
            Some(("the Mensheviks", "it came too early."))
        );
        assert_eq!(framed("It came too early, for Trotsky, at least."), None);
        assert_eq!(framed("For Trotsky"), None);
        assert_eq!(framed("According to Lenin,” he said.\u{301}"), None);
        assert!(!is_group("as long as it exists"));
        assert!(is_group("the Mensheviks") && !is_group("example") && !is_group("Russia"));
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
