//! When the window hears of what. Each message makes iced lay out and draw everything anew, so the window hears at once only of what a
//! person waits for; the rest comes with the next beat, and the running clocks with it.

use super::Message;
use crate::client::Snapshot;
use iced::futures::{Stream, stream};
use std::hash::{Hash, Hasher};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// The clocks go on this often.
const SECOND: Duration = Duration::from_secs(1);

/// What on the screen moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// Nothing.
    Still,
    /// Clocks.
    Clocks,
    /// Clocks, and levels of microphone and loudspeaker.
    Levels,
    /// What moves is not seen; whether somebody sits here is still looked after.
    Hidden,
}

impl Pace {
    fn beat(self) -> Duration {
        match self {
            Self::Still | Self::Clocks => SECOND,
            Self::Levels => SECOND / 10,
            Self::Hidden => 10 * SECOND,
        }
    }

    /// The longest time without a message.
    fn longest(self) -> Option<Duration> {
        match self {
            Self::Still => None,
            Self::Clocks | Self::Levels => Some(SECOND),
            Self::Hidden => Some(self.beat()),
        }
    }
}

/// The session's snapshots at a pace.
#[derive(Clone)]
pub(super) struct Paced {
    pub(super) snapshots: watch::Receiver<Snapshot>,
    pub(super) pace: Pace,
}

/// Another pace is another stream; the snapshots are one for the life of the program.
impl Hash for Paced {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pace.hash(state);
    }
}

/// Snapshots and seconds as they are to be shown.
pub(super) fn paced(from: &Paced) -> impl Stream<Item = Message> + use<> {
    let Paced { snapshots, pace } = from.clone();
    let now = Instant::now();
    let mut beat = interval_at(now + pace.beat(), pace.beat());
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let source = Source { snapshots, beat, told: Told::new(pace, now) };
    stream::unfold(Some(source), |source| async move {
        let mut source = source?;
        match source.next().await {
            Some(message) => Some((message, Some(source))),
            None => Some((Message::EngineStopped, None)),
        }
    })
}

struct Source {
    snapshots: watch::Receiver<Snapshot>,
    beat: Interval,
    told: Told,
}

impl Source {
    /// `None` when the session's thread is gone.
    async fn next(&mut self) -> Option<Message> {
        loop {
            let message = tokio::select! {
                changed = self.snapshots.changed() => {
                    changed.ok()?;
                    let newest = self.snapshots.borrow_and_update().clone();
                    self.told.news(newest, Instant::now())
                }
                now = self.beat.tick() => self.told.beat(now),
            };
            if message.is_some() {
                return message;
            }
        }
    }
}

/// What the window has been told, and what it has not.
struct Told {
    pace: Pace,
    /// What it shows; `None` before the first message.
    shown: Option<Snapshot>,
    /// Something newer that can wait for the beat.
    waits: Option<Snapshot>,
    at: Instant,
}

impl Told {
    fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, shown: None, waits: None, at: now }
    }

    /// The session has something new.
    fn news(&mut self, newest: Snapshot, now: Instant) -> Option<Message> {
        if self.shown.as_ref().is_none_or(|shown| is_urgent(shown, &newest)) {
            return Some(self.show(newest, now));
        }
        self.waits = Some(newest);
        None
    }

    /// The beat is there.
    fn beat(&mut self, now: Instant) -> Option<Message> {
        if let Some(newest) = self.waits.take() {
            return Some(self.show(newest, now));
        }
        // A beat that comes a moment early is not worth another one.
        let due = self.pace.longest().is_some_and(|longest| now + self.pace.beat() / 2 >= self.at + longest);
        due.then(|| {
            self.at = now;
            Message::Second
        })
    }

    fn show(&mut self, newest: Snapshot, now: Instant) -> Message {
        self.at = now;
        self.waits = None;
        self.shown = Some(newest.clone());
        Message::Shown(Box::new(newest))
    }
}

