//! The conductor: takes each input to the room it concerns and translates between `calls` and `acd`, which never meet.

mod agents;
mod callbacks;
mod desks;
mod doors;
mod functions;
mod nodes;
mod phones;
mod supervision;
mod texts;
mod voices;

pub(crate) use phones::Phones;
pub(crate) use supervision::Watches;

use crate::Core;
use crate::acd::{Joins, OfferOver, Remains, SegmentOver, SoughtOver};
use crate::calls::{Call, Ending, Joined, Role};
use crate::command::SessionEnd;
use crate::input::{CallOffered, Input, LegEnd, MediaFailure};
use crate::ledger::{FactKind, LastAgentOutcome};
use crate::plan::QueuePlan;
use crate::timer::Reason;
use shared::model::{AgentId, Caller, EndReason, InteractionId, KnownCaller, LegId, QueueId, Side};

impl Core {
    /// One line per input.
    pub(crate) fn input(&mut self, input: Input) {
        match input {
            Input::CallOffered(offered) => self.call_offered(offered),
            Input::LegEnded { leg, cause } => self.leg_ended(leg, cause),
            Input::MediaOpened { leg, answer } => {
                if !self.phone_opened(leg, &answer) && !self.calls.house_opened(&mut self.turn, leg, &answer) {
                    let joined = self.calls.media_opened(&mut self.turn, leg, answer);
                    self.join(joined);
                }
            }
            Input::FarDescribed { leg, description } => {
                if !self.phone_described(leg, &description) {
                    self.calls.far_described(&mut self.turn, leg, description);
                }
            }
            Input::MediaFailed { leg, reason } => self.media_failed(leg, reason),
            Input::AnnouncementEnded { leg, end } => self.text_over(leg, end),
            Input::ContactsKnown(past) => self.calls.contacts.learn(past),
            Input::CallbacksKnown(known) => self.callbacks_known(known),
            Input::CancelCallback(callback) => self.cancel_callback(callback),
            Input::AgentArrived { agent, session, voice } => self.agent_arrived((agent, session), voice),
            Input::AgentMediaOpened { agent, leg, access } => self.agent_media_opened(agent, leg, access),
            Input::AgentMediaReachable { leg, reachable } => self.agent_media_reachable(leg, reachable),
            Input::PhoneRegistered { number, registered } => {
                self.acd.phone_registered(number, registered);
                self.look_for_phones();
            }
            Input::AgentDisconnected { agent, session } => self.agent_disconnected(agent, session),
            Input::AgentResumed { agent, session } => self.agent_resumed(agent, session),
            Input::AgentAttentive { agent, session, attentive } => {
                if let Some(agent) = self.acd.in_session(agent, session) {
                    agent.attentive(&mut self.turn, attentive);
                }
            }
            Input::AgentAsked { agent, session, request, action } => self.agent_asked(agent, session, request, action),
            Input::CardFound { interaction, card } => {
                self.calls.card_found(interaction, card);
                self.touch_desks_of(interaction);
            }
            Input::RecordingRowStored { recording } => self.calls.row_stored(&mut self.turn, recording),
            Input::RecordingFinished { recording, outcome } => self.calls.recording_finished(&mut self.turn, recording, outcome),
            Input::Voice(news) => self.voice(news),
            Input::PlanChanged(plan) => self.plan_changed(*plan),
            Input::Stop => self.stop(),
            Input::Digit { leg, digit } => self.key(leg, digit),
            Input::LegRinging { leg, early } => self.leg_rings(leg, early),
            // A phone of the house has one place and no trunk.
            Input::LegWantsOffer { leg, terms } => self.calls.leg_wants_offer(&mut self.turn, leg, terms),
            Input::LegAnswered { leg, answer } => self.leg_answered(leg, answer),
            // The ACK changes nothing here, and deadlines have fired already.
            Input::LegConfirmed { .. } | Input::Tick => {}
        }
    }

