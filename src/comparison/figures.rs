//! Figures of a run as SVG, in ink and grey: the stance matrix, the essays between three
//! theses, and where in each essay its evidence lies.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Comparison, Row};
use crate::drawing::{Area, Drawn, SANS, svg};
use crate::layers::SentenceStance;
use crate::reading::{Cell, CellStance};
use crate::statistics::resample;
use crate::words::shortened;

const LINE: i32 = 26;
const NAMES: i32 = 190;
const COLUMN: i32 = 150;
const HEAD: i32 = 44;
const SEED: u64 = 1917;

/// A square for every cell: filled for what endorses, crossed for what rejects, open for
/// what reports; the larger the weight, the larger the square. The main explanation is
/// underlined.
pub fn matrix(comparison: &Comparison) -> Vec<u8> {
    let theses = &comparison.study.theses;
    let size = (
        NAMES + COLUMN * theses.len() as i32,
        HEAD + LINE * comparison.rows.len() as i32 + 34,
    );
    drawn(size, |area| {
        for (i, thesis) in theses.iter().enumerate() {
            let middle = NAMES + COLUMN * i as i32 + COLUMN / 2;
            text(area, &thesis.label, (middle, HEAD / 2), 13, HPos::Center)?;
        }
        for (line, row) in comparison.rows.iter().enumerate() {
            let y = HEAD + LINE * line as i32 + LINE / 2;
            text(
                area,
                &shortened(&row.essay.essay.id, 26),
                (4, y),
                12,
                HPos::Left,
            )?;
            for (i, cell) in row.reading.cells.iter().enumerate() {
                let x = NAMES + COLUMN * i as i32 + COLUMN / 2;
                sign(area, cell, (x, y))?;
                if row.reading.primary == Some(i) {
                    let under = vec![(x - 14, y + 12), (x + 14, y + 12)];
                    area.draw(&PathElement::new(under, BLACK.stroke_width(2)))?;
                }
            }
        }
        let y = size.1 - 14;
        text(
            area,
            "filled: endorses; crossed: rejects; open: reports. Size: share of the essay's argument. \
             Line: main explanation.",
            (4, y),
            11,
            HPos::Left,
        )
    })
}

fn sign(area: &Area, cell: &Cell, (x, y): (i32, i32)) -> Drawn {
    let half = (3.0 + 7.0 * cell.weight.sqrt()).round() as i32;
    let corners = [(x - half, y - half), (x + half, y + half)];
    match cell.stance {
        CellStance::Absent => {
            area.draw(&PathElement::new(
                vec![(x - 3, y), (x + 3, y)],
                BLACK.mix(0.5),
            ))?;
        }
        CellStance::Endorses => area.draw(&Rectangle::new(corners, BLACK.filled()))?,
        CellStance::Reports => area.draw(&Rectangle::new(corners, BLACK.stroke_width(2)))?,
        CellStance::Rejects => {
            area.draw(&Rectangle::new(corners, BLACK))?;
            let other = [(x - half, y + half), (x + half, y - half)];
            for [from, to] in [corners, other] {
                area.draw(&PathElement::new(vec![from, to], BLACK.stroke_width(2)))?;
            }
        }
    }
    Ok(())
}

/// Each essay between three theses, by their shares of its argument; around it the
/// region of the 95 % nearest places that its evidence sentences would give if they were
/// drawn anew. Nothing for a codebook with another number of theses.
pub fn ternary(comparison: &Comparison) -> Option<Vec<u8>> {
    let theses = &comparison.study.theses;
    if theses.len() != 3 {
        return None;
    }
    const WIDTH: i32 = 520;
    const TOP: i32 = 50;
    const SIDE: f64 = 400.0;
    let height = SIDE * 3.0_f64.sqrt() / 2.0;
    let size = (
        WIDTH + 220,
        (TOP + height as i32 + 60).max(TOP + 16 * comparison.rows.len() as i32 + 30),
    );
    // The first thesis at the left, the second at the right, the third on top.
    let place = |shares: [f64; 3]| {
        let x = f64::from(WIDTH) / 2.0 + SIDE * ((shares[1] - shares[0]) / 2.0);
        (x, f64::from(TOP) + height * (1.0 - shares[2]))
    };
    let pixel = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let corner = |i: usize| {
        let mut shares = [0.0; 3];
        shares[i] = 1.0;
        pixel(place(shares))
    };
    Some(drawn(size, |area| {
        let sides = vec![corner(0), corner(1), corner(2), corner(0)];
        area.draw(&PathElement::new(sides, BLACK))?;
        for tenth in [0.25, 0.5, 0.75] {
            for i in 0..3 {
                let end = |j: usize| {
                    let mut shares = [0.0; 3];
                    shares[i] = tenth;
                    shares[j] = 1.0 - tenth;
                    pixel(place(shares))
                };
                let line = vec![end((i + 1) % 3), end((i + 2) % 3)];
                area.draw(&PathElement::new(line, BLACK.mix(0.15)))?;
            }
        }
        text(
            area,
            &theses[0].label,
            (corner(0).0, corner(0).1 + 22),
            13,
            HPos::Center,
        )?;
        text(
            area,
            &theses[1].label,
            (corner(1).0, corner(1).1 + 22),
            13,
            HPos::Center,
        )?;
        text(
            area,
            &theses[2].label,
            (corner(2).0, corner(2).1 - 16),
            13,
            HPos::Center,
        )?;
        let mut taken: Vec<(i32, i32)> = Vec::new();
        let mut number = 0;
        for row in &comparison.rows {
            let masses = masses(row);
            let Some(shares) = shares(masses.iter()) else {
                continue;
            };
            number += 1;
            let middle = place(shares);
            let drawn = resample(masses.len(), 400, SEED, |sample| {
                shares_of(sample, &masses).map(place)
            });
            let region: Vec<(i32, i32)> = region(middle, drawn).into_iter().map(pixel).collect();
            area.draw(&Polygon::new(region.clone(), BLACK.mix(0.06)))?;
            let outline = region.iter().chain(region.first()).copied();
            area.draw(&PathElement::new(
                outline.collect::<Vec<_>>(),
                BLACK.mix(0.25),
            ))?;
            let at = pixel(middle);
            area.draw(&Circle::new(at, 4, BLACK.filled()))?;
            // Numbers that would lie on each other move on.
            let mut beside = (at.0 + 8, at.1 - 8);
            while (taken.iter()).any(|t| (t.0 - beside.0).abs() < 16 && (t.1 - beside.1).abs() < 12)
            {
                beside.0 += 16;
            }
            taken.push(beside);
            text(area, &number.to_string(), beside, 12, HPos::Left)?;
            let name = format!("{number}  {}", shortened(&row.essay.essay.id, 24));
            text(area, &name, (WIDTH, TOP + 16 * number), 12, HPos::Left)?;
        }
        Ok(())
    }))
}

