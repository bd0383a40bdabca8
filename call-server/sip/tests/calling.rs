//! Calls of ours against a far side that writes by hand, after RFC 3665 and RFC 5407.

mod support;

use sip_core::{CallKey, Ending, Event, Invitation, SessionEvent};
use support::*;

fn invitation(stage: &Stage) -> Invitation {
    Invitation {
        to: "sip:far@192.0.2.1".to_owned(),
        from: "<sip:12345@192.0.2.9>".to_owned(),
        target: stage.far,
        fields: Vec::new(),
        description: Some(OFFER.to_owned()),
    }
}

fn calling(stage: &mut Stage) -> (CallKey, String) {
    let invitation = invitation(stage);
    let call = stage.endpoint.call(stage.now, invitation).expect("room for a call");
    (call, stage.one())
}

/// A response with a To tag, a Contact and further fields.
fn answer(invite: &str, status: u16, tag: &str, fields: &str, body: &str) -> String {
    let to = format!("To: {}", field(invite, "To"));
    response_to(invite, status).replace(&to, &format!("{to};tag={tag}")).replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Contact: <sip:{tag}@192.0.2.1:5070>\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()),
    )
}

#[test]
fn the_first_of_two_forked_answers_wins_and_the_other_gets_ack_and_bye() {
    let mut stage = Stage::default();
    let (call, invite) = calling(&mut stage);
    stage.send(&answer(&invite, 200, "one", "", ANSWER));
    assert!(stage.one().starts_with("ACK sip:one@192.0.2.1:5070 "));
    assert!(
        matches!(stage.event(), Event::Confirmed { call: confirmed, description } if confirmed == call && description == ANSWER.as_bytes())
    );
    stage.send(&answer(&invite, 200, "two", "", ANSWER));
    let sent = stage.first_lines();
    assert_eq!(sent, ["ACK sip:two@192.0.2.1:5070 SIP/2.0", "BYE sip:two@192.0.2.1:5070 SIP/2.0"]);
    stage.send(&answer(&invite, 200, "one", "", ANSWER));
    assert_eq!(stage.first_lines(), ["ACK sip:one@192.0.2.1:5070 SIP/2.0"]);
    assert!(stage.events().is_empty());
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    stage.assert_empties();
}

#[test]
fn a_cancel_waits_for_a_provisional_answer_and_a_crossing_200_is_hung_up() {
    let mut stage = Stage::default();
    let (call, invite) = calling(&mut stage);
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.sent().is_empty(), "no CANCEL before anything was heard");
    assert!(matches!(stage.event(), Event::Ended { ending: Ending::AsCommanded, .. }));
    stage.send(&answer(&invite, 180, "one", "", ""));
    let cancel = stage.one();
    assert!(cancel.starts_with("CANCEL sip:far@192.0.2.1 ") && field(&cancel, "Via") == field(&invite, "Via"));
    stage.send(&answer(&invite, 200, "one", "", ANSWER));
    let lines = stage.first_lines();
    assert_eq!(lines, ["ACK sip:one@192.0.2.1:5070 SIP/2.0", "BYE sip:one@192.0.2.1:5070 SIP/2.0"]);
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn a_challenged_invite_is_sent_again_with_credentials_and_the_next_number() {
    let mut stage = Stage::default();
    let (call, invite) = calling(&mut stage);
    stage.send(&answer(&invite, 407, "proxy", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", ""));
    assert!(stage.one().starts_with("ACK "));
    assert!(matches!(stage.event(), Event::Session { event: SessionEvent::Challenged(_), .. }));
    stage.endpoint.authenticate(stage.now, call, vec![("Proxy-Authorization".to_owned(), "Digest x".to_owned())]);
    let again = stage.one();
    assert_eq!((field(&again, "CSeq"), field(&again, "Proxy-Authorization")), ("2 INVITE", "Digest x"));
    assert_eq!((field(&again, "Call-ID"), field(&again, "From")), (field(&invite, "Call-ID"), field(&invite, "From")));
    stage.send(&answer(&again, 486, "far", "", ""));
    assert!(matches!(stage.events().last(), Some(Event::Ended { ending: Ending::Refused(486), .. })));
    stage.assert_empties();
}

#[test]
fn reliable_responses_are_acknowledged_in_their_order_and_a_gap_is_not() {
    let mut stage = Stage::default();
    let (call, invite) = calling(&mut stage);
    stage.send(&answer(&invite, 183, "one", "Require: 100rel\r\nRSeq: 5\r\n", ANSWER));
    let prack = stage.one();
    assert!(prack.starts_with("PRACK sip:one@192.0.2.1:5070 ") && field(&prack, "RAck") == "5 1 INVITE");
    stage.send(&answer(&invite, 180, "one", "Require: 100rel\r\nRSeq: 7\r\n", ""));
    stage.send(&answer(&invite, 183, "one", "Require: 100rel\r\nRSeq: 5\r\n", ANSWER));
    assert!(stage.sent().is_empty());
    stage.send(&answer(&invite, 180, "one", "Require: 100rel\r\nRSeq: 6\r\n", ""));
    assert_eq!(field(&stage.one(), "RAck"), "6 1 INVITE");
    assert_eq!(stage.events().len(), 2, "two steps of progress");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    stage.send(&answer(&invite, 487, "one", "", ""));
    stage.assert_empties();
}

#[test]
fn an_invite_that_nobody_hears_is_repeated_with_doubling_gaps_and_given_up() {
    let mut stage = Stage::default();
    calling(&mut stage);
    let start = stage.now;
    let times: Vec<u64> = stage.run_until(start + 60_000).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert!(matches!(stage.event(), Event::Ended { ending: Ending::Unreachable, .. }));
    stage.assert_empties();
}

#[test]
fn crossing_offers_get_491_and_ours_is_made_again() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    assert!(stage.endpoint.offer(stage.now, call, OFFER, sip_core::OfferBy::ReInvite));
    let ours = stage.one();
    assert_eq!(stage.status_of(&request("INVITE", "a", 2, &tag, OFFER)), 491);
    stage.send(&response_to(&ours, 491));
    assert!(stage.one().starts_with("ACK "));
    let start = stage.now;
    let log = stage.run_until(start + 2_100);
    assert!(log.iter().any(|(_, line)| line.starts_with("INVITE ")), "{log:?}");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.one().starts_with("BYE "));
}

#[test]
fn the_2xx_of_our_reinvite_is_acknowledged() {
    let mut stage = Stage::default();
    let (call, _) = stage.confirmed("a");
    assert!(stage.endpoint.offer(stage.now, call, OFFER, sip_core::OfferBy::ReInvite));
    let ours = stage.one();
    stage.send(&response_to(&ours, 200));
    assert!(stage.one().starts_with("ACK "));
    assert!(matches!(stage.event(), Event::Session { event: SessionEvent::Answered(_), .. }));
}
