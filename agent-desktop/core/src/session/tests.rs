//! What a session does with each event. Effects are compared as short lines, so that a test reads like a log.

use super::Session;
use crate::{Effect, Event, LinkFailure, LinkState, SignInProblem, VoiceCommand, VoiceStatus, Wish};
use shared::model::{
    AgentId, AgentState, CallPhase, CallView, Caller, Desk, InteractionId, KnownCaller, NotReadyReason, Notice, OfferId, OfferView,
    Refusal, RequestId, SessionId, Side, TalkHealth, UnixMillis, VoiceCodec, VoiceTrouble, WrapUpView,
};
use shared::wire::{
    AgentsNews, Correction, FromClient, FromServer, MailboxPart, MediaAccess, MessageRow, MessageTarget, MessagesAsked, MessagesNews,
    SignInRefusal, SignOutReason, VoiceOptions, VoiceOrder,
};

/// A session with its log.
struct Desktop {
    session: Session,
    now: u64,
}

impl Desktop {
    fn new() -> Self {
        Self { session: Session::new(), now: 10_000 }
    }

    /// Signed in, online, first ping and first desk done.
    fn online(state: AgentState) -> Self {
        let mut desktop = Self::new();
        desktop.wish(sign_in());
        desktop.event(Event::LinkUp);
        desktop.receive(welcome(1));
        desktop.receive(signed_in("key"));
        desktop.receive(FromServer::Desk(Box::new(desk(1, state))));
        desktop
    }

    fn event(&mut self, event: Event) -> Vec<String> {
        self.session.handle(self.now, event);
        std::iter::from_fn(|| self.session.poll()).filter(|effect| *effect != Effect::Refuse).map(line).collect()
    }

    fn wish(&mut self, wish: Wish) -> Vec<String> {
        self.event(Event::Wish(wish))
    }

    fn receive(&mut self, frame: FromServer) -> Vec<String> {
        self.event(Event::Received(Box::new(frame)))
    }

    fn tick_after(&mut self, ms: u64) -> Vec<String> {
        self.now += ms;
        self.event(Event::Tick)
    }

    /// Runs to the next deadline and returns how long that took.
    fn tick_at_deadline(&mut self) -> (u64, Vec<String>) {
        let at = self.session.next_deadline().expect("a deadline is set");
        let waited = at - self.now;
        (waited, self.tick_after(waited))
    }

    fn cut(&mut self) -> Vec<String> {
        self.event(Event::LinkDown(LinkFailure::Broken("reset".to_owned())))
    }

    fn resume(&mut self) -> Vec<String> {
        self.tick_at_deadline();
        self.event(Event::LinkUp);
        self.receive(welcome(1));
        self.receive(signed_in("key"))
    }

    fn link(&self) -> &LinkState {
        &self.session.view().link
    }

    fn problem(&self) -> Option<&SignInProblem> {
        self.session.view().problem.as_ref()
    }
}

fn line(effect: Effect) -> String {
    match effect {
        Effect::Connect { server } => format!("connect {server}"),
        Effect::Disconnect => "disconnect".to_owned(),
        Effect::Send(FromClient::Hello { version, .. }) => format!("hello {version}"),
        Effect::Send(FromClient::SignIn { number, password, take_over, .. }) => {
            format!("sign_in {number} {}{}", password.reveal(), if take_over { " take over" } else { "" })
        }
        Effect::Send(FromClient::WatchAgents { on }) => format!("watch {on}"),
        Effect::Send(FromClient::Attentive { attentive }) => format!("attentive {attentive}"),
        Effect::Refuse => "refuse".to_owned(),
        Effect::Alert => "alert".to_owned(),
        Effect::Send(FromClient::Resume { token }) => format!("resume {}", token.reveal()),
        Effect::Send(FromClient::Do { request, action }) => format!("do {request} {action:?}"),
        Effect::Send(FromClient::Voice(abilities)) => format!("voice {abilities:?}"),
        Effect::Send(FromClient::Marks { interaction }) => format!("marks {interaction}"),
        Effect::Send(FromClient::WatchWaiting { on }) => format!("waiting {on}"),
        Effect::Send(FromClient::Messages(asked)) => match asked {
            MessagesAsked::Rows(MailboxPart::Newest) => "messages newest".to_owned(),
            MessagesAsked::Rows(MailboxPart::After { number }) => format!("messages after {number}"),
            MessagesAsked::Rows(MailboxPart::Before { number }) => format!("messages before {number}"),
            MessagesAsked::Got { number } => format!("messages got {number}"),
            MessagesAsked::Read { number } => format!("messages read {number}"),
        },
        Effect::Send(FromClient::Ping { nonce }) => format!("ping {nonce}"),
        Effect::Trust { server, fingerprint } => format!("trust {server} {fingerprint}"),
        Effect::Voice(VoiceCommand::Open { host, access }) => format!("open {host}:{} {}", access.port, access.client_key),
        Effect::Voice(VoiceCommand::Talk(on)) => format!("talk {on}"),
        Effect::Voice(VoiceCommand::Listen(on)) => format!("listen {on}"),
        Effect::Voice(VoiceCommand::Send(order)) => format!("send {:?} {}", order.codec, order.expected_loss_percent),
        Effect::Voice(VoiceCommand::Close) => "close".to_owned(),
        Effect::Voice(VoiceCommand::Mute(on)) => format!("mute {on}"),
        Effect::Voice(VoiceCommand::Sound(settings)) => format!("sound {}", settings.volume_percent),
        Effect::Voice(VoiceCommand::Test(test)) => format!("test {test:?}"),
        Effect::FindDrafts { number, .. } => format!("find drafts {number}"),
        Effect::KeepDraft { number, draft, .. } => format!("write draft {number} {} {}", draft.summary.interaction, draft.revision),
        Effect::ForgetDraft { number, interaction } => format!("forget draft {number} {interaction}"),
        Effect::Send(FromClient::Ask { request, question }) => format!("ask {request} {question:?}"),
        Effect::Send(FromClient::Keep(draft)) => format!("keep {} {}", draft.summary.interaction, draft.revision),
        Effect::Tunnel(on) => format!("tunnel {on}"),
        Effect::Ring(on) => format!("ring {on}"),
    }
}

