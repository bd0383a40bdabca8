//! The left column: who calls, or who called while the summary is written.

use super::{Message, Scene, State, present_call};
use crate::font;
use crate::theme::{Tone, space, text_size};
use crate::widget::{body, card, hairline, heading, label, labelled, tag};
use iced::widget::{Column, column, row, text};
use iced::{Center, Element, Fill};
use shared::model::{CallView, CallerPerson};

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let texts = &scene.texts.call;
    let wrapped = scene.view.desk.as_ref().and_then(|desk| desk.wrap_up.as_ref()).and_then(|wrap_up| state.last_call(wrap_up.interaction));
    let content = match (present_call(scene.view), wrapped) {
        (Some(call), _) => filled(scene, texts.caller, call),
        (None, Some(call)) => filled(scene, texts.last_caller, call),
        (None, None) => empty(scene),
    };
    card(scene.palette, content).width(Fill).height(Fill).into()
}

fn empty<'a>(scene: Scene<'a>) -> Column<'a, Message> {
    let sentence = label(scene.palette, scene.texts.call.empty).size(text_size::BODY).line_height(1.5);
    column![heading(scene.palette, scene.texts.call.caller), sentence].spacing(space::M)
}

fn filled<'a>(scene: Scene<'a>, title: &'a str, call: &'a CallView) -> Column<'a, Message> {
    let (texts, palette) = (&scene.texts.call, scene.palette);
    let registered = person(call).is_some();
    let head_color = if registered { palette.text } else { palette.label };
    let name = text(name(scene, call)).size(text_size::NAME).font(font::BOLD).color(head_color);
    let number = text(number(scene, call)).size(text_size::NUMBER).color(palette.label);
    let withheld = call.caller.number.is_none().then(|| tag(palette, Tone::Amber, texts.withheld));
    let waited = crate::screens::clock(call.waited_ms);
    let figures = row![
        labelled(palette, texts.queue, body(call.queue.as_str())).width(Fill),
        labelled(palette, texts.waited, body(waited)).width(Fill),
    ];
    column![heading(palette, title), column![name, number].push(withheld).spacing(space::XS)]
        .push(labelled(palette, texts.address, address(scene, call)))
        .push(hairline(palette).width(Fill).height(1.0))
        .push(figures.align_y(Center))
        .spacing(space::L)
}

/// The registered person that is shown first.
fn person(call: &CallView) -> Option<&CallerPerson> {
    call.card.as_ref()?.first()
}

/// The caller's name, or that it is not known.
pub(super) fn name<'a>(scene: Scene<'a>, call: &'a CallView) -> &'a str {
    person(call).map(|person| person.name.reveal().as_str()).filter(|name| !name.is_empty()).unwrap_or(scene.texts.call.unregistered)
}

/// The caller's address, or that none is on file.
pub(super) fn address<'a>(scene: Scene<'a>, call: &'a CallView) -> Element<'a, Message> {
    let known = person(call).map(|person| person.address.reveal().as_str()).filter(|address| !address.is_empty());
    match known {
        Some(address) => body(address).line_height(1.4).into(),
        None => body(scene.texts.call.no_address).color(scene.palette.label).into(),
    }
}

/// The number in the groups in which people read it, or that it is withheld.
pub(super) fn number(scene: Scene<'_>, call: &CallView) -> String {
    let Some(number) = &call.caller.number else {
        return scene.texts.call.withheld.to_owned();
    };
    grouped(number.reveal().subscriber())
}

/// A mobile number as `138 1234 5678`; any other as it is.
fn grouped(digits: &str) -> String {
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
