//! The call bar: my state with its running time first, then who calls, then the buttons that never move.

use super::{Message, Scene, caller, present_call, sign, tone};
use crate::font;
use crate::theme::{self, Tone, radius, size, space, text_size};
use crate::widget::{body, call_button, call_button_filled, icon, label};
use desktop_core::Wish;
use iced::widget::{column, container, row, space as gap, text};
use iced::{Center, Element, Fill};

/// Width of the state's box: the longest word of both languages fits, so nothing beside it moves.
const STATE_WIDTH: f32 = 176.0;
/// Between 拒接 and 挂断: a hand that aims at one does not hit the other.
const GUARD: f32 = 36.0;
/// Width of 挂断.
const HANG_UP_WIDTH: f32 = 92.0;

pub(super) fn view<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let bar = row![state_box(scene), container(who(scene)).width(Fill).clip(true), buttons(scene)];
    let bar = container(bar.spacing(space::L).align_y(Center)).padding([0.0, space::L]).center_y(size::CALL_BAR);
    bar.style(move |_| theme::bar(palette)).into()
}

fn state_box<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, state) = (scene.palette, scene.view.state());
    let tone = tone(state);
    let word = state.map_or("–", |state| scene.texts.state_word(state));
    let since = scene.view.desk.as_ref().map(|desk| scene.clock_since(desk.since)).unwrap_or_default();
    let word = row![
        icon(sign(state), palette.color(tone)).width(18.0).height(18.0),
        text(word).size(text_size::NUMBER).font(font::BOLD).wrapping(text::Wrapping::None),
    ];
    let clock = text(since).size(text_size::CLOCK).font(font::BOLD).line_height(1.1);
    let content = column![word.spacing(6.0).align_y(Center), clock];
    let chip = container(content).width(STATE_WIDTH).center_y(size::BUTTON).padding([0.0, space::M]);
    chip.style(move |_| theme::chip(palette, tone, radius::BUTTON)).into()
}

fn who<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let Some(call) = present_call(scene.view) else {
        return label(scene.palette, scene.texts.call.none).size(text_size::BODY).into();
    };
    let name = text(caller::name(scene, call)).size(text_size::NUMBER).font(font::BOLD).wrapping(text::Wrapping::None);
    let number = text(caller::number(scene, call)).size(text_size::NUMBER).wrapping(text::Wrapping::None);
    let waited = format!("{} · {} {}", call.queue, scene.texts.call.waited, crate::screens::clock(call.waited_ms));
    let below = body(waited).color(scene.palette.label).wrapping(text::Wrapping::None);
    column![row![name, number].spacing(space::S), below].spacing(2.0).into()
}

fn buttons<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts, view) = (scene.palette, &scene.texts.call, scene.view);
    let act = |possible: bool, wish: Wish| possible.then_some(Message::Wish(wish));
    let answer = call_button_filled(palette, Tone::Green, texts.answer, "F2", act(view.can_answer(), Wish::Answer));
    let reject = call_button(palette, texts.reject, "Shift+F2", act(view.can_answer(), Wish::Reject));
    let hang_up = call_button_filled(palette, Tone::Red, texts.hang_up, "F4", act(view.can_hang_up(), Wish::HangUp));
    row![
        answer.width(size::BUTTON_WIDTH + space::XL),
        reject.width(size::BUTTON_WIDTH + space::L),
        gap::horizontal().width(GUARD - 2.0 * space::S),
        hang_up.width(HANG_UP_WIDTH),
    ]
    .spacing(space::S)
    .into()
}