fn sign_in() -> Wish {
    Wish::SignIn { server: "hotline:9443".to_owned(), number: "1001".to_owned(), password: "secret".to_owned().into() }
}

fn welcome(version: u16) -> FromServer {
    FromServer::Welcome { version, server: "test".to_owned() }
}

fn signed_in(key: &str) -> FromServer {
    FromServer::SignedIn {
        session: SessionId(5),
        token: "token".to_owned().into(),
        agent: AgentId(1),
        number: "1001".to_owned(),
        name: "王小明".to_owned(),
        media: MediaAccess {
            port: 4000,
            client_ssrc: 1,
            server_ssrc: 2,
            client_key: key.to_owned(),
            server_key: "s".to_owned(),
            options: None,
        },
        rules: Box::default(),
    }
}

fn desk(revision: u64, state: AgentState) -> Desk {
    let now = UnixMillis(1_000_000);
    Desk {
        revision,
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
    let since = UnixMillis(1_000_000);
    CallView {
        interaction: InteractionId(7),
        caller: Caller::default(),
        card: None,
        queue: "市民热线".to_owned(),
        waited_ms: 0,
        phase,
        since,
        known: KnownCaller::default(),
        talk: shared::model::TalkView::default(),
    }
}

fn ringing(revision: u64) -> FromServer {
    let offer = OfferView { offer: OfferId(3), call: call(CallPhase::Ringing), expires: UnixMillis(1_015_000), auto_answer: None };
    FromServer::Desk(Box::new(Desk { offer: Some(offer), ..desk(revision, AgentState::Offered) }))
}

fn talking(revision: u64) -> FromServer {
    FromServer::Desk(Box::new(Desk { call: Some(call(CallPhase::Talking)), ..desk(revision, AgentState::Talking) }))
}

fn wrap_up(revision: u64) -> FromServer {
    let wrap_up = WrapUpView { interaction: InteractionId(7), expires: UnixMillis(1_060_000), ended_by: Side::Caller, extensions: 0 };
    FromServer::Desk(Box::new(Desk { wrap_up: Some(wrap_up), ..desk(revision, AgentState::WrapUp) }))
}

const NOT_READY: AgentState = AgentState::NotReady(NotReadyReason::SignedIn);

#[test]
fn signing_in_says_hello_then_the_password_and_opens_the_voice() {
    let mut desktop = Desktop::new();
    assert_eq!(desktop.wish(sign_in()), ["connect hotline:9443"]);
    assert_eq!(*desktop.link(), LinkState::SigningIn);
    assert_eq!(desktop.event(Event::LinkUp), ["hello 1"]);
    assert_eq!(desktop.receive(welcome(1)), ["sign_in 1001 secret"]);
    assert!(!format!("{:?}", desktop.session).contains("secret"), "the password is forgotten");
    assert_eq!(desktop.receive(signed_in("key")), ["open hotline:4000 key", "find drafts 1001", "ping 1"]);
    assert_eq!(*desktop.link(), LinkState::Online);
    assert_eq!(desktop.session.view().me.as_ref().map(|me| me.name.as_str()), Some("王小明"));
}

#[test]
fn a_refused_password_is_shown_and_the_next_try_works() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    assert_eq!(desktop.receive(FromServer::SignInRefused { reason: SignInRefusal::WrongCredentials }), ["disconnect"]);
    assert_eq!(*desktop.link(), LinkState::SignedOut);
    assert_eq!(desktop.problem(), Some(&SignInProblem::Refused(SignInRefusal::WrongCredentials)));
    assert_eq!(desktop.wish(sign_in()), ["connect hotline:9443"]);
    assert_eq!(desktop.problem(), None);
}

