//! 消息: what colleagues wrote, newest at the bottom, and a field to write to one, a team or everybody (1-6).

use super::{Message, Scene};
use crate::font;
use crate::theme::{self, Tone, size, space, text_size};
use crate::widget::{above, body, button, card, group, heading, known_as, label, long_list, plain, scroll};
use desktop_core::{View, Wish};
use iced::widget::{Column, center, column, container, row, space as gap, text, text_input};
use iced::{Center, Element, Fill};
use shared::model::MessageId;
use shared::wire::{MAX_MESSAGE, MessageChange, MessageLink, MessageRow, MessageTarget, RECALL_MS};

/// Width of the list of whom to write to.
const LIST_WIDTH: f32 = 236.0;
/// Most open matters that are offered to be attached.
const MOST_MATTERS: usize = 2;

/// What is typed, and for whom.
#[derive(Debug, Default)]
pub(crate) struct State {
    to: Option<MessageTarget>,
    text: String,
    /// What the message refers to.
    link: Option<MessageLink>,
}

/// What the person does here.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// For whom.
    To(MessageTarget),
    /// What is typed.
    Text(String),
    /// 发送
    Send,
    /// Older ones.
    Older,
    /// 附上, or nothing any more.
    Attach(MessageLink),
    /// 撤回, 置顶, 取消置顶
    Change(MessageId, MessageChange),
}

impl State {
    /// One act; the wish that follows from it.
    pub(super) fn update(&mut self, act: Act, view: &View) -> Option<Wish> {
        match act {
            Act::To(target) => self.to = Some(target),
            Act::Text(text) => self.text = text.chars().take(MAX_MESSAGE).collect(),
            Act::Older => return Some(Wish::OlderMessages),
            Act::Attach(link) => self.link = Some(link).filter(|link| self.link != Some(*link)),
            Act::Change(message, change) => return view.can_supervise().then_some(Wish::ChangeMessage(message, change)),
            Act::Send => {
                let to = self.to.filter(|_| !self.text.trim().is_empty() && !view.messages.sending)?;
                return Some(Wish::SendMessage(to, std::mem::take(&mut self.text), self.link.take()));
            }
        }
        None
    }

    pub(super) fn view<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let below = column![above(self.attachments(scene), space::M), self.field(scene)];
        let talk = column![above(pinned(scene), space::M), self.rows(scene), below.padding(iced::Padding::ZERO.top(space::M))];
        let targets = card(scene.palette, self.targets(scene)).width(LIST_WIDTH).height(Fill);
        row![targets, card(scene.palette, talk).width(Fill).height(Fill)].spacing(space::M).into()
    }

    /// Everybody, the teams, and who is signed in.
    fn targets<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let one = move |word: String, target: MessageTarget| {
            let chosen = (self.to == Some(target)).then_some(Tone::Blue);
            let place = button(container(body(word).wrapping(text::Wrapping::None)).center_y(Fill)).width(Fill).height(size::ROW);
            let place = place.padding([0.0, space::S]).present(chosen.is_some()).on_press(Message::Messages(Act::To(target)));
            Element::from(place.style(move |_, status| theme::button_row(scene.palette, chosen, status)))
        };
        let teams = scene.view.rules.queues.iter().map(|(queue, name)| one(name.clone(), MessageTarget::Team(*queue)));
        let own = scene.view.me.as_ref().map(|me| me.agent);
        let floor = scene.view.agents.as_ref().map(|floor| &floor.rows).into_iter().flatten();
        let agents: Vec<_> = floor.filter(|(agent, _)| Some(**agent) != own).collect();
        let all = column![one(texts.to_all.to_owned(), MessageTarget::All), label(scene.palette, texts.to_team)]
            .extend(teams)
            .push(label(scene.palette, texts.to_one))
            .push(long_list(agents.len(), size::ROW + space::XS, move |place| {
                let (agent, row) = agents[place];
                one(format!("{} {}", row.number, row.name), MessageTarget::Agent(*agent))
            }));
        group(scroll(scene.palette, all.spacing(space::XS)).height(Fill))
    }

    fn rows<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let (texts, messages) = (&scene.texts.floor, &scene.view.messages);
        if messages.rows.is_empty() {
            return center(label(scene.palette, texts.no_messages).size(text_size::BODY)).into();
        }
        let older = messages.has_older.then(|| plain(scene.palette, texts.older, Some(Message::Messages(Act::Older))));
        let rows = Column::with_children(messages.rows.values().map(|row| one_message(scene, row, false)));
        let all = column![].push(older).push(rows.spacing(space::M)).spacing(space::M).width(Fill);
        group(scroll(scene.palette, all).anchor_bottom().width(Fill).height(Fill))
    }

    /// The call at this desk, and matters of its citizen that are open, to be attached.
    fn attachments<'a>(&'a self, scene: Scene<'a>) -> Option<Element<'a, Message>> {
        let desk = scene.view.desk.as_ref()?;
        let call = desk.call.as_ref().map(|call| call.interaction).or(desk.wrap_up.as_ref().map(|wrap_up| wrap_up.interaction));
        let card = desk.call.as_ref().and_then(|call| call.card.as_ref());
        let matters = card.into_iter().flat_map(|card| &card.matters).take(MOST_MATTERS).map(|one| MessageLink::Matter(one.matter));
        let links: Vec<MessageLink> = call.map(MessageLink::Call).into_iter().chain(matters).collect();
        let one = |link: MessageLink| {
            let chosen = (self.link == Some(link)).then_some(Tone::Blue);
            let word = container(body(format!("{} {}", scene.texts.floor.attach, link_words(scene, link)))).center_y(Fill);
            let place = button(word).height(size::ROW).padding([0.0, space::S]).on_press(Message::Messages(Act::Attach(link)));
            Element::from(place.style(move |_, status| theme::button_row(scene.palette, chosen, status)))
        };
        (!links.is_empty()).then(|| group(row(links.into_iter().map(one)).spacing(space::S)))
    }

    fn field<'a>(&'a self, scene: Scene<'a>) -> Element<'a, Message> {
        let texts = &scene.texts.floor;
        let can_send = self.to.is_some() && !self.text.trim().is_empty() && !scene.view.messages.sending;
        let field = text_input(texts.write, &self.text).on_input(|text| Message::Messages(Act::Text(text))).size(text_size::BODY);
        let field = field.on_submit(Message::Messages(Act::Send)).padding([7.0, 10.0]);
        let field = field.width(Fill).style(move |_, status| theme::field(scene.palette, status));
        let word = if scene.view.messages.sending { texts.sending } else { texts.send };
        row![field, plain(scene.palette, word, can_send.then_some(Message::Messages(Act::Send)))].spacing(space::S).align_y(Center).into()
    }
}

