//! The head: what hand labels teach about theses, on top of what the judge makes of
//! sentences.
//!
//! For every thesis two multinomial logistic regressions: one on the networks' numbers,
//! one on word pieces. Their answers are pooled (the logarithmic opinion pool, Genest and
//! Zidek 1986); which stance a sentence takes, if any, they say together with the tower,
//! which has read far more denials and reports than labelled essays have.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate, s};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::StanceLogits;

/// Stances of a sentence: none, asserts, denies, reports.
pub const STANCES: usize = 4;
/// What stands around a sentence counts half.
const CONTEXT: f32 = 0.5;
/// Sentences on each side whose mean stands for the passage.
const PASSAGE: usize = 4;
/// Scale of the towers' logits among vectors of length 1.
const LOGITS: f32 = 0.1;

/// What the judge makes of the sentences of one essay.
#[derive(Clone, Debug)]
pub struct Features {
    /// A vector of each sentence by itself, `[sentences, width]`.
    pub vectors: Array2<f32>,
    /// Its state among its neighbours, `[sentences, width]`.
    pub states: Array2<f32>,
    /// What a tower says of it, `[sentences, 4]` a thesis.
    pub logits: Vec<Array2<f32>>,
    /// Its word pieces.
    pub pieces: Vec<Vec<i32>>,
}

/// A fitted head. Weights have 4 columns a thesis, one a stance.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Of the states that it was fitted to, `[width]`.
    pub mean: Array1<f32>,
    pub dense: Linear,
    pub words: Words,
    pub lexical: Linear,
}

/// A linear layer: `weights` `[inputs, outputs]`, `bias` `[outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub weights: Array2<f32>,
    pub bias: Array1<f32>,
}

/// The word pieces that are counted, and what each is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Ids of pieces, ascending.
    pub pieces: Vec<i32>,
    /// Inverse document frequency: 1 + ln((1 + n) / (1 + n with the piece)).
    pub idf: Array1<f32>,
}

/// Rows of few numbers, as (column, number).
#[derive(Clone, Debug, Default)]
pub struct Sparse {
    pub rows: Vec<Vec<(usize, f32)>>,
    pub columns: usize,
}

/// Inputs of a linear layer.
pub trait Inputs: Sync {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);
    /// The inputs times `weights` `[columns, outputs]`.
    fn times(&self, weights: &Array2<f32>) -> Array2<f32>;
    /// The inputs, transposed, times `errors` `[rows, outputs]`.
    fn transposed_times(&self, errors: &Array2<f32>) -> Array2<f32>;
}

impl Inputs for Array2<f32> {
    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn times(&self, weights: &Array2<f32>) -> Array2<f32> {
        self.dot(weights)
    }

    fn transposed_times(&self, errors: &Array2<f32>) -> Array2<f32> {
        self.t().dot(errors)
    }
}

impl Inputs for Sparse {
    fn shape(&self) -> (usize, usize) {
        (self.rows.len(), self.columns)
    }

    fn times(&self, weights: &Array2<f32>) -> Array2<f32> {
        let mut products = Array2::zeros((self.rows.len(), weights.ncols()));
        for (mut product, row) in products.rows_mut().into_iter().zip(&self.rows) {
            for &(column, number) in row {
                product.scaled_add(number, &weights.row(column));
            }
        }
        products
    }

    fn transposed_times(&self, errors: &Array2<f32>) -> Array2<f32> {
        let mut products = Array2::zeros((self.columns, errors.ncols()));
        for (error, row) in errors.rows().into_iter().zip(&self.rows) {
            for &(column, number) in row {
                products.row_mut(column).scaled_add(number, &error);
            }
        }
        products
    }
}

impl Linear {
    pub fn apply(&self, inputs: &impl Inputs) -> Array2<f32> {
        inputs.times(&self.weights) + &self.bias
    }
}

impl Features {
    /// Inputs of the regression on the networks' numbers, `[sentences, 5 × width + 16 × theses]`:
    /// vectors in their context, states less `mean` and brought to length 1, and the towers'
    /// logits in their context.
    pub fn dense(&self, mean: &Array1<f32>) -> Array2<f32> {
        let mut states = &self.states - mean;
        for mut state in states.rows_mut() {
            let length = state.dot(&state).sqrt();
            state /= length.max(1e-9);
        }
        let logits: Vec<_> = self.logits.iter().map(|logits| logits.view()).collect();
        let logits = ndarray::concatenate(Axis(1), &logits).expect("a row a sentence");
        concatenate![
            Axis(1),
            in_context(&self.vectors),
            states,
            in_context(&logits) * LOGITS
        ]
    }

