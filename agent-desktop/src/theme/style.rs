//! Styles of our few widgets, each made of the palette alone.

use super::{Palette, Tone, radius};
use iced::widget::{button, container, progress_bar, scrollable, text_editor, text_input};
use iced::{Background, Border, Color, Theme, border};

fn hairline(color: Color, radius: f32) -> Border {
    Border { color, width: 1.0, radius: radius.into() }
}

fn faded(color: Color, alpha: f32) -> Color {
    Color { a: color.a * alpha, ..color }
}

fn mixed(one: Color, other: Color, share: f32) -> Color {
    let mix = |a: f32, b: f32| a + (b - a) * share;
    Color { r: mix(one.r, other.r), g: mix(one.g, other.g), b: mix(one.b, other.b), a: one.a }
}

/// The page behind everything. Its ground is the window's own: one that is drawn would be drawn whole, through a mask, for each figure on it
/// that changes.
pub(crate) fn page(palette: Palette) -> container::Style {
    container::Style { text_color: Some(palette.text), ..Default::default() }
}

/// A card.
pub(crate) fn card(palette: Palette) -> container::Style {
    container::Style { background: Some(palette.surface.into()), border: hairline(palette.border, radius::CARD), ..page(palette) }
}

/// A bar along an edge of the window; its hairline is drawn apart.
pub(crate) fn bar(palette: Palette) -> container::Style {
    container::Style { background: Some(palette.surface.into()), ..page(palette) }
}

/// A coloured tag or the state's box.
pub(crate) fn chip(palette: Palette, tone: Tone, radius: f32) -> container::Style {
    container::Style {
        text_color: Some(palette.color(tone)),
        background: Some(palette.tint(tone).into()),
        border: border::rounded(radius),
        ..Default::default()
    }
}

/// A strip that tells of trouble without blocking.
pub(crate) fn banner(palette: Palette, tone: Tone) -> container::Style {
    container::Style {
        text_color: Some(palette.text),
        background: Some(palette.tint(tone).into()),
        border: hairline(faded(palette.color(tone), 0.45), radius::CARD),
        ..Default::default()
    }
}

/// A message over the page. A line sets it off and no shadow: the software renderer draws a shadow anew over the old one with each change
/// nearby, until everything is black.
pub(crate) fn toast(palette: Palette) -> container::Style {
    container::Style { background: Some(palette.raised.into()), border: hairline(palette.label, radius::CARD), ..card(palette) }
}

/// A column that lies over the page.
pub(crate) fn drawer(palette: Palette) -> container::Style {
    container::Style { background: Some(palette.page.into()), border: hairline(palette.page, radius::CARD), ..page(palette) }
}

/// Darkens what a question covers.
pub(crate) fn scrim() -> container::Style {
    container::Style { background: Some(Color { a: 0.40, ..Color::BLACK }.into()), ..Default::default() }
}

/// A field for text.
pub(crate) fn field(palette: Palette, status: text_input::Status) -> text_input::Style {
    let line = match status {
        text_input::Status::Focused { .. } => palette.color(Tone::Blue),
        text_input::Status::Hovered => palette.label,
        text_input::Status::Active | text_input::Status::Disabled => palette.border,
    };
    let value = if status == text_input::Status::Disabled { palette.label } else { palette.text };
    text_input::Style {
        background: palette.raised.into(),
        border: hairline(line, radius::FIELD),
        icon: palette.label,
        placeholder: palette.label,
        value,
        selection: faded(palette.color(Tone::Blue), 0.35),
    }
}

/// A field that opens a list.
pub(crate) fn button_field(palette: Palette, status: button::Status) -> button::Style {
    let line = match status {
        button::Status::Active | button::Status::Disabled => palette.border,
        button::Status::Hovered => palette.label,
        button::Status::Pressed => palette.color(Tone::Blue),
    };
    let border = hairline(line, radius::FIELD);
    button::Style { background: Some(palette.raised.into()), text_color: palette.text, border, ..quiet() }
}

/// A row of a list that the arrows have come to.
pub(crate) fn chosen(palette: Palette) -> container::Style {
    let (background, border) = (Some(palette.tint(Tone::Blue).into()), border::rounded(radius::FIELD));
    container::Style { background, border, ..Default::default() }
}

