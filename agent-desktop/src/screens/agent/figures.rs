//! The right column: my figures of today against their band, and who is there to help.

use super::{Message, Scene, tone};
use crate::font;
use crate::screens::clock;
use crate::theme::{self, Tone, radius, space, text_size};
use crate::widget::{body, card, dot, heading, label, long_list, scroll, share_bar};
use iced::widget::{column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{AgentState, FloorRow, OwnFigures, TargetBand};

/// Height of one colleague in the list.
const COLLEAGUE_HEIGHT: f32 = 28.0;

/// 我的今天; nothing while it is not known.
pub(super) fn own<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let figures = scene.view.papers.figures.as_ref()?;
    let band = scene.view.papers.house.as_ref().map_or(TargetBand::HANDLING, |house| house.handling);
    let head = row![heading(palette, texts.today), gap::horizontal()].push(stale(scene));
    let big = row![
        figure(scene, texts.answered, figures.answered.to_string(), 3),
        figure(scene, texts.mean_talk, clock(figures.mean_talk_ms), 4),
        figure(scene, texts.missed_today, figures.missed.to_string(), 2),
    ];
    let small = row![small(scene, texts.dispatched, figures.dispatched), small(scene, texts.unwritten_today, figures.unwritten),];
    let content = column![head, big].push(handling(scene, figures, band)).push(small.spacing(space::M)).spacing(space::S);
    Some(card(palette, content).width(Fill).into())
}

fn figure<'a>(scene: Scene<'a>, name: &'a str, value: String, share: u16) -> Element<'a, Message> {
    let value = text(value).size(text_size::CLOCK).font(font::BOLD).line_height(1.2);
    column![label(scene.palette, name), value].width(iced::FillPortion(share)).into()
}

fn small<'a>(scene: Scene<'a>, name: &'a str, value: u32) -> Element<'a, Message> {
    let value = label(scene.palette, value.to_string()).font(font::BOLD).color(scene.palette.text);
    row![label(scene.palette, name), value].spacing(space::XS).into()
}

/// The mean handling as a share of the band's upper end: green within the band, amber outside (both ends count, K-3).
fn handling<'a>(scene: Scene<'a>, figures: &OwnFigures, band: TargetBand) -> Option<Element<'a, Message>> {
    if figures.mean_handling_ms == 0 {
        return None;
    }
    let tone = if band.holds(figures.mean_handling_ms) { Tone::Green } else { Tone::Amber };
    let permille = (figures.mean_handling_ms.saturating_mul(1_000) / band.to_ms.max(1)).min(1_000);
    let share = f32::from(u16::try_from(permille).unwrap_or(1_000)) / 1_000.0;
    let words = (scene.texts.papers.mean_handling)(&clock(figures.mean_handling_ms), band.from_ms / 60_000, band.to_ms / 60_000);
    Some(column![share_bar(scene.palette, tone, share), label(scene.palette, words)].spacing(space::XS).into())
}

/// Everybody signed in, who is ready first.
pub(super) fn colleagues<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let palette = scene.palette;
    let Some(floor) = &scene.view.agents else {
        return card(palette, label(palette, scene.texts.house.agents_loading)).width(Fill).height(Fill).into();
    };
    let me = scene.view.me.as_ref().map(|me| me.agent);
    let mut rows: Vec<_> = floor.rows.iter().filter(|(agent, _)| Some(**agent) != me).map(|(_, row)| row).collect();
    rows.sort_by_key(|row| (row.state != AgentState::Ready, row.number.as_str()));
    let ready = rows.iter().filter(|row| row.state == AgentState::Ready && row.connected).count();
    let head = row![heading(palette, (scene.texts.papers.colleagues)(ready, rows.len())), gap::horizontal()].push(stale(scene));
    let lines = long_list(rows.len(), COLLEAGUE_HEIGHT, move |place| colleague(scene, rows[place]));
    let list = scroll(scene.palette, lines).width(Fill).height(Fill);
    card(palette, column![head, list].spacing(space::S)).width(Fill).height(Fill).into()
}

fn colleague<'a>(scene: Scene<'a>, one: &'a FloorRow) -> Element<'a, Message> {
    let palette = scene.palette;
    let state = one.connected.then_some(one.state);
    let word = state.map_or(scene.texts.house.cut, |state| scene.texts.state_word(state));
    let name = container(body(format!("{} {}", one.number, one.name)).wrapping(text::Wrapping::None)).width(Fill).clip(true);
    let note = label(palette, format!("{word} {}", scene.clock_since(one.since))).wrapping(text::Wrapping::None);
    let line = row![dot(palette.color(tone(state))), name, note].spacing(space::S).align_y(Center);
    container(line).center_y(COLLEAGUE_HEIGHT).into()
}

/// Says that what stands here is no newer than the break of the connection.
pub(super) fn stale<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let words = (scene.texts.papers.stale)(&scene.stale_for()?);
    let words = text(words).size(text_size::LABEL).font(font::BOLD);
    let palette = scene.palette;
    Some(container(words).padding([2.0, 6.0]).style(move |_| theme::chip(palette, Tone::Amber, radius::TAG)).into())
}
