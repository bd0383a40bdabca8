//! One signed-in agent: a state per variant, and one way to change it, which keeps the books and the deadline of the state (I-4).

use super::OfferOver;
use super::pool::{Free, Seated};
use super::standing::Standing;
use crate::command::{AgentCommand, MediaCommand, SessionEnd, Sound, StoreCommand};
use crate::ledger::{Doing, IntervalCause, OfferEnd, Timeline, WhyNot};
use crate::plan::{NoAnswer, Unattended, WrapUpRule};
use crate::time::{Now, Time};
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{
    AgentId, AgentState, CallNews, Desk, InteractionId, LegId, NextState, NotReadyReason, Notice, OfferId, QueueId, Refusal, SessionId,
    Side, VoiceDevice,
};

/// A signed-in agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    /// The agent's voice path.
    pub(crate) leg: LegId,
    /// Packets of the voice path arrive.
    pub(crate) reachable: bool,
    /// By what the agent speaks.
    pub(crate) device: VoiceDevice,
    /// The agent's phone, while it is off the hook.
    pub(crate) phone: Option<LegId>,
    /// The phone is registered, or always at the same place, as far as anybody has told.
    pub(crate) phone_registered: bool,
    /// There is no desktop, only the phone.
    pub(crate) unattended: Option<Unattended>,
    /// The desktop's connection stands.
    pub(crate) connected: bool,
    /// The desktop vouches for somebody who sits there.
    attentive: bool,
    pub(crate) activity: Activity,
    /// Without the present interval.
    pub(super) standing: Standing,
    /// A call was handled: its queue, and how long talk and wrap-up took, in ms.
    pub(crate) finished: Option<(QueueId, u64)>,
    pub(crate) notice: Option<Notice>,
    /// When the present reason of 示忙 lasts too long.
    pub(crate) limit: Option<Now>,
    timeline: Timeline,
    /// What the desktop was shown last; `None` when it must be shown anew.
    pub(crate) shown: Option<Box<Desk>>,
    pub(crate) revision: u64,
}

/// What a signed-in agent does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activity {
    NotReady(NotReadyReason),
    Ready,
    Offered(Offered),
    Talking(Talk),
    WrapUp(WrapUp),
    Lost(Lost),
}

/// Reserved for one call that rings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered {
    pub(crate) offer: OfferId,
    pub(crate) interaction: InteractionId,
    pub(crate) queue: QueueId,
    pub(crate) began: Now,
    pub(crate) expires: Now,
    /// When it is accepted by itself.
    pub(crate) accepts_itself: Option<Now>,
    /// The agent hears what comes before that.
    pub(crate) whispered: bool,
    /// A colleague asks; what the agent does after accepting.
    pub(crate) asked: Option<TalkMode>,
}

/// In a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) interaction: InteractionId,
    pub(crate) queue: QueueId,
    pub(crate) since: Time,
    /// What the agent does in it.
    pub(crate) mode: TalkMode,
    /// The last explicit choice wins (I-31).
    pub(crate) after: AfterCall,
}

/// What an agent does in a call (5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TalkMode {
    /// Talks with the citizen.
    Talk,
    /// Holds the citizen.
    Hold,
    /// Calls or consults somebody, or is consulted.
    Consult,
    /// Has dialled.
    Outbound,
}

/// What follows a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AfterCall {
    /// Wrap-up, then this.
    Next(Next),
    /// Sign-out, without wrap-up.
    SignOut,
}

/// What follows wrap-up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    Ready,
    NotReady(NotReadyReason),
}

/// Writing up a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrapUp {
    pub(crate) interaction: InteractionId,
    pub(crate) expires: Now,
    pub(crate) ended_by: Side,
    next: Next,
    queue: QueueId,
    /// When the talk began.
    since: Time,
    /// Its extensions are those that are left.
    pub(crate) rule: WrapUpRule,
}

/// The desktop is gone for longer than the grace period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost {
    held: Held,
    pub(super) until: Time,
}

/// What goes on when a lost desktop comes back.
#[derive(Debug, Clone, Copy)]
enum Held {
    NotReady(NotReadyReason),
    Ready,
    Talking(Talk),
    WrapUp(WrapUp),
}

/// A call whose agent's audio ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentOver {
    pub(crate) interaction: InteractionId,
    pub(crate) ended_by: Side,
    /// Of the call's queue.
    pub(crate) wrap_up_ms: u64,
    /// Of the call's queue.
    pub(crate) rule: WrapUpRule,
    /// The citizen was served; otherwise there is nothing to write up.
    pub(crate) handled: bool,
}

