//! How well a colour is read on another, for the tests of the look.

use super::Tone;
use iced::Color;

pub(super) const TONES: [Tone; 7] = [Tone::Blue, Tone::Green, Tone::Amber, Tone::Violet, Tone::Teal, Tone::Red, Tone::Grey];

/// WCAG 2.2, relative luminance and contrast ratio.
fn contrast(one: Color, other: Color) -> f32 {
    let luminance = |color: Color| {
        let [red, green, blue, _] = color.into_linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (bright, dark) = (luminance(one).max(luminance(other)), luminance(one).min(luminance(other)));
    (bright + 0.05) / (dark + 0.05)
}

/// What is seen of a colour that lets the ground through.
pub(super) fn over(color: Color, ground: Color) -> Color {
    let mix = |upper: f32, lower: f32| lower + (upper - lower) * color.a;
    Color { r: mix(color.r, ground.r), g: mix(color.g, ground.g), b: mix(color.b, ground.b), a: 1.0 }
}

#[track_caller]
pub(super) fn assert_readable(what: &str, words: Color, ground: Color) {
    let ratio = contrast(over(words, ground), ground);
    assert!(ratio >= 4.5, "{what}: contrast {ratio:.2} is below 4.5");
}
