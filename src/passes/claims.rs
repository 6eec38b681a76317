//! Claims: which sentences argue.

use crate::layers::{Claim, ClaimKind, Sentence};
use crate::networks::{Reader, SentenceTags};

/// A claim for every sentence and kind whose probability reaches the kind's
/// threshold.
pub fn find(sentences: &[Sentence], tags: &[SentenceTags], reader: &Reader) -> Vec<Claim> {
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
                });
            }
        }
    }
    claims
}
