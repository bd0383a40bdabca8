//! The call bar: my state with its running time first, then who calls, then the buttons that never move. A button that is impossible is
//! dimmed at its place; what it says follows the server's word.

use super::chooser::Purpose;
use super::{Message, Scene, State, caller, present_call, sign, tone};
use crate::font;
use crate::theme::{self, Tone, radius, size, space, text_size};
use crate::widget::{body, button, call_button, call_button_filled, call_button_on, icon, label, ranked};
use desktop_core::Wish;
use iced::widget::{Row, column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{CallFunction, NextState};

/// Width of the state's box: the longest word of both languages fits, so nothing beside it moves.
const STATE_WIDTH: f32 = 148.0;
/// Between the other buttons and 挂断: a hand that aims at one does not hit the other.
const GUARD: f32 = 28.0;
/// Width of 挂断.
const HANG_UP_WIDTH: f32 = 84.0;
/// Below this width of the window the caller is named in the left column alone.
const NAMED_FROM: f32 = 1_180.0;

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let middle = row![].push(next(scene)).push(container(who(state, scene)).width(Fill).clip(true)).spacing(space::L).align_y(Center);
    let bar = row![state_box(scene), middle.width(Fill), buttons(scene)];
    let bar = container(bar.spacing(space::L).align_y(Center)).padding([0.0, space::L]).center_y(size::CALL_BAR);
    let rank = if scene.view.can_answer() { super::rank::RINGING } else { super::rank::CALL_BAR };
    ranked(rank, bar.style(move |_| theme::bar(palette)))
}

pub(super) fn state_box<'a>(scene: Scene<'a>) -> Element<'a, Message> {
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
    let chip = container(content).width(STATE_WIDTH).center_y(size::BUTTON).padding([0.0, space::M]).clip(true);
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
    let words = text(words).size(text_size::LABEL).font(font::BOLD).wrapping(text::Wrapping::None);
    let content = row![words, back].spacing(space::S).align_y(Center);
    Some(container(content).padding([space::XS, space::S]).style(move |_| theme::chip(palette, Tone::Red, radius::BUTTON)).into())
}

fn who<'a>(state: &'a State, scene: Scene<'a>) -> Option<Element<'a, Message>> {
    if scene.width < NAMED_FROM {
        return None;
    }
    let Some(call) = present_call(scene.view) else {
        return Some(label(scene.palette, scene.texts.call.none).size(text_size::BODY).into());
    };
    let name = text(caller::name(state, scene, call)).size(text_size::NUMBER).font(font::BOLD).wrapping(text::Wrapping::None);
    let number = text(caller::number(scene, call)).size(text_size::NUMBER).wrapping(text::Wrapping::None);
    let waited = format!("{} · {} {}", call.queue, scene.texts.call.waited, crate::screens::clock(call.waited_ms));
    let below = body(waited).color(scene.palette.label).wrapping(text::Wrapping::None);
    Some(column![row![name, number].spacing(space::S), below].spacing(2.0).into())
}

fn buttons<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts, view) = (scene.palette, &scene.texts.call, scene.view);
    let act = |possible: bool, wish: Wish| possible.then_some(Message::Wish(wish));
    let answer = call_button_filled(palette, Tone::Green, texts.answer, "F2", act(view.can_answer(), Wish::Answer));
    let hang_up = call_button_filled(palette, Tone::Red, texts.hang_up, "F4", act(view.can_hang_up(), Wish::HangUp));
    let middle = functions(scene).map(|(word, key, act)| {
        let muted = key == "F6" && view.muted;
        let place = if muted { call_button_on(palette, Tone::Amber, word, key, act) } else { call_button(palette, word, key, act) };
        place.width(size::BUTTON_WIDTH).into()
    });
    row![answer.width(size::BUTTON_WIDTH)]
        .push(Row::from_iter(middle).spacing(space::S))
        .push(gap::horizontal().width(GUARD - 2.0 * space::S))
        .push(hang_up.width(HANG_UP_WIDTH))
        .spacing(space::S)
        .into()
}

/// Word, key and act of each button between 接听 and 挂断; while somebody is consulted 转接, 咨询 and 三方 go on with that one.
fn functions<'a>(scene: Scene<'a>) -> [(&'a str, &'a str, Option<Message>); 6] {
    let (calls, papers, view) = (&scene.texts.calls, &scene.texts.papers, scene.view);
    let talk = view.desk.as_ref().and_then(|desk| desk.call.as_ref()).map(|call| &call.talk);
    let aside = talk.is_some_and(|talk| talk.aside.is_some());
    let held = talk.is_some_and(|talk| talk.held.is_some()) && !aside;
    let hold = if held { calls.retrieve } else { calls.hold };
    let mute = if view.muted { papers.unmute } else { papers.mute };
    let consult = if aside { calls.swap } else { calls.consult };
    let conference = if aside { calls.merge } else { papers.conference };
    [
        (hold, "F5", toggle_hold(scene)),
        (mute, "F6", view.can_mute().then_some(Message::Wish(Wish::Mute(!view.muted)))),
        (calls.transfer, "F7", partner(scene, Purpose::Transfer)),
        (consult, "F8", partner(scene, Purpose::Consult)),
        (conference, "⇧F8", partner(scene, Purpose::Invite)),
        (papers.keypad, "F3", keypad(scene)),
    ]
}

/// 保持 or 取回, whichever is possible.
pub(super) fn toggle_hold(scene: Scene<'_>) -> Option<Message> {
    let possible = [CallFunction::Retrieve, CallFunction::Hold].into_iter().find(|function| scene.view.can_do(function));
    possible.map(|function| Message::Wish(Wish::Call(function)))
}

/// 转接, 咨询 and 三方: with whom is asked first, or who is consulted already is meant.
pub(super) fn partner(scene: Scene<'_>, purpose: Purpose) -> Option<Message> {
    let view = scene.view;
    let goes_on = match purpose {
        Purpose::Transfer => CallFunction::Complete,
        Purpose::Consult => CallFunction::Swap,
        Purpose::Invite => CallFunction::Merge,
        Purpose::Dial | Purpose::Kind | Purpose::Disposition | Purpose::Unit | Purpose::Canned | Purpose::Device(_) => return None,
    };
    if view.can_do(&goes_on) {
        return Some(Message::Wish(Wish::Call(goes_on)));
    }
    view.can_call_aside().then_some(Message::Open(purpose))
}

/// Keys into the call, or a number where there is none.
pub(super) fn keypad(scene: Scene<'_>) -> Option<Message> {
    if scene.view.can_do(&CallFunction::PressKeys { keys: String::new() }) {
        return Some(Message::OpenKeypad);
    }
    scene.view.can_dial().then_some(Message::Open(Purpose::Dial))
}