    /// Inputs of the regression on word pieces, `[sentences, 2 × words]`: tf-idf (1 + the
    /// logarithm of the count, Salton and Buckley 1988) to length 1, then the sum of the
    /// neighbours', at half weight.
    pub fn lexical(&self, words: &Words) -> Sparse {
        let own: Vec<Vec<(usize, f32)>> = self.pieces.iter().map(|p| words.weigh(p)).collect();
        let count = words.pieces.len();
        let rows = (0..own.len()).map(|i| {
            let before = i.checked_sub(1).map_or(&[][..], |i| &own[i]);
            let after = own.get(i + 1).map_or(&[][..], |row| row);
            let near = before.iter().chain(after);
            let near = near.map(|&(word, weight)| (count + word, CONTEXT * weight));
            own[i].iter().copied().chain(near).collect()
        });
        Sparse {
            rows: rows.collect(),
            columns: 2 * count,
        }
    }
}

impl Words {
    /// The pieces that at least `rarest` of the sentences have.
    pub fn of<'a>(sentences: impl Iterator<Item = &'a Vec<i32>>, rarest: usize) -> Self {
        let (mut having, mut all) = (BTreeMap::<i32, usize>::new(), 0);
        for sentence in sentences {
            all += 1;
            for &piece in &sentence.iter().copied().collect::<BTreeSet<i32>>() {
                *having.entry(piece).or_default() += 1;
            }
        }
        having.retain(|_, count| *count >= rarest);
        let idf = |&count: &usize| 1.0 + ((1 + all) as f32 / (1 + count) as f32).ln();
        Self {
            idf: having.values().map(idf).collect(),
            pieces: having.into_keys().collect(),
        }
    }

    /// The tf-idf of a sentence's pieces, of length 1.
    fn weigh(&self, pieces: &[i32]) -> Vec<(usize, f32)> {
        let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
        for piece in pieces {
            if let Ok(word) = self.pieces.binary_search(piece) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let weight =
            |(word, count): (usize, u32)| (word, (1.0 + (count as f32).ln()) * self.idf[word]);
        let mut row: Vec<(usize, f32)> = counts.into_iter().map(weight).collect();
        let length = row.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
        row.iter_mut().for_each(|(_, w)| *w /= length.max(1e-9));
        row
    }
}

impl Head {
    pub fn theses(&self) -> usize {
        self.dense.bias.len() / STANCES
    }

    /// Logarithms of the probabilities of every stance, `[sentences, 4]` a thesis.
    pub fn stances(&self, features: &Features) -> Vec<Array2<f32>> {
        let dense = self.dense.apply(&features.dense(&self.mean));
        let lexical = self.lexical.apply(&features.lexical(&self.words));
        let of_thesis = |(thesis, tower): (usize, &Array2<f32>)| {
            let own = s![.., thesis * STANCES..(thesis + 1) * STANCES];
            let (dense, lexical) = (dense.slice(own), lexical.slice(own));
            let mut stances = Array2::zeros((dense.nrows(), STANCES));
            for (i, mut row) in stances.rows_mut().into_iter().enumerate() {
                let logs = together(dense.row(i), lexical.row(i), tower.row(i));
                row.assign(&ArrayView1::from(&logs));
            }
            stances
        };
        features.logits.iter().enumerate().map(of_thesis).collect()
    }