/// A field of many lines.
pub(crate) fn editor(palette: Palette, status: text_editor::Status) -> text_editor::Style {
    let line = match status {
        text_editor::Status::Focused { .. } => palette.color(Tone::Blue),
        text_editor::Status::Hovered => palette.label,
        text_editor::Status::Active | text_editor::Status::Disabled => palette.border,
    };
    text_editor::Style {
        background: palette.raised.into(),
        border: hairline(line, radius::FIELD),
        placeholder: palette.label,
        value: palette.text,
        selection: faded(palette.color(Tone::Blue), 0.35),
    }
}

/// A place in a card where something is shown.
pub(crate) fn inset(palette: Palette) -> container::Style {
    container::Style { background: Some(palette.raised.into()), border: hairline(palette.border, radius::FIELD), ..page(palette) }
}

/// The one filled button of a group.
pub(crate) fn button_filled(palette: Palette, tone: Tone, status: button::Status) -> button::Style {
    let full = palette.color(tone);
    let ground = match status {
        button::Status::Active => full,
        button::Status::Hovered => mixed(full, palette.text, 0.10),
        button::Status::Pressed => mixed(full, palette.text, 0.20),
        button::Status::Disabled => return button_plain(palette, status),
    };
    button::Style { background: Some(ground.into()), text_color: palette.on, border: border::rounded(radius::BUTTON), ..quiet() }
}

/// A quiet button; dimmed when it is impossible.
pub(crate) fn button_plain(palette: Palette, status: button::Status) -> button::Style {
    let (ground, text, line) = match status {
        button::Status::Active => (palette.raised, palette.text, palette.border),
        button::Status::Hovered => (mixed(palette.raised, palette.label, 0.12), palette.text, palette.border),
        button::Status::Pressed => (palette.border, palette.text, palette.border),
        button::Status::Disabled => (faded(palette.raised, 0.6), faded(palette.text, 0.36), faded(palette.border, 0.6)),
    };
    button::Style { background: Some(ground.into()), text_color: text, border: hairline(line, radius::BUTTON), ..quiet() }
}

/// A row of a list that can be chosen; `chosen` is the present one.
pub(crate) fn button_row(palette: Palette, chosen: Option<Tone>, status: button::Status) -> button::Style {
    let hovered = match status {
        button::Status::Active | button::Status::Disabled => None,
        button::Status::Hovered => Some(palette.page),
        button::Status::Pressed => Some(palette.border),
    };
    let ground = chosen.map(|tone| palette.tint(tone)).or(hovered);
    let full = chosen.map_or(palette.text, |tone| palette.color(tone));
    let text = if status == button::Status::Disabled && chosen.is_none() { faded(palette.text, 0.36) } else { full };
    button::Style { background: ground.map(Background::from), text_color: text, border: border::rounded(radius::FIELD), ..quiet() }
}

/// An act that is only a word, at the end of a row.
pub(crate) fn button_word(palette: Palette, status: button::Status) -> button::Style {
    let style = button_row(palette, None, status);
    let text_color = if status == button::Status::Disabled { style.text_color } else { palette.color(Tone::Blue) };
    button::Style { text_color, ..style }
}

/// A place in the rail, or a word in the status line.
pub(crate) fn rail_button(palette: Palette, chosen: bool, status: button::Status) -> button::Style {
    let style = button_row(palette, chosen.then_some(Tone::Blue), status);
    let text_color = match status {
        button::Status::Active if !chosen => palette.label,
        button::Status::Active | button::Status::Hovered | button::Status::Pressed | button::Status::Disabled => style.text_color,
    };
    button::Style { text_color, border: border::rounded(radius::BUTTON), ..style }
}

fn quiet() -> button::Style {
    button::Style { snap: true, ..Default::default() }
}

/// A level or a share.
pub(crate) fn meter(palette: Palette, tone: Tone) -> progress_bar::Style {
    progress_bar::Style { background: palette.tint(Tone::Grey).into(), bar: palette.color(tone).into(), border: border::rounded(3.0) }
}

