//! The messages of calls, in and out, kept for a while so that an operator can see what was said (`call trace`).
//!
//! Bounded in calls, messages and bytes; the oldest call goes first. Packets are kept as they came and masked when they are shown:
//! secrets never leave this file.

use super::destination::Transport;
use super::masking::{Masked, Numbers};
use bytes::Bytes;
use memchr::{memchr, memchr_iter};
use serde::{Deserialize, Serialize};
use shared::model::{InteractionId, LegId, UnixMillis};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

/// Most calls that are kept, and most messages of one of them.
const MAX_CALLS: usize = 1_000;
const MAX_MESSAGES: usize = 100;
/// Most bytes of all messages together.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The messages of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TraceReport {
    /// Which call.
    pub(crate) interaction: InteractionId,
    /// In the order in which they came and went.
    pub(crate) messages: Vec<TracedMessage>,
    /// How many more there were than are kept.
    pub(crate) left_out: u32,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TracedMessage {
    /// When.
    pub(crate) at: UnixMillis,
    /// From the far side to us.
    pub(crate) inward: bool,
    /// The far side.
    pub(crate) peer: String,
    /// Its first line.
    pub(crate) line: String,
    /// CSeq, which says what a response answers.
    pub(crate) cseq: String,
    /// The whole, without secrets and keys.
    pub(crate) text: String,
}

#[derive(Debug)]
struct Kept {
    at: UnixMillis,
    inward: bool,
    transport: Transport,
    peer: SocketAddr,
    packet: Bytes,
}

#[derive(Debug, Default)]
struct Trace {
    leg: Option<LegId>,
    messages: Vec<Kept>,
    left_out: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Traces {
    calls: HashMap<Bytes, Trace>,
    /// Call-IDs, the oldest call first.
    order: VecDeque<Bytes>,
    /// To which interaction a leg belongs; what was told first is forgotten first.
    interactions: BTreeMap<LegId, InteractionId>,
    told: VecDeque<LegId>,
    bytes: usize,
}

impl Traces {
    /// A new call: what is said under its Call-ID from now on is kept.
    pub(super) fn begin(&mut self, call_id: &Bytes) {
        if self.calls.contains_key(call_id) {
            return;
        }
        // A copy, so that the whole packet is not kept alive for its name.
        let call_id = Bytes::copy_from_slice(call_id);
        self.calls.insert(call_id.clone(), Trace::default());
        self.order.push_back(call_id);
        self.make_room();
    }

    /// A message under a Call-ID; does nothing if it is of no call that is kept.
    pub(super) fn note(
        &mut self,
        at: UnixMillis,
        inward: bool,
        (transport, peer): (Transport, SocketAddr),
        call_id: &[u8],
        packet: &Bytes,
    ) {
        let Some(trace) = self.calls.get_mut(call_id) else { return };
        if trace.messages.len() >= MAX_MESSAGES {
            trace.left_out = trace.left_out.saturating_add(1);
            return;
        }
        self.bytes += packet.len();
        trace.messages.push(Kept { at, inward, transport, peer, packet: packet.clone() });
        self.make_room();
    }

    /// Whether nothing is kept, so that nobody needs to look for a Call-ID.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The call has this leg. A call of ours has several Call-IDs: one at each place where it is tried.
    pub(super) fn leg(&mut self, call_id: &[u8], leg: LegId) {
        if let Some(trace) = self.calls.get_mut(call_id) {
            trace.leg = Some(leg);
        }
    }

    /// The leg belongs to this interaction, which may have others.
    pub(super) fn belongs(&mut self, leg: LegId, interaction: InteractionId) {
        if self.interactions.insert(leg, interaction).is_none() {
            self.told.push_back(leg);
        }
        if self.told.len() > MAX_CALLS
            && let Some(oldest) = self.told.pop_front()
        {
            self.interactions.remove(&oldest);
        }
    }

    /// What was said in an interaction, if it is still kept.
    pub(super) fn report(&self, interaction: InteractionId) -> Option<TraceReport> {
        let is_of = |trace: &&Trace| trace.leg.and_then(|leg| self.interactions.get(&leg)) == Some(&interaction);
        let traces: Vec<&Trace> = self.order.iter().filter_map(|call_id| self.calls.get(call_id)).filter(is_of).collect();
        let mut kept: Vec<&Kept> = traces.iter().flat_map(|trace| &trace.messages).collect();
        kept.sort_by_key(|kept| kept.at);
        let left_out = traces.iter().fold(0_u32, |sum, trace| sum.saturating_add(trace.left_out));
        let messages = kept.into_iter().map(Kept::shown).collect();
        (!traces.is_empty()).then_some(TraceReport { interaction, messages, left_out })
    }

    fn make_room(&mut self) {
        while self.order.len() > MAX_CALLS || (self.bytes > MAX_BYTES && self.order.len() > 1) {
            let Some(trace) = self.order.pop_front().and_then(|oldest| self.calls.remove(&oldest)) else { return };
            self.bytes = self.bytes.saturating_sub(trace.messages.iter().map(|kept| kept.packet.len()).sum());
        }
    }
}

impl Kept {
    fn shown(&self) -> TracedMessage {
        let text = Masked { packet: &self.packet, numbers: Numbers::Shown }.to_string();
        let cseq = text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim().eq_ignore_ascii_case("CSeq")));
        TracedMessage {
            at: self.at,
            inward: self.inward,
            peer: format!("{}:{}", self.transport, self.peer),
            line: text.lines().next().unwrap_or_default().to_owned(),
            cseq: cseq.map_or(String::new(), |(_, value)| value.trim().to_owned()),
            text,
        }
    }
}

