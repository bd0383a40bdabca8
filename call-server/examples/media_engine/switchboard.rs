//! In place of the server's switchboard: what the edges tell, and what comes on standard input, in one queue.

use call_core::Input;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What may wait: what two thousand talks say in some seconds.
const LIMIT: usize = 65_536;

/// What comes.
#[derive(Debug)]
pub(crate) enum Happening {
    /// From an edge.
    Input(Input),
    /// From standard input.
    Line(String),
    /// The end of standard input.
    Over,
}

/// The edges' way in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inbox(SyncSender<Happening>);

impl Inbox {
    /// An inbox and its other end.
    pub(crate) fn new() -> (Self, Receiver<Happening>) {
        let (sender, receiver) = sync_channel(LIMIT);
        // Each place is used once, so that its memory does not seem to be a call's.
        for _ in 0..LIMIT {
            let _ = sender.send(Happening::Over);
            let _ = receiver.try_recv();
        }
        (Self(sender), receiver)
    }

    /// Tells. Nobody is left to care once the other end has gone.
    pub(crate) fn send(&self, input: Input) {
        self.tell(Happening::Input(input));
    }

    /// The same for anything.
    pub(crate) fn tell(&self, happening: Happening) {
        let _ = self.0.send(happening);
    }
}
