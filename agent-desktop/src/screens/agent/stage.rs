//! The middle: what happens now, in one figure, one sentence and at most one act.

use super::{Message, Scene, State, caller, functions, sign, tone};
use crate::font;
use crate::screens::clock;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{Icon, above, body, button, card, filled, heading, icon, label, pulse, share_bar};
use desktop_core::Wish;
use iced::widget::{Column, center, column, container, row, stack, text};
use iced::{Bottom, Center, Element, Fill};
use shared::model::{AgentState, CallView, Desk, NotReadyReason, OfferView, WrapUpView};

/// Widest text of the stage.
const WIDTH: f32 = 520.0;
/// Side of the ring's pulse; the still sign of the other states has the size of its core.
const PULSE_SIDE: f32 = 152.0;
/// In a lower window, such as a much enlarged one, the words need the room of the sign.
const SIGN_FROM: f32 = 620.0;

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    if let Some(form) = state.form_here(scene.view) {
        let whole = column![above(functions::parties(scene), space::M), form.view(scene)];
        return container(whole).width(Fill).height(Fill).into();
    }
    let content = match &scene.view.desk {
        Some(desk) => for_desk(state, scene, desk),
        None => column![label(scene.palette, scene.texts.frame.loading).size(text_size::BODY)],
    };
    let content = content.spacing(space::M).align_x(Center).max_width(WIDTH);
    card(scene.palette, center(content)).width(Fill).height(Fill).into()
}

fn for_desk<'a>(state: &'a State, scene: Scene<'a>, desk: &'a Desk) -> Column<'a, Message> {
    match desk.state {
        AgentState::NotReady(reason) => not_ready(scene, desk, reason).push(dial(scene)).push(unfinished(scene)),
        AgentState::Ready => ready(scene, desk).push(dial(scene)).push(unfinished(scene)),
        AgentState::Offered => desk.offer.as_ref().map_or_else(|| ready(scene, desk), |offer| ringing(state, scene, offer)),
        AgentState::Talking | AgentState::Holding | AgentState::Consulting | AgentState::Outbound => talking(state, scene, desk),
        AgentState::WrapUp => desk.wrap_up.as_ref().map_or_else(|| ready(scene, desk), |wrap_up| finishing(state, scene, desk, wrap_up)),
        AgentState::Lost => plain_stage(scene, desk, scene.texts.stage.lost).push(hint(scene, scene.texts.stage.lost_next)),
    }
}

/// The sign, the headline, and how long it has been so.
fn plain_stage<'a>(scene: Scene<'a>, desk: &'a Desk, headline: &'a str) -> Column<'a, Message> {
    let tone = tone(Some(desk.state));
    column![still_sign(scene, tone, sign(Some(desk.state))), title(headline), figure(scene, tone, scene.clock_since(desk.since))]
}

fn not_ready<'a>(scene: Scene<'a>, desk: &'a Desk, reason: NotReadyReason) -> Column<'a, Message> {
    let texts = &scene.texts.stage;
    let (headline, next) = match reason {
        NotReadyReason::SignedIn => (texts.signed_in, texts.signed_in_next),
        NotReadyReason::NoAnswer => (texts.no_answer, texts.not_ready_next),
        NotReadyReason::System => (texts.system, scene.texts.advice.media_lost.next),
        NotReadyReason::Locked => (scene.texts.state.locked, scene.texts.advice.locked.next),
        NotReadyReason::Break | NotReadyReason::Meal | NotReadyReason::Training | NotReadyReason::Meeting | NotReadyReason::TicketWork => {
            (texts.not_ready, texts.not_ready_next)
        }
    };
    let act = scene.view.can_go_ready().then_some(Message::Wish(Wish::GoReady));
    plain_stage(scene, desk, headline).push(limit(scene, desk)).push(hint(scene, next)).push(act_button(
        scene,
        scene.texts.state.go_ready,
        "F11",
        act,
    ))
}

