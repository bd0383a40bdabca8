//! The call server's pure core: it decides everything and does nothing.
//!
//! Its face is [`Core::handle`], [`Core::poll`] and [`Core::next_deadline`]. The law: one input, then drain all commands, then
//! the next input. It has no clock, socket, thread, file, lock or random source; the same inputs give the same commands.
//!
//! `calls` and `acd` do not know each other; `conductor` alone translates between them.

mod acd;
mod callbacks;
mod calls;
pub mod command;
mod conductor;
mod contacts;
mod floor;
pub mod input;
mod ivr;
pub mod journal;
pub mod ledger;
pub mod origin;
pub mod plan;
pub mod snapshot;
mod spoken;
mod storm;
mod time;
mod timer;
mod turn;
pub mod voice;

pub use acd::ForecastError;
pub use command::Command;
pub use input::Input;
pub use snapshot::{CallStatus, CallStatusPhase, Snapshot};
pub use time::{Now, Time};
pub use timer::Reason;

use acd::Acd;
use callbacks::Callbacks;
use calls::Calls;
use ivr::Ivr;
use plan::Plan;
use shared::model::{Floor, InteractionId, LegId, UnixMillis};
use std::collections::{BTreeSet, VecDeque};
use storm::Storm;
use timer::Timers;
use turn::Turn;

/// The whole state of the hotline.
#[derive(Debug)]
pub struct Core {
    turn: Turn,
    calls: Calls,
    acd: Acd,
    callbacks: Callbacks,
    ivr: Ivr,
    storm: Storm,
    /// Supervisors and whom they listen to.
    watches: conductor::Watches,
    /// Agents' phones.
    phones: conductor::Phones,
    /// Who has no desktop is signed in.
    unattended_seated: bool,
    /// As it was last told.
    floor: Floor,
    stopping: bool,
}

impl Core {
    /// An empty hotline under this plan; the first INVITE gets the number `next`.
    #[must_use]
    pub fn new(plan: Plan, next: InteractionId) -> Self {
        let now = Now { time: Time(0), utc: UnixMillis(0) };
        let acd = Acd::new(&plan);
        let turn = Turn { now, plan, timers: Timers::default(), crowded: BTreeSet::new(), commands: VecDeque::new() };
        Self {
            turn,
            calls: Calls::new(next),
            acd,
            callbacks: Callbacks::default(),
            ivr: Ivr::default(),
            storm: Storm::default(),
            watches: conductor::Watches::new(),
            phones: conductor::Phones::default(),
            unattended_seated: false,
            floor: Floor::default(),
            stopping: false,
        }
    }

    /// Handles one input: fires what is due, does what the input asks for, sends away whom nobody can answer, matches calls with agents, shows changed desks.
    ///
    /// The monotonic clock never runs backwards here: an earlier time is taken as the latest one known.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.turn.now = Now { time: now.time.max(self.turn.now.time), utc: now.utc };
        while let Some(reason) = self.turn.timers.take_due(self.turn.now.time) {
            self.deadline(reason);
        }
        if !std::mem::replace(&mut self.unattended_seated, true) {
            self.follow_plan_of_phones();
        }
        self.input(input);
        self.acd.grant_breaks(&mut self.turn);
        self.leave_unstaffed();
        self.proceed_callbacks();
        self.match_all();
        self.show_changed();
    }

    /// The next command, in order; drain them all before the next input.
    pub fn poll(&mut self) -> Option<Command> {
        self.turn.commands.pop_front()
    }

    /// When [`Input::Tick`] is wanted at the latest, and why.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Time, Reason)> {
        self.turn.timers.next()
    }

    /// Whether every record is saved and nobody is signed in: after [`Input::Stop`], the moment to end the process.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.count() == 0 && self.acd.seated().is_empty()
    }

    /// To which call a leg of trunks and phones belongs, a citizen's or one beside it.
    #[must_use]
    pub fn interaction_of(&self, leg: LegId) -> Option<InteractionId> {
        self.calls.interaction_of(leg)
    }

    /// The state of everything, for status and wall.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        snapshot::take(self, now)
    }
}
