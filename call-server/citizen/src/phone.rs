//! One call from the INVITE to its end, on one task (RFC 3261 §9, §13, §14, §15, §17.1). No registration, no incoming calls, UDP only.

use crate::acting::Acting;
use crate::deed::Done;
use crate::line::Line;
use crate::message::{Dialog, answered};
use crate::misbehaving::Misbehaving;
use crate::plan::{CallPlan, CitizenError, EndedBy, Ending, Outcome};
use crate::proof;
use crate::sdp::{self, Direction};
use rsip::{Method, Request, Response, SipMessage};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// RFC 3261 T1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 T2.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// Timers B and F: 64 * T1.
const GIVE_UP: Duration = Duration::from_secs(32);
/// How long a finished call still answers repeated messages.
const LINGER: Duration = Duration::from_secs(5);
/// Largest SIP datagram.
const DATAGRAM_BYTES: usize = 65_535;

/// What is noted while a call runs.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) status: Option<u16>,
    pub(crate) ringing_ms: Option<u64>,
    pub(crate) answered_ms: Option<u64>,
    pub(crate) talk_ms: Option<u64>,
    pub(crate) ended_by: Option<EndedBy>,
    pub(crate) done: Vec<Done>,
    pub(crate) odd_statuses: Vec<u16>,
}

/// Where a call stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The INVITE is out, nothing came back.
    Calling(Resend),
    /// Something provisional came back.
    Proceeding,
    /// The CANCEL is out; the INVITE's own end is awaited.
    Cancelling(Resend),
    /// Connected.
    Talking { answered: Instant, acknowledgement: Vec<u8> },
    /// The BYE is out.
    Leaving(Resend),
    /// Over.
    Over(Outcome),
}

/// A request that is repeated until it is answered (timers A/B, E/F).
#[derive(Debug)]
pub(crate) struct Resend {
    request: Vec<u8>,
    pub(crate) next: Instant,
    gap: Duration,
    longest_gap: Duration,
    pub(crate) until: Instant,
}

impl Resend {
    pub(crate) fn new(request: Vec<u8>, longest_gap: Duration, now: Instant) -> Self {
        Self { request, next: now + T1, gap: T1, longest_gap, until: now + GIVE_UP }
    }

    /// The request is due again.
    pub(crate) fn again(&mut self, now: Instant) -> &[u8] {
        self.gap = (self.gap * 2).min(self.longest_gap);
        self.next = now + self.gap;
        &self.request
    }
}

/// The phone during one call.
#[derive(Debug)]
pub(crate) struct Phone<'a> {
    plan: &'a CallPlan,
    socket: UdpSocket,
    pub(crate) dialog: Dialog,
    pub(crate) line: Line,
    pub(crate) rtp: SocketAddr,
    pub(crate) session: u32,
    pub(crate) sdp: String,
    started: Instant,
    pub(crate) phase: Phase,
    pub(crate) acting: Acting,
    pub(crate) misbehaving: Misbehaving,
    /// The last 18x.
    pub(crate) ringing: Option<Response>,
    /// The ACK of the last re-INVITE, for repetitions of its answer.
    pub(crate) last_ack: Vec<u8>,
    /// How often the INVITE was sent with proof.
    proofs: u32,
    /// The hang-up was wished before the far end said anything: CANCEL as soon as it does (§9.1).
    give_up_wished: bool,
    /// Repeated if the far end repeats itself after the end.
    last_word: Vec<u8>,
    notes: Notes,
}

impl<'a> Phone<'a> {
    /// Dials: the INVITE is on its way.
    pub(crate) async fn dial(
        plan: &'a CallPlan,
        socket: UdpSocket,
        dialog: Dialog,
        line: Line,
        session: u32,
    ) -> Result<Self, CitizenError> {
        let rtp = line.address().map_err(|source| CitizenError::Bind { address: plan.bind, source })?;
        let sdp = sdp::describe(rtp, session, 1, Direction::Both);
        let misbehaving = Misbehaving::new(plan.fault);
        let invite = misbehaving.invite(dialog.invite(&sdp).into());
        let now = Instant::now();
        let phone = Self {
            plan,
            socket,
            dialog,
            line,
            rtp,
            session,
            sdp,
            acting: Acting::new(&plan.acts),
            misbehaving,
            ringing: None,
            last_ack: Vec::new(),
            proofs: 0,
            started: now,
            phase: Phase::Calling(Resend::new(invite.clone(), GIVE_UP, now)),
            give_up_wished: false,
            last_word: Vec::new(),
            notes: Notes::default(),
        };
        phone.send_garbage().await;
        phone.send(&invite).await;
        Ok(phone)
    }

