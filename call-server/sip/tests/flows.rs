//! Whole calls in text, after RFC 3665 and RFC 5407, with a virtual clock; after each of them nothing may be left in memory.

mod support;

use sip_core::sdp::Direction;
use sip_core::{Ending, Event, Farewell, Limits, MAX_PENDING_MS, Receipt, SessionEvent};
use support::*;

fn ended(event: &Event) -> Ending {
    match event {
        Event::Ended { ending, .. } => *ending,
        other => panic!("expected an end, got {other:?}"),
    }
}

fn changed(event: &Event) -> Direction {
    match event {
        Event::Session { event: SessionEvent::Changed { direction, .. }, .. } => *direction,
        other => panic!("expected a change, got {other:?}"),
    }
}

#[test]
fn a_call_is_offered_rings_is_answered_and_the_caller_hangs_up() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.ring(stage.now, call);
    let ringing = stage.one();
    assert_eq!(status(&ringing), 180);
    stage.endpoint.answer(stage.now, call, ANSWER);
    let ok = stage.one();
    assert_eq!((status(&ok), to_tag(&ok)), (200, to_tag(&ringing)));
    assert!(ok.ends_with(ANSWER));
    assert_eq!(field(&ok, "Contact"), "<sip:192.0.2.9:5060>");
    stage.send(&request("ACK", "a", 1, &to_tag(&ok), ""));
    assert!(matches!(stage.event(), Event::Confirmed { call: confirmed, .. } if confirmed == call));
    assert_eq!(stage.status_of(&request("BYE", "a", 2, &to_tag(&ok), "")), 200);
    assert_eq!(ended(&stage.event()), Ending::ByeReceived);
    stage.assert_empties();
}

#[test]
fn our_bye_goes_to_the_contact_through_the_recorded_routes() {
    let mut stage = Stage::default();
    let routes = "Record-Route: <sip:192.0.2.50;lr>, <sip:192.0.2.51:5080;lr>\r\n";
    stage.send(&with_fields("INVITE", "a", 1, "", routes, OFFER));
    let Event::Offered { call, .. } = stage.event() else { panic!("a call") };
    stage.sent();
    stage.endpoint.answer(stage.now, call, ANSWER);
    let ok = stage.one();
    assert_eq!(field(&ok, "Record-Route"), "<sip:192.0.2.50;lr>, <sip:192.0.2.51:5080;lr>");
    stage.send(&request("ACK", "a", 1, &to_tag(&ok), ""));
    stage.events();
    stage.endpoint.hang_up(stage.now, call, &Farewell { status: 480, reason: Some("Q.850;cause=16") });
    let (target, packet) = stage.endpoint.poll_transmit().expect("a BYE");
    let bye = String::from_utf8_lossy(&packet).into_owned();
    assert_eq!(target, "192.0.2.50:5060".parse().expect("an address"));
    assert!(bye.starts_with("BYE sip:wang@192.0.2.1:5070 SIP/2.0\r\n"), "{bye}");
    let listed: Vec<&str> = bye.lines().filter_map(|line| line.strip_prefix("Route: ")).collect();
    assert_eq!(listed, ["<sip:192.0.2.50;lr>", "<sip:192.0.2.51:5080;lr>"]);
    assert_eq!(field(&bye, "From"), format!("<sip:12345@192.0.2.9>{}", to_tag(&ok)));
    assert_eq!((field(&bye, "To"), field(&bye, "Reason")), ("\"Wang\" <sip:13900000000@192.0.2.1>;tag=far", "Q.850;cause=16"));
    assert_eq!(ended(&stage.event()), Ending::AsCommanded);
    stage.send(&response_to(&bye, 200));
    assert_eq!(stage.endpoint.sizes().calls, 0);
    stage.assert_empties();
}