/// What a session leaves behind when it ends.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) offer: Option<OfferOver>,
    pub(crate) talk: Option<Talk>,
    pub(crate) standing: Standing,
}

/// What an agent's own request came to.
pub(crate) type Asked = Result<Option<OfferOver>, Refusal>;

/// How a session begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    pub(crate) leg: LegId,
    pub(crate) standing: Standing,
    pub(crate) device: VoiceDevice,
    pub(crate) unattended: Option<Unattended>,
    /// A call that was taken over from a superseded session.
    pub(crate) talk: Option<Talk>,
}

impl Agent {
    /// Signs in: never straight to Ready (1-1), unless there is nobody to go ready.
    pub(crate) fn sign_in(turn: &Turn, beginning: Beginning) -> Self {
        let Beginning { agent, session, leg, standing, device, unattended, talk } = beginning;
        let first = if unattended.is_some() { Activity::Ready } else { Activity::NotReady(NotReadyReason::SignedIn) };
        let activity = talk.map_or(first, |talk| Activity::Talking(talk.taken_over()));
        let timeline = Timeline::begin(agent, session, turn.now, activity.doing(IntervalCause::SignIn));
        Self {
            agent,
            session,
            leg,
            reachable: false,
            device,
            phone: None,
            phone_registered: true,
            unattended,
            connected: true,
            attentive: false,
            activity,
            standing,
            finished: None,
            notice: None,
            limit: None,
            timeline,
            shown: None,
            revision: 0,
        }
    }

    /// When the present state began.
    pub(crate) fn since(&self) -> Now {
        self.timeline.since()
    }

    /// What the rank rests on, the present interval included.
    pub(crate) fn standing(&self, now: Time) -> Standing {
        let length_ms = now.since(self.since().time);
        match self.activity {
            Activity::Ready => self.standing.and_ready(length_ms),
            Activity::Talking(_) | Activity::WrapUp(_) => self.standing.and_busy(length_ms),
            Activity::NotReady(_) | Activity::Offered(_) | Activity::Lost(_) => self.standing,
        }
    }

    /// Whether a call may be offered now (I-36).
    pub(crate) fn eligible(&self) -> bool {
        self.why_not().is_none()
    }

    /// What the seat means for its queues.
    pub(crate) fn seated(&self) -> Seated {
        let free = self.eligible().then(|| Free { since: self.since().time, standing: self.standing });
        let stays = self.at_work() && self.next().is_none();
        Seated { willing: self.takes_calls(), signed_in: true, at_work: self.at_work(), stays, free }
    }

    /// Why no call may be offered now, if so.
    pub(crate) fn why_not(&self) -> Option<WhyNot> {
        match self.activity {
            Activity::NotReady(_) => Some(WhyNot::NotReady),
            Activity::Offered(_) => Some(WhyNot::Rings),
            Activity::Talking(_) => Some(WhyNot::Talks),
            Activity::WrapUp(_) => Some(WhyNot::WrapsUp),
            Activity::Lost(_) => Some(WhyNot::Gone),
            Activity::Ready if !self.connected => Some(WhyNot::Gone),
            Activity::Ready if !self.has_voice() => Some(WhyNot::NoVoice),
            Activity::Ready => None,
        }
    }

    /// Whether this agent is at work, so that a waiting call may hope for it without anybody's decision.
    pub(crate) fn at_work(&self) -> bool {
        self.connected && self.takes_calls()
    }

