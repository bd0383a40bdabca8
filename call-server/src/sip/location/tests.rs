//! The locator against a name server on loopback that speaks the real protocol.

use super::{LocateError, Locator};
use crate::sip::destination::Transport;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinEncodable};
use std::net::{SocketAddr, UdpSocket};

const TTL_S: u32 = 60;

fn name(text: &str) -> Name {
    Name::from_utf8(text).expect("a name")
}

/// A carrier with two hosts, the first of which has both kinds of address.
fn zone() -> Vec<(&'static str, RData)> {
    let naptr = |order, service: &str, replacement| {
        let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
        RData::NAPTR(NAPTR::new(order, 1, bytes("s"), bytes(service), bytes(""), name(replacement)))
    };
    let srv = |priority, port, target| RData::SRV(SRV::new(priority, 1, port, name(target)));
    vec![
        ("carrier.test.", naptr(20, "SIP+D2U", "_sip._udp.carrier.test.")),
        ("carrier.test.", naptr(10, "SIPS+D2T", "_sips._tcp.carrier.test.")),
        ("_sips._tcp.carrier.test.", srv(2, 5061, "b.carrier.test.")),
        ("_sips._tcp.carrier.test.", srv(1, 5071, "a.carrier.test.")),
        ("_sip._udp.carrier.test.", srv(1, 5060, "a.carrier.test.")),
        ("a.carrier.test.", RData::A(A::new(192, 0, 2, 1))),
        ("a.carrier.test.", RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
        ("b.carrier.test.", RData::A(A::new(192, 0, 2, 2))),
    ]
}

/// Serves the zone until the test's process ends.
fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
    let address = socket.local_addr().expect("a bound socket");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let Ok(question) = Message::from_bytes(&buffer[..length]) else { continue };
            let answer = answered(&question).to_bytes().expect("an answer that can be written");
            let _ = socket.send_to(&answer, client);
        }
    });
    address
}

fn answered(question: &Message) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.recursion_available = true;
    let query = question.queries.first().expect("a question").clone();
    let zone = zone();
    let of_name: Vec<_> = zone.iter().filter(|(owner, _)| name(owner) == *query.name()).collect();
    if of_name.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    for (owner, data) in of_name {
        if data.record_type() == query.query_type() {
            answer.add_answer(Record::from_rdata(name(owner), TTL_S, data.clone()));
        }
    }
    answer.add_query(query);
    answer
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn a_domain_is_located_through_pointers_services_and_addresses() {
    let found = runtime().block_on(async {
        let locator = Locator::new(&Transport::ALL, Some(name_server()));
        locator.locate("sip:12345@carrier.test").await.expect("the carrier is found")
    });
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["tls:192.0.2.1:5071", "tls:[2001:db8::1]:5071", "tls:192.0.2.2:5061", "udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"]
    );
    assert_eq!(found[2].tls_name.as_deref(), Some("carrier.test"));
}

#[test]
fn an_unknown_domain_and_a_silent_name_service_are_told_apart() {
    runtime().block_on(async {
        let known = Locator::new(&Transport::ALL, Some(name_server()));
        assert_eq!(known.locate("sip:a@nobody.test").await, Err(LocateError::Nothing));
        let deaf = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        let silent = Locator::new(&Transport::ALL, Some(deaf.local_addr().expect("a bound socket")));
        assert!(matches!(silent.locate("sip:a@carrier.test:5060").await, Err(LocateError::NameService(_))));
        assert!(silent.locate("sip:a@192.0.2.1").await.is_ok(), "an address needs no name service");
    });
}
