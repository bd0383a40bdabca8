//! What agents do with calls, translated between `calls` and `acd`: a colleague who is asked, a hand-over, somebody who leaves. After each
//! step every agent of the call does what the call says (5.3).

use crate::Core;
use crate::acd::{OfferOver, TalkMode};
use crate::calls::{Called, Ending, Gone, HOLD_EMERGENCY, Reached, Role, Stage, Voice};
use crate::command::{BUSY_TONE, CallTo, MediaCommand, SessionText, SipCommand, Sound, StoreCommand};
use crate::input::LegEnd;
use crate::ledger::{FactKind, OfferEnd};
use crate::plan::{DialledKind, PromptName};
use crate::spoken;
use shared::model::{
    AgentId, AsideKind, CallFunction, CallNews, DialResult, Direction, EndReason, InteractionId, LegId, PhoneNumber, QueueId, Refusal,
    Side, Target,
};

impl Core {
    /// 外拨 (1-4).
    pub(super) fn dial(&mut self, agent: AgentId, number: &PhoneNumber) -> Result<(), Refusal> {
        let found = self.acd.agent(agent).ok_or(Refusal::WrongState)?;
        found.may_dial()?;
        let voice = Voice { leg: found.voice(), speaks: !found.needs_phone() };
        if self.stopping || self.calls.count() >= self.turn.plan.limits.max_interactions {
            return Err(Refusal::WrongState);
        }
        let to = self.number_to_call(agent, number)?;
        let plan = &self.turn.plan;
        let queue = plan.agents.get(&agent).and_then(|plan| plan.queues.iter().find(|queue| self.turn.plan.queues.contains_key(queue)));
        let queue = *queue.ok_or(Refusal::NoSuchTarget)?;
        self.unwatch(agent);
        let interaction = self.calls.dial(&mut self.turn, (agent, voice), to.clone(), queue);
        self.note_emergency(agent, interaction, to);
        self.recognise(interaction);
        self.with_agent(agent, |agent, turn| agent.dial(turn, interaction, queue));
        Ok(())
    }

    /// Where a number leads that an agent dials, if the agent may.
    fn number_to_call(&self, agent: AgentId, number: &PhoneNumber) -> Result<CallTo, Refusal> {
        let plan = &self.turn.plan;
        let class = plan.agents.get(&agent).ok_or(Refusal::MayNotDial)?.class;
        if !class.may_dial(plan.dialled_kind(number)) {
            return Err(Refusal::MayNotDial);
        }
        self.way_out(number).ok_or(Refusal::MayNotDial)
    }

    /// Where a number leads that is dialled from here; none if it is our own, or none at all.
    pub(super) fn way_out(&self, number: &PhoneNumber) -> Option<CallTo> {
        match self.turn.plan.dialled_kind(number) {
            DialledKind::Hotline(_) | DialledKind::Unknown => None,
            DialledKind::Extension => Some(CallTo::Phone(number.clone())),
            DialledKind::Emergency | DialledKind::Local | DialledKind::National | DialledKind::International => {
                Some(CallTo::Number(number.clone()))
            }
        }
    }

    /// A wish of an agent about a call.
    pub(super) fn function(&mut self, agent: AgentId, interaction: InteractionId, function: CallFunction) -> Result<(), Refusal> {
        let call = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?;
        if call.owner() != Some(agent) {
            return Err(Refusal::NoSuchCall);
        }
        let queue = call.queue;
        // Whoever does something has seen what was told; the same may then be told again.
        let seen = self.acd.agent_mut(agent).and_then(|agent| agent.notice.take());
        let done = self.own_function(agent, (interaction, queue), function);
        if done.is_err() {
            self.with_agent(agent, |agent, _| agent.notice = seen);
        }
        done?;
        self.follow_call(interaction);
        Ok(())
    }

