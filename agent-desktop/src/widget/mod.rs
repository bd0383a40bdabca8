//! Small parts that several screens share. They know texts, sizes and tones, and nothing about calls.

mod bar;
mod button;
pub(crate) mod icon;
mod keys;
mod long_list;
mod plain_keys;
mod pulse;

pub(crate) use bar::{call_button, call_button_filled, call_button_on, filled, plain, plain_key, rail_item, word_key};
pub(crate) use button::{Button, button};
pub(crate) use icon::{Icon, icon};
pub(crate) use keys::{group, known_as, layer, ranked};
pub(crate) use long_list::long_list;
pub(crate) use plain_keys::plain_keys;
pub(crate) use pulse::{PULSE_STEP_MS, pulse};

use crate::font;
use crate::i18n::Advice;
use crate::theme::{self, Palette, Tone, radius, space, text_size};
use iced::widget::{Column, Container, Scrollable, Space, Text, column, container, progress_bar, row, scrollable, text};
use iced::{Color, Element, Fill};

/// Width of the bar of what scrolls.
const SCROLL_BAR: f32 = 6.0;

/// Text of the body.
pub(crate) fn body<'a>(content: impl text::IntoFragment<'a>) -> Text<'a> {
    text(content).size(text_size::BODY)
}

/// Bold text of the body.
pub(crate) fn strong<'a>(content: impl text::IntoFragment<'a>) -> Text<'a> {
    body(content).font(font::BOLD)
}

/// A label: small and quiet.
pub(crate) fn label<'a>(palette: Palette, content: impl text::IntoFragment<'a>) -> Text<'a> {
    text(content).size(text_size::LABEL).color(palette.label)
}

/// A card's own heading.
pub(crate) fn heading<'a>(palette: Palette, content: impl text::IntoFragment<'a>) -> Text<'a> {
    text(content).size(text_size::BODY).font(font::BOLD).color(palette.label)
}

/// The key that does the same, beside its word.
pub(crate) fn key_hint<'a>(palette: Palette, key: &'a str) -> Text<'a> {
    text(key).size(text_size::HINT).color(palette.label).wrapping(text::Wrapping::None)
}

/// A label with its value beneath.
pub(crate) fn labelled<'a, M: 'a>(palette: Palette, name: &'a str, value: impl Into<Element<'a, M>>) -> Column<'a, M> {
    column![label(palette, name), value.into()].spacing(space::XS)
}

/// A card of the page.
pub(crate) fn card<'a, M: 'a>(palette: Palette, content: impl Into<Element<'a, M>>) -> Container<'a, M> {
    container(content).padding(space::L).style(move |_| theme::card(palette))
}

/// A word on a tint.
pub(crate) fn tag<'a, M: 'a>(palette: Palette, tone: Tone, word: &'a str) -> Container<'a, M> {
    let word = text(word).size(text_size::LABEL).font(font::BOLD);
    container(word).padding([2.0, 6.0]).style(move |_| theme::chip(palette, tone, radius::TAG))
}

/// A round sign of a state.
pub(crate) fn dot<'a, M: 'a>(color: Color) -> Container<'a, M> {
    let round = container::Style { background: Some(color.into()), border: iced::border::rounded(4.0), ..Default::default() };
    container(Space::new().width(8.0).height(8.0)).style(move |_| round)
}

/// What is there now and then, above what stays: that keeps its place among the widgets, and with it the keyboard.
pub(crate) fn above<'a, M: 'a>(content: Option<impl Into<Element<'a, M>>>, gap: f32) -> Element<'a, M> {
    let content = content.map(|content| container(content).padding(iced::Padding::ZERO.bottom(gap)));
    column![].push(content).into()
}

/// A hairline across or along.
pub(crate) fn hairline<'a, M: 'a>(palette: Palette) -> Container<'a, M> {
    let line = container::Style { background: Some(palette.border.into()), ..Default::default() };
    container(Space::new()).style(move |_| line)
}

/// What may be higher than its place, with a thin bar while it is.
pub(crate) fn scroll<'a, M: 'a>(palette: Palette, content: impl Into<Element<'a, M>>) -> Scrollable<'a, M> {
    let bar = scrollable::Scrollbar::new().width(SCROLL_BAR).scroller_width(SCROLL_BAR);
    let place = scrollable(content).direction(scrollable::Direction::Vertical(bar));
    place.style(move |theme, status| theme::scroll(palette, theme, status))
}

/// A level of 0 to 100 with its name.
pub(crate) fn level_meter<'a, M: 'a>(palette: Palette, tone: Tone, name: &'a str, level: u8) -> Column<'a, M> {
    let bar = progress_bar(0.0..=100.0, f32::from(level.min(100))).length(Fill).girth(6.0);
    column![label(palette, name), bar.style(move |_| theme::meter(palette, tone))].spacing(space::XS)
}

/// A share of 0 to 1, thin, for a time that runs out.
pub(crate) fn share_bar<'a, M: 'a>(palette: Palette, tone: Tone, share: f32) -> Element<'a, M> {
    progress_bar(0.0..=1.0, share).length(Fill).girth(4.0).style(move |_| theme::meter(palette, tone)).into()
}

/// What happened, why, what to do next: beside a warning sign.
pub(crate) fn advice<'a, M: 'a>(palette: Palette, tone: Tone, advice: Advice) -> Element<'a, M> {
    let sentences = column![
        text(advice.what).size(text_size::BODY).font(font::BOLD).color(palette.color(tone)),
        body(advice.why).size(text_size::LABEL),
        body(advice.next).size(text_size::LABEL),
    ];
    row![icon(Icon::Warning, palette.color(tone)), sentences.spacing(space::XS).width(Fill)].spacing(space::M).into()
}