#[test]
fn a_server_of_another_version_never_sees_the_password() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    assert_eq!(desktop.receive(welcome(2)), ["disconnect"]);
    assert!(matches!(desktop.problem(), Some(SignInProblem::Link(LinkFailure::Protocol(_)))));
}

#[test]
fn every_step_of_a_sign_in_has_a_limit() {
    for steps in 0..3 {
        let mut desktop = Desktop::new();
        desktop.wish(sign_in());
        if steps > 0 {
            desktop.event(Event::LinkUp);
        }
        if steps > 1 {
            desktop.receive(welcome(1));
        }
        assert_eq!(desktop.tick_at_deadline().1, ["disconnect"], "after {steps} steps");
        assert!(matches!(desktop.problem(), Some(SignInProblem::Link(LinkFailure::Broken(_)))));
        assert_eq!(desktop.session.next_deadline(), None);
    }
}

#[test]
fn an_unreachable_server_is_a_problem_and_not_tried_again() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    let failure = LinkFailure::Unreachable("no route".to_owned());
    assert_eq!(desktop.event(Event::LinkDown(failure.clone())), ["disconnect"]);
    assert_eq!(desktop.problem(), Some(&SignInProblem::Link(failure)));
    assert_eq!(desktop.session.next_deadline(), None);
}

#[test]
fn an_unknown_certificate_is_trusted_only_after_a_yes() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    let fingerprint = "AB:CD".to_owned();
    assert_eq!(desktop.event(Event::LinkDown(LinkFailure::UnknownCertificate { fingerprint: fingerprint.clone() })), [""; 0]);
    assert_eq!(*desktop.link(), LinkState::ConfirmCertificate { fingerprint });
    assert_eq!(desktop.wish(Wish::TrustCertificate), ["trust hotline:9443 AB:CD", "connect hotline:9443"]);
    assert_eq!(desktop.event(Event::LinkUp), ["hello 1"]);
    assert_eq!(desktop.wish(Wish::TrustCertificate), [""; 0], "there is nothing more to trust");
}

#[test]
fn an_unknown_certificate_can_be_declined() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkDown(LinkFailure::UnknownCertificate { fingerprint: "AB".to_owned() }));
    assert_eq!(desktop.wish(Wish::Cancel), ["disconnect"]);
    assert_eq!(*desktop.link(), LinkState::SignedOut);
}

#[test]
fn a_changed_certificate_is_a_problem_that_no_wish_can_override() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    let failure = LinkFailure::ChangedCertificate { fingerprint: "EE".to_owned() };
    assert_eq!(desktop.event(Event::LinkDown(failure.clone())), ["disconnect"]);
    assert_eq!(desktop.problem(), Some(&SignInProblem::Link(failure)));
    assert_eq!(desktop.wish(Wish::TrustCertificate), [""; 0]);
}

#[test]
fn a_changed_certificate_at_a_reconnect_is_shown_and_tried_again_without_being_accepted() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.cut();
    desktop.tick_at_deadline();
    let failure = LinkFailure::ChangedCertificate { fingerprint: "EE".to_owned() };
    desktop.event(Event::LinkDown(failure.clone()));
    assert_eq!(desktop.problem(), Some(&SignInProblem::Link(failure)));
    assert_eq!(desktop.tick_at_deadline(), (500, vec!["connect hotline:9443".to_owned()]));
    desktop.event(Event::LinkUp);
    desktop.receive(signed_in("key"));
    assert_eq!(desktop.problem(), None);
}

#[test]
fn after_a_cut_the_session_is_resumed_with_its_token_and_the_voice_goes_on() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.receive(talking(2));
    assert_eq!(desktop.cut(), [""; 0], "the voice is left alone");
    assert_eq!(*desktop.link(), LinkState::Reconnecting { attempt: 0, since: 10_000 });
    assert!(desktop.session.view().desk.is_some(), "the call stays on the screen");
    assert_eq!(desktop.tick_at_deadline(), (250, vec!["connect hotline:9443".to_owned()]));
    assert_eq!(*desktop.link(), LinkState::Reconnecting { attempt: 1, since: 10_000 });
    assert_eq!(desktop.event(Event::LinkUp), ["hello 1", "resume token"]);
    desktop.receive(welcome(1));
    assert_eq!(desktop.receive(signed_in("key")), ["ping 1"], "the same keys: the voice is left alone");
    assert_eq!(*desktop.link(), LinkState::Online);
}

#[test]
fn tries_go_on_for_ever_with_growing_waits_that_begin_anew_after_a_success() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.cut();
    for expected in [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000] {
        assert_eq!(desktop.tick_at_deadline(), (expected, vec!["connect hotline:9443".to_owned()]));
        desktop.event(Event::LinkDown(LinkFailure::Unreachable("refused".to_owned())));
    }
    assert_eq!(*desktop.link(), LinkState::Reconnecting { attempt: 7, since: 10_000 });
    desktop.resume();
    desktop.cut();
    assert_eq!(desktop.tick_at_deadline().0, 250);
}