    /// One line per reason to wake up.
    pub(crate) fn deadline(&mut self, reason: Reason) {
        match reason {
            Reason::LegOverdue(leg) => self.leg_overdue(leg),
            Reason::HeldLong(interaction) => self.held_long(interaction),
            Reason::HeldTooLong(interaction) => self.held_too_long(interaction),
            Reason::PauseOver(interaction) => self.pause_over(interaction),
            Reason::ResidualLong(interaction) => self.residual_long(interaction),
            Reason::ResidualOver(interaction) => self.end_call(interaction, Ending::by_server(EndReason::ResidualLimit)),
            Reason::MediaOpenOverdue(interaction) => self.end_call(interaction, Ending::by_server(EndReason::MediaFailed)),
            Reason::ProbeOver(interaction) => self.end_call(interaction, Ending::by_server(EndReason::ProbeDone)),
            Reason::WaitOver(interaction) => self.leave_if_overdue(interaction),
            // The matching that follows sees that it is over, and puts the free ones in order.
            Reason::ExclusionOver(..) | Reason::MinuteBegins => {}
            Reason::ReachGrows(interaction) => self.acd.reach_grows(&mut self.turn, interaction),
            Reason::HoldOver(interaction) => self.acd.hold_over(&mut self.turn, interaction),
            Reason::AnnouncementDue(interaction) => self.tell(interaction),
            Reason::KeyOverdue(interaction) => self.key_overdue(interaction),
            Reason::NodeOverdue(interaction) => self.node_overdue(interaction),
            Reason::CallbackDue(callback) => self.callback_due(callback),
            Reason::FarewellOver(interaction) => self.calls.end_farewell(&mut self.turn, interaction, Side::Server, false),
            Reason::SaveOverdue(interaction) => self.calls.save_overdue(&mut self.turn, interaction),
            Reason::SignInOverdue(agent) => self.sign_out(agent, SessionEnd::Lost),
            Reason::LostOver(agent) => {
                if !self.acd.agent_mut(agent).is_some_and(|agent| agent.waits_on(&mut self.turn)) {
                    self.sign_out(agent, SessionEnd::Lost);
                }
            }
            Reason::AutoAnswer(agent, offer) => self.auto_answer(agent, offer),
            Reason::OfferOver(agent, offer) => {
                let over = self.acd.miss(&mut self.turn, agent, offer);
                self.offer_over(over);
            }
            Reason::WrapUpOver(agent) => self.with_agent(agent, |agent, turn| agent.wrap_up_over(turn)),
            Reason::BreakOver(agent) => self.with_agent(agent, |agent, turn| agent.break_over(turn)),
            Reason::GraceOver(agent) => self.with_agent(agent, |agent, turn| agent.grace_over(turn)),
            Reason::LostCallOver(agent) => self.lost_call(agent),
            Reason::MediaReturnOver(agent) => self.with_agent(agent, |agent, turn| {
                agent.media_lost(turn);
            }),
        }
    }

    /// Brings waiting calls and agents together until no match is left (I-6, I-7).
    pub(crate) fn match_all(&mut self) {
        if self.acd.nobody_waits(&self.turn) {
            self.acd.await_minute(&mut self.turn);
            return self.note_last_agents();
        }
        self.acd.release_forsaken(&mut self.turn);
        loop {
            while let Some(made) = self.acd.next_match(&mut self.turn) {
                if let Some(call) = self.calls.get_mut(made.interaction) {
                    call.note(&mut self.turn, FactKind::Decided(Box::new(made.decision)));
                    call.note(&mut self.turn, FactKind::Offered { agent: made.agent });
                }
            }
            if !self.acd.release_hopeless(&mut self.turn) {
                break;
            }
        }
        self.acd.await_minute(&mut self.turn);
        self.note_last_agents();
        for (interaction, decision) in self.acd.explain_waits(&self.turn) {
            if let Some(call) = self.calls.get_mut(interaction) {
                call.note(&mut self.turn, FactKind::Decided(Box::new(decision)));
            }
        }
    }

