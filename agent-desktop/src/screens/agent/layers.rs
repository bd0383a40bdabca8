//! What lies over the desk: the strip of trouble that blocks nothing, the message with its one act, the two questions.

use super::status_line::light_tone;
use super::{Message, Scene, State, rank};
use crate::font;
use crate::screens::clock;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{Button, Icon, advice, body, button, card, dot, filled, group, heading, icon, label, plain, ranked, strong};
use desktop_core::{DeviceProblem, LinkState, Saved, Wish};
use iced::widget::{Column, Row, center, column, container, mouse_area, opaque, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{NotReadyReason, Notice, Refusal};

/// Width of a message.
const TOAST_WIDTH: f32 = 520.0;
/// Width of a message that something is done.
const DONE_WIDTH: f32 = 360.0;
/// Width of what stands before each reason.
const MARK_WIDTH: f32 = 16.0;
/// Width of a question.
const QUESTION_WIDTH: f32 = 340.0;

/// The connection is broken, there is no sound device, or something spoils the talk.
pub(super) fn banner<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let (texts, palette) = (scene.texts, scene.palette);
    if scene.engine_stopped {
        return Some(strip(scene, Tone::Red, column![strong(texts.frame.engine_stopped)]));
    }
    if let LinkState::Reconnecting { attempt, since } = scene.view.link {
        let length = clock(scene.now_ms.saturating_sub(since));
        let what = strong((texts.frame.reconnecting)(attempt, &length)).color(palette.color(Tone::Amber));
        return Some(strip(scene, Tone::Amber, column![what, body(texts.frame.reconnecting_effect).size(text_size::LABEL)]));
    }
    if scene.view.voice.device.is_none() && scene.view.voice.device_problem != Some(DeviceProblem::Opening) {
        let advice = texts.advice.no_device;
        let what = strong(advice.what).color(palette.color(Tone::Red));
        let rest = body(format!("{} {}", advice.why, advice.next)).size(text_size::LABEL);
        return Some(strip(scene, Tone::Red, column![what, rest]));
    }
    if scene.view.voice.speaks_muted && scene.view.muted {
        let advice = scene.texts.papers.speaks_muted;
        let what = strong(advice.what).color(scene.palette.color(Tone::Amber));
        let rest = body(format!("{} {}", advice.why, advice.next)).size(text_size::LABEL);
        return Some(strip(scene, Tone::Amber, column![what, rest]));
    }
    trouble(scene)
}

/// The first thing that spoils the talk, and what to do about it.
fn trouble<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let health = scene.view.health.as_ref()?;
    let advice = scene.texts.trouble(*health.troubles.first()?);
    let tone = light_tone(health.light());
    let what = strong(advice.what).color(scene.palette.color(tone));
    let rest = body(format!("{} {}", advice.why, advice.next)).size(text_size::LABEL);
    Some(strip(scene, tone, column![what, rest]))
}

fn strip<'a>(scene: Scene<'a>, tone: Tone, sentences: Column<'a, Message>) -> Element<'a, Message> {
    let palette = scene.palette;
    let content = row![icon(Icon::Warning, palette.color(tone)), sentences.spacing(2.0).width(Fill)].spacing(space::M).align_y(Center);
    container(content).width(Fill).padding([space::S, space::L]).style(move |_| theme::banner(palette, tone)).into()
}

/// A refusal, or else what the server changed by itself; one act.
pub(super) fn toast<'a>(state: &'a State, scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let (texts, palette) = (scene.texts, scene.palette);
    if let Some(saved) = scene.view.saved.filter(|_| scene.view.refusal.is_none()) {
        return Some(done(scene, saved));
    }
    let notice = scene.view.desk.as_ref().and_then(|desk| desk.notice);
    let (tone, sentences) = match (scene.view.refusal, notice) {
        (Some(refusal), _) => (Tone::Amber, texts.refusal(refusal)),
        (None, Some(notice)) => (notice_tone(notice), texts.notice(notice)),
        (None, None) => return None,
    };
    let dismiss = plain(palette, texts.frame.dismiss, Some(Message::Wish(Wish::Dismiss)));
    let acts = ranked(rank::MESSAGE, row![].push(way_out(state, scene, notice)).push(dismiss).spacing(space::S));
    let content = row![container(advice(palette, tone, sentences)).width(Fill), acts].spacing(space::L).align_y(Center);
    let message = container(content).width(TOAST_WIDTH).padding(space::L).style(move |_| theme::toast(palette));
    let place = container(opaque(message)).center_x(Fill).align_bottom(Fill);
    Some(place.padding(iced::Padding::ZERO.bottom(size::STATUS_LINE + space::M + space::XS)).into())
}

