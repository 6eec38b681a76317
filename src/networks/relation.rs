//! Cause, effect and signal from the scores of where they begin and end.
//!
//! The reader gives every piece six scores: first and last piece of the cause,
//! of the effect, of the signal. As in extractive question answering (Devlin et
//! al. 2019), a span's score is the sum of its two ends'; cause and effect are
//! the two spans that score highest together without overlapping, and a signal
//! is there where its best span beats the score of the start token.

use std::ops::RangeInclusive;

use ndarray::ArrayView2;

use super::settle;

/// First to last piece.
pub type PieceSpan = RangeInclusive<usize>;

/// What brings what about in a sentence, in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub cause: PieceSpan,
    pub effect: PieceSpan,
    /// The words that tie them together, where there are any.
    pub signal: Option<PieceSpan>,
}

impl Relation {
    /// Decodes scores of shape `[1 + pieces, 6]`, the start token's first. None
    /// where there are fewer than two pieces.
    pub fn decode(scores: ArrayView2<f32>) -> Option<Self> {
        let ends = |piece: usize, part: usize| {
            (
                settle(scores[[piece, 2 * part]]),
                settle(scores[[piece, 2 * part + 1]]),
            )
        };
        let pieces = 1..scores.nrows();
        let of_part = |part| pieces.clone().map(|i| ends(i, part)).collect::<Vec<_>>();
        let (cause, effect) = best_pair(&of_part(0), &of_part(1))?;
        let signal = best_in_prefixes(&of_part(2)).pop()?;
        let (first, last) = ends(0, 2);
        Some(Self {
            cause,
            effect,
            signal: (signal.score > first + last).then(|| signal.span()),
        })
    }

    /// The same pieces, counted from `by` pieces earlier.
    pub fn shifted(&self, by: usize) -> Self {
        let shift = |span: &PieceSpan| span.start() + by..=span.end() + by;
        Self {
            cause: shift(&self.cause),
            effect: shift(&self.effect),
            signal: self.signal.as_ref().map(shift),
        }
    }
}

#[derive(Clone, Copy)]
struct Scored {
    score: f32,
    first: usize,
    last: usize,
}

impl Scored {
    fn span(self) -> PieceSpan {
        self.first..=self.last
    }
}

/// For every piece, the best span that ends there or before; of equals the first.
fn best_in_prefixes(ends: &[(f32, f32)]) -> Vec<Scored> {
    let mut best: Vec<Scored> = Vec::with_capacity(ends.len());
    let mut first = 0;
    for (last, &(opening, closing)) in ends.iter().enumerate() {
        if opening > ends[first].0 {
            first = last;
        }
        let score = ends[first].0 + closing;
        let here = Scored { score, first, last };
        best.push(match best.last() {
            Some(&before) if before.score >= score => before,
            _ => here,
        });
    }
    best
}

/// The two spans with the highest sum that do not overlap.
fn best_pair(one: &[(f32, f32)], other: &[(f32, f32)]) -> Option<(PieceSpan, PieceSpan)> {
    let ((before, after), (other_before, one_after)) = (split(one, other), split(other, one));
    let sum = |(a, b): (Scored, Scored)| a.score + b.score;
    let ordered = best_cut(&before, &after)?;
    let swapped = best_cut(&other_before, &one_after)?;
    Some(if sum(swapped) > sum(ordered) {
        (swapped.1.span(), swapped.0.span())
    } else {
        (ordered.0.span(), ordered.1.span())
    })
}

/// Best spans of `left` that end at or before a piece, and of `right` that begin
/// at or after it.
fn split(left: &[(f32, f32)], right: &[(f32, f32)]) -> (Vec<Scored>, Vec<Scored>) {
    let mirrored: Vec<_> = right.iter().rev().map(|&(a, b)| (b, a)).collect();
    let last = right.len().saturating_sub(1);
    let unmirror = |s: &Scored| Scored {
        score: s.score,
        first: last - s.last,
        last: last - s.first,
    };
    let from = best_in_prefixes(&mirrored);
    (
        best_in_prefixes(left),
        from.iter().rev().map(unmirror).collect(),
    )
}

/// The best place to cut between a span before and a span after.
fn best_cut(before: &[Scored], after: &[Scored]) -> Option<(Scored, Scored)> {
    let pairs = before.iter().zip(after.iter().skip(1));
    pairs
        .map(|(&a, &b)| (a, b))
        .reduce(|best, next| match best.0.score + best.1.score {
            score if next.0.score + next.1.score > score => next,
            _ => best,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    /// Every pair of spans, one by one.
    fn by_hand(one: &[(f32, f32)], other: &[(f32, f32)]) -> f32 {
        let n = one.len();
        let spans: Vec<_> = (0..n).flat_map(|a| (a..n).map(move |b| (a, b))).collect();
        let apart = |x: &(usize, usize), y: &(usize, usize)| x.1 < y.0 || y.1 < x.0;
        let pairs = spans
            .iter()
            .flat_map(|x| spans.iter().map(move |y| (x, y)))
            .filter(|(x, y)| apart(x, y));
        pairs
            .map(|(x, y)| one[x.0].0 + one[x.1].1 + other[y.0].0 + other[y.1].1)
            .fold(f32::NEG_INFINITY, f32::max)
    }

    proptest! {
        #[test]
        fn no_two_spans_apart_score_higher(scores in prop::collection::vec(prop::array::uniform4(-40i8..40), 2..12)) {
            let ends = |k: usize| scores.iter().map(|s| (f32::from(s[k]), f32::from(s[k + 1]))).collect::<Vec<_>>();
            let (one, other) = (ends(0), ends(2));
            let (a, b) = best_pair(&one, &other).unwrap();
            prop_assert!(a.end() < b.start() || b.end() < a.start());
            let score = one[*a.start()].0 + one[*a.end()].1 + other[*b.start()].0 + other[*b.end()].1;
            prop_assert_eq!(score, by_hand(&one, &other));
        }
    }

    #[test]
    fn a_signal_must_beat_the_start_token() {
        // "the mill closed because coal ran out"
        let mut scores = Array2::zeros((8, 6));
        for (piece, end) in [(5, 0), (7, 1), (1, 2), (3, 3), (4, 4), (4, 5)] {
            scores[[piece, end]] = 5.0;
        }
        let relation = Relation::decode(scores.view()).unwrap();
        assert_eq!((relation.cause, relation.effect), (4..=6, 0..=2));
        assert_eq!(relation.signal, Some(3..=3));
        scores[[0, 4]] = 11.0;
        assert_eq!(Relation::decode(scores.view()).unwrap().signal, None);
        assert_eq!(
            Relation::decode(Array2::zeros((2, 6)).view()),
            None,
            "one piece cannot bring about another"
        );
    }
}
