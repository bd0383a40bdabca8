//! One call of ours on its way out: its voice path first, then the INVITE, until somebody answers or it fails (1-4).
//!
//! What it belongs to is not known here: a citizen who is called, an expert, a phone of the house.

use crate::command::{CallTo, Dial, MediaCommand, SessionText, SipCommand, VoiceTerms};
use crate::plan::{KeyMode, Srtp, TrunkVoice, first_for};
use crate::time::Now;
use crate::timer::Reason;
use crate::turn::Turn;
use shared::model::{Caller, EndReason, LegId};

/// The core numbers its calls from here on; agents' legs lie above, those of the SIP edge below.
pub(crate) const FIRST_OUTGOING_LEG: u64 = 1 << 61;

/// A call of ours.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) leg: LegId,
    pub(crate) to: CallTo,
    /// Whose number the called person sees.
    shown: Caller,
    /// How long it may ring, in ms.
    ring_ms: u64,
    /// The leg of a talk that it may take part in.
    near: Option<LegId>,
    /// By which its voice path was made.
    terms: VoiceTerms,
    pub(crate) stage: OutgoingStage,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutgoingStage {
    /// Not begun: the phone of the agent who dials is called first.
    Awaited,
    /// Media was asked for a port.
    Opening,
    /// A trunk has failed, and the next one waits for an offer of its own: media was asked for another voice path.
    Reopening,
    /// The INVITE is out.
    Calling,
    /// It rings there; `early` if the network's own sound is heard.
    Ringing {
        /// The far side has described its voice.
        early: bool,
    },
    /// Two-way audio is possible.
    Answered(Now),
}

/// A call of ours travels as the trunk wants it that is likely to be tried first. Where the trunk
/// requires encryption, the SIP edge takes the offer nowhere but over TLS.
fn terms(turn: &Turn, to: &CallTo) -> VoiceTerms {
    match to {
        CallTo::Number(number) => first_for(&turn.plan.trunks, number).map_or_else(VoiceTerms::default, |trunk| {
            let voice = trunk.voice.offered(trunk.is_over_tls());
            VoiceTerms { encrypted: voice.srtp == Srtp::Required, voice, ipv6: trunk.is_ipv6() }
        }),
        CallTo::Phone(_) | CallTo::Fixed { .. } => VoiceTerms { voice: TrunkVoice::of_a_phone(), ..VoiceTerms::default() },
    }
}

impl Outgoing {
    /// Asks for a voice path on the thread of the leg `near`; the deadline of each step is [`Reason::LegOverdue`].
    pub(crate) fn begin(turn: &mut Turn, leg: LegId, to: CallTo, shown: Caller, ring_ms: u64, near: Option<LegId>) -> Self {
        let mut outgoing = Self::awaited(leg, to, shown, ring_ms);
        outgoing.start(turn, near);
        outgoing
    }

    /// A call that begins with [`Outgoing::start`]; who waits for that has a deadline of its own.
    pub(crate) fn awaited(leg: LegId, to: CallTo, shown: Caller, ring_ms: u64) -> Self {
        Self { leg, to, shown, ring_ms, near: None, terms: VoiceTerms::default(), stage: OutgoingStage::Awaited }
    }

    /// How keys are told to it.
    pub(crate) fn keys(&self) -> KeyMode {
        self.terms.voice.keys
    }

    /// Asks for the voice path of an awaited call.
    pub(crate) fn start(&mut self, turn: &mut Turn, near: Option<LegId>) {
        if self.stage != OutgoingStage::Awaited {
            return;
        }
        (self.near, self.terms) = (near, terms(turn, &self.to));
        self.open(turn);
        self.stage = OutgoingStage::Opening;
    }

    fn open(&self, turn: &mut Turn) {
        let (leg, near, terms) = (self.leg, self.near, self.terms.clone());
        let urgent = turn.is_emergency(&self.to);
        turn.media(MediaCommand::OfferTrunk { leg, near, urgent, terms });
        if self.keys() == KeyMode::InBand {
            turn.media(MediaCommand::HearTones { leg });
        }
        turn.timers.set(turn.now.time.plus(turn.plan.limits.media_open_ms), Reason::LegOverdue(leg));
    }

