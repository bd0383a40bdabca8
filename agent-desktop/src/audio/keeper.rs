//! One direction of sound: its stream while sound is wanted, and a look now and then whether the device is there while it is not. An open
//! stream wakes the computer fifty times a second, and an agent waits for most of the day.
//!
//! A stream can hang in its own drop when the sound server dies, and so can a look. So each one lives in a thread of its own, and nobody ever
//! waits for that thread: a stream without a callback for half a second is abandoned and a new one is opened. Errors alone are no reason: when
//! they matter the callbacks stop, and PulseAudio's plug-in for ALSA has some at each beginning that pass (alsa-plugins, issue 65).

use super::sound::Condition;
use desktop_core::DeviceProblem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// A stream that is silent for longer is given up.
const CALLBACK_LIMIT: Duration = Duration::from_millis(500);
/// From its opening on, before that is asked of it: a wireless headset begins late, and a sound server may take its time.
const SETTLING: Duration = Duration::from_secs(2);
/// Opening may take this long, and a look.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// While no sound is wanted, whether the device is there is looked at this often. One look costs about 1.5 ms.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// Wait before a device that could not be opened is tried again: short at first, because a sound server that was started anew or had no time is
/// back soon, and somebody may be talking.
const QUICK_WAIT: Duration = Duration::from_secs(1);
/// So often in a row.
const QUICK_TRIES: u32 = 5;
/// And then.
const REOPEN_WAIT: Duration = Duration::from_secs(5);
/// On another device than the chosen one, that one is looked for this often.
const RETURN_WAIT: Duration = Duration::from_secs(2);
/// Threads, hanging ones included, that one client may have for one direction.
const MOST_THREADS: usize = 8;

/// What voice thread and stream thread know of each other.
#[derive(Debug)]
pub(super) struct Shared {
    began: Instant,
    /// The last callback, in ms after `began`.
    called_ms: AtomicU64,
    abandoned: AtomicBool,
    /// The device that was chosen can be used again, and this one is another.
    superseded: AtomicBool,
    outcome: Mutex<Option<Outcome>>,
}

/// What came of an attempt to open a device.
type Outcome = Result<Opened, DeviceProblem>;

/// A device that could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) name: String,
    /// It is not the one that was chosen.
    pub(super) stands_in: bool,
}

impl Shared {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            called_ms: AtomicU64::new(0),
            abandoned: AtomicBool::new(false),
            superseded: AtomicBool::new(false),
            outcome: Mutex::new(None),
        }
    }

    /// A callback of the stream.
    pub(super) fn called(&self) {
        self.called_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.called_ms.load(Ordering::Relaxed)))
    }

    fn conclude(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn is_open(&self) -> bool {
        matches!(*self.outcome.lock().unwrap_or_else(PoisonError::into_inner), Some(Ok(_)))
    }

    /// What came of it; one that takes too long has failed.
    fn outcome(&self) -> Option<Outcome> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let overdue = || self.began.elapsed() > OPEN_LIMIT;
        outcome.or_else(|| overdue().then(|| Err(DeviceProblem::Failed("it does not open".to_owned()))))
    }

    /// Why an open stream is to be given up.
    fn fault(&self) -> Option<DeviceProblem> {
        let stopped = self.began.elapsed() > SETTLING && self.silent_for() > CALLBACK_LIMIT;
        let superseded = self.superseded.load(Ordering::Relaxed);
        stopped.then_some(DeviceProblem::Stopped).or(superseded.then_some(DeviceProblem::Opening))
    }
}

/// The present thread.
struct Current {
    shared: Arc<Shared>,
    thread: Thread,
    /// It has a stream, or will have; the others only look.
    streams: bool,
}

impl Drop for Current {
    fn drop(&mut self) {
        self.shared.abandoned.store(true, Ordering::Relaxed);
        // The device is free for others at once.
        self.thread.unpark();
    }
}

/// Whether this device is there, or which one stands in.
type Look = dyn Fn(Option<&str>) -> Outcome + Send + Sync;

