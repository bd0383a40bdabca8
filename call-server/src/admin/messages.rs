//! `message`: what agents wrote to each other, for the audit. It only reads.

use super::calls::moment;
use super::cli::{Message, MessageWishes};
use super::{Failure, Outcome, load, open_store};
use crate::store::{MessageFilter, MessageReport};
use serde_json::json;
use shared::wire::{MessageLink, MessageTarget};
use std::path::Path;

pub(super) fn message(site: &Path, command: &Message) -> Result<Outcome, Failure> {
    let (text, MessageWishes { agent, limit }) = match command {
        Message::List(wishes) => (None, wishes),
        Message::Search { text, wishes } => (Some(text.clone()), wishes),
    };
    let store = open_store(&load(site)?)?;
    let messages = store.messages(&MessageFilter { text, number: agent.clone(), limit: *limit })?;
    let rows: Vec<_> = messages.iter().map(row).collect();
    let text = if rows.is_empty() { "No messages.".to_owned() } else { rows.join("\n") };
    Ok(Outcome::new(text, json!({"messages": messages})))
}

fn row(message: &MessageReport) -> String {
    let to = match message.to {
        MessageTarget::Agent(agent) => message.to_number.clone().unwrap_or_else(|| format!("agent {agent}")),
        MessageTarget::Team(queue) => format!("team of queue {queue}"),
        MessageTarget::All => "all".to_owned(),
    };
    let (id, sent, from, fate) = (message.message, moment(message.sent), &message.from, message.fate);
    let link = match message.link {
        Some(MessageLink::Call(call)) => format!(", of call {call}"),
        Some(MessageLink::Matter(matter)) => format!(", of matter {matter}"),
        None => String::new(),
    };
    let recalled = message.recalled.map_or(String::new(), |at| format!(", recalled {}", moment(at)));
    let pinned = message.pinned_by.as_ref().map_or(String::new(), |by| format!(", pinned by {by}"));
    let (delivered, sent_to, read) = (fate.delivered, fate.sent_to, fate.read);
    format!("{id:<6} {sent} {from} -> {to}, {delivered} of {sent_to} have it, {read} read it{link}{recalled}{pinned}: {}", message.text)
}
