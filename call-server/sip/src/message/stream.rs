//! Messages out of a byte stream: TCP and TLS (RFC 3261 sections 18.3 and 20.14, RFC 5626 section 4.4.1).
//!
//! It owns no connection: bytes go in as they come, whole messages come out. A message that is broken inside its frame costs only itself;
//! one whose end cannot be known costs the connection, because everything behind it would be guesswork.

use super::parse::{MAX_PACKET_BYTES, content_length, parse, refuse};
use super::{Fault, Message, ParseError, Rejected};
use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

/// Most bytes that wait in one stream: a message and what came in the same read.
pub const MAX_BUFFERED_BYTES: usize = 2 * MAX_PACKET_BYTES;
/// What a ping is answered with.
pub const PONG: &[u8] = b"\r\n";
/// What we send to keep a connection open that we made.
pub const PING: &[u8] = b"\r\n\r\n";

/// Which end of the connection we are: it decides what an empty line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The far side opened it and may ping.
    Accepted,
    /// We opened it and may get pongs.
    Opened,
}

/// What a stream brought.
#[derive(Debug)]
pub enum Frame {
    /// A sound message.
    Message(Message),
    /// A broken request in a sound frame: answer it, go on.
    Refused(Box<Rejected>),
    /// Something broken in a sound frame that cannot be answered: go on.
    Ignored(Fault),
    /// The far side pings: send [`PONG`]. Pings that came together are one.
    Ping,
    /// The far side answered our ping.
    Pong,
    /// Nothing behind this can be understood: answer if there is what to answer, then close. The last frame.
    Broken(Fault, Option<Box<Rejected>>),
}

/// Where the reading of one message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between messages; whether half a ping has been seen.
    Between { half_ping: bool },
    /// In a header of which so many bytes hold no end.
    Header { searched: usize },
    /// The header is whole; the message has this length.
    Body { length: usize },
    /// Broken for good.
    Closed,
}

/// Takes a stream apart.
#[derive(Debug)]
pub struct Frames {
    end: End,
    stage: Stage,
    buffer: BytesMut,
    overrun: bool,
}

impl Frames {
    /// For a new connection.
    #[must_use]
    pub fn new(end: End) -> Self {
        Self { end, stage: Stage::Between { half_ping: false }, buffer: BytesMut::new(), overrun: false }
    }

