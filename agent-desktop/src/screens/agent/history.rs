//! 资料修改记录: who changed what on a person's card, from what to what and when (1-2). What stood there can be taken back into the form of
//! a correction, where it is looked at and saved like any other.

use super::correction::Form;
use super::{Message, Scene, State};
use crate::font;
use crate::theme::{self, Tone, space, text_size};
use crate::widget::{body, button, filled, group, hairline, label, scroll, tag};
use desktop_core::{HistoryTold, View};
use iced::widget::{Column, Id, Row, center, column, container, row, space as gap, text};
use iced::{Center, Element, Fill};
use shared::model::{CallView, CallerPerson, CardChange, CardField, InteractionId, PersonId};
use std::sync::Arc;

/// The name of the list, for scrolling.
pub(super) const LIST: &str = "card-history";
/// Width of the sheet.
pub(super) const WIDTH: f32 = 720.0;
/// Height of the list, where the window has so much.
const LIST_HEIGHT: f32 = 400.0;
/// What the sheet needs of the window besides.
const AROUND: f32 = 240.0;
/// Widths of the columns: field, arrow and act; before and after share what is left.
const WIDTHS: [f32; 3] = [64.0, 16.0, 84.0];
/// The author of what was done at the server itself.
const CONSOLE: &str = "console";

/// The sheet as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet {
    pub(super) interaction: InteractionId,
    /// Of the persons behind its number, which.
    pub(super) person: PersonId,
    selected: usize,
}

impl Sheet {
    pub(super) fn new(call: &CallView, person: &CallerPerson) -> Self {
        Self { interaction: call.interaction, person: person.person, selected: 0 }
    }

    /// What is known of this person's history.
    fn told<'a>(&self, view: &'a View) -> &'a HistoryTold {
        let history = view.card_history.as_ref();
        let own = history.filter(|history| (history.interaction, history.person) == (self.interaction, self.person));
        own.map_or(&HistoryTold::Asked, |history| &history.told)
    }

    pub(super) fn has_failed(&self, view: &View) -> bool {
        *self.told(view) == HistoryTold::Failed
    }

    fn changes<'a>(&self, view: &'a View) -> &'a [CardChange] {
        match self.told(view) {
            HistoryTold::Known { changes, .. } => changes,
            HistoryTold::Asked | HistoryTold::Failed => &[],
        }
    }

    /// Up or down; returns how far down of the list that is, from 0 to 1.
    pub(super) fn step(&mut self, down: bool, view: &View) -> f32 {
        let last = self.changes(view).len().saturating_sub(1);
        self.selected = if down { (self.selected + 1).min(last) } else { self.selected.saturating_sub(1) };
        if last == 0 { 0.0 } else { self.selected as f32 / last as f32 }
    }

    /// The form with what stood there before one of the changes, by default the selected one; `None` if the card would not change.
    pub(super) fn taken_back(&self, place: Option<usize>, view: &View, (call, person): (&CallView, &CallerPerson)) -> Option<Form> {
        let change = self.changes(view).get(place.unwrap_or(self.selected)).filter(|change| differs(change, person))?;
        let mut form = Form::new(call, Some(person));
        form.take_back(change.field, change.before.reveal());
        Some(form)
    }
}

/// Whether what stood there before is another thing than what stands there now, and may stand there: nobody is without a name.
fn differs(change: &CardChange, person: &CallerPerson) -> bool {
    let before = change.before.reveal();
    match change.field {
        CardField::Name => !before.is_empty() && before != person.name.reveal(),
        CardField::Address => before != person.address.reveal(),
        CardField::Tags => *before != person.tags.join(", "),
    }
}

