//! The small window on top of other programs while a call rings: who calls, from where, and the two acts.

use super::{Message, Scene, State, caller, sign, tone};
use crate::font;
use crate::theme::{self, Tone, radius, space, text_size};
use crate::widget::{call_button_filled, group, icon, label, layer, plain};
use desktop_core::Wish;
use iced::widget::{column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::CallView;

/// Width of 接听.
const ANSWER_WIDTH: f32 = 108.0;

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let offer = scene.view.desk.as_ref().and_then(|desk| desk.offer.as_ref());
    let who = container(column![].push(offer.map(|offer| who(state, scene, &offer.call)))).width(Fill).height(Fill).clip(true);
    let content = column![who, acts(scene)];
    let window = container(content.spacing(space::S)).width(Fill).height(Fill).padding(space::L);
    layer(group(window.style(move |_| theme::card(palette))), true)
}

fn who<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> Element<'a, Message> {
    let (palette, present) = (scene.palette, scene.view.state());
    let tone = tone(present);
    let word = present.map_or("–", |state| scene.texts.state_word(state));
    let word = row![icon(sign(present), palette.color(tone)).width(14.0).height(14.0), text(word).size(text_size::LABEL).font(font::BOLD)];
    let chip = container(word.spacing(space::XS).align_y(Center)).padding([2.0, space::S]);
    let chip = chip.style(move |_| theme::chip(palette, tone, radius::TAG));
    let waited = label(palette, format!("{} · {}", call.queue, waited(scene, call))).wrapping(text::Wrapping::None);
    let name = text(caller::name(state, scene, call)).size(text_size::NAME).font(font::BOLD).wrapping(text::Wrapping::None);
    let number = text(caller::number(scene, call)).size(text_size::NUMBER).color(palette.label).wrapping(text::Wrapping::None);
    let address = container(caller::address(state, scene, call)).max_height(40.0).clip(true);
    let head = row![chip, container(waited).width(Fill).clip(true)].spacing(space::S).align_y(Center);
    let names = container(column![name, number].spacing(2.0)).width(Fill).clip(true);
    column![head, names].push(caller::marks(state, scene, call)).push(address).spacing(space::S).into()
}

fn acts<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, scene.texts);
    let answer = scene.view.can_answer().then_some(Message::Wish(Wish::Answer));
    let answer = call_button_filled(palette, Tone::Green, texts.call.answer, "F2", answer).width(ANSWER_WIDTH);
    row![answer, gap::horizontal(), plain(palette, texts.outside.open, Some(Message::Raise))].spacing(space::S).align_y(Center).into()
}

/// How long the caller has waited, as it is said beside the queue.
fn waited(scene: Scene<'_>, call: &CallView) -> String {
    format!("{} {}", scene.texts.call.waited, crate::screens::clock(call.waited_ms))
}

/// Title and body of a notification.
pub(super) fn tells(state: &State, scene: Scene<'_>, call: &CallView) -> (String, String) {
    let title = format!("{} {}", caller::name(state, scene, call), caller::number(scene, call));
    let address = state.person(call).map(|person| person.address.reveal().as_str()).filter(|address| !address.is_empty());
    let queue = format!("{} · {}", call.queue, waited(scene, call));
    (title, [Some(queue.as_str()), address].into_iter().flatten().collect::<Vec<_>>().join("\n"))
}