    /// Runs to the end. `hang_up` ends the call when it completes.
    pub(crate) async fn run(mut self, hang_up: impl Future<Output = ()>) -> (Outcome, Notes, Line) {
        let mut datagram = vec![0; DATAGRAM_BYTES];
        let mut packet = [0; 2048];
        let (mut told, mut was_talking) = (false, false);
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        tokio::pin!(hang_up);
        let outcome = loop {
            if let Phase::Over(outcome) = self.phase {
                break outcome;
            }
            let (due, talking) = (self.deadline(), matches!(self.phase, Phase::Talking { .. }));
            if talking && !std::mem::replace(&mut was_talking, talking) {
                tick.reset_immediately();
            }
            tokio::select! {
                read = self.socket.recv(&mut datagram) => match read {
                    Ok(length) => self.on_datagram(&datagram[..length]).await,
                    Err(_) => self.on_unreachable(),
                },
                Ok(length) = self.line.receive(&mut packet) => self.line.hear(&packet[..length], Instant::now()),
                _ = tick.tick(), if talking && !self.acting.is_holding => self.line.speak(),
                () = tokio::time::sleep_until(due) => self.on_deadline().await,
                () = &mut hang_up, if !told => { told = true; self.leave().await; }
            }
        };
        tokio::spawn(linger(self.socket, self.last_word));
        self.notes.done = self.acting.done;
        self.notes.odd_statuses = self.misbehaving.statuses;
        (outcome, self.notes, self.line)
    }

    /// A lost datagram is repeated by the timers, so a failing send is none of the caller's business.
    pub(crate) async fn send(&self, message: &[u8]) {
        for _ in 0..self.misbehaving.copies() {
            let _ = self.socket.send(message).await;
        }
    }

    /// The next moment at which something is due.
    fn deadline(&self) -> Instant {
        match &self.phase {
            Phase::Calling(resend) => resend.next.min(resend.until).min(self.answer_limit()),
            Phase::Proceeding => self.answer_limit(),
            Phase::Cancelling(resend) | Phase::Leaving(resend) => resend.next.min(resend.until),
            Phase::Talking { answered, .. } => {
                let end = *answered + self.talk_limit();
                self.acting.deadline(*answered).map_or(end, |act| act.min(end))
            }
            Phase::Over(_) => Instant::now(),
        }
    }

    fn answer_limit(&self) -> Instant {
        let limit = match self.plan.ending {
            Ending::CancelAfter(limit) => limit.min(self.plan.limits.answer),
            Ending::HangUpAfter(_) | Ending::FarEnd => self.plan.limits.answer,
        };
        // A wish that waits for the first provisional answer must not wake the loop again and again.
        self.started + if self.give_up_wished { GIVE_UP + T1 } else { limit }
    }

    fn talk_limit(&self) -> Duration {
        match self.plan.ending {
            Ending::HangUpAfter(limit) => limit.min(self.plan.limits.talk),
            Ending::FarEnd | Ending::CancelAfter(_) => self.plan.limits.talk,
        }
    }

    async fn on_deadline(&mut self) {
        let (now, due) = (Instant::now(), self.deadline());
        if let Phase::Talking { answered, .. } = self.phase
            && now < answered + self.talk_limit()
        {
            return self.on_act_deadline(answered).await;
        }
        match &mut self.phase {
            Phase::Calling(resend) if now >= resend.until => self.phase = Phase::Over(Outcome::NoResponse),
            Phase::Cancelling(resend) if now >= resend.until => self.phase = Phase::Over(Outcome::Cancelled),
            Phase::Leaving(resend) if now >= resend.until => self.phase = Phase::Over(Outcome::Broken),
            Phase::Calling(resend) | Phase::Cancelling(resend) | Phase::Leaving(resend) if now >= resend.next => {
                let request = resend.again(now).to_vec();
                self.send(&request).await;
            }
            Phase::Calling(_) | Phase::Proceeding | Phase::Talking { .. } if now >= due => self.leave().await,
            Phase::Calling(_) | Phase::Proceeding | Phase::Cancelling(_) | Phase::Talking { .. } | Phase::Leaving(_) | Phase::Over(_) => {}
        }
    }

