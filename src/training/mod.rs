//! Fitting a study to hand labels.
//!
//! Of labelled essays a [`Lesson`] has what the judge makes of their sentences and what the
//! labels say of them; to lessons a [`Head`] is fitted. What is said of its quality comes from
//! heads that have not seen the essay's author: the lessons are kept out fold by fold, and the
//! thresholds of a fold are chosen on the others.

mod folds;
mod logistic;
mod report;
mod thresholds;
mod trained;

use anyhow::Result;
use ndarray::{Array1, Array2, Axis};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::comparison::{Comparison, table_json};
use crate::evaluate::{EssayRow, Table};
use crate::labels::Label;
use crate::layers::{Annotated, Sentence};
use crate::networks::{Features, Head, Judge, STANCES, Sparse, Words, softmax};
use crate::passes::stances::{self, Judged, Questions};
use crate::study::{Calibration, Study, Thesis, Thresholds};
use crate::text::Essay;

pub use folds::folds;
pub use logistic::{Targets, fit as fit_logistic};
pub use report::Report;
pub use thresholds::Case;
use thresholds::class;
pub use trained::{Config, FOLDER, Kind, Trained, head_files, network_files, stale};

/// Strength of the regression on the networks' numbers, and of that on word pieces: the
/// inverse of the L2 penalty, chosen for the judge that ships.
const DENSE: f64 = 1.0;
const LEXICAL: f64 = 10.0;
/// A codebook's example counts as so many labelled sentences.
const EXAMPLE: f32 = 3.0;
/// A piece that fewer labelled sentences have is not counted.
const RAREST: usize = 2;
/// Parts that cross-validation keeps out in turn.
pub const FOLDS: usize = 5;

/// A labelled essay, as the judge sees it.
pub struct Lesson {
    /// The essay with its sentences.
    pub annotated: Annotated,
    pub label: Label,
    pub questions: Questions,
    /// What the judge says of it before it has learned.
    pub before: Judged,
    /// Essays of one author are kept out together.
    pub author: String,
    /// The class of every sentence (outer) for every thesis: none, asserts, denies, reports;
    /// nothing where readers differ.
    pub gold: Vec<Vec<Option<usize>>>,
}

/// A statement of the codebook, standing alone.
pub struct Example {
    features: Features,
    /// For every thesis whether it asserts it; nothing where it is left out.
    asserts: Vec<Option<bool>>,
}

impl Lesson {
    /// # Errors
    /// When a thesis is too long for the judge.
    pub fn new(
        essay: Essay,
        label: Label,
        author: String,
        judge: &Judge,
        theses: &[Thesis],
    ) -> Result<Self> {
        let mut annotated = Annotated::new(essay);
        let document = &annotated.essay.document;
        annotated.sentences = crate::passes::sentences::find(document);
        let questions = Questions::new(document, &annotated.sentences);
        Ok(Self {
            before: questions.ask(judge, &statements(theses))?,
            gold: gold(&annotated.sentences, &label, theses, &document.text),
            questions,
            annotated,
            author,
            label,
        })
    }
}

/// A lesson with what a head is given of it.
pub type Seen<'a> = (&'a Lesson, &'a Features);

/// What a head says of an essay.
fn judged(head: &Head, features: &Features) -> Judged {
    let of_thesis = head.stances(features);
    let of_sentence = |i: usize| {
        let logits = of_thesis.iter().map(|l| std::array::from_fn(|k| l[[i, k]]));
        logits.map(softmax).collect()
    };
    (0..features.pieces.len()).map(of_sentence).collect()
}

/// The theses as the judge reads them.
pub fn statements(theses: &[Thesis]) -> Vec<String> {
    theses.iter().map(Thesis::statement).collect()
}