    fn own_function(
        &mut self,
        agent: AgentId,
        (interaction, queue): (InteractionId, QueueId),
        function: CallFunction,
    ) -> Result<(), Refusal> {
        let turn = &mut self.turn;
        match function {
            CallFunction::Hold => self.calls.hold(turn, interaction),
            CallFunction::Retrieve => self.calls.retrieve(turn, interaction),
            CallFunction::Swap => self.calls.swap(turn, interaction),
            CallFunction::Merge => self.merge(interaction),
            CallFunction::MuteParty { party, muted } => self.calls.mute_party(turn, interaction, party, muted),
            CallFunction::PressKeys { keys } => self.calls.press(turn, interaction, &keys),
            CallFunction::PauseRecording => self.calls.pause_recording(turn, interaction),
            CallFunction::ResumeRecording => self.calls.resume_recording(turn, interaction, false),
            CallFunction::Consult { to } => self.call_aside(agent, interaction, AsideKind::Consult, to),
            CallFunction::Invite { to } => self.call_aside(agent, interaction, AsideKind::Invite, to),
            CallFunction::Transfer { to: Target::Queue(to) } => self.send_to_queue(agent, (interaction, queue), to),
            CallFunction::Transfer { to: Target::Node(to) } => self.send_to_node(agent, (interaction, queue), to),
            CallFunction::Transfer { to } => self.call_aside(agent, interaction, AsideKind::Transfer, to),
            CallFunction::Complete => self.complete(interaction),
            CallFunction::Cancel => self.cancel_aside(interaction),
            CallFunction::Leave => self.leave(interaction),
            CallFunction::DropParty { party } => {
                let gone = self.calls.drop_party(turn, interaction, party)?;
                self.party_leaves((interaction, queue), &gone);
                Ok(())
            }
        }
    }

    /// Calls a colleague, somebody of a queue or a number beside the citizen.
    fn call_aside(&mut self, agent: AgentId, interaction: InteractionId, kind: AsideKind, to: Target) -> Result<(), Refusal> {
        self.calls.may_call(&self.turn, interaction, kind)?;
        let called = match to {
            Target::Agent(other) => self.colleague(agent, other)?,
            Target::Queue(queue) if !self.turn.plan.queues.contains_key(&queue) => return Err(Refusal::NoSuchTarget),
            Target::Queue(queue) => Called::Colleague(self.acd.free_in(&self.turn, queue, agent).ok_or(Refusal::NotAvailable)?),
            Target::Number(number) => Called::Outside(self.number_to_call(agent, number.reveal())?),
            // Nobody is there to be consulted, or to take part.
            Target::Node(_) => return Err(Refusal::NoSuchTarget),
        };
        let (queue, thread) = self.calls.get(interaction).map(|call| (call.queue, call.thread)).ok_or(Refusal::NoSuchCall)?;
        match (&called, kind) {
            // The citizen goes on with one person, as before.
            (Called::Colleague(_), AsideKind::Transfer) => {}
            (Called::Outside(to), _) if self.turn.is_emergency(to) => {}
            (Called::Colleague(_), AsideKind::Consult | AsideKind::Invite) | (Called::Outside(_), _) => {
                self.turn.room_for_a_voice(Some(thread))?;
            }
        }
        if let Called::Colleague(other) = &called {
            let mode = if kind == AsideKind::Consult { TalkMode::Consult } else { TalkMode::Talk };
            let ring_ms = self.turn.plan.limits.functions.aside_ms;
            self.acd.ring_for_colleague(&mut self.turn, *other, (interaction, queue), mode, ring_ms);
            if let Some(call) = self.calls.get_mut(interaction) {
                call.note(&mut self.turn, FactKind::Offered { agent: *other });
            }
        }
        if let Called::Outside(to) = &called {
            self.note_emergency(agent, interaction, to.clone());
        }
        self.calls.call_aside(&mut self.turn, interaction, kind, called);
        Ok(())
    }

    /// 110, 119, 120: supervisors are told at once, and the recordings are evidence from now on.
    fn note_emergency(&mut self, agent: AgentId, interaction: InteractionId, to: CallTo) {
        if !self.turn.is_emergency(&to) {
            return;
        }
        let at = self.turn.now.utc;
        self.turn.store(StoreCommand::HoldRecordings { interaction, reason: HOLD_EMERGENCY, at });
        if let Some(call) = self.calls.get_mut(interaction) {
            call.note(&mut self.turn, FactKind::EmergencyCalled { agent });
        }
        self.tell_supervisors(agent, CallNews::TeamEmergency(agent));
    }

    fn colleague(&self, agent: AgentId, other: AgentId) -> Result<Called, Refusal> {
        if other == agent || !self.turn.plan.agents.contains_key(&other) {
            return Err(Refusal::NoSuchTarget);
        }
        let is_free = self.acd.agent(other).is_some_and(|other| other.eligible());
        is_free.then_some(Called::Colleague(other)).ok_or(Refusal::NotAvailable)
    }