    /// Neither 示忙 nor lost; the desktop may be gone for a moment.
    pub(crate) fn takes_calls(&self) -> bool {
        match self.activity {
            Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) => true,
            Activity::NotReady(_) | Activity::Lost(_) => false,
        }
    }

    /// The call whose citizen hears this agent, also while the desktop is lost.
    pub(crate) fn talk(&self) -> Option<Talk> {
        match self.activity {
            Activity::Talking(talk) | Activity::Lost(Lost { held: Held::Talking(talk), .. }) => Some(talk),
            Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::WrapUp(_) | Activity::Lost(_) => None,
        }
    }

    /// Reserved for a call. It is accepted by itself only if somebody sits there (2.1).
    pub(crate) fn offer(&mut self, turn: &mut Turn, offered: Offered) {
        let may = self.attentive && self.device == VoiceDevice::Headset;
        let delay_ms = turn.plan.agents.get(&self.agent).and_then(|plan| plan.auto_answer_ms).filter(|_| may);
        let accepts_itself = delay_ms.map(|delay_ms| turn.now.plus(delay_ms.max(1)));
        if let Some(at) = accepts_itself {
            turn.timers.set(at.time, Reason::AutoAnswer(self.agent, offered.offer));
        }
        self.enter(turn, Activity::Offered(Offered { accepts_itself, ..offered }), IntervalCause::Offer);
    }

    /// Somebody sits there, or not: a call that rings is not accepted by itself for an empty chair.
    pub(crate) fn attentive(&mut self, turn: &mut Turn, attentive: bool) {
        self.attentive = attentive && self.connected;
        if !self.attentive {
            self.waits_for_a_hand(turn);
        }
    }

    /// The live offer, if it is this one; any other is of an older round (I-2).
    pub(crate) fn offered(&self, offer: OfferId) -> Result<Offered, Refusal> {
        match self.activity {
            Activity::Offered(offered) if offered.offer == offer => Ok(offered),
            Activity::NotReady(_)
            | Activity::Ready
            | Activity::Offered(_)
            | Activity::Talking(_)
            | Activity::WrapUp(_)
            | Activity::Lost(_) => Err(Refusal::OfferGone),
        }
    }

    /// 接听: only handling a call resets the rank (I-40). `mode`: what the agent does, unless a colleague asks for something else.
    pub(crate) fn accept(&mut self, turn: &mut Turn, offer: OfferId, cause: IntervalCause, mode: TalkMode) -> Result<Offered, Refusal> {
        let offered = self.offered(offer)?;
        self.standing = self.standing.handled(turn.today());
        self.notice = None;
        let Offered { interaction, queue, asked, .. } = offered;
        let mode = asked.unwrap_or(mode);
        let talk = Talk { interaction, queue, since: turn.now.time, mode, after: AfterCall::Next(Next::Ready) };
        self.enter(turn, Activity::Talking(talk), cause);
        Ok(offered)
    }

    /// 外拨: reserved from the click on; 示忙 goes on afterwards (1-4).
    pub(crate) fn dial(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId) {
        let next = match self.activity {
            Activity::NotReady(reason) => Next::NotReady(reason),
            Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => Next::Ready,
        };
        self.notice = None;
        let (since, after) = (turn.now.time, AfterCall::Next(next));
        self.enter(turn, Activity::Talking(Talk { interaction, queue, since, mode: TalkMode::Outbound, after }), IntervalCause::Dialled);
    }

    /// A supervisor takes a call: no offer, no ringing.
    pub(crate) fn take(&mut self, turn: &mut Turn, interaction: InteractionId, queue: QueueId) {
        let next = match self.activity {
            Activity::NotReady(reason) => Next::NotReady(reason),
            Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => Next::Ready,
        };
        let (since, mode, after) = (turn.now.time, TalkMode::Talk, AfterCall::Next(next));
        self.enter(turn, Activity::Talking(Talk { interaction, queue, since, mode, after }), IntervalCause::Forced);
        // What was ready time until now counts for the past (I-40).
        self.standing = self.standing.handled(turn.today());
    }

    /// 强制示闲, 强制示忙: as an own choice, but told, and recorded as forced.
    pub(crate) fn force(&mut self, turn: &mut Turn, wanted: Option<NotReadyReason>) -> Asked {
        let before = self.activity.state();
        let over = match wanted {
            Some(reason) => self.go_not_ready(turn, reason)?,
            None => self.go_ready(turn)?,
        };
        if self.activity.state() != before {
            self.timeline.caused_by(IntervalCause::Forced);
        }
        self.tell(CallNews::Forced);
        Ok(over)
    }

    /// Why this agent may not dial now, if so.
    pub(crate) fn may_dial(&self) -> Result<(), Refusal> {
        match self.activity {
            Activity::NotReady(NotReadyReason::Locked) => Err(Refusal::Locked),
            Activity::NotReady(_) | Activity::Ready if !self.has_voice() => Err(Refusal::NoMedia),
            Activity::NotReady(_) | Activity::Ready => Ok(()),
            Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => Err(Refusal::WrongState),
        }
    }

    /// What the agent does in the call has changed; also while the desktop is lost.
    pub(crate) fn in_call(&mut self, turn: &mut Turn, mode: TalkMode) {
        match self.activity {
            Activity::Talking(talk) if talk.mode != mode => {
                self.enter(turn, Activity::Talking(Talk { mode, ..talk }), IntervalCause::CallFunction);
            }
            Activity::Lost(Lost { held: Held::Talking(talk), until }) => {
                self.activity = Activity::Lost(Lost { held: Held::Talking(Talk { mode, ..talk }), until });
            }
            Activity::Talking(_)
            | Activity::Lost(_)
            | Activity::NotReady(_)
            | Activity::Ready
            | Activity::Offered(_)
            | Activity::WrapUp(_) => {}
        }
    }

    /// Something that the agent has to know.
    pub(crate) fn tell(&mut self, news: CallNews) {
        self.notice = Some(Notice::Call(news));
    }

    /// 拒接
    pub(crate) fn reject(&mut self, turn: &mut Turn, offer: OfferId) -> Asked {
        let offered = self.offered(offer)?;
        self.notice = None;
        self.become_ready(turn, IntervalCause::Reject);
        Ok(Some(self.over(offered, OfferEnd::Rejected)))
    }

    /// The desk rang long enough.
    pub(crate) fn miss(&mut self, turn: &mut Turn, offered: Offered, rule: NoAnswer) -> Option<OfferOver> {
        self.notice = Some(Notice::OfferMissed);
        let (standing, over) = self.standing.missed(rule);
        self.standing = standing;
        if over {
            self.enter(turn, Activity::NotReady(NotReadyReason::NoAnswer), IntervalCause::NoAnswer);
        } else {
            self.become_ready(turn, IntervalCause::NoAnswer);
        }
        Some(self.over(offered, OfferEnd::NotAnswered))
    }

    /// The ringing call is over.
    pub(crate) fn caller_left(&mut self, turn: &mut Turn) -> Option<OfferOver> {
        let Activity::Offered(offered) = self.activity else { return None };
        self.notice = Some(Notice::CallerLeft);
        self.become_ready(turn, IntervalCause::CallerLeft);
        Some(self.over(offered, OfferEnd::CallerLeft))
    }

    /// Another desk that rang for the same call took it: Ready again, with the rank as it was (2.1).
    pub(crate) fn answered_elsewhere(&mut self, turn: &mut Turn) -> Option<OfferOver> {
        let Activity::Offered(offered) = self.activity else { return None };
        self.notice = None;
        self.become_ready(turn, IntervalCause::AnsweredElsewhere);
        Some(self.over(offered, OfferEnd::AnsweredElsewhere))
    }

    /// 示闲
    pub(crate) fn go_ready(&mut self, turn: &mut Turn) -> Asked {
        match self.activity {
            Activity::NotReady(NotReadyReason::Locked) => return Err(Refusal::Locked),
            Activity::Lost(_) => return Err(Refusal::WrongState),
            Activity::WrapUp(wrap_up) if wrap_up.rule.until_saved => {
                self.activity = Activity::WrapUp(WrapUp { next: Next::Ready, ..wrap_up });
            }
            Activity::NotReady(_) | Activity::WrapUp(_) if !self.has_voice() => return Err(Refusal::NoMedia),
            Activity::NotReady(_) | Activity::WrapUp(_) => self.enter(turn, Activity::Ready, IntervalCause::User),
            Activity::Talking(talk) => self.activity = Activity::Talking(Talk { after: AfterCall::Next(Next::Ready), ..talk }),
            Activity::Ready | Activity::Offered(_) => {}
        }
        self.notice = None;
        Ok(None)
    }

    /// 示忙: at once, or as the state after the call.
    pub(crate) fn go_not_ready(&mut self, turn: &mut Turn, reason: NotReadyReason) -> Asked {
        if !NotReadyReason::CHOOSABLE.contains(&reason) {
            return Err(Refusal::ReasonNotAllowed);
        }
        let over = self.withdrawn();
        match self.activity {
            Activity::NotReady(NotReadyReason::Locked) => return Err(Refusal::Locked),
            Activity::Lost(_) => return Err(Refusal::WrongState),
            Activity::NotReady(present) if present == reason => {}
            Activity::WrapUp(wrap_up) if wrap_up.rule.until_saved => {
                self.activity = Activity::WrapUp(WrapUp { next: Next::NotReady(reason), ..wrap_up });
            }
            Activity::NotReady(_) | Activity::Ready | Activity::WrapUp(_) | Activity::Offered(_) => {
                self.enter(turn, Activity::NotReady(reason), IntervalCause::User);
            }
            Activity::Talking(talk) => {
                self.activity = Activity::Talking(Talk { after: AfterCall::Next(Next::NotReady(reason)), ..talk });
            }
        }
        self.notice = None;
        Ok(over)
    }

    /// A break that was waited for has a place now: at once, or after what is being done. `false` if the agent cannot take it yet.
    pub(crate) fn break_free(&mut self, turn: &mut Turn, reason: NotReadyReason) -> bool {
        match self.activity {
            Activity::Offered(_) | Activity::Lost(_) => return false,
            // Whoever was set so by the server has to see that first (I-29).
            Activity::NotReady(NotReadyReason::Locked | NotReadyReason::NoAnswer | NotReadyReason::System) => return false,
            Activity::Talking(talk) => {
                self.activity = Activity::Talking(Talk { after: AfterCall::Next(Next::NotReady(reason)), ..talk });
            }
            Activity::WrapUp(wrap_up) => self.activity = Activity::WrapUp(WrapUp { next: Next::NotReady(reason), ..wrap_up }),
            Activity::Ready | Activity::NotReady(_) => {
                self.notice = Some(Notice::BreakBegun);
                self.enter(turn, Activity::NotReady(reason), IntervalCause::BreakFree);
            }
        }
        true
    }

    /// 示忙 lasts too long: the agent is told, nothing else follows. A phone without a desktop has rested, and is tried again.
    pub(crate) fn break_over(&mut self, turn: &mut Turn) {
        match self.activity {
            Activity::NotReady(NotReadyReason::NoAnswer | NotReadyReason::System) if self.unattended.is_some() => self.rested(turn),
            Activity::NotReady(_) => self.notice = Some(Notice::BreakOver),
            Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => {}
        }
    }

    /// 锁定: not in a call (5-4).
    pub(crate) fn lock(&mut self, turn: &mut Turn) -> Asked {
        let over = self.withdrawn();
        match self.activity {
            Activity::Talking(_) | Activity::Lost(_) => return Err(Refusal::WrongState),
            Activity::NotReady(NotReadyReason::Locked) => {}
            Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::WrapUp(_) => {
                self.enter(turn, Activity::NotReady(NotReadyReason::Locked), IntervalCause::Lock);
            }
        }
        self.notice = None;
        Ok(over)
    }

    /// The password was right: as after sign-in.
    pub(crate) fn unlock(&mut self, turn: &mut Turn) -> Asked {
        match self.activity {
            Activity::NotReady(NotReadyReason::Locked) => {
                self.enter(turn, Activity::NotReady(NotReadyReason::SignedIn), IntervalCause::Unlock);
                Ok(None)
            }
            Activity::NotReady(_)
            | Activity::Ready
            | Activity::Offered(_)
            | Activity::Talking(_)
            | Activity::WrapUp(_)
            | Activity::Lost(_) => Err(Refusal::WrongState),
        }
    }

    /// The reason that has this agent's place: the present one, or the one chosen to follow.
    pub(crate) fn reason(&self) -> Option<NotReadyReason> {
        match self.activity {
            Activity::NotReady(reason) | Activity::Lost(Lost { held: Held::NotReady(reason), .. }) => Some(reason),
            Activity::Talking(talk) | Activity::Lost(Lost { held: Held::Talking(talk), .. }) => talk.reason(),
            Activity::WrapUp(wrap_up) | Activity::Lost(Lost { held: Held::WrapUp(wrap_up), .. }) => wrap_up.next.reason(),
            Activity::Ready | Activity::Offered(_) | Activity::Lost(Lost { held: Held::Ready, .. }) => None,
        }
    }

    /// What was chosen to follow, if it is not Ready.
    pub(crate) fn next(&self) -> Option<NextState> {
        match self.activity {
            Activity::Talking(Talk { after: AfterCall::SignOut, .. }) => Some(NextState::SignOut),
            Activity::Talking(_) | Activity::WrapUp(_) => self.reason().map(NextState::NotReady),
            Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::Lost(_) => None,
        }
    }

    /// 完成话后处理
    pub(crate) fn end_wrap_up(&mut self, turn: &mut Turn) -> Asked {
        let Activity::WrapUp(wrap_up) = self.activity else { return Err(Refusal::WrongState) };
        self.notice = None;
        self.follow(turn, wrap_up.next, IntervalCause::User);
        Ok(None)
    }

    /// 延长话后处理: some more time, as often as the queue allows.
    pub(crate) fn extend_wrap_up(&mut self, turn: &mut Turn) -> Asked {
        let Activity::WrapUp(mut wrap_up) = self.activity else { return Err(Refusal::WrongState) };
        wrap_up.rule.extensions = wrap_up.rule.extensions.checked_sub(1).ok_or(Refusal::WrongState)?;
        wrap_up.expires = wrap_up.expires.plus(wrap_up.rule.extension_ms);
        self.activity = Activity::WrapUp(wrap_up);
        turn.timers.set(wrap_up.expires.time, Reason::WrapUpOver(self.agent));
        Ok(None)
    }

    /// Wrap-up ran out.
    pub(crate) fn wrap_up_over(&mut self, turn: &mut Turn) {
        if let Activity::WrapUp(wrap_up) = self.activity {
            self.follow(turn, wrap_up.next, IntervalCause::WrapUpOver);
        }
    }

    /// 签出 in a call becomes "after this call"; returns whether it did.
    pub(crate) fn sign_out_after_call(&mut self) -> bool {
        let Activity::Talking(talk) = self.activity else { return false };
        self.activity = Activity::Talking(Talk { after: AfterCall::SignOut, ..talk });
        true
    }

    /// The agent's part of a call is over; returns whether the agent wished to sign out now.
    pub(crate) fn segment_over(&mut self, turn: &mut Turn, over: SegmentOver) -> bool {
        turn.timers.cancel(Reason::LostCallOver(self.agent));
        let Some(talk) = self.talk() else { return false };
        let AfterCall::Next(next) = talk.after else { return true };
        let SegmentOver { interaction, ended_by, wrap_up_ms, rule, .. } = over;
        let Talk { queue, since, .. } = talk;
        let wrap_up = WrapUp { interaction, expires: turn.now.plus(wrap_up_ms), ended_by, next, queue, since, rule };
        if wrap_up_ms == 0 && over.handled {
            self.finished = Some((queue, turn.now.time.since(since)));
        }
        match self.activity {
            Activity::Lost(lost) => self.activity = Activity::Lost(Lost { held: Held::WrapUp(wrap_up), ..lost }),
            Activity::Talking(_) if wrap_up_ms > 0 => self.enter(turn, Activity::WrapUp(wrap_up), IntervalCause::CallEnded),
            Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) => {
                self.follow(turn, next, IntervalCause::CallEnded);
            }
        }
        false
    }

    /// The desktop's connection broke: no offers from now on, everything else is kept.
    pub(crate) fn disconnected(&mut self, turn: &mut Turn) -> Option<OfferOver> {
        if !self.connected {
            return None;
        }
        (self.connected, self.attentive) = (false, false);
        turn.timers.cancel(Reason::MediaReturnOver(self.agent));
        turn.timers.set(turn.now.time.plus(turn.plan.limits.grace_ms), Reason::GraceOver(self.agent));
        // Who speaks by a phone goes on: only the buttons are gone.
        if self.talk().is_some() && self.phone.is_none() {
            turn.timers.set(turn.now.time.plus(turn.plan.limits.lost_call_ms), Reason::LostCallOver(self.agent));
        }
        let over = self.withdrawn()?;
        self.enter(turn, Activity::Ready, IntervalCause::ConnectionLost);
        Some(over)
    }

    /// The desktop did not come back in time.
    pub(crate) fn grace_over(&mut self, turn: &mut Turn) {
        let held = match self.activity {
            Activity::NotReady(reason) => Held::NotReady(reason),
            Activity::Ready => Held::Ready,
            Activity::Talking(talk) => Held::Talking(talk),
            Activity::WrapUp(wrap_up) => Held::WrapUp(wrap_up),
            Activity::Offered(_) | Activity::Lost(_) => unreachable!("a disconnect withdraws the offer, and is lost once"),
        };
        let until = turn.now.time.plus(turn.plan.limits.lost_ms);
        self.enter(turn, Activity::Lost(Lost { held, until }), IntervalCause::ConnectionLost);
    }

    /// The desktop is back: the state it had, shown anew. Its voice path gets a moment to return too.
    pub(crate) fn resumed(&mut self, turn: &mut Turn) {
        self.connected = true;
        self.shown = None;
        turn.timers.cancel(Reason::GraceOver(self.agent));
        turn.timers.cancel(Reason::LostCallOver(self.agent));
        if let Activity::Lost(lost) = self.activity {
            self.enter(turn, lost.held.resumed(turn.now.time), IntervalCause::Resumed);
        }
        if matches!(self.activity, Activity::Ready) && !self.has_voice() {
            turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::MediaReturnOver(self.agent));
        }
    }

    /// The voice path works, or stopped. In a call nothing follows (I-32); while the desktop is gone its return is awaited.
    pub(crate) fn media_reachable(&mut self, turn: &mut Turn, reachable: bool) -> Option<OfferOver> {
        self.reachable = reachable;
        if reachable {
            turn.timers.cancel(Reason::MediaReturnOver(self.agent));
            return None;
        }
        if self.connected && !self.has_voice() { self.media_lost(turn) } else { None }
    }

    /// No calls without a voice path (I-36), and the agent is told (I-29).
    pub(crate) fn media_lost(&mut self, turn: &mut Turn) -> Option<OfferOver> {
        let over = self.withdrawn();
        match self.activity {
            Activity::Ready | Activity::Offered(_) => {
                self.notice = Some(Notice::MediaLost);
                self.enter(turn, Activity::NotReady(NotReadyReason::System), IntervalCause::MediaLost);
            }
            Activity::NotReady(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => {}
        }
        over
    }

    /// The session ends: books closed, voice path freed, desktop told.
    pub(crate) fn leave(self, turn: &mut Turn, why: SessionEnd) -> Remains {
        let (agent, session) = (self.agent, self.session);
        let remains = Remains { offer: self.withdrawn(), talk: self.talk(), standing: self.standing(turn.now.time) };
        if let Some((_, reason)) = self.deadline() {
            turn.timers.cancel(reason);
        }
        if let Activity::Offered(offered) = self.activity {
            turn.timers.cancel(Reason::AutoAnswer(agent, offered.offer));
        }
        for reason in [Reason::GraceOver(agent), Reason::LostCallOver(agent), Reason::MediaReturnOver(agent)] {
            turn.timers.cancel(reason);
        }
        turn.store(StoreCommand::AgentTime(self.timeline.end(turn.now, why)));
        if self.unattended.is_none() {
            turn.media(MediaCommand::Close { leg: self.leg });
            turn.agent(AgentCommand::SignedOut { agent, session, why });
        }
        remains
    }

    /// The live offer as one that is taken back; the caller of this leaves the state.
    pub(super) fn withdrawn(&self) -> Option<OfferOver> {
        match self.activity {
            Activity::Offered(offered) => Some(self.over(offered, OfferEnd::Withdrawn)),
            Activity::NotReady(_) | Activity::Ready | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => None,
        }
    }

    pub(super) fn over(&self, offered: Offered, why: OfferEnd) -> OfferOver {
        OfferOver { agent: self.agent, interaction: offered.interaction, why }
    }

    fn follow(&mut self, turn: &mut Turn, next: Next, cause: IntervalCause) {
        match next {
            Next::Ready => self.become_ready(turn, cause),
            Next::NotReady(reason) => self.enter(turn, Activity::NotReady(reason), cause),
        }
    }

    /// Ready by the server's own doing: only with a voice path, unless the desktop is gone anyway and must come back first.
    fn become_ready(&mut self, turn: &mut Turn, cause: IntervalCause) {
        if self.has_voice() || !self.connected {
            self.enter(turn, Activity::Ready, cause);
        } else {
            self.notice = Some(Notice::MediaLost);
            self.enter(turn, Activity::NotReady(NotReadyReason::System), IntervalCause::MediaLost);
        }
    }

    /// The one way from state to state: deadline of the old one cancelled, of the new one armed, the interval closed.
    pub(super) fn enter(&mut self, turn: &mut Turn, activity: Activity, cause: IntervalCause) {
        self.standing = self.standing(turn.now.time);
        if matches!(self.activity, Activity::Ready) {
            turn.timers.cancel(Reason::MediaReturnOver(self.agent));
        }
        if let Some((_, reason)) = self.deadline() {
            turn.timers.cancel(reason);
        }
        if let Activity::Offered(offered) = self.activity {
            turn.timers.cancel(Reason::AutoAnswer(self.agent, offered.offer));
            // Joining cuts what is heard; nothing else does.
            if offered.whispered && !matches!(activity, Activity::Talking(_)) {
                turn.media(MediaCommand::Play { leg: self.leg, sound: Sound::Silence });
            }
        }
        if let Activity::WrapUp(wrap_up) = self.activity {
            self.finished = Some((wrap_up.queue, turn.now.time.since(wrap_up.since)));
        }
        self.limit = self.longest(turn, activity);
        self.notice = self.notice.or(told_again(activity));
        self.activity = activity;
        if let Some((time, reason)) = self.deadline() {
            turn.timers.set(time, reason);
        }
        let finished = self.timeline.change(turn.now, activity.doing(cause));
        turn.store(StoreCommand::AgentTime(finished));
    }

    /// When a state lasts too long.
    fn longest(&self, turn: &Turn, activity: Activity) -> Option<Now> {
        let Activity::NotReady(reason) = activity else { return None };
        match self.unattended {
            Some(rule) if matches!(reason, NotReadyReason::NoAnswer | NotReadyReason::System) => Some(turn.now.plus(rule.rest_ms.max(1))),
            Some(_) => None,
            None => turn.plan.reasons.get(&reason).filter(|rule| rule.max_ms > 0).map(|rule| turn.now.plus(rule.max_ms)),
        }
    }

    fn deadline(&self) -> Option<(Time, Reason)> {
        match self.activity {
            Activity::Offered(offered) => Some((offered.expires.time, Reason::OfferOver(self.agent, offered.offer))),
            Activity::WrapUp(wrap_up) => Some((wrap_up.expires.time, Reason::WrapUpOver(self.agent))),
            Activity::Lost(lost) => Some((lost.until, Reason::LostOver(self.agent))),
            Activity::NotReady(_) => self.limit.map(|limit| (limit.time, Reason::BreakOver(self.agent))),
            Activity::Ready | Activity::Talking(_) => None,
        }
    }
}

