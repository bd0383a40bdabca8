//! A whole endpoint under a program of bytes: messages of dialogs that fit, or nearly fit, owners who do what they like, time that
//! passes. Nothing may panic, each call ends at most once, and when all timers have run nothing is left.

use sip_core::{CallKey, Endpoint, Event, Farewell, Invitation, Limits, OfferBy, Reliability, Renegotiation, Seed, Settings, Sizes};
use std::collections::BTreeSet;
use std::net::SocketAddr;

const METHODS: [&str; 13] =
    ["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "OPTIONS", "REFER", "NOTIFY", "INFO", "REGISTER", "INVITE", "ACK"];
const STATUSES: [u16; 16] = [100, 180, 183, 200, 202, 302, 401, 407, 408, 422, 481, 486, 487, 491, 500, 603];
const EXTRAS: [&str; 14] = [
    "",
    "Require: 100rel\r\n",
    "Supported: 100rel, timer, replaces\r\n",
    "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n",
    "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\nMin-SE: 120\r\n",
    "Require: 100rel\r\nRSeq: 1\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Refer-To: <sip:a@192.0.2.7>\r\n",
    "Replaces: c0;from-tag=far;to-tag=near\r\n",
    "Event: refer\r\nSubscription-State: active\r\n",
    "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n",
    "Allow: INVITE, UPDATE\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n",
    "Min-SE: 3600\r\n",
    "Record-Route: <sip:192.0.2.1>\r\nAccept: text/plain\r\n",
];
const BODIES: [&str; 4] = [
    "",
    "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n",
    "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
    "SIP/2.0 200 OK\r\n",
];
const OURS: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n";

/// Reads the program; what is missing is 0.
struct Program<'a>(std::slice::Iter<'a, u8>);

impl Program<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn choice<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }
}

struct Stage {
    endpoint: Endpoint,
    now: u64,
    far: SocketAddr,
    calls: Vec<CallKey>,
    ended: BTreeSet<CallKey>,
    /// What was sent, newest last; few are kept.
    sent: Vec<String>,
}

pub(crate) fn target(data: &[u8]) {
    let mut program = Program(data.iter());
    let wishes = program.byte();
    let settings = Settings {
        renegotiation: if wishes & 1 == 0 { Renegotiation::Ask } else { Renegotiation::Keep },
        reliability: if wishes & 2 == 0 { Reliability::WhenSupported } else { Reliability::WhenRequired },
        session_s: (wishes & 4 == 0).then_some(90),
        transfers: wishes & 8 == 0,
        ..Settings::default()
    };
    let limits = Limits { calls: 8, transactions: 24 };
    let endpoint = Endpoint::with_settings(([192, 0, 2, 9], 5060).into(), limits, settings, Seed([7, 8]));
    let far = ([192, 0, 2, 1], 5060).into();
    let mut stage = Stage { endpoint, now: 0, far, calls: Vec::new(), ended: BTreeSet::new(), sent: Vec::new() };
    for _ in 0..200 {
        if program.0.len() == 0 {
            break;
        }
        stage.step(&mut program);
        stage.drain();
    }
    stage.finish();
}

impl Stage {
    fn step(&mut self, program: &mut Program<'_>) {
        let choice = program.byte();
        match choice % 16 {
            0..6 => {
                let text = self.request(program);
                self.receive(program, text);
            }
            6..9 => {
                let text = self.response(program);
                self.receive(program, text);
            }
            9 => self.now += u64::from(program.byte()) * 20,
            10 => {
                if let Some(next) = self.endpoint.next_deadline() {
                    self.now = self.now.max(next);
                }
            }
            11 => {
                let invitation = Invitation {
                    to: "sip:far@192.0.2.1".to_owned(),
                    from: "<sip:us@192.0.2.9>".to_owned(),
                    target: self.far,
                    fields: Vec::new(),
                    description: (choice & 16 == 0).then(|| OURS.to_owned()),
                };
                self.calls.extend(self.endpoint.call(self.now, invitation));
            }
            _ => self.command(program),
        }
        self.endpoint.handle_timeout(self.now);
    }

