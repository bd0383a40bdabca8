//! The order of RFC 3263, told by scripted answers.

use super::*;
use std::collections::BTreeMap;

/// A name service that knows these records.
#[derive(Default)]
struct Zone {
    pointers: BTreeMap<&'static str, Vec<(u16, u16, &'static str, &'static str)>>,
    services: BTreeMap<&'static str, Vec<(u16, u16, u16, &'static str)>>,
    addresses: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Zone {
    fn says(&self, question: &Question) -> Answer {
        match question {
            Question::Pointers(name) => Answer::Pointers(self.pointers.get(name.as_str()).into_iter().flatten().map(pointer).collect()),
            Question::Services(name) => Answer::Services(self.services.get(name.as_str()).into_iter().flatten().map(service).collect()),
            Question::Addresses(name) => {
                let texts = self.addresses.get(name.as_str()).into_iter().flatten();
                Answer::Addresses(texts.map(|text| text.parse().expect("an address")).collect())
            }
        }
    }

    /// The destinations as text, and the questions.
    fn locate(&self, uri: &str, ours: &[Transport]) -> (Vec<String>, Vec<Question>) {
        let mut search = Search::new(uri, ours).expect("a usable URI");
        let mut asked = Vec::new();
        while let Some(question) = search.question() {
            let answer = self.says(&question);
            asked.push(question);
            search.answer(answer, |_| 0);
        }
        (search.finish().iter().map(ToString::to_string).collect(), asked)
    }
}

fn pointer((order, preference, service, replacement): &(u16, u16, &str, &str)) -> Pointer {
    let (service, replacement) = ((*service).to_owned(), (*replacement).to_owned());
    Pointer { order: *order, preference: *preference, flags: "s".to_owned(), service, replacement }
}

fn service((priority, weight, port, target): &(u16, u16, u16, &str)) -> Service {
    Service { priority: *priority, weight: *weight, port: *port, target: (*target).to_owned() }
}

/// RFC 3263 section 4.1's own example, with a second host for failover.
fn example() -> Zone {
    Zone {
        pointers: [(
            "example.com",
            vec![
                (90, 50, "SIP+D2T", "_sip._tcp.example.com"),
                (50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
                (100, 50, "SIP+D2U", "_sip._udp.example.com"),
                (10, 10, "SIP+D2S", "_sip._sctp.example.com"),
            ],
        )]
        .into(),
        services: [
            ("_sip._tcp.example.com", vec![(0, 1, 5060, "one.example.com"), (1, 1, 5070, "two.example.com")]),
            ("_sips._tcp.example.com", vec![(0, 1, 5061, "one.example.com")]),
            ("_sip._udp.example.com", vec![(0, 1, 5060, "one.example.com")]),
        ]
        .into(),
        addresses: [("one.example.com", vec!["192.0.2.1", "2001:db8::1"]), ("two.example.com", vec!["192.0.2.2"])].into(),
    }
}

#[test]
fn the_domain_chooses_the_transport_and_every_host_of_it_is_tried() {
    let (found, _) = example().locate("sip:12345@example.com", &[Transport::Udp, Transport::Tcp]);
    assert_eq!(
        found,
        ["tcp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060", "tcp:192.0.2.2:5070", "udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"]
    );
    let (found, _) = example().locate("sip:example.com", &Transport::ALL);
    assert_eq!(found.first().map(String::as_str), Some("tls:192.0.2.1:5061"), "order 50 goes before 90");
}

#[test]
fn a_secure_uri_never_leaves_tls_and_the_certificate_bears_the_domain() {
    let zone = example();
    let mut search = Search::new("sips:example.com", &Transport::ALL).expect("a usable URI");
    while let Some(question) = search.question() {
        search.answer(zone.says(&question), |_| 0);
    }
    let found = search.finish();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|one| one.transport == Transport::Tls && one.tls_name.as_deref() == Some("example.com")), "{found:?}");
    assert_eq!(Search::new("sips:a@example.com;transport=udp", &Transport::ALL).err(), Some(BadTarget::BadTransport));
    assert_eq!(Search::new("sips:a@example.com", &[Transport::Udp]).err(), Some(BadTarget::NoListener));
}

