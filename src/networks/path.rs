//! The best sequence of BIO labels (Ramshaw and Marcus 1995).

use ndarray::ArrayView2;

/// For every word its label in the sequence that scores highest (Viterbi 1967)
/// among those in which a span begins with B and goes on with I. `scores`:
/// `[words, labels]`; `joined`: whether a word hangs on the one before it, so
/// that no span may begin or end between the two. Of equals the first label.
pub fn best_path(scores: ArrayView2<f32>, labels: &[String], joined: &[bool]) -> Vec<u8> {
    let goes_on = |from: usize, to: usize| {
        labels[to].starts_with("I-") && labels[from].get(1..) == labels[to].get(1..)
    };
    let follows = |from: usize, to: usize, joined: bool| {
        let outside = labels[from] == "O" && labels[to] == "O";
        goes_on(from, to) || outside || (!joined && !labels[to].starts_with("I-"))
    };
    let mut came_from: Vec<Vec<usize>> = Vec::new();
    let mut best: Vec<f32> = Vec::new();
    for (word, scores) in scores.rows().into_iter().enumerate() {
        let mut next = Vec::with_capacity(labels.len());
        let mut from = Vec::with_capacity(labels.len());
        for (to, &score) in scores.iter().enumerate() {
            let (mut before, mut most) = (0, f32::NEG_INFINITY);
            if word == 0 {
                most = if labels[to].starts_with("I-") {
                    most
                } else {
                    0.0
                };
            } else {
                for (k, &score) in best.iter().enumerate() {
                    if score > most && follows(k, to, joined[word]) {
                        (before, most) = (k, score);
                    }
                }
            }
            next.push(most + score);
            from.push(before);
        }
        best = next;
        came_from.push(from);
    }
    let mut at = (0..best.len()).fold(0, |top, k| if best[k] > best[top] { k } else { top });
    let mut path: Vec<u8> = Vec::with_capacity(came_from.len());
    for from in came_from.iter().rev() {
        path.push(at as u8);
        at = from[at];
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn labels() -> Vec<String> {
        ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn a_span_has_one_type() {
        // Each word by itself: B-LOC, I-PER, O.
        let scores = array![
            [0.0, 2.0, 0.0, 2.5, 0.0],
            [0.0, 0.0, 3.0, 0.0, 1.0],
            [5.0, 0.0, 0.0, 0.0, 0.0],
        ];
        assert_eq!(best_path(scores.view(), &labels(), &[false; 3]), [1, 2, 0]);
        assert!(best_path(Array2::zeros((0, 5)).view(), &labels(), &[]).is_empty());
    }

    #[test]
    fn a_hyphenated_word_is_not_divided() {
        // Alma - Ata, the second part taken for a person
        let scores = array![
            [0.0, 0.0, 0.0, 4.0, 0.0],
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 0.0, 2.5],
        ];
        assert_eq!(best_path(scores.view(), &labels(), &[false; 3]), [3, 0, 1]);
        let joined = [false, true, true];
        assert_eq!(best_path(scores.view(), &labels(), &joined), [3, 4, 4]);
    }

    proptest! {
        #[test]
        fn no_other_sequence_scores_higher(
            scores in prop::collection::vec(prop::array::uniform5(-9i8..9), 1..5),
            joined in prop::collection::vec(any::<bool>(), 5),
        ) {
            let labels = labels();
            let words = scores.len();
            let scores = Array2::from_shape_fn((words, 5), |(i, k)| f32::from(scores[i][k]));
            let may = |path: &[usize]| path.iter().enumerate().all(|(i, &k)| {
                let inside = labels[k].starts_with('I');
                let goes_on = i > 0 && path[i - 1] != 0 && labels[path[i - 1]][1..] == labels[k][1..];
                let both_out = i > 0 && k == 0 && path[i - 1] == 0;
                (!inside || goes_on) && (i == 0 || !joined[i] || both_out || inside)
            });
            let sum = |path: &[usize]| path.iter().enumerate().map(|(i, &k)| scores[[i, k]]).sum::<f32>();
            let all = (0..5usize.pow(words as u32)).map(|n| (0..words).map(|i| n / 5usize.pow(i as u32) % 5).collect::<Vec<_>>());
            let most = all.filter(|path| may(path)).map(|path| sum(&path)).fold(f32::NEG_INFINITY, f32::max);
            let path: Vec<usize> = best_path(scores.view(), &labels, &joined).into_iter().map(usize::from).collect();
            prop_assert!(may(&path));
            prop_assert_eq!(sum(&path), most);
        }
    }
}