    /// 盲转 to a waiting line: at once, with the time of the first entry.
    fn send_to_queue(&mut self, agent: AgentId, (interaction, old): (InteractionId, QueueId), to: QueueId) -> Result<(), Refusal> {
        if !self.turn.plan.queues.contains_key(&to) {
            return Err(Refusal::NoSuchTarget);
        }
        self.calls.may_call(&self.turn, interaction, AsideKind::Transfer)?;
        if let Some(call) = self.calls.get_mut(interaction) {
            call.sent_to_queue(&mut self.turn, agent, to);
        }
        self.put_in_line(interaction, Some(to));
        self.segment_over(agent, (interaction, old), Side::Agent, true);
        Ok(())
    }

    fn complete(&mut self, interaction: InteractionId) -> Result<(), Refusal> {
        let queue = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?.queue;
        let over = self.calls.complete(&mut self.turn, interaction)?;
        self.segment_over(over.from, (interaction, queue), Side::Agent, true);
        Ok(())
    }

    fn leave(&mut self, interaction: InteractionId) -> Result<(), Refusal> {
        let queue = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?.queue;
        let (over, aside) = self.calls.leave(&mut self.turn, interaction)?;
        if let Some(gone) = aside {
            self.party_leaves((interaction, queue), &gone);
        }
        self.segment_over(over.from, (interaction, queue), Side::Agent, true);
        Ok(())
    }

    fn cancel_aside(&mut self, interaction: InteractionId) -> Result<(), Refusal> {
        let queue = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?.queue;
        let gone = self.calls.end_aside(&mut self.turn, interaction, Some(DialResult::Cancelled))?;
        self.party_leaves((interaction, queue), &gone);
        Ok(())
    }

    /// Frees whoever is no longer in a call.
    pub(super) fn party_leaves(&mut self, (interaction, queue): (InteractionId, QueueId), gone: &Gone) {
        gone.party.hang_up(&mut self.turn);
        self.colleague_leaves((interaction, queue), gone);
    }

    fn colleague_leaves(&mut self, (interaction, queue): (InteractionId, QueueId), gone: &Gone) {
        let Some(agent) = gone.party.agent() else { return };
        if gone.party.is_there() {
            self.segment_over(agent, (interaction, queue), Side::Server, gone.with_citizen);
        } else if let Some(over) = self.acd.agent_mut(agent).and_then(|agent| agent.caller_left(&mut self.turn)) {
            self.note_offer_over(over);
        }
    }

    /// A call is about to end: a colleague's desk that rings for it falls silent, while the call's book is still open (I-37).
    pub(super) fn nobody_is_asked(&mut self, interaction: InteractionId) {
        let aside = self.calls.get(interaction).and_then(|call| call.aside()).filter(|aside| !aside.party.is_there());
        let Some(agent) = aside.and_then(|aside| aside.party.agent()) else { return };
        if let Some(over) = self.acd.agent_mut(agent).and_then(|agent| agent.caller_left(&mut self.turn)) {
            self.note_offer_over(over);
        }
    }

    /// A call is over: every agent in it goes on.
    pub(super) fn all_leave(&mut self, interaction: InteractionId, queue: QueueId, was: &Stage, ended_by: Side) {
        let (owner, with_citizen) = match was {
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => (None, false),
            Stage::Dialling(dialling) => (Some(dialling.agent), false),
            Stage::Talking(talking) => {
                if talking.held.is_some() && ended_by == Side::Caller {
                    self.tell_agent(talking.agent, CallNews::LeftOnHold);
                }
                (Some(talking.agent), true)
            }
        };
        if let Stage::Talking(talking) = was
            && let Some(aside) = &talking.aside
        {
            // Its leg was hung up with the call.
            self.colleague_leaves((interaction, queue), &Gone { party: aside.party.clone(), with_citizen: false });
        }
        let others = match was {
            Stage::Talking(talking) => talking.others.as_slice(),
            Stage::Residual(residual) => residual.others.as_slice(),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Guided(_) => &[],
        };
        for agent in others.iter().filter_map(|party| party.agent()) {
            self.segment_over(agent, (interaction, queue), ended_by, true);
        }
        if let Some(owner) = owner {
            self.segment_over(owner, (interaction, queue), ended_by, with_citizen);
        }
    }