#[test]
fn new_keys_after_a_resume_open_the_voice_anew_and_keep_the_talk() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.receive(talking(2)), ["talk true"]);
    desktop.cut();
    desktop.tick_at_deadline();
    desktop.event(Event::LinkUp);
    assert_eq!(desktop.receive(signed_in("other")), ["open hotline:4000 other", "ping 1", "talk true"]);
}

#[test]
fn a_session_that_is_gone_leads_back_to_the_sign_in_screen() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.receive(talking(2));
    desktop.cut();
    desktop.tick_at_deadline();
    desktop.event(Event::LinkUp);
    let frame = FromServer::SignInRefused { reason: SignInRefusal::SessionGone };
    assert_eq!(desktop.receive(frame), ["close", "disconnect"]);
    assert_eq!(*desktop.link(), LinkState::SignedOut);
    assert_eq!(desktop.problem(), Some(&SignInProblem::Refused(SignInRefusal::SessionGone)));
    assert_eq!((desktop.session.view().desk.as_ref(), desktop.session.view().me.as_ref()), (None, None));
}

#[test]
fn a_server_that_cannot_resume_now_is_asked_again() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.cut();
    desktop.tick_at_deadline();
    desktop.event(Event::LinkUp);
    assert_eq!(desktop.receive(FromServer::SignInRefused { reason: SignInRefusal::NotNow }), ["disconnect"]);
    assert_eq!(desktop.tick_at_deadline(), (500, vec!["connect hotline:9443".to_owned()]));
}

#[test]
fn pings_go_out_every_two_seconds_and_silence_ends_the_connection() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.tick_at_deadline(), (2_000, vec!["ping 2".to_owned()]));
    assert_eq!(desktop.tick_at_deadline(), (2_000, vec!["ping 3".to_owned()]));
    assert_eq!(desktop.tick_at_deadline(), (2_000, vec!["disconnect".to_owned()]), "six seconds after the last frame");
    assert!(matches!(desktop.link(), LinkState::Reconnecting { .. }));
}

#[test]
fn any_frame_of_the_server_breaks_the_silence() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.tick_after(5_900);
    desktop.receive(FromServer::Done { request: RequestId(99) });
    desktop.tick_after(5_900);
    assert_eq!(*desktop.link(), LinkState::Online);
    desktop.tick_after(100);
    assert!(matches!(desktop.link(), LinkState::Reconnecting { .. }));
}

#[test]
fn a_pong_gives_round_trip_and_clock_and_a_desk_does_not_spoil_it() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.session.view().clock_offset_ms, 990_000, "first from the desk");
    desktop.now += 80;
    desktop.receive(FromServer::Pong { nonce: 1, now: UnixMillis(1_000_060) });
    assert_eq!(desktop.session.view().round_trip_ms, Some(80));
    assert_eq!(desktop.session.view().clock_offset_ms, 1_000_060 - 10_040);
    desktop.receive(FromServer::Desk(Box::new(desk(2, NOT_READY))));
    assert_eq!(desktop.session.view().clock_offset_ms, 1_000_060 - 10_040);
    desktop.cut();
    assert_eq!(desktop.session.view().round_trip_ms, None);
}

#[test]
fn an_older_desk_is_ignored_until_a_sign_in_or_resume_begins_the_count_anew() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.receive(FromServer::Desk(Box::new(desk(8, AgentState::Ready))));
    for revision in [7, 8] {
        assert_eq!(desktop.receive(ringing(revision)), [""; 0]);
    }
    assert_eq!(desktop.session.view().state(), Some(AgentState::Ready));
    desktop.cut();
    desktop.resume();
    desktop.receive(FromServer::Desk(Box::new(desk(1, NOT_READY))));
    assert_eq!(desktop.session.view().state(), Some(NOT_READY));
}

#[test]
fn the_bell_follows_the_offer_and_the_microphone_the_call() {
    let mut desktop = Desktop::online(AgentState::Ready);
    assert_eq!(desktop.receive(ringing(2)), ["ring true"]);
    assert_eq!(desktop.receive(ringing(3)), [""; 0], "the card came: the bell rings on");
    assert_eq!(desktop.wish(Wish::Answer), ["do 1 Accept { offer: OfferId(3) }"]);
    assert_eq!(desktop.receive(talking(4)), ["talk true", "ring false"]);
    assert_eq!(desktop.receive(wrap_up(5)), ["talk false"]);
}