#[test]
fn a_strict_router_gets_itself_as_request_uri_and_the_contact_as_last_route() {
    let mut stage = Stage::default();
    stage.send(&with_fields("INVITE", "a", 1, "", "Record-Route: <sip:192.0.2.50>\r\n", OFFER));
    let Event::Offered { call, .. } = stage.event() else { panic!("a call") };
    stage.endpoint.answer(stage.now, call, ANSWER);
    let ok = stage.sent().pop().expect("a 200");
    stage.send(&request("ACK", "a", 1, &to_tag(&ok), ""));
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let bye = stage.one();
    assert!(bye.starts_with("BYE sip:192.0.2.50 SIP/2.0\r\n"), "{bye}");
    assert_eq!(field(&bye, "Route"), "<sip:wang@192.0.2.1:5070>");
}

#[test]
fn a_200_is_repeated_until_its_ack_comes() {
    let mut stage = Stage::default();
    let (_, tag) = stage.answered("a");
    let log = stage.run_until(stage.now + 9_000);
    assert_eq!(log.iter().map(|(at, _)| at - 1_000).collect::<Vec<_>>(), [500, 1_500, 3_500, 7_500]);
    assert!(log.iter().all(|(_, line)| line == "SIP/2.0 200 OK"));
    stage.send(&request("INVITE", "a", 1, "", OFFER));
    assert!(stage.sent().is_empty(), "the dialog repeats the 200, not the transaction");
    stage.send(&request("ACK", "a", 1, &tag, ""));
    assert!(matches!(stage.event(), Event::Confirmed { .. }));
    assert!(stage.run_until(stage.now + 40_000).is_empty());
}

#[test]
fn a_lost_ack_ends_the_call_with_bye_after_32_seconds() {
    let mut stage = Stage::default();
    stage.answered("a");
    let start = stage.now;
    let log = stage.run_until(start + 32_000);
    assert_eq!(log.last().map(|(at, line)| (at - start, line.as_str())), Some((32_000, "BYE sip:wang@192.0.2.1:5070 SIP/2.0")));
    assert_eq!(ended(&stage.event()), Ending::NoAck);
    let byes = stage.run_until(start + 70_000);
    assert_eq!(byes.len(), 10, "timer E: {byes:?}");
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn hanging_up_before_the_ack_waits_for_it_and_then_sends_bye() {
    let mut stage = Stage::default();
    let (call, tag) = stage.answered("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert_eq!(ended(&stage.event()), Ending::AsCommanded);
    assert!(stage.sent().is_empty());
    stage.send(&request("ACK", "a", 1, &tag, ""));
    assert!(stage.one().starts_with("BYE "));
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn hanging_up_without_any_ack_sends_bye_after_32_seconds_and_tells_nothing_twice() {
    let mut stage = Stage::default();
    let (call, _) = stage.answered("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert_eq!(stage.events().len(), 1);
    let log = stage.run_until(stage.now + 32_000);
    assert!(log.last().is_some_and(|(_, line)| line.starts_with("BYE ")));
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn a_refusal_is_repeated_until_its_ack_comes() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let busy = stage.one();
    assert_eq!((status(&busy), ended(&stage.event())), (486, Ending::AsCommanded));
    let log = stage.run_until(stage.now + 4_000);
    assert_eq!(log.iter().map(|(at, _)| at - 1_000).collect::<Vec<_>>(), [500, 1_500, 3_500]);
    stage.send(&request("INVITE", "a", 1, "", OFFER));
    assert_eq!(stage.one(), busy);
    stage.send(&ack_of_refusal("a", &to_tag(&busy)));
    assert!(stage.run_until(stage.now + 40_000).is_empty());
    stage.assert_empties();
}

#[test]
fn a_refusal_without_ack_is_given_up_after_32_seconds() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert_eq!(stage.first_lines().len() + stage.run_until(stage.now + 100_000).len(), 11);
    stage.events();
    stage.assert_empties();
}

#[test]
fn a_cancelled_invite_gets_487_with_the_same_tag_as_its_cancel() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.ring(stage.now, call);
    let ringing = stage.one();
    stage.send(&request("CANCEL", "a", 1, "", ""));
    let sent = stage.sent();
    assert_eq!(sent.iter().map(|text| status(text)).collect::<Vec<_>>(), [200, 487]);
    assert!(sent.iter().all(|text| to_tag(text) == to_tag(&ringing)));
    assert_eq!(ended(&stage.event()), Ending::CancelReceived);
    stage.send(&request("CANCEL", "a", 1, "", ""));
    assert_eq!(stage.first_lines(), ["SIP/2.0 200 OK"]);
    stage.send(&ack_of_refusal("a", &to_tag(&ringing)));
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn a_cancel_that_crosses_our_200_changes_nothing() {
    let mut stage = Stage::default();
    let (call, tag) = stage.answered("a");
    assert_eq!(stage.status_of(&request("CANCEL", "a", 1, "", "")), 200);
    assert!(stage.events().is_empty());
    stage.send(&request("ACK", "a", 1, &tag, ""));
    assert!(matches!(stage.event(), Event::Confirmed { call: confirmed, .. } if confirmed == call));
    assert_eq!(stage.status_of(&request("BYE", "a", 2, &tag, "")), 200);
    stage.assert_empties();
}

#[test]
fn commands_for_a_call_that_was_just_cancelled_do_nothing() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.send(&request("CANCEL", "a", 1, "", ""));
    stage.sent();
    stage.events();
    stage.endpoint.answer(stage.now, call, ANSWER);
    stage.endpoint.ring(stage.now, call);
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.sent().is_empty() && stage.events().is_empty());
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    assert_eq!(Stage::default().status_of(&request("CANCEL", "a", 1, "", "")), 481);
}

#[test]
fn a_bye_before_the_ack_ends_the_call_and_the_repetition_of_the_200() {
    let mut stage = Stage::default();
    let (_, tag) = stage.answered("a");
    assert_eq!(stage.status_of(&request("BYE", "a", 2, &tag, "")), 200);
    assert_eq!(ended(&stage.event()), Ending::ByeReceived);
    assert!(stage.run_until(stage.now + 10_000).is_empty());
    stage.assert_empties();
}

#[test]
fn a_bye_in_the_early_dialog_gets_200_and_its_invite_487() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.ring(stage.now, call);
    let tag = to_tag(&stage.one());
    stage.send(&request("BYE", "a", 2, &tag, ""));
    assert_eq!(stage.first_lines(), ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]);
    assert_eq!(ended(&stage.event()), Ending::ByeReceived);
    stage.assert_empties();
}

