//! The bounded queue in front of the writer: many put, one takes everything that waits. It loses nothing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A first-in first-out queue with a limit.
#[derive(Debug)]
pub(super) struct Queue<T> {
    limit: usize,
    state: Mutex<State<T>>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// How often somebody had to wait for room.
    waits: u64,
    /// How many wait for room now: whoever makes some rings only for them, because each ring is a system call.
    without_room: usize,
    /// Whether who takes waits for the first item.
    idle: bool,
}

/// How a [`Queue::put`] went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// At once.
    Taken,
    /// After waiting for room; the number of such waits so far.
    TakenLate(u64),
    /// The queue is closed; the item is lost.
    Closed,
}

impl<T> Queue<T> {
    /// An open queue that holds at most `limit` items.
    pub(super) fn new(limit: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false, waits: 0, without_room: 0, idle: false };
        Self { limit, state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Adds an item; waits for room while the queue is full.
    pub(super) fn put(&self, item: T) -> Put {
        let mut state = self.lock();
        let mut late = false;
        while state.items.len() >= self.limit && !state.closed {
            if !late {
                late = true;
                state.waits += 1;
            }
            state.without_room += 1;
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.without_room -= 1;
        }
        if state.closed {
            return Put::Closed;
        }
        self.push(&mut state, item);
        if late { Put::TakenLate(state.waits) } else { Put::Taken }
    }

    /// Adds an item if there is room and the queue is open.
    pub(super) fn offer(&self, item: T) -> bool {
        let mut state = self.lock();
        let room = state.items.len() < self.limit && !state.closed;
        if room {
            self.push(&mut state, item);
        }
        room
    }

    fn push(&self, state: &mut State<T>, item: T) {
        state.items.push_back(item);
        if std::mem::take(&mut state.idle) {
            self.filled.notify_one();
        }
    }

    /// Waits for items and takes all of them; `None` once the queue is closed and empty.
    pub(super) fn take_all(&self) -> Option<VecDeque<T>> {
        let mut state = self.filled_or_closed();
        if state.items.is_empty() {
            return None;
        }
        if state.without_room > 0 {
            self.emptied.notify_all();
        }
        Some(std::mem::take(&mut state.items))
    }

    /// The same, but what comes within `gather` after the first item is taken with it.
    pub(super) fn take_gathered(&self, gather: Duration) -> Option<VecDeque<T>> {
        drop(self.filled_or_closed());
        // Not in the lock, and not woken by each item.
        std::thread::sleep(gather);
        self.take_all()
    }

    /// Waits for the first item, or for the end.
    fn filled_or_closed(&self) -> MutexGuard<'_, State<T>> {
        let mut state = self.lock();
        while state.items.is_empty() && !state.closed {
            state.idle = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        state
    }

    /// Lets `pause` pass, or less if the queue is closed meanwhile; returns whether it is closed.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let state = self.lock();
        let before = state.closed;
        let waited = self.filled.wait_timeout_while(state, pause, |state| state.closed == before);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Refuses further items; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// The state is whole at every moment the lock is free, so a poisoned lock is taken as it is.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Put, Queue};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    #[test]
    fn a_full_queue_makes_the_putter_wait_and_loses_nothing() {
        let queue = Arc::new(Queue::new(2));
        let (tell, told) = mpsc::channel();
        let putter = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || (0..6).for_each(|number| tell.send(queue.put(number)).expect("the test listens"))
        });
        let mut taken = Vec::new();
        while taken.len() < 6 {
            taken.extend(queue.take_all().expect("the queue is open"));
        }
        putter.join().expect("the putter does not panic");
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
        assert!(told.iter().all(|put| put != Put::Closed));
    }

    #[test]
    fn a_full_queue_refuses_an_offer() {
        let queue = Queue::new(1);
        assert!(queue.offer(1));
        assert!(!queue.offer(2));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_holds_and_takes_no_more() {
        let queue = Queue::new(5);
        queue.put(1);
        queue.close();
        assert_eq!(queue.put(2), Put::Closed);
        assert!(!queue.offer(3));
        assert!(queue.pause(Duration::from_millis(1)), "a pause tells that the queue is closed");
        assert_eq!(queue.take_all().map(Vec::from), Some(vec![1]));
        assert_eq!(queue.take_all(), None);
    }
}