/// What the server has set goes on behind a call that the agent dialled, and behind a loss: it is told again (I-29).
fn told_again(activity: Activity) -> Option<Notice> {
    match activity {
        Activity::NotReady(NotReadyReason::NoAnswer) => Some(Notice::OfferMissed),
        Activity::NotReady(NotReadyReason::System) => Some(Notice::MediaLost),
        Activity::NotReady(_) | Activity::Ready | Activity::Offered(_) | Activity::Talking(_) | Activity::WrapUp(_) | Activity::Lost(_) => {
            None
        }
    }
}

impl Activity {
    /// The state as everybody sees it.
    pub(crate) fn state(self) -> AgentState {
        match self {
            Self::NotReady(reason) => AgentState::NotReady(reason),
            Self::Ready => AgentState::Ready,
            Self::Offered(_) => AgentState::Offered,
            Self::Talking(talk) => talk.mode.state(),
            Self::WrapUp(_) => AgentState::WrapUp,
            Self::Lost(_) => AgentState::Lost,
        }
    }

    /// The call it is about.
    pub(crate) fn interaction(self) -> Option<InteractionId> {
        match self {
            Self::Offered(offered) => Some(offered.interaction),
            Self::Talking(talk) => Some(talk.interaction),
            Self::WrapUp(wrap_up) => Some(wrap_up.interaction),
            Self::NotReady(_) | Self::Ready | Self::Lost(_) => None,
        }
    }

