//! Who else is in the call: called, consulted, taking part; with what can be done about each. Only there while somebody is.

use super::{Message, Scene};
use crate::theme::{self, Tone, radius, space, text_size};
use crate::widget::{body, group, known_as, label, plain, strong};
use desktop_core::Wish;
use iced::widget::{Column, Row, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{AsideStage, CallFunction, PartyName, PartyView, TalkView};

/// One line for each of them.
pub(super) fn parties<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let talk = &scene.view.desk.as_ref()?.call.as_ref()?.talk;
    let lines: Vec<Element<'a, Message>> = guest(scene, talk)
        .into_iter()
        .chain(paused(scene, talk))
        .chain(held(scene, talk))
        .chain(aside(scene, talk))
        .chain(others(scene, talk))
        .collect();
    let palette = scene.palette;
    (!lines.is_empty()).then(|| {
        let lines = Column::from_iter(lines).spacing(space::S);
        group(container(lines).width(Fill).padding([space::S, space::L]).style(move |_| theme::card(palette)))
    })
}

fn guest<'a>(scene: Scene<'a>, talk: &'a TalkView) -> Option<Element<'a, Message>> {
    let owner = talk.guest_of.as_ref()?;
    Some(strong((scene.texts.papers.guest_of)(&name(owner))).color(scene.palette.color(Tone::Violet)).into())
}

/// 录音暂停 until it ends by itself or by hand (1-12).
fn paused<'a>(scene: Scene<'a>, talk: &'a TalkView) -> Option<Element<'a, Message>> {
    let left = talk.paused_until?.since(scene.server_now());
    let words = (scene.texts.papers.recording_paused)(&crate::screens::clock(left));
    let palette = scene.palette;
    let words = text(words).size(text_size::LABEL).font(crate::font::BOLD);
    let tag = container(words).padding([2.0, 6.0]).style(move |_| theme::chip(palette, Tone::Amber, radius::TAG));
    let resume = plain(palette, scene.texts.papers.resume_recording, toggle_recording(scene)).height(32.0);
    Some(row![tag, gap::horizontal(), resume].spacing(space::S).align_y(Center).into())
}

/// 暂停录音 or 恢复录音, whichever is possible.
pub(super) fn toggle_recording(scene: Scene<'_>) -> Option<Message> {
    let possible = [CallFunction::ResumeRecording, CallFunction::PauseRecording].into_iter().find(|act| scene.view.can_do(act));
    possible.map(|function| Message::Wish(Wish::Call(function)))
}

/// A held citizen is on the agent's mind: amber after 45 s, red after 90 (1-10).
fn held<'a>(scene: Scene<'a>, talk: &'a TalkView) -> Option<Element<'a, Message>> {
    let since = talk.held?;
    let tone = match scene.server_now().since(since) {
        ..45_000 => Tone::Violet,
        45_000..90_000 => Tone::Amber,
        90_000.. => Tone::Red,
    };
    Some(row![tag(scene, tone, scene.texts.calls.holding), clock(scene, tone, since)].spacing(space::S).align_y(Center).into())
}

fn aside<'a>(scene: Scene<'a>, talk: &'a TalkView) -> Option<Element<'a, Message>> {
    let aside = talk.aside.as_ref()?;
    let (papers, calls) = (&scene.texts.papers, &scene.texts.calls);
    let (tone, word) = match aside.stage {
        AsideStage::Rings => (Tone::Amber, papers.rings),
        AsideStage::There => (Tone::Violet, papers.with),
    };
    let act = |word: &'a str, function: CallFunction| {
        let act = scene.view.can_do(&function).then_some(Message::Wish(Wish::Call(function)));
        plain(scene.palette, word, act).height(32.0)
    };
    let line = row![
        tag(scene, tone, word),
        strong(name(&aside.name)).wrapping(text::Wrapping::None),
        clock(scene, tone, aside.since),
        gap::horizontal(),
        act(calls.swap, CallFunction::Swap),
        act(calls.merge, CallFunction::Merge),
        act(calls.complete, CallFunction::Complete),
        act(calls.cancel, CallFunction::Cancel),
    ];
    Some(line.spacing(space::S).align_y(Center).into())
}

fn others<'a>(scene: Scene<'a>, talk: &'a TalkView) -> Vec<Element<'a, Message>> {
    let last = talk.others.len().saturating_sub(1);
    talk.others.iter().enumerate().map(|(place, party)| other(scene, party, place == last)).collect()
}

fn other<'a>(scene: Scene<'a>, party: &'a PartyView, last: bool) -> Element<'a, Message> {
    let (papers, calls) = (&scene.texts.papers, &scene.texts.calls);
    let act = |word: &'a str, function: CallFunction| {
        let act = scene.view.can_do(&function).then_some(Message::Wish(Wish::Call(function)));
        plain(scene.palette, word, act).height(32.0)
    };
    let muted = party.muted.then(|| label(scene.palette, papers.mute_party));
    let line: Row<'a, Message> = row![tag(scene, Tone::Blue, papers.conference), strong(name(&party.name)).wrapping(text::Wrapping::None)];
    let line = line.push(clock(scene, Tone::Blue, party.since)).push(muted).push(gap::horizontal());
    let mute = CallFunction::MuteParty { party: party.party, muted: !party.muted };
    let line = line.push(act(if party.muted { papers.unmute } else { papers.mute_party }, mute));
    let line = line.push(act(papers.drop_party, CallFunction::DropParty { party: party.party }));
    // Leaving is one act, whoever takes part.
    let line = line.push(last.then(|| act(calls.leave, CallFunction::Leave)));
    known_as(party.party.0.into(), line.spacing(space::S).align_y(Center))
}

fn tag<'a>(scene: Scene<'a>, tone: Tone, word: &'a str) -> Element<'a, Message> {
    let palette = scene.palette;
    let word = text(word).size(text_size::LABEL).font(crate::font::BOLD);
    container(word).padding([2.0, 6.0]).style(move |_| theme::chip(palette, tone, radius::TAG)).into()
}

fn clock<'a>(scene: Scene<'a>, tone: Tone, since: shared::model::UnixMillis) -> Element<'a, Message> {
    body(scene.clock_since(since)).color(scene.palette.color(tone)).into()
}

fn name(name: &PartyName) -> String {
    match name {
        PartyName::Agent { number, name, .. } => format!("{number} {name}"),
        PartyName::Number(number) => super::caller::grouped(number.reveal().subscriber()),
    }
}
