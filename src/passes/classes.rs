//! Classes: what networks of others say of an essay's sentences, in their own labels.

use anyhow::Result;

use crate::layers::{Class, Sentence};
use crate::networks::{Classifier, Scored, Task, probabilities, round};
use crate::text::Document;

/// The likeliest label of every sentence; or, from a network for tokens, of every name or
/// phrase that it finds: labels B-X and I-X are joined to X, O is left out, and a word goes
/// by its first piece.
pub fn find(
    document: &Document,
    sentences: &[Sentence],
    name: &str,
    network: &Classifier,
) -> Result<Vec<Class>> {
    let surface = |sentence: &Sentence| document.surface(sentence.span);
    let surfaces: Vec<_> = sentences.iter().map(surface).collect();
    let texts: Vec<&str> = surfaces.iter().map(|s| s.text.as_str()).collect();
    let mut classes = Vec::new();
    let scored = network.read(&texts)?;
    for ((sentence, surface), scored) in sentences.iter().zip(&surfaces).zip(&scored) {
        let class = |span, label: &str, score| Class {
            span,
            network: name.to_owned(),
            label: label.to_owned(),
            score,
        };
        match network.task {
            Task::Text => {
                let (label, score) = likeliest(scored, 0);
                classes.push(class(sentence.span, &network.labels[label], score));
            }
            Task::Tokens => {
                let found = phrases(scored, &network.labels, &surface.text);
                classes.extend(found.into_iter().map(|phrase| {
                    let span = surface.span(phrase.start, phrase.end);
                    class(span, phrase.label, phrase.score)
                }));
            }
        }
    }
    Ok(classes)
}

/// A labelled run of words: bytes `start..end` of the surface, and the lowest of the words'
/// probabilities.
#[derive(Clone, Debug, PartialEq)]
struct Phrase<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    score: f64,
}

fn phrases<'a>(scored: &Scored, labels: &'a [String], text: &str) -> Vec<Phrase<'a>> {
    let mut phrases: Vec<Phrase> = Vec::new();
    // Whether the last phrase can go on, and the word of the last piece.
    let (mut open, mut last) = (false, None);
    for (i, (&(start, end), &word)) in scored.pieces.iter().zip(&scored.words).enumerate() {
        // Some tokenizers count the space before a word to it.
        let start = end - text[start..end].trim_start().len();
        if start == end {
            continue;
        }
        if word.is_some() && word == last {
            if let Some(phrase) = phrases.last_mut().filter(|_| open) {
                phrase.end = end;
            }
            continue;
        }
        last = word;
        let (label, score) = likeliest(scored, i);
        let (begins, label) = match labels[label].as_str() {
            "O" => {
                open = false;
                continue;
            }
            label => match label.split_once('-') {
                Some(("B", label)) => (true, label),
                Some(("I", label)) => (false, label),
                _ => (false, label),
            },
        };
        match phrases.last_mut() {
            Some(phrase) if open && !begins && phrase.label == label => {
                phrase.end = end;
                phrase.score = phrase.score.min(score);
            }
            _ => phrases.push(Phrase {
                start,
                end,
                label,
                score,
            }),
        }
        open = true;
    }
    phrases
}

/// The likeliest label of a row, and its probability; the first where two are equal. A
/// network with a single label gives none a probability: its number as it is.
fn likeliest(scored: &Scored, row: usize) -> (usize, f64) {
    let logits: Vec<f32> = scored.logits.row(row).to_vec();
    if let [number] = logits[..] {
        return (0, round(number.into()));
    }
    let probabilities = probabilities(&logits);
    let mut best = 0;
    for (label, p) in probabilities.iter().enumerate() {
        if *p > probabilities[best] {
            best = label;
        }
    }
    (best, probabilities[best])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn words_of_one_label_are_a_phrase() {
        let labels = ["O", "B-PER", "I-PER", "LOC"].map(str::to_owned);
        let text = "Mias nikov, Lenin in Baku";
        // Mias|·nik·ov|,| Lenin| in| Baku: the pieces with their spaces, by words.
        let pieces = vec![
            (0, 4),
            (4, 8),
            (8, 10),
            (10, 11),
            (11, 17),
            (17, 20),
            (20, 25),
        ];
        let words = [0, 1, 1, 2, 3, 4, 5].map(Some).to_vec();
        let said = [1, 2, 0, 0, 1, 0, 3];
        let mut logits = Array2::zeros((7, 4));
        said.iter()
            .enumerate()
            .for_each(|(i, &k)| logits[[i, k]] = 9.0);
        let scored = Scored {
            pieces,
            words,
            logits,
        };
        let found: Vec<(&str, &str)> = (phrases(&scored, &labels, text).iter())
            .map(|phrase| (&text[phrase.start..phrase.end], phrase.label))
            .collect();
        assert_eq!(
            found,
            [("Mias nikov", "PER"), ("Lenin", "PER"), ("Baku", "LOC")]
        );
    }
}
