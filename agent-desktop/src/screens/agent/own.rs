//! The right column: my own state and how to change it, and whether my voice gets through.

use super::{Message, Scene};
use crate::font;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{body, button, card, dot, group, heading, label, labelled, level_meter, tag};
use desktop_core::{DeviceProblem, Wish};
use iced::widget::{Column, column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{AgentState, NotReadyReason};

pub(super) fn view<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let state = card(scene.palette, switch(scene)).width(Fill);
    let voice = card(scene.palette, voice(scene)).width(Fill);
    column![state, voice].spacing(space::M).into()
}

fn switch<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let (view, texts) = (scene.view, scene.texts);
    let present = view.state();
    let go_ready = view.can_go_ready().then_some(Message::Wish(Wish::GoReady));
    let ready = choice(scene, Tone::Green, texts.state.go_ready, present == Some(AgentState::Ready), go_ready);
    let reasons = NotReadyReason::CHOOSABLE.map(|reason| {
        let act = view.can_go_not_ready().then_some(Message::Wish(Wish::GoNotReady(reason)));
        choice(scene, Tone::Red, texts.reason_word(reason), present == Some(AgentState::NotReady(reason)), act)
    });
    let head = row![heading(scene.palette, texts.frame.my_state), gap::horizontal(), label(scene.palette, "F11").size(text_size::HINT)];
    let above = label(scene.palette, texts.state.go_not_ready);
    let rows = column![ready, container(above).padding([space::S, 0.0]), Column::with_children(reasons)];
    column![head.align_y(Center), group(rows)].spacing(space::S)
}

fn choice<'a>(scene: Scene<'a>, tone: Tone, word: &'a str, present: bool, act: Option<Message>) -> Element<'a, Message> {
    let palette = scene.palette;
    let possible = act.is_some() || present;
    let color = iced::Color { a: if possible { 1.0 } else { 0.36 }, ..palette.color(tone) };
    let word = text(word).size(text_size::BODY);
    let word = if present { word.font(font::BOLD) } else { word };
    let content = row![dot(color), word].spacing(space::S).align_y(Center);
    let place = button(container(content).center_y(Fill)).width(Fill).height(size::ROW).padding([0.0, space::S]);
    let place = place.on_press_maybe(act.filter(|_| !present));
    place.style(move |_, status| theme::button_row(palette, present.then_some(tone), status)).into()
}

fn voice<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let (texts, palette, voice) = (&scene.texts.voice, scene.palette, &scene.view.voice);
    let (tone, word) = voice_word(scene);
    let head = row![heading(palette, texts.title), gap::horizontal(), tag(palette, tone, word)];
    let device = match &voice.device {
        Some(device) => body(device.as_str()),
        None => body(voice_word(scene).1).color(palette.color(voice_word(scene).0)),
    };
    let way = why_this_way(scene).map(|why| label(palette, why).color(palette.color(Tone::Amber)));
    let problem = voice.device_problem.as_ref().map(|problem| label(palette, (texts.problem)(problem)));
    column![head.align_y(Center), labelled(palette, texts.device, column![device].push(problem).push(way).spacing(space::XS))]
        .push(level_meter(palette, Tone::Green, texts.microphone, voice.microphone_level))
        .push(level_meter(palette, Tone::Blue, texts.speaker, voice.speaker_level))
        .spacing(space::M)
}

/// Why the voice does not take its usual way.
fn why_this_way(scene: Scene<'_>) -> Option<&'static str> {
    scene.texts.way(scene.view.voice.way).map(|_| scene.texts.health.over_tunnel_why)
}

/// How the voice path is, in one word and its colour.
pub(super) fn voice_word(scene: Scene<'_>) -> (Tone, &'static str) {
    let (texts, voice) = (&scene.texts.voice, &scene.view.voice);
    let talking = scene.view.state() == Some(AgentState::Talking);
    match (&voice.device, voice.receiving, talking) {
        _ if voice.device_problem == Some(DeviceProblem::Opening) => (Tone::Grey, texts.opening),
        (None, _, _) => (Tone::Red, texts.no_device),
        _ if voice.device_problem == Some(DeviceProblem::Replaced) => (Tone::Amber, texts.replaced),
        // Only one of microphone and loudspeaker works.
        (Some(_), _, _) if voice.device_problem.is_some() => (Tone::Red, texts.faulty),
        (Some(_), true, _) => (Tone::Green, texts.working),
        (Some(_), false, true) => (Tone::Red, texts.silent),
        (Some(_), false, false) => (Tone::Grey, texts.idle),
    }
}
