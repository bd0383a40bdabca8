//! The client against a small server of our protocol on loopback, over real TLS.

use super::{Client, ClientOptions, Clock, Parts, QUEUE_WISHES, Snapshot};
use crate::audio::SoundChoice;
use crate::keeping::Keeping;
use desktop_core::{LinkFailure, LinkState, SignInProblem, Wish};
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use shared::model::{
    AgentId, AgentState, CallPhase, CallView, Caller, Desk, InteractionId, KnownCaller, NotReadyReason, OfferId, OfferView, SessionId,
    SupervisorAct, UnixMillis,
};
use shared::wire::{self, Action, FromClient, FromServer, MediaAccess, SignInRefusal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const LIMIT: Duration = Duration::from_secs(10);

/// A folder of this test alone, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("agent-desktop-client-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder can be made");
        Self(path)
    }

    fn options(&self, ca_file: Option<PathBuf>) -> ClientOptions {
        ClientOptions {
            ca_file,
            trust_file: Some(self.0.join("trusted.json")),
            sound: SoundChoice::default(),
            keeping: Keeping::default(),
            headset_buttons: false,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    pem: String,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn self_signed() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate is made");
        Self::of(&made.cert, made.signing_key.serialize_der())
    }

    /// Signed by a CA of its own; the text is the CA's certificate.
    fn signed() -> (Self, String) {
        let mut params = CertificateParams::new(vec![]).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key is made");
        let ca = params.self_signed(&key).expect("a CA is made");
        let issuer = Issuer::from_params(&params, &key);
        let key = KeyPair::generate().expect("a key is made");
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a good name");
        let certificate = names.signed_by(&key, &issuer).expect("a certificate is made");
        (Self::of(&certificate, key.serialize_der()), ca.pem())
    }

    fn of(certificate: &rcgen::Certificate, key: Vec<u8>) -> Self {
        Self { certificate: certificate.der().clone(), pem: certificate.pem(), key: PrivatePkcs8KeyDer::from(key).into() }
    }

    fn fingerprint(&self) -> String {
        Sha256::digest(&self.certificate).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}

/// Listens on loopback.
struct Server {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl Server {
    async fn start(identity: &Identity) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers")
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
            .expect("key and certificate belong together");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
        Self { listener, tls: TlsAcceptor::from(Arc::new(config)) }
    }

    fn address(&self) -> String {
        self.listener.local_addr().expect("it is bound").to_string()
    }

    /// The next connection, past its hello.
    async fn accept(&self) -> Peer {
        let (stream, _) = timeout(LIMIT, self.listener.accept()).await.expect("the client comes").expect("it is accepted");
        let stream = self.tls.accept(stream).await.expect("TLS is agreed");
        let mut peer = Peer(tokio_tungstenite::accept_async(stream).await.expect("it is a WebSocket"));
        assert!(matches!(peer.hear().await, FromClient::Hello { version: wire::VERSION, .. }));
        peer.say(&FromServer::Welcome { version: wire::VERSION, server: "test".to_owned() }).await;
        peer
    }

    /// A handshake that the client breaks off.
    async fn refuse(&self) {
        let (stream, _) = timeout(LIMIT, self.listener.accept()).await.expect("the client comes").expect("it is accepted");
        assert!(self.tls.accept(stream).await.is_err(), "the client must not go on");
    }
}

/// The server's end of one connection.
struct Peer(WebSocketStream<TlsStream<TcpStream>>);

impl Peer {
    /// The next frame that is no ping, within the limit; pings are answered.
    async fn hear(&mut self) -> FromClient {
        timeout(LIMIT, self.next_frame()).await.expect("the client speaks")
    }

    async fn next_frame(&mut self) -> FromClient {
        loop {
            let message = self.0.next().await.expect("it is there").expect("it is whole");
            let Message::Text(text) = message else { continue };
            match wire::decode(&text).expect("it is of our protocol") {
                FromClient::Ping { nonce } => self.say(&FromServer::Pong { nonce, now: UnixMillis(1_000_000) }).await,
                frame => return frame,
            }
        }
    }

    async fn say(&mut self, frame: &FromServer) {
        self.0.send(Message::text(wire::encode(frame))).await.expect("the client listens");
    }

    async fn sign_in(&mut self) {
        let FromClient::SignIn { number, password, take_over: false, .. } = self.hear().await else { panic!("a sign-in was expected") };
        assert_eq!((number.as_str(), password.reveal().as_str()), ("1001", "geheim"));
        self.welcome().await;
    }

    async fn welcome(&mut self) {
        let key = "A".repeat(40);
        let media = MediaAccess { port: 9, client_ssrc: 1, server_ssrc: 2, client_key: key.clone(), server_key: key, options: None };
        let (number, name) = ("1001".to_owned(), "王小明".to_owned());
        let token = "token".to_owned().into();
        self.say(&FromServer::SignedIn { session: SessionId(1), token, agent: AgentId(1), number, name, media, rules: Box::default() })
            .await;
    }

    async fn desk(&mut self, revision: u64, state: AgentState, offer: Option<OfferView>) {
        let now = UnixMillis(1_000_000);
        let desk = Desk {
            revision,
            now,
            state,
            since: now,
            offer,
            call: None,
            wrap_up: None,
            notice: None,
            next: None,
            limit: None,
            awaits: None,
            watches: None,
            voice: Default::default(),
        };
        self.say(&FromServer::Desk(Box::new(desk))).await;
    }
}

fn offer() -> OfferView {
    let since = UnixMillis(1_000_000);
    let caller = Caller::default();
    let phase = CallPhase::Ringing;
    let call = CallView {
        interaction: InteractionId(7),
        caller,
        card: None,
        queue: "热线".to_owned(),
        waited_ms: 0,
        phase,
        since,
        known: KnownCaller::default(),
        talk: shared::model::TalkView::default(),
    };
    OfferView { offer: OfferId(3), call, expires: UnixMillis(1_060_000), auto_answer: None }
}

fn sign_in(server: &Server) -> Wish {
    Wish::SignIn { server: server.address(), number: "1001".to_owned(), password: "geheim".to_owned().into() }
}

async fn until(client: &Client, what: &str, reached: impl FnMut(&Snapshot) -> bool) -> Snapshot {
    let mut snapshots = client.snapshots();
    timeout(LIMIT, snapshots.wait_for(reached)).await.unwrap_or_else(|_| panic!("never: {what}")).expect("the client lives").clone()
}

#[tokio::test]
async fn a_client_signs_in_rings_is_cut_resumes_and_answers() {
    let folder = Folder::new("resume");
    let (identity, ca) = Identity::signed();
    let ca_file = folder.0.join("ca.pem");
    std::fs::write(&ca_file, ca).expect("the folder takes it");
    let server = Server::start(&identity).await;
    let client = Client::start(&folder.options(Some(ca_file))).expect("the CA is good");
    client.wish(sign_in(&server));
    let mut peer = server.accept().await;
    peer.sign_in().await;
    peer.desk(1, AgentState::NotReady(NotReadyReason::SignedIn), None).await;
    until(&client, "ready is possible", |snapshot| snapshot.view.can_go_ready()).await;
    client.wish(Wish::GoReady);
    let FromClient::Do { request, action: Action::GoReady } = peer.hear().await else { panic!("a request was expected") };
    peer.desk(2, AgentState::Ready, None).await;
    peer.say(&FromServer::Done { request }).await;
    peer.desk(3, AgentState::Offered, Some(offer())).await;
    until(&client, "the bell", |snapshot| snapshot.ringing).await;

    drop(peer);
    until(&client, "the cut is seen", |snapshot| matches!(snapshot.view.link, LinkState::Reconnecting { .. })).await;
    let mut peer = server.accept().await;
    let FromClient::Resume { token } = peer.hear().await else { panic!("a resume was expected") };
    assert_eq!(token.reveal(), "token");
    peer.welcome().await;
    peer.desk(4, AgentState::Offered, Some(offer())).await;
    let snapshot = until(&client, "answering is possible", |snapshot| snapshot.view.can_answer()).await;
    assert!(snapshot.ringing, "it rang through the cut");
    client.wish(Wish::Answer);
    assert!(matches!(peer.hear().await, FromClient::Do { action: Action::Accept { offer: OfferId(3) }, .. }));
}

#[tokio::test]
async fn a_patient_clients_commands_wait_for_the_answer_to_the_one_before() {
    let folder = Folder::new("patient");
    let (identity, ca) = Identity::signed();
    let ca_file = folder.0.join("ca.pem");
    std::fs::write(&ca_file, ca).expect("the folder takes it");
    let server = Server::start(&identity).await;
    let parts = Parts::new(&folder.options(Some(ca_file)), Clock::new()).expect("the CA is good").patient();
    let (wishes, inbox) = mpsc::channel(QUEUE_WISHES);
    let (sender, mut snapshots) = watch::channel(Snapshot::default());
    let client = parts.run(inbox, |snapshot| {
        sender.send_replace(snapshot.clone());
    });
    let story = async {
        wishes.try_send(sign_in(&server)).expect("it takes a wish");
        let mut peer = server.accept().await;
        peer.sign_in().await;
        peer.desk(1, AgentState::NotReady(NotReadyReason::SignedIn), None).await;
        snapshots.wait_for(|snapshot| snapshot.view.can_go_ready()).await.expect("the client lives");
        // Neither is possible while the other is not answered.
        for wish in [Wish::Supervise(SupervisorAct::Unwatch, "over".to_owned()), Wish::SignOut] {
            wishes.try_send(wish).expect("it takes a wish");
        }
        let FromClient::Do { request, action: Action::Supervise { .. } } = peer.hear().await else { panic!("an act was expected") };
        peer.say(&FromServer::Done { request }).await;
        assert!(matches!(peer.hear().await, FromClient::Do { action: Action::SignOut, .. }));
    };
    tokio::select! {
        () = client => panic!("the client ended"),
        () = story => {}
    }
}

#[tokio::test]
async fn an_unknown_certificate_is_confirmed_once_remembered_and_a_changed_one_refused() {
    let folder = Folder::new("trust");
    let identity = Identity::self_signed();
    let server = Server::start(&identity).await;
    let client = Client::start(&folder.options(None)).expect("nothing can be missing");
    client.wish(sign_in(&server));
    server.refuse().await;
    let expected = LinkState::ConfirmCertificate { fingerprint: identity.fingerprint() };
    until(&client, "the question", |snapshot| snapshot.view.link == expected).await;
    client.wish(Wish::TrustCertificate);
    let mut peer = server.accept().await;
    peer.sign_in().await;
    until(&client, "online", |snapshot| snapshot.view.link == LinkState::Online).await;
    drop(client);

    let client = Client::start(&folder.options(None)).expect("the remembered fingerprint is read");
    client.wish(sign_in(&server));
    server.accept().await;
    drop(client);

    let other = Identity::self_signed();
    let impostor = Server { tls: Server::start(&other).await.tls, ..server };
    let client = Client::start(&folder.options(None)).expect("the remembered fingerprint is read");
    client.wish(sign_in(&impostor));
    impostor.refuse().await;
    let expected = SignInProblem::Link(LinkFailure::ChangedCertificate { fingerprint: other.fingerprint() });
    until(&client, "the problem", |snapshot| snapshot.view.problem.as_ref() == Some(&expected)).await;
}

#[tokio::test]
async fn a_servers_own_certificate_in_the_ca_file_is_trusted_and_another_is_not() {
    let folder = Folder::new("own");
    let identity = Identity::self_signed();
    let ca_file = folder.0.join("server.pem");
    std::fs::write(&ca_file, &identity.pem).expect("the folder takes it");
    let server = Server::start(&identity).await;
    let client = Client::start(&folder.options(Some(ca_file.clone()))).expect("the file is good");
    client.wish(sign_in(&server));
    server.accept().await;
    drop(client);
    let server = Server::start(&Identity::self_signed()).await;
    let client = Client::start(&folder.options(Some(ca_file))).expect("the file is good");
    client.wish(sign_in(&server));
    server.refuse().await;
    until(&client, "the question", |snapshot| matches!(snapshot.view.link, LinkState::ConfirmCertificate { .. })).await;
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_worth_nothing() {
    let folder = Folder::new("stolen");
    let identity = Identity::self_signed();
    let ca_file = folder.0.join("server.pem");
    std::fs::write(&ca_file, &identity.pem).expect("the folder takes it");
    let thief = Identity { certificate: identity.certificate.clone(), ..Identity::self_signed() };
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(thief.key.clone_key()).expect("a good key");
    let resolver = rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(vec![thief.certificate.clone()], key));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
    let server = Server { listener, tls: TlsAcceptor::from(Arc::new(config)) };
    let client = Client::start(&folder.options(Some(ca_file))).expect("the file is good");
    client.wish(sign_in(&server));
    server.refuse().await;
    let snapshot = until(&client, "the problem", |snapshot| snapshot.view.problem.is_some()).await;
    assert_eq!(snapshot.view.link, LinkState::SignedOut, "{snapshot:?}");
}

#[tokio::test]
async fn a_wrong_password_and_an_absent_server_are_told_apart() {
    let folder = Folder::new("wrong");
    let (identity, ca) = Identity::signed();
    let ca_file = folder.0.join("ca.pem");
    std::fs::write(&ca_file, ca).expect("the folder takes it");
    let server = Server::start(&identity).await;
    let client = Client::start(&folder.options(Some(ca_file))).expect("the CA is good");
    client.wish(sign_in(&server));
    let mut peer = server.accept().await;
    peer.hear().await;
    peer.say(&FromServer::SignInRefused { reason: SignInRefusal::WrongCredentials }).await;
    let expected = SignInProblem::Refused(SignInRefusal::WrongCredentials);
    until(&client, "the refusal", |snapshot| snapshot.view.problem.as_ref() == Some(&expected)).await;
    let again = sign_in(&server);
    drop((peer, server));
    client.wish(again);
    let unreachable = |snapshot: &Snapshot| matches!(snapshot.view.problem, Some(SignInProblem::Link(LinkFailure::Unreachable(_))));
    until(&client, "the absence", unreachable).await;
}

#[test]
fn a_ca_file_that_is_none_is_told_before_anything_starts() {
    let folder = Folder::new("nonsense");
    let ca_file = folder.0.join("ca.pem");
    std::fs::write(&ca_file, "nothing").expect("the folder takes it");
    let error = Client::start(&folder.options(Some(ca_file))).map(|_| ()).expect_err("no certificate").to_string();
    assert!(error.contains("ca.pem") && error.contains("no certificate"), "{error}");
}