    /// A request of a call of theirs, or inside any call that we have sent something in.
    fn request(&self, program: &mut Program<'_>) -> String {
        let method = program.choice(&METHODS);
        let (call, cseq) = (program.byte() % 4, 1 + u32::from(program.byte() % 6));
        let tag = self.sent.iter().rev().find_map(|text| own_tag(text)).unwrap_or_default();
        let to = if program.byte().is_multiple_of(3) { String::new() } else { format!(";tag={tag}") };
        let (fields, body) = (program.choice(&EXTRAS), program.choice(&BODIES));
        let branch = if matches!(method, "CANCEL" | "ACK") && program.byte().is_multiple_of(2) { "INVITE" } else { method };
        let kind = if body.starts_with('S') { "message/sipfrag" } else { "application/sdp" };
        format!(
            "{method} sip:12345@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{call}{branch}{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:1@192.0.2.1>;tag=far\r\nTo: <sip:12345@192.0.2.9>{to}\r\nCall-ID: c{call}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:far@192.0.2.1>\r\n{fields}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// A response to one of our last requests.
    fn response(&self, program: &mut Program<'_>) -> String {
        let requests: Vec<&String> = self.sent.iter().filter(|text| !text.starts_with("SIP/2.0")).collect();
        let Some(request) = requests.get(requests.len().saturating_sub(1 + usize::from(program.byte() % 4))) else { return String::new() };
        let status = program.choice(&STATUSES);
        let tag = program.choice(&["", ";tag=far", ";tag=other"]);
        let (fields, body) = (program.choice(&EXTRAS), program.choice(&BODIES));
        let kept: String = request
            .lines()
            .filter(|line| ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "].iter().any(|name| line.starts_with(name)))
            .map(
                |line| if line.starts_with("To: ") && !line.contains(";tag=") { format!("{line}{tag}\r\n") } else { format!("{line}\r\n") },
            )
            .collect();
        format!("SIP/2.0 {status} X\r\n{kept}Contact: <sip:far@192.0.2.1>\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// Some bytes are changed on the way, now and then.
    fn receive(&mut self, program: &mut Program<'_>, text: String) {
        let mut packet = text.into_bytes();
        let damage = program.byte();
        if damage >= 0xf0 && !packet.is_empty() {
            for _ in 0..=(damage & 3) {
                let place = (usize::from(program.byte()) << 8 | usize::from(program.byte())) % packet.len();
                packet[place] = program.byte();
            }
        }
        self.endpoint.receive(self.now, self.far, packet.into());
    }

    fn command(&mut self, program: &mut Program<'_>) {
        let (kind, which) = (program.byte(), usize::from(program.byte()));
        let Some(call) = self.calls.get(which % self.calls.len().max(1)).copied() else { return };
        let (now, endpoint) = (self.now, &mut self.endpoint);
        match kind % 16 {
            0 => endpoint.ring(now, call),
            1 => endpoint.progress(now, call, 183, OURS),
            2 | 3 => endpoint.answer(now, call, OURS),
            4 => endpoint.hang_up(now, call, &Farewell { status: 486, reason: Some("Q.850;cause=17") }),
            5 => drop(endpoint.offer(now, call, OURS, OfferBy::ReInvite)),
            6 => drop(endpoint.offer(now, call, OURS, OfferBy::Update)),
            7 | 8 => endpoint.accept_offer(now, call, OURS),
            9 => endpoint.refuse_offer(now, call),
            10 => drop(endpoint.refer(now, call, "sip:a@192.0.2.7")),
            11 => endpoint.accept_transfer(now, call),
            12 => endpoint.refuse_transfer(now, call, 603),
            13 => endpoint.report_transfer(now, call, if which & 1 == 0 { 180 } else { 200 }),
            14 => endpoint.authenticate(now, call, vec![("Authorization".to_owned(), "Digest x".to_owned())]),
            _ => endpoint.refuse_with(now, call, 401, &[("WWW-Authenticate", "Digest x".to_owned())]),
        }
    }

    fn drain(&mut self) {
        while let Some((_, packet)) = self.endpoint.poll_transmit() {
            self.sent.push(String::from_utf8_lossy(&packet).into_owned());
        }
        self.sent.drain(..self.sent.len().saturating_sub(12));
        while let Some(event) = self.endpoint.poll_event() {
            let call = match event {
                Event::Offered { call, .. } => {
                    self.calls.push(call);
                    call
                }
                Event::Ended { call, .. } => {
                    assert!(self.ended.insert(call), "{call:?} ended twice");
                    continue;
                }
                Event::Confirmed { call, .. } | Event::Session { call, .. } => call,
                Event::Asked { .. } | Event::Responded { .. } => continue,
            };
            assert!(!self.ended.contains(&call), "an event after the end of {call:?}");
        }
    }

    fn finish(mut self) {
        for call in self.calls.clone() {
            self.endpoint.hang_up(self.now, call, &Farewell { status: 480, reason: None });
        }
        for _ in 0..10_000 {
            self.drain();
            let Some(next) = self.endpoint.next_deadline() else { break };
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
        }
        assert_eq!(self.endpoint.sizes(), Sizes::default());
        assert!(self.calls.iter().all(|call| self.ended.contains(call)), "a call without an end");
    }
}

/// The tag that we gave in a packet of ours.
fn own_tag(text: &str) -> Option<String> {
    let name = if text.starts_with("SIP/2.0") { "To: " } else { "From: " };
    let (_, tag) = text.lines().find_map(|line| line.strip_prefix(name))?.split_once(";tag=")?;
    Some(tag.to_owned())
}