#[test]
fn two_byes_that_cross_are_both_answered() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let ours = stage.one();
    assert_eq!(ended(&stage.event()), Ending::AsCommanded);
    assert_eq!(stage.status_of(&request("BYE", "a", 2, &tag, "")), 200);
    stage.send(&response_to(&ours, 481));
    assert!(stage.events().is_empty());
    assert_eq!(stage.endpoint.sizes().calls, 0);
    stage.assert_empties();
}

#[test]
fn a_repeated_bye_gets_the_same_answer_and_ends_nothing_twice() {
    let mut stage = Stage::default();
    let (_, tag) = stage.confirmed("a");
    let bye = request("BYE", "a", 2, &tag, "");
    stage.send(&bye);
    let first = stage.one();
    stage.send(&bye);
    assert_eq!(stage.one(), first);
    assert_eq!(stage.events().len(), 1);
}

#[test]
fn our_bye_is_repeated_slowly_once_a_provisional_answer_came() {
    let mut stage = Stage::default();
    let (call, _) = stage.confirmed("a");
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    let bye = stage.one();
    stage.send(&response_to(&bye, 100));
    let start = stage.now;
    let times: Vec<u64> = stage.run_until(start + 60_000).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]);
}

#[test]
fn a_session_refresh_is_answered_with_the_same_description() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    stage.send(&request("INVITE", "a", 7, &tag, OFFER));
    let ok = stage.one();
    assert!(status(&ok) == 200 && ok.ends_with(ANSWER), "{ok}");
    assert_eq!(stage.run_until(stage.now + 600).len(), 1, "its 200 is repeated, too");
    stage.send(&request("ACK", "a", 7, &tag, ""));
    assert!(stage.run_until(stage.now + 40_000).is_empty());
    assert_eq!(changed(&stage.event()), Direction::SendReceive);
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.one().starts_with("BYE "));
    stage.assert_empties();
}