    fn call_offered(&mut self, mut offered: CallOffered) {
        if let Some(trunk) = self.turn.plan.trunks.get(&offered.trunk) {
            offered.caller = trunk.numbers.caller_in(offered.caller);
            offered.dialled = trunk.numbers.dialled_in.apply(&offered.dialled);
            for diversion in &mut offered.origin.diversions {
                diversion.number = trunk.numbers.caller_in(Caller { number: diversion.number.take() }).number;
            }
        }
        // A leg id that is in use is a fault of the edge; its living call must not suffer.
        if self.calls.interaction_of(offered.leg).is_none() {
            if offered.origin.of_a_phone && !self.turn.plan.numbers.contains_key(&offered.dialled) {
                let dial = self.house_dial(&offered);
                return self.calls.house_dials(&mut self.turn, &offered, dial);
            }
            let mut admitted = self.admit(&offered);
            let (asked_in, now, promised) = (self.calls.next(), self.turn.now, admitted.callback.take());
            let known = promised.as_ref().map(|(_, number)| self.callbacks.of_number(number));
            admitted.notes.extend(known.map(|known| FactKind::CallbackPromised { callback: known.unwrap_or(asked_in) }));
            if let Some(interaction) = self.calls.offered(&mut self.turn, offered, admitted) {
                self.recognise(interaction);
            }
            if let (Some((queue, number)), Some(None)) = (promised, known) {
                self.open_callback(asked_in, queue, &number, now);
            }
        }
    }

    fn leg_ended(&mut self, leg: LegId, cause: LegEnd) {
        if self.phone_ended(leg, cause) || self.calls.house_ended(&mut self.turn, leg, cause) {
            return;
        }
        match self.calls.role_of(leg) {
            Some(Role::Citizen(interaction)) => self.citizen_left(interaction, cause),
            Some(Role::Aside(_) | Role::Other(..)) => self.party_gone(leg, cause),
            None => self.calls.farewell_ended(&mut self.turn, leg, Side::Caller, true),
        }
    }

    fn media_failed(&mut self, leg: LegId, reason: MediaFailure) {
        if self.phone_given_up(leg) || self.calls.house_failed(&mut self.turn, leg, reason) {
            return;
        }
        match self.calls.role_of(leg) {
            Some(Role::Citizen(interaction)) if !self.calls.is_dialling(interaction) => {
                self.end_call(interaction, Ending::by_server(reason.end_reason()));
            }
            Some(Role::Citizen(_) | Role::Aside(_) | Role::Other(..)) => self.leg_failed(leg, LegEnd::NoLine),
            None => {
                self.calls.farewell_ended(&mut self.turn, leg, Side::Server, false);
                self.agent_media_failed(leg);
            }
        }
    }

    /// A probe hears what a citizen hears but takes nobody's place and nobody's time.
    fn join(&mut self, joined: Option<Joined>) {
        if let Some(joined) = joined.filter(|joined| !joined.probe) {
            let Joined { interaction, queue, entered, returned, .. } = joined;
            let call = self.calls.get(interaction);
            let listed = call.map_or(0, |call| self.turn.plan.callers.points(&call.caller, self.turn.now.utc));
            let absent = call.is_some_and(Call::is_expected);
            let moves_on = call.is_some_and(Call::moves_on);
            self.acd.join(&mut self.turn, Joins { interaction, queue, entered: entered.time, listed, returned, absent, moves_on });
            self.seek_last_agent(interaction, queue);
        }
    }