/// The Call-ID of a packet of ours.
pub(super) fn call_id(packet: &[u8]) -> Option<&[u8]> {
    let mut lines = memchr_iter(b'\n', packet).map(|end| &packet[end + 1..]).take_while(|line| !line.starts_with(b"\r\n"));
    let value = lines.find_map(|line| line.strip_prefix(b"Call-ID:"))?;
    Some(value[..memchr(b'\r', value).unwrap_or(value.len())].trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "192.0.2.10:5060";

    fn note(traces: &mut Traces, id: &str, text: &str) {
        let packet = Bytes::copy_from_slice(text.as_bytes());
        traces.note(UnixMillis(5), true, (Transport::Udp, PEER.parse().expect("an address")), id.as_bytes(), &packet);
    }

    fn begin(traces: &mut Traces, id: &str, number: u64) {
        traces.begin(&Bytes::copy_from_slice(id.as_bytes()));
        traces.leg(id.as_bytes(), LegId(number));
        traces.belongs(LegId(number), InteractionId(number));
    }

    #[test]
    fn the_messages_of_a_call_are_shown_in_order_and_without_secrets() {
        let mut traces = Traces::default();
        note(&mut traces, "a", "BYE sip:h SIP/2.0\r\n\r\n");
        begin(&mut traces, "a", 7);
        note(&mut traces, "a", "INVITE sip:12345@h SIP/2.0\r\nCSeq: 1 INVITE\r\nAuthorization: Digest response=\"0123\"\r\n\r\n");
        note(&mut traces, "a", "SIP/2.0 100 Trying\r\ncseq: 1 INVITE\r\n\r\n");
        note(&mut traces, "b", "INVITE sip:other SIP/2.0\r\n\r\n");
        let report = traces.report(InteractionId(7)).expect("it is kept");
        let lines: Vec<_> = report.messages.iter().map(|message| (message.line.as_str(), message.cseq.as_str())).collect();
        assert_eq!(lines, [("INVITE sip:12345@h SIP/2.0", "1 INVITE"), ("SIP/2.0 100 Trying", "1 INVITE")]);
        assert!(!format!("{report:?}").contains("0123"), "credentials stay here");
        assert_eq!((report.messages[0].peer.as_str(), traces.report(InteractionId(8))), ("udp:192.0.2.10:5060", None));
    }

    #[test]
    fn each_attempt_of_a_call_and_each_leg_of_an_interaction_are_shown_together() {
        let mut traces = Traces::default();
        traces.belongs(LegId(8), InteractionId(7));
        begin(&mut traces, "citizen", 7);
        for (id, line) in [("first", "INVITE sip:1@a SIP/2.0\r\n\r\n"), ("second", "INVITE sip:1@b SIP/2.0\r\n\r\n")] {
            traces.begin(&Bytes::copy_from_slice(id.as_bytes()));
            traces.leg(id.as_bytes(), LegId(8));
            note(&mut traces, id, line);
        }
        note(&mut traces, "citizen", "BYE sip:h SIP/2.0\r\n\r\n");
        let lines: Vec<String> =
            traces.report(InteractionId(7)).expect("it is kept").messages.into_iter().map(|message| message.line).collect();
        assert_eq!(lines, ["BYE sip:h SIP/2.0", "INVITE sip:1@a SIP/2.0", "INVITE sip:1@b SIP/2.0"]);
    }

    #[test]
    fn the_oldest_call_gives_way_and_a_long_one_is_cut() {
        let mut traces = Traces::default();
        for number in 0..=MAX_CALLS as u64 {
            begin(&mut traces, &number.to_string(), number);
        }
        assert_eq!((traces.calls.len(), traces.interactions.len(), traces.report(InteractionId(0))), (MAX_CALLS, MAX_CALLS, None));
        for _ in 0..MAX_MESSAGES + 3 {
            note(&mut traces, "1", "INFO sip:h SIP/2.0\r\n\r\n");
        }
        let report = traces.report(InteractionId(1)).expect("it is kept");
        assert_eq!((report.messages.len(), report.left_out), (MAX_MESSAGES, 3));
        let large = "x".repeat(60_000);
        for number in 1..=400_u64 {
            note(&mut traces, &number.to_string(), &large);
        }
        assert!(traces.bytes <= MAX_BYTES && traces.calls.len() < MAX_CALLS, "{} bytes of {} calls", traces.bytes, traces.calls.len());
    }

    #[test]
    fn the_call_id_of_our_own_packets_is_found() {
        assert_eq!(call_id(b"SIP/2.0 200 OK\r\nVia: x\r\nCall-ID: abc@h\r\n\r\nCall-ID: body"), Some(&b"abc@h"[..]));
        assert_eq!(call_id(b"\r\n\r\n"), None);
        assert_eq!(call_id(b"X\r\n\r\nCall-ID: body"), None);
    }
}
