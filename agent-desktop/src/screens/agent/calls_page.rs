//! 记录: my calls, missed ones, and citizens to be called back. Quiet tables; a number is called by one click on its row's end.

use super::figures::stale;
use super::{Message, Scene, caller};
use crate::font;
use crate::screens::clock;
use crate::theme::{self, Tone, radius, size, space, text_size};
use crate::widget::{body, button, card, group, hairline, heading, known_as, label, scroll};
use desktop_core::{View, Wish};
use iced::widget::{Column, Container, Id, Row, center, column, container, row, space as gap, text};
use iced::{Center, Element, Fill, Right};
use shared::model::{CallEntry, Direction};
use shared::wire::CallsPage;

/// Widths of the columns: when, way, caller, waited, talk; subject takes what is left, the act has its own.
const WIDTHS: [f32; 5] = [100.0, 52.0, 210.0, 64.0, 72.0];
const ACT_WIDTH: f32 = 92.0;

pub(super) const PAGES: [CallsPage; 3] = [CallsPage::Mine, CallsPage::Missed, CallsPage::Callbacks];

/// The name of the list, for scrolling.
pub(super) const LIST: &str = "calls";

/// The list after this one, around.
pub(super) fn after(page: CallsPage) -> CallsPage {
    match page {
        CallsPage::Mine => CallsPage::Missed,
        CallsPage::Missed => CallsPage::Callbacks,
        CallsPage::Callbacks => CallsPage::Mine,
    }
}

/// Calls whoever stands in this row, if that is possible.
pub(super) fn call_back(view: &View, call: &CallEntry) -> Option<Message> {
    let number = call.caller.number.clone().filter(|_| view.can_dial())?;
    Some(Message::Wish(Wish::Dial(number)))
}

/// The arrows have come to the row `selected`.
pub(super) fn view<'a>(page: CallsPage, selected: usize, scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let tabs = PAGES.map(|one| {
        let word = match one {
            CallsPage::Mine => texts.mine,
            CallsPage::Missed => texts.missed,
            CallsPage::Callbacks => texts.callbacks,
        };
        let count = scene.view.papers.calls.get(&one).filter(|_| one == CallsPage::Callbacks).map(Vec::len).filter(|count| *count > 0);
        let word = count.map_or_else(|| word.to_owned(), |count| format!("{word} {count}"));
        let place =
            button(text(word).size(text_size::BODY)).padding([6.0, space::M]).on_press(Message::ShowCalls(one)).present(one == page);
        place.style(move |_, status| theme::rail_button(palette, one == page, status)).into()
    });
    let top = row![heading(palette, texts.calls), group(Row::from_iter(tabs).spacing(space::XS)), gap::horizontal()].push(stale(scene));
    let rows: Element<'a, Message> = match scene.view.papers.calls.get(&page) {
        None => center(label(palette, texts.calls_loading).size(text_size::BODY)).into(),
        Some(calls) if calls.is_empty() => {
            let words = match page {
                CallsPage::Mine => texts.no_mine,
                CallsPage::Missed => texts.no_missed,
                CallsPage::Callbacks => texts.no_callbacks,
            };
            center(label(palette, words).size(text_size::BODY)).into()
        }
        Some(calls) => {
            let lines = calls.iter().enumerate().flat_map(|(place, call)| {
                let line = line(page, scene, call);
                let line = if place == selected { line.style(move |_| theme::chosen(palette)) } else { line };
                [known_as(call.interaction.0, line), hairline(palette).width(Fill).height(1.0).into()]
            });
            group(scroll(scene.palette, Column::from_iter(lines)).id(Id::new(LIST)).width(Fill).height(Fill))
        }
    };
    let content = column![top.spacing(space::L).align_y(Center), head(scene), hairline(palette).width(Fill).height(1.0), rows];
    card(palette, content.spacing(space::S)).width(Fill).height(Fill).into()
}

fn head<'a>(scene: Scene<'a>) -> Element<'a, Message> {
    let texts = &scene.texts.papers;
    let [when, way, who, waited, talk] = WIDTHS;
    let cell = |word: &'a str, width: f32| container(label(scene.palette, word)).width(width);
    row![
        cell(texts.when, when),
        cell("", way),
        cell(texts.caller, who),
        cell(scene.texts.call.waited, waited).align_x(Right),
        cell(texts.talk, talk).align_x(Right),
        container(label(scene.palette, texts.outcome)).width(Fill).padding([0.0, space::M]),
    ]
    .spacing(space::S)
    .padding([0.0, space::S])
    .into()
}

fn line<'a>(page: CallsPage, scene: Scene<'a>, call: &'a CallEntry) -> Container<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let one_line = text::Wrapping::None;
    let [when, way, who, waited, talk] = WIDTHS;
    let word = if call.direction == Direction::Inbound { texts.inbound } else { texts.outbound };
    let name = label(palette, call.name.reveal().as_str()).wrapping(one_line);
    let partner = row![body(caller::number_of(scene, &call.caller)).wrapping(one_line), name].spacing(space::S).align_y(Center);
    let talked = if call.talk_ms == 0 { "–".to_owned() } else { clock(call.talk_ms) };
    let cells = row![
        container(body(scene.day_and_time(call.at))).width(when),
        container(label(palette, word)).width(way),
        container(partner).width(who).clip(true),
        container(body(clock(call.waited_ms))).width(waited).align_x(Right),
        container(body(talked)).width(talk).align_x(Right),
        container(outcome(page, scene, call)).width(Fill).padding([0.0, space::M]).clip(true),
        container(act(scene, call)).width(ACT_WIDTH).align_x(Right),
    ];
    container(cells.spacing(space::S).align_y(Center)).padding([0.0, space::S]).center_y(size::ROW + space::S)
}

fn outcome<'a>(page: CallsPage, scene: Scene<'a>, call: &'a CallEntry) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let about = call.about.as_deref().map(|about| body(about).wrapping(text::Wrapping::None));
    let tag = |tone: Tone, word: String| {
        let word = text(word).size(text_size::LABEL).font(font::BOLD);
        container(word).padding([2.0, 6.0]).style(move |_| theme::chip(palette, tone, radius::TAG))
    };
    let mark: Option<Element<'a, Message>> = match page {
        CallsPage::Mine if call.lacks_summary => {
            let word = text(texts.unwritten).size(text_size::LABEL).font(font::BOLD);
            let place = button(word).padding([2.0, 6.0]).on_press(Message::WriteUp(call.interaction));
            Some(place.style(move |_, status| theme::button_row(palette, Some(Tone::Amber), status)).into())
        }
        CallsPage::Mine => None,
        CallsPage::Missed => Some(tag(Tone::Grey, scene.texts.state.no_answer.to_owned()).into()),
        CallsPage::Callbacks => match call.promised {
            Some(attempts) => Some(tag(Tone::Red, (texts.promised)(attempts)).into()),
            None => Some(tag(Tone::Amber, texts.gave_up.to_owned()).into()),
        },
    };
    row![].push(about).push(mark).spacing(space::S).align_y(Center).into()
}

fn act<'a>(scene: Scene<'a>, call: &'a CallEntry) -> Option<Element<'a, Message>> {
    call.caller.number.as_ref()?;
    let palette = scene.palette;
    let act = call_back(scene.view, call);
    let word = text(scene.texts.papers.call_back).size(text_size::LABEL).font(font::BOLD).wrapping(text::Wrapping::None);
    let place = button(word).padding([space::XS, space::S]).on_press_maybe(act);
    Some(place.style(move |_, status| theme::button_word(palette, status)).into())
}