#[test]
fn the_bell_stops_with_the_offer_even_when_nobody_can_say_so() {
    let mut desktop = Desktop::online(AgentState::Ready);
    desktop.receive(ringing(2));
    assert_eq!(desktop.cut(), [""; 0]);
    let mut log = Vec::new();
    while desktop.now < 10_000 + 15_000 + 4_000 {
        log.extend(desktop.tick_at_deadline().1);
        log.extend(desktop.event(Event::LinkDown(LinkFailure::Unreachable("refused".to_owned()))));
    }
    assert_eq!(log.iter().filter(|line| *line == "ring false").count(), 1);
}

#[test]
fn wishes_become_requests_exactly_in_the_states_that_allow_them() {
    // One line per wish; a letter per state in which it is sent: N not ready, R ready, O offered, T talking, W wrap-up.
    let table = [
        (Wish::GoReady, "NW"),
        (Wish::GoNotReady(NotReadyReason::Meal), "NROTW"),
        (Wish::AwaitNotReady(NotReadyReason::Meal), "NROTW"),
        (Wish::Lock, "NROTW"),
        (Wish::Unlock("x".to_owned().into()), ""),
        (Wish::ExtendWrapUp, ""),
        (Wish::TakeOver, ""),
        (Wish::Correct(correction(7)), "OTW"),
        (Wish::Correct(correction(8)), ""),
        (Wish::GoNotReady(NotReadyReason::System), ""),
        (Wish::Answer, "O"),
        (Wish::Reject, "O"),
        (Wish::HangUp, "T"),
        (Wish::EndWrapUp, "W"),
        (Wish::SignOut, "NROTW"),
        (Wish::TrustCertificate, ""),
        (Wish::Cancel, ""),
        (sign_in(), ""),
    ];
    for (wish, allowed) in table {
        for state in "NROTW".chars() {
            let mut desktop = Desktop::online(NOT_READY);
            desktop.receive(match state {
                'R' => FromServer::Desk(Box::new(desk(2, AgentState::Ready))),
                'O' => ringing(2),
                'T' => talking(2),
                'W' => wrap_up(2),
                _ => FromServer::Desk(Box::new(desk(2, NOT_READY))),
            });
            let sent = desktop.wish(wish.clone());
            assert_eq!(sent.len(), usize::from(allowed.contains(state)), "{wish:?} in {state}: {sent:?}");
            assert_eq!(desktop.session.view().asked, allowed.contains(state));
        }
    }
}

#[test]
fn one_request_at_a_time_and_only_its_own_answer_ends_it() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.wish(Wish::GoReady), ["do 1 GoReady"]);
    assert_eq!(desktop.wish(Wish::GoReady), [""; 0]);
    desktop.receive(FromServer::Done { request: RequestId(9) });
    desktop.receive(FromServer::Refused { request: RequestId(9), reason: Refusal::WrongState });
    assert!(desktop.session.view().asked);
    assert_eq!(desktop.session.view().refusal, None);
    desktop.receive(FromServer::Done { request: RequestId(1) });
    assert!(!desktop.session.view().asked);
    assert_eq!(desktop.wish(Wish::GoReady), ["do 2 GoReady"]);
}

#[test]
fn an_unanswered_request_is_forgotten_with_its_connection() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.wish(Wish::GoReady);
    desktop.cut();
    assert!(!desktop.session.view().asked);
    assert_eq!(desktop.wish(Wish::GoReady), [""; 0], "nothing is queued while the link is down");
    desktop.resume();
    desktop.receive(FromServer::Refused { request: RequestId(1), reason: Refusal::NoMedia });
    assert_eq!(desktop.session.view().refusal, None);
}

#[test]
fn a_refusal_stays_until_it_is_read_or_something_else_is_wished() {
    for next in [Wish::Dismiss, Wish::GoReady] {
        let mut desktop = Desktop::online(NOT_READY);
        desktop.wish(Wish::GoReady);
        desktop.receive(FromServer::Refused { request: RequestId(1), reason: Refusal::NoMedia });
        desktop.receive(FromServer::Desk(Box::new(desk(2, NOT_READY))));
        assert_eq!(desktop.session.view().refusal, Some(Refusal::NoMedia));
        desktop.wish(Wish::HangUp);
        assert_eq!(desktop.session.view().refusal, Some(Refusal::NoMedia), "an impossible wish changes nothing");
        desktop.wish(next);
        assert_eq!(desktop.session.view().refusal, None);
    }
}

#[test]
fn a_notice_that_was_read_does_not_come_back_with_the_next_desk_but_a_new_one_does() {
    let mut desktop = Desktop::online(NOT_READY);
    let noticed = |revision, since| {
        let since = UnixMillis(since);
        FromServer::Desk(Box::new(Desk { notice: Some(Notice::MediaLost), since, ..desk(revision, NOT_READY) }))
    };
    let notice = |desktop: &Desktop| desktop.session.view().desk.as_ref().and_then(|desk| desk.notice);
    desktop.receive(noticed(2, 1));
    desktop.wish(Wish::Dismiss);
    assert_eq!(notice(&desktop), None);
    desktop.receive(noticed(3, 1));
    assert_eq!(notice(&desktop), None);
    desktop.receive(noticed(4, 2));
    assert_eq!(notice(&desktop), Some(Notice::MediaLost));
}

