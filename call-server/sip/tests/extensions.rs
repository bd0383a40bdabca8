//! The extensions one by one against a far side that writes by hand: Replaces, session timers and their loss, 422, challenges inside a
//! call, streams.

mod support;

use sip_core::{CallKey, Ending, Endpoint, Event, Invitation, Limits, OfferBy, Seed, SessionEvent, Settings, Transport};
use support::*;

fn stage(settings: Settings) -> Stage {
    let contact = "192.0.2.9:5060".parse().expect("an address");
    Stage { endpoint: Endpoint::with_settings(contact, Limits::default(), settings, Seed([3, 4])), ..Stage::default() }
}

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

/// The far side's final answer, with a tag, a Contact and further fields.
fn answer(request: &str, status: u16, fields: &str) -> String {
    let to = format!("To: {}", field(request, "To"));
    let tagged = if to.contains(";tag=") { to.clone() } else { format!("{to};tag=far") };
    let fields = format!("Contact: <sip:far@192.0.2.1:5070>\r\n{fields}Content-Length: 0\r\n\r\n");
    response_to(request, status).replace(&to, &tagged).replace("Content-Length: 0\r\n\r\n", &fields)
}

fn ending(events: &[Event]) -> Option<Ending> {
    events.iter().find_map(|event| match event {
        Event::Ended { ending, .. } => Some(*ending),
        Event::Offered { .. } | Event::Confirmed { .. } | Event::Session { .. } | Event::Asked { .. } | Event::Responded { .. } => None,
    })
}

// Replaces (RFC 3891)

/// An INVITE that wants the place of the call `a`, whose far tag is `far` and whose own tag is `tag`.
fn replacing(id: &str, tag: &str, more: &str) -> String {
    let tag = tag.trim_start_matches(";tag=");
    with_fields("INVITE", id, 1, "", &format!("Require: replaces\r\nReplaces: a;from-tag=far;to-tag={tag}{more}\r\n"), OFFER)
}

#[test]
fn a_call_that_replaces_another_is_told_with_the_other_one() {
    let mut stage = Stage::default();
    let (old, tag) = stage.confirmed("a");
    stage.send(&replacing("b", &tag, ""));
    assert_eq!(status(&stage.one()), 100);
    let events = stage.events();
    let [Event::Offered { call: new, .. }, Event::Session { call, event: SessionEvent::Replaces(replaced) }] = &events[..] else {
        panic!("a replacing call: {events:?}")
    };
    assert_eq!((new, *replaced), (call, old));
    stage.endpoint.answer(stage.now, *new, ANSWER);
    stage.endpoint.hang_up(stage.now, old, &BUSY);
    assert_eq!(stage.first_lines(), ["SIP/2.0 200 OK", "BYE sip:wang@192.0.2.1:5070 SIP/2.0"]);
}

#[test]
fn a_replacing_call_gets_the_status_of_rfc_3891_if_it_names_no_call_that_may_be_replaced() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    assert_eq!(stage.status_of(&replacing("b", ";tag=other", "")), 481);
    assert_eq!(stage.status_of(&replacing("c", &tag, ";early-only")), 486);
    assert_eq!(stage.status_of(&replacing("d", &tag, "\r\nReplaces: x;from-tag=1;to-tag=2")), 400, "only one");
    assert_eq!(stage.status_of(&replacing("e", &tag, "").replace(";from-tag=far", "")), 400);
    let early = stage.offered("p");
    stage.endpoint.ring(stage.now, early);
    let ringing = stage.one();
    assert_eq!(
        stage.status_of(&replacing("f", &to_tag(&ringing), "").replace("Replaces: a;", "Replaces: p;")),
        481,
        "not ours to give away"
    );
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    stage.sent();
    assert_eq!(stage.status_of(&replacing("g", &tag, "")), 603, "it is just ending");
    assert_eq!(ending(&stage.events()), Some(Ending::AsCommanded));
}

#[test]
fn the_value_that_we_give_to_others_names_the_call_as_its_far_side_knows_it() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    let own = tag.trim_start_matches(";tag=");
    assert_eq!(stage.endpoint.replaces_value(call), Some(format!("a;to-tag=far;from-tag={own}")));
    let pending = stage.offered("b");
    assert_eq!(stage.endpoint.replaces_value(pending), None);
}

// Reliable provisional responses (RFC 3262)