#[test]
fn a_hold_of_the_carrier_is_answered_and_told_and_so_is_its_end() {
    let mut stage = Stage::default();
    let (_, tag) = stage.confirmed("a");
    for (cseq, offered, answered) in
        [(2, "sendonly", Direction::ReceiveOnly), (3, "inactive", Direction::Inactive), (4, "sendrecv", Direction::SendReceive)]
    {
        stage.send(&request("INVITE", "a", cseq, &tag, &format!("{OFFER}a={offered}\r\n")));
        let ok = stage.one();
        assert!(status(&ok) == 200 && ok.contains(&format!("a={}\r\n", answered.name())) && ok.contains(&format!("o=- 2 {cseq} ")), "{ok}");
        assert_eq!(changed(&stage.event()), answered);
        stage.send(&request("ACK", "a", cseq, &tag, ""));
    }
    assert_eq!(stage.status_of(&request("UPDATE", "a", 5, &tag, &OFFER.replace("AVP 8", "AVP 0"))), 488, "no codec of ours");
    assert!(stage.events().is_empty());
}

#[test]
fn a_refresh_moves_the_contact() {
    let mut stage = Stage::default();
    let (call, tag) = stage.confirmed("a");
    stage.send(&request("INVITE", "a", 2, &tag, OFFER).replace("wang@192.0.2.1:5070", "moved@192.0.2.77"));
    stage.send(&request("ACK", "a", 2, &tag, ""));
    stage.sent();
    stage.endpoint.hang_up(stage.now, call, &BUSY);
    assert!(stage.one().starts_with("BYE sip:moved@192.0.2.77 "));
}

#[test]
fn a_refresh_whose_ack_never_comes_ends_the_call() {
    let mut stage = Stage::default();
    let (_, tag) = stage.confirmed("a");
    stage.send(&request("INVITE", "a", 2, &tag, OFFER));
    let log = stage.run_until(stage.now + 32_000);
    assert!(log.last().is_some_and(|(_, line)| line.starts_with("BYE ")), "{log:?}");
    let events = stage.events();
    assert_eq!((changed(&events[0]), ended(&events[1])), (Direction::SendReceive, Ending::NoAck));
    stage.assert_empties();
}

#[test]
fn a_reinvite_is_told_to_wait_while_the_first_invite_is_open() {
    let mut stage = Stage::default();
    let call = stage.offered("a");
    stage.endpoint.ring(stage.now, call);
    let tag = to_tag(&stage.one());
    stage.send(&request("INVITE", "a", 2, &tag, OFFER));
    let later = stage.one();
    assert_eq!((status(&later), field(&later, "Retry-After")), (500, "5"));
}

#[test]
fn a_reinvite_before_the_ack_confirms_the_call_only_if_offer_and_answer_are_complete() {
    let mut stage = Stage::default();
    let (_, tag) = stage.answered("a");
    assert_eq!(stage.status_of(&request("INVITE", "a", 2, &tag, OFFER)), 200);
    assert!(matches!(stage.events()[..], [Event::Confirmed { .. }, Event::Session { .. }]));

    stage.send(&request("INVITE", "late", 1, "", ""));
    let Event::Offered { call, .. } = stage.event() else { panic!("a call") };
    stage.sent();
    stage.endpoint.answer(stage.now, call, ANSWER);
    let tag = to_tag(&stage.one());
    assert_eq!(stage.status_of(&request("INVITE", "late", 2, &tag, OFFER)), 491);
    stage.send(&request("ACK", "late", 1, &tag, OFFER));
    match stage.event() {
        Event::Confirmed { description, .. } => assert_eq!(description, OFFER.as_bytes()),
        other => panic!("expected a confirmed call, got {other:?}"),
    }
}

