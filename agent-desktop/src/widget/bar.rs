//! Buttons: those of the call bar, the filled one, the quiet one, and the rail's.
//!
//! A button without a message is dimmed and keeps its place.

use super::{Button, Icon, button, icon};
use crate::font;
use crate::theme::{self, Palette, Tone, size, space, text_size};
use iced::widget::button::Status;
use iced::widget::{Column, column, container, text};
use iced::{Center, Fill};

/// Letters of a word from which on it is written smaller in the bar.
const LONG_WORD: usize = 5;

fn caption<'a, M: 'a>(word: &'a str, key: &'a str) -> Column<'a, M> {
    // A long English word is as wide as four hanzi.
    let size = if word.len() > LONG_WORD && word.is_ascii() { text_size::BODY } else { text_size::NUMBER };
    let word = text(word).size(size).font(font::BOLD).wrapping(text::Wrapping::None);
    let key = text(key).size(text_size::HINT).wrapping(text::Wrapping::None);
    column![word, key].align_x(Center)
}

fn call_shape<'a, M: Clone + 'a>(word: &'a str, key: &'a str) -> Button<'a, M> {
    let content = container(caption(word, key)).center(Fill);
    button(content).height(size::BUTTON).padding(0.0)
}

/// A call button in the bar's quiet style.
pub(crate) fn call_button<'a, M: Clone + 'a>(palette: Palette, word: &'a str, key: &'a str, act: Option<M>) -> Button<'a, M> {
    call_shape(word, key).on_press_maybe(act).style(move |_, status| theme::button_plain(palette, status))
}

/// The same, marked while what it names is on.
pub(crate) fn call_button_on<'a, M: Clone + 'a>(
    palette: Palette,
    tone: Tone,
    word: &'a str,
    key: &'a str,
    act: Option<M>,
) -> Button<'a, M> {
    call_shape(word, key).on_press_maybe(act).style(move |_, status| theme::button_row(palette, Some(tone), status))
}

/// A call button that is filled while it is possible.
pub(crate) fn call_button_filled<'a, M: Clone + 'a>(
    palette: Palette,
    tone: Tone,
    word: &'a str,
    key: &'a str,
    act: Option<M>,
) -> Button<'a, M> {
    call_shape(word, key).on_press_maybe(act).style(move |_, status| theme::button_filled(palette, tone, status))
}

/// The one filled button of a page, with its key if it has one.
pub(crate) fn filled<'a, M: Clone + 'a>(palette: Palette, word: &'a str, key: Option<&'a str>, act: Option<M>) -> Button<'a, M> {
    let word = text(word).size(text_size::NUMBER).font(font::BOLD);
    let hint = key.map(|key| text(key).size(text_size::HINT));
    let content = container(iced::widget::row![word].push(hint).spacing(space::S).align_y(Center)).center_y(Fill);
    let shape = button(content).height(40.0).padding([0.0, space::L]);
    shape.on_press_maybe(act).style(move |_, status| theme::button_filled(palette, Tone::Blue, status))
}

/// A quiet button with its key.
pub(crate) fn plain_key<'a, M: Clone + 'a>(palette: Palette, word: &'a str, key: &'a str, act: Option<M>) -> Button<'a, M> {
    let words = iced::widget::row![text(word).size(text_size::BODY), text(key).size(text_size::HINT)];
    let content = container(words.spacing(space::S).align_y(Center)).center_y(Fill);
    let shape = button(content).height(40.0).padding([0.0, space::L]);
    shape.on_press_maybe(act).style(move |_, status| theme::button_plain(palette, status))
}

/// A word that acts, with its key: no higher than the heading beside it.
pub(crate) fn word_key<'a, M: Clone + 'a>(palette: Palette, word: &'a str, key: &'a str, act: Option<M>) -> Button<'a, M> {
    let word = text(word).size(text_size::LABEL).font(font::BOLD).wrapping(text::Wrapping::None);
    let key = text(key).size(text_size::HINT).wrapping(text::Wrapping::None);
    let place = button(iced::widget::row![word, key].spacing(space::XS).align_y(Center)).padding([1.0, space::XS]);
    place.on_press_maybe(act).style(move |_, status| theme::button_word(palette, status))
}

/// A quiet button.
pub(crate) fn plain<'a, M: Clone + 'a>(palette: Palette, word: &'a str, act: Option<M>) -> Button<'a, M> {
    let content = container(text(word).size(text_size::BODY)).center_y(Fill);
    let shape = button(content).height(40.0).padding([0.0, space::L]);
    shape.on_press_maybe(act).style(move |_, status| theme::button_plain(palette, status))
}

/// A place in the rail: an icon with its word beneath.
pub(crate) fn rail_item<'a, M: Clone + 'a>(palette: Palette, which: Icon, word: &'a str, chosen: bool, act: Option<M>) -> Button<'a, M> {
    let color = if chosen { palette.color(Tone::Blue) } else { palette.label };
    let word = text(word).size(text_size::LABEL).wrapping(text::Wrapping::None);
    let word = if chosen { word.font(font::BOLD) } else { word };
    let content = column![icon(which, color), word].spacing(space::XS).align_x(Center);
    let shape = button(container(content).center_x(Fill).center_y(Fill)).width(Fill).height(56.0).padding(0.0);
    let place = shape.on_press_maybe(act);
    place.style(move |_, status| {
        let status = if chosen { Status::Active } else { status };
        theme::rail_button(palette, chosen, status)
    })
}
