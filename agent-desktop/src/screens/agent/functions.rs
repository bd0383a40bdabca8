//! What is done with a call beyond answering: hold, dial, consult, hand over, three-way. A button follows the desk; one that is impossible
//! now is dimmed at its place.

use super::{Message, Scene, State};
use crate::theme::{self, space, text_size};
use crate::widget::{body, plain};
use desktop_core::{View, Wish};
use iced::widget::{Column, row, text_input};
use iced::{Center, Element};
use shared::model::{AsideStage, CallFunction, PartyName, PhoneNumber, Target};

/// Width of the field for a number.
const FIELD_WIDTH: f32 = 200.0;
/// One press, and they take part.
const EMERGENCY: [&str; 3] = ["110", "119", "120"];
/// Longest number that can be typed.
const MAX_TYPED: usize = 32;

/// Whom a typed text means: a colleague by staff number, else a number.
pub(super) fn target(view: &View, typed: &str) -> Option<Target> {
    let colleague = view.agents.as_ref().and_then(|floor| floor.rows.iter().find(|(_, row)| row.number == typed.trim()));
    match colleague {
        Some((agent, _)) => Some(Target::Agent(*agent)),
        None => PhoneNumber::parse(typed.trim()).ok().map(|number| Target::Number(number.into())),
    }
}

/// What may be kept of a typed text.
pub(super) fn typed(text: String) -> String {
    text.chars().take(MAX_TYPED).collect()
}

/// Hold, and everything with somebody else.
pub(super) fn in_call<'a>(state: &'a State, scene: Scene<'a>) -> Column<'a, Message> {
    let texts = &scene.texts.calls;
    let button = |word: &'a str, function: CallFunction| {
        let act = scene.view.can_do(&function).then_some(Message::Wish(Wish::Call(function)));
        plain(scene.palette, word, act)
    };
    let towards = |word: &'a str, function: fn(Target) -> CallFunction| {
        let act = target(scene.view, &state.callee).map(function).filter(|function| scene.view.can_do(function));
        plain(scene.palette, word, act.map(|function| Message::Wish(Wish::Call(function))))
    };
    let held = scene.view.can_do(&CallFunction::Retrieve);
    let hold = if held { button(texts.retrieve, CallFunction::Retrieve) } else { button(texts.hold, CallFunction::Hold) };
    let to = row![
        hold,
        field(state, scene),
        towards(texts.consult, |to| CallFunction::Consult { to }),
        towards(texts.invite, |to| CallFunction::Invite { to }),
        towards(texts.transfer, |to| CallFunction::Transfer { to }),
    ];
    let then = row![
        button(texts.swap, CallFunction::Swap),
        button(texts.merge, CallFunction::Merge),
        button(texts.complete, CallFunction::Complete),
        button(texts.cancel, CallFunction::Cancel),
        button(texts.leave, CallFunction::Leave),
    ];
    let mut help = row![body(texts.emergency)];
    for number in EMERGENCY {
        let to = PhoneNumber::parse(number).ok().map(|number| CallFunction::Invite { to: Target::Number(number.into()) });
        let act = to.filter(|to| scene.view.can_do(to)).map(|to| Message::Wish(Wish::Call(to)));
        help = help.push(plain(scene.palette, number, act));
    }
    let lines = [to, then, help].map(|line| line.spacing(space::S).align_y(Center).into());
    let rows = Column::with_children(lines);
    rows.push(parties(scene)).spacing(space::S).align_x(Center)
}

/// 外拨
pub(super) fn dial<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let number = PhoneNumber::parse(state.callee.trim()).ok().filter(|_| scene.view.can_dial());
    let act = number.map(|number| Message::Wish(Wish::Dial(number.into())));
    row![field(state, scene), plain(scene.palette, scene.texts.calls.dial, act)].spacing(space::S).align_y(Center).into()
}

fn field<'a>(state: &'a State, scene: Scene<'a>) -> text_input::TextInput<'a, Message> {
    let palette = scene.palette;
    text_input(scene.texts.calls.number, &state.callee)
        .on_input(Message::Callee)
        .size(text_size::BODY)
        .width(FIELD_WIDTH)
        .style(move |_, status| theme::field(palette, status))
}

/// Who is called, consulted, or takes part.
fn parties<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let talk = &scene.view.desk.as_ref()?.call.as_ref()?.talk;
    let texts = &scene.texts.calls;
    let aside = talk.aside.as_ref().map(|aside| {
        let dots = if aside.stage == AsideStage::Rings { " …" } else { "" };
        format!("{} {}{dots}", texts.consulting, name(&aside.name))
    });
    let others = talk.others.iter().map(|party| format!("{} {}", texts.invite, name(&party.name)));
    let all: Vec<String> = aside.into_iter().chain(others).chain(talk.guest_of.as_ref().map(name)).collect();
    (!all.is_empty()).then(|| body(all.join(" · ")).into())
}

fn name(name: &PartyName) -> String {
    match name {
        PartyName::Agent { number, name, .. } => format!("{number} {name}"),
        PartyName::Number(number) => number.reveal().as_str().to_owned(),
    }
}