#[test]
fn an_old_cseq_gets_500_and_a_gap_is_legal() {
    let mut stage = Stage::default();
    let (_, tag) = stage.confirmed("a");
    assert_eq!(stage.status_of(&request("OPTIONS", "a", 900, &tag, "")), 200);
    assert_eq!(stage.status_of(&request("OPTIONS", "a", 899, &tag, "")), 500);
    assert_eq!(stage.status_of(&request("BYE", "a", 5, &tag, "")), 500);
    assert!(stage.events().is_empty());
    assert_eq!(stage.status_of(&request("BYE", "a", 901, &tag, "")), 200);
    stage.assert_empties();
}

#[test]
fn requests_that_are_not_for_us_get_the_status_that_says_why() {
    let mut stage = Stage::default();
    assert_eq!(stage.status_of(&request("OPTIONS", "a", 1, "", "")), 200);
    assert_eq!(stage.status_of(&request("BYE", "b", 1, "", "")), 481);
    assert_eq!(stage.status_of(&request("BYE", "c", 1, ";tag=unknown", "")), 481);
    assert_eq!(stage.status_of(&request("INVITE", "d", 1, ";tag=unknown", OFFER)), 481);
    assert_eq!(stage.status_of(&request("INVITE", "e", 1, "", OFFER).replace("application/sdp", "application/isup")), 415);
    assert_eq!(stage.status_of(&request("INVITE", "f", 1, "", OFFER).replace("INVITE sip:12345@192.0.2.9", "INVITE http:x")), 416);
    assert_eq!(stage.status_of(&request("INVITE", "g", 1, "", OFFER).replace("Contact: <sip:wang@192.0.2.1:5070>\r\n", "")), 400);
    stage.send(&request("MESSAGE", "h", 1, "", ""));
    let not_allowed = stage.one();
    assert_eq!((status(&not_allowed), field(&not_allowed, "Allow")), (405, sip_core::ALLOW));
    stage.send(&with_fields("INVITE", "i", 1, "", "Require: 100rel, precondition\r\nRequire: timer, path\r\n", OFFER));
    let extension = stage.one();
    assert_eq!((status(&extension), field(&extension, "Unsupported")), (420, "precondition, path"));
    assert!(stage.events().is_empty());
    stage.assert_empties();
}

#[test]
fn every_response_above_100_has_a_to_tag_and_100_has_none() {
    let mut stage = Stage::default();
    stage.send(&request("INVITE", "a", 1, "", OFFER));
    assert_eq!(field(&stage.one(), "To"), "<sip:12345@192.0.2.9>");
    for text in [request("OPTIONS", "o", 1, "", ""), request("BYE", "b", 1, "", ""), request("FOO", "f", 1, "", "")] {
        stage.send(&text);
        to_tag(&stage.one());
    }
}

#[test]
fn an_invite_over_a_second_path_is_a_loop() {
    let mut stage = Stage::default();
    stage.offered("a");
    assert_eq!(stage.status_of(&request("INVITE", "a", 1, "", OFFER).replace("-INVITE-1", "-INVITE-other")), 482);
    assert!(stage.events().is_empty());
}

#[test]
fn an_unanswered_invite_is_refused_in_the_end() {
    let mut stage = Stage::default();
    stage.offered("a");
    let start = stage.now;
    let log = stage.run_until(start + MAX_PENDING_MS);
    assert_eq!(log, [(start + MAX_PENDING_MS, "SIP/2.0 480 Temporarily Unavailable".to_owned())]);
    assert_eq!(ended(&stage.event()), Ending::NotAnswered);
    stage.assert_empties();
}

#[test]
fn the_limits_hold_and_a_full_house_sounds_busy() {
    let mut stage = Stage::with_limits(Limits { calls: 2, transactions: 4 });
    stage.offered("a");
    stage.offered("b");
    assert_eq!(stage.status_of(&request("INVITE", "c", 1, "", OFFER)), 486);
    assert_eq!(stage.status_of(&request("OPTIONS", "d", 1, "", "")), 200);
    assert_eq!(stage.send(&request("OPTIONS", "e", 1, "", "")), Receipt::Overloaded);
    assert!(stage.sent().is_empty());
    assert_eq!(stage.endpoint.sizes().server_transactions, 4);
}