#[test]
fn what_the_uri_says_itself_is_not_asked_for() {
    let zone = example();
    for (uri, expected) in [
        ("sip:a@192.0.2.9", "udp:192.0.2.9:5060"),
        ("sip:a@[2001:db8::9];transport=tcp", "tcp:[2001:db8::9]:5060"),
        ("sips:a@192.0.2.9", "tls:192.0.2.9:5061"),
        ("sip:a@192.0.2.9:5099;transport=tls", "tls:192.0.2.9:5099"),
        ("sip:a@example.com;maddr=192.0.2.7", "udp:192.0.2.7:5060"),
    ] {
        assert_eq!(zone.locate(uri, &Transport::ALL), (vec![expected.to_owned()], vec![]), "{uri}");
    }
    let (found, asked) = zone.locate("sip:two.example.com:5099", &Transport::ALL);
    assert_eq!((found, asked), (vec!["udp:192.0.2.2:5099".to_owned()], vec![Question::Addresses("two.example.com".to_owned())]));
    let (found, asked) = zone.locate("sip:EXAMPLE.com.;transport=udp", &Transport::ALL);
    assert_eq!(found.first().map(String::as_str), Some("udp:192.0.2.1:5060"));
    assert_eq!(asked.first(), Some(&Question::Services("_sip._udp.example.com".to_owned())));
}

#[test]
fn a_domain_without_pointers_or_services_is_a_host() {
    let zone = Zone { addresses: [("pbx.example.org", vec!["198.51.100.4"])].into(), ..Zone::default() };
    let (found, asked) = zone.locate("sip:pbx.example.org", &[Transport::Udp, Transport::Tcp]);
    assert_eq!(found, ["udp:198.51.100.4:5060"]);
    let name = |text: &str| text.to_owned();
    assert_eq!(
        asked,
        [
            Question::Pointers(name("pbx.example.org")),
            Question::Services(name("_sip._udp.pbx.example.org")),
            Question::Services(name("_sip._tcp.pbx.example.org")),
            Question::Addresses(name("pbx.example.org")),
        ]
    );
    assert_eq!(Zone::default().locate("sip:nowhere.example", &Transport::ALL).0, Vec::<String>::new());
}

#[test]
fn a_service_that_is_decidedly_absent_is_not_tried() {
    let zone = Zone { services: [("_sip._tcp.h.example", vec![(0, 0, 0, ".")])].into(), ..Zone::default() };
    assert_eq!(zone.locate("sip:h.example;transport=tcp", &Transport::ALL).0, Vec::<String>::new());
}

#[test]
fn priorities_come_in_order_and_weights_in_proportion() {
    let records = [(1, 0, 1, "last"), (0, 10, 1, "light"), (0, 30, 1, "heavy"), (0, 0, 1, "zero")];
    let names = |drawn: [u32; 4]| -> Vec<String> {
        let mut drawn = drawn.into_iter();
        let services = records.iter().map(service).collect();
        ordered(services, |sum| drawn.next().expect("a draw each").min(sum)).into_iter().map(|service| service.target).collect()
    };
    assert_eq!(names([0, 0, 0, 0]), ["zero", "light", "heavy", "last"]);
    assert_eq!(names([11, 0, 0, 0]), ["heavy", "zero", "light", "last"]);
    assert_eq!(names([10, 30, 0, 0]), ["light", "heavy", "zero", "last"]);
    let mut random = fastrand::Rng::with_seed(3263);
    let mut first = BTreeMap::new();
    for _ in 0..10_000 {
        let order = ordered(records.iter().map(service).collect(), |sum| random.u32(0..=sum));
        assert_eq!(order.last().map(|service| service.target.as_str()), Some("last"));
        *first.entry(order[0].target.clone()).or_insert(0) += 1;
    }
    let share = f64::from(first["heavy"]) / 10_000.0;
    assert!((0.69..0.79).contains(&share), "{first:?}");
}

#[test]
fn no_zone_makes_us_ask_or_gather_for_ever() {
    let many: Vec<_> = (0..200).map(|place| (place, 1, 5060, "deep.example")).collect();
    let zone = Zone { services: [("_sip._udp.d.example", many)].into(), ..Zone::default() };
    let (found, asked) = zone.locate("sip:d.example;transport=udp", &Transport::ALL);
    assert_eq!((found.len(), asked.len()), (0, MAX_QUESTIONS));
    let addresses = vec!["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"];
    let services = (0..20).map(|place| (place, 1, 5060 + place, "deep.example")).collect();
    let zone =
        Zone { services: [("_sip._udp.d.example", services)].into(), addresses: [("deep.example", addresses)].into(), ..Zone::default() };
    assert_eq!(zone.locate("sip:d.example;transport=udp", &Transport::ALL).0.len(), MAX_DESTINATIONS);
}

#[test]
fn what_is_no_sip_uri_has_no_place() {
    for uri in ["", "tel:12345", "http://example.com", "sip:a b"] {
        assert_eq!(Search::new(uri, &Transport::ALL).err(), Some(BadTarget::NoSipUri), "{uri}");
    }
    assert_eq!(Search::new("sip:h;transport=sctp", &Transport::ALL).err(), Some(BadTarget::BadTransport));
}