    /// Reads a head from a safetensors file.
    ///
    /// # Errors
    /// When it is no such file, a tensor is missing, or the shapes do not fit each other.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).context("not a safetensors file, or damaged")?;
        let tensor = |name: &str, dtype: Dtype| -> Result<(Vec<usize>, Vec<[u8; 4]>)> {
            let tensor = file
                .tensor(name)
                .with_context(|| format!("there is no {name}"))?;
            ensure!(tensor.dtype() == dtype, "{name}: numbers of another kind");
            let numbers = tensor.data().chunks_exact(4);
            let numbers = numbers.map(|b| [b[0], b[1], b[2], b[3]]).collect();
            Ok((tensor.shape().to_vec(), numbers))
        };
        let floats = |name: &str| -> Result<(Vec<usize>, Vec<f32>)> {
            let (shape, numbers) = tensor(name, Dtype::F32)?;
            let numbers: Vec<f32> = numbers.into_iter().map(f32::from_le_bytes).collect();
            ensure!(
                numbers.iter().all(|number| number.is_finite()),
                "{name}: a number is not finite"
            );
            Ok((shape, numbers))
        };
        let vector = |name: &str| Ok::<_, anyhow::Error>(Array1::from(floats(name)?.1));
        let matrix = |name: &str| -> Result<Array2<f32>> {
            let (shape, numbers) = floats(name)?;
            let [rows, columns] = shape[..] else {
                anyhow::bail!("{name}: shape {shape:?}, where rows and columns are wanted");
            };
            Ok(Array2::from_shape_vec((rows, columns), numbers)?)
        };
        let linear = |name: &str| -> Result<Linear> {
            Ok(Linear {
                weights: matrix(&format!("{name}.weights"))?,
                bias: vector(&format!("{name}.bias"))?,
            })
        };
        let (_, pieces) = tensor("words.pieces", Dtype::I32)?;
        let head = Self {
            mean: vector("mean")?,
            dense: linear("dense")?,
            words: Words {
                pieces: pieces.into_iter().map(i32::from_le_bytes).collect(),
                idf: vector("words.idf")?,
            },
            lexical: linear("lexical")?,
        };
        let (outputs, words) = (head.dense.bias.len(), head.words.pieces.len());
        let inputs = 5 * head.mean.len() + 4 * outputs;
        ensure!(
            outputs > 0
                && outputs % STANCES == 0
                && head.dense.weights.dim() == (inputs, outputs)
                && head.words.idf.len() == words
                && head.words.pieces.is_sorted_by(|a, b| a < b)
                && head.lexical.weights.dim() == (2 * words, outputs)
                && head.lexical.bias.len() == outputs,
            "the shapes of its tensors do not fit each other"
        );
        Ok(head)
    }

    /// The head as a safetensors file.
    pub fn write(&self) -> Vec<u8> {
        let bytes = |numbers: &mut dyn Iterator<Item = &f32>| -> Vec<u8> {
            numbers.flat_map(|number| number.to_le_bytes()).collect()
        };
        let vector = |v: &Array1<f32>| (Dtype::F32, vec![v.len()], bytes(&mut v.iter()));
        let matrix = |m: &Array2<f32>| (Dtype::F32, m.shape().to_vec(), bytes(&mut m.iter()));
        let pieces = &self.words.pieces;
        let pieces = (
            Dtype::I32,
            vec![pieces.len()],
            pieces
                .iter()
                .flat_map(|piece| piece.to_le_bytes())
                .collect(),
        );
        let tensors: BTreeMap<&str, (Dtype, Vec<usize>, Vec<u8>)> = [
            ("mean", vector(&self.mean)),
            ("dense.weights", matrix(&self.dense.weights)),
            ("dense.bias", vector(&self.dense.bias)),
            ("words.pieces", pieces),
            ("words.idf", vector(&self.words.idf)),
            ("lexical.weights", matrix(&self.lexical.weights)),
            ("lexical.bias", vector(&self.lexical.bias)),
        ]
        .into();
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            let view = TensorView::new(*dtype, shape.clone(), data);
            (*name, view.expect("as many bytes as the shape has"))
        });
        safetensors::serialize(views, None).expect("tensors of known kinds")
    }
}

/// Whether a sentence is evidence, by the regressions; its stance, if it is, by them and by
/// the tower. All are logits; so is the answer, normalised.
fn together(
    dense: ArrayView1<f32>,
    lexical: ArrayView1<f32>,
    tower: ArrayView1<f32>,
) -> StanceLogits {
    let (dense, lexical) = (log_softmax(dense.iter()), log_softmax(lexical.iter()));
    let pooled: Vec<f32> = dense
        .iter()
        .zip(&lexical)
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    let pooled = log_softmax(pooled.iter());
    let taken = log_softmax(pooled[1..].iter());
    let tower = log_softmax(tower.iter().skip(1));
    let taken: Vec<f32> = taken
        .iter()
        .zip(&tower)
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    let taken = log_softmax(taken.iter());
    let some: f32 = pooled[1..].iter().map(|log| log.exp()).sum();
    let some = some.max(1e-30).ln();
    [pooled[0], some + taken[0], some + taken[1], some + taken[2]]
}

