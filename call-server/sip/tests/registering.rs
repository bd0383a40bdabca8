//! Requests of ours outside of calls: registrations after RFC 3665 section 2, and the OPTIONS by which a trunk is watched.

mod support;

use sip_core::digest::{Account, Login, Signed, choose};
use sip_core::message::Method;
use sip_core::{Event, Outgoing, RequestKey, Series};
use support::*;

const REGISTRAR: &str = "sip:registrar.biloxi.example.com";

fn register(fields: &[(&str, &str)]) -> Outgoing {
    Outgoing {
        method: Method::from_token(b"REGISTER"),
        uri: REGISTRAR.to_owned(),
        to: "sip:bob@biloxi.example.com".to_owned(),
        from: "<sip:bob@biloxi.example.com>".to_owned(),
        target: "192.0.2.1:5060".parse().expect("an address"),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Default::default(),
    }
}

fn send(stage: &mut Stage, series: &mut Series, outgoing: &Outgoing) -> (RequestKey, String) {
    let key = stage.endpoint.request(stage.now, series, outgoing).expect("room for a request");
    (key, stage.one())
}

/// Status and fields of the one end of a request.
fn responded(stage: &mut Stage, wanted: RequestKey) -> (Option<u16>, Vec<String>) {
    match stage.event() {
        Event::Responded { request, response } if request == wanted => {
            let challenges = |response: &sip_core::message::Response| {
                response.head().named("WWW-Authenticate").map(|value| String::from_utf8_lossy(value).into_owned()).collect()
            };
            (
                response.as_ref().map(|response| response.status()),
                response.as_ref().map(|response| challenges(response)).unwrap_or_default(),
            )
        }
        other => panic!("expected the end of {wanted:?}, got {other:?}"),
    }
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"atlanta.example.com\", qop=\"auth\", nonce=\"ea9c8e88df84f1cec4341ae6cbe5a359\", opaque=\"\", algorithm=MD5\r\n";

fn challenged(request: &str, fields: &str) -> String {
    response_to(request, 401).replace("Content-Length: 0", &format!("{fields}Content-Length: 0"))
}

fn credentials(challenges: &[String]) -> String {
    let account = Account { user: "bob".to_owned(), secret: "zanzibar".to_owned() };
    let challenge = choose(challenges.iter().map(String::as_bytes)).expect("a challenge of ours");
    let signed = Signed { method: b"REGISTER", uri: REGISTRAR.as_bytes(), body: b"" };
    Login::new(challenge).credentials(&account, &signed, "c0ffee").expect("credentials")
}

#[test]
fn section_2_1_a_registration_is_challenged_and_then_accepted_in_the_same_series() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let (first, request) = send(&mut stage, &mut series, &register(&[("Expires", "3600")]));
    assert!(request.starts_with("REGISTER sip:registrar.biloxi.example.com SIP/2.0\r\n"));
    assert_eq!((field(&request, "CSeq"), field(&request, "To")), ("1 REGISTER", "<sip:bob@biloxi.example.com>"));
    assert_eq!((field(&request, "Contact"), field(&request, "Expires")), ("<sip:192.0.2.9:5060>", "3600"));
    stage.send(&challenged(&request, CHALLENGE));
    let (status, challenges) = responded(&mut stage, first);
    assert_eq!(status, Some(401));
    let proof = credentials(&challenges);
    let (second, again) = send(&mut stage, &mut series, &register(&[("Expires", "3600"), ("Authorization", &proof)]));
    assert_eq!((field(&again, "CSeq"), field(&again, "Call-ID")), ("2 REGISTER", field(&request, "Call-ID")));
    assert_eq!(field(&again, "From"), field(&request, "From"));
    assert_ne!(field(&again, "Via"), field(&request, "Via"));
    stage.send(&response_to(&again, 200));
    assert_eq!(responded(&mut stage, second).0, Some(200));
    stage.send(&response_to(&again, 200));
    assert!(stage.events().is_empty(), "a repeated answer is told once");
    stage.assert_empties();
}

#[test]
fn section_2_2_an_update_stays_in_the_series_and_the_whole_list_of_contacts_is_told() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let (key, first) = send(&mut stage, &mut series, &register(&[("Expires", "3600")]));
    stage.send(&response_to(&first, 200));
    assert_eq!(responded(&mut stage, key).0, Some(200));
    let (key, update) = send(&mut stage, &mut series, &register(&[("Expires", "1800")]));
    assert_eq!((field(&update, "CSeq"), field(&update, "Call-ID")), ("2 REGISTER", field(&first, "Call-ID")));
    let list = "Contact: <sip:192.0.2.9:5060>;expires=1800\r\nContact: <mailto:bob@biloxi.example.com>;expires=4294967295\r\n";
    stage.send(&response_to(&update, 200).replace("Content-Length: 0", &format!("{list}Content-Length: 0")));
    let Event::Responded { request, response: Some(response) } = stage.event() else { panic!("the end of the update") };
    let told: Vec<_> = response.head().named("Contact").map(|value| String::from_utf8_lossy(value).into_owned()).collect();
    assert_eq!(request, key);
    assert!(told.len() == 2 && told[0].ends_with(";expires=1800") && told[1].starts_with("<mailto:"), "{told:?}");
    stage.assert_empties();
}

#[test]
fn sections_2_3_and_2_4_a_query_has_no_contact_of_its_own_choice_and_a_cancellation_expires_at_once() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let (key, request) = send(&mut stage, &mut series, &register(&[("Expires", "0")]));
    assert_eq!(field(&request, "Expires"), "0");
    stage.send(&response_to(&request, 200));
    assert_eq!(responded(&mut stage, key).0, Some(200));
    stage.assert_empties();
}

#[test]
fn section_2_5_a_refused_registration_is_told_as_it_is() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let (key, request) = send(&mut stage, &mut series, &register(&[]));
    stage.send(&response_to(&request, 403));
    assert_eq!(responded(&mut stage, key).0, Some(403));
    stage.assert_empties();
}

#[test]
fn a_registrar_that_does_not_answer_is_asked_eleven_times_and_given_up() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let (key, _) = send(&mut stage, &mut series, &register(&[]));
    let start = stage.now;
    let times: Vec<u64> = stage.run_until(start + 40_000).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], "timer E");
    assert_eq!(responded(&mut stage, key).0, None);
    stage.assert_empties();
}

#[test]
fn a_series_of_options_counts_and_each_is_told_once_and_by_its_own_name() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    let options = Outgoing { method: Method::Options, uri: "sip:192.0.2.1".to_owned(), to: "sip:192.0.2.1".to_owned(), ..register(&[]) };
    let sent: Vec<(RequestKey, String)> = (0..3).map(|_| send(&mut stage, &mut series, &options)).collect();
    let numbers: Vec<&str> = sent.iter().map(|(_, request)| field(request, "CSeq")).collect();
    assert_eq!(numbers, ["1 OPTIONS", "2 OPTIONS", "3 OPTIONS"]);
    for (key, request) in sent.iter().rev() {
        stage.send(&response_to(request, 503));
        assert_eq!(responded(&mut stage, *key).0, Some(503));
    }
    stage.assert_empties();
}

#[test]
fn requests_that_make_or_end_calls_are_not_sent_this_way() {
    let mut stage = Stage::default();
    let mut series = stage.endpoint.series();
    for method in [Method::Invite, Method::Ack, Method::Cancel] {
        let outgoing = Outgoing { method, ..register(&[]) };
        assert_eq!(stage.endpoint.request(stage.now, &mut series, &outgoing), None);
    }
    assert!(stage.sent().is_empty());
}
