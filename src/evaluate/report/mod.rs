//! The scores, written: one file a form, each a pure function.

mod html;
mod latex;
mod markdown;
mod plots;
mod tables;
mod terminal;

pub use html::page as html;
pub use latex::document as latex;
pub use markdown::document as markdown;
pub use plots::reliability as reliability_svg;
pub use terminal::summary as terminal;

use super::{Figure, Scores};

/// `scores.json`.
pub fn json(scores: &Scores) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(scores).expect("scores have only string keys");
    bytes.push(b'\n');
    bytes
}

/// The cells' confusion as SVG.
pub fn confusion_svg(scores: &Scores) -> String {
    plots::confusion(&scores.confusion["cells"])
}

/// A figure to three places.
fn number(figure: Option<f64>) -> String {
    figure.map_or("n/a".to_owned(), |f| format!("{f:.3}"))
}

/// Its interval.
fn interval(figure: &Figure) -> String {
    match figure.interval {
        Some(interval) => format!("{:.2} to {:.2}", interval.low, interval.high),
        None => "n/a".to_owned(),
    }
}