/// Whether anything differs but what can wait for a second: figures and lists that change by themselves.
fn is_urgent(shown: &Snapshot, newest: &Snapshot) -> bool {
    let mut view = newest.view.clone();
    view.agents.clone_from(&shown.view.agents);
    view.waiting.clone_from(&shown.view.waiting);
    view.health.clone_from(&shown.view.health);
    view.round_trip_ms = shown.view.round_trip_ms;
    view.clock_offset_ms = shown.view.clock_offset_ms;
    view.voice.microphone_level = shown.view.voice.microphone_level;
    view.voice.speaker_level = shown.view.voice.speaker_level;
    view.voice.loss_permille = shown.view.voice.loss_permille;
    newest.ringing != shown.ringing || view != shown.view
}

#[cfg(test)]
mod tests {
    use super::*;
    use desktop_core::{Me, View};
    use iced::futures::{StreamExt, executor::block_on};
    use shared::model::{AgentId, TalkHealth};
    use std::sync::Arc;

    const TENTH: Duration = Duration::from_millis(100);

    fn shown(message: Option<Message>) -> View {
        match message {
            Some(Message::Shown(snapshot)) => snapshot.view,
            Some(Message::Second) => panic!("a second instead of something to show"),
            Some(_) | None => panic!("nothing to show"),
        }
    }

    fn is_second(message: &Option<Message>) -> bool {
        matches!(message, Some(Message::Second))
    }

    fn asked(asked: bool, level: u8) -> Snapshot {
        let mut snapshot = Snapshot { view: View { asked, ..View::default() }, ringing: false };
        snapshot.view.voice.microphone_level = level;
        snapshot
    }

    #[test]
    fn what_a_person_waits_for_is_shown_at_once_and_the_rest_together_with_the_next_second() {
        let begun = Instant::now();
        let mut told = Told::new(Pace::Clocks, begun);
        assert!(shown(told.news(asked(true, 0), begun)).asked);
        assert!(told.news(asked(true, 40), begun).is_none(), "a level alone is not worth a picture");
        let view = shown(told.news(asked(false, 40), begun));
        assert_eq!((view.asked, view.voice.microphone_level), (false, 40));
        let mut newest = asked(false, 50);
        assert!(told.news(newest.clone(), begun).is_none());
        newest.view.agents = Some(Arc::default());
        newest.view.round_trip_ms = Some(12);
        assert!(told.news(newest.clone(), begun).is_none());
        assert_eq!(shown(told.beat(begun + SECOND)), newest.view, "in one");
        assert!(is_second(&told.beat(begun + 2 * SECOND)), "the clocks go on without news");
    }

    #[test]
    fn figures_and_lists_that_change_by_themselves_wait_for_the_beat() {
        let begun = Instant::now();
        let changes: [fn(&mut View); 8] = [
            |view| view.agents = Some(Arc::default()),
            |view| view.waiting = Some(Vec::new()),
            |view| view.health = Some(TalkHealth::default()),
            |view| view.round_trip_ms = Some(12),
            |view| view.clock_offset_ms = 7,
            |view| view.voice.microphone_level = 40,
            |view| view.voice.speaker_level = 40,
            |view| view.voice.loss_permille = 9,
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let mut told = Told::new(Pace::Clocks, begun);
            let mut newest = asked(true, 0);
            let _ = told.news(newest.clone(), begun);
            change(&mut newest.view);
            assert!(told.news(newest.clone(), begun).is_none(), "change {place} is worth no picture of its own");
            assert_eq!(shown(told.beat(begun + SECOND)), newest.view, "change {place}");
        }
    }

    #[test]
    fn what_waited_is_never_shown_after_something_newer() {
        let begun = Instant::now();
        let mut told = Told::new(Pace::Clocks, begun);
        let _ = told.news(asked(true, 0), begun);
        assert!(told.news(asked(true, 40), begun).is_none());
        assert_eq!(shown(told.news(asked(false, 50), begun)).voice.microphone_level, 50);
        assert!(is_second(&told.beat(begun + SECOND)));
    }

