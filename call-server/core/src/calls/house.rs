//! Calls that phones of the house dial, to each other or outside: two legs, no agent and no line. The phone's voice path first, then the call
//! of ours; what rings, sounds or refuses there is told to the phone as it comes.

use super::outgoing::Outgoing;
use super::recording::{self, Tracks};
use super::wires::{Played, Wired, WiredKind, Wires};
use super::{Calls, call};
use crate::command::{CallTo, Command, MediaCommand, SessionText, SipCommand, StoreCommand, VoiceTerms};
use crate::input::{CallOffered, LegEnd, MediaFailure};
use crate::ledger::{CallLedger, Fact};
use crate::plan::{KeyMode, TrunkVoice};
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{Caller, DialResult, Direction, EndReason, InteractionId, LegId, Side};

/// Why recordings are held when an emergency number was called.
pub(crate) const HOLD_EMERGENCY: &str = "emergency";

/// A call that a phone of the house has dialled.
#[derive(Debug)]
pub(crate) struct HouseCall {
    id: InteractionId,
    /// The phone's.
    leg: LegId,
    /// Whom it calls.
    out: Outgoing,
    ledger: CallLedger,
    tracks: Tracks,
    wires: Wires,
    /// It made the offer, so that sound can be sent before anybody answers.
    offered: bool,
    /// What the phone is answered with, once media has it.
    answer: Option<SessionText>,
    told: Told,
}

/// What the phone knows of the call that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Rings,
    Sounds,
}

/// Whom a phone of the house has dialled.
#[derive(Debug, Clone)]
pub(crate) struct HouseDial {
    pub(crate) to: CallTo,
    pub(crate) shown: Caller,
    /// Another phone of the house.
    pub(crate) inside: bool,
    pub(crate) emergency: bool,
}

/// How such a call ends.
#[derive(Debug, Clone, Copy)]
struct Over {
    reason: EndReason,
    by: Side,
    /// What came of dialling, if nobody had answered.
    result: DialResult,
    /// The leg that has ended by itself.
    gone: Option<LegId>,
}

impl HouseCall {
    pub(super) fn tracks(&mut self) -> &mut Tracks {
        &mut self.tracks
    }

    /// Brings media and recording to what the call is now.
    fn settle(&mut self, turn: &mut Turn) {
        let wanted = self.wanted();
        for recording in wanted.recorded(self.id) {
            self.tracks.begin(turn, recording, false);
        }
        self.wires.become_(turn, wanted);
    }

    fn wanted(&self) -> Wires {
        let mut wires = Wires::default();
        if self.out.is_answered() {
            let main = WiredKind::Main { recording: recording::id(self.id), masks_keys: false };
            wires.talks.insert(self.leg, Wired::of(main, self.out.leg));
        } else if self.told == Told::Sounds && self.out.is_audible() {
            wires.talks.insert(self.out.leg, Wired::of(WiredKind::Early, self.leg));
        } else if self.told == Told::Sounds && self.out.rings_silently() {
            wires.sounds.insert(self.leg, Played::Ringback);
        }
        wires
    }

    /// Tells the phone that it rings, or lets it hear what sounds there; each once.
    fn tell(&mut self, turn: &mut Turn) {
        let leg = self.leg;
        let next = if self.out.is_audible() && self.offered { Told::Sounds } else { Told::Rings };
        if next <= self.told {
            return;
        }
        match (next, self.answer.clone()) {
            (Told::Sounds, Some(answer)) => turn.sip(SipCommand::Sound { leg, answer }),
            (Told::Sounds | Told::Rings | Told::Nothing, _) => turn.sip(SipCommand::Ring { leg }),
        }
        self.told = next;
    }

    /// Ends the phone's leg in the way that fits.
    fn close_leg(&self, turn: &mut Turn, over: Over) {
        let (leg, Over { reason, result, .. }) = (self.leg, over);
        turn.timers.cancel(Reason::LegOverdue(leg));
        turn.sip(match reason {
            _ if self.out.is_answered() => SipCommand::HangUp { leg, reason },
            EndReason::NotReached => SipCommand::NotReached { leg, result },
            reason => SipCommand::Refuse { leg, reason },
        });
    }