/// What is pinned, above all others.
fn pinned<'a>(scene: Scene<'a>) -> Option<Element<'a, Message>> {
    let rows = &scene.view.messages.pinned;
    let all = column![heading(scene.palette, scene.texts.floor.pinned)].extend(rows.iter().map(|row| one_message(scene, row, true)));
    (!rows.is_empty()).then(|| group(all.spacing(space::S)))
}

fn link_words(scene: Scene<'_>, link: MessageLink) -> String {
    match link {
        MessageLink::Call(call) => format!("{} {call}", scene.texts.floor.link_call),
        MessageLink::Matter(matter) => format!("{} {matter}", scene.texts.floor.link_matter),
    }
}

/// What a supervisor can do with a message.
fn changes<'a>(scene: Scene<'a>, row_: &'a MessageRow, pinned: bool) -> Option<Element<'a, Message>> {
    let texts = &scene.texts.floor;
    if !scene.view.can_supervise() || row_.recalled {
        return None;
    }
    let own = scene.view.me.as_ref().is_some_and(|me| me.agent == row_.from);
    let fresh = scene.server_now().since(row_.sent) <= RECALL_MS;
    let act = |word, change| plain(scene.palette, word, Some(Message::Messages(Act::Change(row_.message, change))));
    let recall = (own && fresh && !pinned).then(|| act(texts.recall, MessageChange::Recall));
    let pin = if pinned { act(texts.unpin, MessageChange::Unpin) } else { act(texts.pin, MessageChange::Pin) };
    Some(row![].push(recall).push(pin).spacing(space::S).into())
}

fn one_message<'a>(scene: Scene<'a>, row_: &'a MessageRow, pinned: bool) -> Element<'a, Message> {
    let (palette, texts) = (scene.palette, &scene.texts.floor);
    let to = match row_.to {
        MessageTarget::Agent(_) if row_.fate.is_none() => texts.me.to_owned(),
        MessageTarget::Agent(_) | MessageTarget::Team(_) => row_.to_name.clone(),
        MessageTarget::All => texts.to_all.to_owned(),
    };
    let from = if row_.fate.is_some() { texts.me } else { row_.from_name.as_str() };
    let head = row![
        heading(palette, format!("{from} → {to}")),
        label(palette, scene.day_and_time(row_.sent)),
        gap::horizontal(),
        label(palette, row_.fate.map(|fate| (texts.fate)(fate.delivered, fate.read, fate.sent_to)).unwrap_or_default()),
    ];
    let words = match row_.recalled {
        true => body(texts.recalled).color(palette.label),
        false => body(row_.text.reveal().as_str()),
    };
    let words = if row_.read { words } else { words.font(font::BOLD) };
    let link = row_.link.map(|link| label(palette, link_words(scene, link)).color(palette.color(Tone::Blue)));
    let words: Element<'a, Message> = match changes(scene, row_, pinned) {
        Some(changes) => row![container(words).width(Fill), changes].spacing(space::S).align_y(Center).into(),
        None => words.into(),
    };
    known_as(row_.number, column![head.spacing(space::S).align_y(Center), words].push(link).spacing(space::XS))
}