#[test]
fn signing_out_closes_voice_and_socket_when_the_server_agrees() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.wish(Wish::SignOut), ["do 1 SignOut"]);
    desktop.receive(FromServer::Done { request: RequestId(1) });
    assert_eq!(desktop.receive(FromServer::SignedOut { reason: SignOutReason::Asked }), ["close", "disconnect"]);
    assert_eq!((desktop.link(), desktop.problem()), (&LinkState::SignedOut, None));
}

#[test]
fn a_sign_out_whose_answer_was_cut_off_ends_without_a_problem() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.wish(Wish::SignOut);
    desktop.cut();
    desktop.tick_at_deadline();
    desktop.event(Event::LinkUp);
    desktop.receive(FromServer::SignInRefused { reason: SignInRefusal::SessionGone });
    assert_eq!((desktop.link(), desktop.problem()), (&LinkState::SignedOut, None));
}

#[test]
fn the_end_of_a_session_by_the_server_is_shown_and_stops_the_bell() {
    let mut desktop = Desktop::online(AgentState::Ready);
    desktop.receive(ringing(2));
    let frame = FromServer::SignedOut { reason: SignOutReason::Superseded };
    assert_eq!(desktop.receive(frame), ["close", "disconnect", "ring false"]);
    assert_eq!(desktop.problem(), Some(&SignInProblem::SignedOut(SignOutReason::Superseded)));
    desktop.wish(Wish::Dismiss);
    assert_eq!(desktop.problem(), None);
}

#[test]
fn giving_a_reconnect_up_leads_back_to_the_sign_in_screen() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.receive(talking(2));
    desktop.cut();
    assert_eq!(desktop.wish(Wish::Cancel), ["close", "disconnect"]);
    assert_eq!(*desktop.link(), LinkState::SignedOut);
    assert_eq!(desktop.session.next_deadline(), None);
}

#[test]
fn a_protocol_error_ends_the_connection_but_not_the_session() {
    let mut desktop = Desktop::online(NOT_READY);
    assert_eq!(desktop.receive(FromServer::ProtocolError { message: "what?".to_owned() }), ["disconnect"]);
    assert!(matches!(desktop.link(), LinkState::Reconnecting { attempt: 0, .. }));
}

#[test]
fn late_reports_of_a_socket_nobody_wants_change_nothing() {
    let mut desktop = Desktop::new();
    assert_eq!(desktop.event(Event::LinkUp), [""; 0]);
    assert_eq!(desktop.receive(ringing(1)), [""; 0]);
    assert_eq!(desktop.cut(), [""; 0]);
    assert_eq!(*desktop.session.view(), crate::View::default());
    let mut desktop = Desktop::online(NOT_READY);
    desktop.cut();
    let deadline = desktop.session.next_deadline();
    desktop.cut();
    assert_eq!(desktop.session.next_deadline(), deadline, "one cut is one wait");
}

#[test]
fn the_voice_path_is_shown_as_it_reports_itself() {
    let mut desktop = Desktop::new();
    let status = VoiceStatus { receiving: true, microphone_level: 40, ..VoiceStatus::default() };
    desktop.event(Event::Voice(status.clone()));
    assert_eq!(desktop.session.view().voice, status);
}

/// As [`signed_in`], by a server whose voice path can more.
fn signed_in_with_options() -> FromServer {
    let FromServer::SignedIn { session, token, agent, number, name, media, rules } = signed_in("key") else { unreachable!("made above") };
    let key = "k".to_owned();
    let options = VoiceOptions { gcm_client_key: key.clone(), gcm_server_key: key, opus_payload_type: 111, tunnel: true };
    FromServer::SignedIn { session, token, agent, number, name, media: MediaAccess { options: Some(options), ..media }, rules }
}

const CAN: &str = "voice VoiceAbilities { codecs: [Pcma, Opus], muted: false }";

#[test]
fn a_server_that_asks_is_told_after_each_sign_in_what_the_voice_can_and_may_be_reached_through_the_socket_while_it_is_open() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    assert_eq!(desktop.receive(signed_in_with_options()), ["open hotline:4000 key", CAN, "tunnel true", "find drafts 1001", "ping 1"]);
    assert_eq!(desktop.cut(), ["tunnel false"]);
    desktop.tick_at_deadline();
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    assert_eq!(desktop.receive(signed_in_with_options())[..2], [CAN, "tunnel true"]);
}