    /// The citizen has had enough: CANCEL or BYE, whichever is right here.
    async fn leave(&mut self) {
        if matches!(self.phase, Phase::Proceeding) && !self.gives_up_wrongly().await {
            return;
        }
        match self.phase {
            Phase::Calling(_) => self.give_up_wished = true,
            Phase::Proceeding => {
                let cancel: Vec<u8> = self.dialog.cancel().into();
                self.send(&cancel).await;
                self.phase = Phase::Cancelling(Resend::new(cancel, T2, Instant::now()));
            }
            Phase::Talking { .. } => self.hang_up().await,
            Phase::Cancelling(_) | Phase::Leaving(_) | Phase::Over(_) => {}
        }
    }

    async fn hang_up(&mut self) {
        self.note_end(EndedBy::Citizen);
        if !self.hangs_up_wrongly().await {
            return;
        }
        let bye: Vec<u8> = self.dialog.bye().into();
        self.send(&bye).await;
        self.phase = Phase::Leaving(Resend::new(bye, T2, Instant::now()));
    }

    fn note_end(&mut self, by: EndedBy) {
        if let Phase::Talking { answered, .. } = self.phase {
            self.notes.talk_ms = Some(answered.elapsed().as_millis() as u64);
            self.notes.ended_by = Some(by);
        }
    }

    /// The system says that nobody listens there.
    fn on_unreachable(&mut self) {
        let outcome = match self.phase {
            Phase::Calling(_) | Phase::Proceeding | Phase::Cancelling(_) => Outcome::NoResponse,
            Phase::Talking { .. } | Phase::Leaving(_) => Outcome::Broken,
            Phase::Over(outcome) => outcome,
        };
        self.note_end(EndedBy::FarEnd);
        self.phase = Phase::Over(outcome);
    }

    /// What rsip cannot read or does not belong to this call is ignored, as a telephone does.
    async fn on_datagram(&mut self, datagram: &[u8]) {
        match SipMessage::try_from(datagram) {
            Ok(SipMessage::Request(request)) if self.dialog.owns(&request) => self.on_request(request).await,
            Ok(SipMessage::Response(response)) if self.dialog.owns(&response) => self.on_response(response).await,
            Ok(_) | Err(_) => {}
        }
    }

    async fn on_request(&mut self, request: Request) {
        let (status, sdp) = match request.method {
            Method::Ack => return,
            Method::Bye | Method::Options | Method::Notify => (200, None),
            Method::Invite => match sdp::far_audio(&request.body) {
                Some(far) => {
                    self.line.open(far, Instant::now());
                    (200, Some(self.sdp.clone()))
                }
                None if request.body.is_empty() => (200, Some(self.sdp.clone())),
                None => (488, None),
            },
            _ => (501, None),
        };
        let reply: Vec<u8> = self.dialog.reply(&request, status, sdp).into();
        self.send(&reply).await;
        if request.method == Method::Bye {
            self.note_end(EndedBy::FarEnd);
            self.last_word = reply;
            self.phase = Phase::Over(Outcome::Answered);
        }
    }

    async fn on_response(&mut self, response: Response) {
        let status = response.status_code.code();
        let Some((method, sequence)) = answered(&response) else { return };
        if self.on_act_answer(method, sequence, &response).await {
            return;
        }
        match Some(method) {
            Some(Method::Invite) if sequence != self.invited() => self.send(&self.last_ack).await,
            Some(Method::Invite) => match status {
                100..200 => self.on_provisional(status, &response).await,
                200..300 => self.on_answer(&response).await,
                _ => self.on_refusal(status, &response).await,
            },
            Some(Method::Bye) if status >= 200 && matches!(self.phase, Phase::Leaving(_)) => self.bye_answered(&response).await,
            Some(Method::Bye | Method::Cancel) if status >= 200 && !matches!(self.phase, Phase::Cancelling(_)) => self.note_odd(&response),
            // A CANCEL that was heard is not repeated; the INVITE's own 487 (or 200) ends it, or time does.
            Some(Method::Bye | Method::Cancel) if status >= 200 => {
                self.note_odd(&response);
                if let Phase::Cancelling(resend) = &mut self.phase {
                    resend.next = resend.until;
                }
            }
            _ => {}
        }
    }

