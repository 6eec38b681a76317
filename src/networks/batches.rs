//! Batches of word pieces.

use ndarray::{Array2, s};

use super::Wordpiece;

/// Word pieces in one batch, padding included.
const BATCH_PIECES: usize = 1024;

/// Pieces `start..end` of a text: all of them, or as many as a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub text: usize,
    pub start: usize,
    pub end: usize,
}

impl Chunk {
    /// Pieces with the two special tokens around them.
    pub fn length(self) -> usize {
        self.end - self.start + 2
    }
}

/// Inputs of like length together, so that little is padding. What is in a
/// batch depends on the lengths alone.
pub fn batches<T>(mut inputs: Vec<T>, length: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    inputs.sort_by_key(&length);
    let mut batches: Vec<Vec<T>> = Vec::new();
    for input in inputs {
        match batches.last_mut() {
            Some(batch)
                if (batch.len() + 1) * length(&input) <= BATCH_PIECES
                    && length(&input) <= length(&batch[0]) * 17 / 16 + 1 =>
            {
                batch.push(input);
            }
            _ => batches.push(vec![input]),
        }
    }
    batches
}

/// Ids and attention mask of a batch, shape `[chunks, longest]`.
pub fn padded(
    batch: &[Chunk],
    pieces: &[Vec<i32>],
    tokenizer: &Wordpiece,
) -> (Array2<i32>, Array2<i32>) {
    let width = batch.iter().map(|chunk| chunk.length()).max().unwrap_or(0);
    let mut ids = Array2::from_elem((batch.len(), width), tokenizer.pad);
    let mut mask = Array2::zeros((batch.len(), width));
    for (row, chunk) in batch.iter().enumerate() {
        let length = chunk.length();
        ids[[row, 0]] = tokenizer.cls;
        for (to, id) in ids
            .slice_mut(s![row, 1..length - 1])
            .iter_mut()
            .zip(&pieces[chunk.text][chunk.start..])
        {
            *to = *id;
        }
        ids[[row, length - 1]] = tokenizer.sep;
        mask.slice_mut(s![row, ..length]).fill(1);
    }
    (ids, mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_chunk_once_and_little_padding() {
        let chunk = |text: usize, end: usize| Chunk {
            text,
            start: 0,
            end,
        };
        let chunks: Vec<Chunk> = (0..200).map(|i| chunk(i, (i * 37) % 190)).collect();
        let batches = batches(chunks.clone(), |chunk| chunk.length());
        let (mut real, mut all) = (0, 0);
        for batch in &batches {
            let width = batch.iter().map(|c| c.length()).max().unwrap();
            assert!(batch.len() == 1 || batch.len() * width <= BATCH_PIECES);
            real += batch.iter().map(|c| c.length()).sum::<usize>();
            all += batch.len() * width;
        }
        assert!(
            (all - real) * 20 < all,
            "less than one piece in twenty is padding"
        );
        let mut together = batches.concat();
        together.sort_by_key(|c| c.text);
        assert_eq!(together, chunks);
    }
}