    /// What the hotline remembers about the number, for the desks and the record.
    fn recognise(&mut self, interaction: InteractionId) {
        let now = self.turn.now.utc;
        let Some(caller) = self.calls.get(interaction).map(|call| call.caller.clone()) else { return };
        let (contacts_in_a_day, contacts_in_a_week) = self.calls.contacts.counts(&caller, now);
        let served = self.calls.contacts.served(&caller, now, self.turn.plan.limits.remembered_days).map(|served| served.agent);
        let favour = self.turn.plan.callers.favour(&caller, now).cloned();
        let care = favour.as_ref().and_then(|entry| entry.mark.clone());
        if let Some(call) = self.calls.get_mut(interaction) {
            call.served = served;
            call.known = KnownCaller { contacts_in_a_day, contacts_in_a_week, served_by_you: false, care };
            if let Some(entry) = favour {
                call.note(&mut self.turn, FactKind::Favoured { entry: entry.entry, points: entry.points });
            }
        }
    }

    /// Who served the number last is asked first, where the queue wants it (1-8).
    fn seek_last_agent(&mut self, interaction: InteractionId, queue: QueueId) {
        let Some(rule) = self.turn.queue(queue).last_agent else { return };
        let Some(caller) = self.calls.get(interaction).map(|call| call.caller.clone()) else { return };
        let Some(served) = self.calls.contacts.served(&caller, self.turn.now.utc, rule.within_days) else { return };
        let shared = caller.number.as_ref().is_some_and(|number| self.turn.plan.callers.is_shared(number.reveal()));
        let outcome = if shared {
            LastAgentOutcome::SharedNumber
        } else if served.avoid {
            LastAgentOutcome::Avoided
        } else {
            return self.acd.seek(&mut self.turn, interaction, served.agent, rule);
        };
        self.note_last_agent(SoughtOver { interaction, agent: served.agent, outcome });
    }

    /// Writes down what came of asking last agents first.
    fn note_last_agents(&mut self) {
        for over in self.acd.take_sought_over() {
            self.note_last_agent(over);
        }
    }

    fn note_last_agent(&mut self, over: SoughtOver) {
        let SoughtOver { interaction, agent, outcome } = over;
        if let Some(call) = self.calls.get_mut(interaction) {
            call.note(&mut self.turn, FactKind::LastAgent { agent, outcome });
        }
    }

    /// Ends a call once, for whatever reason, and frees whoever rang for it or spoke with it.
    pub(super) fn end_call(&mut self, interaction: InteractionId, ending: Ending) {
        for over in self.acd.call_over(&mut self.turn, interaction) {
            self.note_offer_over(over);
        }
        self.note_last_agents();
        self.stop_asking(interaction);
        self.nobody_is_asked(interaction);
        self.ivr.leave(&mut self.turn, interaction);
        let Some(call) = self.calls.get(interaction) else { return };
        let (queue, attempt) = (call.queue, call.callback.map(|of| (of, call.ledger.dial_result())));
        if let Some(was) = self.calls.end(&mut self.turn, interaction, ending) {
            self.all_leave(interaction, queue, &was, ending.by);
        }
        if let Some((of, result)) = attempt {
            self.attempt_over(interaction, of, result, ending.reason);
        }
    }

    /// An agent's part of a call is over; `handled` if the citizen was served, so that there is something to write up.
    pub(super) fn segment_over(&mut self, agent: AgentId, (interaction, queue): (InteractionId, QueueId), ended_by: Side, handled: bool) {
        let QueuePlan { wrap_up_ms, wrap_up: rule, .. } = *self.turn.queue(queue);
        let wrap_up_ms = if handled { wrap_up_ms } else { 0 };
        self.touch_watchers_of(agent);
        if self.acd.segment_over(&mut self.turn, agent, SegmentOver { interaction, ended_by, wrap_up_ms, rule, handled }) {
            self.sign_out(agent, SessionEnd::Asked);
        }
    }

    /// The citizen of an agent who is gone goes back to the head of the line, unless the call is over or others go on with it.
    pub(super) fn agent_gone(&mut self, agent: AgentId, interaction: InteractionId) {
        if !self.leaves_others(agent, interaction) {
            self.put_in_line(interaction, None);
        }
    }

