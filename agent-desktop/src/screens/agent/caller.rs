//! The left column: who calls, or who called while the summary is written.

use super::{Message, Scene, State, present_call};
use crate::font;
use crate::theme::{self, Tone, radius, space, text_size};
use crate::widget::{body, button, card, hairline, heading, key_hint, label, labelled, plain, ranked, scroll, tag, word_key};
use iced::widget::{Column, Row, column, container, row, text};
use iced::{Center, Element, Fill};
use shared::model::{CallFunction, CallView, Caller, CareClass};

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let texts = &scene.texts.call;
    let wrapped = scene.view.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref()).and_then(|wrap_up| state.last_call(wrap_up.interaction));
    let content = match (present_call(scene.view), wrapped) {
        (Some(call), _) => filled(state, scene, texts.caller, call),
        (None, Some(call)) => filled(state, scene, texts.last_caller, call),
        (None, None) => empty(scene),
    };
    ranked(super::rank::CALLER, card(scene.palette, content).width(Fill).height(Fill))
}

fn empty<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let sentence = label(scene.palette, scene.texts.call.empty).size(text_size::BODY).line_height(1.5);
    column![heading(scene.palette, scene.texts.call.caller), sentence].spacing(space::M)
}

fn filled<'a>(state: &'a State, scene: Scene<'a>, title: &'a str, call: &'a CallView) -> Column<'a, Message> {
    let (texts, palette) = (&scene.texts.call, scene.palette);
    let registered = state.person(call).is_some();
    let head_color = if registered { palette.text } else { palette.label };
    let name = text(name(state, scene, call)).size(text_size::NAME).font(font::BOLD).color(head_color);
    let number = text(number(scene, call)).size(text_size::NUMBER).color(palette.label);
    let waited = crate::screens::clock(call.waited_ms);
    let figures = row![
        labelled(palette, texts.queue, body(call.queue.as_str())).width(Fill),
        labelled(palette, texts.waited, body(waited)).width(Fill),
    ];
    let known = column![head(state, scene, title, call), column![name, number].push(marks(state, scene, call)).spacing(space::XS)]
        .push(persons(state, scene, call))
        .push(labelled(palette, texts.address, address(state, scene, call)))
        .push(hairline(palette).width(Fill).height(1.0))
        .push(figures.align_y(Center))
        .push(hairline(palette).width(Fill).height(1.0))
        .push(matters(scene, call))
        .push(contacts(scene, call))
        .spacing(space::M);
    // In a low window what is known scrolls; the acts stay where they are.
    let known = scroll(scene.palette, known).spacing(space::XS).width(Fill).height(Fill);
    column![known].push(pause(scene)).spacing(space::M)
}

/// Whose card it is said to be, and what can be done about it.
fn head<'a>(state: &'a State, scene: Scene<'a>, title: &'a str, call: &'a CallView) -> Element<'a, Message> {
    let (palette, house) = (scene.palette, &scene.texts.house);
    let act = |word, key, act: Option<Message>| word_key(palette, word, key, act);
    let history = (scene.view.rules.card_history && state.person(call).is_some()).then(|| {
        let possible = state.with_history(scene.view).is_some();
        act(house.history, "Ctrl+H", possible.then_some(Message::ShowHistory))
    });
    let correct = call.caller.number.is_some().then(|| {
        let possible = state.correctable(scene.view).is_some();
        act(house.correct, "Ctrl+E", possible.then_some(Message::Correct))
    });
    row![heading(palette, title).width(Fill).wrapping(text::Wrapping::None)]
        .push(history)
        .push(correct)
        .spacing(space::XS)
        .align_y(Center)
        .into()
}

/// 暂停录音, while something is said that must not be kept (1-12). How it goes on stands with the call.
fn pause<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let runs = scene.view.can_do(&CallFunction::PauseRecording);
    runs.then(|| plain(scene.palette, scene.texts.papers.pause_recording, super::functions::toggle_recording(scene)).into())
}

/// What one must know before the first word: called back by the hotline, withheld, in favour, calls again, was served by me; and the card's own marks.
pub(super) fn marks<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> Option<Element<'a, Message>> {
    let (palette, house, known) = (scene.palette, &scene.texts.house, &call.known);
    let mark = |tone: Tone, word: String| -> Element<'a, Message> {
        let word = text(word).size(text_size::LABEL).font(font::BOLD);
        container(word).padding([2.0, 6.0]).style(move |_| theme::chip(palette, tone, radius::TAG)).into()
    };
    let mut all: Vec<Element<'a, Message>> = Vec::new();
    if let Some(callback) = &call.talk.callback {
        all.push(mark(Tone::Violet, (scene.texts.papers.called_back)(callback.attempt, &scene.day_and_time(callback.asked))));
    }
    if call.caller.number.is_none() {
        all.push(tag(palette, Tone::Amber, scene.texts.call.withheld).into());
    }
    if let Some(care) = &known.care {
        all.push(mark(Tone::Blue, format!("{} · {}", care_word(scene, care.class), care.reason)));
    }
    if known.contacts_in_a_day > 0 {
        all.push(mark(Tone::Amber, (house.repeat_day)(known.contacts_in_a_day)));
    } else if known.contacts_in_a_week > 0 {
        all.push(mark(Tone::Grey, (house.repeat_week)(known.contacts_in_a_week)));
    }
    if known.served_by_you {
        all.push(mark(Tone::Blue, house.served_by_you.to_owned()));
    }
    let tags = state.person(call).map(|person| person.tags.as_slice()).unwrap_or_default();
    all.extend(tags.iter().map(|word| mark(Tone::Teal, word.clone())));
    (!all.is_empty()).then(|| Row::with_children(all).spacing(space::XS).wrap().into())
}