/// How long the break may still last, or how much too long it is.
fn limit<'a>(scene: Scene<'a>, desk: &'a Desk) -> Option<Element<'a, Message>> {
    let (ends, texts, palette) = (desk.limit?, &scene.texts.house, scene.palette);
    let (left, over) = (ends.since(scene.server_now()), scene.server_now().since(ends));
    let (tone, words) =
        if left > 0 { (Tone::Grey, (texts.limit_left)(&clock(left))) } else { (Tone::Red, (texts.limit_over)(&clock(over))) };
    Some(text(words).size(text_size::NUMBER).font(font::BOLD).color(palette.color(tone)).into())
}

fn ready<'a>(scene: Scene<'a>, desk: &'a Desk) -> Column<'a, Message> {
    plain_stage(scene, desk, scene.texts.stage.ready).push(hint(scene, scene.texts.stage.ready_next))
}

fn ringing<'a>(state: &'a State, scene: Scene<'a>, offer: &'a OfferView) -> Column<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.stage);
    let handset = center(icon(Icon::Phone, palette.on).width(40.0).height(40.0));
    let sign = stack![pulse(palette, Tone::Amber, PULSE_SIDE, scene.now_ms), handset.width(PULSE_SIDE).height(PULSE_SIDE)];
    let left = scene.seconds_left(offer.expires);
    let running_out = container(share_bar(palette, Tone::Amber, scene.share_left(offer.call.since, offer.expires))).width(280.0);
    column![]
        .push((scene.height >= SIGN_FROM).then_some(sign))
        .push(heading(palette, texts.ringing))
        .push(who(state, scene, &offer.call).push(caller::address(state, scene, &offer.call)))
        .push(running_out)
        .push(label(palette, (texts.ring_left)(left)))
        .push(scene.view.can_answer().then(|| body(texts.ringing_next).font(font::BOLD).color(palette.color(Tone::Green))))
        .push(scene.view.can_answer().then(|| {
            let reject = crate::widget::plain_key(palette, scene.texts.call.reject, "⇧F2", Some(Message::Wish(Wish::Reject)));
            container(reject).padding(iced::Padding::ZERO.top(space::S))
        }))
}

fn talking<'a>(state: &'a State, scene: Scene<'a>, desk: &'a Desk) -> Column<'a, Message> {
    let since = desk.call.as_ref().map_or(desk.since, |call| call.since);
    let held = desk.call.as_ref().and_then(|call| call.talk.held);
    let (tone, since) = held.map_or((Tone::Blue, since), |held| (held_tone(scene, held), held));
    let headline = if desk.state == AgentState::Talking { scene.texts.stage.talking } else { scene.texts.state_word(desk.state) };
    let head =
        column![still_sign(scene, tone, Icon::Phone), heading(scene.palette, headline), figure(scene, tone, scene.clock_since(since)),];
    let who = desk.call.as_ref().map(|call| who(state, scene, call));
    let next = scene.view.can_hang_up().then(|| hint(scene, scene.texts.stage.talking_next));
    head.spacing(space::M).align_x(Center).push(who).push(next).push(functions::parties(scene))
}

/// A held citizen is on the agent's mind: amber after 45 s, red after 90 (1-10).
fn held_tone(scene: Scene<'_>, held: shared::model::UnixMillis) -> Tone {
    match scene.server_now().since(held) {
        ..45_000 => Tone::Blue,
        45_000..90_000 => Tone::Amber,
        90_000.. => Tone::Red,
    }
}

