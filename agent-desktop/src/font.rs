//! The desktop's own font: Noto Sans CJK SC cut to GB 2312, Latin, punctuation and the characters of rare names, two weights.
//!
//! Renamed to "Hotline Sans SC", so that no installed font competes with it; made by `assets/fonts/build.py`.

use iced::Font;
use iced::font::Weight;

/// The two files, to be loaded before the first frame.
pub(crate) const FILES: [&[u8]; 2] =
    [include_bytes!("../../assets/fonts/HotlineSansSC-Regular.otf"), include_bytes!("../../assets/fonts/HotlineSansSC-Bold.otf")];

/// Body text.
pub(crate) const REGULAR: Font = Font::with_name("Hotline Sans SC");

/// Names, states and whatever is looked for.
pub(crate) const BOLD: Font = Font { weight: Weight::Bold, ..REGULAR };

#[cfg(test)]
mod tests {
    use super::FILES;
    use iced::advanced::graphics::text::{cosmic_text, font_system};
    use std::collections::BTreeSet;
    use std::sync::Once;

    /// Characters of names and places that GB 2312 lacks and that a city's hotline meets.
    const RARE: &str = "㛃䶮𠮷玥珺喆堃昇祎赟翀彧";
    const SIGNS: &str = "0123456789ABCxyz ，。！？：；（）《》“”…·—•→±≥%：/+*#";

    fn shaped(text: &str, weight: cosmic_text::Weight) -> Vec<cosmic_text::LayoutGlyph> {
        static LOADED: Once = Once::new();
        LOADED.call_once(|| {
            let mut system = font_system().write().expect("nobody panicked while holding the font system");
            FILES.into_iter().for_each(|file| system.load_font(file.into()));
        });
        let mut system = font_system().write().expect("nobody panicked while holding the font system");
        let fonts = system.raw();
        let mut buffer = cosmic_text::Buffer::new(fonts, cosmic_text::Metrics::new(16.0, 20.0));
        let attributes = cosmic_text::Attrs::new().family(cosmic_text::Family::Name("Hotline Sans SC")).weight(weight);
        buffer.set_text(fonts, text, &attributes, cosmic_text::Shaping::Advanced, None);
        buffer.shape_until_scroll(fonts, false);
        let glyphs: Vec<_> = buffer.layout_runs().flat_map(|run| run.glyphs.to_vec()).collect();
        for glyph in &glyphs {
            let face = fonts.db().face(glyph.font_id).expect("a shaped glyph names a loaded face");
            let character = &text[glyph.start..glyph.end];
            assert_ne!(glyph.glyph_id, 0, "{character} has no glyph");
            assert_eq!(face.families[0].0, "Hotline Sans SC", "{character} fell back to another font");
            assert_eq!(face.weight, weight, "{character} has another weight");
        }
        glyphs
    }

    /// Every seventh hanzi of GB 2312 is enough to notice a wrong cut, and quick.
    fn sample_of_gb2312() -> String {
        let listed = include_str!("../../assets/fonts/gb2312.txt");
        listed.chars().filter(|character| !character.is_whitespace()).step_by(7).collect()
    }

    #[test]
    fn hanzi_digits_signs_and_rare_names_come_from_our_own_font_in_both_weights() {
        let sample = sample_of_gb2312();
        assert!(sample.chars().count() > 900, "the list of GB 2312 has 6763 hanzi");
        for weight in [cosmic_text::Weight::NORMAL, cosmic_text::Weight::BOLD] {
            for text in [sample.as_str(), RARE, SIGNS] {
                assert_eq!(shaped(text, weight).len(), text.chars().count());
            }
        }
    }

    #[test]
    fn every_sentence_of_both_languages_can_be_written_in_our_font() {
        for table in [include_str!("i18n/chinese.rs"), include_str!("i18n/english.rs")] {
            for line in table.lines() {
                shaped(line.trim(), cosmic_text::Weight::NORMAL);
            }
        }
    }

    /// Whatever a screen shows of its own stands in a source: tables of texts, arrows, signs on buttons.
    #[test]
    fn every_character_of_our_sources_can_be_written_in_our_font() {
        let mut characters = BTreeSet::new();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("our sources are readable") {
                let path = entry.expect("our sources are readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let source = std::fs::read_to_string(&path).expect("our sources are readable");
                    characters.extend(source.chars().filter(|character| !character.is_ascii()));
                }
            }
        }
        assert!(characters.len() > 500, "the texts have more than {} hanzi and signs", characters.len());
        for weight in [cosmic_text::Weight::NORMAL, cosmic_text::Weight::BOLD] {
            // Spaces between them, so that no two make one sign together.
            shaped(&characters.iter().flat_map(|character| [*character, ' ']).collect::<String>(), weight);
        }
    }

    #[test]
    fn digits_are_equally_wide_so_that_clocks_do_not_jitter() {
        for weight in [cosmic_text::Weight::NORMAL, cosmic_text::Weight::BOLD] {
            let digits = shaped("0123456789", weight);
            assert!(digits.iter().all(|digit| (digit.w - digits[0].w).abs() < f32::EPSILON));
        }
    }
}
