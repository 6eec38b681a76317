//! The plots of `scores.html`, as SVG; in ink and grey, so that they print.

use plotters::prelude::*;

use super::super::Scores;
use crate::drawing::{Area, SANS, svg};
use crate::statistics::Confusion;
use crate::words::shortened;

const SIZE: (u32, u32) = (420, 340);

/// Accuracy against confidence; the nearer the points to the diagonal, the better.
pub fn reliability(scores: &Scores) -> String {
    svg(SIZE, |area| {
        let mut chart = axes(area, "confidence", "right")?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], BLACK.mix(0.35)))?;
        let bins = &scores.calibration.bins;
        let points = || bins.iter().map(|b| (b.confidence, b.accuracy));
        chart.draw_series(LineSeries::new(points(), BLACK.stroke_width(2)))?;
        let most = bins.iter().map(|b| b.count).max().unwrap_or(1) as f64;
        chart.draw_series(bins.iter().map(|b| {
            let size = 3.0 + 6.0 * (b.count as f64 / most).sqrt();
            Circle::new(
                (b.confidence, b.accuracy),
                size.round() as i32,
                BLACK.filled(),
            )
        }))?;
        Ok(())
    })
}

/// Accuracy against the share of cells that are left to the program.
pub fn coverage(scores: &Scores) -> String {
    svg(SIZE, |area| {
        let mut chart = axes(area, "cells taken, surest first", "right")?;
        if let Some(all) = scores.coverage.last() {
            let line = [(0.0, all.accuracy), (1.0, all.accuracy)];
            chart.draw_series(LineSeries::new(line, BLACK.mix(0.35)))?;
        }
        let points = scores.coverage.iter().map(|p| (p.coverage, p.accuracy));
        chart.draw_series(LineSeries::new(points, BLACK.stroke_width(2)))?;
        Ok(())
    })
}

/// Counts as squares, the darker the more; labels down, program across.
pub fn confusion(confusion: &Confusion) -> String {
    let k = confusion.values.len() as i32;
    svg(SIZE, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(130)
            .build_cartesian_2d((0..k - 1).into_segmented(), (0..k - 1).into_segmented())?;
        let name = |at: &SegmentValue<i32>, down: bool| match at {
            SegmentValue::CenterOf(i) if (0..k).contains(i) => {
                let i = if down { k - 1 - i } else { *i };
                shortened(&confusion.values[i as usize], if down { 22 } else { 11 })
            }
            _ => String::new(),
        };
        chart
            .configure_mesh()
            .disable_mesh()
            .x_labels(k as usize)
            .y_labels(k as usize)
            .x_label_formatter(&|at| name(at, false))
            .y_label_formatter(&|at| name(at, true))
            .label_style((SANS, 12))
            .draw()?;
        let most = confusion
            .counts
            .iter()
            .flatten()
            .max()
            .copied()
            .unwrap_or(0)
            .max(1);
        for (row, counts) in confusion.counts.iter().enumerate() {
            for (column, &count) in counts.iter().enumerate() {
                let (x, y) = (column as i32, k - 1 - row as i32);
                let share = count as f64 / most as f64;
                let corners = [
                    (SegmentValue::Exact(x), SegmentValue::Exact(y)),
                    (SegmentValue::Exact(x + 1), SegmentValue::Exact(y + 1)),
                ];
                let fill = BLACK.mix(0.75 * share).filled();
                chart.draw_series([Rectangle::new(corners, fill)])?;
                let ink = if share > 0.55 { &WHITE } else { &BLACK };
                use plotters::style::text_anchor::{HPos, Pos, VPos};
                let style = (SANS, 15)
                    .into_text_style(area)
                    .color(ink)
                    .pos(Pos::new(HPos::Center, VPos::Center));
                let middle = (SegmentValue::CenterOf(x), SegmentValue::CenterOf(y));
                chart.draw_series([Text::new(count.to_string(), middle, style)])?;
            }
        }
        Ok(())
    })
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn axes<'a, 'b>(
    area: &'a Area<'b>,
    across: &str,
    up: &str,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_labels(5)
        .y_labels(5)
        .x_desc(across)
        .y_desc(up)
        .label_style((SANS, 12))
        .draw()?;
    Ok(chart)
}
