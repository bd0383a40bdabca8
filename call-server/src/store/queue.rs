//! The bounded queue in front of the writer: many put, one takes everything that waits. It loses nothing. Who takes gathers for a while,
//! unless somebody waits for what was put.

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
    /// Somebody waits: nothing more is gathered.
    hurried: Condvar,
    carried_out: Condvar,
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
    /// Items put and items carried out, ever.
    put: u64,
    carried_out: u64,
    /// How many wait until what was put is carried out.
    in_a_hurry: usize,
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
        let items = VecDeque::new();
        let state = State { items, closed: false, waits: 0, without_room: 0, idle: false, put: 0, carried_out: 0, in_a_hurry: 0 };
        let [filled, emptied, hurried, carried_out] = std::array::from_fn(|_| Condvar::new());
        Self { limit, state: Mutex::new(state), filled, emptied, hurried, carried_out }
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
        state.put += 1;
        if std::mem::take(&mut state.idle) {
            self.filled.notify_one();
        }
    }

    /// Waits for items and takes all that come within `gather` after the first one, or until somebody is in a hurry; `None` once the queue
    /// is closed and empty.
    pub(super) fn take_gathered(&self, gather: Duration) -> Option<VecDeque<T>> {
        let state = self.filled_or_closed();
        // Another bell than that of the items: it is not woken by each of them.
        let gathered = self.hurried.wait_timeout_while(state, gather, |state| state.in_a_hurry == 0 && !state.closed);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        if state.items.is_empty() {
            return None;
        }
        if state.without_room > 0 {
            self.emptied.notify_all();
        }
        Some(std::mem::take(&mut state.items))
    }

    /// So many items of those that were taken are carried out, the oldest first.
    pub(super) fn carried_out(&self, items: usize) {
        let mut state = self.lock();
        state.carried_out += items as u64;
        if state.in_a_hurry > 0 {
            self.carried_out.notify_all();
        }
    }

    /// Waits until all that was put before is carried out, for `limit` at most; meanwhile nothing is gathered. Returns whether it is.
    pub(super) fn settle(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let all = state.put;
        if state.carried_out >= all {
            return true;
        }
        state.in_a_hurry += 1;
        self.hurried.notify_one();
        let settled = self.carried_out.wait_timeout_while(state, limit, |state| state.carried_out < all);
        let (mut state, _) = settled.unwrap_or_else(PoisonError::into_inner);
        state.in_a_hurry -= 1;
        state.carried_out >= all
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
        self.hurried.notify_all();
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
    use std::time::{Duration, Instant};

    /// Limit of every wait; reached only by a failing test.
    const LIMIT: Duration = Duration::from_secs(20);
    /// How long nothing must happen to count as nothing.
    const SILENCE: Duration = Duration::from_millis(60);

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
            taken.extend(queue.take_gathered(Duration::ZERO).expect("the queue is open"));
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
        assert_eq!(queue.take_gathered(LIMIT).map(Vec::from), Some(vec![1]), "and nothing more is gathered");
        assert_eq!(queue.take_gathered(LIMIT), None);
    }

    #[test]
    fn who_waits_ends_the_gathering_and_goes_on_when_all_of_before_is_carried_out() {
        let queue = Arc::new(Queue::new(5));
        queue.put(1);
        queue.put(2);
        let (tell, told) = mpsc::channel();
        let waits = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || tell.send(queue.settle(LIMIT)).expect("the test listens")
        });
        // Without the bell this would take until the limit, and fail there.
        let began = Instant::now();
        assert_eq!(queue.take_gathered(LIMIT).map(Vec::from), Some(vec![1, 2]));
        assert!(began.elapsed() < LIMIT, "it was gathered to the end");
        queue.carried_out(1);
        assert!(told.recv_timeout(SILENCE).is_err(), "one of them is not carried out yet");
        queue.carried_out(1);
        assert_eq!(told.recv_timeout(LIMIT), Ok(true));
        waits.join().expect("no panic");
        assert!(queue.settle(Duration::ZERO), "nothing is under way");
        queue.put(3);
        assert!(!queue.settle(Duration::ZERO), "its limit is over first");
    }
}
