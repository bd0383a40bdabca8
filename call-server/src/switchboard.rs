//! The only loop: [`Input`] in, `Command` out, nearest deadline. It runs on a thread of its own and never waits for an edge.

use call_core::Input;
use std::sync::mpsc::SyncSender;

/// What the switchboard's thread takes.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened.
    Input(Input),
}

/// Most messages that may wait for the switchboard; an edge that finds it full waits, the switchboard never does.
pub(crate) const INBOX_LIMIT: usize = 65_536;

/// The way into the switchboard, held by every edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    sender: SyncSender<Message>,
}

impl Inbox {
    /// An inbox and the end that the switchboard (or a test) reads.
    pub(crate) fn new() -> (Self, std::sync::mpsc::Receiver<Message>) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(INBOX_LIMIT);
        (Self { sender }, receiver)
    }

    /// Tells the core that something happened. After the switchboard has stopped this does nothing: nobody is left to care.
    pub(crate) fn send(&self, input: Input) {
        let _ = self.sender.send(Message::Input(input));
    }
}
