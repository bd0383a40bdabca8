//! A call of ours over a trunk: place after place is tried until somebody answers, a person refuses, or no place is left (RFC 3261
//! section 22 for credentials, RFC 3263 section 4.3 for failover).
//!
//! A test calls to see whether a call can be placed: nothing is said, and it hangs up as soon as it is answered. Any other call is handed
//! over when it is answered.

use super::report::{AttemptResult, CallResult};
use super::{PathCall, Ways};
use crate::sip::{Destination, refusal};
use bytes::Bytes;
use call_core::command::VoiceTerms;
use call_core::input::LegEnd;
use call_core::plan::{AttemptEnd, Srtp};
use shared::model::TrunkId;
use sip_core::digest::{Account, Login, Signed, choose};
use sip_core::message::Response;
use sip_core::sdp::{Offer, SdpError, Security};
use sip_core::{Ending, Event, Farewell, Invitation, SessionEvent};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A place that says nothing at all for so long is given up for the next one, in ms: timer B (32 s) is longer than anybody waits.
pub(super) const FIRST_WORD_MS: u64 = 5_000;
/// A test call that rings for so long is not answered, in ms.
const TEST_ANSWER_MS: u64 = 30_000;
/// An offer that was asked for is there within this, in ms; the core gives up earlier.
const OFFER_MS: u64 = 10_000;
/// Longest ringing of any other call, in ms; the core ends it earlier.
const ANSWER_MS: u64 = 180_000;
/// What an answered test call is hung up with.
const DONE: Farewell = Farewell { status: 480, reason: Some("Q.850;cause=16;text=\"Normal call clearing\"") };

/// What a call is hung up with whose answer takes no voice.
const VOICELESS: Farewell = Farewell { status: 488, reason: Some("Q.850;cause=88;text=\"Incompatible destination\"") };

/// One place to try.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// The target as configured.
    pub(super) target: String,
    /// The Request-URI.
    pub(super) uri: String,
    pub(super) way: Way,
    pub(super) caller: Caller,
    /// How voice travels there; nobody asks at a phone of the house, and for a call without voice.
    pub(super) terms: Option<VoiceTerms>,
    /// Where encryption is optional: the terms by which it is tried again if the first ones are refused.
    pub(super) plainly: Option<VoiceTerms>,
}

/// How a place is reached.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Over whatever listener has its transport.
    To(Destination),
    /// Over the path by which it has registered.
    Back(usize, SocketAddr),
}

/// Who we are at one place.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// None of a phone of the house.
    pub(super) trunk: Option<TrunkId>,
    /// The From value.
    pub(super) from: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) account: Option<Account>,
}

/// What the call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see whether it can be placed.
    Test,
    /// To be talked over.
    Talk,
}

/// Our offer, and by which terms it was made.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) description: String,
    pub(super) terms: VoiceTerms,
}

/// What whoever wants to talk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sip) enum Told {
    /// It rings, or something is heard; the description may be empty.
    Ringing(Bytes),
    /// It is answered: the call is none of the trunks' any more.
    Answered(PathCall, Bytes),
    /// The next place wants an offer by these terms, and waits for it: [`Dial::offer`].
    WantsOffer(VoiceTerms),
    /// It will not be answered.
    Over(LegEnd),
}

/// The attempt under way.
#[derive(Debug)]
struct Current {
    call: PathCall,
    stop: Stop,
    started: u64,
    heard: bool,
    challenged: bool,
    status: Option<u16>,
    ringing_ms: Option<u64>,
    /// The last answer to our offer takes no voice.
    is_voiceless: bool,
}

impl Current {
    /// The same place with plain voice, if it refused the session description (RFC 3261 sections 21.4.13, 21.4.26 and 21.6.4) and that had
    /// keys which are only wished for.
    fn plainly(&self, end: AttemptEnd) -> Option<Stop> {
        let terms = self.stop.plainly.clone().filter(|_| matches!(end, AttemptEnd::Refused(415 | 488 | 606)))?;
        Some(Stop { terms: Some(terms), plainly: None, ..self.stop.clone() })
    }
}

/// A place that wants another offer than ours.
#[derive(Debug)]
struct Waiting {
    stop: Stop,
    terms: VoiceTerms,
    since: u64,
    told: bool,
}

/// One call.
#[derive(Debug)]
pub(super) struct Dial {
    purpose: Purpose,
    offered: Offered,
    left: VecDeque<Stop>,
    waiting: Option<Waiting>,
    current: Option<Current>,
    result: CallResult,
    /// Where the last place stood that was tried.
    last: LegEnd,
}

