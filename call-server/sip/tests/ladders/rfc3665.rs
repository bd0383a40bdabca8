//! RFC 3665: session establishment, section 3. Proxies are no business of an endpoint but for their Record-Route and their challenges,
//! which `flows` and `calling` have; registration, section 2, is in `registering`.

use super::{ALICE, BOB, Pair, description};
use sip_core::{Ending, Event, OfferBy, SessionEvent};

#[test]
fn section_3_1_successful_session_establishment() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.offered();
    pair.ends[BOB].ring(pair.now, bob);
    pair.flow();
    pair.ends[BOB].answer(pair.now, bob, &description(BOB, 1));
    pair.flow();
    assert_eq!(pair.ladder(), ["A INVITE", "B 100", "B 180", "B 200", "A ACK"]);
    assert!(pair.is_confirmed(ALICE) && pair.is_confirmed(BOB));
    pair.hang_up(BOB, bob);
    pair.flow();
    assert_eq!(pair.ladder(), ["B BYE", "A 200"]);
    let _ = alice;
    pair.ends_as(Ending::ByeReceived, Ending::AsCommanded);
}

#[test]
fn section_3_6_session_with_the_description_in_the_ack() {
    let mut pair = Pair::new();
    let alice = pair.invite(None);
    pair.flow();
    let Some(Event::Offered { call: bob, .. }) = pair.events[BOB].first().cloned() else { panic!("Bob is called") };
    pair.ends[BOB].answer(pair.now, bob, &description(BOB, 1));
    pair.flow();
    assert_eq!(pair.ladder(), ["A INVITE", "B 100", "B 200"]);
    assert!(pair.heard(ALICE, |event| matches!(event, SessionEvent::Offered(offer) if offer == description(BOB, 1).as_bytes())));
    pair.ends[ALICE].accept_offer(pair.now, alice, &description(ALICE, 1));
    pair.flow();
    assert_eq!(pair.ladder(), ["A ACK"]);
    let answered = |event: &Event| matches!(event, Event::Confirmed { description: body, .. } if body == description(ALICE, 1).as_bytes());
    assert!(pair.events[BOB].iter().any(answered), "{:?}", pair.events[BOB]);
    pair.hang_up(ALICE, alice);
    pair.flow();
    pair.ends_as(Ending::AsCommanded, Ending::ByeReceived);
}

#[test]
fn section_3_7_session_with_reinvite_for_another_address() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.talking();
    let moved = description(BOB, 2).replace("192.0.2.2\r\nt=", "192.0.2.77\r\nt=");
    assert!(pair.ends[BOB].offer(pair.now, bob, &moved, OfferBy::ReInvite));
    pair.flow();
    assert!(pair.heard(ALICE, |event| matches!(event, SessionEvent::Offered(offer) if offer == moved.as_bytes())));
    pair.ends[ALICE].accept_offer(pair.now, alice, &description(ALICE, 2));
    pair.flow();
    assert_eq!(pair.ladder(), ["B INVITE", "A 200", "B ACK"]);
    assert!(pair.heard(BOB, |event| matches!(event, SessionEvent::Answered(_))));
    pair.hang_up(BOB, bob);
    pair.flow();
    assert_eq!(pair.ladder(), ["B BYE", "A 200"]);
    pair.ends_as(Ending::ByeReceived, Ending::AsCommanded);
}

#[test]
fn section_3_8_unsuccessful_no_answer() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.offered();
    pair.ends[BOB].ring(pair.now, bob);
    pair.flow();
    pair.hang_up(ALICE, alice);
    pair.flow();
    assert_eq!(pair.ladder(), ["A INVITE", "B 100", "B 180", "A CANCEL", "B 200", "B 487", "A ACK"]);
    pair.ends_as(Ending::AsCommanded, Ending::CancelReceived);
}

#[test]
fn section_3_9_unsuccessful_busy() {
    let mut pair = Pair::new();
    let (_, bob) = pair.offered();
    pair.hang_up(BOB, bob);
    pair.flow();
    assert_eq!(pair.ladder(), ["A INVITE", "B 100", "B 486", "A ACK"]);
    pair.ends_as(Ending::Refused(486), Ending::AsCommanded);
}

#[test]
fn section_3_10_unsuccessful_no_response_from_the_user_agent() {
    let mut pair = Pair::new();
    pair.hold("A INVITE");
    pair.invite(Some(description(ALICE, 1)));
    pair.pass(32_000);
    assert_eq!(pair.ladder(), ["A INVITE"; 7]);
    assert_eq!(pair.ending(ALICE), Some(Ending::Unreachable));
}

#[test]
fn section_3_11_unsuccessful_temporarily_unavailable() {
    let mut pair = Pair::new();
    let (_, bob) = pair.offered();
    pair.ends[BOB].ring(pair.now, bob);
    pair.ends[BOB].hang_up(pair.now, bob, &sip_core::Farewell { status: 480, reason: Some("Q.850;cause=20") });
    pair.flow();
    assert_eq!(pair.ladder(), ["A INVITE", "B 100", "B 180", "B 480", "A ACK"]);
    let reason = |event: &SessionEvent| matches!(event, SessionEvent::Failed(response) if response.head().named("Reason").next() == Some(b"Q.850;cause=20"));
    assert!(pair.heard(ALICE, reason));
    pair.ends_as(Ending::Refused(480), Ending::AsCommanded);
}
