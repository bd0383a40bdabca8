//! RFC 5407: races. "Moratorium" is the time between 2xx and ACK, "mortal" the one between BYE and its answer.

use super::{ALICE, BOB, Pair, description};
use sip_core::{Ending, OfferBy, Renegotiation, SessionEvent, Settings};

/// A call whose answer, ACK or whatever else is held back.
fn held_answer(line: &'static str) -> (Pair, sip_core::CallKey, sip_core::CallKey) {
    let mut pair = Pair::with(Settings { renegotiation: Renegotiation::Keep, transfers: true, ..Settings::default() });
    let (alice, bob) = pair.offered();
    pair.ladder();
    pair.hold(line);
    pair.ends[BOB].answer(pair.now, bob, &description(BOB, 1));
    pair.flow();
    (pair, alice, bob)
}

#[test]
fn section_3_1_1_a_repeated_invite_in_the_moratorium_changes_nothing() {
    let mut pair = Pair::new();
    pair.hold("B 100");
    let (_, bob) = pair.offered();
    pair.ends[BOB].answer(pair.now, bob, &description(BOB, 1));
    pair.lose();
    pair.hold("B 200");
    pair.pass(500);
    assert!(pair.ladder().iter().filter(|line| *line == "A INVITE").count() == 2, "Alice repeats");
    pair.release();
    assert!(pair.is_confirmed(ALICE) && pair.is_confirmed(BOB));
    assert_eq!(pair.ends[BOB].sizes().calls, 1);
}

#[test]
fn section_3_1_2_a_cancel_in_the_moratorium_is_too_late_and_alice_says_bye() {
    let (mut pair, alice, _) = held_answer("B 200");
    pair.hang_up(ALICE, alice);
    // Its own 200 is held, too, as on a slow path.
    pair.release();
    assert_eq!(pair.ladder(), ["B 200", "A CANCEL", "A ACK", "A BYE", "B 200", "B 200"], "of CANCEL and BYE, and no 487");
    pair.ends_as(Ending::AsCommanded, Ending::ByeReceived);
}

#[test]
fn section_3_1_4_a_reinvite_in_the_moratorium_is_answered_and_confirms_the_call() {
    let (mut pair, alice, _) = held_answer("A ACK");
    assert!(pair.is_confirmed(ALICE) && !pair.is_confirmed(BOB));
    pair.lose();
    assert!(pair.ends[ALICE].offer(pair.now, alice, &description(ALICE, 2), OfferBy::ReInvite));
    pair.flow();
    assert_eq!(pair.ladder(), ["B 200", "A ACK", "A INVITE", "B 200", "A ACK"]);
    assert!(pair.is_confirmed(BOB) && pair.heard(ALICE, |event| matches!(event, SessionEvent::Answered(_))));
    pair.pass(40_000);
    assert!(pair.ladder().is_empty(), "the first 200 is not repeated any more");
}

#[test]
fn section_3_1_5_a_reinvite_in_the_moratorium_of_a_late_offer_is_glare() {
    let mut pair = Pair::new();
    let alice = pair.invite(None);
    pair.flow();
    let Some(sip_core::Event::Offered { call: bob, .. }) = pair.events[BOB].first().cloned() else { panic!("Bob is called") };
    pair.hold("A ACK");
    pair.ends[BOB].answer(pair.now, bob, &description(BOB, 1));
    pair.flow();
    pair.ends[ALICE].accept_offer(pair.now, alice, &description(ALICE, 1));
    pair.flow();
    pair.hold("none");
    assert!(pair.ends[ALICE].offer(pair.now, alice, &description(ALICE, 2), OfferBy::ReInvite));
    pair.flow();
    assert!(pair.ladder().ends_with(&["A INVITE".into(), "B 491".into(), "A ACK".into()]));
    pair.release();
    assert!(pair.is_confirmed(BOB));
    pair.pass(5_000);
    assert!(pair.heard(BOB, |event| matches!(event, SessionEvent::Offered(_))), "Alice offers again");
}

#[test]
fn section_3_1_3_and_3_1_6_a_bye_in_the_moratorium_ends_the_call_at_once() {
    let (mut pair, alice, _) = held_answer("A ACK");
    pair.hold("A ACK");
    pair.hang_up(ALICE, alice);
    pair.flow();
    assert_eq!(pair.ladder(), ["B 200", "A ACK", "A BYE", "B 200"]);
    pair.release();
    pair.pass(40_000);
    assert!(pair.ladder().is_empty(), "nobody repeats the 200 of a call that is over");
    pair.ends_as(Ending::AsCommanded, Ending::ByeReceived);
}

