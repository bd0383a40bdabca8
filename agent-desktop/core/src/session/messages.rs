//! 短消息 (1-6): the mailbox as far as this desktop has it. Rows have numbers without a gap; where one is missing, what follows the last is
//! asked for again, so that nothing is lost over a reconnect.

use super::{Session, Stage};
use crate::Effect;
use shared::model::{MessageId, RequestId};
use shared::wire::{Action, FromClient, MailboxPart, MessageChange, MessageLink, MessageRow, MessageTarget, MessagesAsked, MessagesNews};
use std::collections::BTreeMap;

/// Rows that are kept here; older ones can be asked for again.
const MOST_ROWS: usize = 500;

/// What a desktop knows of its messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Messages {
    /// By their numbers.
    pub rows: BTreeMap<u64, MessageRow>,
    /// There are older ones.
    pub has_older: bool,
    /// One is on its way to the server.
    pub sending: bool,
    /// 置顶, the newest last.
    pub pinned: Vec<MessageRow>,
}

impl Messages {
    /// How many came and were not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.rows.values().filter(|row| !row.read).count()
    }

    /// The newest number.
    fn newest(&self) -> u64 {
        self.rows.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// The last number before which none is missing here.
    fn whole(&self) -> u64 {
        let mut numbers = self.rows.keys();
        let Some(first) = numbers.next() else { return 0 };
        numbers.zip(first + 1..).take_while(|(number, next)| *number == next).last().map_or(*first, |(number, _)| *number)
    }
}

impl Session {
    /// On each new connection: what has come meanwhile.
    pub(super) fn ask_for_messages(&mut self) {
        if !self.view.rules.messages {
            return;
        }
        let part = match self.view.messages.whole() {
            0 => MailboxPart::Newest,
            number => MailboxPart::After { number },
        };
        self.say(FromClient::Messages(MessagesAsked::Rows(part)));
    }

    pub(super) fn older_messages(&mut self) {
        if let Some((number, _)) = self.view.messages.rows.first_key_value() {
            self.say(FromClient::Messages(MessagesAsked::Rows(MailboxPart::Before { number: *number })));
        }
    }

    /// Apart from other wishes: a message never holds up a button of the call bar.
    pub(super) fn send_message(&mut self, to: MessageTarget, text: String, link: Option<MessageLink>) {
        if text.trim().is_empty() {
            return;
        }
        self.ask_of_messages(Action::SendMessage { to, text: text.into(), link });
    }

    /// 撤回, 置顶.
    pub(super) fn change_message(&mut self, message: MessageId, change: MessageChange) {
        self.ask_of_messages(Action::ChangeMessage { message, change });
    }

    fn ask_of_messages(&mut self, action: Action) {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return };
        if signed_in.message.is_some() {
            return;
        }
        let request = RequestId(self.next_request);
        self.next_request += 1;
        signed_in.message = Some(request);
        self.view.messages.sending = true;
        self.view.refusal = None;
        self.say(FromClient::Do { request, action });
    }

    /// Whether this answers the message that is on its way.
    pub(super) fn message_answered(&mut self, request: RequestId) -> bool {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return false };
        let answers = signed_in.message.take_if(|waiting| *waiting == request).is_some();
        if answers {
            self.view.messages.sending = false;
        }
        answers
    }

    /// Everything here was read.
    pub(super) fn read_messages(&mut self) {
        if self.view.messages.unread() == 0 {
            return;
        }
        let number = self.view.messages.newest();
        self.view.messages.rows.values_mut().for_each(|row| row.read = true);
        self.say(FromClient::Messages(MessagesAsked::Read { number }));
    }

    pub(super) fn messages(&mut self, news: MessagesNews) {
        let messages = &mut self.view.messages;
        let (before, had_none) = (messages.newest(), messages.rows.is_empty());
        for (message, fate) in news.fates {
            messages.rows.values_mut().filter(|row| row.message == message).for_each(|row| row.fate = Some(fate));
        }
        for row in news.changed {
            messages.rows.entry(row.number).and_modify(|known| *known = row);
        }
        if let Some(pinned) = news.pinned {
            messages.pinned = pinned;
        }
        let came = news.rows.iter().any(|row| row.number > before && !row.read);
        messages.rows.extend(news.rows.into_iter().map(|row| (row.number, row)));
        messages.has_older = messages.rows.first_key_value().is_some_and(|(first, _)| *first > 1);
        while messages.rows.len() > MOST_ROWS {
            messages.rows.pop_first();
        }
        let (newest, whole) = (messages.newest(), messages.whole());
        if whole < newest || news.more && newest > before && !had_none {
            self.say(FromClient::Messages(MessagesAsked::Rows(MailboxPart::After { number: whole })));
        }
        if whole > 0 && newest > before {
            self.say(FromClient::Messages(MessagesAsked::Got { number: whole }));
        }
        // Whoever talks with a citizen is not disturbed (1-6).
        if came && !had_none && !self.talking {
            self.effects.push_back(Effect::Alert);
        }
    }
}
