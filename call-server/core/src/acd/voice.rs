//! By what an agent speaks: the headset, whose voice path stands as long as the session, or a phone that is called for each call.

use super::agent::{Activity, Agent, Offered};
use super::{Acd, OfferOver};
use crate::command::{MediaCommand, Sound};
use crate::ledger::{IntervalCause, OfferEnd};
use crate::plan::{NoAnswer, PhonePlace};
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{DialResult, LegId, NotReadyReason, Notice, OfferId, PhoneNumber, VoiceDevice};

/// How long an agent hears of a call before it is joined, at most, in ms; also if media never says that the whisper is over.
const WHISPER_MOST_MS: u64 = 10_000;

impl Acd {
    /// What is known of a phone; [`Acd::look_for_phones`] draws the conclusions.
    pub(crate) fn phone_registered(&mut self, number: PhoneNumber, registered: bool) {
        if registered {
            self.gone_phones.remove(&number);
        } else {
            self.gone_phones.insert(number);
        }
    }

    /// Agents whose phones have come or gone, by news or by a new plan; returns the offers that end with it.
    pub(crate) fn look_for_phones(&mut self, turn: &mut Turn) -> Vec<OfferOver> {
        let is_there =
            |agent: &Agent| match turn.plan.agents.get(&agent.agent).and_then(|plan| plan.phone.as_ref()).map(|phone| &phone.place) {
                Some(PhonePlace::Registered(number)) => !self.gone_phones.contains(number),
                Some(PhonePlace::Fixed { .. }) | None => true,
            };
        let news = self.signed_in().map(|agent| (agent.agent, is_there(agent), agent.phone_registered));
        let news: Vec<_> = news.filter(|(_, is_there, known)| is_there != known).collect();
        news.into_iter().filter_map(|(agent, is_there, _)| self.agent_mut(agent)?.phone_registered(turn, is_there)).collect()
    }
}

impl Agent {
    /// The leg by which the agent is heard now: the phone while it is off the hook.
    pub(crate) fn voice(&self) -> LegId {
        self.phone.unwrap_or(self.leg)
    }

    /// Whether a call may count on the agent's voice: whether a phone is there is known when it is called.
    pub(crate) fn has_voice(&self) -> bool {
        match self.device {
            VoiceDevice::Headset => self.reachable,
            VoiceDevice::Phone => self.phone_registered || self.phone.is_some(),
        }
    }

    /// The phone has registered, or is registered no more: no calls until it is back (I-36). Who has a desktop is told, and says 示闲 again
    /// (I-29). What is being spoken by it goes on.
    fn phone_registered(&mut self, turn: &mut Turn, registered: bool) -> Option<OfferOver> {
        self.phone_registered = registered;
        if self.device != VoiceDevice::Phone {
            return None;
        }
        if registered {
            self.rested(turn);
            return None;
        }
        let over = self.withdrawn();
        match self.activity {
            Activity::Ready | Activity::Offered(_) if self.connected => {
                self.notice = Some(Notice::PhoneFailed(DialResult::NoLine));
                self.enter(turn, Activity::NotReady(NotReadyReason::System), IntervalCause::MediaLost);
            }
            Activity::NotReady(_)
            | Activity::Ready
            | Activity::Offered(_)
            | Activity::Talking(_)
            | Activity::WrapUp(_)
            | Activity::Lost(_) => {}
        }
        over
    }

    /// Who has no desktop goes ready after a rest, if the phone is there.
    pub(super) fn rested(&mut self, turn: &mut Turn) {
        let rests = matches!(self.activity, Activity::NotReady(NotReadyReason::NoAnswer | NotReadyReason::System));
        if rests && self.unattended.is_some() && self.has_voice() {
            self.notice = None;
            self.enter(turn, Activity::Ready, IntervalCause::Rested);
        }
    }

    /// Whether the agent's phone has to be called before the agent can say anything.
    pub(crate) fn needs_phone(&self) -> bool {
        self.device == VoiceDevice::Phone && self.phone.is_none()
    }