/// The bar of what scrolls: no more than how far it is scrolled, until the mouse wants it.
pub(crate) fn scroll(palette: Palette, theme: &Theme, status: scrollable::Status) -> scrollable::Style {
    let wanted = match status {
        scrollable::Status::Active { .. } => false,
        scrollable::Status::Hovered { is_vertical_scrollbar_hovered: wanted, .. } => wanted,
        scrollable::Status::Dragged { is_vertical_scrollbar_dragged: wanted, .. } => wanted,
    };
    let color = if wanted { palette.label } else { palette.border };
    let scroller = scrollable::Scroller { background: color.into(), border: border::rounded(3.0) };
    let rail = scrollable::Rail { background: None, border: Border::default(), scroller };
    scrollable::Style { vertical_rail: rail, ..scrollable::default(theme, status) }
}

#[cfg(test)]
mod tests {
    use super::super::contrast::{TONES, assert_readable, over};
    use super::super::palette::Mode;
    use super::*;

    /// Words in this colour on this ground, which lies on whatever it may lie on.
    fn assert_words(what: &str, palette: Palette, words: Color, ground: Option<Background>) {
        for below in [palette.page, palette.surface, palette.raised] {
            let ground = match ground {
                Some(Background::Color(color)) => over(color, below),
                Some(Background::Gradient(_)) => panic!("{what}: no style of ours has a gradient"),
                None => below,
            };
            assert_readable(what, words, ground);
        }
    }

    #[test]
    fn words_are_readable_on_every_ground_that_a_style_gives_them() {
        for mode in [Mode::Light, Mode::Dark] {
            let palette = mode.palette();
            let grounds = [("page", page(palette)), ("card", card(palette)), ("bar", bar(palette)), ("drawer", drawer(palette))];
            let grounds = grounds.into_iter().chain([("message", toast(palette)), ("inset", inset(palette))]);
            for (name, style) in grounds {
                let what = format!("{mode:?} {name}");
                assert_words(&what, palette, style.text_color.expect("a ground has a colour for its words"), style.background);
                assert_eq!(style.shadow, iced::Shadow::default(), "{what} would darken what is around it");
                assert_words(&format!("{what}, label"), palette, palette.label, style.background);
                for tone in TONES {
                    assert_words(&format!("{what}, {tone:?}"), palette, palette.color(tone), style.background);
                }
            }
            for (name, words) in [("text", palette.text), ("label", palette.label), ("act", palette.color(Tone::Blue))] {
                assert_words(&format!("{mode:?} chosen row, {name}"), palette, words, chosen(palette).background);
            }
            for tone in TONES {
                for (name, style) in [("banner", banner(palette, tone)), ("chip", chip(palette, tone, 4.0))] {
                    let what = format!("{mode:?} {name} {tone:?}");
                    assert_words(&what, palette, style.text_color.expect("likewise"), style.background);
                    assert_words(&format!("{what}, of its tone"), palette, palette.color(tone), style.background);
                }
            }
        }
    }

    #[test]
    fn fields_are_readable_with_a_value_and_without() {
        for mode in [Mode::Light, Mode::Dark] {
            let palette = mode.palette();
            let status = text_input::Status::Active;
            for (name, words) in [("value", field(palette, status).value), ("hint", field(palette, status).placeholder)] {
                assert_words(&format!("{mode:?} field, {name}"), palette, words, Some(field(palette, status).background));
            }
            let status = text_editor::Status::Active;
            for (name, words) in [("value", editor(palette, status).value), ("hint", editor(palette, status).placeholder)] {
                assert_words(&format!("{mode:?} editor, {name}"), palette, words, Some(editor(palette, status).background));
            }
        }
    }

    /// A dimmed button is exempt: that it cannot be used is what it says.
    #[test]
    fn buttons_are_readable_at_rest_under_the_mouse_and_pressed() {
        for mode in [Mode::Light, Mode::Dark] {
            let palette = mode.palette();
            for status in [button::Status::Active, button::Status::Hovered, button::Status::Pressed] {
                let check = |name: &str, style: button::Style| {
                    assert_words(&format!("{mode:?} {name} {status:?}"), palette, style.text_color, style.background);
                };
                check("field", button_field(palette, status));
                check("plain", button_plain(palette, status));
                check("row", button_row(palette, None, status));
                check("word", button_word(palette, status));
                check("rail", rail_button(palette, false, status));
                check("chosen in the rail", rail_button(palette, true, status));
                for tone in TONES {
                    check(&format!("filled {tone:?}"), button_filled(palette, tone, status));
                    check(&format!("chosen {tone:?}"), button_row(palette, Some(tone), status));
                }
            }
        }
    }
}