impl Dial {
    /// Begins with the first place.
    pub(super) fn begin(now: u64, ways: &mut dyn Ways, purpose: Purpose, offered: Offered, stops: Vec<Stop>) -> Self {
        let (left, result, last) = (stops.into(), CallResult::default(), LegEnd::NoLine);
        let mut dial = Self { purpose, offered, left, waiting: None, current: None, result, last };
        dial.next(now, ways);
        dial
    }

    /// The call under way.
    pub(super) fn call(&self) -> Option<PathCall> {
        self.current.as_ref().map(|current| current.call)
    }

    /// Over which trunk it is being tried.
    pub(super) fn trunk(&self) -> Option<TrunkId> {
        let stop = self.current.as_ref().map(|current| &current.stop).or(self.waiting.as_ref().map(|waiting| &waiting.stop));
        stop.and_then(|stop| stop.caller.trunk)
    }

    /// What offer it waits for; told once.
    pub(super) fn wants_offer(&mut self) -> Option<VoiceTerms> {
        let waiting = self.waiting.as_mut().filter(|waiting| !waiting.told)?;
        waiting.told = true;
        Some(waiting.terms.clone())
    }

    /// The offer that it waits for.
    pub(super) fn offer(&mut self, now: u64, ways: &mut dyn Ways, description: String) {
        if let Some(Waiting { stop, terms, .. }) = self.waiting.take() {
            self.offered = Offered { description, terms };
            self.left.push_front(stop);
            self.next(now, ways);
        }
    }

    /// How it ended; told once nothing is under way.
    pub(super) fn end(&self) -> Option<LegEnd> {
        self.is_over().then_some(self.last)
    }

    /// It is not wanted any more.
    pub(super) fn give_up(&mut self, now: u64, ways: &mut dyn Ways) {
        self.left.clear();
        self.waiting = None;
        if let Some(current) = self.current.take()
            && let Some(endpoint) = ways.endpoint(current.call.0)
        {
            endpoint.hang_up(now, current.call.1, &DONE);
        }
        self.last = LegEnd::AsCommanded;
    }

    /// The result, once nothing is under way.
    pub(super) fn over(&self) -> Option<&CallResult> {
        self.is_over().then_some(&self.result)
    }

    fn is_over(&self) -> bool {
        self.current.is_none() && self.waiting.is_none()
    }

    /// What came of it so far.
    pub(super) fn into_result(self) -> CallResult {
        self.result
    }

    /// When it wants to be woken.
    pub(super) fn due(&self) -> Option<u64> {
        if let Some(waiting) = &self.waiting {
            return Some(waiting.since.saturating_add(OFFER_MS));
        }
        let current = self.current.as_ref()?;
        let patience = match (current.heard, self.purpose) {
            (false, _) => FIRST_WORD_MS,
            (true, Purpose::Test) => TEST_ANSWER_MS,
            (true, Purpose::Talk) => ANSWER_MS,
        };
        Some(current.started.saturating_add(patience))
    }

    fn next(&mut self, now: u64, ways: &mut dyn Ways) {
        while let Some(stop) = self.left.pop_front() {
            let (path, target) = match &stop.way {
                Way::To(destination) => (ways.way(destination), destination.address),
                Way::Back(path, source) => (Some(*path), *source),
            };
            let other_terms = stop.terms.clone().filter(|terms| path.is_some() && !terms.offer_alike(&self.offered.terms));
            if let Some(terms) = other_terms {
                return self.waiting = Some(Waiting { stop, terms, since: now, told: false });
            }
            let invitation = Invitation {
                to: stop.uri.clone(),
                from: stop.caller.from.clone(),
                target,
                fields: stop.caller.fields.clone(),
                description: Some(self.offered.description.clone()),
            };
            let placed = path.and_then(|path| Some((path, ways.endpoint(path)?.call(now, invitation)?)));
            let current = |call| Current {
                call,
                stop,
                started: now,
                heard: false,
                challenged: false,
                status: None,
                ringing_ms: None,
                is_voiceless: false,
            };
            match placed {
                Some(call) => return self.current = Some(current(call)),
                None => self.note(now, current((0, sip_core::CallKey(0)))),
            }
        }
    }

