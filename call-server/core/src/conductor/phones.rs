//! Agents' telephones 座席电话: a phone is called when its agent is to be heard, and hung up when not; what for follows from the agent's
//! state alone, so that no phone rings or stays off the hook for a call that is over. What a talk then is, the other rooms know: the phone
//! is the agent's voice, and nothing else.

use crate::Core;
use crate::acd::{Activity, SegmentOver};
use crate::calls::{Ending, Outgoing};
use crate::command::{CallTo, MediaCommand, SessionText};
use crate::input::LegEnd;
use crate::ledger::IntervalCause;
use crate::plan::PhonePlace;
use shared::model::{
    AgentId, Caller, DialResult, EndReason, InteractionId, LegId, OfferId, PhoneLine, Refusal, Side, SupervisorAct, VoiceDevice, VoiceView,
};
use std::collections::{BTreeMap, BTreeSet};

/// The phones that are called or off the hook.
#[derive(Debug, Default)]
pub(crate) struct Phones {
    lines: BTreeMap<AgentId, Line>,
    legs: BTreeMap<LegId, AgentId>,
    /// What supervisors do as soon as they have a voice.
    acts: BTreeMap<AgentId, (SupervisorAct, String)>,
}

/// One phone.
#[derive(Debug)]
struct Line {
    out: Outgoing,
    purpose: Purpose,
}

/// What a phone is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Lifting the receiver accepts this.
    Offer(OfferId),
    /// To talk, or to be connected with somebody.
    Talk(InteractionId),
    /// A supervisor is to hear somebody.
    Supervision,
}

impl Line {
    /// Whether the line can serve this too. Who is off the hook hears no ringing: a new offer is a new call.
    fn serves(&self, wanted: Purpose) -> bool {
        match wanted {
            Purpose::Talk(_) | Purpose::Supervision if self.out.is_answered() => true,
            Purpose::Offer(_) | Purpose::Talk(_) | Purpose::Supervision => self.purpose == wanted,
        }
    }
}

impl Phones {
    /// Nobody waits any more for the phone to be answered.
    pub(super) fn forget_act(&mut self, supervisor: AgentId) -> bool {
        self.acts.remove(&supervisor).is_some()
    }

    fn take(&mut self, leg: LegId) -> Option<(AgentId, Line)> {
        let agent = self.legs.remove(&leg)?;
        Some((agent, self.lines.remove(&agent)?))
    }

    fn line_mut(&mut self, leg: LegId) -> Option<(AgentId, &mut Line)> {
        let agent = *self.legs.get(&leg)?;
        Some((agent, self.lines.get_mut(&agent)?))
    }
}

impl Core {
    /// Calls and hangs up the phones of these agents, as their states want it.
    pub(crate) fn settle_phones(&mut self, touched: &BTreeSet<AgentId>) {
        for agent in touched {
            // Whoever signs in anew in a talk goes on with it.
            if self.acd.is_coming(*agent) {
                continue;
            }
            let wanted = self.wanted_of_phone(*agent);
            match (self.phones.lines.get_mut(agent), wanted) {
                (None, None) => {}
                (Some(line), Some(wanted)) if line.serves(wanted) => line.purpose = wanted,
                (Some(_), None) => self.hang_up_phone(*agent),
                (None, Some(wanted)) => self.call_phone(*agent, wanted),
                (Some(_), Some(wanted)) => {
                    self.hang_up_phone(*agent);
                    self.call_phone(*agent, wanted);
                }
            }
        }
    }

    fn wanted_of_phone(&self, agent: AgentId) -> Option<Purpose> {
        let found = self.acd.agent(agent).filter(|found| found.device == VoiceDevice::Phone)?;
        if let Activity::Offered(offered) = found.activity {
            return Some(Purpose::Offer(offered.offer));
        }
        if let Some(talk) = found.talk() {
            return Some(Purpose::Talk(talk.interaction));
        }
        (self.watches.contains_key(&agent) || self.phones.acts.contains_key(&agent)).then_some(Purpose::Supervision)
    }