    fn doing(self, cause: IntervalCause) -> Doing {
        Doing { state: self.state(), cause, interaction: self.interaction() }
    }
}

impl TalkMode {
    fn state(self) -> AgentState {
        match self {
            Self::Talk => AgentState::Talking,
            Self::Hold => AgentState::Holding,
            Self::Consult => AgentState::Consulting,
            Self::Outbound => AgentState::Outbound,
        }
    }
}

impl Next {
    fn reason(self) -> Option<NotReadyReason> {
        match self {
            Self::NotReady(reason) => Some(reason),
            Self::Ready => None,
        }
    }
}

impl Talk {
    /// The reason of 示忙 that is to follow.
    pub(crate) fn reason(self) -> Option<NotReadyReason> {
        match self.after {
            AfterCall::Next(next) => next.reason(),
            AfterCall::SignOut => None,
        }
    }

    /// Whoever signs in anew does not want to be signed out by a wish of the session before (I-31).
    fn taken_over(self) -> Self {
        match self.after {
            AfterCall::Next(_) => self,
            AfterCall::SignOut => Self { after: AfterCall::Next(Next::NotReady(NotReadyReason::SignedIn)), ..self },
        }
    }
}

impl Held {
    fn resumed(self, now: Time) -> Activity {
        match self {
            Self::NotReady(reason) => Activity::NotReady(reason),
            Self::Ready => Activity::Ready,
            Self::Talking(talk) => Activity::Talking(talk),
            Self::WrapUp(wrap_up) if now < wrap_up.expires.time => Activity::WrapUp(wrap_up),
            Self::WrapUp(WrapUp { next: Next::Ready, .. }) => Activity::Ready,
            Self::WrapUp(WrapUp { next: Next::NotReady(reason), .. }) => Activity::NotReady(reason),
        }
    }
}