#[test]
fn the_server_says_how_to_send_and_how_the_talk_sounds_while_it_lasts() {
    let mut desktop = Desktop::online(AgentState::Ready);
    let order = VoiceOrder { codec: VoiceCodec::Opus, expected_loss_percent: 6 };
    assert_eq!(desktop.receive(FromServer::Voice(order)), ["send Opus 6"]);
    let health = TalkHealth { troubles: vec![VoiceTrouble::CitizenUnheard], ..TalkHealth::default() };
    desktop.receive(FromServer::TalkHealth(health.clone()));
    assert_eq!(desktop.session.view().health, None, "no talk, no health");
    desktop.receive(talking(2));
    desktop.receive(FromServer::TalkHealth(health.clone()));
    assert_eq!(desktop.session.view().health, Some(health));
    desktop.receive(wrap_up(3));
    assert_eq!(desktop.session.view().health, None);
}

#[test]
fn requests_never_repeat_their_number_within_a_program_run() {
    let mut desktop = Desktop::online(NOT_READY);
    desktop.wish(Wish::GoReady);
    desktop.cut();
    desktop.resume();
    assert!(matches!(desktop.wish(Wish::GoReady).as_slice(), [line] if line == "do 2 GoReady"));
}

fn correction(interaction: u64) -> Correction {
    let (name, address) = ("李蕾".to_owned().into(), "和平路1号".to_owned().into());
    Correction { interaction: InteractionId(interaction), person: None, name, address, tags: Vec::new() }
}

#[test]
fn who_is_signed_in_elsewhere_is_asked_and_goes_on_here_only_after_a_yes() {
    let mut desktop = Desktop::new();
    desktop.wish(sign_in());
    desktop.event(Event::LinkUp);
    desktop.receive(welcome(1));
    let refused = FromServer::SignInRefused { reason: SignInRefusal::SignedInElsewhere };
    assert_eq!(desktop.receive(refused), ["disconnect"]);
    assert_eq!(desktop.session.view().link, LinkState::ConfirmTakeOver);
    assert_eq!(desktop.session.next_deadline(), None, "a person takes the time that a person takes");
    let connects = desktop.wish(Wish::TakeOver);
    assert_eq!(connects.len(), 1, "{connects:?}");
    desktop.event(Event::LinkUp);
    let sent = desktop.receive(welcome(1));
    assert!(sent[0].ends_with(" take over"), "{sent:?}");
    desktop.receive(signed_in("key"));
    assert_eq!(desktop.session.view().link, LinkState::Online);
}

fn news(since: Option<u64>, version: u64, agents: &[u32], gone: &[u32]) -> FromServer {
    let row = |agent: &u32| {
        let row = shared::model::FloorRow {
            number: agent.to_string(),
            name: String::new(),
            state: AgentState::Ready,
            since: UnixMillis(0),
            connected: true,
            queue: None,
            partner: None,
            calls_today: 0,
            queues: Vec::new(),
        };
        (AgentId(*agent), row)
    };
    let (rows, gone) = (agents.iter().map(row).collect(), gone.iter().copied().map(AgentId).collect());
    FromServer::Agents(AgentsNews { since, version, rows, gone })
}

#[test]
fn the_list_of_agents_is_never_patched_over_a_gap_and_begins_anew_after_a_reconnect() {
    let mut desktop = Desktop::online(AgentState::Ready);
    assert_eq!(desktop.receive(news(None, 1, &[1], &[])), [""; 0]);
    assert_eq!(desktop.session.view().agents, None, "nobody asked for it");
    assert_eq!(desktop.wish(Wish::WatchAgents(true)), ["watch true"]);
    desktop.receive(news(None, 4, &[1, 2], &[]));
    desktop.receive(news(Some(4), 6, &[3], &[1]));
    let shown = |desktop: &Desktop| {
        let floor = desktop.session.view().agents.clone().expect("it is followed");
        (floor.version, floor.rows.keys().map(|agent| agent.0).collect::<Vec<_>>())
    };
    assert_eq!(shown(&desktop), (6, vec![2, 3]));
    assert_eq!(desktop.receive(news(Some(7), 8, &[4], &[])), ["watch true"], "7 is missing: all of it is asked for");
    assert_eq!(shown(&desktop), (6, vec![2, 3]));
    desktop.receive(news(None, 8, &[2, 4], &[]));
    assert_eq!(shown(&desktop), (8, vec![2, 4]));
    desktop.cut();
    let log = desktop.resume();
    assert!(log.contains(&"watch true".to_owned()), "{log:?}");
    desktop.receive(news(None, 2, &[9], &[]));
    assert_eq!(shown(&desktop), (2, vec![9]), "a server that began anew counts anew");
    assert_eq!(desktop.wish(Wish::WatchAgents(false)), ["watch false"]);
    assert_eq!(desktop.session.view().agents, None);
}

#[test]
fn a_change_that_nobody_asked_for_sounds_once() {
    let mut desktop = Desktop::online(AgentState::Ready);
    let noticed = |revision| FromServer::Desk(Box::new(Desk { notice: Some(Notice::OfferMissed), ..desk(revision, NOT_READY) }));
    assert_eq!(desktop.receive(noticed(2)), ["alert"]);
    assert_eq!(desktop.receive(noticed(3)), [""; 0]);
}

