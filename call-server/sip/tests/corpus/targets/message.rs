//! One packet: the kept and the borrowed form agree, the stream cuts it as the datagram does, and our answer is a message.

use sip_core::message::stream::{End, Frame, Frames};
use sip_core::message::{Head, Message, Name, NameAddr, Outline, ParseError, Request, ResponseWriter, Uri, Via, parse};
use sip_core::{Endpoint, Limits, Seed, identity};
use std::net::SocketAddr;

pub(crate) fn target(data: &[u8]) {
    let bare: &[u8] = &data[data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..];
    match (parse(data.to_vec().into()), Outline::read(bare)) {
        (Ok(message), Ok(outline)) => {
            let (Message::Request(_) | Message::Response(_)) = &message;
            let (head, known) = match &message {
                Message::Request(request) => (request.head(), request.identity()),
                Message::Response(response) => (response.head(), response.identity()),
            };
            assert_eq!((outline.call_id(), outline.cseq().0), (&known.call_id[..], known.cseq));
            assert_eq!(outline.via().branch(), &known.branch[..]);
            assert_eq!(outline.from().tag().unwrap_or_default(), &known.from_tag[..]);
            look(head);
            if let Message::Request(request) = &message {
                answered(request);
            }
        }
        (Err(ParseError::KeepAlive), _) => assert!(bare.is_empty()),
        (Err(ParseError::Unusable(fault)), Err(other)) => assert_eq!(fault, other),
        (Err(ParseError::Answerable(rejected)), Err(other)) => assert_eq!(rejected.fault, other),
        (message, outline) => panic!("{message:?} but {outline:?}"),
    }
    in_pieces(data);
    let source: SocketAddr = ([192, 0, 2, 1], 5060).into();
    let endpoint = Endpoint::new(source, Limits::default(), Seed([1, 2]));
    if let Ok(Some((_, refusal))) = endpoint.refusal_for_stranger(source, data.to_vec().into()) {
        assert!(refusal.len() <= data.len(), "a stranger's request is no lever");
    }
}

/// Every view over every value.
fn look(head: &Head) {
    for name in [Name::From, Name::To, Name::Contact, Name::RecordRoute, Name::PAssertedIdentity, Name::ReferTo] {
        for value in head.values(name) {
            if let Some(found) = NameAddr::parse(value) {
                let _ = (found.tag(), found.uri.user_text(), found.uri.socket_address(), found.uri.parameter("lr"));
                assert_eq!(Uri::parse(found.uri.raw), Some(found.uri), "a URI reads itself again");
            }
        }
    }
    for via in head.values(Name::Via).filter_map(Via::parse) {
        let _ = (via.branch(), via.asks_rport(), via.received(), via.port_or_default(), via.senders_parameters().count());
    }
}

/// What we answer is a response to this request and to no other.
fn answered(request: &Request) {
    let _ = (identity::caller(request), identity::dialled(request));
    let source = ([192, 0, 2, 1], 5060).into();
    let answer = ResponseWriter::new(request.head(), source).begin(486, Some("ours")).finish();
    let Ok(Message::Response(read)) = parse(answer.clone()) else { panic!("{:?}", String::from_utf8_lossy(&answer)) };
    let (theirs, ours) = (request.identity(), read.identity());
    assert_eq!((&theirs.call_id, &theirs.from_tag, theirs.cseq, &theirs.branch), (&ours.call_id, &ours.from_tag, ours.cseq, &ours.branch));
    assert!(!ours.to_tag.is_empty() && (theirs.to_tag.is_empty() || theirs.to_tag == ours.to_tag));
}

/// A stream that comes in pieces gives what the stream gives as a whole.
fn in_pieces(data: &[u8]) {
    let frames = |pieces: &mut dyn Iterator<Item = &[u8]>| -> Vec<String> {
        let mut frames = Frames::new(End::Accepted);
        let mut seen = Vec::new();
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next_frame() {
                match frame {
                    // Pings that come in one piece are one.
                    Frame::Ping => {}
                    // How much was there when it broke is chance.
                    Frame::Broken(fault, _) => seen.push(format!("{fault:?}")),
                    Frame::Message(_) | Frame::Refused(_) | Frame::Ignored(_) | Frame::Pong => seen.push(format!("{frame:?}")),
                }
            }
        }
        seen
    };
    if data.len() < 4_096 {
        assert_eq!(frames(&mut data.chunks(7)), frames(&mut std::iter::once(data)));
    }
}
