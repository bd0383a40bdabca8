//! 短消息: what a desktop sends and asks, and what others are told of it. Rows and numbers are the store's; here are the limits of rate and
//! size, and who is told at once.

use super::Shared;
use shared::model::{AgentId, MessageId, Refusal};
use shared::wire::{FromServer, MAX_MESSAGE, MailboxPart, MessageChange, MessageLink, MessageTarget, MessagesAsked, MessagesNews};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// When somebody sent the newest messages.
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<Instant>);

impl Rate {
    /// Whether one more may be sent now; it counts then.
    pub(super) fn admits(&mut self, now: Instant, most: u32, window: Duration) -> bool {
        while self.0.front().is_some_and(|sent| now.duration_since(*sent) >= window) {
            self.0.pop_front();
        }
        let admitted = self.0.len() < most as usize;
        if admitted {
            self.0.push_back(now);
        }
        admitted
    }
}

/// Sends a message; everybody who has it now and follows their messages is told at once.
///
/// # Errors
/// The refusal to be shown.
pub(super) async fn send(
    shared: &Arc<Shared>,
    from: AgentId,
    (to, link): (MessageTarget, Option<MessageLink>),
    text: &str,
) -> Result<(), Refusal> {
    let text = text.trim().to_owned();
    if text.is_empty() || text.chars().count() > MAX_MESSAGE {
        return Err(Refusal::MessageLength);
    }
    let people = Arc::clone(&shared.people);
    let sent = tokio::task::spawn_blocking(move || people.send_message(from, to, link, &text)).await;
    let rows = sent.unwrap_or(Err(Refusal::NotSaved))?;
    if rows.is_empty() {
        return Err(Refusal::NoSuchTarget);
    }
    let mut sessions = shared.sessions();
    for (agent, row) in rows {
        sessions.say_of_messages(agent, &MessagesNews { rows: vec![row], ..MessagesNews::default() });
    }
    Ok(())
}

/// Recalls or pins one; everybody who has it and follows their messages is told at once.
///
/// # Errors
/// The refusal to be shown.
pub(super) async fn change(shared: &Arc<Shared>, by: AgentId, message: MessageId, change: MessageChange) -> Result<(), Refusal> {
    let people = Arc::clone(&shared.people);
    let changed = tokio::task::spawn_blocking(move || people.change_message(by, message, change)).await;
    let rows = changed.unwrap_or(Err(Refusal::NotSaved))?;
    let mut sessions = shared.sessions();
    for (agent, row, pinned) in rows {
        sessions.say_of_messages(agent, &MessagesNews { changed: vec![row], pinned: Some(pinned), ..MessagesNews::default() });
    }
    Ok(())
}

/// Answers a question; `None` needs no answer. Senders are told how far their messages have come.
pub(super) async fn asked(shared: &Arc<Shared>, agent: AgentId, asked: MessagesAsked) -> Option<FromServer> {
    let (through, read) = match asked {
        MessagesAsked::Rows(part) => {
            let people = Arc::clone(&shared.people);
            let found = tokio::task::spawn_blocking(move || (people.mailbox(agent, part), people.pinned(agent))).await;
            let ((rows, more), pinned) = found.unwrap_or_default();
            let pinned = Some(pinned).filter(|_| !matches!(part, MailboxPart::Before { .. }));
            return Some(FromServer::Messages(MessagesNews { rows, more, pinned, ..MessagesNews::default() }));
        }
        MessagesAsked::Got { number } => (number, false),
        MessagesAsked::Read { number } => (number, true),
    };
    let people = Arc::clone(&shared.people);
    let fates = tokio::task::spawn_blocking(move || people.mark_messages(agent, through, read)).await.unwrap_or_default();
    let mut sessions = shared.sessions();
    for (sender, message, fate) in fates {
        sessions.say_of_messages(sender, &MessagesNews { fates: vec![(message, fate)], ..MessagesNews::default() });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_window_and_then_again() {
        let (mut rate, start, window) = (Rate::default(), Instant::now(), Duration::from_secs(10));
        let admitted = |rate: &mut Rate, ms: u64| rate.admits(start + Duration::from_millis(ms), 2, window);
        assert!(admitted(&mut rate, 0) && admitted(&mut rate, 1_000));
        assert!(!admitted(&mut rate, 9_999));
        assert!(admitted(&mut rate, 10_000), "the first is long ago");
        assert!(!admitted(&mut rate, 10_001));
    }
}