/// The class of every sentence for every thesis. Of two marks the first counts.
fn gold(
    sentences: &[Sentence],
    label: &Label,
    theses: &[Thesis],
    text: &str,
) -> Vec<Vec<Option<usize>>> {
    let mut gold = vec![vec![Some(0); theses.len()]; sentences.len()];
    let marks = label
        .marks
        .iter()
        .map(|m| (m.span, &m.thesis, Some(class(m.stance))));
    let contested = label.contested.iter().map(|m| (m.span, &m.thesis, None));
    for (span, thesis, class) in marks.chain(contested) {
        let Some(thesis) = theses.iter().position(|t| t.id == *thesis) else {
            continue;
        };
        for (sentence, gold) in sentences.iter().zip(&mut gold) {
            if gold[thesis] == Some(0) && sentence.span.matches(span, text) {
                gold[thesis] = class;
            }
        }
    }
    gold
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
        let positive = positive.map(|text| (text.clone(), asserts(false)));
        let negative = thesis
            .negative
            .iter()
            .map(|text| (text.clone(), asserts(true)));
        positive.chain(negative).collect()
    };
    let all: Vec<_> = theses.iter().enumerate().flat_map(of_thesis).collect();
    (all.into_par_iter())
        .map(|(text, asserts)| {
            let alone = Questions {
                surfaces: vec![text],
                paragraphs: vec![0],
            };
            let features = alone.features(judge, theses)?;
            Ok(Example { features, asserts })
        })
        .collect()
}