    /// The next trunk wants an offer by other terms. From here on nothing is heard of the one that has failed; [`Outgoing::reopen`] follows.
    /// Returns whether that can be.
    pub(crate) fn withdraw(&mut self, terms: VoiceTerms) -> bool {
        let is_calling = matches!(self.stage, OutgoingStage::Calling | OutgoingStage::Ringing { .. });
        if is_calling {
            (self.terms, self.stage) = (terms, OutgoingStage::Reopening);
        }
        is_calling
    }

    /// Asks for the voice path of the next trunk.
    pub(crate) fn reopen(&self, turn: &mut Turn) {
        if self.stage == OutgoingStage::Reopening {
            self.open(turn);
        }
    }

    /// The voice path is there: the INVITE goes out with its offer.
    pub(crate) fn media_opened(&mut self, turn: &mut Turn, offer: SessionText) {
        let leg = self.leg;
        match self.stage {
            OutgoingStage::Opening => {
                let (to, shown, terms) = (self.to.clone(), self.shown.clone(), self.terms.clone());
                turn.sip(SipCommand::Dial(Box::new(Dial { leg, to, shown, offer, terms })));
            }
            OutgoingStage::Reopening => turn.sip(SipCommand::Offer { leg, offer }),
            OutgoingStage::Awaited | OutgoingStage::Calling | OutgoingStage::Ringing { .. } | OutgoingStage::Answered(_) => return,
        }
        turn.timers.set(turn.now.time.plus(self.ring_ms), Reason::LegOverdue(leg));
        self.stage = OutgoingStage::Calling;
    }

    /// It rings. Returns whether that changes what is heard.
    pub(crate) fn rings(&mut self, turn: &mut Turn, early: Option<SessionText>) -> bool {
        let was_early = match self.stage {
            OutgoingStage::Calling => false,
            OutgoingStage::Ringing { early } => early,
            OutgoingStage::Awaited | OutgoingStage::Opening | OutgoingStage::Reopening | OutgoingStage::Answered(_) => return false,
        };
        let is_early = early.is_some();
        if let Some(description) = early {
            turn.media(MediaCommand::Follow { leg: self.leg, description });
        }
        let before = std::mem::replace(&mut self.stage, OutgoingStage::Ringing { early: was_early || is_early });
        self.stage != before
    }

    /// Somebody answered. Returns whether that is news.
    pub(crate) fn answered(&mut self, turn: &mut Turn, answer: Option<SessionText>) -> bool {
        match self.stage {
            OutgoingStage::Calling | OutgoingStage::Ringing { .. } => {}
            OutgoingStage::Awaited | OutgoingStage::Opening | OutgoingStage::Reopening | OutgoingStage::Answered(_) => return false,
        }
        turn.timers.cancel(Reason::LegOverdue(self.leg));
        if let Some(description) = answer {
            turn.media(MediaCommand::Follow { leg: self.leg, description });
        }
        self.stage = OutgoingStage::Answered(turn.now);
        true
    }

    /// Whether media knows of it.
    pub(crate) fn is_begun(&self) -> bool {
        self.stage != OutgoingStage::Awaited
    }

    /// Whether the SIP edge knows of it.
    pub(crate) fn is_placed(&self) -> bool {
        !matches!(self.stage, OutgoingStage::Awaited | OutgoingStage::Opening)
    }

    /// Whether somebody is there.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.stage, OutgoingStage::Answered(_))
    }

    /// Whether anything of the far side can be heard.
    pub(crate) fn is_audible(&self) -> bool {
        matches!(self.stage, OutgoingStage::Answered(_) | OutgoingStage::Ringing { early: true })
    }

    /// Whether it rings there and nothing of that can be heard.
    pub(crate) fn rings_silently(&self) -> bool {
        self.stage == OutgoingStage::Ringing { early: false }
    }

    /// Ends it from our side, in whatever stage.
    pub(crate) fn hang_up(&self, turn: &mut Turn, reason: EndReason) {
        self.say_goodbye(turn, reason);
        self.free(turn);
    }

    /// Ends its signalling from our side; its voice may be part of a talk still.
    pub(crate) fn say_goodbye(&self, turn: &mut Turn, reason: EndReason) {
        turn.timers.cancel(Reason::LegOverdue(self.leg));
        if self.is_placed() {
            turn.sip(SipCommand::HangUp { leg: self.leg, reason });
        }
    }

    /// The far side ended it: what is ours is freed.
    pub(crate) fn free(&self, turn: &mut Turn) {
        turn.timers.cancel(Reason::LegOverdue(self.leg));
        turn.media(MediaCommand::Close { leg: self.leg });
    }
}
