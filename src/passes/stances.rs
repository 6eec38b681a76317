//! Stances: where every sentence stands on every thesis.

use anyhow::Result;
use rayon::prelude::*;

use crate::layers::{Sentence, SentenceStance, Speaker, Stance, Voice};
use crate::networks::{Judge, round, softmax};
use crate::study::{Study, Thesis};
use crate::text::{Document, Span};

/// Runs the judge over the essay. The first list has the sentences that bear on a
/// thesis with at least the study's threshold of probability; the second, for every
/// thesis, the one among the others that comes nearest.
pub fn find(
    document: &Document,
    sentences: &[Sentence],
    voices: &[Voice],
    judge: &Judge,
    study: &Study,
) -> Result<(Vec<Stance>, Vec<Stance>)> {
    let theses: Vec<String> = study.theses.iter().map(Thesis::statement).collect();
    let surfaces: Vec<String> = sentences
        .par_iter()
        .map(|sentence| document.surface(sentence.span).text)
        .collect();
    let paragraphs: Vec<usize> = sentences.iter().map(|sentence| sentence.block).collect();
    let judged = judge.judge(&strs(&surfaces), &paragraphs, &strs(&theses))?;
    let mut stances = Vec::new();
    let mut nearest: Vec<Option<Stance>> = vec![None; theses.len()];
    for (sentence, logits) in sentences.iter().zip(judged) {
        let (voice, source) = speaker(sentence.span, voices);
        for (thesis_index, logits) in logits.into_iter().enumerate() {
            let [none, asserts, denies, reports] = softmax(logits);
            let probabilities = [asserts, denies, reports];
            let stance = Stance {
                span: sentence.span,
                thesis_index,
                thesis: study.theses[thesis_index].id.clone(),
                stance: likeliest(probabilities),
                voice,
                source: source.clone(),
                score: round(1.0 - none),
                probabilities,
            };
            let near = &mut nearest[thesis_index];
            if stance.score >= study.thresholds.evidence {
                stances.push(stance);
            } else if near.as_ref().is_none_or(|near| stance.score > near.score) {
                *near = Some(stance);
            }
        }
    }
    Ok((stances, nearest.into_iter().flatten().collect()))
}

/// The first named where they are equal.
fn likeliest(probabilities: [f64; 3]) -> SentenceStance {
    let mut stance = SentenceStance::Asserts;
    for (other, p) in SentenceStance::ALL.into_iter().zip(probabilities) {
        if p > probabilities[stance as usize] {
            stance = other;
        }
    }
    stance
}

fn strs(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

/// Whose words a sentence gives: another's when voices cover more than half
/// of it (a fragment quoted inside the author's argument is the author's).
fn speaker(sentence: Span, voices: &[Voice]) -> (Speaker, Option<String>) {
    let first = voices.partition_point(|v| v.span.end <= sentence.start);
    let of_sentence = voices[first..]
        .iter()
        .take_while(|v| v.span.start < sentence.end);
    let (mut covered, mut source) = (0, None);
    for voice in of_sentence {
        covered += voice.span.len();
        source = source.or_else(|| voice.source.clone());
    }
    if 2 * covered > sentence.len() {
        (Speaker::Cited, source)
    } else {
        (Speaker::Author, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(start: usize, end: usize, source: Option<&str>) -> Voice {
        Voice {
            span: Span::new(start, end),
            source: source.map(str::to_owned),
            cue: None,
            commitment: 0.0,
        }
    }

    #[test]
    fn a_sentence_is_cited_when_most_of_it_is() {
        let voices = [
            voice(0, 5, None),
            voice(20, 50, Some("Carr")),
            voice(60, 65, Some("Deutscher")),
        ];
        let cited = |a, b| speaker(Span::new(a, b), &voices);
        assert_eq!(cited(10, 55), (Speaker::Cited, Some("Carr".into())));
        assert_eq!(
            cited(56, 100),
            (Speaker::Author, None),
            "a fragment is the author's"
        );
        assert_eq!(cited(5, 19), (Speaker::Author, None));
    }
}
