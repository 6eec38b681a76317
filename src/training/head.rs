//! A head, fitted to lessons and to the codebook's own examples.

use anyhow::Result;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::Seen;
use super::logistic::{self, Targets};
use crate::networks::{Features, Head, Judge, STANCES, Sparse, Words, softmax};
use crate::passes::stances::{Judged, Questions};
use crate::study::Thesis;
use crate::words::one_line;

/// Strength of the regression on the networks' numbers, and of that on word pieces: the
/// inverse of the L2 penalty, chosen for the judge that ships.
const DENSE: f64 = 1.0;
const LEXICAL: f64 = 10.0;
/// A codebook's example counts as so many labelled sentences.
const EXAMPLE: f32 = 3.0;
/// A piece that fewer labelled sentences have is not counted.
const RAREST: usize = 2;
/// A statement of the codebook, standing alone.
pub struct Example {
    text: String,
    features: Features,
    /// For every thesis whether it asserts it; nothing where it is left out.
    asserts: Vec<Option<bool>>,
}

/// The codebook's hypotheses and examples: a thesis's own are asserted; another thesis's and
/// the look-alikes say nothing of it.
pub fn examples(judge: &Judge, theses: &[Thesis]) -> Result<Vec<Example>> {
    let of_thesis = |(own, thesis): (usize, &Thesis)| -> Vec<(String, Vec<Option<bool>>)> {
        let asserts = |negative: bool| -> Vec<Option<bool>> {
            let of = |t: usize| match t == own {
                true => Some(!negative),
                false => (!negative).then_some(false),
            };
            (0..theses.len()).map(of).collect()
        };
        let positive = thesis.hypotheses.iter().chain(&thesis.positive);
        let positive = positive.map(|text| (one_line(text), asserts(false)));
        let negative = thesis
            .negative
            .iter()
            .map(|text| (one_line(text), asserts(true)));
        positive.chain(negative).collect()
    };
    let all: Vec<_> = theses.iter().enumerate().flat_map(of_thesis).collect();
    (all.into_par_iter())
        .map(|(text, asserts)| {
            let alone = Questions {
                surfaces: vec![text.clone()],
                paragraphs: vec![0],
            };
            let features = alone.features(judge, theses)?;
            Ok(Example {
                text,
                features,
                asserts,
            })
        })
        .collect()
}

/// The examples that no essay kept out contains: a codebook may quote the essays.
pub fn unseen<'e>(examples: &[&'e Example], kept_out: &[Seen]) -> Vec<&'e Example> {
    let quoted = |example: &Example| {
        let mut lessons = kept_out
            .iter()
            .map(|(lesson, _)| &lesson.questions.surfaces);
        lessons.any(|surfaces| surfaces.contains(&example.text))
    };
    (examples.iter().copied())
        .filter(|example| !quoted(example))
        .collect()
}

/// Fits a head to lessons and the codebook's examples.
///
/// # Errors
/// When there is nothing to learn from, or the search for the minimum fails.
pub fn fit_head(lessons: &[Seen], examples: &[&Example]) -> Result<Head> {
    let own = || lessons.iter().map(|(_, features)| *features);
    let all = || own().chain(examples.iter().map(|example| &example.features));
    let states: Vec<_> = own().map(|f| f.states.view()).collect();
    let states = ndarray::concatenate(Axis(0), &states)?;
    let mean = states.mean_axis(Axis(0));
    let mean = mean.unwrap_or_else(|| Array1::zeros(states.ncols()));
    let words = Words::of(own().flat_map(|f| &f.pieces), RAREST);
    let targets = targets(lessons, examples);
    let dense: Vec<Array2<f32>> = all().map(|f| f.dense(&mean)).collect();
    let dense: Vec<_> = dense.iter().map(|dense| dense.view()).collect();
    let dense = logistic::fit(&ndarray::concatenate(Axis(0), &dense)?, &targets, DENSE)?;
    let lexical = Sparse {
        rows: all().flat_map(|f| f.lexical(&words).rows).collect(),
        columns: 2 * words.pieces.len(),
    };
    Ok(Head {
        mean,
        dense,
        lexical: logistic::fit(&lexical, &targets, LEXICAL)?,
        words,
    })
}

fn targets(lessons: &[Seen], examples: &[&Example]) -> Targets {
    let sentences = lessons.iter().flat_map(|(lesson, _)| &lesson.gold);
    let sentences = sentences.map(|gold| gold.iter().map(|g| g.map(|g| (g, 1.0))).collect());
    let alone = examples.iter().map(|example| {
        let asserts = example.asserts.iter();
        asserts
            .map(|a| a.map(|a| (usize::from(a), EXAMPLE)))
            .collect()
    });
    let rows: Vec<Vec<Option<(usize, f32)>>> = sentences.chain(alone).collect();
    let theses = lessons.first().map_or(0, |(_, f)| f.logits.len());
    let shape = (rows.len(), theses);
    let at = |(i, t): (usize, usize)| rows[i][t].unwrap_or((0, 0.0));
    Targets {
        classes: Array2::from_shape_fn(shape, |place| at(place).0),
        weights: Array2::from_shape_fn(shape, |place| at(place).1),
        count: STANCES,
    }
}

/// What a head says of an essay.
pub fn judged(head: &Head, features: &Features) -> Judged {
    let of_thesis = head.stances(features);
    let of_sentence = |i: usize| {
        let logits = of_thesis.iter().map(|l| std::array::from_fn(|k| l[[i, k]]));
        logits.map(softmax).collect()
    };
    (0..features.pieces.len()).map(of_sentence).collect()
}