    fn call_phone(&mut self, agent: AgentId, purpose: Purpose) {
        let Some(phone) = self.turn.plan.agents.get(&agent).and_then(|plan| plan.phone.as_ref()) else { return };
        let to = match &phone.place {
            PhonePlace::Registered(number) => CallTo::Phone(number.clone()),
            PhonePlace::Fixed { number, contact } => CallTo::Fixed { number: number.clone(), contact: contact.clone() },
        };
        let (mut ring_ms, mut interaction) = (self.turn.plan.limits.functions.aside_ms, None);
        match purpose {
            Purpose::Offer(_) => {
                if let Some(Activity::Offered(offered)) = self.acd.agent(agent).map(|found| found.activity) {
                    // The offer ends first, by its own rule.
                    ring_ms = offered.expires.time.since(self.turn.now.time) + 1_000;
                    interaction = Some(offered.interaction);
                }
            }
            Purpose::Talk(talk) => interaction = Some(talk),
            Purpose::Supervision => {}
        }
        let call = interaction.and_then(|interaction| self.calls.get(interaction));
        let shown = call.map_or_else(Caller::default, |call| call.caller.clone());
        let near = call.map(|call| call.leg);
        let leg = self.calls.new_leg();
        let out = Outgoing::begin(&mut self.turn, leg, to, shown, ring_ms, near);
        self.phones.legs.insert(leg, agent);
        self.phones.lines.insert(agent, Line { out, purpose });
    }

    fn hang_up_phone(&mut self, agent: AgentId) {
        let Some(line) = self.phones.lines.remove(&agent) else { return };
        self.phones.legs.remove(&line.out.leg);
        line.out.hang_up(&mut self.turn, EndReason::AgentHungUp);
        self.with_agent(agent, |agent, _| agent.phone = None);
    }

    /// Media has opened the voice path of a phone. `false` if the leg is none's.
    pub(super) fn phone_opened(&mut self, leg: LegId, offer: &SessionText) -> bool {
        let Some((_, line)) = self.phones.line_mut(leg) else { return false };
        line.out.media_opened(&mut self.turn, offer.clone());
        true
    }

    /// A phone rings; what it plays to us before it is answered is of no interest.
    pub(super) fn phone_rings(&mut self, leg: LegId, early: Option<SessionText>) -> bool {
        let Some((agent, line)) = self.phones.line_mut(leg) else { return false };
        line.out.rings(&mut self.turn, early);
        self.acd.touch(agent);
        true
    }

    /// A phone describes its voice anew.
    pub(super) fn phone_described(&mut self, leg: LegId, description: &SessionText) -> bool {
        let is_phone = self.phones.legs.contains_key(&leg);
        if is_phone {
            self.turn.media(MediaCommand::Follow { leg, description: description.clone() });
        }
        is_phone
    }

    /// The receiver was lifted.
    pub(super) fn phone_answered(&mut self, leg: LegId, answer: Option<SessionText>) -> bool {
        let Some((agent, line)) = self.phones.line_mut(leg) else { return false };
        if line.out.answered(&mut self.turn, answer) {
            self.with_agent(agent, |agent, _| agent.phone = Some(leg));
            self.off_hook(agent, leg);
        }
        true
    }

    fn off_hook(&mut self, agent: AgentId, leg: LegId) {
        let Some(found) = self.acd.agent(agent) else { return };
        if let Activity::Offered(offered) = found.activity {
            // A live offer of this very agent is not refused.
            let _ = self.accept(agent, offered.offer, IntervalCause::Accept);
        } else if let Some(talk) = found.talk() {
            self.joins_by(agent, talk.interaction, leg);
        } else if let Some((act, reason)) = self.phones.acts.remove(&agent) {
            let interaction = act.interaction();
            if self.supervise(agent, act, reason).is_err() {
                // Whom it concerned has gone meanwhile: the phone is hung up again.
                self.acd.touch(agent);
            }
            interaction.into_iter().for_each(|interaction| self.follow_call(interaction));
        } else {
            self.refresh_watched_by(agent);
        }
    }

    /// The agent's voice in a call is this leg from now on; whoever was to be called with it is called.
    fn joins_by(&mut self, agent: AgentId, interaction: InteractionId, leg: LegId) {
        if !self.calls.dial_on(&mut self.turn, interaction, leg)
            && let Some(call) = self.calls.get_mut(interaction)
        {
            call.rejoin(&mut self.turn, agent, leg);
        }
        self.follow_call(interaction);
        self.touch_desks_of(interaction);
    }

