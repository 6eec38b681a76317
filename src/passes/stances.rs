//! Stances: where every sentence stands on every thesis.

use anyhow::Result;
use rayon::prelude::*;

use crate::layers::{Sentence, SentenceStance, Speaker, Stance, Voice};
use crate::networks::{Features, Judge, StanceLogits, round, softmax};
use crate::study::{Study, Thesis};
use crate::text::{Document, Span};

/// What a judge is given of an essay.
pub struct Questions {
    /// The sentences as a reader sees them, without markup.
    pub surfaces: Vec<String>,
    /// The paragraph of each.
    pub paragraphs: Vec<usize>,
}

/// Probabilities of none, asserts, denies and reports for every sentence (outer) and
/// thesis (inner).
pub type Judged = Vec<Vec<[f64; 4]>>;

impl Questions {
    pub fn new(document: &Document, sentences: &[Sentence]) -> Self {
        let surface = |sentence: &Sentence| document.surface(sentence.span).text;
        Self {
            surfaces: sentences.par_iter().map(surface).collect(),
            paragraphs: sentences.iter().map(|sentence| sentence.block).collect(),
        }
    }

    /// The judge's answers on theses, as `label: definition`.
    pub fn ask(&self, judge: &Judge, theses: &[String]) -> Result<Judged> {
        let judged = judge.judge(&strs(&self.surfaces), &self.paragraphs, &strs(theses))?;
        let of_sentence = |logits: Vec<StanceLogits>| logits.into_iter().map(softmax).collect();
        Ok(judged.into_iter().map(of_sentence).collect())
    }

    /// What a head for these theses is given.
    pub fn features(&self, judge: &Judge, theses: &[Thesis]) -> Result<Features> {
        let theses = Thesis::statements(theses);
        judge.features(&strs(&self.surfaces), &self.paragraphs, &strs(&theses))
    }
}

/// Runs the judge over the essay, and takes its answers as [`take`] does.
pub fn find(
    document: &Document,
    sentences: &[Sentence],
    voices: &[Voice],
    judge: &Judge,
    study: &Study,
) -> Result<(Vec<Stance>, Vec<Stance>)> {
    let theses = Thesis::statements(&study.theses);
    let judged = Questions::new(document, sentences).ask(judge, &theses)?;
    Ok(take(&judged, sentences, voices, study))
}

/// The first list has the sentences that bear on a thesis with at least the study's
/// threshold of probability; the second, for every thesis, the one among the others
/// that comes nearest.
pub fn take(
    judged: &Judged,
    sentences: &[Sentence],
    voices: &[Voice],
    study: &Study,
) -> (Vec<Stance>, Vec<Stance>) {
    let mut stances = Vec::new();
    let mut nearest: Vec<Option<Stance>> = vec![None; study.theses.len()];
    for (sentence, judged) in sentences.iter().zip(judged) {
        let (voice, source) = speaker(sentence.span, voices);
        for (thesis_index, &[none, asserts, denies, reports]) in judged.iter().enumerate() {
            let probabilities = [asserts, denies, reports];
            let stance = Stance {
                span: sentence.span,
                thesis_index,
                thesis: study.theses[thesis_index].id.clone(),
                stance: likeliest(probabilities),
                voice,
                source: source.clone(),
                score: score(none),
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
    (stances, nearest.into_iter().flatten().collect())
}

/// Probability that a sentence bears on a thesis, given that of none.
pub fn score(none: f64) -> f64 {
    round(1.0 - none)
}

/// The first named where they are equal.
pub fn likeliest(probabilities: [f64; 3]) -> SentenceStance {
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