/// Opens streams of one direction and looks after the present one.
pub(super) struct Keeper {
    name: Option<String>,
    look: Arc<Look>,
    current: Option<Current>,
    /// A stream is wanted.
    awake: bool,
    /// Each thread has one more of it, hanging ones included.
    threads: Arc<()>,
    retry_at: Option<Instant>,
    /// How often in a row no stream could be opened.
    failures: u32,
    /// As it was last known.
    condition: Condition,
}

impl Keeper {
    pub(super) fn new(name: Option<String>, look: impl Fn(Option<&str>) -> Outcome + Send + Sync + 'static) -> Self {
        let condition = Condition::Broken(DeviceProblem::Opening);
        let look = Arc::new(look);
        Self { name, look, current: None, awake: false, threads: Arc::default(), retry_at: None, failures: 0, condition }
    }

    /// A stream is wanted from now on; true if none was.
    pub(super) fn wake(&mut self) -> bool {
        let slept = !std::mem::replace(&mut self.awake, true);
        if slept {
            // A look that is just being taken holds the device: it is waited for.
            (self.retry_at, self.failures) = (None, 0);
        }
        slept
    }

    /// No stream is wanted; true if one was. What is known of the device stands until the next look.
    pub(super) fn rest(&mut self) -> bool {
        let woke = std::mem::replace(&mut self.awake, false);
        if woke {
            self.current = None;
            self.retry_at = Some(Instant::now() + LOOK_WAIT);
        }
        woke
    }

    /// Another device; true if it is another one than before.
    pub(super) fn choose(&mut self, device: Option<&str>) -> bool {
        let changed = self.name.as_deref() != device;
        if changed {
            self.name = device.map(str::to_owned);
            (self.current, self.retry_at, self.failures) = (None, None, 0);
            self.condition = Condition::Broken(DeviceProblem::Opening);
        }
        changed
    }

    /// The present stream is open.
    pub(super) fn works(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.streams && current.shared.is_open())
    }

    /// A stream is on its way: it neither is open nor has failed.
    pub(super) fn opens(&self) -> bool {
        self.awake && self.failures == 0 && !self.works()
    }

    pub(super) fn condition(&self) -> Condition {
        self.condition.clone()
    }

    /// Whether a new stream is to be opened now. Gives one up that does not work; looks at the device while none is wanted.
    pub(super) fn wants_stream(&mut self) -> bool {
        self.take_note();
        if self.current.is_some() || self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        if Arc::strong_count(&self.threads) > MOST_THREADS {
            self.condition = Condition::Broken(DeviceProblem::Hanging);
            return false;
        }
        if !self.awake {
            let (look, name) = (Arc::clone(&self.look), self.name.clone());
            self.begin(false, move |shared| shared.conclude(look(name.as_deref())));
        }
        self.awake
    }

    /// What has become of the present thread.
    fn take_note(&mut self) {
        let Some(current) = &self.current else { return };
        let Some(outcome) = current.shared.outcome() else { return };
        if !current.streams {
            self.condition = told(outcome);
            self.try_again((!self.awake).then_some(LOOK_WAIT));
            return;
        }
        match outcome.map(|opened| (opened, current.shared.fault())) {
            Ok((opened, None)) => (self.condition, self.failures) = (told(Ok(opened)), 0),
            // One that ran and broke, as in the middle of a call, is replaced at once; only if that fails too is it news.
            Ok((_, Some(problem))) => {
                tracing::info!(?problem, "a sound stream is given up");
                self.condition = Condition::Broken(DeviceProblem::Opening);
                self.try_again(None);
            }
            Err(problem) => {
                tracing::info!(?problem, "no sound stream");
                self.condition = Condition::Broken(problem);
                self.failures = self.failures.saturating_add(1);
                self.try_again(Some(if self.failures <= QUICK_TRIES { QUICK_WAIT } else { REOPEN_WAIT }));
            }
        }
    }

    /// The present thread is left alone, and the next one is for later.
    fn try_again(&mut self, wait: Option<Duration>) {
        self.current = None;
        self.retry_at = wait.map(|wait| Instant::now() + wait);
    }

    /// Runs `open` on a thread of its own and keeps its stream there.
    pub(super) fn keep<S>(&mut self, open: impl FnOnce(Option<&str>, Arc<Shared>) -> Result<(S, Opened), DeviceProblem> + Send + 'static) {
        let (look, name) = (Arc::clone(&self.look), self.name.clone());
        self.begin(true, move |shared| {
            let opened = open(name.as_deref(), Arc::clone(shared));
            hold(shared, opened, || look(name.as_deref()).is_ok_and(|opened| !opened.stands_in));
        });
    }

    fn begin(&mut self, streams: bool, work: impl FnOnce(&Arc<Shared>) + Send + 'static) {
        let shared = Arc::new(Shared::new());
        let (ours, threads) = (Arc::clone(&shared), Arc::clone(&self.threads));
        let work = move || {
            work(&ours);
            drop(threads);
        };
        match std::thread::Builder::new().name("sound".to_owned()).spawn(work) {
            // Never joined: see the head.
            Ok(handle) => self.current = Some(Current { shared, thread: handle.thread().clone(), streams }),
            Err(error) => {
                self.condition = Condition::Broken(DeviceProblem::Failed(error.to_string()));
                self.retry_at = Some(Instant::now() + REOPEN_WAIT);
            }
        }
    }
}

