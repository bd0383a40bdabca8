//! The gateway against real clients: TLS and WebSocket over loopback, the core played by the test.

use super::*;
use crate::switchboard::{Message as BoardMessage, Messages as BoardMessages};
use call_core::Input;
use call_core::command::{MediaAccess, SessionEnd};
use call_core::input::AgentAction;
use call_core::voice::VoiceInput;
use futures_util::{SinkExt, StreamExt};
use shared::model::{
    AgentState, Desk, DraftCopy, NotReadyReason, OwnFigures, PersonId, RequestId, SessionId, Summary, TalkHealth, UnixMillis, VoiceCodec,
};
use shared::wire::{
    self, Action, Answer, Correction, DeskRules, FromClient, FromServer, MAX_MESSAGE, MessagesAsked, Question, ReasonLimit, SignOutReason,
    VoiceAbilities, VoiceOrder,
};
use std::sync::mpsc::Receiver;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Longer than anything here may take.
const LIMIT: Duration = Duration::from_secs(10);
const PASSWORD: &str = "correct horse";

/// A number, what came of it, and whether it was let in.
type Note = (String, &'static str, bool);

struct People(std::sync::mpsc::Sender<Note>);

impl FrontOffice for People {
    fn check(&self, number: &str, password: &str) -> Result<Person, SignInRefusal> {
        match (number, password) {
            ("1001", PASSWORD) => Ok(Person {
                agent: AgentId(7),
                number: "1001".to_owned(),
                name: "陈静".to_owned(),
                sees_numbers: false,
                supervises: None,
                password_is_initial: false,
            }),
            _ => Err(SignInRefusal::WrongCredentials),
        }
    }

    fn note(&self, attempt: Attempt) {
        let _ = self.0.send((attempt.number, attempt.outcome, attempt.let_in.is_some()));
    }

    fn rules(&self) -> DeskRules {
        DeskRules { reasons: vec![(NotReadyReason::Meal, ReasonLimit { max_ms: 60_000, max_agents: 2 })], ..DeskRules::default() }
    }

    fn drafts_key(&self, agent: AgentId) -> Pii<String> {
        format!("key of {}", agent.0).into()
    }

    fn marks(&self, _: AgentId, _: Option<&[QueueId]>, _: InteractionId) -> Vec<Mark> {
        Vec::new()
    }

    fn waiting(&self, _: &[QueueId]) -> Vec<WaitingRow> {
        Vec::new()
    }

    /// Everybody's mailbox is that of the one agent here.
    fn send_message(
        &self,
        from: AgentId,
        to: MessageTarget,
        _: Option<MessageLink>,
        text: &str,
    ) -> Result<Vec<(AgentId, MessageRow)>, Refusal> {
        Ok(vec![(from, message(from, to, text))])
    }

    fn change_message(
        &self,
        by: AgentId,
        _: MessageId,
        change: MessageChange,
    ) -> Result<Vec<(AgentId, MessageRow, Vec<MessageRow>)>, Refusal> {
        let row = message(by, MessageTarget::All, change.code());
        Ok(vec![(by, row.clone(), vec![row])])
    }

    fn pinned(&self, _: AgentId) -> Vec<MessageRow> {
        Vec::new()
    }

    fn mailbox(&self, agent: AgentId, part: MailboxPart) -> (Vec<MessageRow>, bool) {
        (vec![message(agent, MessageTarget::All, &format!("{part:?}"))], false)
    }

    fn mark_messages(&self, agent: AgentId, through: u64, read: bool) -> Vec<(AgentId, MessageId, MessageFate)> {
        vec![(agent, MessageId(through), MessageFate { sent_to: 1, delivered: 1, read: u32::from(read) })]
    }

    fn correct(&self, by: &str, _: Option<Caller>, correction: &Correction) -> Result<(), Refusal> {
        let _ = self.0.send((by.to_owned(), "corrected", correction.person.is_some()));
        Ok(())
    }

    fn answer(&self, agent: AgentId, caller: Option<Caller>, question: Question) -> Result<Answer, Refusal> {
        match question {
            Question::CardHistory { person, .. } => Ok(Answer::CardHistory { person, changes: Vec::new(), more: caller.is_some() }),
            Question::Figures => Ok(Answer::Figures(OwnFigures { agent: Some(agent), answered: 3, ..OwnFigures::default() })),
            _ => Err(Refusal::NotSaved),
        }
    }

    fn keep(&self, _: AgentId, draft: &DraftCopy, on_desk: bool) -> Result<(), Refusal> {
        let _ = self.0.send((draft.revision.to_string(), "kept", on_desk));
        if on_desk { Ok(()) } else { Err(Refusal::NoSuchCall) }
    }

    fn submit(&self, _: AgentId, summary: Summary, on_desk: bool) -> Result<(), Refusal> {
        let _ = self.0.send((summary.interaction.to_string(), "submitted", on_desk));
        if on_desk { Ok(()) } else { Err(Refusal::NoSuchCall) }
    }

    fn change_password(&self, number: &str, _: &str) -> Result<(), Refusal> {
        let _ = self.0.send((number.to_owned(), "password changed", true));
        Ok(())
    }
}

fn message(from: AgentId, to: MessageTarget, text: &str) -> MessageRow {
    MessageRow {
        number: 1,
        message: MessageId(1),
        from,
        from_name: "1001 陈静".to_owned(),
        to,
        to_name: String::new(),
        text: text.to_owned().into(),
        sent: UnixMillis(0),
        read: false,
        recalled: false,
        link: None,
        fate: None,
    }
}

/// A gateway on loopback and what reaches the switchboard from it.
struct Site {
    handle: GatewayHandle,
    inputs: BoardMessages,
    notes: Receiver<Note>,
    trust: Arc<rustls::ClientConfig>,
}

impl Site {
    async fn open(limits: GatewayLimits) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate is made");
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .expect("the key fits");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).expect("a root is taken");
        let trust = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (inbox, inputs) = Inbox::new();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = GatewaySettings { listen, tls: Arc::new(tls), limits };
        let (people, notes) = std::sync::mpsc::channel();
        let handle = start(settings, Arc::new(People(people)), inbox, None).await.expect("loopback binds");
        Self { handle, inputs, notes, trust: Arc::new(trust) }
    }

    async fn client(&self) -> Client {
        let tcp = TcpStream::connect(self.handle.local_address()).await.expect("the port is open");
        let name = "localhost".try_into().expect("a name");
        let tls = tokio_rustls::TlsConnector::from(Arc::clone(&self.trust)).connect(name, tcp).await.expect("TLS works");
        let (socket, _) = tokio_tungstenite::client_async("wss://localhost/", tls).await.expect("WebSocket works");
        Client { socket }
    }

    async fn greeted(&self) -> Client {
        let mut client = self.client().await;
        client.say(&FromClient::Hello { version: wire::VERSION, client: "test".to_owned() }).await;
        assert!(matches!(client.hear().await, FromServer::Welcome { version: wire::VERSION, .. }));
        client
    }

    /// What is put on record next.
    fn note(&self) -> Note {
        tokio::task::block_in_place(|| self.notes.recv_timeout(LIMIT)).expect("a note arrives")
    }

    /// What reaches the switchboard next.
    fn input(&self) -> Input {
        let BoardMessage::Input(input) = tokio::task::block_in_place(|| self.inputs.recv_timeout(LIMIT)).expect("an input arrives") else {
            panic!("the gateway sends inputs only")
        };
        input
    }

    /// A client signed in, as the core would do it.
    async fn signed_in(&self) -> (Client, SessionId, String) {
        let mut client = self.greeted().await;
        client.take_over("1001", PASSWORD).await;
        let Input::AgentArrived { agent: AgentId(7), session, .. } = self.input() else { panic!("the agent should arrive") };
        self.handle.send(AgentCommand::SignedIn { agent: AgentId(7), session, access: access() });
        let FromServer::SignedIn { session: told, token, number, name, media, .. } = client.hear().await else {
            panic!("the client should be signed in")
        };
        assert_eq!((told, number.as_str(), name.as_str(), media.port), (session, "1001", "陈静", 30_000));
        (client, session, token.into_inner())
    }
}