/// What each sentence adds to each of three theses.
fn masses(row: &Row) -> Vec<[f64; 3]> {
    let mut masses = Vec::new();
    for (thesis, cell) in row.reading.cells.iter().enumerate().take(3) {
        for e in &cell.evidence {
            let mut mass = [0.0; 3];
            mass[thesis] = e.mass.asserts + e.mass.denies + e.mass.reports;
            masses.push(mass);
        }
    }
    masses
}

fn shares<'m>(masses: impl Iterator<Item = &'m [f64; 3]>) -> Option<[f64; 3]> {
    let sums = masses.fold([0.0; 3], |s, m| [s[0] + m[0], s[1] + m[1], s[2] + m[2]]);
    let all: f64 = sums.iter().sum();
    (all > 0.0).then(|| sums.map(|sum| sum / all))
}

fn shares_of(sample: &[usize], masses: &[[f64; 3]]) -> Option<[f64; 3]> {
    shares(sample.iter().map(|&i| &masses[i]))
}

/// The smallest convex shape that holds the 95 % of the points that are nearest to the
/// middle (Andrew's monotone chain).
fn region(middle: (f64, f64), mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let far = |p: &(f64, f64)| (p.0 - middle.0).powi(2) + (p.1 - middle.1).powi(2);
    points.sort_by(|a, b| far(a).total_cmp(&far(b)));
    points.truncate((points.len() * 95).div_ceil(100));
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let turns = |a: (f64, f64), b: (f64, f64), c: (f64, f64)| {
        (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
    };
    let half = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        let mut hull: Vec<(f64, f64)> = Vec::new();
        for point in points {
            while hull.len() > 1 && turns(hull[hull.len() - 2], hull[hull.len() - 1], point) <= 0.0
            {
                hull.pop();
            }
            hull.push(point);
        }
        hull
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// A strip for every essay, from its file's first to its last byte, with a stroke for every
/// evidence sentence: up for asserts, down for denies, short for reports; a strip a
/// thesis.
pub fn strips(comparison: &Comparison) -> Vec<u8> {
    const WIDTH: i32 = 420;
    let theses = &comparison.study.theses;
    let own = 22 * theses.len() as i32 + 12;
    let size = (
        NAMES + COLUMN + WIDTH + 12,
        12 + own * comparison.rows.len() as i32 + 28,
    );
    drawn(size, |area| {
        for (i, row) in comparison.rows.iter().enumerate() {
            let top = 12 + own * i as i32;
            let length = row.essay.essay.document.text.len().max(1) as f64;
            let name = shortened(&row.essay.essay.id, 26);
            text(area, &name, (4, top + 11), 12, HPos::Left)?;
            for (t, (thesis, cell)) in theses.iter().zip(&row.reading.cells).enumerate() {
                let y = top + 22 * t as i32 + 11;
                text(
                    area,
                    &shortened(&thesis.label, 22),
                    (NAMES, y),
                    11,
                    HPos::Left,
                )?;
                let left = NAMES + COLUMN;
                let base = vec![(left, y), (left + WIDTH, y)];
                area.draw(&PathElement::new(base, BLACK.mix(0.3)))?;
                for e in &cell.evidence {
                    let at = |byte: usize| left + (f64::from(WIDTH) * byte as f64 / length) as i32;
                    let (from, to) = match e.stance {
                        SentenceStance::Asserts => (y - 9, y),
                        SentenceStance::Denies => (y, y + 9),
                        SentenceStance::Reports => (y - 3, y + 3),
                    };
                    let (a, b) = (at(e.span.start), at(e.span.end).max(at(e.span.start) + 1));
                    area.draw(&Rectangle::new(
                        [(a, from), (b, to)],
                        BLACK.mix(0.75).filled(),
                    ))?;
                }
            }
        }
        let y = size.1 - 14;
        let legend =
            "from the essay's first byte to its last. Up: asserts; down: denies; across: reports.";
        text(area, legend, (4, y), 11, HPos::Left)
    })
}

fn text(area: &Area, text: &str, at: (i32, i32), size: i32, across: HPos) -> Drawn {
    let style = (SANS, size)
        .into_text_style(area)
        .color(&BLACK)
        .pos(Pos::new(across, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

fn drawn(size: (i32, i32), draw: impl FnOnce(&Area) -> Drawn) -> Vec<u8> {
    svg((size.0.unsigned_abs(), size.1.unsigned_abs()), draw).into_bytes()
}