    /// Takes what was read. The law: call [`Frames::next_frame`] until it gives `None` before the next push; who does not, and lets more
    /// than [`MAX_BUFFERED_BYTES`] gather, breaks the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = MAX_BUFFERED_BYTES.saturating_sub(self.buffer.len());
        self.overrun |= bytes.len() > room;
        if self.stage != Stage::Closed && !self.overrun {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// How many bytes wait.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether a message has begun and not ended: for the owner's patience with slow writers.
    #[must_use]
    pub fn is_within_message(&self) -> bool {
        matches!(self.stage, Stage::Header { .. } | Stage::Body { .. })
    }

    /// The next frame, if it is whole.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.overrun && self.stage != Stage::Closed {
            return Some(self.break_off(Fault::TooLarge));
        }
        if let Stage::Between { half_ping } = self.stage {
            let frame = self.empty_lines(half_ping);
            if frame.is_some() {
                return frame;
            }
        }
        if let Stage::Header { searched } = self.stage
            && let Err(fault) = self.header(searched)
        {
            return Some(self.break_off(fault));
        }
        match self.stage {
            Stage::Body { length } if self.buffer.len() >= length => Some(self.message(length)),
            Stage::Between { .. } | Stage::Header { .. } | Stage::Body { .. } | Stage::Closed => None,
        }
    }

    /// Takes the line ends off that stand between messages.
    fn empty_lines(&mut self, half_ping: bool) -> Option<Frame> {
        let blank = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let lines = self.buffer.iter().take(blank).filter(|byte| **byte == b'\n').count();
        self.buffer.advance(blank);
        let whole = lines.saturating_add(usize::from(half_ping));
        self.stage = if self.buffer.is_empty() { Stage::Between { half_ping: whole % 2 == 1 } } else { Stage::Header { searched: 0 } };
        match self.end {
            End::Accepted if whole >= 2 => Some(Frame::Ping),
            End::Opened if lines > 0 => Some(Frame::Pong),
            End::Accepted | End::Opened => None,
        }
    }

    /// Looks for the end of the header, from where the last search ended, and reads how long the message is.
    fn header(&mut self, searched: usize) -> Result<(), Fault> {
        // An empty line may have begun up to three bytes before the new ones.
        let from = searched.saturating_sub(3);
        let Some(end) = end_of_header(self.buffer.get(from..).unwrap_or_default()).and_then(|end| end.checked_add(from)) else {
            self.stage = Stage::Header { searched: self.buffer.len() };
            return if self.buffer.len() >= MAX_PACKET_BYTES { Err(Fault::TooLarge) } else { Ok(()) };
        };
        let body = content_length(self.buffer.get(..end).unwrap_or_default())?.ok_or(Fault::BadContentLength)?;
        let length = end.checked_add(body).filter(|length| *length <= MAX_PACKET_BYTES).ok_or(Fault::TooLarge)?;
        self.stage = Stage::Body { length };
        Ok(())
    }

    fn message(&mut self, length: usize) -> Frame {
        let packet = self.buffer.split_to(length).freeze();
        self.stage = Stage::Between { half_ping: false };
        match parse(packet) {
            Ok(message) => Frame::Message(message),
            Err(ParseError::Answerable(rejected)) => Frame::Refused(rejected),
            Err(ParseError::Unusable(fault)) => Frame::Ignored(fault),
            Err(ParseError::KeepAlive) => Frame::Ignored(Fault::BadStartLine),
        }
    }

    fn break_off(&mut self, fault: Fault) -> Frame {
        self.stage = Stage::Closed;
        let start: Bytes = std::mem::take(&mut self.buffer).freeze();
        let answer = match refuse(&start, fault) {
            ParseError::Answerable(rejected) => Some(rejected),
            ParseError::Unusable(_) | ParseError::KeepAlive => None,
        };
        Frame::Broken(fault, answer)
    }
}

