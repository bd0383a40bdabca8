//! By what an agent speaks: the headset, whose voice path stands as long as the session, or a phone that is called for each call.

use super::OfferOver;
use super::agent::{Activity, Agent, Offered};
use crate::command::{MediaCommand, Sound};
use crate::ledger::{IntervalCause, OfferEnd};
use crate::plan::NoAnswer;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{DialResult, LegId, NotReadyReason, Notice, OfferId, VoiceDevice};

/// How long an agent hears of a call before it is joined, at most, in ms; also if media never says that the whisper is over.
const WHISPER_MOST_MS: u64 = 10_000;

impl Agent {
    /// The leg by which the agent is heard now: the phone while it is off the hook.
    pub(crate) fn voice(&self) -> LegId {
        self.phone.unwrap_or(self.leg)
    }

    /// Whether a call may count on the agent's voice: whether a phone is there is known when it is called.
    pub(crate) fn has_voice(&self) -> bool {
        match self.device {
            VoiceDevice::Headset => self.reachable,
            VoiceDevice::Phone => true,
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
            return None;
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
