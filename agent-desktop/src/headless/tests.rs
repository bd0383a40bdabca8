//! What a script does with each view, and what it prints.

use super::report::Report;
use super::{Runner, Script};
use crate::client::Snapshot;
use desktop_core::{DeviceProblem, LinkFailure, LinkState, Me, SignInProblem, View, VoiceStatus, VoiceWay, Wish};
use serde_json::Value;
use shared::model::{
    AgentId, AgentState, CallPhase, CallView, Caller, CallerCard, CallerPerson, Desk, InteractionId, KnownCaller, NotReadyReason, OfferId,
    OfferView, PersonId, PhoneNumber, Refusal, Side, TalkHealth, UnixMillis, VoiceCodec, VoiceTrouble, WrapUpView,
};
use shared::wire::SignInRefusal;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);
const NOT_READY: AgentState = AgentState::NotReady(NotReadyReason::SignedIn);

/// Lines as they are printed.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("nobody panics while writing").clone();
        String::from_utf8(bytes).expect("JSON is text").lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }
}

/// A running script, with this test in the place of client and person.
struct Stage {
    snapshots: mpsc::Sender<Snapshot>,
    lines: mpsc::Sender<String>,
    wishes: mpsc::Receiver<Wish>,
    paper: Paper,
    runner: JoinHandle<ExitCode>,
}

impl Stage {
    fn new(script: Script) -> Self {
        let (snapshots, seen) = mpsc::channel(16);
        let (lines, commands) = mpsc::channel(16);
        let (sender, wishes) = mpsc::channel(16);
        let paper = Paper::default();
        let runner = Runner { script, wishes: sender, report: Report::default(), armed: None, leave_by: None, out: paper.clone() };
        Self { snapshots, lines, wishes, paper, runner: tokio::spawn(runner.run(seen, commands)) }
    }

    async fn show(&self, view: View) {
        self.snapshots.send(Snapshot { view, ringing: false }).await.expect("the script listens");
    }

    async fn wish(&mut self) -> Wish {
        timeout(LIMIT, self.wishes.recv()).await.expect("a wish comes").expect("the script lives")
    }

    /// The exit code's text and the events' names.
    async fn end(self) -> (String, Vec<String>) {
        let code = timeout(LIMIT, self.runner).await.expect("the script ends").expect("without a panic");
        let names = self.paper.lines().iter().map(|line| line["event"].as_str().expect("each has a name").to_owned()).collect();
        (format!("{code:?}"), names)
    }
}

fn code(code: ExitCode) -> String {
    format!("{code:?}")
}

fn online(desk: Desk) -> View {
    let me = Me { agent: AgentId(1), number: "1001".to_owned(), name: "王小明".to_owned() };
    View { link: LinkState::Online, me: Some(me), desk: Some(desk), drafts_known: true, ..View::default() }
}

fn signing_in() -> View {
    View { link: LinkState::SigningIn, ..View::default() }
}

fn desk(state: AgentState) -> Desk {
    let now = UnixMillis(1_000_000);
    Desk {
        revision: 1,
        now,
        state,
        since: now,
        offer: None,
        call: None,
        wrap_up: None,
        notice: None,
        next: None,
        limit: None,
        awaits: None,
        watches: None,
        voice: Default::default(),
    }
}

fn call(phase: CallPhase) -> CallView {
    let number = PhoneNumber::parse("13912345678").expect("a good number");
    let caller = Caller { number: Some(number.into()) };
    CallView {
        interaction: InteractionId(7),
        caller,
        card: None,
        queue: "热线".to_owned(),
        waited_ms: 5,
        phase,
        since: UnixMillis(0),
        known: KnownCaller::default(),
        talk: shared::model::TalkView::default(),
    }
}

fn ringing() -> Desk {
    Desk {
        offer: Some(OfferView { offer: OfferId(3), call: call(CallPhase::Ringing), expires: UnixMillis(0), auto_answer: None }),
        ..desk(AgentState::Offered)
    }
}

fn talking() -> Desk {
    Desk { call: Some(call(CallPhase::Talking)), ..desk(AgentState::Talking) }
}

fn wrap_up() -> Desk {
    let wrap_up = WrapUpView { interaction: InteractionId(7), expires: UnixMillis(0), ended_by: Side::Caller, extensions: 0 };
    Desk { wrap_up: Some(wrap_up), ..desk(AgentState::WrapUp) }
}

