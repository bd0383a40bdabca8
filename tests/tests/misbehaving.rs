//! Every way in which a citizen can misbehave, against the server: it is answered as the RFC wants, costs nobody else, and nothing is left.

use citizen::{Attack, AttackPlan, AttackReport, CallPlan, Ending, Fault, Limits, Outcome};
use e2e::{Caller, LATER, Server, Site};
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const TALK: Duration = Duration::from_millis(300);
/// No trunk's address.
const STRANGER: &str = "127.0.0.9";

/// What comes of a call with this fault: the outcome, the INVITE's last status, and what else than 200 is said to BYE and CANCEL. `None` for those of a
/// ringing call, because the hotline answers at once, and for the one that is noticed after a quarter of an hour: sip-core's tests play them
/// against its endpoints by a virtual clock, and the citizen's against a far end by script.
fn expected(fault: Fault) -> Option<(Outcome, u16, &'static [u16])> {
    use Outcome::{Answered, Refused};
    Some(match fault {
        Fault::ByeBeforeAnswer | Fault::WrongBranch | Fault::Vanish => return None,
        Fault::NoAck | Fault::LateAck | Fault::Garbage | Fault::Storm | Fault::QuotedUri => (Answered, 200, &[]),
        // The second BYE belongs to no call any more.
        Fault::DoubleBye => (Answered, 200, &[481]),
        Fault::ChangedTag => (Answered, 200, &[481]),
        Fault::OldSequence => (Answered, 200, &[500]),
        Fault::LateCancel => (Answered, 200, &[]),
        Fault::WrongLength | Fault::EndlessLength => (Refused, 400, &[]),
        Fault::BrokenOffer => (Refused, 488, &[]),
        Fault::UnknownExtension => (Refused, 420, &[]),
    })
}

fn plan(server: &Server, fault: Fault) -> CallPlan {
    let limits = Limits { answer: LATER, talk: LATER };
    CallPlan { fault: Some(fault), ending: Ending::HangUpAfter(TALK), limits, ..CallPlan::new(server.sip, "12345") }
}

/// Waits until SIP holds nothing any more.
fn assert_nothing_is_left(site: &Site) {
    let held = |status: &Value| [&status["sip"]["open_calls"], &status["sip"]["open_transactions"]].map(Value::as_u64);
    let status = Server::wait_status(site, "that SIP is empty again", |status| held(status) == [Some(0); 2]);
    assert_eq!(status["calls"].as_array().map(Vec::len), Some(0), "{status:#}");
}

fn assert_answers(server: &Server) {
    let report = Caller::dial(CallPlan { ending: Ending::HangUpAfter(TALK), ..CallPlan::new(server.sip, "12345") }).report(LATER);
    assert_eq!((report.outcome, report.status), (Outcome::Answered, Some(200)));
}

#[test]
fn every_fault_of_a_citizen_is_answered_as_it_should_be_and_nothing_is_left() {
    let site = Site::demo("misbehaving");
    let server = Server::start(&site);
    let faults: Vec<Fault> = Fault::all().filter(|fault| expected(*fault).is_some()).collect();
    let calls: Vec<Caller> = faults.iter().map(|fault| Caller::dial(plan(&server, *fault))).collect();
    for (fault, call) in faults.iter().zip(calls) {
        let report = call.report(LATER);
        let (outcome, status, odd) = expected(*fault).expect("filtered above");
        assert_eq!((report.outcome, report.status), (outcome, Some(status)), "{fault:?}: {report:?}");
        let said: Vec<u16> = report.odd_statuses.iter().copied().filter(|status| *status != 200).collect();
        assert_eq!(said, odd, "{fault:?}: {report:?}");
    }
    assert_answers(&server);
    // Who never acknowledged is given up by the server alone.
    assert_nothing_is_left(&site);
    let numbers = site.cli(&["call", "list", "--limit", "50"]).to_string();
    assert!(numbers.contains("13912345678") && !numbers.contains("\"110\""), "the URI in quotes is nobody's: {numbers}");
}

fn attacked(server: SocketAddr, attack: Attack, count: u32, bind: &str) -> AttackReport {
    let bind: IpAddr = bind.parse().expect("an address");
    let plan = AttackPlan { server, bind, attack, count, length: Duration::from_secs(3) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a small runtime");
    runtime.block_on(citizen::attack(&plan)).expect("sockets")
}

#[test]
fn an_attacker_costs_only_itself() {
    let site = Site::demo("attackers");
    site.write_configuration(&(site.configuration() + "\n[[sip_listen]]\ntransport = \"tcp\"\nlisten = \"127.0.0.1:0\"\n"));
    let server = Server::start(&site);
    let tcp = server.sip_over("tcp").expect("the server listens over TCP");
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| attacked(server.sip, Attack::Flood, 500, STRANGER));
        let others = [(Attack::NeverReads, 2), (Attack::SlowBytes, 5), (Attack::HalfOpen, 50)]
            .map(|(attack, count)| (attack, scope.spawn(move || attacked(tcp, attack, count, "127.0.0.10"))));
        for _ in 0..3 {
            assert_answers(&server);
        }
        let flood = flood.join().expect("no panic");
        assert!(flood.requests > 1_000 && flood.answers < flood.requests / 2, "it is ignored after a while: {flood:?}");
        for (attack, report) in others {
            let report = report.join().expect("no panic");
            assert!(report.connections > 0, "{attack:?}: {report:?}");
        }
    });
    let banned = site.cli(&["sip", "banned"]).to_string();
    assert!(banned.contains(STRANGER), "{banned}");
    assert_answers(&server);
    assert_nothing_is_left(&site);
}