    /// Too long nothing was heard, or nobody answered.
    pub(super) fn timeout(&mut self, now: u64, ways: &mut dyn Ways) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        if self.waiting.take().is_some() {
            // Whoever makes offers has none, for the places behind it neither.
            self.left.clear();
            self.last = LegEnd::NoLine;
        }
        let Some(current) = self.current.take() else { return };
        if let Some(endpoint) = ways.endpoint(current.call.0) {
            endpoint.hang_up(now, current.call.1, &DONE);
        }
        let was_heard = current.heard;
        self.last = if was_heard { LegEnd::Timeout } else { LegEnd::Unreachable };
        self.note(now, current);
        if !was_heard {
            self.next(now, ways);
        }
    }

    /// An event of the call under way. What is returned concerns only who wants to talk; its end is told by [`Dial::end`].
    pub(super) fn happened(&mut self, now: u64, ways: &mut dyn Ways, event: Event) -> Option<Told> {
        let current = self.current.as_mut()?;
        match event {
            Event::Session { event: SessionEvent::Progress { status, description }, .. } => {
                current.heard = true;
                current.is_voiceless = takes_no_voice(&description, &self.offered.terms).unwrap_or(current.is_voiceless);
                if matches!(status, 180..=183) {
                    current.ringing_ms.get_or_insert(now.saturating_sub(current.started));
                    return Some(Told::Ringing(if current.is_voiceless { Bytes::new() } else { description }));
                }
            }
            Event::Session { event: SessionEvent::Challenged(response), .. } => self.challenged(now, ways, &response),
            Event::Session { event: SessionEvent::Failed(response), .. } => current.status = Some(response.status()),
            Event::Confirmed { description, .. } if self.purpose == Purpose::Talk => {
                if takes_no_voice(&description, &self.offered.terms).unwrap_or(current.is_voiceless) {
                    self.answered_without_voice(now, ways);
                    return None;
                }
                return self.current.take().map(|current| Told::Answered(current.call, description));
            }
            Event::Confirmed { call, .. } => {
                current.status = Some(200);
                self.result.answered = true;
                if let Some(endpoint) = ways.endpoint(current.call.0) {
                    endpoint.hang_up(now, call, &DONE);
                }
            }
            Event::Ended { ending, .. } => self.ended(now, ways, ending),
            Event::Session { .. } | Event::Offered { .. } | Event::Responded { .. } | Event::Asked { .. } => {}
        }
        None
    }

    /// An answer that refuses every voice stream of ours (RFC 3264 section 6) leaves nothing to talk by: the call ends with a BYE (RFC 3261
    /// section 13.2.2.4), and the place is as one that has refused the description.
    fn answered_without_voice(&mut self, now: u64, ways: &mut dyn Ways) {
        let Some(mut current) = self.current.take() else { return };
        if let Some(endpoint) = ways.endpoint(current.call.0) {
            endpoint.hang_up(now, current.call.1, &VOICELESS);
        }
        current.status = Some(VOICELESS.status);
        self.last = LegEnd::Refused { status: VOICELESS.status };
        self.refused(now, ways, current, AttemptEnd::Refused(VOICELESS.status));
    }

    fn challenged(&mut self, now: u64, ways: &mut dyn Ways, response: &Response) {
        let Some(current) = &mut self.current else { return };
        (current.heard, current.status) = (true, Some(response.status()));
        let is_first = !std::mem::replace(&mut current.challenged, true);
        let credentials =
            current.stop.caller.account.as_ref().filter(|_| is_first).and_then(|account| answer(account, response, &current.stop.uri));
        let Some(endpoint) = ways.endpoint(current.call.0) else { return };
        match credentials {
            Some(field) => endpoint.authenticate(now, current.call.1, vec![field]),
            None => endpoint.hang_up(now, current.call.1, &DONE),
        }
    }

    fn ended(&mut self, now: u64, ways: &mut dyn Ways, ending: Ending) {
        let Some(mut current) = self.current.take() else { return };
        self.last = refusal::leg_end(ending);
        let end = match ending {
            Ending::Refused(status) => {
                current.status = Some(status);
                AttemptEnd::Refused(status)
            }
            Ending::Unreachable => AttemptEnd::NoResponse,
            Ending::ByeReceived | Ending::CancelReceived | Ending::AsCommanded | Ending::NoAck | Ending::NotAnswered | Ending::Expired => {
                AttemptEnd::Refused(current.status.unwrap_or(480))
            }
        };
        self.refused(now, ways, current, end);
    }

    /// The place is not to be had: the same one plainly, or the next, or none.
    fn refused(&mut self, now: u64, ways: &mut dyn Ways, current: Current, end: AttemptEnd) {
        let again = current.plainly(end);
        let may_try_next = again.is_some() || end.may_try_next();
        if let Some(stop) = again {
            self.left.push_front(stop);
        }
        self.note(now, current);
        if may_try_next && !self.result.answered {
            self.next(now, ways);
        }
    }

    fn note(&mut self, now: u64, current: Current) {
        let encrypted = current.stop.terms.is_some_and(|terms| terms.voice.srtp == Srtp::Required);
        self.result.attempts.push(AttemptResult {
            encrypted,
            target: current.stop.target,
            address: current.stop.way.to_string(),
            status: current.status,
            ringing_ms: current.ringing_ms,
            took_ms: now.saturating_sub(current.started),
            authenticated: current.challenged && current.status.is_some_and(|status| status != 401 && status != 407),
        });
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::To(destination) => destination.fmt(f),
            Self::Back(_, source) => source.fmt(f),
        }
    }
}