#[test]
fn the_prack_of_a_response_that_the_200_overtook_is_answered_once() {
    let mut stage = Stage::default();
    stage.send(&with_fields("INVITE", "a", 1, "", "Require: 100rel\r\n", OFFER));
    let Some(Event::Offered { call, .. }) = stage.events().pop() else { panic!("a call") };
    stage.endpoint.ring(stage.now, call);
    stage.endpoint.answer(stage.now, call, ANSWER);
    let sent = stage.sent();
    assert_eq!(sent.iter().map(|text| status(text)).collect::<Vec<_>>(), [180, 200]);
    let (rseq, tag) = (field(&sent[0], "RSeq").to_owned(), to_tag(&sent[1]));
    assert_eq!(stage.status_of(&with_fields("PRACK", "a", 2, &tag, "RAck: 77 1 INVITE\r\n", "")), 481);
    let rack = format!("RAck: {rseq} 1 INVITE\r\n");
    assert_eq!(stage.status_of(&with_fields("PRACK", "a", 3, &tag, &rack, "")), 200);
    assert_eq!(stage.status_of(&with_fields("PRACK", "a", 4, &tag, &rack, "")), 481, "there is nothing more to acknowledge");
    stage.send(&request("ACK", "a", 1, &tag, ""));
    assert!(matches!(stage.event(), Event::Confirmed { .. }));
}

#[test]
fn a_100_leaves_only_while_nothing_better_is_known() {
    let mut stage = Stage::default();
    for (call_id, waits, expected) in [("a", true, vec![100, 180]), ("b", false, vec![180])] {
        stage.send(&with_fields("INVITE", call_id, 1, "", "", OFFER));
        let Some(Event::Offered { call, .. }) = stage.events().pop() else { panic!("a call") };
        let mut sent = if waits { stage.sent() } else { Vec::new() };
        stage.endpoint.ring(stage.now, call);
        sent.extend(stage.sent());
        assert_eq!(sent.iter().map(|text| status(text)).collect::<Vec<_>>(), expected);
    }
}

// Session timers (RFC 4028)

fn with_timer(shortest_session_s: u32) -> Settings {
    Settings { session_s: Some(1_800), shortest_session_s, ..Settings::default() }
}

#[test]
fn a_session_interval_below_our_minimum_gets_422_that_names_it() {
    let mut stage = stage(with_timer(300));
    stage.send(&with_fields("INVITE", "a", 1, "", "Supported: timer\r\nSession-Expires: 120\r\n", OFFER));
    let short = stage.one();
    assert_eq!((status(&short), field(&short, "Min-SE")), (422, "300"));
    assert!(stage.events().is_empty());
    stage.send(&with_fields("INVITE", "b", 1, "", "Session-Expires: 120\r\n", OFFER));
    assert_eq!(status(&stage.one()), 100, "a caller that does not know 422 is not refused");
}

#[test]
fn our_call_asks_again_with_the_interval_that_a_422_wants_but_not_for_ever() {
    let mut stage = stage(with_timer(90));
    let (_, invite) = calling(&mut stage);
    assert_eq!((field(&invite, "Session-Expires"), field(&invite, "Min-SE")), ("1800", "90"));
    stage.send(&answer(&invite, 422, "Min-SE: 3600\r\n"));
    let sent = stage.sent();
    assert!(sent[0].starts_with("ACK "));
    assert_eq!((field(&sent[1], "CSeq"), field(&sent[1], "Session-Expires"), field(&sent[1], "Min-SE")), ("2 INVITE", "3600", "3600"));
    stage.send(&answer(&sent[1], 422, "Min-SE: 3600\r\n"));
    assert_eq!(stage.first_lines(), ["ACK sip:far@192.0.2.1 SIP/2.0"]);
    assert_eq!(ending(&stage.events()), Some(Ending::Refused(422)));
}

/// A confirmed call whose session timer has this refresher, after whatever our 200 said.
fn timed(stage: &mut Stage, refresher: &str) -> (CallKey, String) {
    let fields = format!("Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: 120;refresher={refresher}\r\n");
    stage.send(&with_fields("INVITE", "a", 1, "", &fields, OFFER));
    let Some(Event::Offered { call, .. }) = stage.events().pop() else { panic!("a call") };
    stage.sent();
    stage.endpoint.answer(stage.now, call, ANSWER);
    let ok = stage.one();
    assert_eq!(field(&ok, "Session-Expires"), format!("120;refresher={refresher}"));
    stage.send(&request("ACK", "a", 1, &to_tag(&ok), ""));
    stage.events();
    (call, to_tag(&ok))
}

