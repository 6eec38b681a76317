//! Claims: which sentences argue.

use crate::layers::{Causation, Claim, ClaimKind, Sentence};
use crate::networks::{PieceSpan, Reader, SentenceTags};
use crate::text::{Document, Span};

/// A claim for every sentence and kind whose probability reaches the kind's
/// threshold; of causal sentences with the words that name cause and effect.
pub fn find(
    document: &Document,
    sentences: &[Sentence],
    tags: &[SentenceTags],
    reader: &Reader,
) -> Vec<Claim> {
    let kinds = [
        (ClaimKind::Claim, reader.thresholds.claim),
        (ClaimKind::Premise, reader.thresholds.premise),
        (ClaimKind::Causal, reader.thresholds.causal),
    ];
    let mut claims = Vec::new();
    for (sentence, tags) in sentences.iter().zip(tags) {
        for ((kind, threshold), score) in kinds.into_iter().zip(tags.claims) {
            if score >= threshold {
                claims.push(Claim {
                    span: sentence.span,
                    kind,
                    score,
                    causation: match kind {
                        ClaimKind::Causal => causation(document, sentence.span, tags),
                        ClaimKind::Claim | ClaimKind::Premise => None,
                    },
                });
            }
        }
    }
    claims
}

fn causation(document: &Document, sentence: Span, tags: &SentenceTags) -> Option<Causation> {
    let surface = document.surface(sentence);
    // Whole words: a span may begin or end within one.
    let word = |piece| tags.words[tags.words.partition_point(|w| w.piece <= piece) - 1];
    let words = |pieces: &PieceSpan| {
        let (first, last) = (word(*pieces.start()), word(*pieces.end()));
        surface.span(first.start, last.end)
    };
    let relation = tags.relation.as_ref()?;
    let (cause, effect) = (words(&relation.cause), words(&relation.effect));
    // Two parts of one word are no cause and effect.
    (!cause.overlaps(effect)).then(|| Causation {
        cause,
        effect,
        signal: relation.signal.as_ref().map(words),
    })
}