fn told(outcome: Outcome) -> Condition {
    match outcome {
        Ok(Opened { name, stands_in: false }) => Condition::Works(name),
        Ok(Opened { name, stands_in: true }) => Condition::StandsIn(name),
        Err(problem) => Condition::Broken(problem),
    }
}

/// Keeps a stream until it is abandoned; one that stands in looks for the chosen device, which can take its time and hang.
fn hold<S>(shared: &Shared, opened: Result<(S, Opened), DeviceProblem>, chosen_is_back: impl Fn() -> bool) {
    shared.called();
    let (_stream, outcome) = match opened {
        Ok((stream, opened)) => (stream, Ok(opened)),
        Err(problem) => return shared.conclude(Err(problem)),
    };
    let stands_in = outcome.as_ref().is_ok_and(|opened: &Opened| opened.stands_in);
    shared.conclude(outcome);
    let is_wanted = || !shared.abandoned.load(Ordering::Relaxed);
    while is_wanted() {
        if !stands_in {
            std::thread::park();
            continue;
        }
        std::thread::park_timeout(RETURN_WAIT);
        if is_wanted() {
            shared.superseded.store(chosen_is_back(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Keeper, Opened, Outcome, QUICK_TRIES, Shared};
    use crate::audio::sound::Condition;
    use desktop_core::DeviceProblem;
    use std::sync::mpsc::{Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    const LIMIT: Duration = Duration::from_secs(10);

    fn headset() -> Outcome {
        Ok(Opened { name: "headset".to_owned(), stands_in: false })
    }

    /// A stream that tells when it is dropped.
    struct Stream(Sender<()>);

    impl Drop for Stream {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    /// Asks again and again, as the voice thread does, and never waits for the time of a next look.
    fn ask_until(keeper: &mut Keeper, what: &str, reached: impl Fn(&Keeper) -> bool) {
        let began = Instant::now();
        while !reached(keeper) {
            assert!(began.elapsed() < LIMIT, "never: {what}");
            if keeper.current.is_none() {
                keeper.retry_at = None;
            }
            assert!(!keeper.wants_stream());
            std::thread::yield_now();
        }
    }

    #[test]
    fn while_no_sound_is_wanted_a_device_is_looked_at_and_its_loss_and_return_are_told() {
        let there = Arc::new(Mutex::new(headset()));
        let found = Arc::clone(&there);
        let mut keeper = Keeper::new(None, move |_| found.lock().expect("no test panics with it").clone());
        let is = |told: Condition| move |keeper: &Keeper| keeper.condition() == told;
        ask_until(&mut keeper, "there", is(Condition::Works("headset".to_owned())));
        *there.lock().expect("no test panics with it") = Err(DeviceProblem::Missing);
        ask_until(&mut keeper, "lost", is(Condition::Broken(DeviceProblem::Missing)));
        *there.lock().expect("no test panics with it") = headset();
        ask_until(&mut keeper, "back", is(Condition::Works("headset".to_owned())));
        assert!(!keeper.works() && !keeper.opens());
    }

    #[test]
    fn a_stream_is_opened_when_sound_is_wanted_and_dropped_at_once_when_it_is_not_and_its_device_stays_known() {
        let mut keeper = Keeper::new(None, |_| headset());
        ask_until(&mut keeper, "a look", |keeper| keeper.condition() == Condition::Works("headset".to_owned()));
        let (tell, dropped) = channel();
        for _ in 0..2 {
            let stream = Stream(tell.clone());
            assert!(keeper.wake() && !keeper.wake() && keeper.opens());
            assert!(keeper.wants_stream(), "without a wait for the next look");
            keeper.keep(move |_, _| headset().map(|opened| (stream, opened)));
            ask_until(&mut keeper, "open", Keeper::works);
            assert!(!keeper.opens() && dropped.try_recv().is_err());
            assert!(keeper.rest() && !keeper.rest());
            dropped.recv_timeout(LIMIT).expect("the device is free");
            assert!(!keeper.wants_stream() && keeper.current.is_none(), "no look holds a device that is just being left");
            assert_eq!(keeper.condition(), Condition::Works("headset".to_owned()));
        }
    }

    #[test]
    fn a_look_that_is_just_being_taken_is_waited_for_before_a_stream_is_opened() {
        let (go_on, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let mut keeper = Keeper::new(None, move |_| {
            let _ = wait.lock().expect("no test panics with it").recv_timeout(LIMIT);
            headset()
        });
        assert!(!keeper.wants_stream());
        keeper.wake();
        assert!(!keeper.wants_stream(), "both at once would be too many for a device that serves one");
        go_on.send(()).expect("it waits");
        let began = Instant::now();
        while !keeper.wants_stream() {
            assert!(began.elapsed() < LIMIT, "the look is over");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_stream_that_stops_is_replaced_at_once() {
        let mut keeper = Keeper::new(None, |_| headset());
        keeper.wake();
        assert!(keeper.wants_stream());
        let (tell, dropped) = channel();
        let stream = Stream(tell);
        keeper.keep(move |_, shared| {
            shared.called();
            headset().map(|opened| (stream, opened))
        });
        let began = Instant::now();
        while !keeper.wants_stream() {
            assert!(began.elapsed() < LIMIT, "it is silent for too long");
            std::thread::yield_now();
        }
        assert_eq!(keeper.condition(), Condition::Broken(DeviceProblem::Opening), "not yet news");
        dropped.recv_timeout(LIMIT).expect("it is gone");
    }

    #[test]
    fn a_stream_may_be_silent_at_its_beginning_and_not_later() {
        let ago = |ms| Instant::now().checked_sub(Duration::from_millis(ms)).expect("the computer runs for so long");
        assert_eq!(Shared { began: ago(1_500), ..Shared::new() }.fault(), None);
        let later = Shared { began: ago(4_000), ..Shared::new() };
        assert_eq!(later.fault(), Some(DeviceProblem::Stopped));
        later.called();
        assert_eq!(later.fault(), None);
    }

    #[test]
    fn a_device_that_does_not_open_is_tried_soon_at_first_and_then_now_and_then() {
        let mut keeper = Keeper::new(None, |_| headset());
        keeper.wake();
        let waits: Vec<u64> = (0..=QUICK_TRIES)
            .map(|_| {
                keeper.retry_at = None;
                assert!(keeper.wants_stream());
                keeper.keep(|_, _| Err::<((), Opened), _>(DeviceProblem::Stopped));
                let began = Instant::now();
                while keeper.current.is_some() {
                    assert!(!keeper.wants_stream() && began.elapsed() < LIMIT, "it is given up when its thread has told");
                    std::thread::yield_now();
                }
                keeper.retry_at.map_or(0, |at| at.saturating_duration_since(Instant::now()).as_millis() as u64)
            })
            .collect();
        let (last, quick) = waits.split_last().expect("several tries");
        assert!(quick.iter().all(|wait| (1..=1_000).contains(wait)) && *last > 3_000, "{waits:?}");
        assert!(!keeper.opens(), "nobody waits for what has failed");
    }
}