#[test]
fn a_session_that_the_far_side_does_not_refresh_is_left_in_time() {
    let mut stage = stage(with_timer(90));
    timed(&mut stage, "uac");
    let start = stage.now;
    let log = stage.run_until(start + 120_000);
    // A third of the interval is more than 32 s here, so that margin holds (section 10).
    assert_eq!(log.first().map(|(at, line)| (at - start, &line[..4])), Some((88_000, "BYE ")));
    assert_eq!(ending(&stage.events()), Some(Ending::Expired));
    stage.assert_empties();
}

#[test]
fn a_far_side_without_session_timers_that_is_gone_is_noticed() {
    let mut stage = stage(with_timer(90));
    let (_, tag) = stage.confirmed("a");
    let start = stage.now;
    let log = stage.run_until(start + 900_000);
    assert_eq!(log.iter().map(|(at, line)| (at - start, &line[..7])).collect::<Vec<_>>(), [(900_000, "INVITE ")], "half of 1800 s");
    assert!(!tag.is_empty());
    stage.run_until(start + 1_000_000);
    assert!(ending(&stage.events()).is_some(), "nobody answers the refresh");
    stage.assert_empties();
}

#[test]
fn a_refresh_by_the_far_side_begins_the_interval_anew() {
    let mut stage = stage(with_timer(90));
    let (_, tag) = timed(&mut stage, "uac");
    let start = stage.now;
    stage.run_until(start + 60_000);
    stage.send(&with_fields("UPDATE", "a", 2, &tag, "Supported: timer\r\nSession-Expires: 120;refresher=uac\r\n", ""));
    assert_eq!(field(&stage.one(), "Session-Expires"), "120;refresher=uac");
    let log = stage.run_until(start + 200_000);
    assert_eq!(log.first().map(|(at, line)| (at - start, &line[..4])), Some((148_000, "BYE ")));
}

#[test]
fn we_refresh_by_update_at_half_the_time_and_a_refresh_without_answer_ends_the_call() {
    let mut stage = stage(with_timer(90));
    timed(&mut stage, "uas");
    let start = stage.now;
    let log = stage.run_until(start + 60_000);
    assert_eq!(log.iter().map(|(at, line)| (at - start, &line[..7])).collect::<Vec<_>>(), [(60_000, "UPDATE ")]);
    let rest = stage.run_until(start + 130_000);
    let bye = rest.iter().find(|(_, line)| line.starts_with("BYE ")).map(|(at, _)| at - start);
    assert_eq!(bye, Some(88_000), "the session is over before timer F of the refresh: {rest:?}");
    assert_eq!(ending(&stage.events()), Some(Ending::Expired));
    stage.assert_empties();
}

#[test]
fn our_answered_refresh_keeps_the_call() {
    let mut stage = stage(with_timer(90));
    let (call, _) = timed(&mut stage, "uas");
    for round in 1..=5 {
        let end = stage.now + 60_000;
        while stage.endpoint.next_deadline().is_some_and(|next| next <= end) {
            let next = stage.endpoint.next_deadline().expect("just seen");
            stage.advance_to(next);
            for update in stage.sent() {
                assert!(update.starts_with("UPDATE "), "round {round}: {update}");
                stage.send(&answer(&update, 200, "Session-Expires: 120;refresher=uac\r\nRequire: timer\r\n"));
            }
        }
        stage.now = end;
    }
    assert!(stage.events().is_empty());
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.one().starts_with("BYE "));
}

#[test]
fn a_refresh_that_finds_no_call_any_more_ends_it() {
    let mut stage = stage(with_timer(90));
    timed(&mut stage, "uas");
    stage.advance_to(stage.now + 60_000);
    let update = stage.one();
    stage.send(&answer(&update, 481, ""));
    assert!(stage.one().starts_with("BYE "));
    assert_eq!(ending(&stage.events()), Some(Ending::Unreachable));
}

