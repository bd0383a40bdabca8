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

#[test]
fn the_contrast_is_measured_as_the_standard_says() {
    let grey = |level: u8| Color::from_rgb8(level, level, level);
    let rounded = |one, other| (contrast(one, other) * 100.0).round() / 100.0;
    assert_eq!(rounded(Color::BLACK, Color::WHITE), 21.0);
    assert_eq!(rounded(Color::WHITE, Color::BLACK), 21.0, "either way round");
    assert_eq!(rounded(Color::WHITE, Color::WHITE), 1.0);
    // The two greys between which readable on white begins.
    assert_eq!((rounded(grey(0x76), Color::WHITE), rounded(grey(0x77), Color::WHITE)), (4.54, 4.48));
    // Pure red, green and blue on white: each channel has its weight.
    let pure = [[255, 0, 0], [0, 255, 0], [0, 0, 255]].map(|[red, green, blue]| rounded(Color::from_rgb8(red, green, blue), Color::WHITE));
    assert_eq!(pure, [4.0, 1.37, 8.59]);
}

#[test]
fn of_a_faint_colour_as_much_is_seen_as_it_covers() {
    let seen = over(Color { a: 0.25, ..Color::from_rgb(1.0, 0.0, 0.5) }, Color::from_rgb(0.0, 1.0, 0.5));
    assert_eq!(seen, Color::from_rgb(0.25, 0.75, 0.5));
}

#[test]
#[should_panic(expected = "what: contrast 4.48 is below 4.5")]
fn words_that_are_hardly_readable_are_told() {
    assert_readable("what", Color::from_rgb8(0x77, 0x77, 0x77), Color::WHITE);
}

#[track_caller]
pub(super) fn assert_readable(what: &str, words: Color, ground: Color) {
    let ratio = contrast(over(words, ground), ground);
    assert!(ratio >= 4.5, "{what}: contrast {ratio:.2} is below 4.5");
}