fn log_softmax<'a>(logits: impl Iterator<Item = &'a f32> + Clone) -> Vec<f32> {
    let top = logits.clone().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.clone().map(|x| (x - top).exp()).sum();
    logits.map(|x| x - top - sum.ln()).collect()
}

/// Each row and, at half weight, the one before, the one after and the mean of the passage
/// around it; shape `[sentences, 4 × width]`.
fn in_context(sentences: &Array2<f32>) -> Array2<f32> {
    let (count, width) = sentences.dim();
    let mut before = Array2::zeros((count, width));
    let mut after = Array2::zeros((count, width));
    let mut passage = Array2::zeros((count, width));
    for i in 0..count {
        if i > 0 {
            before.row_mut(i).scaled_add(CONTEXT, &sentences.row(i - 1));
        }
        if i + 1 < count {
            after.row_mut(i).scaled_add(CONTEXT, &sentences.row(i + 1));
        }
        let around = i.saturating_sub(PASSAGE)..count.min(i + PASSAGE + 1);
        let around = sentences.slice(s![around, ..]);
        let mean = around.mean_axis(Axis(0)).expect("a sentence");
        passage.row_mut(i).scaled_add(CONTEXT, &mean);
    }
    concatenate![Axis(1), *sentences, before, after, passage]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_sentence_stands_between_its_neighbours() {
        let context = in_context(&array![[1.0], [2.0], [6.0]]);
        assert_eq!(
            context,
            array![
                [1.0, 0.0, 1.0, 1.5],
                [2.0, 0.5, 3.0, 1.5],
                [6.0, 1.0, 0.0, 1.5]
            ]
        );
        assert_eq!(in_context(&Array2::zeros((0, 2))).dim(), (0, 8));
    }

    #[test]
    fn pieces_are_weighed() {
        let words = Words {
            pieces: vec![3, 7],
            idf: array![2.0, 1.0],
        };
        let features = Features {
            vectors: Array2::zeros((2, 1)),
            states: Array2::zeros((2, 1)),
            logits: Vec::new(),
            pieces: vec![vec![7, 3, 5], vec![7, 7]],
        };
        let sparse = features.lexical(&words);
        let length = 5f32.sqrt();
        assert_eq!(sparse.columns, 4);
        assert_eq!(
            sparse.rows[0],
            [(0, 2.0 / length), (1, 1.0 / length), (3, 0.5)],
            "5 is not counted; the neighbour has nothing but 7"
        );
        assert_eq!(sparse.rows[1][0], (1, 1.0));
    }

    #[test]
    fn sparse_and_dense_inputs_are_multiplied_alike() {
        let sparse = Sparse {
            rows: vec![vec![(0, 2.0), (2, -1.0)], vec![], vec![(1, 0.5)]],
            columns: 3,
        };
        let dense = array![[2.0, 0.0, -1.0], [0.0; 3], [0.0, 0.5, 0.0]];
        let numbers = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        assert_eq!(sparse.times(&numbers), dense.times(&numbers));
        let transposed = Inputs::transposed_times(&dense, &numbers);
        assert_eq!(sparse.transposed_times(&numbers), transposed);
    }

    #[test]
    fn the_tower_has_a_say_in_the_stance_alone() {
        let none = [1.0, 0.0, 0.0, 0.0];
        let logits = |l: [f32; 4]| Array1::from(l.to_vec());
        let answer = |tower: [f32; 4]| {
            together(
                logits(none).view(),
                logits(none).view(),
                logits(tower).view(),
            )
        };
        let (calm, sure) = (answer([0.0; 4]), answer([9.0, 0.0, 5.0, 0.0]));
        assert!((calm[0] - sure[0]).abs() < 1e-6);
        assert!(sure[2] > calm[2] && sure[1] < calm[1]);
        let sum: f32 = sure.iter().map(|log| log.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }
}
