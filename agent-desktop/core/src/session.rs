//! The session: who is signed in over which connection, and what follows from each event. Owns the [`View`].
//!
//! Not here: sockets, clocks and sound; the skin does the [`Effect`]s and reports with [`Event`]s. The server is the only truth about
//! calls: a wish changes nothing on the screen but `asked` until the server answers.

use crate::drafts::Drafts;
use crate::heartbeat::{BackOff, Heartbeat};
use crate::{Effect, Event, LinkFailure, LinkState, Me, Millis, SignInProblem, SoundTest, View, VoiceCommand, Wish};
use papers::About;
use phone::SoundLoss;
use shared::model::{CallFunction, Desk, NotReadyReason, Notice, RequestId, UnixMillis, VoiceDevice};
use shared::pii::Pii;
use shared::wire::{Action, FromClient, FromServer, MediaAccess, Question, SILENCE_LIMIT_MS, SignInRefusal, SignOutReason, VERSION};
use std::collections::{BTreeMap, VecDeque};

/// The skin must report `LinkUp` or `LinkDown` within this time after `Connect`; its own limit is shorter.
const CONNECT_LIMIT_MS: u64 = 10_000;
/// Program and version, for the server's log.
const CLIENT: &str = concat!("agent-desktop ", env!("CARGO_PKG_VERSION"));

/// The session core: one [`Event`] in, then drain [`Session::poll`], then read [`Session::view`].
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    view: View,
    effects: VecDeque<Effect>,
    next_request: u64,
    ringing: bool,
    talking: bool,
    /// What the server says before a call by itself is played.
    listening: bool,
    /// The list of all agents is wanted, over every connection.
    watching: bool,
    /// Who waits in the supervised lines is wanted likewise.
    watching_waiting: bool,
    /// What was told about somebody sitting here.
    attentive: bool,
    drafts: Drafts,
    /// Under which key they are kept on the disk; empty: they are not.
    drafts_key: Pii<String>,
    /// Questions that wait for their answers.
    questions: BTreeMap<RequestId, Question>,
    /// What the request that waits is about, if that means more than its button.
    about: Option<About>,
    /// By what to speak after the next sign-in; `None` as the server has it.
    chosen_voice: Option<VoiceDevice>,
    sound_loss: SoundLoss,
}

/// Where the session stands.
#[derive(Debug)]
enum Stage {
    SignedOut,
    /// A socket was asked for.
    Connecting(Credentials, Millis),
    /// A person looks at the fingerprint.
    Confirming(Credentials, String),
    /// Hello was said; the password waits for a server of our version.
    Greeting(Credentials, Millis),
    /// The password was sent; it is forgotten with the answer.
    Checking(Credentials, Millis),
    /// A person decides whether to take the session over that lives elsewhere.
    Elsewhere(Credentials),
    SignedIn(Box<SignedIn>),
}

#[derive(Debug)]
struct Credentials {
    server: String,
    number: String,
    password: Pii<String>,
    take_over: bool,
}

#[derive(Debug)]
struct SignedIn {
    server: String,
    token: Pii<String>,
    link: Link,
    back_off: BackOff,
    media: MediaAccess,
    /// Of the newest desk since the last `SignedIn` frame.
    revision: Option<u64>,
    /// The request that waits for its answer.
    pending: Option<RequestId>,
    /// The message that waits for its answer.
    message: Option<RequestId>,
    /// The agent asked to sign out: a session that is gone is then what was wanted.
    leaving: bool,
    /// A notice that was read; the same one does not come back with the next desk.
    read: Option<(Notice, UnixMillis)>,
    /// A pong has set the clock, which a desk's one-way time may not spoil.
    clock_measured: bool,
}

