//! Pictures as PNG: the SVG of [`super::svg()`] on white, with a font of its own, so that they look the same everywhere.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};
use ungil_measure::Comparison;

use super::picture;
use super::style;
use crate::Error;

/// Pixels for each of the SVG's: sharp at 6.4 inches and 300 dots per inch for two workloads side by side.
const SCALE: f32 = 2.0;

const REGULAR: &[u8] = include_bytes!("font/Inter-400.ttf");
const SEMIBOLD: &[u8] = include_bytes!("font/Inter-600.ttf");
const FAMILY: &str = "Inter";

/// Fonts of the system are not looked at: they differ, and a small machine has none.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for font in [REGULAR, SEMIBOLD] {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

/// The pictures of these names, of all workloads, as one PNG file.
///
/// # Errors
/// [`Error::NothingToDraw`] as of [`super::svg()`]; [`Error::Png`] where the picture cannot be made, for want of memory.
pub fn png(comparison: &Comparison, names: &[&str]) -> Result<Vec<u8>, Error> {
    let svg = picture::drawn(comparison, names, &style::of_paper())?;
    let options = Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(&FONTS),
        ..Options::default()
    };
    let failed = |why: String| Error::Png(why);
    let tree = Tree::from_str(&svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let (width, height) = (size.width() * SCALE, size.height() * SCALE);
    let mut image = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
        .ok_or_else(|| failed(format!("{width} by {height} pixels are too many")))?;
    image.fill(Color::WHITE);
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut image.as_mut(),
    );
    image
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}