    /// A colleague who was asked has accepted.
    pub(super) fn colleague_accepted(&mut self, interaction: InteractionId, agent: AgentId, leg: LegId) {
        if let Some(kind) = self.calls.colleague_there(&mut self.turn, interaction, agent, leg) {
            self.aside_there(interaction, kind);
        }
    }

    /// 会议: unless it is an emergency, there must be time for a talk of three.
    fn merge(&mut self, interaction: InteractionId) -> Result<(), Refusal> {
        let call = self.calls.get(interaction).ok_or(Refusal::NoSuchCall)?;
        let (aside, thread) = (call.aside(), call.thread);
        let is_emergency = aside.and_then(|aside| aside.party.calls()).is_some_and(|to| self.turn.is_emergency(to));
        if aside.is_some_and(|aside| aside.party.is_there()) && !is_emergency {
            self.turn.room_for_a_voice(Some(thread))?;
        }
        self.calls.merge(&mut self.turn, interaction)
    }

    /// Who was called is there: a transfer and an invitation go on by themselves.
    fn aside_there(&mut self, interaction: InteractionId, kind: AsideKind) {
        let done = match kind {
            AsideKind::Consult => Ok(()),
            AsideKind::Invite => self.calls.merge(&mut self.turn, interaction),
            AsideKind::Transfer => self.complete(interaction),
        };
        // There was room when it was asked for; if there is none any more the agent has the choice.
        if done.is_err()
            && let Some(call) = self.calls.get_mut(interaction)
        {
            call.settle(&mut self.turn);
        }
        self.follow_call(interaction);
    }

    /// A colleague who was asked did not take it: the citizen is with the agent again, who is told why (1-3).
    pub(super) fn asked_in_vain(&mut self, over: OfferOver) {
        let asked = self.calls.get(over.interaction).and_then(|call| call.aside()).and_then(|aside| aside.party.agent());
        if asked != Some(over.agent) {
            return;
        }
        let result = match over.why {
            OfferEnd::Rejected => DialResult::Rejected,
            OfferEnd::NotAnswered | OfferEnd::Withdrawn | OfferEnd::CallerLeft | OfferEnd::AnsweredElsewhere => DialResult::NoAnswer,
        };
        self.aside_failed(over.interaction, result);
    }

    fn aside_failed(&mut self, interaction: InteractionId, result: DialResult) {
        let Ok(gone) = self.calls.end_aside(&mut self.turn, interaction, Some(result)) else { return };
        gone.party.free(&mut self.turn);
        let news = if gone.party.is_there() { CallNews::AsideLeft } else { CallNews::AsideFailed(result) };
        if let Some(owner) = self.calls.get(interaction).and_then(|call| call.owner()) {
            self.tell_agent(owner, news);
        }
        self.follow_call(interaction);
    }

    /// A leg of ours beside the citizen's has ended.
    pub(super) fn party_gone(&mut self, leg: LegId, cause: LegEnd) {
        match self.calls.role_of(leg) {
            Some(Role::Aside(interaction)) if self.calls.is_onward(leg) => self.onward_failed(interaction, cause.dial_result()),
            Some(Role::Aside(interaction)) => self.aside_failed(interaction, cause.dial_result()),
            Some(Role::Other(interaction, party)) => {
                if let Ok(gone) = self.calls.drop_party(&mut self.turn, interaction, party) {
                    gone.party.free(&mut self.turn);
                    self.one_less(interaction, Side::Agent);
                }
            }
            Some(Role::Citizen(_)) | None => {}
        }
    }

    /// Somebody has left a three-way talk: the others go on, unless the citizen would be alone.
    fn one_less(&mut self, interaction: InteractionId, by: Side) {
        let Some(call) = self.calls.get(interaction) else { return };
        match (call.owner(), call.others().is_empty()) {
            (None, true) => self.end_call(interaction, Ending { reason: EndReason::PartyHungUp, by, leg_gone: false }),
            (Some(owner), _) => self.tell_agent(owner, CallNews::PartyLeft),
            (None, false) => {}
        }
        self.follow_call(interaction);
    }

    /// A colleague leaves the call of somebody else: one who is consulted, or takes part. `false` if it is none.
    pub(super) fn guest_leaves(&mut self, agent: AgentId, interaction: InteractionId) -> bool {
        let Some(call) = self.calls.get(interaction) else { return false };
        let queue = call.queue;
        if let Some(party) = call.others().iter().find(|party| party.agent() == Some(agent)).map(|party| party.id) {
            if self.calls.drop_party(&mut self.turn, interaction, party).is_ok() {
                self.segment_over(agent, (interaction, queue), Side::Agent, true);
                self.one_less(interaction, Side::Agent);
            }
            return true;
        }
        let consulted = call.aside().is_some_and(|aside| aside.party.agent() == Some(agent) && aside.party.is_there());
        if consulted {
            self.aside_failed(interaction, DialResult::Answered);
            self.segment_over(agent, (interaction, queue), Side::Agent, false);
        }
        consulted
    }

