//! One citizen's call between its INVITE and its end: a stage per struct, each holding only what is then known.

use super::recording::{self, Recording};
use crate::command::{MediaCommand, SipCommand, Sound, StoreCommand, VoiceTerms};
use crate::input::{CallOffered, LegEnd};
use crate::ledger::{CallLedger, Fact, FactKind};
use crate::plan::{KeyMode, PromptName};
use crate::time::Now;
use crate::turn::Turn;
use shared::model::{AgentId, CallPhase, CallView, Caller, CallerCard, EndReason, InteractionId, KnownCaller, LegId, QueueId, Side};

/// A live call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: InteractionId,
    pub(crate) leg: LegId,
    pub(crate) caller: Caller,
    pub(crate) queue: QueueId,
    /// How often it changed the queue by rule.
    pub(crate) moves: usize,
    pub(crate) probe: bool,
    pub(crate) started: Now,
    pub(crate) card: Option<CallerCard>,
    /// What the hotline remembers about the number; who looks at it is added for each desk.
    pub(crate) known: KnownCaller,
    /// Who served the number last when it called.
    pub(crate) served: Option<AgentId>,
    pub(crate) ledger: CallLedger,
    pub(crate) recording: Recording,
    pub(crate) stage: Stage,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// The citizen hears ring-back; media was asked for a port.
    Opening,
    /// The citizen hears music; a desk may ring.
    Waiting(Waiting),
    /// Two-way audio with an agent.
    Talking(Talking),
}

/// The citizen waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// First entry into the line; never moved, whatever happens in between.
    pub(crate) entered: Now,
}

/// The citizen talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talking {
    pub(crate) entered: Now,
    pub(crate) agent: AgentId,
    pub(crate) since: Now,
    /// Entry to the answered offer, in ms.
    pub(crate) waited_ms: u64,
}

impl Call {
    /// Notes a fact for the store.
    pub(crate) fn note(&mut self, turn: &mut Turn, kind: FactKind) {
        let fact = match kind {
            FactKind::Offered { agent } => self.ledger.offered(turn.now, agent),
            FactKind::Queued { queue } => self.ledger.queued(turn.now, queue),
            FactKind::Entered
            | FactKind::Answered
            | FactKind::Overflowed { .. }
            | FactKind::Blocked { .. }
            | FactKind::Favoured { .. }
            | FactKind::LastAgent { .. }
            | FactKind::TurnedAway { .. }
            | FactKind::Foretold { .. }
            | FactKind::Announced { .. }
            | FactKind::Decided(_)
            | FactKind::OfferEnded { .. }
            | FactKind::Connected { .. }
            | FactKind::Parted { .. }
            | FactKind::Ended { .. } => self.ledger.fact(turn.now, kind),
        };
        store_fact(turn, fact);
    }

    /// Media is open: the call is answered, hears music and waits.
    pub(crate) fn answered(&mut self, turn: &mut Turn, answer: crate::command::SessionText) {
        let leg = self.leg;
        turn.sip(SipCommand::Answer { leg, answer });
        turn.media(MediaCommand::Play { leg, sound: Sound::Music });
        self.note(turn, FactKind::Answered);
        self.note(turn, FactKind::Queued { queue: self.queue });
        self.stage = Stage::Waiting(Waiting { entered: turn.now });
        if !self.probe && self.caller.number.is_some() {
            turn.store(StoreCommand::FindCard { interaction: self.id, caller: self.caller.clone() });
        }
    }

    /// The waiting citizen hears prompts, and then music again.
    pub(crate) fn tell(&mut self, turn: &mut Turn, prompts: Vec<PromptName>) {
        turn.media(MediaCommand::Announce { leg: self.leg, prompts: prompts.clone(), then: Sound::Music });
        self.note(turn, FactKind::Announced { prompts });
    }

    /// An agent accepted: joins the two, starts the recording.
    pub(crate) fn connect(&mut self, turn: &mut Turn, waiting: Waiting, agent: AgentId, agent_leg: LegId, rang: Now) {
        self.recording = self.recording.begin(turn, self.id);
        self.join(turn, agent_leg);
        let fact = self.ledger.connected(turn.now, agent, recording::id(self.id));
        store_fact(turn, fact);
        let waited_ms = rang.time.since(waiting.entered.time);
        self.stage = Stage::Talking(Talking { entered: waiting.entered, agent, since: turn.now, waited_ms });
    }

    /// Joins the citizen with an agent's leg.
    pub(crate) fn join(&self, turn: &mut Turn, agent: LegId) {
        turn.media(MediaCommand::Connect { citizen: self.leg, agent, recording: recording::id(self.id) });
    }

    /// The same agent goes on over another leg: the segment runs on.
    pub(crate) fn rejoin(&self, turn: &mut Turn, agent: LegId) {
        turn.media(MediaCommand::Disconnect { citizen: self.leg });
        self.join(turn, agent);
    }