/// Whether an answer to an offer of these terms has no voice stream that we can use; `None` if there is no answer.
fn takes_no_voice(answer: &Bytes, terms: &VoiceTerms) -> Option<bool> {
    let security = if terms.voice.srtp == Srtp::Required { Security::Required } else { Security::Plain };
    let text = std::str::from_utf8(answer).ok().filter(|text| !text.is_empty())?;
    Some(matches!(Offer::parse_secured(text, security), Err(SdpError::NoAudio)))
}

/// The credentials for an INVITE that was challenged.
fn answer(account: &Account, response: &Response, uri: &str) -> Option<(String, String)> {
    let (asks, answers) =
        if response.status() == 401 { ("WWW-Authenticate", "Authorization") } else { ("Proxy-Authenticate", "Proxy-Authorization") };
    let mut login = Login::new(choose(response.head().named(asks))?);
    let signed = Signed { method: b"INVITE", uri: uri.as_bytes(), body: b"" };
    let credentials = login.credentials(account, &signed, &super::token())?;
    Some((answers.to_owned(), credentials))
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::plan::TrunkVoice;
    use sip_core::message::{Message, parse};
    use sip_core::{Endpoint, Limits, Seed};
    use std::net::IpAddr;

    const FAR: &str = "192.0.2.1:5061";

    /// One endpoint, and one way.
    struct OneWay(Endpoint);

    impl Ways for OneWay {
        fn way(&mut self, _: &Destination) -> Option<usize> {
            Some(0)
        }

        fn local(&mut self, _: &Destination) -> Option<IpAddr> {
            None
        }

        fn endpoint(&mut self, _: usize) -> Option<&mut Endpoint> {
            Some(&mut self.0)
        }
    }

    impl OneWay {
        fn sent(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.0.poll_transmit()).map(|(_, packet)| String::from_utf8_lossy(&packet).into_owned()).collect()
        }

        /// The far side answers an INVITE; gives what the dial tells of it.
        fn answers(&mut self, dial: &mut Dial, invite: &str, status: &str, body: &str) -> Vec<Told> {
            let fields = invite.lines().filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)));
            let (echoed, to): (String, _) =
                (fields.map(|line| format!("{line}\r\n")).collect(), invite.lines().find(|line| line.starts_with("To:")).expect("a To"));
            let text = format!(
                "SIP/2.0 {status}\r\n{echoed}{to};tag=far\r\nContact: <sip:{FAR}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = self.0.receive(1, FAR.parse().expect("an address"), text.into());
            let events: Vec<Event> = std::iter::from_fn(|| self.0.poll_event()).collect();
            // As the lines do it: what else a call that was hung up tells is nobody's.
            let ours = |dial: &Dial, event: &Event| match event {
                Event::Confirmed { call, .. } | Event::Ended { call, .. } | Event::Session { call, .. } => dial.call() == Some((0, *call)),
                Event::Offered { .. } | Event::Asked { .. } | Event::Responded { .. } => false,
            };
            let mut told = Vec::new();
            for event in events {
                if ours(dial, &event) {
                    told.extend(dial.happened(1, self, event));
                }
            }
            told
        }
    }

    fn terms(srtp: Srtp) -> VoiceTerms {
        VoiceTerms { voice: TrunkVoice { srtp, ..TrunkVoice::default() }, encrypted: true, ipv6: false }
    }

    /// A call with keys, and what it may be tried again by.
    fn dial(plainly: Option<VoiceTerms>) -> (Dial, OneWay, String) {
        let (target, uri, way) = (String::new(), format!("sip:1@{FAR}"), Way::Back(0, FAR.parse().expect("an address")));
        let caller = Caller { trunk: None, from: "<sip:us@h>".to_owned(), fields: Vec::new(), account: None };
        let stop = Stop { target, uri, way, caller, terms: Some(terms(Srtp::Required)), plainly };
        let mut ways = OneWay(Endpoint::new("192.0.2.9:5061".parse().expect("an address"), Limits::default(), Seed([1, 2])));
        let offered = Offered { description: "v=keys".to_owned(), terms: terms(Srtp::Required) };
        let dial = Dial::begin(0, &mut ways, Purpose::Talk, offered, vec![stop]);
        let [invite] = &ways.sent()[..] else { panic!("one INVITE") };
        assert!(invite.starts_with("INVITE ") && invite.ends_with("v=keys"), "{invite}");
        let invite = invite.clone();
        (dial, ways, invite)
    }

    const NO_VOICE: &str = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 0 RTP/SAVP 8\r\n";
    const VOICE: &str = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n";

    #[test]
    fn an_answer_that_takes_no_encrypted_voice_is_hung_up_and_the_place_called_plainly_once() {
        let (mut dial, mut ways, invite) = dial(Some(terms(Srtp::Off)));
        assert_eq!(ways.answers(&mut dial, &invite, "200 OK", NO_VOICE), []);
        let sent = ways.sent();
        assert!(sent.len() == 2 && sent[0].starts_with("ACK ") && sent[1].starts_with("BYE "), "{sent:?}");
        assert!(sent[1].contains("Reason: Q.850;cause=88"), "{}", sent[1]);
        assert_eq!((dial.wants_offer(), dial.end()), (Some(terms(Srtp::Off)), None));
        dial.offer(2, &mut ways, "v=plain".to_owned());
        let [again] = &ways.sent()[..] else { panic!("one INVITE") };
        assert!(again.starts_with("INVITE ") && again.ends_with("v=plain"), "{again}");
        let told = ways.answers(&mut dial, again, "200 OK", VOICE);
        assert!(matches!(&told[..], [Told::Answered(_, description)] if description == VOICE), "{told:?}");
    }

    #[test]
    fn an_answer_without_voice_to_what_cannot_be_tried_otherwise_ends_as_a_refusal() {
        let refused = Some(LegEnd::Refused { status: 488 });
        let (mut first, mut ways, invite) = dial(None);
        assert_eq!(ways.answers(&mut first, &invite, "200 OK", NO_VOICE), []);
        assert_eq!((ways.sent().len(), first.wants_offer(), first.end()), (2, None, refused));

        let (mut twice, mut ways, invite) = dial(Some(terms(Srtp::Off)));
        assert_eq!(ways.answers(&mut twice, &invite, "200 OK", NO_VOICE), []);
        let _ = (ways.sent(), twice.wants_offer());
        twice.offer(2, &mut ways, "v=plain".to_owned());
        let again = ways.sent().remove(0);
        assert_eq!(ways.answers(&mut twice, &again, "200 OK", NO_VOICE), []);
        assert_eq!((twice.wants_offer(), twice.end()), (None, refused), "plainly it is tried once");
    }

    #[test]
    fn what_takes_no_voice_before_it_is_answered_is_heard_as_ringing() {
        let (mut dial, mut ways, invite) = dial(None);
        assert_eq!(ways.answers(&mut dial, &invite, "183 Session Progress", NO_VOICE), [Told::Ringing(Bytes::new())]);
        assert!(matches!(takes_no_voice(&Bytes::from_static(VOICE.as_bytes()), &terms(Srtp::Off)), Some(false)));
        assert_eq!(takes_no_voice(&Bytes::new(), &terms(Srtp::Off)), None, "no answer is none");
        assert_eq!(takes_no_voice(&Bytes::from_static(b"hello"), &terms(Srtp::Off)), Some(false), "what is no SDP is media's to judge");
    }

    #[test]
    fn a_server_and_a_proxy_are_answered_in_their_own_fields_and_what_is_no_challenge_is_not() {
        let account = Account { user: "hotline".to_owned(), secret: "kq3v-9d2m".to_owned() };
        let answered = |status: u16, field: &str| {
            let text = format!(
                "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:h>;tag=1\r\nTo: <sip:h>;tag=2\r\nCall-ID: a\r\n\
                 CSeq: 1 INVITE\r\n{field}: Digest realm=\"c\", nonce=\"n\", qop=\"auth\"\r\n\r\n"
            );
            let Ok(Message::Response(response)) = parse(text.into()) else { panic!("a response") };
            answer(&account, &response, "sip:1@h").map(|(name, _)| name)
        };
        assert_eq!(answered(401, "WWW-Authenticate").as_deref(), Some("Authorization"));
        assert_eq!(answered(407, "Proxy-Authenticate").as_deref(), Some("Proxy-Authorization"));
        assert_eq!((answered(401, "Proxy-Authenticate"), answered(407, "X")), (None, None));
    }
}