    /// An agent is gone from a call in which others go on without. `false` if nobody does: the citizen is to wait again.
    pub(super) fn leaves_others(&mut self, agent: AgentId, interaction: InteractionId) -> bool {
        let Some(call) = self.calls.get(interaction) else { return true };
        match &call.stage {
            Stage::Dialling(_) => {
                self.calls.dial_ended(&mut self.turn, interaction, DialResult::Cancelled);
                self.end_call(interaction, Ending { reason: EndReason::AgentLost, by: Side::Server, leg_gone: false });
                true
            }
            Stage::Talking(talking) if talking.agent == agent => {
                let (queue, alone) = (call.queue, talking.others.is_empty());
                // Who was called back waits again, as after any lost talk.
                if alone && call.direction == Direction::Outbound && call.callback.is_none() {
                    self.end_call(interaction, Ending { reason: EndReason::AgentLost, by: Side::Server, leg_gone: false });
                    return true;
                }
                if let Ok((_, aside)) = self.calls.leave(&mut self.turn, interaction) {
                    aside.iter().for_each(|gone| self.party_leaves((interaction, queue), gone));
                    self.follow_call(interaction);
                }
                !alone
            }
            Stage::Talking(_) => {
                self.guest_leaves(agent, interaction);
                true
            }
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => true,
        }
    }

    /// The citizen's leg is over.
    pub(super) fn citizen_left(&mut self, interaction: InteractionId, cause: LegEnd) {
        let Some(call) = self.calls.get(interaction) else { return };
        let (reason, dialler) = (call.reason_of(cause), call.owner().filter(|_| matches!(call.stage, Stage::Dialling(_))));
        if reason == EndReason::Abandoned {
            self.call_back_unasked(interaction);
        }
        self.calls.dial_ended(&mut self.turn, interaction, cause.dial_result());
        self.end_call(interaction, Ending { reason, by: Side::Caller, leg_gone: true });
        if let Some(agent) = dialler {
            self.let_hear_refusal(agent, cause.dial_result());
            self.tell_agent(agent, CallNews::DialFailed(cause.dial_result()));
        }
    }

    /// Whoever was refused hears the busy tone; by a phone, which is hung up, that of the phone itself.
    fn let_hear_refusal(&mut self, agent: AgentId, result: DialResult) {
        let refused = match result {
            DialResult::Busy | DialResult::Rejected | DialResult::Invalid | DialResult::NoLine | DialResult::NoAnswer => true,
            DialResult::Answered | DialResult::Cancelled => false,
        };
        let found = self.acd.agent(agent).filter(|found| refused && found.talk().is_none() && found.phone.is_none());
        if let Some(leg) = found.map(|found| found.leg) {
            self.turn.media(MediaCommand::Announce { leg, prompts: vec![PromptName::from(BUSY_TONE)], then: Sound::Silence });
        }
    }

    /// A call of ours rings.
    pub(super) fn leg_rings(&mut self, leg: LegId, early: Option<SessionText>) {
        if !self.phone_rings(leg, early.clone()) && !self.calls.house_rings(&mut self.turn, leg, early.clone()) {
            self.calls.leg_rings(&mut self.turn, leg, early);
        }
    }

    /// A call of ours is answered.
    pub(super) fn leg_answered(&mut self, leg: LegId, answer: Option<SessionText>) {
        if self.phone_answered(leg, answer.clone()) || self.calls.house_answered(&mut self.turn, leg, answer.clone()) {
            return;
        }
        match self.calls.leg_answered(&mut self.turn, leg, answer) {
            Some(Reached::Aside(interaction, kind)) => self.aside_there(interaction, kind),
            Some(Reached::Onward(interaction)) => self.onward_there(interaction),
            Some(Reached::Citizen(interaction)) => {
                self.calls.reached(&mut self.turn, interaction);
                self.got_through(interaction);
                self.follow_call(interaction);
                self.touch_desks_of(interaction);
            }
            None => {}
        }
    }

