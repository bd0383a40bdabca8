//! Messages from behind address translation, as if their sender knew where it is: the answer goes to where the request came from
//! (RFC 3581, also unasked), and so does what follows in the call.
//!
//! Only for trunks and phones that are said to be there: others may have good reasons for a Contact elsewhere.

use sip_core::message::{NameAddr, Via};
use std::net::SocketAddr;

/// The datagram with `rport` in its first Via, if it is a request, and with the sender's real address in each Contact.
pub(in crate::sip) fn as_seen(datagram: &[u8], source: SocketAddr) -> Vec<u8> {
    let is_request = !datagram.starts_with(b"SIP/2.0 ");
    let mut out = Vec::with_capacity(datagram.len() + 32);
    let (mut first_via, mut in_body) = (is_request, false);
    for (place, line) in datagram.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.trim_ascii_end();
        in_body |= place > 0 && text.is_empty();
        let name = if in_body || place == 0 { &b""[..] } else { text.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii() };
        let value = text.get(name.len()..).unwrap_or_default();
        let changed = if first_via && (name.eq_ignore_ascii_case(b"Via") || name.eq_ignore_ascii_case(b"v")) {
            first_via = false;
            with_rport(value)
        } else if name.eq_ignore_ascii_case(b"Contact") || name.eq_ignore_ascii_case(b"m") {
            with_address(value, source)
        } else {
            None
        };
        match changed {
            Some(value) => {
                out.extend_from_slice(name);
                out.extend_from_slice(&value);
                out.extend_from_slice(line.get(text.len()..).unwrap_or_default());
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// `value` begins with the colon.
fn with_rport(value: &[u8]) -> Option<Vec<u8>> {
    let end = value.iter().position(|byte| *byte == b',').unwrap_or(value.len());
    let (first, others) = value.split_at_checked(end)?;
    let via = Via::parse(first.get(first.iter().position(|byte| *byte == b':')? + 1..)?)?;
    if via.asks_rport() {
        return None;
    }
    Some([first, b";rport", others].concat())
}

fn with_address(value: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let address = NameAddr::parse(value.get(value.iter().position(|byte| *byte == b':')? + 1..)?)?;
    let uri = address.uri;
    let host = String::from_utf8_lossy(uri.host).into_owned();
    let old = uri.port.map_or(host.clone(), |port| format!("{host}:{port}"));
    let text = String::from_utf8_lossy(value).into_owned();
    let raw = String::from_utf8_lossy(uri.raw).into_owned();
    // Behind the user, if there is one, so that a user that looks like a host is left alone.
    let from = raw.find('@').or_else(|| raw.find(':'))? + 1;
    let (before, after) = raw.split_at_checked(from)?;
    let new = format!("{before}{}", after.replacen(&old, &source.to_string(), 1));
    Some(text.replacen(&raw, &new, 1).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::as_seen;

    fn seen(text: &str) -> String {
        let source = "198.51.100.7:40001".parse().expect("an address");
        String::from_utf8(as_seen(text.as_bytes(), source)).expect("text")
    }

    #[test]
    fn the_answer_and_the_call_go_where_the_request_came_from() {
        let request = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.9\r\nVia: SIP/2.0/UDP h\r\n\
            Contact: \"x\" <sip:10.0.0.1@10.0.0.1:5060;ob>;q=1\r\n\r\nContact: <sip:10.0.0.1>\r\n";
        let wanted = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport, SIP/2.0/UDP 10.0.0.9\r\nVia: SIP/2.0/UDP h\r\n\
            Contact: \"x\" <sip:10.0.0.1@198.51.100.7:40001;ob>;q=1\r\n\r\nContact: <sip:10.0.0.1>\r\n";
        assert_eq!(seen(request), wanted);
    }

    #[test]
    fn what_asks_for_rport_already_keeps_its_via_and_a_response_always_does() {
        let request = "BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1\r\n\r\n";
        assert_eq!(seen(request), request);
        let response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nm: <sip:10.0.0.1>\r\n\r\n";
        assert_eq!(seen(response), response.replace("sip:10.0.0.1", "sip:198.51.100.7:40001"));
    }

    #[test]
    fn what_cannot_be_read_is_left_as_it_came() {
        for text in ["", "\r\n\r\n", "INVITE", "INVITE sip:a SIP/2.0\r\nVia\r\nContact: *\r\nContact: <sip:\r\nVia: x\r\n\r\n"] {
            assert_eq!(seen(text), text, "{text:?}");
        }
    }
}