fn finishing<'a>(state: &'a State, scene: Scene<'a>, desk: &'a Desk, wrap_up: &'a WrapUpView) -> Column<'a, Message> {
    let (texts, palette) = (&scene.texts.stage, scene.palette);
    let left = clock(scene.seconds_left(wrap_up.expires).saturating_mul(1_000));
    let running_out = container(share_bar(palette, Tone::Teal, scene.share_left(desk.since, wrap_up.expires))).width(280.0);
    let ended = body(scene.texts.ended_by(wrap_up.ended_by)).color(palette.label);
    let called = state.last_call(wrap_up.interaction).map(|call| title(caller::name(state, scene, call)));
    let act = scene.view.can_end_wrap_up().then_some(Message::Wish(Wish::EndWrapUp));
    column![still_sign(scene, Tone::Teal, Icon::Pencil), heading(palette, texts.wrap_up)]
        .push(called)
        .push(ended)
        .push(figure(scene, Tone::Teal, left))
        .push(running_out)
        .push(hint(scene, texts.wrap_up_next))
        .push(row![act_button(scene, texts.finish, "F12", act)].push(extend(scene, wrap_up)).spacing(space::M).align_y(Bottom))
}

/// 外拨
fn dial<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let act = scene.view.can_dial().then_some(Message::Open(super::chooser::Purpose::Dial));
    crate::widget::plain_key(scene.palette, scene.texts.calls.dial, "F3", act).into()
}

/// Summaries that wait to be finished, such as after a crash.
fn unfinished<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let newest = scene.view.drafts.values().max_by_key(|draft| draft.copy.changed)?;
    let words = label(scene.palette, (scene.texts.papers.unfinished)(scene.view.drafts.len()));
    let act = crate::widget::plain(scene.palette, scene.texts.papers.write_up, Some(Message::WriteUp(newest.copy.summary.interaction)));
    Some(row![words, act.height(32.0)].spacing(space::S).align_y(Center).into())
}

/// 延长, if the queue allows it at all.
pub(super) fn extend<'a>(scene: Scene<'a>, wrap_up: &'a WrapUpView) -> Option<Element<'a, Message>> {
    let act = scene.view.can_extend_wrap_up().then_some(Message::Wish(Wish::ExtendWrapUp));
    let word = (scene.texts.house.extend)(wrap_up.extensions);
    let content = container(text(word).size(text_size::BODY)).center_y(Fill);
    let palette = scene.palette;
    let place = button(content).height(40.0).padding([0.0, space::L]).on_press_maybe(act);
    (wrap_up.extensions > 0).then(|| place.style(move |_, status| theme::button_plain(palette, status)).into())
}

fn who<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> Column<'a, Message> {
    let name = text(caller::name(state, scene, call)).size(text_size::FIGURE).font(font::BOLD).line_height(1.2);
    let number = text(caller::number(scene, call)).size(text_size::CLOCK);
    column![name, number].spacing(space::XS).align_x(Center)
}

fn still_sign<'a>(scene: Scene<'a>, tone: Tone, which: Icon) -> Element<'a, Message> {
    let palette = scene.palette;
    let side = PULSE_SIDE / 2.0;
    let round = iced::widget::container::Style {
        background: Some(palette.tint(tone).into()),
        border: iced::border::rounded(side / 2.0),
        ..Default::default()
    };
    let picture = icon(which, palette.color(tone)).width(36.0).height(36.0);
    container(picture).center(side).style(move |_| round).into()
}

fn title<'a>(words: &'a str) -> Element<'a, Message> {
    text(words).size(text_size::NAME).font(font::BOLD).align_x(Center).into()
}

fn figure<'a>(scene: Scene<'a>, tone: Tone, clock: String) -> Element<'a, Message> {
    text(clock).size(text_size::FIGURE).font(font::BOLD).line_height(1.1).color(scene.palette.color(tone)).into()
}

fn hint<'a>(scene: Scene<'a>, words: &'a str) -> Element<'a, Message> {
    body(words).color(scene.palette.label).align_x(Center).into()
}

fn act_button<'a>(scene: Scene<'a>, word: &'a str, key: &'a str, act: Option<Message>) -> Element<'a, Message> {
    let act = filled(scene.palette, word, Some(key), act);
    container(act).padding(iced::Padding::ZERO.top(space::S)).into()
}