#[test]
fn answers_go_where_via_and_rport_say_but_always_to_the_source() {
    let mut stage = Stage { far: "203.0.113.7:40000".parse().expect("an address"), ..Stage::default() };
    stage.send(&request("OPTIONS", "a", 1, "", ""));
    let (target, packet) = stage.endpoint.poll_transmit().expect("a response");
    assert_eq!(target, "203.0.113.7:5060".parse().expect("an address"));
    assert!(field(&String::from_utf8_lossy(&packet), "Via").ends_with(";received=203.0.113.7"));
    stage.send(&request("OPTIONS", "b", 1, "", "").replace("-OPTIONS-1", "-OPTIONS-1;rport;received=198.51.100.66"));
    let (target, packet) = stage.endpoint.poll_transmit().expect("a response");
    assert_eq!(target, stage.far);
    assert!(field(&String::from_utf8_lossy(&packet), "Via").ends_with("-1;received=203.0.113.7;rport=40000"));
}

#[test]
fn the_same_branch_of_another_sender_is_another_transaction() {
    let mut stage = Stage::default();
    stage.offered("a");
    let other = request("INVITE", "b", 1, "", OFFER).replace("z9hG4bK-b-", "z9hG4bK-a-").replace("192.0.2.1:5060;", "192.0.2.1:5062;");
    assert_eq!(stage.status_of(&other), 100);
    assert!(matches!(stage.event(), Event::Offered { .. }));
}

#[test]
fn what_is_logged_of_a_call_shows_neither_number_nor_name() {
    let mut stage = Stage::default();
    stage.send(&request("INVITE", "a", 1, "", OFFER));
    let Event::Offered { invite, .. } = stage.event() else { panic!("a call") };
    let from = invite.head().first(sip_core::message::Name::From).and_then(sip_core::message::NameAddr::parse);
    let shown = format!("{invite:?} {from:?} {:?}", stage.endpoint);
    assert!(!shown.contains("139") && !shown.contains("Wang"), "{shown}");
}

#[test]
fn an_old_caller_without_tags_and_branches_is_served() {
    let mut stage = Stage::default();
    let old = |text: String| text.replace(";tag=far", "").replace("z9hG4bK-", "");
    stage.send(&old(request("INVITE", "a", 1, "", OFFER)));
    let Event::Offered { call, .. } = stage.event() else { panic!("a call") };
    stage.sent();
    stage.send(&old(request("INVITE", "a", 1, "", OFFER)));
    assert_eq!(stage.first_lines(), ["SIP/2.0 100 Trying"]);
    stage.endpoint.answer(stage.now, call, ANSWER);
    let tag = to_tag(&stage.one());
    stage.send(&old(request("ACK", "a", 1, &tag, "")));
    assert!(matches!(stage.event(), Event::Confirmed { .. }));
    assert_eq!(stage.status_of(&old(request("BYE", "a", 2, &tag, ""))), 200);
    stage.assert_empties();
}

#[test]
fn a_thousand_calls_that_end_in_every_way_leave_nothing_behind() {
    let mut stage = Stage::default();
    let mut ends = 0;
    for number in 0..1_000 {
        let id = format!("call-{number}");
        match number % 5 {
            0 => {
                let (_, tag) = stage.confirmed(&id);
                stage.send(&request("BYE", &id, 2, &tag, ""));
            }
            1 => {
                let (call, _) = stage.confirmed(&id);
                stage.endpoint.hang_up(stage.now, call, &BUSY);
            }
            2 => {
                stage.offered(&id);
                stage.send(&request("CANCEL", &id, 1, "", ""));
            }
            3 => {
                let call = stage.offered(&id);
                stage.endpoint.hang_up(stage.now, call, &BUSY);
            }
            _ => {
                stage.answered(&id);
            }
        }
        stage.advance_to(stage.now + 7);
        stage.sent();
        ends += stage.events().len();
    }
    stage.assert_empties();
    ends += stage.events().len();
    assert_eq!(ends, 1_000, "each call ends once");
}