    /// The agent's audio leaves the citizen.
    pub(crate) fn part(&mut self, turn: &mut Turn) {
        turn.media(MediaCommand::Disconnect { citizen: self.leg });
        if let Some(fact) = self.ledger.parted(turn.now) {
            store_fact(turn, fact);
        }
    }

    /// The agent is gone in mid-call: music again, and the place of the first entry.
    pub(crate) fn back_to_line(&mut self, turn: &mut Turn, talking: Talking) {
        self.part(turn);
        turn.media(MediaCommand::Play { leg: self.leg, sound: Sound::Music });
        self.note(turn, FactKind::Queued { queue: self.queue });
        self.stage = Stage::Waiting(Waiting { entered: talking.entered });
    }

    /// Tells SIP to end the leg, in the way that fits the stage.
    pub(crate) fn close_leg(&self, turn: &mut Turn, reason: EndReason) {
        let leg = self.leg;
        turn.sip(match self.stage {
            Stage::Opening => SipCommand::Refuse { leg, reason },
            Stage::Waiting(_) | Stage::Talking(_) => SipCommand::HangUp { leg, reason },
        });
    }

    /// The end reason when the citizen's leg ends by itself.
    pub(crate) fn reason_of(&self, cause: LegEnd) -> EndReason {
        match (self.stage, cause) {
            (
                _,
                LegEnd::Timeout
                | LegEnd::Unreachable
                | LegEnd::Expired
                | LegEnd::Refused { .. }
                | LegEnd::ProtocolError
                | LegEnd::AsCommanded,
            ) => EndReason::SignallingTimeout,
            (Stage::Opening, LegEnd::ByeReceived | LegEnd::CancelReceived) => EndReason::CancelledBeforeAnswer,
            (Stage::Waiting(_), LegEnd::ByeReceived | LegEnd::CancelReceived) => self.unserved(EndReason::Abandoned),
            (Stage::Talking(_), LegEnd::ByeReceived | LegEnd::CancelReceived) => EndReason::CallerHungUp,
        }
    }

    /// A wait that follows a talk exists only because the agent was lost; an answered call is never counted as abandoned.
    pub(crate) fn unserved(&self, otherwise: EndReason) -> EndReason {
        if self.ledger.was_answered() { EndReason::AgentLost } else { otherwise }
    }

    /// The call as it rings at a desk since `since`.
    pub(crate) fn ringing_view(&self, turn: &Turn, since: Now) -> CallView {
        let entered = match self.stage {
            Stage::Opening => self.started,
            Stage::Waiting(waiting) => waiting.entered,
            Stage::Talking(talking) => talking.entered,
        };
        self.view(turn, CallPhase::Ringing, since, since.time.since(entered.time))
    }

    /// The call as its agent sees it.
    pub(crate) fn talking_view(&self, turn: &Turn) -> Option<CallView> {
        match self.stage {
            Stage::Talking(talking) => Some(self.view(turn, CallPhase::Talking, talking.since, talking.waited_ms)),
            Stage::Opening | Stage::Waiting(_) => None,
        }
    }

    fn view(&self, turn: &Turn, phase: CallPhase, since: Now, waited_ms: u64) -> CallView {
        CallView {
            interaction: self.id,
            caller: self.caller.clone(),
            card: self.card.clone(),
            queue: turn.queue(self.queue).name.clone(),
            waited_ms,
            phase,
            since: since.utc,
            known: self.known.clone(),
        }
    }
}

/// How a call ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// Why.
    pub(crate) reason: EndReason,
    /// Which side did it.
    pub(crate) by: Side,
    /// The leg ended by itself: SIP needs no command.
    pub(crate) leg_gone: bool,
}

impl Ending {
    /// The server ends it.
    pub(crate) fn by_server(reason: EndReason) -> Self {
        Self { reason, by: Side::Server, leg_gone: false }
    }
}

/// Asks for a citizen's voice path, as the trunk wants it.
pub(crate) fn open_voice(turn: &mut Turn, offered: &CallOffered) {
    let leg = offered.leg;
    let voice = turn.plan.trunks.get(&offered.trunk).map(|trunk| trunk.voice.clone()).unwrap_or_default();
    let hears_tones = voice.keys == KeyMode::InBand;
    let terms = VoiceTerms { voice, encrypted: offered.origin.encrypted, ipv6: offered.origin.ipv6 };
    turn.media(MediaCommand::OpenTrunk { leg, offer: offered.offer.clone(), terms });
    if hears_tones {
        turn.media(MediaCommand::HearTones { leg });
    }
}

/// Hands a fact to the store.
pub(crate) fn store_fact(turn: &mut Turn, fact: Fact) {
    turn.store(StoreCommand::Note(fact));
}
