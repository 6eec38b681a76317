//! Figures, drawn as SVG and as pictures.

use std::sync::Arc;

use plotters::coord::Shift;
use plotters::prelude::*;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// What a figure is drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The letters of the figures: the reader's own.
pub const SANS: &str = "sans-serif";

/// A figure on white as SVG.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        (area.fill(&WHITE).map_err(Into::into))
            .and_then(|()| draw(&area))
            .and_then(|()| Ok(area.present()?))
            .expect("drawing into a string cannot fail");
    }
    svg
}

/// The letters of the pictures: those of the machine would make them differ from one to
/// the other. (In SVG the reader's own sans-serif stands.)
const FONT: &[u8] = include_bytes!("DejaVuSans.ttf");

/// Pixels of a picture for one of the figure; about 300 to the inch in print.
const SCALE: f32 = 3.0;

/// An SVG of ours as PNG.
///
/// # Panics
/// When it is none.
pub fn png(svg: &[u8]) -> Vec<u8> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = Options {
        fontdb: Arc::new(fonts),
        font_family: "DejaVu Sans".to_owned(),
        ..Options::default()
    };
    let tree = Tree::from_data(svg, &options).expect("a figure of ours is an SVG");
    let size = tree.size();
    let pixels = |length: f32| (length * SCALE).round() as u32;
    let mut picture = Pixmap::new(pixels(size.width()), pixels(size.height()))
        .expect("a figure of ours has a size");
    let scale = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut picture.as_mut());
    picture.encode_png().expect("a picture can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_drawn_and_always_alike() {
        let svg = |text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\">\
                 <text x=\"2\" y=\"15\" font-family=\"sans-serif\">{text}</text></svg>"
            )
        };
        let (word, other) = (png(svg("Été").as_bytes()), png(svg("Зима").as_bytes()));
        assert_eq!(word[1..4], *b"PNG");
        assert_ne!(word, png(svg("").as_bytes()), "the letters are there");
        assert_ne!(word, other);
        assert_eq!(word, png(svg("Été").as_bytes()));
    }
}