    #[test]
    fn a_beat_that_comes_a_moment_early_is_not_skipped() {
        let begun = Instant::now();
        for pace in [Pace::Clocks, Pace::Levels, Pace::Hidden] {
            let mut told = Told::new(pace, begun);
            let longest = pace.longest().expect("all but the still one");
            let early = begun + longest - Duration::from_millis(3);
            assert!(is_second(&told.beat(early)), "{pace:?}");
            assert!(told.beat(early).is_none(), "{pace:?}: not twice");
        }
    }

    #[test]
    fn another_pace_is_another_stream_and_the_same_one_is_the_same() {
        let (_sender, snapshots) = watch::channel(Snapshot::default());
        let name = |pace| {
            let mut hasher = std::hash::DefaultHasher::new();
            Paced { snapshots: snapshots.clone(), pace }.hash(&mut hasher);
            hasher.finish()
        };
        let all = [Pace::Still, Pace::Clocks, Pace::Levels, Pace::Hidden];
        for (place, pace) in all.into_iter().enumerate() {
            assert_eq!(name(pace), name(pace));
            assert!(all[..place].iter().all(|other| name(*other) != name(pace)), "{pace:?}");
        }
    }

    #[test]
    fn whoever_signs_in_or_is_rung_up_does_not_wait() {
        let begun = Instant::now();
        let mut told = Told::new(Pace::Clocks, begun);
        let _ = told.news(Snapshot::default(), begun);
        let me = Me { agent: AgentId(7), number: "1007".to_owned(), name: String::new() };
        let mut newest = Snapshot { view: View { me: Some(me), ..View::default() }, ringing: false };
        assert!(told.news(newest.clone(), begun).is_some());
        newest.ringing = true;
        assert!(told.news(newest, begun).is_some());
    }

    #[test]
    fn a_level_that_is_seen_moves_ten_times_a_second_and_a_still_one_once() {
        let begun = Instant::now();
        let mut told = Told::new(Pace::Levels, begun);
        assert_eq!(Pace::Levels.beat(), TENTH);
        let _ = told.news(asked(true, 0), begun);
        assert!(told.news(asked(true, 7), begun).is_none());
        assert_eq!(shown(told.beat(begun + TENTH)).voice.microphone_level, 7);
        let later: Vec<_> = (2..=11).map(|beat| told.beat(begun + beat * TENTH)).collect();
        assert_eq!(later.iter().filter(|message| message.is_some()).count(), 1);
        assert!(is_second(&later[9]), "a second after what was shown last");
    }

    #[test]
    fn a_still_screen_hears_of_news_alone_and_a_hidden_one_of_the_time_now_and_then() {
        let begun = Instant::now();
        let mut still = Told::new(Pace::Still, begun);
        assert!((1..100).all(|second| still.beat(begun + second * SECOND).is_none()));
        assert!(still.news(asked(true, 0), begun).is_some());
        let mut hidden = Told::new(Pace::Hidden, begun);
        assert!(is_second(&hidden.beat(begun + Pace::Hidden.beat())) && Pace::Hidden.beat() == 10 * SECOND);
    }

    #[test]
    fn each_pace_is_a_stream_of_its_own_that_begins_with_what_there_is() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let _inside = runtime.enter();
        let (sender, snapshots) = watch::channel(Snapshot::default());
        sender.send_replace(asked(true, 0));
        for pace in [Pace::Clocks, Pace::Levels] {
            let mut messages = Box::pin(paced(&Paced { snapshots: snapshots.clone(), pace }));
            assert!(shown(block_on(messages.next())).asked);
        }
        let mut messages = Box::pin(paced(&Paced { snapshots, pace: Pace::Clocks }));
        let _ = block_on(messages.next());
        drop(sender);
        assert!(matches!(block_on(messages.next()), Some(Message::EngineStopped)));
        assert!(block_on(messages.next()).is_none(), "told once");
    }
}