struct Client {
    socket: WebSocketStream<TlsStream<TcpStream>>,
}

impl Client {
    async fn say(&mut self, message: &FromClient) {
        self.socket.send(Message::text(wire::encode(message))).await.expect("the frame goes out");
    }

    async fn take_over(&mut self, number: &str, password: &str) {
        let (number, password) = (number.to_owned(), password.to_owned().into());
        self.say(&FromClient::SignIn { number, password, take_over: true, voice: None }).await;
    }

    async fn sign_in(&mut self, number: &str, password: &str) {
        self.say(&FromClient::SignIn { number: number.to_owned(), password: password.to_owned().into(), take_over: false, voice: None })
            .await;
    }

    async fn hear(&mut self) -> FromServer {
        self.hear_or_end().await.expect("a message, not the end")
    }

    /// The next message, or `None` when the server closed.
    async fn hear_or_end(&mut self) -> Option<FromServer> {
        match tokio::time::timeout(LIMIT, self.socket.next()).await.expect("something happens in time") {
            Some(Ok(Message::Text(text))) => Some(wire::decode(text.as_str()).expect("a message of ours")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => panic!("unexpected frame {other:?}"),
        }
    }
}

fn access() -> MediaAccess {
    MediaAccess(r#"{"port":30000,"client_ssrc":1,"server_ssrc":2,"client_key":"a","server_key":"b"}"#.into())
}

fn show(session: SessionId, revision: u64) -> AgentCommand {
    let desk = Desk {
        revision,
        now: UnixMillis(1),
        state: AgentState::NotReady(NotReadyReason::SignedIn),
        since: UnixMillis(1),
        offer: None,
        call: None,
        wrap_up: None,
        notice: None,
        next: None,
        limit: None,
        awaits: None,
        watches: None,
        voice: Default::default(),
    };
    AgentCommand::Show { agent: AgentId(7), session, desk: Box::new(desk) }
}

fn revision(message: &FromServer) -> u64 {
    let FromServer::Desk(desk) = message else { panic!("expected a desk, got {message:?}") };
    desk.revision
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_signs_in_asks_and_signs_out() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, _) = site.signed_in().await;
    site.handle.send(show(session, 1));
    assert_eq!(revision(&client.hear().await), 1);
    assert_eq!(site.handle.connected(), 1);

    client.say(&FromClient::Do { request: RequestId(5), action: Action::GoReady }).await;
    let asked = Input::AgentAsked { agent: AgentId(7), session, request: RequestId(5), action: AgentAction::GoReady };
    assert_eq!(site.input(), asked);
    site.handle.send(AgentCommand::Done { agent: AgentId(7), session, request: RequestId(5) });
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(5) });

    client.say(&FromClient::Ping { nonce: 9 }).await;
    assert!(matches!(client.hear().await, FromServer::Pong { nonce: 9, now } if now.0 > 0));

    site.handle.send(AgentCommand::SignedOut { agent: AgentId(7), session, why: SessionEnd::Asked });
    assert_eq!(client.hear().await, FromServer::SignedOut { reason: SignOutReason::Asked });
    assert_eq!(client.hear_or_end().await, None);
    site.handle.stop().await;
    assert!(site.inputs.try_recv().is_none(), "a session that ended is not reported as disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_and_unknown_number_are_one_answer_and_the_next_try_may_succeed() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut client = site.greeted().await;
    let refused = FromServer::SignInRefused { reason: SignInRefusal::WrongCredentials };
    client.sign_in("1001", "wrong").await;
    assert_eq!(client.hear().await, refused);
    client.sign_in("9999", PASSWORD).await;
    assert_eq!(client.hear().await, refused);
    client.sign_in("1001", PASSWORD).await;
    assert!(matches!(site.input(), Input::AgentArrived { agent: AgentId(7), .. }));
    let notes = [site.note(), site.note(), site.note()];
    let told: Vec<_> = notes.iter().map(|(number, outcome, let_in)| (number.as_str(), *outcome, *let_in)).collect();
    assert_eq!(told, [("1001", "wrong_credentials", false), ("9999", "wrong_credentials", false), ("1001", "let_in", true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_lock_the_number_also_for_the_right_password_and_also_on_a_new_connection() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut client = site.greeted().await;
    for _ in 0..5 {
        client.sign_in("1001", "wrong").await;
        assert_eq!(client.hear().await, FromServer::SignInRefused { reason: SignInRefusal::WrongCredentials });
    }
    let mut other = site.greeted().await;
    other.sign_in("1001", PASSWORD).await;
    assert_eq!(other.hear().await, FromServer::SignInRefused { reason: SignInRefusal::TooManyAttempts });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_version_is_told_so_and_closed() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut client = site.client().await;
    client.say(&FromClient::Hello { version: wire::VERSION + 1, client: "test".to_owned() }).await;
    let FromServer::ProtocolError { message } = client.hear().await else { panic!("expected a protocol error") };
    assert_eq!(message, "this server speaks version 1, not 2");
    assert_eq!(client.hear_or_end().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_hello_or_is_no_message_or_is_too_large_ends_the_connection() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut early = site.client().await;
    early.sign_in("1001", PASSWORD).await;
    assert!(matches!(early.hear().await, FromServer::ProtocolError { .. }));

    let mut garbled = site.greeted().await;
    garbled.socket.send(Message::text("{\"type\":\"fly\"}")).await.expect("sent");
    assert!(matches!(garbled.hear().await, FromServer::ProtocolError { .. }));
    assert_eq!(garbled.hear_or_end().await, None);

    let mut large = site.greeted().await;
    // The server may close before all of it is written.
    let _ = large.socket.send(Message::text(" ".repeat(wire::MAX_FRAME_BYTES + 1))).await;
    assert!(matches!(large.hear_or_end().await, None | Some(FromServer::ProtocolError { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_is_told_to_the_core_and_the_token_brings_the_desk_back() {
    let site = Site::open(GatewayLimits::default()).await;
    let (client, session, token) = site.signed_in().await;
    drop(client);
    assert_eq!(site.input(), Input::AgentDisconnected { agent: AgentId(7), session });
    site.handle.send(show(session, 4));

    let mut back = site.greeted().await;
    back.say(&FromClient::Resume { token: token.clone().into() }).await;
    assert!(matches!(back.hear().await, FromServer::SignedIn { session: told, .. } if told == session));
    let FromServer::Desk(desk) = back.hear().await else { panic!("a desk should follow at once") };
    assert_eq!(desk.revision, 4);
    assert!(desk.now > UnixMillis(1), "the screen would count from a stale clock");
    assert_eq!(site.input(), Input::AgentResumed { agent: AgentId(7), session });

    site.handle.send(AgentCommand::SignedOut { agent: AgentId(7), session, why: SessionEnd::Lost });
    assert_eq!(back.hear().await, FromServer::SignedOut { reason: SignOutReason::Lost });
    let mut late = site.greeted().await;
    late.say(&FromClient::Resume { token: token.into() }).await;
    assert_eq!(late.hear().await, FromServer::SignInRefused { reason: SignInRefusal::SessionGone });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resuming_connection_replaces_the_older_one_without_a_disconnect() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut older, session, token) = site.signed_in().await;
    let mut newer = site.greeted().await;
    newer.say(&FromClient::Resume { token: token.into() }).await;
    assert!(matches!(newer.hear().await, FromServer::SignedIn { .. }));
    assert_eq!(older.hear_or_end().await, None);
    assert_eq!(site.input(), Input::AgentResumed { agent: AgentId(7), session });
    newer.say(&FromClient::Do { request: RequestId(1), action: Action::SignOut }).await;
    assert!(matches!(site.input(), Input::AgentAsked { request: RequestId(1), .. }), "nothing may come between resume and wish");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sign_in_is_a_second_session_and_the_first_is_told_it_was_superseded() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut first, first_session, _) = site.signed_in().await;
    let (_second, second_session, _) = site.signed_in().await;
    assert_ne!(first_session, second_session);
    site.handle.send(AgentCommand::SignedOut { agent: AgentId(7), session: first_session, why: SessionEnd::Superseded });
    assert_eq!(first.hear().await, FromServer::SignedOut { reason: SignOutReason::Superseded });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_the_core_cannot_serve_leaves_the_connection_open_for_another() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut client = site.greeted().await;
    client.sign_in("1001", PASSWORD).await;
    let Input::AgentArrived { agent, session, .. } = site.input() else { panic!("the agent should arrive") };
    site.handle.send(AgentCommand::SignInFailed { agent, session });
    assert_eq!(client.hear().await, FromServer::SignInRefused { reason: SignInRefusal::NotNow });
    client.sign_in("1001", PASSWORD).await;
    assert!(matches!(site.input(), Input::AgentArrived { session: next, .. } if next != session));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_desktop_is_closed_and_reported() {
    let site = Site::open(GatewayLimits { silence: Duration::from_millis(300), ..GatewayLimits::default() }).await;
    let (mut client, session, _) = site.signed_in().await;
    assert_eq!(client.hear_or_end().await, None);
    assert_eq!(site.input(), Input::AgentDisconnected { agent: AgentId(7), session });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_never_says_hello_is_closed() {
    let site = Site::open(GatewayLimits { handshake: Duration::from_millis(300), ..GatewayLimits::default() }).await;
    assert_eq!(site.client().await.hear_or_end().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_signs_in_may_not_stay_by_talking() {
    let site = Site::open(GatewayLimits { stranger: Duration::from_millis(300), ..GatewayLimits::default() }).await;
    let mut client = site.greeted().await;
    let ends = async {
        loop {
            let _ = client.socket.send(Message::text(wire::encode(&FromClient::Ping { nonce: 1 }))).await;
            if client.hear_or_end().await.is_none() {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, ends).await.expect("the server ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_access_that_the_desktop_could_not_read_ends_the_session_instead_of_leaving_it_mute() {
    let site = Site::open(GatewayLimits::default()).await;
    let mut client = site.greeted().await;
    client.sign_in("1001", PASSWORD).await;
    let Input::AgentArrived { agent, session, .. } = site.input() else { panic!("the agent should arrive") };
    site.handle.send(AgentCommand::SignedIn { agent, session, access: MediaAccess("{}".into()) });
    assert_eq!(client.hear_or_end().await, None);
    assert_eq!(site.input(), Input::AgentDisconnected { agent, session });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_that_does_not_read_is_cut_off_and_others_are_not() {
    // Neither its silence nor a slow write may be what ends it.
    let patient = Duration::from_secs(600);
    let site = Site::open(GatewayLimits { outgoing: 8, silence: patient, write: patient, ..GatewayLimits::default() }).await;
    let (_deaf, deaf_session, _) = site.signed_in().await;
    let (mut other, other_session, _) = site.signed_in().await;
    // More than the queue and both kernels' socket buffers hold; send returns at once each time.
    for revision in 0..200_000 {
        site.handle.send(show(deaf_session, revision));
    }
    assert_eq!(site.input(), Input::AgentDisconnected { agent: AgentId(7), session: deaf_session });
    site.handle.send(show(other_session, 1));
    assert_eq!(revision(&other.hear().await), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_over_the_cap_is_closed_unheard() {
    let site = Site::open(GatewayLimits { connections_per_address: 1, ..GatewayLimits::default() }).await;
    let _first = site.greeted().await;
    let tcp = TcpStream::connect(site.handle.local_address()).await.expect("the kernel accepts");
    let name = "localhost".try_into().expect("a name");
    let tls = tokio_rustls::TlsConnector::from(Arc::clone(&site.trust)).connect(name, tcp);
    assert!(tokio::time::timeout(LIMIT, tls).await.expect("in time").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_the_last_message_through_and_frees_the_port() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, _) = site.signed_in().await;
    site.handle.send(AgentCommand::SignedOut { agent: AgentId(7), session, why: SessionEnd::ServerStopping });
    site.handle.stop().await;
    assert_eq!(client.hear().await, FromServer::SignedOut { reason: SignOutReason::ServerStopping });
    assert!(TcpStream::connect(site.handle.local_address()).await.is_err(), "the port should be free");
    site.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_about_the_voice_go_only_to_a_client_that_has_said_what_its_voice_can() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, token) = site.signed_in().await;
    let agent = AgentId(7);
    let health = || AgentCommand::TalkHealth { agent, session, health: Box::default() };
    site.handle.send(health());
    site.handle.send(show(session, 1));
    assert_eq!(revision(&client.hear().await), 1, "an older client must not get a message that it does not know");
    let abilities = VoiceAbilities { codecs: vec![VoiceCodec::Pcma, VoiceCodec::Opus], muted: true };
    client.say(&FromClient::Voice(abilities)).await;
    assert_eq!(site.input(), Input::Voice(VoiceInput::Abilities { agent, session, opus: true, muted: true }));
    site.handle.send(health());
    assert_eq!(client.hear().await, FromServer::TalkHealth(TalkHealth::default()));
    site.handle.send(AgentCommand::Voice { agent, session, codec: VoiceCodec::Opus, expected_loss_percent: 5 });
    assert_eq!(client.hear().await, FromServer::Voice(VoiceOrder { codec: VoiceCodec::Opus, expected_loss_percent: 5 }));

    let mut back = site.greeted().await;
    back.say(&FromClient::Resume { token: token.into() }).await;
    assert!(matches!(back.hear().await, FromServer::SignedIn { .. }));
    assert_eq!(revision(&back.hear().await), 1);
    site.handle.send(health());
    site.handle.send(show(session, 2));
    assert_eq!(revision(&back.hear().await), 2, "who comes back may be an older client");
}

fn floor(version: u64, agents: &[u32], gone: &[u32]) -> AgentCommand {
    let row = |agent: &u32| {
        let row = shared::model::FloorRow {
            number: agent.to_string(),
            name: "王芳".to_owned(),
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
    AgentCommand::Floor(shared::model::FloorChange { version, rows, gone })
}

async fn agents(client: &mut Client) -> (Option<u64>, u64, Vec<u32>, usize) {
    let FromServer::Agents(news) = client.hear().await else { panic!("news of the agents should come") };
    (news.since, news.version, news.rows.iter().map(|(agent, _)| agent.0).collect(), news.gone.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_agents_gets_all_of_them_then_changes_and_all_of_them_again_after_a_reconnect() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, token) = site.signed_in().await;
    site.handle.send(floor(1, &[7, 8], &[]));
    client.say(&FromClient::WatchAgents { on: true }).await;
    assert_eq!(agents(&mut client).await, (None, 1, vec![7, 8], 0));
    site.handle.send(floor(2, &[9], &[]));
    assert_eq!(agents(&mut client).await, (Some(1), 2, vec![9], 0));
    drop(client);
    assert_eq!(site.input(), Input::AgentDisconnected { agent: AgentId(7), session });
    site.handle.send(floor(3, &[], &[8]));

    let mut back = site.greeted().await;
    back.say(&FromClient::Resume { token: token.into() }).await;
    assert!(matches!(back.hear().await, FromServer::SignedIn { .. }));
    back.say(&FromClient::WatchAgents { on: true }).await;
    assert_eq!(agents(&mut back).await, (None, 3, vec![7, 9], 0), "8 went while nobody listened");
    back.say(&FromClient::WatchAgents { on: false }).await;
    site.handle.send(floor(4, &[8], &[]));
    back.say(&FromClient::Ping { nonce: 1 }).await;
    assert!(matches!(back.hear().await, FromServer::Pong { nonce: 1, .. }), "who does not follow hears nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_session_is_taken_over_only_by_who_says_so() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut older, first, _) = site.signed_in().await;
    let mut newer = site.greeted().await;
    newer.sign_in("1001", PASSWORD).await;
    assert_eq!(newer.hear().await, FromServer::SignInRefused { reason: SignInRefusal::SignedInElsewhere });
    newer.take_over("1001", PASSWORD).await;
    assert!(matches!(site.input(), Input::AgentArrived { agent: AgentId(7), .. }));
    site.handle.send(AgentCommand::SignedOut { agent: AgentId(7), session: first, why: SessionEnd::Superseded });
    assert_eq!(older.hear().await, FromServer::SignedOut { reason: SignOutReason::Superseded });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_corrected_only_for_a_call_at_the_desk_and_a_locked_seat_is_opened_only_by_its_password() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, _) = site.signed_in().await;
    assert_eq!(site.note().1, "let_in");
    let correction = |name: &str| {
        let (name, address) = (name.to_owned().into(), "和平路1号".to_owned().into());
        Action::CorrectCaller(Correction { interaction: shared::model::InteractionId(5), person: None, name, address, tags: Vec::new() })
    };
    let mut request = 0;
    let mut ask = |action| {
        request += 1;
        FromClient::Do { request: RequestId(request), action }
    };
    client.say(&ask(correction("李蕾"))).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(1), reason: Refusal::NoSuchCall });
    let AgentCommand::Show { mut desk, agent, .. } = show(session, 2) else { panic!("a desk") };
    let (expires, ended_by) = (UnixMillis(9), shared::model::Side::Caller);
    let interaction = shared::model::InteractionId(5);
    desk.wrap_up = Some(shared::model::WrapUpView { interaction, expires, ended_by, extensions: 0 });
    site.handle.send(AgentCommand::Show { agent, session, desk });
    assert!(matches!(client.hear().await, FromServer::Desk(_)));
    client.say(&ask(correction(" "))).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(2), reason: Refusal::NotSaved });
    client.say(&ask(correction("李蕾"))).await;
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(3) });
    assert_eq!(site.note(), ("1001".to_owned(), "corrected", false));

    client.say(&ask(Action::Unlock { password: "wrong".to_owned().into() })).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(4), reason: Refusal::Locked });
    client.say(&ask(Action::Unlock { password: PASSWORD.to_owned().into() })).await;
    let action = AgentAction::Unlock;
    assert_eq!(site.input(), Input::AgentAsked { agent: AgentId(7), session, request: RequestId(5), action });
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_are_looked_up_and_written_only_for_calls_at_the_desk_and_a_new_password_needs_the_old_one() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, session, _) = site.signed_in().await;
    assert_eq!(site.note().1, "let_in");
    client.say(&FromClient::Ask { request: RequestId(1), question: Question::Figures }).await;
    let FromServer::Answer { request: RequestId(1), answer } = client.hear().await else { panic!("an answer") };
    assert!(matches!(*answer, Answer::Figures(OwnFigures { agent: Some(AgentId(7)), answered: 3, .. })));
    client.say(&FromClient::Ask { request: RequestId(2), question: Question::Drafts }).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(2), reason: Refusal::NotSaved });

    let interaction = shared::model::InteractionId(5);
    let summary = Summary::new(interaction);
    let submit = |request| FromClient::Do { request: RequestId(request), action: Action::SubmitSummary(Box::new(summary.clone())) };
    let history = |request| {
        let question = Question::CardHistory { interaction, person: PersonId(3) };
        FromClient::Ask { request: RequestId(request), question }
    };
    client.say(&history(6)).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(6), reason: Refusal::NoSuchCall }, "not at this desk");
    client.say(&submit(3)).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(3), reason: Refusal::NoSuchCall });
    assert_eq!(site.note(), ("5".to_owned(), "submitted", false));
    let AgentCommand::Show { mut desk, agent, .. } = show(session, 2) else { panic!("a desk") };
    let (expires, ended_by) = (UnixMillis(9), shared::model::Side::Caller);
    desk.wrap_up = Some(shared::model::WrapUpView { interaction, expires, ended_by, extensions: 0 });
    site.handle.send(AgentCommand::Show { agent, session, desk });
    assert!(matches!(client.hear().await, FromServer::Desk(_)));
    client.say(&history(7)).await;
    let FromServer::Answer { request: RequestId(7), answer } = client.hear().await else { panic!("an answer") };
    assert_eq!(*answer, Answer::CardHistory { person: PersonId(3), changes: Vec::new(), more: false }, "the call is over: the books know");
    let draft = DraftCopy { revision: 4, changed: UnixMillis(i64::MAX), summary: summary.clone() };
    client.say(&FromClient::Keep(Box::new(draft))).await;
    assert!(matches!(client.hear().await, FromServer::Kept { revision: 4, .. }));
    assert_eq!(site.note(), ("4".to_owned(), "kept", true));
    client.say(&submit(4)).await;
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(4) });

    let change = |request, old: &str| FromClient::Do {
        request: RequestId(request),
        action: Action::ChangePassword { old: old.to_owned().into(), new: "blue lamp 7".to_owned().into() },
    };
    client.say(&change(5, "wrong")).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(5), reason: Refusal::WrongPassword });
    client.say(&change(6, PASSWORD)).await;
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(6) });
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_told_to_who_has_asked_for_them_and_not_too_many_at_once() {
    let site = Site::open(GatewayLimits { messages: 2, ..GatewayLimits::default() }).await;
    let (mut client, ..) = site.signed_in().await;
    let send = |request: u64, text: &str| {
        let (to, text) = (MessageTarget::All, text.to_owned().into());
        FromClient::Do { request: RequestId(request), action: Action::SendMessage { to, text, link: None } }
    };
    client.say(&send(1, "开会")).await;
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(1) }, "nobody has asked to be told");
    client.say(&FromClient::Messages(MessagesAsked::Rows(MailboxPart::Newest))).await;
    let FromServer::Messages(news) = client.hear().await else { panic!("the mailbox") };
    assert_eq!(news.rows[0].text.reveal(), "Newest");
    client.say(&send(2, " 停水 ")).await;
    assert_eq!(client.hear().await, FromServer::Done { request: RequestId(2) });
    let FromServer::Messages(news) = client.hear().await else { panic!("the message") };
    assert_eq!(news.rows[0].text.reveal(), "停水");
    client.say(&send(3, "!")).await;
    assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(3), reason: Refusal::TooManyMessages });
    client.say(&FromClient::Messages(MessagesAsked::Read { number: 1 })).await;
    let FromServer::Messages(news) = client.hear().await else { panic!("how far it has come") };
    assert_eq!(news.fates, [(MessageId(1), MessageFate { sent_to: 1, delivered: 1, read: 1 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_supervisors_recall_and_pin() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, ..) = site.signed_in().await;
    for (request, change) in [(1, MessageChange::Recall), (2, MessageChange::Pin)] {
        client.say(&FromClient::Do { request: RequestId(request), action: Action::ChangeMessage { message: MessageId(1), change } }).await;
        assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(request), reason: Refusal::NotAllowed });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_some_words_and_not_too_many() {
    let site = Site::open(GatewayLimits::default()).await;
    let (mut client, ..) = site.signed_in().await;
    for (request, text) in [(1, "  ".to_owned()), (2, "长".repeat(MAX_MESSAGE + 1))] {
        let action = Action::SendMessage { to: MessageTarget::All, text: text.into(), link: None };
        client.say(&FromClient::Do { request: RequestId(request), action }).await;
        assert_eq!(client.hear().await, FromServer::Refused { request: RequestId(request), reason: Refusal::MessageLength });
    }
}