/// The place behind the empty line; lines may end with LF alone.
fn end_of_header(text: &[u8]) -> Option<usize> {
    let mut start: usize = 0;
    while let Some(place) = memchr(b'\n', text.get(start..)?) {
        start = start.checked_add(place)?.checked_add(1)?;
        match text.get(start..)? {
            [b'\n', ..] => return start.checked_add(1),
            [b'\r', b'\n', ..] => return start.checked_add(2),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(call: &str, length: &str, body: &str) -> String {
        format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
             Call-ID: {call}\r\nCSeq: 1 OPTIONS\r\n{length}\r\n{body}"
        )
    }

    fn drain(frames: &mut Frames) -> Vec<String> {
        std::iter::from_fn(|| frames.next_frame()).map(|frame| told(&frame)).collect()
    }

    fn told(frame: &Frame) -> String {
        match frame {
            Frame::Message(Message::Request(request)) => {
                format!("{} {}", String::from_utf8_lossy(&request.identity().call_id), String::from_utf8_lossy(request.body()))
            }
            Frame::Message(Message::Response(response)) => response.status().to_string(),
            Frame::Refused(rejected) => format!("refused {:?}", rejected.fault),
            Frame::Ignored(fault) => format!("ignored {fault:?}"),
            Frame::Ping => "ping".to_owned(),
            Frame::Pong => "pong".to_owned(),
            Frame::Broken(fault, answer) => format!("broken {fault:?} {:?}", answer.as_ref().map(|rejected| rejected.status())),
        }
    }

    fn all(end: End, text: &str) -> Vec<String> {
        let mut frames = Frames::new(end);
        frames.push(text.as_bytes());
        drain(&mut frames)
    }

    #[test]
    fn the_same_frames_come_out_however_the_bytes_are_cut() {
        let text = [
            options("a", "Content-Length: 3\r\n", "abc"),
            "\r\n\r\n".to_owned(),
            options("b", "l: 0\r\n", ""),
            options("c", "Content-Length: 4\r\nFrom: <sip:x@y>\r\n", "\r\n\r\n"),
            "\r\n".to_owned(),
            options("d", "Content-Length: 0\r\n", "").replace("\r\n", "\n"),
        ]
        .concat();
        let expected = ["a abc", "ping", "b ", "refused RepeatedField", "d "];
        assert_eq!(all(End::Accepted, &text), expected);
        for size in [1, 2, 3, 7, 64] {
            let mut frames = Frames::new(End::Accepted);
            let mut got = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                frames.push(chunk);
                got.extend(drain(&mut frames));
            }
            assert_eq!(got, expected, "pieces of {size}");
            assert_eq!((frames.buffered(), frames.is_within_message()), (0, false));
        }
    }

    #[test]
    fn a_message_whose_end_is_unknown_breaks_the_stream_with_an_answer() {
        for length in [
            "",
            "Content-Length: -1\r\n",
            "Content-Length: 18446744073709551615\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length: 3\r\nl: 3\r\n",
            "Content-Length: 65536\r\n",
            &"X: y\r\n".repeat(65),
        ] {
            let text = options("a", length, "abc") + &options("b", "l: 0\r\n", "");
            let got = all(End::Accepted, &text);
            assert_eq!(got.len(), 1, "{got:?}");
            assert!(got[0].starts_with("broken") && got[0].ends_with("Some(400)"), "{got:?}");
        }
    }

    #[test]
    fn what_is_not_sip_breaks_the_stream_without_an_answer() {
        assert_eq!(all(End::Accepted, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ["broken BadContentLength None"]);
        assert_eq!(all(End::Accepted, "hello\r\nl: 0\r\n\r\n"), ["ignored BadStartLine"]);
    }

    #[test]
    fn nobody_makes_us_hold_more_than_the_limit() {
        let mut frames = Frames::new(End::Accepted);
        for _ in 0..63 {
            frames.push(&[b'x'; 1024]);
            assert!(frames.next_frame().is_none() && frames.is_within_message());
        }
        frames.push(&[b'x'; 1024]);
        assert_eq!(drain(&mut frames), ["broken TooLarge None"]);
        frames.push(options("a", "l: 0\r\n", "").as_bytes());
        assert_eq!((frames.buffered(), drain(&mut frames).len()), (0, 0), "closed for good");
        let mut undrained = Frames::new(End::Accepted);
        for _ in 0..1_000 {
            undrained.push(&[b'x'; 1024]);
            assert!(undrained.buffered() <= MAX_BUFFERED_BYTES);
        }
        assert_eq!(drain(&mut undrained), ["broken TooLarge None"]);
    }

    #[test]
    fn the_largest_message_passes() {
        let header = options("a", "Content-Length: 65000\r\n", "");
        let body = "x".repeat(65_000);
        assert!(header.len() + body.len() < MAX_PACKET_BYTES);
        assert_eq!(all(End::Accepted, &(header + &body)), [format!("a {body}")]);
    }

    #[test]
    fn pings_and_pongs_are_told_by_who_opened_the_connection() {
        assert_eq!(all(End::Accepted, "\r\n\r\n"), ["ping"]);
        assert_eq!(all(End::Accepted, &"\r\n".repeat(10_000)), ["ping"], "a flood is one");
        assert!(all(End::Accepted, "\r\n").is_empty());
        assert_eq!(all(End::Opened, "\r\n"), ["pong"]);
        let mut halves = Frames::new(End::Accepted);
        halves.push(b"\r\n");
        assert!(drain(&mut halves).is_empty());
        halves.push(b"\r\n");
        assert_eq!(drain(&mut halves), ["ping"]);
    }

    #[test]
    fn any_damage_to_a_stream_is_survived() {
        let text = options("a", "Content-Length: 3\r\n", "abc").repeat(5);
        let mut random = fastrand::Rng::with_seed(0x5626);
        let mut whole = 0;
        for _ in 0..5_000 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..random.usize(1..4) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            let mut frames = Frames::new(End::Accepted);
            for chunk in bytes.chunks(random.usize(1..400)) {
                frames.push(chunk);
                whole += drain(&mut frames).len();
                assert!(frames.buffered() <= MAX_BUFFERED_BYTES);
            }
        }
        assert!(whole > 10_000, "only {whole} frames: the loop tests nothing");
    }
}