    /// Why it ends if one of its legs does.
    fn over(&self, leg: LegId, cause: LegEnd) -> Over {
        let hung_up = matches!(cause, LegEnd::ByeReceived | LegEnd::CancelReceived);
        let is_phone = leg == self.leg;
        let (reason, by) = match (self.out.is_answered(), is_phone) {
            (false, false) => (EndReason::NotReached, Side::Server),
            (_, true) if !hung_up => (EndReason::SignallingTimeout, Side::Caller),
            (false, true) => (EndReason::CancelledBeforeAnswer, Side::Caller),
            (true, true) => (EndReason::CallerHungUp, Side::Caller),
            (true, false) if hung_up => (EndReason::PartyHungUp, Side::Agent),
            (true, false) => (EndReason::SignallingTimeout, Side::Agent),
        };
        let result = if is_phone { DialResult::Cancelled } else { cause.dial_result() };
        Over { reason, by, result, gone: Some(leg) }
    }
}

impl Calls {
    /// Calls of phones of the house.
    pub(crate) fn of_the_house(&self) -> usize {
        self.house.len()
    }

    /// A phone of the house has dialled: its call is written down and begins, or is refused.
    pub(crate) fn house_dials(&mut self, turn: &mut Turn, offered: &CallOffered, dial: Result<HouseDial, EndReason>) {
        let id = self.next;
        self.next = InteractionId(id.0 + 1);
        let leg = offered.leg;
        turn.store(StoreCommand::Open {
            interaction: id,
            started: turn.now.utc,
            caller: offered.caller.clone(),
            dialled: offered.dialled.clone(),
            probe: false,
            direction: Direction::Outbound,
            diversions: offered.origin.diversions.clone(),
        });
        let inside = dial.as_ref().is_ok_and(|dial| dial.inside);
        let (ledger, fact) = CallLedger::dialled_by_phone(id, offered.clone(), turn.now, inside);
        call::store_fact(turn, fact);
        let HouseDial { to, shown, emergency, .. } = match dial {
            Ok(dial) => dial,
            Err(reason) => {
                turn.sip(SipCommand::Refuse { leg, reason });
                let (fact, record) = ledger.close(turn.now, reason, Side::Server);
                call::store_fact(turn, fact);
                return self.save(turn, Box::new(record));
            }
        };
        if emergency {
            turn.store(StoreCommand::HoldRecordings { interaction: id, reason: HOLD_EMERGENCY, at: turn.now.utc });
        }
        call::open_voice(turn, offered);
        turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::LegOverdue(leg));
        let out = Outgoing::awaited(self.new_leg(), to, shown, turn.plan.limits.functions.dial_ms);
        self.legs.extend([(leg, id), (out.leg, id)]);
        let (tracks, wires, told) = (Tracks::default(), Wires::default(), Told::Nothing);
        self.house.insert(id, HouseCall { id, leg, out, ledger, tracks, wires, offered: offered.offer.is_some(), answer: None, told });
    }

    pub(super) fn house_of(&mut self, leg: LegId) -> Option<&mut HouseCall> {
        self.house.get_mut(self.legs.get(&leg)?)
    }

    /// Media has a voice path: the phone's, then that of whom it calls. `false` if the leg is of no such call, here and below.
    pub(crate) fn house_opened(&mut self, turn: &mut Turn, leg: LegId, text: &SessionText) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        if leg == call.out.leg {
            call.out.media_opened(turn, text.clone());
        } else if call.answer.is_none() {
            call.answer = Some(text.clone());
            turn.timers.cancel(Reason::LegOverdue(leg));
            call.out.start(turn, Some(leg));
        }
        true
    }

    /// It rings there, or is heard.
    pub(crate) fn house_rings(&mut self, turn: &mut Turn, leg: LegId, early: Option<SessionText>) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        if leg == call.out.leg && call.out.rings(turn, early) {
            call.tell(turn);
            call.settle(turn);
        }
        true
    }

    /// The next trunk wants an offer of its own.
    pub(super) fn house_wants_offer(&mut self, turn: &mut Turn, leg: LegId, terms: VoiceTerms) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        if leg == call.out.leg && call.out.withdraw(terms) {
            call.settle(turn);
            call.out.reopen(turn);
        }
        true
    }

    /// Somebody has answered: the talk begins.
    pub(crate) fn house_answered(&mut self, turn: &mut Turn, leg: LegId, answer: Option<SessionText>) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        if leg == call.out.leg && call.out.answered(turn, answer) {
            let phone = call.leg;
            call.answer.iter().for_each(|answer| turn.sip(SipCommand::Answer { leg: phone, answer: answer.clone() }));
            let fact = call.ledger.dial_ended(turn.now, DialResult::Answered);
            fact.into_iter().for_each(|fact: Fact| call::store_fact(turn, fact));
            call.ledger.phones_talk(turn.now, recording::id(call.id));
            call.settle(turn);
        }
        true
    }

    /// A key that one of them presses is pressed towards the other, in the way of its line. Where keys are tones the voice carries them.
    pub(crate) fn house_key(&mut self, turn: &mut Turn, leg: LegId, digit: char) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        let (to, mode) = if leg == call.leg { (call.out.leg, call.out.keys()) } else { (call.leg, TrunkVoice::of_a_phone().keys) };
        let sounds = leg == call.out.leg && call.out.keys() == KeyMode::InBand;
        if call.out.is_audible() && !sounds {
            turn.commands.push_back(Command::press_keys(mode, to, digit.to_string().into()));
        }
        true
    }

    /// One of the legs is over.
    pub(crate) fn house_ended(&mut self, turn: &mut Turn, leg: LegId, cause: LegEnd) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        let (id, over) = (call.id, call.over(leg, cause));
        self.house_over(turn, id, over);
        true
    }

    /// One of the voice paths cannot be had.
    pub(crate) fn house_failed(&mut self, turn: &mut Turn, leg: LegId, failure: MediaFailure) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        let reason = if leg == call.leg || call.out.is_answered() { failure.end_reason() } else { EndReason::NotReached };
        let (id, result) = (call.id, if leg == call.leg { DialResult::Cancelled } else { DialResult::NoLine });
        self.house_over(turn, id, Over { reason, by: Side::Server, result, gone: None });
        true
    }

    /// Media did not answer, or it has rung long enough.
    pub(crate) fn house_overdue(&mut self, turn: &mut Turn, leg: LegId) -> bool {
        let Some(call) = self.house_of(leg) else { return false };
        let (reason, result) = match (leg == call.leg, call.out.is_placed()) {
            (true, _) => (EndReason::MediaFailed, DialResult::Cancelled),
            (false, true) => (EndReason::NotReached, DialResult::NoAnswer),
            (false, false) => (EndReason::NotReached, DialResult::NoLine),
        };
        let id = call.id;
        self.house_over(turn, id, Over { reason, by: Side::Server, result, gone: None });
        true
    }

    /// All of them, for the end of the server.
    pub(crate) fn end_house_calls(&mut self, turn: &mut Turn) {
        let reason = EndReason::ServerStopping;
        for id in self.house.keys().copied().collect::<Vec<_>>() {
            self.house_over(turn, id, Over { reason, by: Side::Server, result: DialResult::Cancelled, gone: None });
        }
    }

    fn house_over(&mut self, turn: &mut Turn, id: InteractionId, over: Over) {
        let Some(mut call) = self.house.remove(&id) else { return };
        std::mem::take(&mut call.wires).become_(turn, Wires::default());
        if over.gone != Some(call.leg) {
            call.close_leg(turn, over);
        }
        turn.timers.cancel(Reason::LegOverdue(call.leg));
        if over.gone == Some(call.out.leg) {
            call.out.free(turn);
        } else if call.out.is_begun() {
            call.out.hang_up(turn, over.reason);
        }
        turn.media(MediaCommand::Close { leg: call.leg });
        self.legs.remove(&call.leg);
        self.legs.remove(&call.out.leg);
        let fact = call.ledger.dial_ended(turn.now, over.result);
        fact.into_iter().for_each(|fact: Fact| call::store_fact(turn, fact));
        let (fact, record) = call.ledger.close(turn.now, over.reason, over.by);
        call::store_fact(turn, fact);
        self.close(turn, Box::new(record), &call.tracks);
    }
}
