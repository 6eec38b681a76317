//! Tags: the reader network over every sentence.

use anyhow::Result;

use crate::layers::Sentence;
use crate::networks::{Reader, SentenceTags, Word};
use crate::text::Document;

pub fn read(
    document: &Document,
    sentences: &[Sentence],
    reader: &Reader,
) -> Result<Vec<SentenceTags>> {
    let surfaces: Vec<String> = sentences
        .iter()
        .map(|s| document.surface(s.span).text)
        .collect();
    reader.read(&surfaces.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A labelled run of word pieces: bytes `start..end` of the sentence's surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    pub label: &'a str,
    pub start: usize,
    pub end: usize,
}

/// Decodes BIO tags (Ramshaw and Marcus 1995) of words. A run that opens with
/// an inside tag is taken as begun.
pub fn runs<'a>(tags: &[u8], labels: &'a [String], words: &[Word]) -> Vec<Run<'a>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for (word, &tag) in words.iter().zip(tags) {
        let Some((position, label)) = labels[usize::from(tag)].split_once('-') else {
            open = false;
            continue;
        };
        match runs.last_mut() {
            Some(run) if open && position == "I" && run.label == label => run.end = word.end,
            _ => runs.push(Run {
                label,
                start: word.start,
                end: word.end,
            }),
        }
        open = true;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_while_words_are_inside() {
        let labels = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"].map(String::from);
        let word = |piece, start, end| Word { piece, start, end };
        // Mias·nikov wrote | Pravda Truth | Lenin
        let words = [
            word(0, 0, 9),
            word(2, 10, 15),
            word(3, 16, 22),
            word(4, 23, 28),
            word(5, 29, 34),
        ];
        let run = |label, start, end| Run { label, start, end };
        assert_eq!(
            runs(&[1, 0, 4, 4, 2], &labels, &words),
            [run("PER", 0, 9), run("ORG", 16, 28), run("PER", 29, 34)]
        );
    }
}
