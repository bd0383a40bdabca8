//! The way into the switchboard: a bounded queue whose reader takes all that waits at once, and is rung for only when it was empty.

use call_core::{Input, Snapshot};
use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Most messages that may wait for the switchboard; an edge that finds it full waits, the switchboard never does.
const INBOX_LIMIT: usize = 65_536;

/// What the switchboard takes.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened.
    Input(Input),
    /// Somebody wants to see the floor.
    Snapshot(SyncSender<Snapshot>),
}

#[cfg(test)]
impl Message {
    /// What an edge under test has told.
    pub(crate) fn into_input(self) -> Input {
        match self {
            Self::Input(input) => input,
            Self::Snapshot(_) => panic!("an edge asks for no snapshot"),
        }
    }
}

/// The way into the switchboard, held by every edge. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    /// Whether its holder waits for room.
    waits: bool,
}

/// The end that the switchboard reads. Dropped, it takes nothing any more.
#[derive(Debug)]
pub(crate) struct Messages {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Rung for the first message.
    bell: Notify,
    /// There is room again, or never will be.
    emptied: Condvar,
    #[cfg(test)]
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Message>,
    closed: bool,
    /// How many wait for room: whoever makes some rings only for them, because each ring is a system call.
    without_room: usize,
}

impl Inbox {
    /// An inbox and the end that the switchboard (or a test) reads.
    pub(crate) fn new() -> (Self, Messages) {
        let shared = Arc::new(Shared::default());
        (Self { shared: Arc::clone(&shared), waits: true }, Messages { shared })
    }

    /// The same for whoever shares the switchboard's thread: there could be no room while it waits for it. What it may put on top is
    /// little, because the switchboard has its turn after each of its own.
    pub(crate) fn beside_the_switchboard(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), waits: false }
    }

    /// Tells the core that something happened. After the switchboard has stopped this does nothing: nobody is left to care.
    pub(crate) fn send(&self, input: Input) {
        self.put(Message::Input(input));
    }

    /// The floor as it is now; `None` if the switchboard has stopped or does not answer within `limit`.
    pub(crate) fn snapshot(&self, limit: Duration) -> Option<Snapshot> {
        let (sender, receiver) = sync_channel(1);
        self.put(Message::Snapshot(sender));
        receiver.recv_timeout(limit).ok()
    }

    fn put(&self, message: Message) {
        let mut state = self.shared.lock();
        while self.waits && state.waiting.len() >= INBOX_LIMIT && !state.closed {
            state.without_room += 1;
            state = self.shared.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.without_room -= 1;
        }
        if state.closed {
            return;
        }
        state.waiting.push_back(message);
        let is_first = state.waiting.len() == 1;
        drop(state);
        if is_first {
            self.shared.bell.notify_one();
        }
        #[cfg(test)]
        self.shared.filled.notify_one();
    }
}

impl Messages {
    /// Waits until something is there and takes all of it into `all`, which is empty. May be dropped at any time without loss.
    pub(super) async fn take(&self, all: &mut VecDeque<Message>) {
        loop {
            {
                let mut state = self.shared.lock();
                if !state.waiting.is_empty() {
                    std::mem::swap(&mut state.waiting, all);
                    let rings = state.without_room > 0;
                    drop(state);
                    if rings {
                        self.shared.emptied.notify_all();
                    }
                    return;
                }
            }
            self.shared.bell.notified().await;
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.lock().waiting.is_empty()
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        // Whoever waits for an answer to one of them waits no longer.
        state.waiting.clear();
        drop(state);
        self.shared.emptied.notify_all();
    }
}

impl Shared {
    /// The state is whole at every moment the lock is free, so a poisoned lock is taken as it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tests read by, one message at a time.
#[cfg(test)]
impl Messages {
    /// The next one; nothing if none comes in time.
    pub(crate) fn recv_timeout(&self, limit: Duration) -> Option<Message> {
        let state = self.shared.lock();
        let waited = self.shared.filled.wait_timeout_while(state, limit, |state| state.waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting.pop_front()
    }

    /// The next one, if it is there.
    pub(crate) fn try_recv(&self) -> Option<Message> {
        self.shared.lock().waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::LegId;
    use std::sync::mpsc;

    /// Limit of every wait; reached only by a failing test.
    const LIMIT: Duration = Duration::from_secs(20);
    /// How long nothing must happen to count as nothing.
    const SILENCE: Duration = Duration::from_millis(60);

    fn told(number: u64) -> Input {
        Input::LegConfirmed { leg: LegId(number) }
    }

    fn fill(inbox: &Inbox) {
        (0..INBOX_LIMIT as u64).for_each(|number| inbox.send(told(number)));
    }

    #[tokio::test]
    async fn a_full_inbox_makes_an_edge_wait_and_whoever_shares_the_switchboards_thread_does_not() {
        let (inbox, messages) = Inbox::new();
        fill(&inbox);
        let limit = INBOX_LIMIT as u64;
        inbox.beside_the_switchboard().send(told(limit));
        let (tell, has_told) = mpsc::channel();
        let edge = std::thread::spawn(move || {
            tell.send(()).expect("the test listens");
            inbox.send(told(limit + 1));
            tell.send(()).expect("the test listens");
        });
        has_told.recv_timeout(LIMIT).expect("the edge runs");
        assert!(has_told.recv_timeout(SILENCE).is_err(), "the edge does not wait for room");
        let (mut first, mut then) = (VecDeque::new(), VecDeque::new());
        messages.take(&mut first).await;
        messages.take(&mut then).await;
        edge.join().expect("it has found room");
        let inputs: Vec<Input> = first.into_iter().map(Message::into_input).collect();
        assert_eq!(inputs, (0..=limit).map(told).collect::<Vec<_>>());
        assert_eq!(then.into_iter().map(Message::into_input).collect::<Vec<_>>(), [told(limit + 1)]);
    }

    #[test]
    fn after_the_switchboard_nobody_waits_any_more() {
        let (inbox, messages) = Inbox::new();
        fill(&inbox);
        let (began, begun) = mpsc::channel();
        let edge = std::thread::spawn(move || {
            began.send(()).expect("the test listens");
            inbox.send(told(0));
            inbox.snapshot(LIMIT)
        });
        begun.recv_timeout(LIMIT).expect("the edge runs");
        drop(messages);
        assert!(edge.join().expect("it does not wait").is_none());
    }
}
