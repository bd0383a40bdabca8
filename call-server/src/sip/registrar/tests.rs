//! The registrar against phones that are texts.

use super::*;
use sip_core::digest::{Account, Login, choose};
use sip_core::message::{Message, parse};

const SOURCE: &str = "10.1.0.9:40000";

fn registrar() -> Registrar {
    let networks = vec![Network::parse("10.1.0.0/16").expect("a network")];
    let mut registrar = Registrar::new(PhoneSettings { networks, max_bindings: 2, ..PhoneSettings::default() }, [7; 32]);
    registrar.learn(PhoneBook { phones: vec![account("8001"), account("8002")], plan: Plan::default() });
    registrar
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn account(user: &str) -> PhoneAccount {
    let proofs = vec![Ha1::new(HashFunction::Md5, user, REALM, &format!("secret-{user}"))];
    PhoneAccount { number: number(user), proofs }
}

/// A request of a phone, with credentials if a challenge is answered.
fn request(method: &str, uri: &str, to: &str, cseq: u32, fields: &str) -> Box<Request> {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.9:40000;branch=z9hG4bK{cseq}\r\nFrom: <sip:{to}@h>;tag=1\r\nTo: <sip:{to}@h>\r\n\
         Call-ID: a\r\nCSeq: {cseq} {method}\r\n{fields}\r\n"
    );
    match parse(text.into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("not a request: {other:?}"),
    }
}

/// The Authorization field with which a phone answers a challenge.
fn credentials(answer: &Answer, user: &str, secret: &str, method: &str, uri: &str) -> String {
    let challenge = choose(answer.fields.iter().map(|(_, value)| value.as_bytes())).expect("a challenge");
    let signed = Signed { method: method.as_bytes(), uri: uri.as_bytes(), body: b"" };
    let account = Account { user: user.to_owned(), secret: secret.to_owned() };
    let value = Login::new(challenge).credentials(&account, &signed, "c0ffee").expect("credentials");
    format!("Authorization: {value}\r\n")
}

fn register(registrar: &mut Registrar, now: u64, user: &str, secret: &str, to: &str, cseq: u32, fields: &str) -> Answer {
    let source = SOURCE.parse().expect("an address");
    let first = registrar.register(now, 0, source, &request("REGISTER", "sip:h", to, cseq, fields));
    assert_eq!(first.status, 401, "nobody registers without a proof");
    let known = credentials(&first, user, secret, "REGISTER", "sip:h");
    registrar.register(now, 0, source, &request("REGISTER", "sip:h", to, cseq + 1, &format!("{fields}{known}")))
}

fn contact(port: u16) -> String {
    format!("Contact: <sip:8001@10.1.0.9:{port}>\r\n")
}

#[test]
fn a_phone_registers_with_its_secret_and_is_told_how_long() {
    let mut registrar = registrar();
    let answer = register(&mut registrar, 0, "8001", "secret-8001", "8001", 1, &(contact(40_000) + "Expires: 9999\r\n"));
    assert_eq!((answer.status, answer.fields), (200, vec![("Contact", "<sip:8001@10.1.0.9:40000>;expires=3600".to_owned())]));
    assert_eq!(registrar.status(3_599_000)[0].expires_in_s, 1);
    assert!(registrar.status(3_600_000).is_empty() && registrar.next_deadline().is_none(), "no translation, nothing to keep open");
}

#[test]
fn a_wrong_secret_and_anothers_number_are_offences_and_an_unknown_phone_looks_like_a_wrong_secret() {
    let mut registrar = registrar();
    for (user, secret, to) in [("8001", "wrong", "8001"), ("8009", "secret-8009", "8009"), ("8001", "", "8001")] {
        let answer = register(&mut registrar, 0, user, secret, to, 1, &contact(1));
        assert_eq!((answer.status, answer.is_offence), (401, true), "{user} {secret}");
    }
    let stolen = register(&mut registrar, 0, "8001", "secret-8001", "8002", 1, &contact(1));
    assert_eq!((stolen.status, stolen.is_offence), (403, true));
    assert!(registrar.status(0).is_empty());
}

#[test]
fn the_oldest_of_too_many_places_gives_way_and_a_star_removes_all() {
    let mut registrar = registrar();
    for (cseq, port) in [(1, 1_001), (3, 1_002), (5, 1_003)] {
        assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", cseq, &contact(port)).status, 200);
    }
    let ports: Vec<_> = registrar.status(0).iter().map(|place| place.contact.clone()).collect();
    assert_eq!(ports, ["sip:8001@10.1.0.9:1002", "sip:8001@10.1.0.9:1003"]);
    let removed = register(&mut registrar, 0, "8001", "secret-8001", "8001", 7, "Contact: <sip:8001@10.1.0.9:1002>;expires=0\r\n");
    assert_eq!((removed.status, removed.fields.len()), (200, 1));
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 9, "Contact: *\r\nExpires: 60\r\n").status, 400);
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 11, "Contact: *\r\nExpires: 0\r\n").status, 200);
    assert!(registrar.status(0).is_empty());
}

