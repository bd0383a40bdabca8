//! A far side made of text and an endpoint under a virtual clock.
#![allow(dead_code, reason = "each test program uses its own part of the support")]

use sip_core::{CallKey, Endpoint, Event, Farewell, Limits, Receipt, Seed, Sizes};
use std::net::SocketAddr;

/// An endpoint, a clock, and a caller who writes by hand.
pub(crate) struct Stage {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: u64,
    pub(crate) far: SocketAddr,
}

pub(crate) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub(crate) const ANSWER: &str = "v=0\r\no=- 2 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n\
    a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n";
pub(crate) const BUSY: Farewell = Farewell { status: 486, reason: None };

impl Default for Stage {
    fn default() -> Self {
        Self::with_limits(Limits::default())
    }
}

impl Stage {
    pub(crate) fn with_limits(limits: Limits) -> Self {
        let contact = "192.0.2.9:5060".parse().expect("an address");
        Self { endpoint: Endpoint::new(contact, limits, Seed([3, 4])), now: 1_000, far: "192.0.2.1:5060".parse().expect("an address") }
    }

    pub(crate) fn send(&mut self, text: &str) -> Receipt {
        self.endpoint.receive(self.now, self.far, text.as_bytes().to_vec().into())
    }

    /// Everything the endpoint wants sent, as text.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|(_, packet)| String::from_utf8_lossy(&packet).into_owned()).collect()
    }

    /// First lines of everything the endpoint wants sent.
    pub(crate) fn first_lines(&mut self) -> Vec<String> {
        self.sent().iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// The one packet the endpoint wants sent.
    pub(crate) fn one(&mut self) -> String {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.into_iter().next().expect("one packet")
    }

    /// Sends and gives the status of the one response.
    pub(crate) fn status_of(&mut self, text: &str) -> u16 {
        self.send(text);
        status(&self.one())
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.endpoint.poll_event()).collect()
    }

    /// The one event, without what a call brings.
    pub(crate) fn event(&mut self) -> Event {
        let events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.into_iter().next().expect("one event")
    }

    pub(crate) fn advance_to(&mut self, now: u64) {
        self.now = now;
        self.endpoint.handle_timeout(now);
    }

    /// Lets time pass from deadline to deadline; gives when what was sent, as first lines.
    pub(crate) fn run_until(&mut self, end: u64) -> Vec<(u64, String)> {
        let mut log = Vec::new();
        while let Some(deadline) = self.endpoint.next_deadline().filter(|deadline| *deadline <= end) {
            self.advance_to(deadline);
            log.extend(self.first_lines().into_iter().map(|line| (deadline, line)));
        }
        self.now = end;
        log
    }

    /// After every timer has run out nothing may be left.
    pub(crate) fn assert_empties(&mut self) {
        self.run_until(self.now + 400_000);
        assert_eq!(self.endpoint.sizes(), Sizes::default());
        assert_eq!(self.endpoint.next_deadline(), None);
    }

    /// An offered call whose 100 was seen.
    pub(crate) fn offered(&mut self, id: &str) -> CallKey {
        self.send(&request("INVITE", id, 1, "", OFFER));
        assert_eq!(status(&self.one()), 100);
        match self.event() {
            Event::Offered { call, .. } => call,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    /// A call whose 200 was seen; gives its To parameter, too.
    pub(crate) fn answered(&mut self, id: &str) -> (CallKey, String) {
        let call = self.offered(id);
        self.endpoint.answer(self.now, call, ANSWER);
        let ok = self.one();
        assert_eq!(status(&ok), 200);
        (call, to_tag(&ok))
    }

    /// A call whose ACK was sent.
    pub(crate) fn confirmed(&mut self, id: &str) -> (CallKey, String) {
        let (call, tag) = self.answered(id);
        self.send(&request("ACK", id, 1, &tag, ""));
        assert!(matches!(self.event(), Event::Confirmed { .. }));
        (call, tag)
    }
}

/// A request of the call `id`; `tag` is what stands behind the To address. A CANCEL, and an ACK without tag, carry the INVITE's branch.
pub(crate) fn request(method: &str, id: &str, cseq: u32, tag: &str, body: &str) -> String {
    with_fields(method, id, cseq, tag, "", body)
}

/// The same with further header lines, each with its line end.
pub(crate) fn with_fields(method: &str, id: &str, cseq: u32, tag: &str, fields: &str, body: &str) -> String {
    let branch = if method == "CANCEL" { "INVITE" } else { method };
    format!(
        "{method} sip:12345@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{id}-{branch}-{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: \"Wang\" <sip:13900000000@192.0.2.1>;tag=far\r\nTo: <sip:12345@192.0.2.9>{tag}\r\n\
         Call-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:wang@192.0.2.1:5070>\r\n{fields}Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The ACK of a refusal: the INVITE's branch.
pub(crate) fn ack_of_refusal(id: &str, tag: &str) -> String {
    request("ACK", id, 1, tag, "").replace("-ACK-", "-INVITE-")
}

pub(crate) fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no response: {response}"))
}

/// Value of a header field.
pub(crate) fn field<'a>(message: &'a str, name: &str) -> &'a str {
    let found = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {message}"))
}

pub(crate) fn to_tag(response: &str) -> String {
    let (_, tag) = field(response, "To").split_once(";tag=").expect("a To tag");
    format!(";tag={tag}")
}

/// The response that a far side gives to a request of ours.
pub(crate) fn response_to(request: &str, status: u16) -> String {
    let kept = request
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(&format!("{name}: "))));
    let fields: String = kept.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 {status} X\r\n{fields}Content-Length: 0\r\n\r\n")
}