fn care_word(scene: Scene<'_>, class: CareClass) -> &'static str {
    let place = match class {
        CareClass::Vip => 0,
        CareClass::Elderly => 1,
        CareClass::Hearing => 2,
        CareClass::Dialect => 3,
        CareClass::Disabled => 4,
        CareClass::Deputy => 5,
        CareClass::Media => 6,
        CareClass::Emergency => 7,
    };
    scene.texts.house.care[place]
}

/// Everybody behind the number, if there are several; a click shows one of them.
fn persons<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> Option<Element<'a, Message>> {
    let (palette, card) = (scene.palette, call.card.as_ref()?);
    if card.persons.len() < 2 {
        return None;
    }
    let shown = state.person(call).map(|person| person.person);
    let rows = card.persons.iter().map(|person| {
        let present = Some(person.person) == shown;
        let name = text(person.name.reveal().as_str()).size(text_size::BODY);
        let name = if present { name.font(font::BOLD) } else { name };
        let place = button(container(name).center_y(Fill)).width(Fill).height(28.0).padding([0.0, space::S]).present(present);
        let place = place.on_press_maybe((!present).then_some(Message::Choose(person.person)));
        place.style(move |_, status| theme::button_row(palette, present.then_some(Tone::Blue), status)).into()
    });
    let title = label(palette, (scene.texts.house.persons)(card.persons.len()));
    let title = row![title, key_hint(palette, "Ctrl+P")].spacing(space::S).align_y(Center);
    Some(column![title, Column::with_children(rows)].spacing(space::XS).into())
}

/// What units still have to do for the number 在办.
fn matters<'a>(scene: Scene<'a>, call: &'a CallView) -> Option<Element<'a, Message>> {
    let (palette, papers) = (scene.palette, &scene.texts.papers);
    let matters = &call.card.as_ref()?.matters;
    let rows = matters.iter().map(|matter| {
        let about = container(body(matter.about.as_str()).wrapping(text::Wrapping::None)).width(Fill).clip(true);
        let head = row![about, tag(palette, Tone::Blue, papers.in_hand)].spacing(space::S).align_y(Center);
        let below = label(palette, format!("{} · {}", scene.day_and_time(matter.at), matter.unit)).wrapping(text::Wrapping::None);
        container(column![head, below].spacing(2.0)).width(Fill).clip(true).into()
    });
    let rows = Column::from_iter(rows).spacing(space::S);
    (!matters.is_empty()).then(|| column![label(palette, papers.matters), rows].spacing(space::XS).into())
}

/// The last calls of the number.
fn contacts<'a>(scene: Scene<'a>, call: &'a CallView) -> Option<Element<'a, Message>> {
    call.caller.number.as_ref()?;
    let (palette, house) = (scene.palette, &scene.texts.house);
    let contacts = call.card.as_ref().map(|card| card.contacts.as_slice()).unwrap_or_default();
    let title = label(palette, house.contacts);
    if contacts.is_empty() {
        return Some(column![title, label(palette, house.no_contacts)].spacing(space::XS).into());
    }
    let rows = contacts.iter().map(|contact| {
        let talked = match (&contact.agent, &contact.agent_name) {
            (Some(_), Some(name)) => (house.contact)(name, &crate::screens::clock(contact.talk_ms)),
            (Some(agent), None) => (house.contact)(agent, &crate::screens::clock(contact.talk_ms)),
            (None, _) => house.not_answered.to_owned(),
        };
        let when = text(scene.day_and_time(contact.at)).size(text_size::LABEL).font(font::BOLD);
        let head = row![when, label(palette, talked).wrapping(text::Wrapping::None)].spacing(space::S);
        let about = contact.about.as_deref().map(|about| body(about).wrapping(text::Wrapping::None));
        container(column![head].push(about).spacing(2.0)).width(Fill).clip(true).into()
    });
    Some(column![title, Column::with_children(rows).spacing(space::S)].spacing(space::XS).into())
}

/// The caller's name, or that it is not known.
pub(super) fn name<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> &'a str {
    let known = state.person(call).map(|person| person.name.reveal().as_str());
    known.filter(|name| !name.is_empty()).unwrap_or(scene.texts.call.unregistered)
}

/// The caller's address, or that none is on file.
pub(super) fn address<'a>(state: &'a State, scene: Scene<'a>, call: &'a CallView) -> Element<'a, Message> {
    let known = state.person(call).map(|person| person.address.reveal().as_str()).filter(|address| !address.is_empty());
    match known {
        Some(address) => body(address).line_height(1.4).into(),
        None => body(scene.texts.call.no_address).color(scene.palette.label).into(),
    }
}

/// The number in the groups in which people read it, or that it is withheld.
pub(super) fn number(scene: Scene<'_>, call: &CallView) -> String {
    number_of(scene, &call.caller)
}

/// The same of anybody.
pub(super) fn number_of(scene: Scene<'_>, caller: &Caller) -> String {
    let Some(number) = &caller.number else {
        return scene.texts.call.withheld.to_owned();
    };
    grouped(number.reveal().subscriber())
}

/// A mobile number as `138 1234 5678`; any other as it is.
pub(super) fn grouped(digits: &str) -> String {
    match (digits.len(), digits.starts_with('1'), digits.is_ascii()) {
        (11, true, true) => format!("{} {} {}", &digits[..3], &digits[3..7], &digits[7..]),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn a_mobile_number_is_read_in_three_groups_and_any_other_as_it_is() {
        assert_eq!(grouped("13812345678"), "138 1234 5678");
        assert_eq!(grouped("051987654321"), "051987654321");
        assert_eq!(grouped("12345"), "12345");
        assert_eq!(grouped("+4915112345678"), "+4915112345678");
    }
}