    /// Lets the agent hear of the call that is about to be accepted by itself, as its queue wants it; `false` if it is to be accepted now.
    /// The offer lasts until that is over (I-24).
    pub(crate) fn whisper(&mut self, turn: &mut Turn) -> bool {
        let Activity::Offered(offered) = self.activity else { return false };
        let prompts = turn.queue(offered.queue).whisper.clone();
        if offered.whispered || offered.asked.is_some() || prompts.is_empty() {
            return false;
        }
        let latest = turn.now.plus(WHISPER_MOST_MS);
        let expires = if offered.expires.time > latest.time { offered.expires } else { latest.plus(1) };
        self.activity = Activity::Offered(Offered { whispered: true, expires, ..offered });
        turn.timers.set(latest.time, Reason::AutoAnswer(self.agent, offered.offer));
        turn.timers.set(expires.time, Reason::OfferOver(self.agent, offered.offer));
        turn.media(MediaCommand::Announce { leg: self.leg, prompts, then: Sound::Silence });
        true
    }

    /// The offer of which the agent hears now.
    pub(crate) fn whispered(&self) -> Option<OfferId> {
        match self.activity {
            Activity::Offered(offered) => Some(offered.offer).filter(|_| offered.whispered),
            Activity::NotReady(_) | Activity::Ready | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => None,
        }
    }

    /// The call that rings is not accepted by itself any more.
    pub(super) fn waits_for_a_hand(&mut self, turn: &mut Turn) {
        let Activity::Offered(offered) = self.activity else { return };
        turn.timers.cancel(Reason::AutoAnswer(self.agent, offered.offer));
        if offered.whispered {
            turn.media(MediaCommand::Play { leg: self.leg, sound: Sound::Silence });
        }
        self.activity = Activity::Offered(Offered { accepts_itself: None, whispered: false, ..offered });
    }

    /// To speak by something else from now on; the offer that ends with it, if the headset does not work.
    pub(crate) fn use_voice(&mut self, turn: &mut Turn, device: VoiceDevice) -> Option<OfferOver> {
        self.device = device;
        self.notice = None;
        if device == VoiceDevice::Phone {
            self.waits_for_a_hand(turn);
            turn.timers.cancel(Reason::MediaReturnOver(self.agent));
            return if self.has_voice() { None } else { self.phone_registered(turn, false) };
        }
        self.phone = None;
        if self.connected && !self.has_voice() { self.media_lost(turn) } else { None }
    }

    /// The phone was not reached. An offer ends with it, and the agent takes no calls: a machine that refuses would refuse the next one at
    /// once. In a talk the headset stays what it was.
    pub(crate) fn phone_failed(&mut self, turn: &mut Turn, result: DialResult) -> Option<OfferOver> {
        self.phone = None;
        self.notice = Some(Notice::PhoneFailed(result));
        let Activity::Offered(offered) = self.activity else { return None };
        let (reason, cause) = match result {
            DialResult::Invalid | DialResult::NoLine => (NotReadyReason::System, IntervalCause::MediaLost),
            DialResult::Answered | DialResult::Busy | DialResult::NoAnswer | DialResult::Rejected | DialResult::Cancelled => {
                (NotReadyReason::NoAnswer, IntervalCause::NoAnswer)
            }
        };
        self.standing = self.standing.missed(NoAnswer::NotReady).0;
        self.enter(turn, Activity::NotReady(reason), cause);
        Some(self.over(offered, OfferEnd::NotAnswered))
    }

    /// The phone is gone in mid-call: no calls until somebody has looked at it.
    pub(crate) fn phone_gone(&mut self, turn: &mut Turn) {
        self.notice = Some(Notice::PhoneFailed(DialResult::NoLine));
        if matches!(self.activity, Activity::Ready) {
            self.enter(turn, Activity::NotReady(NotReadyReason::System), IntervalCause::MediaLost);
        }
    }

    /// A lost desktop whose agent goes on speaking by the phone is waited for a while longer. `false` if that is not so.
    pub(crate) fn waits_on(&mut self, turn: &mut Turn) -> bool {
        let Activity::Lost(mut lost) = self.activity else { return false };
        if self.phone.is_none() || self.talk().is_none() {
            return false;
        }
        lost.until = turn.now.time.plus(turn.plan.limits.lost_ms);
        self.activity = Activity::Lost(lost);
        turn.timers.set(lost.until, Reason::LostOver(self.agent));
        true
    }
}