    /// A session begins whose phone is off the hook already: of somebody who signs in anew in a talk.
    pub(super) fn leg_of_phone(&mut self, agent: AgentId) -> Option<LegId> {
        let leg = self.phones.lines.get(&agent).filter(|line| line.out.is_answered())?.out.leg;
        let found = self.acd.agent_mut(agent).filter(|found| found.device == VoiceDevice::Phone)?;
        found.phone = Some(leg);
        Some(leg)
    }

    /// A phone's leg is over. `false` if the leg is no phone's.
    pub(super) fn phone_ended(&mut self, leg: LegId, cause: LegEnd) -> bool {
        let Some((agent, line)) = self.phones.take(leg) else { return false };
        if line.out.is_answered() {
            self.on_hook(agent, cause);
        } else {
            self.phone_not_reached(agent, cause.dial_result());
        }
        line.out.free(&mut self.turn);
        true
    }

    /// A phone has rung long enough, or media has no voice path for it.
    pub(super) fn phone_given_up(&mut self, leg: LegId) -> bool {
        let Some((agent, line)) = self.phones.take(leg) else { return false };
        match (line.out.is_answered(), line.out.is_placed()) {
            (true, _) => self.on_hook(agent, LegEnd::Unreachable),
            (false, true) => self.phone_not_reached(agent, DialResult::NoAnswer),
            (false, false) => self.phone_not_reached(agent, DialResult::NoLine),
        }
        line.out.hang_up(&mut self.turn, EndReason::NotReached);
        true
    }

    /// The receiver was put down, which ends what was spoken by it; or the phone is gone, which must not end a citizen's call.
    fn on_hook(&mut self, agent: AgentId, cause: LegEnd) {
        self.with_agent(agent, |agent, _| agent.phone = None);
        let Some(interaction) = self.acd.agent(agent).and_then(|found| found.talk()).map(|talk| talk.interaction) else {
            self.unwatch(agent);
            return;
        };
        match cause {
            LegEnd::ByeReceived | LegEnd::CancelReceived | LegEnd::AsCommanded => {
                // Nothing else was heard by this phone.
                let _ = self.hang_up(agent, interaction);
            }
            LegEnd::Timeout | LegEnd::Unreachable | LegEnd::Expired | LegEnd::Refused { .. } | LegEnd::ProtocolError | LegEnd::NoLine => {
                self.phone_lost(agent, interaction)
            }
        }
    }

    /// The phone is gone in mid-call: the citizen goes on with others or waits again.
    fn phone_lost(&mut self, agent: AgentId, interaction: InteractionId) {
        let Some(queue) = self.calls.get(interaction).map(|call| call.queue) else { return };
        self.agent_gone(agent, interaction);
        let over = SegmentOver { interaction, ended_by: Side::Server, wrap_up_ms: 0, rule: self.turn.queue(queue).wrap_up, handled: true };
        if self.acd.segment_over(&mut self.turn, agent, over) {
            self.sign_out(agent, crate::command::SessionEnd::Asked);
        }
        self.with_agent(agent, |agent, turn| agent.phone_gone(turn));
    }

    /// Nobody has lifted the receiver.
    fn phone_not_reached(&mut self, agent: AgentId, result: DialResult) {
        self.unwatch(agent);
        let talk = self.acd.agent(agent).and_then(|found| found.talk());
        if let Some(interaction) = talk.map(|talk| talk.interaction) {
            if self.calls.is_dialling(interaction) {
                self.calls.dial_ended(&mut self.turn, interaction, DialResult::Cancelled);
                self.end_call(interaction, Ending { reason: EndReason::AgentHungUp, by: Side::Agent, leg_gone: false });
            } else {
                self.use_voice_now(agent, VoiceDevice::Headset);
            }
        }
        let over = self.acd.agent_mut(agent).and_then(|found| found.phone_failed(&mut self.turn, result));
        self.offer_over(over);
    }