/// The connection of a signed-in desktop.
#[derive(Debug)]
enum Link {
    Online(Heartbeat),
    /// Until then nothing is tried.
    Waiting(Millis),
    /// A socket was asked for.
    Connecting(Millis),
    /// Hello and token were sent.
    Resuming(Millis),
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// Signed out, nothing wanted.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stage: Stage::SignedOut,
            view: View::default(),
            effects: VecDeque::new(),
            next_request: 1,
            ringing: false,
            talking: false,
            listening: false,
            watching: false,
            watching_waiting: false,
            attentive: false,
            drafts: Drafts::default(),
            drafts_key: Pii::default(),
            questions: BTreeMap::new(),
            about: None,
            chosen_voice: None,
            sound_loss: SoundLoss::None,
        }
    }

    /// Takes one event. Drain [`Session::poll`] before the next.
    pub fn handle(&mut self, now: Millis, event: Event) {
        match event {
            Event::Wish(wish) => self.wish(now, wish),
            Event::LinkUp => self.link_up(now),
            Event::LinkDown(failure) => self.link_down(now, failure),
            Event::Received(frame) => self.received(now, *frame),
            Event::Voice(status) => self.view.voice = status,
            Event::DraftsFound { number, drafts } => {
                if self.view.me.as_ref().is_some_and(|me| me.number == number) {
                    self.drafts.found(now, drafts);
                    self.show_drafts();
                }
            }
            Event::Headset(button) => self.pressed(button),
            Event::Tick => {}
        }
        self.deadlines(now);
        self.keep_drafts(now);
        self.sync_desk(now);
        self.fall_back(now);
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When a [`Event::Tick`] is wanted at the latest, in ms of the skin's clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        match &self.stage {
            Stage::SignedOut | Stage::Confirming(..) | Stage::Elsewhere(_) => None,
            Stage::Connecting(_, at) | Stage::Greeting(_, at) | Stage::Checking(_, at) => Some(*at),
            Stage::SignedIn(signed_in) => {
                let drafts = self.drafts.next_deadline(self.is_online() && self.view.rules.papers);
                Some(drafts.into_iter().chain(self.fall_back_at()).fold(signed_in.link.deadline(), Millis::min))
            }
        }
    }

    /// What the screens show now.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    fn wish(&mut self, now: Millis, wish: Wish) {
        match wish {
            Wish::SignIn { server, number, password } => {
                self.sign_in(now, Credentials { server, number, password, take_over: false });
            }
            Wish::TrustCertificate => self.trust(now),
            Wish::Cancel => self.cancel(),
            Wish::GoReady => self.ask(self.view.can_go_ready().then_some(Action::GoReady)),
            Wish::GoNotReady(reason) => self.ask(self.not_ready(reason)),
            Wish::Answer => self.ask(self.offered(|offer| Action::Accept { offer })),
            Wish::Reject => self.ask(self.offered(|offer| Action::Reject { offer })),
            Wish::HangUp => self.ask(self.hang_up()),
            Wish::TakeOver => self.take_over(now),
            Wish::AwaitNotReady(reason) => self.ask(self.view.can_go_not_ready().then_some(Action::AwaitNotReady { reason })),
            Wish::ExtendWrapUp => self.ask(self.view.can_extend_wrap_up().then_some(Action::ExtendWrapUp)),
            Wish::Lock => self.ask(self.view.can_go_not_ready().then_some(Action::Lock)),
            Wish::Unlock(password) => self.ask(self.view.is_locked().then_some(Action::Unlock { password })),
            Wish::Correct(correction) => {
                self.ask(self.view.can_correct(correction.interaction).then_some(Action::CorrectCaller(correction)));
            }
            Wish::WatchAgents(on) => self.watch_agents(on),
            Wish::Attentive(attentive) => self.attend(attentive),
            Wish::EndWrapUp => self.ask(self.view.can_end_wrap_up().then_some(Action::EndWrapUp)),
            Wish::Dial(number) => self.ask(self.view.can_dial().then_some(Action::Dial { number })),
            Wish::Supervise(act, reason) => {
                self.ask((self.view.link == LinkState::Online && !self.view.asked).then_some(Action::Supervise { act, reason }));
            }
            Wish::Call(function) => self.ask(self.call_function(function)),
            Wish::Mute(muted) => self.mute(muted),
            Wish::Look(question) => self.look(question),
            Wish::Write(summary) => self.write(now, *summary),
            Wish::Submit { summary, end } => self.submit(*summary, end),
            Wish::ChangePassword { old, new } => {
                if self.is_online() && !self.view.asked {
                    self.about = Some(About::Password);
                    self.ask(Some(Action::ChangePassword { old, new }));
                }
            }
            Wish::Sound(settings) => self.effects.push_back(Effect::Voice(VoiceCommand::Sound(settings))),
            Wish::TestSound(test) => self.test_sound(test),
            Wish::Marks(interaction) => self.say(FromClient::Marks { interaction }),
            Wish::WatchWaiting(on) => self.watch_waiting(on),
            Wish::SendMessage(to, text, link) => self.send_message(to, text, link),
            Wish::ChangeMessage(message, change) => self.change_message(message, change),
            Wish::ReadMessages => self.read_messages(),
            Wish::OlderMessages => self.older_messages(),
            Wish::UseVoice(device) => self.use_voice(device),
            Wish::SignOut => self.sign_out(),
            Wish::Dismiss => self.dismiss(),
        }
    }

    fn sign_in(&mut self, now: Millis, credentials: Credentials) {
        if matches!(self.stage, Stage::SignedOut) {
            self.view.problem = None;
            self.view.refusal = None;
            self.connect(now, credentials);
        }
    }

    fn connect(&mut self, now: Millis, credentials: Credentials) {
        self.effects.push_back(Effect::Connect { server: credentials.server.clone() });
        self.view.link = LinkState::SigningIn;
        self.stage = Stage::Connecting(credentials, now + CONNECT_LIMIT_MS);
    }

    fn take_over(&mut self, now: Millis) {
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Elsewhere(credentials) => self.connect(now, Credentials { take_over: true, ..credentials }),
            other => self.stage = other,
        }
    }

    fn trust(&mut self, now: Millis) {
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Confirming(credentials, fingerprint) => {
                self.effects.push_back(Effect::Trust { server: credentials.server.clone(), fingerprint });
                self.connect(now, credentials);
            }
            other => self.stage = other,
        }
    }

    fn cancel(&mut self) {
        let online = matches!(&self.stage, Stage::SignedIn(signed_in) if matches!(signed_in.link, Link::Online(_)));
        if !online && !matches!(self.stage, Stage::SignedOut) {
            self.leave(None);
        }
    }

    /// Back to the sign-in screen; keys, desk and socket are given up.
    fn leave(&mut self, problem: Option<SignInProblem>) {
        if matches!(self.stage, Stage::SignedIn(_)) {
            self.effects.push_back(Effect::Voice(VoiceCommand::Close));
            (self.talking, self.listening) = (false, false);
        }
        self.effects.push_back(Effect::Disconnect);
        self.stage = Stage::SignedOut;
        self.view = View { problem, voice: std::mem::take(&mut self.view.voice), ..View::default() };
        self.drafts = Drafts::default();
        self.drafts_key = Pii::default();
        self.questions.clear();
        self.about = None;
    }

    /// The microphone is silent until it is opened again, or the call ends.
    fn mute(&mut self, muted: bool) {
        if self.view.muted == muted || muted && !self.view.can_mute() {
            return;
        }
        self.view.muted = muted;
        self.effects.push_back(Effect::Voice(VoiceCommand::Mute(muted)));
        self.tell_of_mute();
    }

    /// Only outside calls: nobody must hear the test.
    fn test_sound(&mut self, test: SoundTest) {
        if test == SoundTest::Off || self.view.can_test_sound() {
            self.effects.push_back(Effect::Voice(VoiceCommand::Test(test)));
        }
    }

    fn not_ready(&self, reason: NotReadyReason) -> Option<Action> {
        let allowed = NotReadyReason::CHOOSABLE.contains(&reason) && self.view.can_go_not_ready();
        allowed.then_some(Action::GoNotReady { reason })
    }

    fn offered(&self, action: impl Fn(shared::model::OfferId) -> Action) -> Option<Action> {
        let offer = self.view.desk.as_ref()?.offer.as_ref()?;
        self.view.can_answer().then(|| action(offer.offer))
    }

    fn hang_up(&self) -> Option<Action> {
        let call = self.view.desk.as_ref()?.call.as_ref()?;
        self.view.can_hang_up().then_some(Action::HangUp { interaction: call.interaction })
    }

    fn call_function(&self, function: CallFunction) -> Option<Action> {
        let call = self.view.desk.as_ref()?.call.as_ref()?;
        self.view.can_do(&function).then_some(Action::Call { interaction: call.interaction, function })
    }

    fn sign_out(&mut self) {
        if self.view.link == LinkState::Online && !self.view.asked {
            self.ask(Some(Action::SignOut));
            if let Stage::SignedIn(signed_in) = &mut self.stage {
                signed_in.leaving = true;
            }
        }
    }

    fn dismiss(&mut self) {
        self.view.problem = None;
        self.view.refusal = None;
        self.view.saved = None;
        if let (Stage::SignedIn(signed_in), Some(desk)) = (&mut self.stage, &mut self.view.desk) {
            signed_in.read = desk.notice.take().map(|notice| (notice, desk.since)).or(signed_in.read);
        }
    }

    /// Sends a request; `None` is a wish that is not possible now.
    fn ask(&mut self, action: Option<Action>) {
        let (Some(action), Stage::SignedIn(signed_in)) = (action, &mut self.stage) else {
            self.effects.push_back(Effect::Refuse);
            return;
        };
        if !matches!(action, Action::SubmitSummary(_) | Action::ChangePassword { .. }) {
            self.about = None;
        }
        let request = RequestId(self.next_request);
        self.next_request += 1;
        signed_in.pending = Some(request);
        self.view.asked = true;
        self.view.refusal = None;
        self.view.saved = None;
        self.effects.push_back(Effect::Send(FromClient::Do { request, action }));
    }

    fn hello(&mut self) {
        self.effects.push_back(Effect::Send(FromClient::Hello { version: VERSION, client: CLIENT.to_owned() }));
    }

    fn link_up(&mut self, now: Millis) {
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Connecting(credentials, _) => {
                self.stage = Stage::Greeting(credentials, now + SILENCE_LIMIT_MS);
                self.hello();
            }
            Stage::SignedIn(mut signed_in) if matches!(signed_in.link, Link::Connecting(_)) => {
                signed_in.link = Link::Resuming(now + SILENCE_LIMIT_MS);
                let token = signed_in.token.clone();
                self.stage = Stage::SignedIn(signed_in);
                self.hello();
                self.effects.push_back(Effect::Send(FromClient::Resume { token }));
            }
            other => self.stage = other,
        }
    }

    fn link_down(&mut self, now: Millis, failure: LinkFailure) {
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::SignedOut => {}
            Stage::Connecting(credentials, _) => self.not_connected(credentials, failure),
            waits @ (Stage::Confirming(..) | Stage::Elsewhere(_)) => self.stage = waits,
            Stage::Greeting(..) | Stage::Checking(..) => self.leave(Some(SignInProblem::Link(failure))),
            Stage::SignedIn(signed_in) if matches!(signed_in.link, Link::Waiting(_)) => self.stage = Stage::SignedIn(signed_in),
            Stage::SignedIn(signed_in) => self.retry_later(now, signed_in, failure),
        }
    }

    fn not_connected(&mut self, credentials: Credentials, failure: LinkFailure) {
        match failure {
            LinkFailure::UnknownCertificate { fingerprint } => {
                self.view.link = LinkState::ConfirmCertificate { fingerprint: fingerprint.clone() };
                self.stage = Stage::Confirming(credentials, fingerprint);
            }
            LinkFailure::ChangedCertificate { .. } | LinkFailure::Unreachable(_) | LinkFailure::Broken(_) | LinkFailure::Protocol(_) => {
                self.leave(Some(SignInProblem::Link(failure)))
            }
        }
    }

    /// The connection of a signed-in desktop is down: wait, then try again. Calls and audio go on.
    ///
    /// A wrong certificate is shown but never accepted here: each try refuses it again until the right server is back.
    fn retry_later(&mut self, now: Millis, mut signed_in: Box<SignedIn>, failure: LinkFailure) {
        let first = matches!(signed_in.link, Link::Online(_));
        if first && signed_in.media.options.is_some() {
            self.effects.push_back(Effect::Tunnel(false));
        }
        signed_in.link = Link::Waiting(now + signed_in.back_off.next());
        (signed_in.pending, signed_in.message) = (None, None);
        self.stage = Stage::SignedIn(signed_in);
        self.about = None;
        std::mem::take(&mut self.questions).into_values().for_each(|question| self.fails(question));
        self.view.messages.sending = false;
        self.view.asked = false;
        self.view.round_trip_ms = None;
        if first {
            self.view.link = LinkState::Reconnecting { attempt: 0, since: now };
        }
        self.view.problem = needs_a_person(&failure).then_some(SignInProblem::Link(failure));
    }

    fn received(&mut self, now: Millis, frame: FromServer) {
        self.heard(now);
        match frame {
            FromServer::Welcome { version, .. } => self.welcome(now, version),
            FromServer::SignedIn { token, agent, number, name, media, rules, .. } => {
                self.view.rules = *rules;
                // No screen needs it.
                self.drafts_key = std::mem::take(&mut self.view.rules.drafts_key);
                self.signed_in(now, token, Me { agent, number, name }, media);
            }
            FromServer::Agents(news) => self.agents(news),
            FromServer::SignInRefused { reason } => self.sign_in_refused(now, reason),
            FromServer::Desk(desk) => self.desk(now, *desk),
            FromServer::Marks { interaction, marks } => self.view.marks = Some((interaction, marks)),
            FromServer::Waiting { rows } => self.view.waiting = self.watching_waiting.then_some(rows),
            FromServer::Messages(news) => self.messages(news),
            FromServer::Done { request } => {
                if self.message_answered(request) {
                    return;
                }
                if self.answered(request)
                    && let Some(about) = self.about.take()
                {
                    self.done(about);
                }
            }
            FromServer::Refused { request, reason } => {
                // A server that does not tell its drafts holds up nobody.
                match self.questions.remove(&request) {
                    Some(Question::Drafts) => self.view.drafts_known = true,
                    Some(question) => self.fails(question),
                    None => {}
                }
                if self.message_answered(request) {
                    self.view.refusal = Some(reason);
                } else if self.answered(request) {
                    self.about = None;
                    self.view.refusal = Some(reason);
                }
            }
            FromServer::Answer { request, answer } => self.answer(now, request, *answer),
            FromServer::Kept { interaction, revision, at } => {
                self.drafts.kept(interaction, revision, at);
                self.show_drafts();
            }
            FromServer::Voice(order) => self.effects.push_back(Effect::Voice(VoiceCommand::Send(order))),
            FromServer::TalkHealth(health) => self.view.health = self.talking.then_some(health),
            FromServer::SignedOut { reason } => self.signed_out(reason),
            FromServer::Pong { nonce, now: server_now } => self.pong(now, nonce, server_now),
            FromServer::ProtocolError { message } => self.broken(now, LinkFailure::Protocol(message)),
        }
    }

    fn heard(&mut self, now: Millis) {
        if let Stage::SignedIn(signed_in) = &mut self.stage
            && let Link::Online(heartbeat) = &mut signed_in.link
        {
            heartbeat.heard(now);
        }
    }

    fn welcome(&mut self, now: Millis, version: u16) {
        if version != VERSION {
            let message = format!("the server speaks protocol version {version}, this program {VERSION}");
            return self.broken(now, LinkFailure::Protocol(message));
        }
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Greeting(credentials, _) => {
                let (number, password, take_over) = (credentials.number.clone(), credentials.password.clone(), credentials.take_over);
                self.stage = Stage::Checking(credentials, now + SILENCE_LIMIT_MS);
                let voice = self.chosen_voice;
                self.effects.push_back(Effect::Send(FromClient::SignIn { number, password, take_over, voice }));
            }
            other => self.stage = other,
        }
    }

    fn signed_in(&mut self, now: Millis, token: Pii<String>, me: Me, media: MediaAccess) {
        let first = matches!(self.stage, Stage::Checking(..));
        let (server, old_media, leaving) = match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Checking(credentials, _) => (credentials.server, None, false),
            Stage::SignedIn(old) => (old.server, Some(old.media), old.leaving),
            other => return self.stage = other,
        };
        if old_media.as_ref() != Some(&media) {
            self.effects.push_back(Effect::Voice(VoiceCommand::Open { host: host_of(&server).to_owned(), access: media.clone() }));
            (self.talking, self.listening) = (false, false);
        }
        self.view.link = LinkState::Online;
        self.view.me = Some(me);
        self.view.problem = None;
        self.stage = Stage::SignedIn(Box::new(SignedIn {
            server,
            token,
            link: Link::Online(Heartbeat::new(now)),
            back_off: BackOff::new(),
            media,
            revision: None,
            pending: None,
            message: None,
            leaving,
            read: None,
            clock_measured: false,
        }));
        self.tell_what_the_voice_can();
        self.tell_what_lasts();
        if first && let Some(me) = &self.view.me {
            self.effects.push_back(Effect::FindDrafts { number: me.number.clone(), key: self.drafts_key.clone() });
        }
        self.ask_for_papers();
    }

    fn sign_in_refused(&mut self, now: Millis, reason: SignInRefusal) {
        match std::mem::replace(&mut self.stage, Stage::SignedOut) {
            Stage::Checking(credentials, _) if reason == SignInRefusal::SignedInElsewhere => {
                self.effects.push_back(Effect::Disconnect);
                self.view.link = LinkState::ConfirmTakeOver;
                self.stage = Stage::Elsewhere(credentials);
            }
            Stage::Checking(..) => self.leave(Some(SignInProblem::Refused(reason))),
            Stage::SignedIn(signed_in) => self.resume_refused(now, signed_in, reason),
            other => self.stage = other,
        }
    }

    fn resume_refused(&mut self, now: Millis, signed_in: Box<SignedIn>, reason: SignInRefusal) {
        let leaving = signed_in.leaving;
        self.stage = Stage::SignedIn(signed_in);
        match reason {
            SignInRefusal::SessionGone | SignInRefusal::WrongCredentials | SignInRefusal::SignedInElsewhere => {
                self.leave((!leaving).then_some(SignInProblem::Refused(reason)));
            }
            SignInRefusal::TooManyAttempts | SignInRefusal::NotNow => {
                self.broken(now, LinkFailure::Broken("the server does not resume sessions now".to_owned()));
            }
        }
    }

    fn desk(&mut self, now: Millis, mut desk: Desk) {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return };
        if signed_in.revision.is_some_and(|known| desk.revision <= known) {
            return;
        }
        signed_in.revision = Some(desk.revision);
        if desk.notice.is_some_and(|notice| signed_in.read == Some((notice, desk.since))) {
            desk.notice = None;
        }
        let told = self.view.desk.as_ref().and_then(|desk| desk.notice);
        if desk.notice.is_some() && desk.notice != told {
            self.effects.push_back(Effect::Alert);
        }
        if !signed_in.clock_measured {
            self.view.clock_offset_ms = offset(desk.now, now);
        }
        self.view.desk = Some(desk);
    }

    /// Whether this is the answer that is waited for.
    fn answered(&mut self, request: RequestId) -> bool {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return false };
        if signed_in.pending != Some(request) {
            return false;
        }
        signed_in.pending = None;
        self.view.asked = false;
        true
    }

    fn signed_out(&mut self, reason: SignOutReason) {
        if matches!(self.stage, Stage::SignedIn(_)) {
            self.leave((reason != SignOutReason::Asked).then_some(SignInProblem::SignedOut(reason)));
        }
    }

    fn pong(&mut self, now: Millis, nonce: u64, server_now: UnixMillis) {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return };
        let Link::Online(heartbeat) = &signed_in.link else { return };
        let Some(round_trip_ms) = heartbeat.round_trip(now, nonce) else { return };
        signed_in.clock_measured = true;
        self.view.round_trip_ms = Some(u32::try_from(round_trip_ms).unwrap_or(u32::MAX));
        self.view.clock_offset_ms = offset(server_now, now.saturating_sub(round_trip_ms / 2));
    }

    /// Closes the socket from this side and goes on as if it had broken.
    fn broken(&mut self, now: Millis, failure: LinkFailure) {
        match &self.stage {
            Stage::SignedOut | Stage::Confirming(..) | Stage::Elsewhere(_) => {}
            Stage::Connecting(..) | Stage::Greeting(..) | Stage::Checking(..) => self.leave(Some(SignInProblem::Link(failure))),
            Stage::SignedIn(_) => {
                self.effects.push_back(Effect::Disconnect);
                self.link_down(now, failure);
            }
        }
    }

    /// Does what is due.
    fn deadlines(&mut self, now: Millis) {
        match &mut self.stage {
            Stage::SignedOut | Stage::Confirming(..) | Stage::Elsewhere(_) => {}
            Stage::Connecting(_, at) | Stage::Greeting(_, at) | Stage::Checking(_, at) => {
                if now >= *at {
                    self.broken(now, silence());
                }
            }
            Stage::SignedIn(signed_in) => match &mut signed_in.link {
                Link::Online(heartbeat) if heartbeat.silent(now) => self.broken(now, silence()),
                Link::Online(heartbeat) => {
                    if let Some(nonce) = heartbeat.ping_due(now) {
                        self.effects.push_back(Effect::Send(FromClient::Ping { nonce }));
                    }
                }
                Link::Waiting(at) if now >= *at => self.try_again(now),
                Link::Connecting(at) | Link::Resuming(at) if now >= *at => self.broken(now, silence()),
                Link::Waiting(_) | Link::Connecting(_) | Link::Resuming(_) => {}
            },
        }
    }

    fn try_again(&mut self, now: Millis) {
        let Stage::SignedIn(signed_in) = &mut self.stage else { return };
        signed_in.link = Link::Connecting(now + CONNECT_LIMIT_MS);
        self.effects.push_back(Effect::Connect { server: signed_in.server.clone() });
        if let LinkState::Reconnecting { attempt, .. } = &mut self.view.link {
            *attempt = attempt.saturating_add(1);
        }
    }

    /// Bell and microphone follow the desk.
    fn sync_desk(&mut self, now: Millis) {
        // A supervisor hears and is heard by what the server makes of it: the microphone is open while there is something to hear.
        let watches = |desk: &Desk| desk.watches.is_some_and(|watch| watch.connected);
        let talks = |desk: &Desk| (desk.call.is_some() || watches(desk)) && phone::speaks_here(desk);
        let talk = self.view.desk.as_ref().is_some_and(talks);
        if talk != self.talking {
            self.talking = talk;
            self.view.health = None;
            self.effects.push_back(Effect::Voice(VoiceCommand::Talk(talk)));
            if !talk {
                self.mute(false);
                self.look(Question::Figures);
            }
        }
        let is_announced = |desk: &Desk| desk.offer.as_ref().is_some_and(|offer| offer.auto_answer.is_some());
        let listen = !talk && self.view.desk.as_ref().is_some_and(is_announced);
        if listen != self.listening {
            self.listening = listen;
            self.effects.push_back(Effect::Voice(VoiceCommand::Listen(listen)));
        }
        let ring = self.bell(now);
        if ring != self.ringing {
            self.ringing = ring;
            self.effects.push_back(Effect::Ring(ring));
        }
    }

    /// While the link is down nobody tells the end of a ringing: the bell stops when it expires.
    fn bell(&self, now: Millis) -> bool {
        let Some(offer) = self.view.desk.as_ref().and_then(|desk| desk.offer.as_ref()) else { return false };
        let server_now = i64::try_from(now).unwrap_or(i64::MAX).saturating_add(self.view.clock_offset_ms);
        self.view.link == LinkState::Online || server_now < offer.expires.0
    }
}

impl Link {
    fn deadline(&self) -> Millis {
        match self {
            Self::Online(heartbeat) => heartbeat.deadline(),
            Self::Waiting(at) | Self::Connecting(at) | Self::Resuming(at) => *at,
        }
    }
}

/// A failure that no further try cures by itself.
fn needs_a_person(failure: &LinkFailure) -> bool {
    match failure {
        LinkFailure::UnknownCertificate { .. } | LinkFailure::ChangedCertificate { .. } | LinkFailure::Protocol(_) => true,
        LinkFailure::Unreachable(_) | LinkFailure::Broken(_) => false,
    }
}

fn silence() -> LinkFailure {
    LinkFailure::Broken("the server is silent".to_owned())
}

fn offset(server: UnixMillis, now: Millis) -> i64 {
    server.0.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host_of(server: &str) -> &str {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

mod agents;
pub(crate) mod messages;
mod papers;
mod phone;
#[cfg(test)]
mod tests;

pub use papers::Saved;
