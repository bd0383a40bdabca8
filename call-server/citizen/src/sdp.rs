//! The citizen's SDP (RFC 4566, RFC 3264): one offer, and as much of an answer as a telephone needs. Not a general parser.

use std::net::{IpAddr, SocketAddr};

/// G.711, either law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// PCMA, payload type 8.
    A,
    /// PCMU, payload type 0.
    Mu,
}

impl Law {
    /// Static payload type (RFC 3551).
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Self::A => 8,
            Self::Mu => 0,
        }
    }

    /// The law of a static payload type.
    pub(crate) fn of(payload_type: u8) -> Option<Self> {
        match payload_type {
            8 => Some(Self::A),
            0 => Some(Self::Mu),
            _ => None,
        }
    }
}

/// What we say about who is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Both.
    Both,
    /// Only we: the far end is on hold.
    SendOnly,
}

/// Where and in which law the far end wants to hear us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FarAudio {
    /// RTP address.
    pub(crate) address: SocketAddr,
    /// First law of its list that we have.
    pub(crate) law: Law,
    /// Payload type of its telephone events.
    pub(crate) events: Option<u8>,
}

/// Our offer, and our answer to any offer: PCMA, PCMU and telephone-event. `version` grows with each change.
pub(crate) fn describe(rtp: SocketAddr, session: u32, version: u32, direction: Direction) -> String {
    let (family, ip) = (if rtp.is_ipv4() { "IP4" } else { "IP6" }, rtp.ip());
    [
        "v=0".to_owned(),
        format!("o=- {session} {version} IN {family} {ip}"),
        "s=-".to_owned(),
        format!("c=IN {family} {ip}"),
        "t=0 0".to_owned(),
        format!("m=audio {} RTP/AVP 8 0 101", rtp.port()),
        "a=rtpmap:8 PCMA/8000".to_owned(),
        "a=rtpmap:0 PCMU/8000".to_owned(),
        "a=rtpmap:101 telephone-event/8000".to_owned(),
        "a=fmtp:101 0-15".to_owned(),
        "a=ptime:20".to_owned(),
        match direction {
            Direction::Both => "a=sendrecv".to_owned(),
            Direction::SendOnly => "a=sendonly".to_owned(),
        },
    ]
    .map(|line| line + "\r\n")
    .concat()
}

/// Reads the first audio line that is alive and has a law of ours.
pub(crate) fn far_audio(body: &[u8]) -> Option<FarAudio> {
    let text = String::from_utf8_lossy(body);
    let mut session_ip = None;
    let mut media: Option<(u16, Law, Option<IpAddr>)> = None;
    for line in text.lines() {
        match (line.get(..2), &mut media) {
            (Some("c="), Some((_, _, ip))) => *ip = connection(line),
            (Some("c="), None) => session_ip = connection(line),
            (Some("m="), Some(_)) => break,
            (Some("m="), None) => media = audio(line).map(|(port, law)| (port, law, None)),
            _ => {}
        }
    }
    let (port, law, ip) = media?;
    Some(FarAudio { address: SocketAddr::new(ip.or(session_ip)?, port), law, events: events(&text) })
}

/// `a=rtpmap:101 telephone-event/8000`
fn events(text: &str) -> Option<u8> {
    let line = text.lines().find_map(|line| line.strip_prefix("a=rtpmap:")?.strip_suffix(" telephone-event/8000"))?;
    line.parse().ok()
}

/// `c=IN IP4 192.0.2.1`
fn connection(line: &str) -> Option<IpAddr> {
    line.split_whitespace().nth(2)?.split('/').next()?.parse().ok()
}

/// `m=audio 4000 RTP/AVP 8 0 101`; `None` for other media, port 0 and laws that we do not have.
fn audio(line: &str) -> Option<(u16, Law)> {
    let mut words = line.strip_prefix("m=audio ")?.split_whitespace();
    let port = words.next()?.parse().ok().filter(|&port| port != 0)?;
    let law = words.skip(1).filter_map(|word| Law::of(word.parse().ok()?)).next()?;
    Some((port, law))
}

#[cfg(test)]
mod tests {
    use super::{Direction, FarAudio, Law, describe, far_audio};

    #[test]
    fn our_own_offer_can_be_read_back() {
        let rtp = "192.0.2.7:4002".parse().expect("an address");
        assert_eq!(
            far_audio(describe(rtp, 1, 1, Direction::Both).as_bytes()),
            Some(FarAudio { address: rtp, law: Law::A, events: Some(101) })
        );
    }

    #[test]
    fn the_line_of_the_medium_wins_over_that_of_the_session() {
        let answer = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 18 0\r\nc=IN IP4 192.0.2.2\r\nm=audio 7 RTP/AVP 8\r\n";
        let audio = far_audio(answer.as_bytes()).expect("PCMU is ours");
        assert_eq!((audio.address.to_string().as_str(), audio.law), ("192.0.2.2:9", Law::Mu));
    }

    #[test]
    fn a_refused_medium_is_no_audio() {
        assert_eq!(far_audio(b"c=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 8\r\n"), None);
        assert_eq!(far_audio(b"c=IN IP4 192.0.2.1\r\nm=audio 8 RTP/AVP 18\r\n"), None);
        assert_eq!(far_audio(b"m=audio 8 RTP/AVP 8\r\n"), None);
    }
}