    /// The citizen waits, again or in another queue; whoever was called or took part is let go.
    pub(super) fn put_in_line(&mut self, interaction: InteractionId, queue: Option<QueueId>) {
        let Some(old) = self.calls.get(interaction).map(|call| call.queue) else { return };
        if let Some((joined, gone)) = self.calls.back_to_line(&mut self.turn, interaction, queue) {
            // What they did was for the queue that the citizen leaves.
            gone.into_iter().for_each(|gone| self.party_leaves((interaction, old), &gone));
            self.join(Some(joined));
        }
    }

    fn lost_call(&mut self, agent: AgentId) {
        if let Some(talk) = self.acd.agent(agent).and_then(|agent| agent.talk())
            && let Some(queue) = self.calls.get(talk.interaction).map(|call| call.queue)
        {
            self.agent_gone(agent, talk.interaction);
            self.segment_over(agent, (talk.interaction, queue), Side::Server, true);
        }
    }

    /// An offer ended without a talk: the call is free again, or at its limit of waiting.
    pub(super) fn offer_over(&mut self, over: Option<OfferOver>) {
        if let Some(over) = over {
            self.acd.offer_over(&mut self.turn, over);
            self.note_offer_over(over);
            self.asked_in_vain(over);
            self.leave_if_overdue(over.interaction);
        }
    }

    fn note_offer_over(&mut self, over: OfferOver) {
        if let Some(call) = self.calls.get_mut(over.interaction) {
            call.note(&mut self.turn, FactKind::OfferEnded { agent: over.agent, why: over.why });
        }
    }

    pub(super) fn sign_out(&mut self, agent: AgentId, why: SessionEnd) {
        self.unwatch(agent);
        let remains = self.acd.leave(&mut self.turn, agent, why);
        self.clear_up(agent, remains);
    }

    /// What a session left behind: its offer is free, its citizen waits again.
    fn clear_up(&mut self, agent: AgentId, remains: Option<Remains>) {
        let Some(remains) = remains else { return };
        self.offer_over(remains.offer);
        if let Some(talk) = remains.talk {
            self.agent_gone(agent, talk.interaction);
        }
    }

    /// Queues that live calls and callbacks are in stay, whatever the new plan says (I-19).
    fn plan_changed(&mut self, mut plan: crate::plan::Plan) {
        for used in self.calls.live().map(|call| call.queue).chain(self.callbacks.queues()) {
            if let Some(queue) = self.turn.plan.queues.get(&used) {
                plan.queues.entry(used).or_insert_with(|| queue.clone());
            }
        }
        // So do nodes in which citizens are.
        for used in self.ivr.nodes() {
            if let Some(node) = self.turn.plan.nodes.get(&used) {
                plan.nodes.entry(used).or_insert_with(|| node.clone());
            }
        }
        self.turn.plan = plan;
        let blocked = &self.turn.plan.callers.blocked;
        self.storm.retain(|entry| blocked.iter().any(|known| known.entry == entry));
        self.acd.plan_changed(&mut self.turn);
        self.follow_plan_of_phones();
    }

    /// Refuses what is new, ends what lives, signs everybody out.
    fn stop(&mut self) {
        self.stopping = true;
        let live: Vec<InteractionId> = self.calls.live().map(|call| call.id).collect();
        for interaction in live {
            self.end_call(interaction, Ending::by_server(EndReason::ServerStopping));
        }
        self.calls.end_farewells(&mut self.turn);
        self.calls.end_house_calls(&mut self.turn);
        for callback in self.callbacks.take_all() {
            self.turn.timers.cancel(Reason::CallbackDue(callback));
        }
        for agent in self.acd.seated() {
            self.sign_out(agent, SessionEnd::ServerStopping);
        }
    }
}