#[test]
fn too_short_a_time_is_refused_with_the_shortest_and_an_overtaken_request_changes_nothing() {
    let mut registrar = registrar();
    let brief = register(&mut registrar, 0, "8001", "secret-8001", "8001", 1, &(contact(1) + "Expires: 30\r\n"));
    assert_eq!((brief.status, brief.fields), (423, vec![("Min-Expires", "60".to_owned())]));
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 7, &contact(1)).status, 200);
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 3, &contact(1)).status, 500);
}

#[test]
fn a_phone_behind_translation_is_kept_reachable_until_it_expires() {
    let mut registrar = registrar();
    let hidden = "Contact: <sip:8001@192.168.0.5:5060>;expires=60\r\n";
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 1, hidden).status, 200);
    assert!(registrar.status(0)[0].translated);
    let source = SOURCE.parse().expect("an address");
    assert_eq!((registrar.next_deadline(), registrar.keep_alive(24_999)), (Some(25_000), Vec::new()));
    assert_eq!((registrar.keep_alive(25_000), registrar.keep_alive(50_000)), (vec![(0, source)], vec![(0, source)]));
    assert_eq!((registrar.keep_alive(75_000), registrar.next_deadline()), (Vec::new(), None));
}

#[test]
fn a_phone_calls_under_its_own_number_once_it_has_shown_its_secret() {
    let mut registrar = registrar();
    let mut admit = |user: &str, secret: &str, dialled: &str| {
        let uri = format!("sip:{dialled}@h");
        let Passage::Refused(first) = registrar.admit(0, &request("INVITE", &uri, user, 1, "")) else { panic!("no proof was asked for") };
        assert_eq!((first.status, first.is_offence), (401, false));
        let known = credentials(&first, user, secret, "INVITE", &uri);
        registrar.admit(0, &request("INVITE", &uri, user, 2, &known))
    };
    for (user, dialled) in [("8001", "12345"), ("8002", "13912345678"), ("8001", "8002"), ("8001", "110")] {
        let open = Passage::Open { caller: number(user), dialled: number(dialled) };
        assert_eq!(admit(user, &format!("secret-{user}"), dialled), open);
    }
    assert_eq!(admit("8001", "secret-8001", "alice"), Passage::NoNumber);
    for (user, secret) in [("8001", "secret-8002"), ("8009", "secret-8009")] {
        let Passage::Refused(answer) = admit(user, secret, "12345") else { panic!("{user} was let in") };
        assert_eq!((answer.status, answer.is_offence), (401, true));
    }
}

#[test]
fn who_is_removed_is_no_longer_registered_and_a_network_holds_its_own_addresses() {
    let mut registrar = registrar();
    assert_eq!(register(&mut registrar, 0, "8001", "secret-8001", "8001", 1, &contact(1)).status, 200);
    registrar.learn(PhoneBook::default());
    assert!(registrar.status(0).is_empty());
    assert!(registrar.covers("10.1.255.1".parse().expect("an address")) && !registrar.covers("10.2.0.1".parse().expect("an address")));
    for (network, inside, outside) in
        [("0.0.0.0/0", "1.2.3.4", "::1"), ("127.0.0.1", "127.0.0.1", "127.0.0.2"), ("2001:db8::/32", "2001:db8:1::", "2001:db9::")]
    {
        let network = Network::parse(network).expect("a network");
        assert!(network.holds(inside.parse().expect("an address")) && !network.holds(outside.parse().expect("an address")), "{network:?}");
    }
    assert!(Network::parse("10.0.0.0/33").is_none() && Network::parse("house").is_none());
}

#[test]
fn i_36_whether_the_phone_of_an_agent_is_there_is_told_once_each_time_it_changes() {
    let mut registrar = registrar();
    let mut plan = Plan::default();
    let phone = |place| Some(call_core::plan::AgentPhone { place, first: Default::default(), unattended: None });
    let place = PhonePlace::Registered(number("8001"));
    plan.agents.insert(shared::model::AgentId(1), call_core::plan::AgentPlan { phone: phone(place), ..Default::default() });
    let phones = vec![account("8001"), account("8002")];
    let book = PhoneBook { phones, plan };
    registrar.learn(book.clone());
    assert_eq!(registrar.presence_news(0), [(number("8001"), false)]);
    registrar.learn(book);
    assert_eq!(registrar.presence_news(0), [], "a new list of the same phones is no news");
    assert_eq!(register(&mut registrar, 1_000, "8001", "secret-8001", "8001", 1, &contact(40_000)).status, 200);
    assert_eq!(register(&mut registrar, 1_000, "8002", "secret-8002", "8002", 1, &contact(40_000)).status, 200);
    assert_eq!(registrar.presence_news(1_000), [(number("8001"), true)], "nobody speaks by 8002");
    let expires = registrar.next_deadline().expect("it expires");
    assert_eq!(registrar.presence_news(expires - 1), []);
    assert_eq!(registrar.presence_news(expires), [(number("8001"), false)]);
    assert_eq!(registrar.next_deadline(), None);
}
