//! A new password: asked for before anything else if the present one was given by somebody, or wished in the settings.

use super::{Message, Scene};
use crate::font;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{Icon, advice, card, filled, group, icon, label, labelled, layer, plain, plain_keys};
use desktop_core::Wish;
use iced::widget::{Column, Id, column, container, row, space as gap, text, text_input};
use iced::{Center, Element, Fill};
use shared::pii::Pii;

/// The name of the first field, for focus and tests.
pub(crate) const OLD: &str = "old-password";
/// Width of the card.
const CARD_WIDTH: f32 = 460.0;

/// What is typed; redacted in any log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    old: Pii<String>,
    new: Pii<String>,
    again: Pii<String>,
}

/// One of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The present one.
    Old,
    /// The new one.
    New,
    /// The new one once more.
    Again,
}

impl Form {
    pub(super) fn typed(&mut self, field: Field, text: Pii<String>) {
        match field {
            Field::Old => self.old = text,
            Field::New => self.new = text,
            Field::Again => self.again = text,
        }
    }

    /// What is to be wished; nothing while a field is empty or the two differ.
    pub(super) fn wish(&self) -> Option<Wish> {
        let complete = !self.old.reveal().is_empty() && !self.new.reveal().is_empty() && self.new == self.again;
        complete.then(|| Wish::ChangePassword { old: self.old.clone(), new: self.new.clone() })
    }

    fn differ(&self) -> bool {
        !self.again.reveal().is_empty() && self.new != self.again
    }
}

fn fields<'a>(form: &'a Form, scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let field = |value: &'a Pii<String>, which: Field| {
        let input = text_input("", value.reveal())
            .on_input(move |text| Message::NewPassword(which, text.into()))
            .on_submit(Message::ChangePassword)
            .secure(true)
            .size(text_size::BODY)
            .padding([9.0, 10.0])
            .style(move |_, status| theme::field(palette, status));
        plain_keys(if which == Field::Old { input.id(Id::new(OLD)) } else { input })
    };
    let differ = form.differ().then(|| text(texts.not_alike).size(text_size::LABEL).color(palette.color(Tone::Red)));
    let refused = scene.view.refusal.map(|refusal| advice(palette, Tone::Red, scene.texts.refusal(refusal)));
    column![
        labelled(palette, texts.old_password, field(&form.old, Field::Old)),
        labelled(palette, texts.new_password, field(&form.new, Field::New)),
        labelled(palette, texts.again, field(&form.again, Field::Again)),
        label(palette, texts.password_rule).line_height(1.4),
    ]
    .push(differ)
    .push(refused)
    .spacing(space::M)
}

fn change<'a>(form: &'a Form, scene: Scene<'a>) -> crate::widget::Button<'a, Message> {
    let act = form.wish().filter(|_| !scene.view.asked).map(|_| Message::ChangePassword);
    filled(scene.palette, scene.texts.papers.change_password, None, act)
}

/// In the settings.
pub(super) fn sheet<'a>(form: &'a Form, scene: Scene<'a>) -> Column<'a, Message> {
    let cancel = plain(scene.palette, scene.texts.frame.cancel, Some(Message::CloseQuestion));
    column![
        text(scene.texts.papers.change_password).size(text_size::NUMBER).font(font::BOLD),
        fields(form, scene),
        group(row![gap::horizontal(), cancel, change(form, scene)].spacing(space::S))
    ]
    .spacing(space::L)
}

/// The whole screen, before anything else is possible.
pub(super) fn first<'a>(form: &'a Form, scene: Scene<'a>) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.papers);
    let title = text(texts.initial_title).size(text_size::CLOCK).font(font::BOLD);
    let head = row![icon(Icon::Shield, palette.color(Tone::Amber)).width(28.0).height(28.0), title].spacing(space::S).align_y(Center);
    let me = scene.view.me.as_ref().map(|me| label(palette, format!("{} {}", me.number, me.name)));
    let out = plain(palette, scene.texts.frame.sign_out, Some(Message::Wish(Wish::SignOut)));
    let content = column![head]
        .push(me)
        .push(text(texts.initial_what).size(text_size::BODY).line_height(1.5))
        .push(fields(form, scene))
        .push(group(row![out, gap::horizontal(), change(form, scene)]))
        .spacing(space::L);
    let page = container(card(palette, content).width(CARD_WIDTH).padding(space::XL)).center(Fill);
    layer(container(page).width(Fill).height(Fill).style(move |_| theme::page(palette)), true)
}