    /// A call of ours has rung long enough, or media did not open its voice path.
    pub(super) fn leg_overdue(&mut self, leg: LegId) {
        if self.phone_given_up(leg) || self.calls.house_overdue(&mut self.turn, leg) {
            return;
        }
        let cause = if self.calls.is_opening(leg) { LegEnd::NoLine } else { LegEnd::Timeout };
        self.leg_failed(leg, cause);
    }

    /// A call of ours is given up by us.
    pub(super) fn leg_failed(&mut self, leg: LegId, cause: LegEnd) {
        if !self.calls.is_opening(leg) {
            self.turn.sip(SipCommand::HangUp { leg, reason: EndReason::NotReached });
        }
        match self.calls.role_of(leg) {
            Some(Role::Citizen(interaction)) => self.citizen_left(interaction, cause),
            Some(Role::Aside(_) | Role::Other(..)) | None => self.party_gone(leg, cause),
        }
    }

    /// The citizen is held for very long: the agent is told again, as often as it takes.
    pub(super) fn held_long(&mut self, interaction: InteractionId) {
        if let Some(owner) = self.calls.get(interaction).and_then(|call| call.owner()) {
            self.tell_agent(owner, CallNews::HeldLong);
            self.tell_supervisors(owner, CallNews::TeamHeldLong(owner));
        }
    }

    /// The longest hold is over: the citizen is with the agent again, unless the agent consults somebody.
    pub(super) fn held_too_long(&mut self, interaction: InteractionId) {
        let Some(call) = self.calls.get(interaction) else { return };
        let Some(owner) = call.owner() else { return };
        if call.aside().is_some() || self.calls.retrieve(&mut self.turn, interaction).is_err() {
            return self.held_long(interaction);
        }
        self.tell_agent(owner, CallNews::HeldTooLong);
        self.tell_supervisors(owner, CallNews::TeamHeldLong(owner));
        self.follow_call(interaction);
    }

    /// The recording goes on by itself.
    pub(super) fn pause_over(&mut self, interaction: InteractionId) {
        // The deadline is gone with the call, so it is live.
        let _ = self.calls.resume_recording(&mut self.turn, interaction, true);
        self.touch_desks_of(interaction);
    }

    /// A talk without an agent has gone on for long: they are told that it will end, and the supervisors of who has left are told (1-5).
    pub(super) fn residual_long(&mut self, interaction: InteractionId) {
        let Some(call) = self.calls.get(interaction) else { return };
        let Stage::Residual(residual) = &call.stage else { return };
        let (talk, left_by) = (call.leg, residual.left_by);
        let language = self.turn.queue(call.queue).announcements.language;
        self.turn.media(MediaCommand::Speak { talk, prompts: vec![spoken::residual_warning(language)] });
        self.tell_supervisors(left_by, CallNews::TeamResidual(left_by));
    }

    pub(super) fn tell_agent(&mut self, agent: AgentId, news: CallNews) {
        self.with_agent(agent, |agent, _| agent.tell(news));
    }

    /// Every agent of a call does what the call says.
    pub(super) fn follow_call(&mut self, interaction: InteractionId) {
        self.refresh_call_watchers(interaction);
        let Some(call) = self.calls.get(interaction) else { return };
        let mut modes = Vec::new();
        match &call.stage {
            Stage::Opening | Stage::Expecting(_) | Stage::Waiting(_) | Stage::Guided(_) | Stage::Residual(_) => {}
            Stage::Dialling(dialling) => modes.push((dialling.agent, TalkMode::Outbound)),
            Stage::Talking(talking) => {
                let own = match (talking.held, &talking.aside) {
                    (Some(_), Some(_)) => TalkMode::Consult,
                    (Some(_), None) => TalkMode::Hold,
                    (None, _) if call.direction == Direction::Outbound && call.callback.is_none() => TalkMode::Outbound,
                    (None, _) => TalkMode::Talk,
                };
                modes.push((talking.agent, own));
                let consulted = talking.aside.as_ref().and_then(|aside| aside.party.agent().filter(|_| aside.party.is_there()));
                modes.extend(consulted.map(|agent| (agent, TalkMode::Consult)));
                modes.extend(talking.others.iter().filter_map(|party| Some((party.agent()?, TalkMode::Talk))));
            }
        }
        for (agent, mode) in modes {
            self.with_agent(agent, |agent, turn| agent.in_call(turn, mode));
        }
    }
}
