//! 迷你条 F9: the same window as a strip that stays on top: state, who, and the acts that cannot wait.

use super::{Message, Scene, State, call_bar, caller, present_call};
use crate::font;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{call_button, call_button_filled, group, label, layer};
use desktop_core::Wish;
use iced::widget::{column, container, row, text};
use iced::{Center, Element, Fill};

/// Size of the strip in logical pixels.
pub(crate) const SIZE: iced::Size = iced::Size::new(640.0, 68.0);
/// Width of one button.
const BUTTON_WIDTH: f32 = 62.0;

pub(super) fn view<'a>(state: &'a State, scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts, view) = (scene.palette, scene.texts, scene.view);
    let who = present_call(view).map(|call| {
        let name = text(caller::name(state, scene, call)).size(text_size::BODY).font(font::BOLD).wrapping(text::Wrapping::None);
        column![name, label(palette, caller::number(scene, call)).wrapping(text::Wrapping::None)]
    });
    let act = |possible: bool, wish: Wish| possible.then_some(Message::Wish(wish));
    let held = call_bar::toggle_hold(scene);
    let is_held = matches!(&held, Some(Message::Wish(Wish::Call(shared::model::CallFunction::Retrieve))));
    let hold = if is_held { texts.calls.retrieve } else { texts.calls.hold };
    let mute = if view.muted { texts.papers.unmute } else { texts.papers.mute };
    let buttons = row![
        call_button_filled(palette, Tone::Green, texts.call.answer, "F2", act(view.can_answer(), Wish::Answer)).width(BUTTON_WIDTH),
        call_button(palette, hold, "F5", held).width(BUTTON_WIDTH),
        call_button(palette, mute, "F6", act(view.can_mute(), Wish::Mute(!view.muted))).width(BUTTON_WIDTH),
        call_button(palette, texts.papers.expand, "F9", Some(Message::ToggleMini)).width(BUTTON_WIDTH),
        call_button_filled(palette, Tone::Red, texts.call.hang_up, "F4", act(view.can_hang_up(), Wish::HangUp)).width(BUTTON_WIDTH),
    ];
    let strip = row![call_bar::state_box(scene), container(column![].push(who)).width(Fill).clip(true), buttons.spacing(space::XS)];
    let strip = container(strip.spacing(space::S).align_y(Center)).padding([0.0, space::S]).center_y(Fill).width(Fill);
    layer(group(strip.style(move |_| theme::bar(palette))), true)
}
