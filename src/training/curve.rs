//! The learning curve: what so many labelled essays teach.

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::head::{Example, fit_head, judged, unseen};
use super::{Case, FOLDS, Lesson, Seen, by_author, chosen, cross_validate, table};
use crate::evaluate::{EssayRow, Table};
use crate::passes::stances::Judged;
use crate::study::Study;

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
    examples: &[&Example],
    study: &Study,
    sizes: &[usize],
    draws: u64,
    done: impl Fn() + Sync,
) -> Result<Vec<Point>> {
    let part = |third: usize, own: bool| -> Vec<Seen> {
        let part = lessons
            .iter()
            .zip(thirds)
            .filter(|(_, t)| (**t == third) == own);
        part.map(|(lesson, _)| *lesson).collect()
    };
    // Two where there are but two authors.
    let count = 1 + thirds.iter().copied().max().unwrap_or(0);
    let rest = (0..count).map(|third| part(third, false).len());
    let least = rest.min().unwrap_or(0);
    let mut points: Vec<(usize, u64)> = (sizes.iter())
        .filter(|&&size| size < least)
        .map(|&size| (size, draws))
        .collect();
    points.push((least, 1));
    let table_of = |size: usize, draw: u64| -> Result<Table> {
        let of_third = |third: usize| -> Result<Vec<EssayRow>> {
            let mut taught = part(third, false);
            let kept = part(third, true);
            let examples = unseen(examples, &kept);
            if size < least {
                let mut random = ChaCha8Rng::seed_from_u64(draw);
                taught.shuffle(&mut random);
                taught.truncate(size);
            }
            let of_taught: Vec<&Lesson> = taught.iter().map(|(lesson, _)| *lesson).collect();
            let inner = by_author(&of_taught, FOLDS);
            // One author's essays cannot be tried on another's: the default thresholds.
            let out_of_fold = match inner.iter().any(|&fold| fold > 0) {
                true => cross_validate(&taught, &inner, &examples, || ())?,
                false => Vec::new(),
            };
            let cases: Vec<Case> = of_taught.into_iter().zip(&out_of_fold).collect();
            let mut study = study.clone();
            (study.thresholds, study.confidence) = chosen(&cases, &study);
            let head = fit_head(&taught, &examples)?;
            let kept: Vec<(&Lesson, Judged)> = (kept.iter())
                .map(|(lesson, features)| (*lesson, judged(&head, features)))
                .collect();
            let kept: Vec<Case> = kept.iter().map(|(lesson, said)| (*lesson, said)).collect();
            done();
            Ok(table(&kept, &study).essays)
        };
        let essays: Vec<Vec<EssayRow>> = (0..count)
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
