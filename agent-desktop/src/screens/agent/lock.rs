//! A locked seat 锁定: nothing of the desk is to be seen until its password is given. The voice of a call that runs goes on.

use super::{Action, Message, Scene, State, layers};
use crate::font;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{Icon, advice, card, filled, group, icon, label, labelled, layer, plain, plain_keys};
use desktop_core::Wish;
use iced::widget::{Id, Stack, column, container, row, space as gap, stack, text, text_input};
use iced::{Center, Element, Fill};

/// The field's name, for focus and tests.
pub(crate) const PASSWORD: &str = "unlock";
/// Width of the card.
const CARD_WIDTH: f32 = 420.0;

impl State {
    /// The password goes to the session and is forgotten here.
    pub(super) fn unlock(&mut self) -> Action {
        let password = std::mem::take(&mut self.password);
        if password.reveal().is_empty() { Action::None } else { Action::Wish(Wish::Unlock(password)) }
    }

    /// The whole screen of a locked seat.
    pub(super) fn locked<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (texts, palette) = (scene.texts, scene.palette);
        let title = text(texts.advice.locked.what).size(text_size::CLOCK).font(font::BOLD);
        let head = row![icon(Icon::Shield, palette.color(Tone::Amber)).width(28.0).height(28.0), title].spacing(space::S).align_y(Center);
        let me = scene.view.me.as_ref().map(|me| label(palette, format!("{} {}", me.number, me.name)));
        let password = text_input("", self.password.reveal())
            .id(Id::new(PASSWORD))
            .on_input(|typed| Message::Password(typed.into()))
            .on_submit(Message::Unlock)
            .secure(true)
            .size(text_size::BODY)
            .padding([9.0, 10.0])
            .style(move |_, status| theme::field(palette, status));
        let wrong = scene.view.refusal.map(|refusal| advice(palette, Tone::Red, texts.refusal(refusal)));
        let can = scene.view.is_locked() && !self.password.reveal().is_empty();
        let out = plain(palette, texts.frame.sign_out, Some(Message::AskSignOut));
        let act = filled(palette, texts.house.unlock, None, can.then_some(Message::Unlock));
        let content = column![head]
            .push(me)
            .push(labelled(palette, texts.sign_in.password, plain_keys(password)))
            .push(wrong)
            .push(group(row![out, gap::horizontal(), act]))
            .spacing(space::L);
        let page = container(card(palette, content).width(CARD_WIDTH).padding(space::XL)).center(Fill);
        let page = container(page).width(Fill).height(Fill).style(move |_| theme::page(palette));
        let asks = matches!(self.question, Some(super::Question::SignOut)).then(|| layers::sign_out(scene));
        let screen: Stack<'a, Message> = stack![layer(page, asks.is_none())].push(asks.map(|asks| layer(asks, true)));
        screen.into()
    }
}