#[tokio::test]
async fn an_automatic_agent_takes_one_call_and_leaves() {
    let script = Script {
        answer_after: Some(Duration::from_millis(50)),
        ready: true,
        hang_up_after: Some(Duration::from_millis(50)),
        calls: Some(1),
        trust: None,
        take_over: false,
    };
    let mut stage = Stage::new(script);
    stage.show(signing_in()).await;
    stage.show(online(desk(NOT_READY))).await;
    assert_eq!(stage.wish().await, Wish::GoReady);
    stage.show(online(desk(AgentState::Ready))).await;
    stage.show(online(ringing())).await;
    assert_eq!(stage.wish().await, Wish::Answer);
    stage.show(online(talking())).await;
    assert_eq!(stage.wish().await, Wish::HangUp);
    stage.show(online(wrap_up())).await;
    assert_eq!(stage.wish().await, Wish::SignOut);
    stage.show(View::default()).await;
    let (exit, events) = stage.end().await;
    assert_eq!(exit, code(ExitCode::SUCCESS));
    let expected = [
        "signed_in",
        "state",
        "state",
        "ringing",
        "state",
        "ringing_ended",
        "talking",
        "call",
        "state",
        "call_ended",
        "state",
        "wrap_up",
        "signed_out",
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn an_automatic_agent_ends_its_wrap_up_and_asks_again_after_a_refusal() {
    let mut stage = Stage::new(Script { ready: true, ..Script::default() });
    stage.show(online(wrap_up())).await;
    assert_eq!(stage.wish().await, Wish::EndWrapUp);
    stage.show(online(desk(NOT_READY))).await;
    assert_eq!(stage.wish().await, Wish::GoReady);
    stage.show(View { asked: true, ..online(desk(NOT_READY)) }).await;
    let asked_at = tokio::time::Instant::now();
    stage.show(View { refusal: Some(Refusal::NoMedia), ..online(desk(NOT_READY)) }).await;
    assert_eq!(stage.wish().await, Wish::GoReady);
    assert!(asked_at.elapsed() >= Duration::from_millis(400), "not at once");
}

#[test]
fn signed_in_is_told_when_commands_have_an_effect() {
    let whole = online(desk(NOT_READY));
    let mut report = Report::default();
    let without_desk = View { desk: None, ..whole.clone() };
    assert!(report.look(&without_desk, &Script::default()).lines.is_empty(), "told without a desk");
    let without_drafts = View { drafts_known: false, ..whole.clone() };
    assert!(report.look(&without_drafts, &Script::default()).lines.is_empty(), "told before a summary would be taken");
    let told = report.look(&whole, &Script::default()).lines;
    assert_eq!(told.iter().filter(|line| line["event"] == "signed_in").count(), 1, "{told:?}");
    assert!(report.look(&whole, &Script::default()).lines.is_empty(), "told twice");
}

#[tokio::test]
async fn a_citizen_who_leaves_before_the_answer_is_not_answered() {
    let mut stage = Stage::new(Script { answer_after: Some(Duration::from_millis(300)), ..Script::default() });
    stage.show(online(ringing())).await;
    stage.show(online(desk(AgentState::Ready))).await;
    stage.lines.send("not_ready meal".to_owned()).await.expect("the script listens");
    assert_eq!(stage.wish().await, Wish::GoNotReady(NotReadyReason::Meal));
    assert!(timeout(Duration::from_millis(500), stage.wishes.recv()).await.is_err(), "no answer to nobody");
}

#[tokio::test]
async fn quit_signs_out_first_and_ends_even_if_nobody_answers() {
    let mut stage = Stage::new(Script::default());
    stage.show(online(desk(NOT_READY))).await;
    stage.lines.send("quit".to_owned()).await.expect("the script listens");
    assert_eq!(stage.wish().await, Wish::SignOut);
    assert_eq!(stage.end().await.0, code(ExitCode::SUCCESS));
}

#[tokio::test]
async fn the_end_of_the_commands_ends_nothing() {
    let Stage { snapshots, lines, mut wishes, runner, .. } = Stage::new(Script { ready: true, ..Script::default() });
    drop(lines);
    let view = online(desk(NOT_READY));
    snapshots.send(Snapshot { view, ringing: false }).await.expect("the script listens");
    assert_eq!(timeout(LIMIT, wishes.recv()).await.expect("a wish comes"), Some(Wish::GoReady));
    runner.abort();
}

#[tokio::test]
async fn a_problem_at_sign_in_is_told_and_gives_the_exit_code_one() {
    let problems = [
        SignInProblem::Refused(SignInRefusal::WrongCredentials),
        SignInProblem::Link(LinkFailure::Unreachable("refused".to_owned())),
        SignInProblem::Link(LinkFailure::ChangedCertificate { fingerprint: "AB:CD".to_owned() }),
    ];
    for problem in problems {
        let stage = Stage::new(Script::default());
        stage.show(signing_in()).await;
        stage.show(View { problem: Some(problem), ..View::default() }).await;
        let (exit, events) = stage.end().await;
        assert_eq!((exit, events), (code(ExitCode::FAILURE), vec!["problem".to_owned()]));
    }
}

#[tokio::test]
async fn an_unknown_certificate_ends_with_its_fingerprint_unless_it_was_named() {
    let question = View { link: LinkState::ConfirmCertificate { fingerprint: "AB:CD".to_owned() }, ..View::default() };
    let stage = Stage::new(Script { trust: Some("EE:FF".to_owned()), ..Script::default() });
    stage.show(signing_in()).await;
    stage.show(question.clone()).await;
    let paper = stage.paper.clone();
    assert_eq!(stage.end().await.0, code(ExitCode::FAILURE));
    assert!(paper.lines()[0]["text"].as_str().is_some_and(|text| text.contains("--trust AB:CD")));
    let mut stage = Stage::new(Script { trust: Some("AB:CD".to_owned()), ..Script::default() });
    stage.show(signing_in()).await;
    stage.show(question).await;
    assert_eq!(stage.wish().await, Wish::TrustCertificate);
}

#[test]
fn a_ringing_is_printed_at_once_and_again_with_its_card() {
    let mut report = Report::default();
    let first = report.look(&online(ringing()), &Script::default()).lines;
    let ring = first.iter().find(|line| line["event"] == "ringing").expect("it rings");
    assert_eq!((ring["number"].as_str(), &ring["name"], ring["interaction"].as_u64()), (Some("13912345678"), &Value::Null, Some(7)));
    let mut with_card = ringing();
    let offer = with_card.offer.as_mut().expect("it rings");
    let person = |id, name: &str| CallerPerson {
        person: PersonId(id),
        name: name.to_owned().into(),
        address: "人民路1号".to_owned().into(),
        tags: vec!["方言".to_owned()],
    };
    offer.call.card = Some(CallerCard { persons: vec![person(4, "李梅"), person(2, "李雷")], ..CallerCard::default() });
    let second = report.look(&online(with_card), &Script::default()).lines;
    assert_eq!(second.len(), 1);
    assert_eq!((second[0]["name"].as_str(), second[0]["address"].as_str()), (Some("李梅"), Some("人民路1号")));
    assert_eq!((&second[0]["persons"][1]["person"], &second[0]["persons"][1]["tags"][0]), (&2.into(), &"方言".into()));
}

#[test]
fn a_cut_and_its_end_are_printed_and_the_call_goes_on() {
    let mut report = Report::default();
    report.look(&online(talking()), &Script::default());
    let cut = View { link: LinkState::Reconnecting { attempt: 0, since: 0 }, ..online(talking()) };
    assert_eq!(report.look(&cut, &Script::default()).lines, [serde_json::json!({"event": "link", "online": false})]);
    assert_eq!(report.look(&online(talking()), &Script::default()).lines, [serde_json::json!({"event": "link", "online": true})]);
    let ended = report.look(&online(wrap_up()), &Script::default()).lines;
    assert_eq!(ended[0], serde_json::json!({"event": "call_ended", "interaction": 7, "ended_by": "caller"}));
    assert_eq!(ended[1]["state"], "wrap_up");
    assert_eq!(report.calls_ended(), 1);
}

#[test]
fn the_voices_way_codec_device_and_health_are_told_when_they_change() {
    let mut report = Report::default();
    let mut look = |voice: VoiceStatus, health: Option<TalkHealth>| {
        let view = View { voice, health, ..online(talking()) };
        let lines = report.look(&view, &Script::default()).lines;
        let news = lines
            .into_iter()
            .filter(|line| ["voice_way", "voice_codec", "sound", "talk_health"].iter().any(|event| line["event"] == *event));
        news.collect::<Vec<_>>()
    };
    assert_eq!(look(VoiceStatus::default(), None), [] as [Value; 0]);
    let tunnel = VoiceStatus { way: VoiceWay::Tunnel, sends: VoiceCodec::Opus, device: Some("a".to_owned()), ..VoiceStatus::default() };
    let lines = look(tunnel.clone(), None);
    assert_eq!(lines[0], serde_json::json!({"event": "sound", "device": "a", "problem": null}));
    assert_eq!(lines[1], serde_json::json!({"event": "voice_way", "way": "websocket"}));
    assert_eq!(lines[2], serde_json::json!({"event": "voice_codec", "sends": "opus", "hears": "pcma"}));
    let opening = VoiceStatus { device: None, device_problem: Some(DeviceProblem::Opening), ..tunnel.clone() };
    assert_eq!(look(opening, None), [] as [Value; 0], "one that is being opened is no news");
    let replaced = VoiceStatus { device_problem: Some(DeviceProblem::Replaced), ..tunnel };
    assert_eq!(look(replaced.clone(), None)[0]["problem"], "replaced");
    let mut health = TalkHealth { troubles: vec![VoiceTrouble::CitizenUnheard], ..TalkHealth::default() };
    let lines = look(replaced.clone(), Some(health.clone()));
    assert_eq!((&lines[0]["light"], &lines[0]["troubles"][0]), (&Value::from("poor"), &Value::from("citizen_unheard")));
    health.agent.jitter_ms = 9;
    assert_eq!(look(replaced, Some(health)), [] as [Value; 0], "figures alone are no news");
}
