//! A call of ours over a trunk: place after place is tried until somebody answers, a person refuses, or no place is left (RFC 3261
//! section 22 for credentials, RFC 3263 section 4.3 for failover).
//!
//! It calls to see whether a call can be placed: nothing is said, and it hangs up as soon as it is answered.

use super::report::{AttemptResult, CallResult};
use super::{PathCall, Ways};
use crate::sip::Destination;
use call_core::plan::AttemptEnd;
use shared::model::TrunkId;
use sip_core::digest::{Account, Login, Signed, choose};
use sip_core::message::Response;
use sip_core::{Ending, Event, Farewell, Invitation, SessionEvent};
use std::collections::VecDeque;

/// A place that says nothing at all for so long is given up for the next one, in ms: timer B (32 s) is longer than anybody waits.
pub(super) const FIRST_WORD_MS: u64 = 5_000;
/// A call that rings for so long is not answered, in ms.
pub(super) const ANSWER_MS: u64 = 30_000;
/// What an answered test call is hung up with.
const DONE: Farewell = Farewell { status: 480, reason: Some("Q.850;cause=16;text=\"Normal call clearing\"") };

/// One place to try.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// The target as configured.
    pub(super) target: String,
    /// The Request-URI.
    pub(super) uri: String,
    pub(super) destination: Destination,
}

/// What stands in every INVITE of the call.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) trunk: TrunkId,
    /// The From value.
    pub(super) from: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) account: Option<Account>,
    /// Our offer.
    pub(super) description: String,
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
}

/// One call.
#[derive(Debug)]
pub(super) struct Dial {
    caller: Caller,
    left: VecDeque<Stop>,
    current: Option<Current>,
    result: CallResult,
}

impl Dial {
    /// Begins with the first place.
    pub(super) fn begin(now: u64, ways: &mut dyn Ways, caller: Caller, stops: Vec<Stop>) -> Self {
        let mut dial = Self { caller, left: stops.into(), current: None, result: CallResult::default() };
        dial.next(now, ways);
        dial
    }

    /// The call under way.
    pub(super) fn call(&self) -> Option<PathCall> {
        self.current.as_ref().map(|current| current.call)
    }

    pub(super) fn trunk(&self) -> TrunkId {
        self.caller.trunk
    }

    /// The result, once nothing is under way.
    pub(super) fn over(&self) -> Option<&CallResult> {
        self.current.is_none().then_some(&self.result)
    }

    /// What came of it so far.
    pub(super) fn into_result(self) -> CallResult {
        self.result
    }

    /// When it wants to be woken.
    pub(super) fn due(&self) -> Option<u64> {
        let current = self.current.as_ref()?;
        let patience = if current.heard { ANSWER_MS } else { FIRST_WORD_MS };
        Some(current.started.saturating_add(patience))
    }

    fn next(&mut self, now: u64, ways: &mut dyn Ways) {
        while let Some(stop) = self.left.pop_front() {
            let invitation = Invitation {
                to: stop.uri.clone(),
                from: self.caller.from.clone(),
                target: stop.destination.address,
                fields: self.caller.fields.clone(),
                description: Some(self.caller.description.clone()),
            };
            let path = ways.way(&stop.destination);
            let placed = path.and_then(|path| Some((path, ways.endpoint(path)?.call(now, invitation)?)));
            let current = |call| Current { call, stop, started: now, heard: false, challenged: false, status: None, ringing_ms: None };
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
        let Some(current) = self.current.take() else { return };
        if let Some(endpoint) = ways.endpoint(current.call.0) {
            endpoint.hang_up(now, current.call.1, &DONE);
        }
        let was_heard = current.heard;
        self.note(now, current);
        if !was_heard {
            self.next(now, ways);
        }
    }

    /// An event of the call under way.
    pub(super) fn happened(&mut self, now: u64, ways: &mut dyn Ways, event: Event) {
        let Some(current) = &mut self.current else { return };
        match event {
            Event::Session { event: SessionEvent::Progress { status, .. }, .. } => {
                current.heard = true;
                if matches!(status, 180..=183) {
                    current.ringing_ms.get_or_insert(now.saturating_sub(current.started));
                }
            }
            Event::Session { event: SessionEvent::Challenged(response), .. } => self.challenged(now, ways, &response),
            Event::Session { event: SessionEvent::Failed(response), .. } => current.status = Some(response.status()),
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
    }

    fn challenged(&mut self, now: u64, ways: &mut dyn Ways, response: &Response) {
        let Some(current) = &mut self.current else { return };
        (current.heard, current.status) = (true, Some(response.status()));
        let is_first = !std::mem::replace(&mut current.challenged, true);
        let credentials =
            self.caller.account.as_ref().filter(|_| is_first).and_then(|account| answer(account, response, &current.stop.uri));
        let Some(endpoint) = ways.endpoint(current.call.0) else { return };
        match credentials {
            Some(field) => endpoint.authenticate(now, current.call.1, vec![field]),
            None => endpoint.hang_up(now, current.call.1, &DONE),
        }
    }

    fn ended(&mut self, now: u64, ways: &mut dyn Ways, ending: Ending) {
        let Some(mut current) = self.current.take() else { return };
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
        self.note(now, current);
        if end.may_try_next() && !self.result.answered {
            self.next(now, ways);
        }
    }

    fn note(&mut self, now: u64, current: Current) {
        self.result.attempts.push(AttemptResult {
            target: current.stop.target,
            address: current.stop.destination.to_string(),
            status: current.status,
            ringing_ms: current.ringing_ms,
            took_ms: now.saturating_sub(current.started),
            authenticated: current.challenged && current.status.is_some_and(|status| status != 401 && status != 407),
        });
    }
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
    use super::{Account, answer};
    use sip_core::message::{Message, parse};

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
