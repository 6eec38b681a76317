//! Multinomial logistic regression with an L2 penalty, by L-BFGS (Nocedal and Wright 2006,
//! algorithm 7.5).

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};

use crate::networks::{Inputs, Linear};

/// Stop where the gradient of the mean loss is shorter than this.
const FLAT: f64 = 1e-4;
/// Where it is longer, this is no minimum.
const STEEP: f64 = 1e-2;
/// Steps at most; far more than convex problems of this size take.
const STEPS: u64 = 1000;
/// Pairs of steps and gradients that L-BFGS keeps.
const MEMORY: usize = 10;
/// The bias of a class that never occurs: it is never said.
const NEVER: f32 = -20.0;

/// What rows are, for several models on the same rows.
pub struct Targets {
    /// The class of every row, `[rows, models]`.
    pub classes: Array2<usize>,
    /// What every row counts, `[rows, models]`; 0 leaves it out.
    pub weights: Array2<f32>,
    /// How many classes there are.
    pub count: usize,
}

/// Fits the models, each with a weight vector for each class: they minimise `strength` times
/// the sum of the rows' losses plus half the sum of the squared weights; biases are free.
/// Outputs `[models × classes]`. A class that never occurs in a model is never said.
///
/// # Errors
/// When no row counts, or the search finds no minimum, as on inputs that are not finite.
pub fn fit(inputs: &impl Inputs, targets: &Targets, strength: f64) -> Result<Linear> {
    let (_, columns) = inputs.shape();
    let outputs = targets.classes.ncols() * targets.count;
    let learnable = outputs > 0 && targets.weights.iter().any(|&weight| weight > 0.0);
    ensure!(
        learnable,
        "no labelled sentence is left to learn from once an author's essays are kept out; label more"
    );
    let occurs = occurs(targets);
    let loss = Loss {
        inputs,
        targets,
        occurs: &occurs,
        total: targets.weights.iter().map(|&w| f64::from(w)).sum(),
        penalty: 1.0 / strength,
        last: RefCell::default(),
    };
    let start = vec![0.0; (columns + 1) * outputs];
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(FLAT)?
        .with_tolerance_cost(0.0)?;
    let run = Executor::new(loss, solver)
        .configure(|state| state.param(start).max_iters(STEPS))
        .timer(false)
        .run();
    let mut found = run.map_err(|e| anyhow::anyhow!("fitting to the labels: {e}"))?;
    let loss = found.problem.take_problem();
    let found = found.state.get_best_param().cloned();
    let (loss, found) = loss
        .zip(found)
        .context("fitting to the labels found nothing")?;
    // The search may give up without saying so.
    let slope = loss
        .gradient(&found)?
        .iter()
        .map(|x| x * x)
        .sum::<f64>()
        .sqrt();
    ensure!(
        slope < STEEP,
        "fitting to the labels found no minimum: the loss still falls by {slope:.4}"
    );
    let (weights, bias) = unpack(&found, outputs);
    let mut bias = bias.mapv(|b| b as f32);
    for (bias, &occurs) in bias.iter_mut().zip(&occurs) {
        *bias = if occurs { *bias } else { NEVER };
    }
    Ok(Linear {
        weights: weights.mapv(|w| w as f32),
        bias,
    })
}

/// Whether each class of each model has a row that counts.
fn occurs(targets: &Targets) -> Vec<bool> {
    let mut occurs = vec![false; targets.classes.ncols() * targets.count];
    for ((row, model), &class) in targets.classes.indexed_iter() {
        occurs[model * targets.count + class] |= targets.weights[[row, model]] > 0.0;
    }
    occurs
}

/// Weights `[columns, outputs]` and biases `[outputs]`, as they lie in one vector.
fn unpack(all: &[f64], outputs: usize) -> (ArrayView2<'_, f64>, ArrayView1<'_, f64>) {
    let all = ArrayView2::from_shape((all.len() / outputs, outputs), all).expect("whole rows");
    let (weights, bias) = all.split_at(Axis(0), all.nrows() - 1);
    (weights, bias.index_axis_move(Axis(0), 0))
}

struct Loss<'a, I> {
    inputs: &'a I,
    targets: &'a Targets,
    occurs: &'a [bool],
    total: f64,
    penalty: f64,
    /// The last answer: the search asks for cost and gradient of the same weights.
    last: RefCell<Option<At>>,
}

/// What some weights cost.
struct At {
    weights: Vec<f64>,
    cost: f64,
    /// Probabilities less what is right, times the rows' weights, `[rows, outputs]`.
    errors: Array2<f32>,
}