#[test]
fn what_was_chosen_to_follow_a_call_can_be_taken_back() {
    let mut desktop = Desktop::online(AgentState::Ready);
    desktop.receive(talking(2));
    assert_eq!(desktop.wish(Wish::GoReady), [""; 0], "nothing is to be taken back");
    let FromServer::Desk(desk) = talking(3) else { panic!("a desk") };
    let next = Some(shared::model::NextState::NotReady(NotReadyReason::Meal));
    desktop.receive(FromServer::Desk(Box::new(Desk { next, ..*desk })));
    assert_eq!(desktop.wish(Wish::GoReady).len(), 1);
}

fn mail(numbers: &[u64], more: bool) -> FromServer {
    let row = |number: &u64| MessageRow {
        number: *number,
        message: shared::model::MessageId(*number),
        from: AgentId(9),
        from_name: "1009 张敏".to_owned(),
        to: MessageTarget::All,
        to_name: String::new(),
        text: format!("第 {number} 条").into(),
        sent: UnixMillis(0),
        read: false,
        recalled: false,
        link: None,
        fate: None,
    };
    FromServer::Messages(MessagesNews { rows: numbers.iter().map(row).collect(), more, ..MessagesNews::default() })
}

#[test]
fn messages_have_no_gap_sound_once_and_are_silent_in_a_talk() {
    let mut desktop = Desktop::online(AgentState::Ready);
    let numbers = |desktop: &Desktop| desktop.session.view().messages.rows.keys().copied().collect::<Vec<_>>();
    assert_eq!(desktop.receive(mail(&[4, 5], true)), ["messages got 5"], "what is there at the sign-in is no news");
    assert_eq!(desktop.receive(mail(&[6], false)), ["messages got 6", "alert"]);
    assert_eq!(desktop.receive(mail(&[8], false)), ["messages after 6", "messages got 6", "alert"], "7 is missing");
    assert_eq!(desktop.receive(mail(&[7, 8], false)), [""; 0]);
    assert_eq!((numbers(&desktop), desktop.session.view().messages.unread()), (vec![4, 5, 6, 7, 8], 5));
    assert_eq!(desktop.wish(Wish::ReadMessages), ["messages read 8"]);
    assert_eq!(desktop.wish(Wish::ReadMessages), [""; 0], "once");
    assert_eq!(desktop.wish(Wish::OlderMessages), ["messages before 4"]);
    desktop.receive(talking(2));
    assert_eq!(desktop.receive(mail(&[9], false)), ["messages got 9"], "whoever talks is not disturbed");
    assert_eq!(desktop.session.view().messages.unread(), 1);
}

#[test]
fn what_was_recalled_has_no_words_and_what_is_pinned_stays_on_top() {
    let mut desktop = Desktop::online(AgentState::Ready);
    desktop.receive(mail(&[4, 5], false));
    let FromServer::Messages(news) = mail(&[2, 5], false) else { panic!("messages") };
    let changed = news.rows.iter().cloned().map(|row| MessageRow { recalled: true, text: String::new().into(), ..row }).collect();
    let news = MessagesNews { changed, pinned: Some(news.rows[..1].to_vec()), ..MessagesNews::default() };
    assert_eq!(desktop.receive(FromServer::Messages(news)), [""; 0], "no sound, and nothing is missing");
    let view = desktop.session.view();
    assert_eq!(view.messages.rows.iter().map(|(number, row)| (*number, row.recalled)).collect::<Vec<_>>(), [(4, false), (5, true)]);
    assert_eq!(view.messages.pinned.iter().map(|row| row.number).collect::<Vec<_>>(), [2]);
    desktop.receive(mail(&[6], false));
    assert_eq!(desktop.session.view().messages.pinned.len(), 1, "untold is unchanged");
    assert_eq!(desktop.wish(Wish::ChangeMessage(shared::model::MessageId(5), shared::wire::MessageChange::Recall)).len(), 1);
}

#[test]
fn a_message_on_its_way_holds_up_no_button_and_is_sent_once() {
    let mut desktop = Desktop::online(AgentState::Ready);
    let send = || Wish::SendMessage(MessageTarget::All, "开会".to_owned(), None);
    let sent = desktop.wish(send());
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(desktop.session.view().messages.sending && !desktop.session.view().asked);
    assert_eq!(desktop.wish(send()), [""; 0]);
    assert_eq!(desktop.wish(Wish::GoNotReady(NotReadyReason::Meal)).len(), 1);
    desktop.receive(FromServer::Refused { request: RequestId(1), reason: Refusal::TooManyMessages });
    let view = desktop.session.view();
    assert!(!view.messages.sending && view.asked, "the break is still waited for");
    assert_eq!(view.refusal, Some(Refusal::TooManyMessages));
}

#[path = "paper_tests.rs"]
mod papers;
