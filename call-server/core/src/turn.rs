//! What a room may use while one input is handled: the time, the plan, the deadlines and a place for its commands.

use crate::command::{AgentCommand, CallTo, Command, MediaCommand, RecordingCommand, SipCommand, StoreCommand};
use crate::plan::{Day, DialledKind, Membership, Plan, QueuePlan};
use crate::time::Now;
use crate::timer::Timers;
use shared::model::{QueueId, Refusal};
use std::collections::{BTreeSet, VecDeque};

/// Shared by the rooms of the core, one at a time.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The instant of the input being handled.
    pub(crate) now: Now,
    /// What the configuration says.
    pub(crate) plan: Plan,
    /// Deadlines.
    pub(crate) timers: Timers,
    /// Media's threads that have no time for another voice in a talk that runs.
    pub(crate) crowded: BTreeSet<u8>,
    /// Commands not yet polled.
    pub(crate) commands: VecDeque<Command>,
}

impl Turn {
    /// Whether another voice may come to the talk that is on this thread of media's, or to any, if it is not known yet which that will be.
    /// An emergency is not asked: media keeps a reserve for it.
    ///
    /// # Errors
    /// [`Refusal::NoCapacity`].
    pub(crate) fn room_for_a_voice(&self, thread: Option<u8>) -> Result<(), Refusal> {
        let is_crowded = thread.map_or(!self.crowded.is_empty(), |thread| self.crowded.contains(&thread));
        if is_crowded { Err(Refusal::NoCapacity) } else { Ok(()) }
    }

    /// Whether this is 110, 119, 120 or the like.
    pub(crate) fn is_emergency(&self, to: &CallTo) -> bool {
        matches!(to, CallTo::Number(number) if self.plan.dialled_kind(number) == DialledKind::Emergency)
    }

    /// A queue that a live call is in.
    pub(crate) fn queue(&self, queue: QueueId) -> &QueuePlan {
        self.plan.queues.get(&queue).expect("queues of live calls are kept over a change of plan")
    }

    /// Whether an agent serves a queue.
    pub(crate) fn serves(&self, agent: shared::model::AgentId, queue: QueueId) -> bool {
        self.plan.agents.get(&agent).is_some_and(|plan| plan.queues.contains(&queue))
    }

    /// The local day of the input being handled.
    pub(crate) fn today(&self) -> Day {
        self.plan.calendars.local(self.now.utc).day
    }

    /// An agent's part in a queue.
    pub(crate) fn membership(&self, agent: shared::model::AgentId, queue: QueueId) -> Membership {
        self.plan.agents.get(&agent).and_then(|plan| plan.memberships.get(&queue)).copied().unwrap_or_default()
    }

    pub(crate) fn sip(&mut self, command: SipCommand) {
        self.commands.push_back(Command::Sip(command));
    }

    pub(crate) fn media(&mut self, command: MediaCommand) {
        self.commands.push_back(Command::Media(command));
    }

    pub(crate) fn recording(&mut self, command: RecordingCommand) {
        self.commands.push_back(Command::Recording(command));
    }

    pub(crate) fn store(&mut self, command: StoreCommand) {
        self.commands.push_back(Command::Store(command));
    }

    pub(crate) fn agent(&mut self, command: AgentCommand) {
        self.commands.push_back(Command::Agent(command));
    }
}