    /// The agent chooses by what to speak.
    pub(super) fn use_voice(&mut self, agent: AgentId, device: VoiceDevice) -> Result<(), Refusal> {
        let has_phone = self.turn.plan.agents.get(&agent).is_some_and(|plan| plan.phone.is_some());
        let found = self.acd.agent(agent).ok_or(Refusal::WrongState)?;
        match device {
            VoiceDevice::Phone if !has_phone => return Err(Refusal::NoPhone),
            VoiceDevice::Headset if found.unattended.is_some() => return Err(Refusal::WrongState),
            VoiceDevice::Headset if found.device == VoiceDevice::Phone && found.talk().is_some() && !found.reachable => {
                return Err(Refusal::NoMedia);
            }
            VoiceDevice::Phone | VoiceDevice::Headset => {}
        }
        if found.device != device {
            self.use_voice_now(agent, device);
        }
        Ok(())
    }

    fn use_voice_now(&mut self, agent: AgentId, device: VoiceDevice) {
        let Some(found) = self.acd.agent_mut(agent) else { return };
        let over = found.use_voice(&mut self.turn, device);
        let (headset, talk) = (found.leg, found.talk());
        self.offer_over(over);
        // A phone joins once it is answered.
        if let Some(talk) = talk.filter(|_| device == VoiceDevice::Headset) {
            self.joins_by(agent, talk.interaction, headset);
        }
        self.refresh_watched_by(agent);
    }

    /// Phones that the plan does not name any more are not called; who has no desktop signs in and out as it says.
    pub(crate) fn follow_plan_of_phones(&mut self) {
        let without = self.acd.signed_in().filter(|found| found.device == VoiceDevice::Phone && found.unattended.is_none());
        let plan = &self.turn.plan;
        let without: Vec<AgentId> =
            without.map(|found| found.agent).filter(|agent| plan.agents.get(agent).is_none_or(|plan| plan.phone.is_none())).collect();
        without.into_iter().for_each(|agent| self.use_voice_now(agent, VoiceDevice::Headset));
        if !self.stopping {
            for agent in self.acd.seat_unattended(&self.turn) {
                self.sign_out(agent, crate::command::SessionEnd::Asked);
            }
        }
        self.look_for_phones();
    }

    /// Whose phone is registered no more, or is again.
    pub(super) fn look_for_phones(&mut self) {
        for over in self.acd.look_for_phones(&mut self.turn) {
            self.offer_over(Some(over));
        }
    }

    /// A supervisor who speaks by a phone is called first; `true` if the act waits for that.
    pub(super) fn act_waits_for_phone(&mut self, supervisor: AgentId, act: SupervisorAct, reason: &str) -> Result<bool, Refusal> {
        let needs_voice = match act {
            SupervisorAct::Watch { .. } | SupervisorAct::TakeOver { .. } | SupervisorAct::PickUp { .. } => true,
            SupervisorAct::Unwatch
            | SupervisorAct::Release { .. }
            | SupervisorAct::ForceReady { .. }
            | SupervisorAct::ForceNotReady { .. }
            | SupervisorAct::ForceSignOut { .. }
            | SupervisorAct::Move { .. } => false,
        };
        let Some(own) = self.acd.agent(supervisor).filter(|own| needs_voice && own.needs_phone()) else { return Ok(false) };
        own.may_dial()?;
        if matches!(act, SupervisorAct::Watch { .. }) && !matches!(own.activity, Activity::NotReady(_)) {
            return Err(Refusal::WrongState);
        }
        self.phones.acts.insert(supervisor, (act, reason.to_owned()));
        self.acd.touch(supervisor);
        Ok(true)
    }

    /// As the desk shows it.
    pub(super) fn voice_view(&self, agent: AgentId) -> VoiceView {
        let device = self.acd.agent(agent).map(|found| found.device).unwrap_or_default();
        let phone = self.turn.plan.agents.get(&agent).and_then(|plan| plan.phone.as_ref());
        let line = match self.phones.lines.get(&agent) {
            None => PhoneLine::OnHook,
            Some(line) if line.out.is_answered() => PhoneLine::OffHook,
            Some(_) => PhoneLine::Ringing,
        };
        VoiceView { device, phone: phone.map(|phone| phone.place.number().as_str().to_owned()), line }
    }
}