#[test]
fn a_far_side_that_only_says_trying_to_our_reinvite_is_left_in_the_end() {
    let mut stage = Stage::default();
    let (call, _) = stage.confirmed("a");
    assert!(stage.endpoint.offer(stage.now, call, OFFER, OfferBy::ReInvite));
    let ours = stage.one();
    stage.send(&response_to(&ours, 100));
    let log = stage.run_until(stage.now + 300_000);
    assert!(log.iter().any(|(_, line)| line.starts_with("BYE ")), "{log:?}");
    assert_eq!(ending(&stage.events()), Some(Ending::Unreachable));
    stage.assert_empties();
}

// Challenges inside a call

#[test]
fn an_offer_inside_a_call_that_is_challenged_is_told_and_can_be_made_again_with_credentials() {
    let mut stage = Stage::default();
    let (call, _) = stage.confirmed("a");
    assert!(stage.endpoint.offer(stage.now, call, OFFER, OfferBy::ReInvite));
    let first = stage.one();
    stage.send(&answer(&first, 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"));
    assert!(stage.one().starts_with("ACK "));
    let events = stage.events();
    let is_told = matches!(
        events[..],
        [Event::Session { event: SessionEvent::Challenged(_), .. }, Event::Session { event: SessionEvent::OfferRefused(401), .. }]
    );
    assert!(is_told, "{events:?}");
    stage.endpoint.authenticate(stage.now, call, vec![("Authorization".to_owned(), "Digest y".to_owned())]);
    assert!(stage.sent().is_empty(), "nothing waits for them");
    assert!(stage.endpoint.offer(stage.now, call, OFFER, OfferBy::ReInvite));
    let again = stage.one();
    assert_eq!((field(&again, "CSeq"), field(&again, "Authorization")), ("2 INVITE", "Digest y"));
    stage.send(&answer(&again, 200, ""));
    assert_eq!(field(&stage.one(), "CSeq"), "2 ACK");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert_eq!(field(&stage.one(), "Authorization"), "Digest y", "the BYE carries them, too");
}

#[test]
fn a_challenged_bye_still_ends_the_call() {
    let mut stage = Stage::default();
    let (call, _) = stage.confirmed("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let bye = stage.one();
    stage.send(&answer(&bye, 407, "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"));
    assert_eq!(stage.endpoint.sizes().calls, 0);
    stage.events();
    stage.assert_empties();
}

#[test]
fn a_call_that_is_refused_with_fields_says_them() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.refuse_with(stage.now, call, 401, &[("WWW-Authenticate", "Digest realm=\"hotline\"".to_owned())]);
    let refusal = stage.one();
    assert_eq!((status(&refusal), field(&refusal, "WWW-Authenticate")), (401, "Digest realm=\"hotline\""));
    assert_eq!(ending(&stage.events()), Some(Ending::AsCommanded));
    stage.endpoint.refuse_with(stage.now, call, 403, &[]);
    assert!(stage.sent().is_empty() && stage.events().is_empty());
}

// Streams (RFC 3261 sections 17 and 18)

fn on_a_stream() -> Stage {
    stage(Settings { transport: Transport::Stream, ..Settings::default() })
}

#[test]
fn on_a_stream_we_name_tcp_and_repeat_nothing_but_the_200() {
    let mut stage = on_a_stream();
    let (_, invite) = calling(&mut stage);
    assert!(field(&invite, "Via").starts_with("SIP/2.0/TCP ") && field(&invite, "Contact") == "<sip:192.0.2.9:5060;transport=tcp>");
    let start = stage.now;
    assert!(stage.run_until(start + 60_000).is_empty(), "the stream repeats the INVITE, or breaks");
    assert_eq!(ending(&stage.events()), Some(Ending::Unreachable), "timer B holds on streams, too");
    let (_, _) = stage.answered("a");
    let start = stage.now;
    let times: Vec<u64> = stage.run_until(start + 4_000).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [500, 1_500, 3_500], "the 200 is the dialog's and repeated end to end (section 13.3.1.4)");
}

#[test]
fn on_a_stream_nothing_is_kept_for_repetitions() {
    let mut stage = on_a_stream();
    assert_eq!(stage.status_of(&request("OPTIONS", "o", 1, "", "")), 200);
    let call = stage.offered("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let busy = stage.one();
    let start = stage.now;
    assert!(stage.run_until(start + 10_000).is_empty(), "a refusal is not repeated either");
    stage.send(&ack_of_refusal("a", &to_tag(&busy)));
    stage.advance_to(stage.now);
    assert_eq!(stage.endpoint.sizes().server_transactions, 0);
}