/// What was put on record, in one sentence.
fn done<'a>(scene: Scene<'a>, saved: Saved) -> Element<'a, Message> {
    let palette = scene.palette;
    let words = match saved {
        Saved::Summary { .. } => scene.texts.papers.summary_saved,
        Saved::Password => scene.texts.papers.password_changed,
    };
    let dismiss = ranked(rank::MESSAGE, plain(palette, scene.texts.frame.dismiss, Some(Message::Wish(Wish::Dismiss))));
    let content = row![icon(Icon::Ready, palette.color(Tone::Green)), container(strong(words)).width(Fill), dismiss];
    let message = container(content.spacing(space::M).align_y(Center)).width(DONE_WIDTH).padding([space::S, space::L]);
    let place = container(opaque(message.style(move |_| theme::toast(palette)))).center_x(Fill).align_bottom(Fill);
    place.padding(iced::Padding::ZERO.bottom(size::STATUS_LINE + space::M + space::XS)).into()
}

/// The one act that undoes what the server did, or gets round what it refused.
fn way_out<'a>(state: &'a State, scene: Scene<'a>, notice: Option<Notice>) -> Option<Element<'a, Message>> {
    let (palette, texts, view) = (scene.palette, scene.texts, scene.view);
    match (view.refusal, notice) {
        (Some(Refusal::ReasonFull), _) => {
            let reason = state.wanted?;
            Some(filled(palette, texts.house.await_place, None, Some(Message::Wish(Wish::AwaitNotReady(reason)))).into())
        }
        (Some(_), _) | (None, Some(Notice::CallerLeft | Notice::BreakBegun | Notice::Call(_)) | None) => None,
        (None, Some(Notice::OfferMissed | Notice::MediaLost | Notice::PhoneFailed(_) | Notice::BreakOver)) => {
            let act = view.can_go_ready().then_some(Message::Wish(Wish::GoReady))?;
            Some(filled(palette, texts.state.go_ready, Some("F11"), Some(act)).into())
        }
    }
}

fn notice_tone(notice: Notice) -> Tone {
    match notice {
        Notice::OfferMissed | Notice::BreakOver | Notice::Call(_) => Tone::Amber,
        Notice::CallerLeft | Notice::BreakBegun => Tone::Grey,
        Notice::MediaLost | Notice::PhoneFailed(_) => Tone::Red,
    }
}

/// Which reason for 示忙: by mouse, or by its digit.
pub(super) fn reasons<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let rows = NotReadyReason::CHOOSABLE.into_iter().zip(["1", "2", "3", "4", "5"]).map(|(reason, digit)| {
        let limit = scene.view.reason_limit(reason).map(|limit| {
            let minutes = limit.max_ms.div_ceil(60_000);
            label(palette, (scene.texts.house.limit)(minutes, limit.max_agents))
        });
        let mark = container(dot(palette.color(Tone::Red))).center_x(MARK_WIDTH);
        let word = row![mark, body(scene.texts.reason_word(reason)), gap::horizontal()];
        let place = choice(scene, word.push(limit).push(label(palette, digit)), Wish::GoNotReady(reason));
        // Arrows go on from it without a Tab before.
        if digit == "1" { place.first().into() } else { place.into() }
    });
    let mark = icon(Icon::Shield, palette.color(Tone::Amber)).width(MARK_WIDTH).height(MARK_WIDTH);
    let word = row![mark, body(scene.texts.state.locked), gap::horizontal()];
    let lock = choice(scene, word.push(label(palette, "6")), Wish::Lock).into();
    let content = column![
        text(scene.texts.frame.reasons_title).size(text_size::NUMBER).font(font::BOLD),
        group(Column::with_children(rows.chain([lock]))),
        label(palette, scene.texts.frame.reasons_hint),
    ];
    question(scene, content.spacing(space::M))
}

fn choice<'a>(scene: Scene<'a>, word: Row<'a, Message>, wish: Wish) -> Button<'a, Message> {
    let palette = scene.palette;
    let place = button(container(word.spacing(space::S).align_y(Center)).center_y(Fill)).width(Fill).height(40.0);
    let place = place.padding([0.0, space::M]).on_press(Message::Wish(wish));
    place.style(move |_, status| theme::button_row(palette, None, status))
}

/// Whether 签出 is meant.
pub(super) fn sign_out<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let (texts, palette) = (&scene.texts.frame, scene.palette);
    let cancel = plain(palette, texts.cancel, Some(Message::CloseQuestion));
    let act = filled(palette, texts.sign_out, None, Some(Message::Wish(Wish::SignOut)));
    let content = column![
        text(texts.sign_out_question).size(text_size::NUMBER).font(font::BOLD),
        heading(palette, texts.sign_out_consequence).font(font::REGULAR),
        group(row![gap::horizontal(), cancel, act].spacing(space::S)),
    ];
    question(scene, content.spacing(space::L))
}

pub(super) fn question<'a>(scene: Scene<'a>, content: Column<'a, Message>) -> Element<'a, Message> {
    question_of(scene, content, QUESTION_WIDTH)
}

/// The same, of another width.
pub(super) fn question_of<'a>(scene: Scene<'a>, content: Column<'a, Message>, width: f32) -> Element<'a, Message> {
    let sheet = opaque(card(scene.palette, content).width(width).padding(space::XL));
    let cover = center(sheet).style(|_| theme::scrim());
    opaque(mouse_area(cover).on_press(Message::CloseQuestion))
}
