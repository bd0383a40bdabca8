//! The call bar: my state with its running time first, then who calls, then the buttons that never move.

use super::{Message, Scene, State, caller, present_call, sign, tone};
use crate::font;
use crate::theme::{self, Tone, radius, size, space, text_size};
use crate::widget::{body, call_button, call_button_filled, icon, label};
use desktop_core::Wish;
use iced::widget::{button, column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::NextState;

/// Width of the state's box: the longest word of both languages fits, so nothing beside it moves.
const STATE_WIDTH: f32 = 176.0;
/// Between 拒接 and 挂断: a hand that aims at one does not hit the other.
const GUARD: f32 = 36.0;
/// Width of 挂断.
const HANG_UP_WIDTH: f32 = 92.0;

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let middle = row![].push(next(scene)).push(container(who(state, scene)).width(Fill).clip(true)).spacing(space::L).align_y(Center);
    let bar = row![state_box(scene), middle.width(Fill), buttons(scene)];
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

/// What was chosen to follow, and the way to take it back.
fn next<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let (desk, texts, palette) = (scene.view.desk.as_ref()?, &scene.texts.house, scene.palette);
    let words = match (desk.next, desk.awaits) {
        (Some(NextState::NotReady(reason)), _) => (texts.next)(scene.texts.reason_word(reason)),
        (Some(NextState::SignOut), _) => (texts.next)(scene.texts.frame.sign_out),
        (None, Some(awaits)) => (texts.awaits)(scene.texts.reason_word(awaits.reason), awaits.ahead),
        (None, None) => return None,
    };
    let act = scene.view.can_go_ready().then_some(Message::Wish(Wish::GoReady));
    let back = button(text(texts.take_back).size(text_size::LABEL)).padding([3.0, space::S]).on_press_maybe(act);
    let back = back.style(move |_, status| theme::button_plain(palette, status));
    let content = row![text(words).size(text_size::LABEL).font(font::BOLD), back].spacing(space::S).align_y(Center);
    Some(container(content).padding([space::XS, space::S]).style(move |_| theme::chip(palette, Tone::Red, radius::BUTTON)).into())
}

fn who<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let Some(call) = present_call(scene.view) else {
        return label(scene.palette, scene.texts.call.none).size(text_size::BODY).into();
    };
    let name = text(caller::name(state, scene, call)).size(text_size::NUMBER).font(font::BOLD).wrapping(text::Wrapping::None);
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
