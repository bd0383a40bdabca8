//! What the core's own numbers stand for in a run, so that a shorter run, in which they come out differently, can still be told the same.

use call_core::command::{AgentCommand, MediaCommand, StoreCommand};
use call_core::input::AgentAction;
use call_core::{Command, Input};
use shared::model::{AgentId, InteractionId, LegId, OfferId, RecordingId, RequestId, SessionId, SupervisorAct};
use std::collections::BTreeMap;

/// What stands for the leg of a call of ours: this and the number of the wish.
const WISHED: u64 = 1 << 60;

/// The names of one run, and of those after each crash in it.
#[derive(Default, Clone)]
pub(crate) struct Names {
    runs: Vec<Run>,
}

/// Numbers that the core has given, by what they stand for, and the other way round.
#[derive(Default, Clone)]
struct Run {
    calls: Both<InteractionId, LegId>,
    voices: Both<LegId, SessionId>,
    /// Legs of ours, by the wish that wanted them.
    ours: Both<LegId, RequestId>,
    /// The call, the agent, and which of that agent's offers for that call.
    offers: Both<OfferId, (LegId, AgentId, usize)>,
}

#[derive(Clone)]
struct Both<N, M> {
    meaning: BTreeMap<N, M>,
    number: BTreeMap<M, N>,
}

impl<N, M> Default for Both<N, M> {
    fn default() -> Self {
        Self { meaning: BTreeMap::new(), number: BTreeMap::new() }
    }
}

impl<N: Ord + Copy, M: Ord + Copy> Both<N, M> {
    fn set(&mut self, number: N, meaning: M) {
        self.meaning.insert(number, meaning);
        self.number.insert(meaning, number);
    }

    /// The number that another run has for the same thing.
    fn there(&self, number: N, other: &Self) -> Option<N> {
        other.number.get(self.meaning.get(&number)?).copied()
    }
}

impl Names {
    fn run(&mut self) -> &mut Run {
        if self.runs.is_empty() {
            self.runs.push(Run::default());
        }
        self.runs.last_mut().expect("there is one")
    }

    /// A fresh core begins to number anew.
    pub(crate) fn next_run(&mut self) {
        self.run();
        self.runs.push(Run::default());
    }

    /// A command of the core may give a number to something.
    pub(crate) fn learn(&mut self, command: &Command, input: Option<&Input>) {
        let run = self.run();
        match (command, input) {
            (Command::Store(StoreCommand::Open { interaction, .. }), Some(Input::CallOffered(offered))) => {
                run.calls.set(*interaction, offered.leg);
            }
            (Command::Store(StoreCommand::Open { interaction, .. }), Some(Input::AgentAsked { request, .. })) => {
                run.calls.set(*interaction, LegId(WISHED | request.0));
            }
            (Command::Media(MediaCommand::OfferTrunk { leg, .. }), Some(Input::AgentAsked { request, .. })) => {
                run.ours.set(*leg, *request);
            }
            (Command::Media(MediaCommand::OpenAgent { leg, .. }), Some(Input::AgentArrived { session, .. })) => {
                run.voices.set(*leg, *session);
            }
            (Command::Agent(AgentCommand::Show { agent, desk, .. }), _) => {
                let Some(view) = &desk.offer else { return };
                let Some(leg) = run.calls.meaning.get(&view.call.interaction).copied() else { return };
                if !run.offers.meaning.contains_key(&view.offer) {
                    let earlier = run.offers.number.range((leg, *agent, 0)..=(leg, *agent, usize::MAX)).count();
                    run.offers.set(view.offer, (leg, *agent, earlier));
                }
            }
            _ => {}
        }
    }

