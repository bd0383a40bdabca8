//! The form in which a caller's card is corrected, or another person is registered under the number. What stood there is kept by the
//! server.

use super::settings::switch;
use super::{Message, Scene};
use crate::font;
use crate::theme::{self, space, text_size};
use crate::widget::{filled, group, key_hint, label, labelled, plain};
use iced::Center;
use iced::widget::{Column, column, row, space as gap, text, text_input};
use shared::model::{CallView, CardField, InteractionId, PersonId};
use shared::pii::Pii;
use shared::wire::Correction;

/// The id of the first field, so that it can be focused.
pub(crate) const NAME_FIELD: &str = "correction-name";

/// The form as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    interaction: InteractionId,
    /// Whom it was opened for.
    person: Option<PersonId>,
    /// Registers somebody else under the number instead.
    another: bool,
    name: Pii<String>,
    address: Pii<String>,
    tags: String,
}

/// A change of the form.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// 姓名
    Name(Pii<String>),
    /// 地址
    Address(Pii<String>),
    /// Marks, separated by commas.
    Tags(String),
    /// Register somebody else.
    Another(bool),
}

impl Form {
    /// Opened for the person of a call who is shown, or for somebody who is not registered yet.
    pub(super) fn new(call: &CallView, person: Option<&shared::model::CallerPerson>) -> Self {
        Self {
            interaction: call.interaction,
            person: person.map(|person| person.person),
            another: false,
            name: person.map(|person| person.name.clone()).unwrap_or_default(),
            address: person.map(|person| person.address.clone()).unwrap_or_default(),
            tags: person.map(|person| person.tags.join("，")).unwrap_or_default(),
        }
    }

    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Name(name) => self.name = name,
            Edit::Address(address) => self.address = address,
            Edit::Tags(tags) => self.tags = tags,
            Edit::Another(another) => self.another = another,
        }
    }

    /// What stood in a field before.
    pub(super) fn take_back(&mut self, field: CardField, before: &str) {
        match field {
            CardField::Name => self.name = before.to_owned().into(),
            CardField::Address => self.address = before.to_owned().into(),
            CardField::Tags => before.clone_into(&mut self.tags),
        }
    }

    /// Whether somebody else is registered instead, where that can be chosen.
    pub(super) fn another(&self) -> Option<bool> {
        self.person.map(|_| self.another)
    }

    pub(super) fn interaction(&self) -> InteractionId {
        self.interaction
    }

    /// What is to be saved; nothing without a name.
    pub(super) fn correction(&self) -> Option<Correction> {
        if self.name.reveal().trim().is_empty() {
            return None;
        }
        let tags = self.tags.split([',', '，', '、']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        Some(Correction {
            interaction: self.interaction,
            person: self.person.filter(|_| !self.another),
            name: self.name.reveal().trim().to_owned().into(),
            address: self.address.reveal().trim().to_owned().into(),
            tags,
        })
    }
}

pub(super) fn view<'a>(form: &'a Form, scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.house);
    let another = form.another().map(|another| {
        let choice = switch(scene, texts.register, another, Message::Edit(Edit::Another(!another)));
        row![choice, key_hint(palette, "Ctrl+N")].spacing(space::S).align_y(Center)
    });
    let save = form.correction().map(|_| Message::SaveCorrection);
    column![
        text(texts.correct_title).size(text_size::NUMBER).font(font::BOLD),
        labelled(palette, texts.name, field(scene, form.name.reveal(), |typed| Edit::Name(typed.into())).id(NAME_FIELD)),
        labelled(palette, scene.texts.call.address, field(scene, form.address.reveal(), |typed| Edit::Address(typed.into()))),
        column![labelled(palette, texts.tags, field(scene, &form.tags, Edit::Tags)), label(palette, texts.tags_hint)].spacing(space::XS),
    ]
    .push(another)
    .push(group(
        row![
            gap::horizontal(),
            plain(palette, scene.texts.frame.cancel, Some(Message::CloseQuestion)),
            filled(palette, texts.save, None, save)
        ]
        .spacing(space::S),
    ))
    .spacing(space::M)
}

fn field<'a>(scene: Scene<'a>, value: &'a str, typed: impl Fn(String) -> Edit + 'a) -> text_input::TextInput<'a, Message> {
    let palette = scene.palette;
    text_input("", value)
        .on_input(move |text| Message::Edit(typed(text)))
        .on_submit(Message::SaveCorrection)
        .size(text_size::BODY)
        .padding([9.0, 10.0])
        .style(move |_, status| theme::field(palette, status))
}