pub(super) fn view<'a>(sheet: &'a Sheet, state: &'a State, scene: Scene<'a>) -> Column<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.house);
    let person = state.shown_call(scene.view).and_then(|call| state.person(call)).filter(|person| person.person == sheet.person);
    let name = person.map(|person| label(palette, person.name.reveal().as_str()).size(text_size::BODY));
    let title = text(texts.history_title).size(text_size::NUMBER).font(font::BOLD);
    let height = LIST_HEIGHT.min(scene.height - AROUND);
    let sentence = |words: &'a str| label(palette, words).size(text_size::BODY);
    let (content, hint): (Element<'a, Message>, _) = match sheet.told(scene.view) {
        HistoryTold::Asked => (center(sentence(scene.texts.floor.loading)).height(height).into(), texts.history_close),
        HistoryTold::Failed => {
            let again = filled(palette, texts.history_again, Some("Enter"), Some(Message::ShowHistory));
            let failed = column![sentence(texts.history_failed), again].spacing(space::M).align_x(Center);
            (center(failed).height(height).into(), texts.history_close)
        }
        HistoryTold::Known { changes, .. } if changes.is_empty() => {
            (center(sentence(texts.history_none)).height(height).into(), texts.history_close)
        }
        HistoryTold::Known { changes, more } => {
            let rows = list(sheet, scene, changes, person)
                .push(more.then(|| container(label(palette, texts.history_more)).padding([space::S, space::S])));
            let list = scroll(palette, rows).id(Id::new(LIST)).spacing(space::S).width(Fill);
            (group(container(list).height(height)), texts.history_hint)
        }
    };
    let head = row![title].push(name).spacing(space::M).align_y(Center);
    column![head, hairline(palette).width(Fill).height(1.0), content, label(palette, hint)].spacing(space::M)
}

/// What was changed at once stands under one heading.
fn list<'a>(sheet: &Sheet, scene: Scene<'a>, changes: &'a Arc<[CardChange]>, person: Option<&'a CallerPerson>) -> Column<'a, Message> {
    let mut list = Column::new().spacing(2.0);
    for (place, change) in changes.iter().enumerate() {
        let together = |other: &CardChange| (other.at, &other.by) == (change.at, &change.by);
        if !place.checked_sub(1).and_then(|before| changes.get(before)).is_some_and(together) {
            let registered = changes[place..].iter().take_while(|other| together(other)).any(is_registration);
            list = list.push(heading(scene, change, registered, place == 0));
        }
        let act = person.filter(|person| differs(change, person)).map(|_| Message::TakeBack(place));
        list = list.push(line(scene, change, act, place == sheet.selected));
    }
    list
}

/// Nobody is without a name but before being registered.
fn is_registration(change: &CardChange) -> bool {
    change.field == CardField::Name && change.before.reveal().is_empty()
}

fn heading<'a>(scene: Scene<'a>, change: &'a CardChange, registered: bool, first: bool) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.house);
    let when = text(scene.day_and_time(change.at)).size(text_size::LABEL).font(font::BOLD);
    let who = match &change.by_name {
        Some(name) => format!("{} {name}", change.by),
        None if change.by == CONSOLE => texts.console.to_owned(),
        None => change.by.clone(),
    };
    let mark = registered.then(|| tag(palette, Tone::Grey, texts.registered));
    let words = row![when, label(palette, who)].push(mark).spacing(space::S).align_y(Center);
    let above = if first { 0.0 } else { space::M };
    container(words).padding(iced::Padding::new(space::XS).top(above).left(space::S)).into()
}

fn line<'a>(scene: Scene<'a>, change: &'a CardChange, act: Option<Message>, selected: bool) -> Element<'a, Message> {
    let palette = scene.palette;
    let field = match change.field {
        CardField::Name => scene.texts.house.name,
        CardField::Address => scene.texts.call.address,
        CardField::Tags => scene.texts.house.tags,
    };
    let value = |words: &'a str| body(if words.is_empty() { "–" } else { words }).line_height(1.4).width(Fill);
    let [field_width, arrow_width, act_width] = WIDTHS;
    let act = act.map(|act| {
        let word = text(scene.texts.house.take_back_value).size(text_size::LABEL).font(font::BOLD).wrapping(text::Wrapping::None);
        let place = button(word).padding([space::XS, space::S]).on_press(act);
        place.style(move |_, status| theme::button_word(palette, status))
    });
    let cells: Row<'a, Message> = row![
        label(palette, field).width(field_width),
        value(change.before.reveal()).color(palette.label),
        label(palette, "→").width(arrow_width),
        value(change.after.reveal()),
        container(row![gap::horizontal()].push(act)).width(act_width),
    ];
    let cells = container(cells.spacing(space::S).align_y(Center)).width(Fill).padding([space::XS, space::S]);
    if selected { cells.style(move |_| theme::chosen(palette)).into() } else { cells.into() }
}