    /// The input as another run has to be told it, in which as many crashes came before; `None` if what it speaks of does not exist there.
    pub(crate) fn translate(&self, crashes: usize, input: &Input, there: &Self) -> Option<Input> {
        let (empty, none) = (Run::default(), Run::default());
        let (here, there) = (self.runs.get(crashes).unwrap_or(&empty), there.runs.get(crashes).unwrap_or(&none));
        // What was not begun by anybody, an attempt to call back, keeps its number.
        let unnamed = |interaction: &InteractionId| !here.calls.meaning.contains_key(interaction);
        let call = |interaction: InteractionId| here.calls.there(interaction, &there.calls).or(Some(interaction).filter(unnamed));
        let recording = |recording: RecordingId| Some(RecordingId::of(call(recording.interaction())?, recording.track()));
        let leg = |leg: LegId| match leg.0 >> 61 {
            0 => Some(leg),
            // What nobody wished for, an attempt to call back, keeps its number.
            1 => here.ours.there(leg, &there.ours).or(Some(leg).filter(|leg| !here.ours.meaning.contains_key(leg))),
            _ => here.voices.there(leg, &there.voices),
        };
        let offer = |offer: OfferId| here.offers.there(offer, &there.offers);
        Some(match input.clone() {
            Input::LegRinging { leg: old, early } => Input::LegRinging { leg: leg(old)?, early },
            Input::LegWantsOffer { leg: old, terms } => Input::LegWantsOffer { leg: leg(old)?, terms },
            Input::LegAnswered { leg: old, answer } => Input::LegAnswered { leg: leg(old)?, answer },
            Input::LegEnded { leg: old, cause } => Input::LegEnded { leg: leg(old)?, cause },
            Input::MediaOpened { leg: old, answer } => Input::MediaOpened { leg: leg(old)?, answer },
            Input::MediaFailed { leg: old, reason } => Input::MediaFailed { leg: leg(old)?, reason },
            Input::AgentMediaOpened { agent, leg: old, access } => Input::AgentMediaOpened { agent, leg: leg(old)?, access },
            Input::AgentMediaReachable { leg: old, reachable } => Input::AgentMediaReachable { leg: leg(old)?, reachable },
            Input::CardFound { interaction, card } => Input::CardFound { interaction: call(interaction)?, card },
            Input::RecordingRowStored { recording: old } => Input::RecordingRowStored { recording: recording(old)? },
            Input::RecordingFinished { recording: old, outcome } => Input::RecordingFinished { recording: recording(old)?, outcome },
            Input::AgentAsked { agent, session, request, action } => {
                let action = match action {
                    AgentAction::Accept(old) => AgentAction::Accept(offer(old)?),
                    AgentAction::Reject(old) => AgentAction::Reject(offer(old)?),
                    AgentAction::HangUp(old) => AgentAction::HangUp(call(old)?),
                    AgentAction::Call(old, function) => AgentAction::Call(call(old)?, function),
                    AgentAction::Supervise(act, reason) => {
                        let act = match act {
                            SupervisorAct::Move { interaction, queue } => SupervisorAct::Move { interaction: call(interaction)?, queue },
                            SupervisorAct::PickUp { interaction } => SupervisorAct::PickUp { interaction: call(interaction)? },
                            other => other,
                        };
                        AgentAction::Supervise(act, reason)
                    }
                    other => other,
                };
                Input::AgentAsked { agent, session, request, action }
            }
            other => other,
        })
    }

    /// Whom an input is about.
    pub(crate) fn subject(&self, crashes: usize, input: &Input) -> Subject {
        let empty = Run::default();
        let run = self.runs.get(crashes).unwrap_or(&empty);
        let call = |interaction: InteractionId| run.calls.meaning.get(&interaction).map_or(Subject::House, |leg| Subject::Call(*leg));
        match input {
            Input::CallOffered(offered) => Subject::Call(offered.leg),
            Input::LegConfirmed { leg }
            | Input::FarDescribed { leg, .. }
            | Input::LegEnded { leg, .. }
            | Input::MediaOpened { leg, .. }
            | Input::Digit { leg, .. }
            | Input::AnnouncementEnded { leg, .. }
                if leg.0 >> 61 == 0 =>
            {
                Subject::Call(*leg)
            }
            Input::MediaFailed { leg, .. } if leg.0 >> 61 == 0 => Subject::Call(*leg),
            Input::MediaFailed { leg, .. } | Input::AgentMediaReachable { leg, .. } => {
                run.voices.meaning.get(leg).map_or(Subject::House, |session| Subject::Session(*session))
            }
            Input::AgentArrived { session, .. }
            | Input::AgentDisconnected { session, .. }
            | Input::AgentResumed { session, .. }
            | Input::AgentAttentive { session, .. }
            | Input::AgentAsked { session, .. } => Subject::Session(*session),
            Input::AgentMediaOpened { leg, .. } => run.voices.meaning.get(leg).map_or(Subject::House, |session| Subject::Session(*session)),
            Input::CardFound { interaction, .. } => call(*interaction),
            Input::RecordingRowStored { recording } | Input::RecordingFinished { recording, .. } => call(recording.interaction()),
            _ => Subject::House,
        }
    }
}

/// Whom an input is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The whole house.
    House,
    /// One citizen's call.
    Call(LegId),
    /// One sign-in.
    Session(SessionId),
}