impl<I: Inputs> Loss<'_, I> {
    fn at<R>(&self, weights: &[f64], then: impl FnOnce(&At) -> R) -> R {
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|last| last.weights != weights) {
            let (errors, cost) = self.compute(weights);
            *last = Some(At {
                weights: weights.to_vec(),
                cost,
                errors,
            });
        }
        then(last.as_ref().expect("computed above"))
    }

    fn compute(&self, all: &[f64]) -> (Array2<f32>, f64) {
        let outputs = self.occurs.len();
        let (weights, bias) = unpack(all, outputs);
        let mut rows = self.inputs.times(&weights.mapv(|w| w as f32));
        let mut cost = 0.0;
        let count = self.targets.count;
        for (i, mut row) in rows.rows_mut().into_iter().enumerate() {
            for model in 0..self.targets.classes.ncols() {
                let own = model * count..(model + 1) * count;
                let weight = self.targets.weights[[i, model]];
                let mut logits = row.slice_mut(s![own.clone()]);
                if weight == 0.0 {
                    logits.fill(0.0);
                    continue;
                }
                let bias = bias.slice(s![own.clone()]);
                let class = self.targets.classes[[i, model]];
                cost += f64::from(weight) * errors(&mut logits, bias, &self.occurs[own], class);
                logits *= weight;
            }
        }
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        (rows, (cost + 0.5 * self.penalty * squares) / self.total)
    }
}

/// Makes of the logits of one row, less their bias, the errors; gives the loss.
fn errors(
    logits: &mut ArrayViewMut1<f32>,
    bias: ArrayView1<f64>,
    occurs: &[bool],
    class: usize,
) -> f64 {
    let logit = |k: usize, of: f32| match occurs[k] {
        true => f64::from(of) + bias[k],
        false => f64::NEG_INFINITY,
    };
    let logits_of: Vec<f64> = logits
        .iter()
        .enumerate()
        .map(|(k, &of)| logit(k, of))
        .collect();
    let top = logits_of.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits_of.iter().map(|x| (x - top).exp()).sum();
    for (k, error) in logits.iter_mut().enumerate() {
        let probability = (logits_of[k] - top).exp() / sum;
        *error = (probability - f64::from(u8::from(k == class))) as f32;
    }
    top + sum.ln() - logits_of[class]
}

impl<I: Inputs> CostFunction for Loss<'_, I> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, all: &Vec<f64>) -> Result<f64> {
        Ok(self.at(all, |at| at.cost))
    }
}

impl<I: Inputs> Gradient for Loss<'_, I> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, all: &Vec<f64>) -> Result<Vec<f64>> {
        let (of_weights, of_bias): (Array2<f32>, Array1<f32>) = self.at(all, |at| {
            let of_weights = self.inputs.transposed_times(&at.errors);
            (of_weights, at.errors.sum_axis(Axis(0)))
        });
        let errors = of_weights.iter().chain(&of_bias).map(|&x| f64::from(x));
        let penalised = self.occurs.len() * of_weights.nrows();
        let gradient = errors.zip(all).enumerate().map(|(i, (error, weight))| {
            let penalty = if i < penalised {
                self.penalty * weight
            } else {
                0.0
            };
            (error + penalty) / self.total
        });
        Ok(gradient.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_class_that_never_occurs_is_never_said() {
        let inputs: Array2<f32> = array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
        let targets = Targets {
            classes: array![[0], [2], [0], [1]],
            weights: array![[1.0], [1.0], [1.0], [0.0]],
            count: 4,
        };
        let model = fit(&inputs, &targets, 10.0).unwrap();
        let logits = model.apply(&inputs);
        assert!(logits[[0, 0]] > logits[[0, 2]] && logits[[1, 2]] > logits[[1, 0]]);
        assert_eq!((model.bias[1], model.bias[3]), (NEVER, NEVER));
        assert!(
            model.weights.column(1).iter().all(|w| *w == 0.0),
            "the row left out"
        );
    }

    #[test]
    fn two_models_are_fitted_as_each_alone() {
        let inputs: Array2<f32> =
            array![[1.0, 0.2], [0.1, 1.0], [0.9, 0.4], [0.3, 1.2], [0.5, 0.5]];
        let both = Targets {
            classes: array![[0, 1], [1, 1], [0, 0], [1, 0], [1, 1]],
            weights: Array2::ones((5, 2)),
            count: 2,
        };
        let together = fit(&inputs, &both, 1.0).unwrap();
        for model in 0..2 {
            let alone = Targets {
                classes: both.classes.slice(s![.., model..=model]).to_owned(),
                weights: Array2::ones((5, 1)),
                count: 2,
            };
            let alone = fit(&inputs, &alone, 1.0).unwrap();
            let own = together.weights.slice(s![.., 2 * model..2 * model + 2]);
            assert!((&own - &alone.weights).iter().all(|d| d.abs() < 1e-2));
        }
    }
}
