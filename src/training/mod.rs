//! Fitting a study to hand labels.
//!
//! Of labelled essays a [`Lesson`] has what the judge makes of their sentences and what the
//! labels say of them; to lessons a [`Head`] is fitted. What is said of its quality comes from
//! heads that have not seen the essay's author: the lessons are kept out fold by fold, and so are
//! the codebook's examples that stand in them. The thresholds of a fold are chosen on what is said of
//! the others, by heads that had not seen these, though they had seen the fold; on the learning
//! curve nothing at all has seen what is kept out.

mod curve;
mod folds;
mod head;
mod logistic;
mod report;
mod thresholds;

use anyhow::Result;
use rayon::prelude::*;

use crate::comparison::{Comparison, table_json};
use crate::evaluate::Table;
use crate::labels::Label;
use crate::layers::{Annotated, Sentence};
use crate::networks::{Features, Judge};
use crate::passes::stances::{self, Judged, Questions};
use crate::study::{Calibration, Study, Thesis, Thresholds};
use crate::text::Essay;

pub use curve::{Point, curve};
use folds::folds;
pub use head::{Example, examples, fit_head};
use head::{judged, unseen};
pub use logistic::{Targets, fit as fit_logistic};
pub use report::Report;
pub use thresholds::Case;
use thresholds::class;

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
            before: questions.ask(judge, &Thesis::statements(theses))?,
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

/// What heads say of every lesson that have not seen its fold.
pub fn cross_validate(
    lessons: &[Seen],
    folds: &[usize],
    examples: &[&Example],
    done: impl Fn() + Sync,
) -> Result<Vec<Judged>> {
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let heads = (0..count).into_par_iter().map(|fold| {
        let rest = lessons.iter().zip(folds).filter(|(_, f)| **f != fold);
        let rest: Vec<Seen> = rest.map(|(lesson, _)| *lesson).collect();
        let own = lessons.iter().zip(folds).filter(|(_, f)| **f == fold);
        let own: Vec<Seen> = own.map(|(lesson, _)| *lesson).collect();
        let head = fit_head(&rest, &unseen(examples, &own));
        done();
        head
    });
    let heads: Vec<_> = heads.collect::<Result<_>>()?;
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

/// Folds by author, even in marks.
pub fn by_author(lessons: &[&Lesson], count: usize) -> Vec<usize> {
    let authors: Vec<String> = lessons.iter().map(|l| l.author.clone()).collect();
    let marks: Vec<usize> = lessons
        .iter()
        .map(|lesson| lesson.label.marks.len())
        .collect();
    folds(&authors, &marks, count)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::text::{Document, Span};

    /// An essay of sentences that are one word piece each.
    fn lesson(name: &str, pieces: &[i32], gold: &[usize]) -> (Lesson, Features) {
        let essay = Essay {
            id: name.to_owned(),
            file: format!("{name}.txt"),
            sha256: String::new(),
            document: Document::default(),
        };
        let label = Label {
            doc: essay.file.clone(),
            body: Span::new(0, 0),
            skip: Vec::new(),
            primary: Vec::new(),
            sentence: String::new(),
            cells: Default::default(),
            marks: Vec::new(),
            contested: Vec::new(),
            rest: Default::default(),
        };
        let lesson = Lesson {
            annotated: Annotated::new(essay),
            label,
            questions: Questions {
                surfaces: pieces.iter().map(|piece| format!("word {piece}")).collect(),
                paragraphs: vec![0; pieces.len()],
            },
            before: Judged::new(),
            author: name.to_owned(),
            gold: gold.iter().map(|&class| vec![Some(class)]).collect(),
        };
        let numbers = Array2::from_shape_fn((pieces.len(), 2), |(i, k)| (i + k) as f32 / 9.0);
        let features = Features {
            vectors: numbers.clone(),
            states: numbers,
            logits: vec![Array2::zeros((pieces.len(), 4))],
            pieces: pieces.iter().map(|&piece| vec![piece]).collect(),
        };
        (lesson, features)
    }

    #[test]
    fn an_essay_kept_out_teaches_nothing() {
        // The first essay asserts wherever it has piece 7; the other never does.
        let first = lesson("first", &[7, 3, 7, 3, 7, 3], &[1, 0, 1, 0, 1, 0]);
        let other = lesson("other", &[7, 3, 7, 3], &[0; 4]);
        let seen: Vec<Seen> = [&first, &other].map(|(l, f)| (l, f)).into();
        let judged = cross_validate(&seen, &[0, 1], &[], || ()).unwrap();
        let none = |of: &Judged| of.iter().map(|s| s[0][0]).collect::<Vec<f64>>();
        assert!(none(&judged[0]).iter().all(|p| *p > 0.99), "{judged:?}");
        assert!(none(&judged[1])[0] < 0.5, "{judged:?}");
    }
}