    async fn on_provisional(&mut self, status: u16, response: &Response) {
        if status != 100 {
            self.ringing = Some(response.clone());
            self.notes.ringing_ms.get_or_insert(self.started.elapsed().as_millis() as u64);
        }
        if let Some(far) = sdp::far_audio(&response.body) {
            self.line.open(far, Instant::now());
        }
        if matches!(self.phase, Phase::Calling(_)) {
            self.phase = Phase::Proceeding;
            if std::mem::take(&mut self.give_up_wished) {
                self.leave().await;
            }
        }
    }

    async fn on_answer(&mut self, response: &Response) {
        if !self.misbehaving.acknowledges() && matches!(self.phase, Phase::Talking { .. } | Phase::Leaving(_)) {
            return;
        }
        match &self.phase {
            Phase::Calling(_) | Phase::Proceeding => self.connect(response, false).await,
            // The 200 crossed our CANCEL (§9.1): acknowledge it and hang up.
            Phase::Cancelling(_) => self.connect(response, true).await,
            Phase::Talking { acknowledgement, .. } => self.send(acknowledgement).await,
            Phase::Leaving(_) => self.send(&self.last_word).await,
            Phase::Over(_) => {}
        }
    }

    async fn connect(&mut self, response: &Response, and_leave: bool) {
        let now = Instant::now();
        let cancel: Vec<u8> = self.dialog.cancel().into();
        let acknowledgement: Vec<u8> = self.dialog.establish(response).into();
        if let Some(target) = self.dialog.target().filter(|target| self.socket.peer_addr().is_ok_and(|peer| peer != *target)) {
            let _ = self.socket.connect(target).await;
        }
        if self.misbehaving.may_acknowledge_at_once() {
            self.send(&acknowledgement).await;
        }
        self.after_answer(cancel).await;
        self.last_word.clone_from(&acknowledgement);
        self.notes.status = Some(response.status_code.code());
        self.notes.answered_ms = Some((now - self.started).as_millis() as u64);
        self.phase = Phase::Talking { answered: now, acknowledgement };
        let far = sdp::far_audio(&response.body);
        if let Some(far) = far {
            self.line.open(far, now);
        }
        if and_leave || far.is_none() || self.give_up_wished {
            self.hang_up().await;
        }
    }

    async fn on_refusal(&mut self, status: u16, response: &Response) {
        let acknowledgement: Vec<u8> = self.dialog.acknowledge_refusal(response).into();
        self.send(&acknowledgement).await;
        self.last_word = acknowledgement;
        if matches!(status, 401 | 407) && self.prove(response).await {
            return;
        }
        let outcome = match self.phase {
            Phase::Calling(_) | Phase::Proceeding => Outcome::Refused,
            Phase::Cancelling(_) => Outcome::Cancelled,
            Phase::Talking { .. } | Phase::Leaving(_) | Phase::Over(_) => return,
        };
        self.notes.status = Some(status);
        self.phase = Phase::Over(outcome);
    }
}

impl Phone<'_> {
    /// Number of the INVITE that makes the call.
    fn invited(&self) -> u32 {
        1 + self.proofs
    }

    /// Sends the INVITE again with proof of who we are, if there is any and it was not refused already.
    async fn prove(&mut self, response: &Response) -> bool {
        let is_open = matches!(self.phase, Phase::Calling(_) | Phase::Proceeding);
        let Some(credentials) = self.plan.credentials.as_ref().filter(|_| is_open && self.proofs == 0) else { return false };
        let Some(proof) = proof::answer(response, credentials, Method::Invite, self.dialog.target_uri()) else { return false };
        self.proofs += 1;
        let invite: Vec<u8> = self.dialog.invite_again(&self.sdp, proof).into();
        self.send(&invite).await;
        self.phase = Phase::Calling(Resend::new(invite, GIVE_UP, Instant::now()));
        true
    }
}

/// Says the last word again to whoever has not heard it (timers D, H, J in spirit), for a while.
async fn linger(socket: UdpSocket, last_word: Vec<u8>) {
    let mut datagram = [0; 2048];
    let repeat =
        async { while socket.recv(&mut datagram).await.is_ok() && !last_word.is_empty() && socket.send(&last_word).await.is_ok() {} };
    // Running out of time is the normal end.
    let _ = tokio::time::timeout(LINGER, repeat).await;
}