#[test]
fn section_3_2_1_byes_that_cross_are_both_answered() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.talking();
    pair.hang_up(ALICE, alice);
    pair.hang_up(BOB, bob);
    pair.flow();
    assert_eq!(pair.ladder(), ["A BYE", "B BYE", "B 200", "A 200"]);
    pair.ends_as(Ending::AsCommanded, Ending::AsCommanded);
}

#[test]
fn section_3_2_2_a_reinvite_that_crosses_a_bye_gets_481() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.talking();
    assert!(pair.ends[BOB].offer(pair.now, bob, &description(BOB, 2), OfferBy::ReInvite));
    pair.hang_up(ALICE, alice);
    pair.flow();
    let ladder = pair.ladder();
    assert!(ladder.contains(&"A 481".to_owned()) && ladder.contains(&"B ACK".to_owned()), "{ladder:?}");
    pair.ends_as(Ending::AsCommanded, Ending::ByeReceived);
}

#[test]
fn section_3_2_3_a_200_to_a_reinvite_in_the_mortal_state_is_acknowledged() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.talking();
    assert!(pair.ends[ALICE].offer(pair.now, alice, &description(ALICE, 2), OfferBy::ReInvite));
    pair.flow();
    pair.hold("B 200");
    pair.ends[BOB].accept_offer(pair.now, bob, &description(BOB, 2));
    pair.flow();
    pair.hang_up(ALICE, alice);
    pair.release();
    let ladder = pair.ladder();
    assert!(ladder.contains(&"A ACK".to_owned()) && ladder.contains(&"A BYE".to_owned()), "{ladder:?}");
    pair.ends_as(Ending::AsCommanded, Ending::ByeReceived);
}

#[test]
fn section_3_2_4_an_ack_in_the_mortal_state_lets_the_bye_go() {
    let (mut pair, _, bob) = held_answer("A ACK");
    pair.hang_up(BOB, bob);
    pair.flow();
    assert_eq!(pair.ladder(), ["B 200", "A ACK"], "no BYE before the ACK");
    pair.release();
    assert_eq!(pair.ladder(), ["B BYE", "A 200"]);
    pair.ends_as(Ending::ByeReceived, Ending::AsCommanded);
}

#[test]
fn section_3_3_1_reinvites_that_cross_get_491_and_one_goes_first() {
    let mut pair = Pair::with(Settings::default());
    let (alice, bob) = pair.talking();
    assert!(pair.ends[ALICE].offer(pair.now, alice, &description(ALICE, 2), OfferBy::ReInvite));
    assert!(pair.ends[BOB].offer(pair.now, bob, &description(BOB, 2), OfferBy::ReInvite));
    pair.flow();
    let ladder = pair.ladder();
    assert_eq!(ladder.iter().filter(|line| line.ends_with("491")).count(), 2, "{ladder:?}");
    pair.pass(10_000);
    let ladder = pair.ladder();
    let first = |line: &str| ladder.iter().position(|found| found == line).unwrap_or_else(|| panic!("no {line} in {ladder:?}"));
    assert!(first("B INVITE") < first("A INVITE"), "who owns the Call-ID waits longer: {ladder:?}");
    let answered = |event: &SessionEvent| matches!(event, SessionEvent::Answered(_));
    assert!(pair.heard(ALICE, answered) && pair.heard(BOB, answered));
}

#[test]
fn section_3_3_2_update_and_reinvite_that_cross_get_491() {
    let mut pair = Pair::with(Settings::default());
    let (alice, bob) = pair.talking();
    assert!(pair.ends[ALICE].offer(pair.now, alice, &description(ALICE, 2), OfferBy::Update));
    assert!(pair.ends[BOB].offer(pair.now, bob, &description(BOB, 2), OfferBy::ReInvite));
    pair.flow();
    let ladder = pair.ladder();
    assert_eq!(ladder.iter().filter(|line| line.ends_with("491")).count(), 2, "{ladder:?}");
    pair.pass(10_000);
    let answered = |event: &SessionEvent| matches!(event, SessionEvent::Answered(_));
    assert!(pair.heard(ALICE, answered) && pair.heard(BOB, answered));
}

#[test]
fn section_3_3_3_a_refer_that_crosses_a_bye_gets_no_new_call() {
    let mut pair = Pair::new();
    let (alice, bob) = pair.talking();
    assert!(pair.ends[ALICE].refer(pair.now, alice, "sip:carol@192.0.2.3"));
    pair.hang_up(BOB, bob);
    pair.flow();
    let ladder = pair.ladder();
    assert!(ladder.iter().any(|line| line == "B 491" || line == "B 481"), "{ladder:?}");
    assert!(!pair.heard(BOB, |event| matches!(event, SessionEvent::TransferAsked(_))));
    pair.ends_as(Ending::ByeReceived, Ending::AsCommanded);
}