/// Fits a head to lessons and the codebook's examples.
///
/// # Errors
/// When the search for the minimum fails.
pub fn fit_head(lessons: &[Seen], examples: &[Example]) -> Result<Head> {
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

fn targets(lessons: &[Seen], examples: &[Example]) -> Targets {
    let sentences = lessons.iter().flat_map(|(lesson, _)| &lesson.gold);
    let sentences = sentences.map(|gold| gold.iter().map(|g| g.map(|g| (g, 1.0))).collect());
    let alone = examples.iter().map(|example| {
        let asserts = example.asserts.iter();
        asserts
            .map(|a| a.map(|a| (usize::from(a), EXAMPLE)))
            .collect()
    });
    let rows: Vec<Vec<Option<(usize, f32)>>> = sentences.chain(alone).collect();
    let shape = (rows.len(), rows.first().map_or(0, Vec::len));
    let at = |(i, t): (usize, usize)| rows[i][t].unwrap_or((0, 0.0));
    Targets {
        classes: Array2::from_shape_fn(shape, |place| at(place).0),
        weights: Array2::from_shape_fn(shape, |place| at(place).1),
        count: STANCES,
    }
}

/// What heads say of every lesson that have not seen its fold.
pub fn cross_validate(
    lessons: &[Seen],
    folds: &[usize],
    examples: &[Example],
    done: impl Fn() + Sync,
) -> Result<Vec<Judged>> {
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let heads = (0..count).into_par_iter().map(|fold| {
        let rest = lessons.iter().zip(folds).filter(|(_, f)| **f != fold);
        let rest: Vec<Seen> = rest.map(|(lesson, _)| *lesson).collect();
        let head = fit_head(&rest, examples);
        done();
        head
    });
    let heads: Vec<Head> = heads.collect::<Result<_>>()?;
    let judged = |((_, features), &fold): (&Seen, &usize)| judged(&heads[fold], features);
    Ok(lessons.iter().zip(folds).map(judged).collect())
}

/// The lessons as heads read them that have not seen them, each fold by thresholds and
/// calibration chosen on the others.
pub fn held_out(lessons: &[&Lesson], folds: &[usize], judged: &[Judged], study: &Study) -> Table {
    let cases: Vec<Case> = lessons.iter().copied().zip(judged).collect();
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let of_fold = |fold: usize| {
        let part = |own: bool| -> Vec<Case> {
            let part = cases
                .iter()
                .zip(folds)
                .filter(|(_, f)| (**f == fold) == own);
            part.map(|(case, _)| *case).collect()
        };
        // With a single fold there are no others.
        let mut study = study.clone();
        (study.thresholds, study.confidence) = chosen(&part(false), &study);
        table(&part(true), &study).essays
    };
    Table {
        essays: (0..count).into_par_iter().flat_map(of_fold).collect(),
    }
}

/// Thresholds and calibration by what is right for these essays; the defaults where there
/// are none.
pub fn chosen(cases: &[Case], study: &Study) -> (Thresholds, Calibration) {
    if cases.is_empty() {
        return Default::default();
    }
    let thresholds = thresholds::choose(cases, &study.theses);
    let calibration = thresholds::calibrate(cases, &study.theses, thresholds);
    (thresholds, calibration)
}

/// The table of essays, given what a judge says of them.
pub fn table(cases: &[Case], study: &Study) -> Table {
    let read = |(lesson, judged): &Case| {
        let mut essay = lesson.annotated.clone();
        (essay.stances, essay.nearest) = stances::take(judged, &essay.sentences, &[], study);
        essay
    };
    let essays: Vec<Annotated> = cases.iter().map(read).collect();
    let table = table_json(&Comparison::new(study, &essays));
    serde_json::from_slice(&table).expect("a table as it is written")
}

/// A point of the learning curve: so many labelled essays, and the tables that heads give
/// which were fitted to as many, drawn anew for each.
pub struct Point {
    pub essays: usize,
    pub tables: Vec<Table>,
}

/// The learning curve. A third of the lessons after the other is kept out; heads, thresholds
/// and calibration are fitted to so many drawn from the rest, `draws` times (all of the rest:
/// once). Every table has all lessons, each read by a head that has not seen its author.
pub fn curve(
    lessons: &[Seen],
    thirds: &[usize],
    examples: &[Example],
    study: &Study,
    sizes: &[usize],
    draws: u64,
    done: impl Fn() + Sync,
) -> Result<Vec<Point>> {
    let rest = |third: usize| -> Vec<Seen> {
        let rest = lessons.iter().zip(thirds).filter(|(_, t)| **t != third);
        rest.map(|(lesson, _)| *lesson).collect()
    };
    let least = (0..3).map(|third| rest(third).len()).min().unwrap_or(0);
    let mut points: Vec<(usize, u64)> = (sizes.iter())
        .filter(|&&size| size < least)
        .map(|&size| (size, draws))
        .collect();
    points.push((least, 1));
    let table_of = |size: usize, draw: u64| -> Result<Table> {
        let of_third = |third: usize| -> Result<Vec<EssayRow>> {
            let mut taught = rest(third);
            if size < least {
                let mut random = ChaCha8Rng::seed_from_u64(draw);
                taught.shuffle(&mut random);
                taught.truncate(size);
            }
            let of_taught: Vec<&Lesson> = taught.iter().map(|(lesson, _)| *lesson).collect();
            let inner = by_author(&of_taught, FOLDS);
            let out_of_fold = cross_validate(&taught, &inner, examples, || ())?;
            let cases: Vec<Case> = of_taught.into_iter().zip(&out_of_fold).collect();
            let mut study = study.clone();
            (study.thresholds, study.confidence) = chosen(&cases, &study);
            let head = fit_head(&taught, examples)?;
            let kept = lessons.iter().zip(thirds).filter(|(_, t)| **t == third);
            let kept: Vec<(&Lesson, Judged)> = kept
                .map(|((lesson, features), _)| (*lesson, judged(&head, features)))
                .collect();
            let kept: Vec<Case> = kept.iter().map(|(lesson, said)| (*lesson, said)).collect();
            done();
            Ok(table(&kept, &study).essays)
        };
        let essays: Vec<Vec<EssayRow>> = (0..3)
            .into_par_iter()
            .map(of_third)
            .collect::<Result<_>>()?;
        Ok(Table {
            essays: essays.concat(),
        })
    };
    (points.into_iter())
        .map(|(essays, draws)| {
            let tables = (0..draws)
                .into_par_iter()
                .map(|draw| table_of(essays, draw));
            let tables = tables.collect::<Result<_>>()?;
            Ok(Point { essays, tables })
        })
        .collect()
}

/// Folds by author, even in marks.
pub fn by_author(lessons: &[&Lesson], count: usize) -> Vec<usize> {
    let authors: Vec<String> = lessons.iter().map(|l| l.author.clone()).collect();
    let marks: Vec<usize> = lessons
        .iter()
        .map(|lesson| lesson.label.marks.len())
        .collect();
    folds(&authors, &marks, count)
}
