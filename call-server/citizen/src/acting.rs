//! What a citizen does in the middle of a call: hold, resume, keys, transfer. One request at a time (RFC 3261 section 14.1).

use crate::deed::{Act, Deed, Done};
use crate::phone::{Phase, Phone, Resend, T2};
use crate::sdp::{self, Direction};
use rsip::{Method, Request, Response};
use std::collections::VecDeque;
use tokio::time::Instant;

/// What is to be done, and what is being done.
#[derive(Debug, Default)]
pub(crate) struct Acting {
    acts: VecDeque<Act>,
    asking: Option<Asking>,
    /// Keys that still go out by INFO, one after another.
    keys: VecDeque<char>,
    /// Of our description.
    version: u32,
    pub(crate) is_holding: bool,
    pub(crate) done: Vec<Done>,
}

/// A request inside the call that waits for its answer.
#[derive(Debug)]
struct Asking {
    deed: String,
    method: Method,
    sequence: u32,
    resend: Resend,
}

impl Acting {
    pub(crate) fn new(acts: &[Act]) -> Self {
        let mut acts = acts.to_vec();
        acts.sort_by_key(|act| act.after);
        Self { acts: acts.into(), version: 1, ..Self::default() }
    }

    /// When something is due, seen from an answer at `answered`.
    pub(crate) fn deadline(&self, answered: Instant) -> Option<Instant> {
        match &self.asking {
            Some(asking) => Some(asking.resend.next.min(asking.resend.until)),
            None => self.acts.front().map(|act| answered + act.after),
        }
    }
}

impl Phone<'_> {
    /// Something in the call is due: the next act, or a repetition.
    pub(crate) async fn on_act_deadline(&mut self, answered: Instant) {
        let now = Instant::now();
        let again = match &mut self.acting.asking {
            Some(asking) if now >= asking.resend.until => None,
            Some(asking) => Some(asking.resend.again(now).to_vec()),
            None => return self.next_act(answered).await,
        };
        match again {
            Some(request) => self.send(&request).await,
            None => self.finish_act(None).await,
        }
    }

    async fn next_act(&mut self, answered: Instant) {
        let is_due = self.acting.acts.front().is_some_and(|act| answered + act.after <= Instant::now());
        let Some(Act { deed, .. }) = self.acting.acts.pop_front().filter(|_| is_due) else { return };
        let name = deed.to_string();
        match deed {
            Deed::Hold => self.redescribe(name, true).await,
            Deed::Resume => self.redescribe(name, false).await,
            Deed::Refresh => self.redescribe(name, self.acting.is_holding).await,
            Deed::Press(keys) => {
                self.line.press(&keys);
                self.acting.done.push(Done { deed: name, status: None });
            }
            Deed::PressByInfo(keys) => {
                self.acting.keys = keys.chars().collect();
                self.next_info(name).await;
            }
            Deed::Refer(target) => {
                let request = self.dialog.refer(&target);
                self.ask(name, Method::Refer, request).await;
            }
        }
    }

    async fn redescribe(&mut self, name: String, is_holding: bool) {
        self.acting.is_holding = is_holding;
        self.acting.version += 1;
        let direction = if is_holding { Direction::SendOnly } else { Direction::Both };
        self.sdp = sdp::describe(self.rtp, self.session, self.acting.version, direction);
        let request = self.dialog.reinvite(&self.sdp);
        self.ask(name, Method::Invite, request).await;
    }

    async fn next_info(&mut self, name: String) {
        let Some(key) = self.acting.keys.pop_front() else { return };
        let request = self.dialog.info(key);
        self.ask(name, Method::Info, request).await;
    }

    async fn ask(&mut self, deed: String, method: Method, request: Request) {
        let request: Vec<u8> = request.into();
        self.send(&request).await;
        let sequence = self.dialog.sequence();
        self.acting.asking = Some(Asking { deed, method, sequence, resend: Resend::new(request, T2, Instant::now()) });
    }

    /// A response to a request inside the call. Whether it was one.
    pub(crate) async fn on_act_answer(&mut self, method: Method, sequence: u32, response: &Response) -> bool {
        let fits = |asking: &Asking| asking.method == method && asking.sequence == sequence;
        let status = response.status_code.code();
        if !self.acting.asking.as_ref().is_some_and(fits) || !matches!(self.phase, Phase::Talking { .. }) {
            return false;
        }
        if status < 200 {
            return true;
        }
        if method == Method::Invite {
            self.acknowledge_reinvite(response).await;
        }
        self.finish_act(Some(status)).await;
        true
    }

    async fn acknowledge_reinvite(&mut self, response: &Response) {
        let is_accepted = response.status_code.code() < 300;
        let ack: Vec<u8> = if is_accepted { self.dialog.acknowledge() } else { self.dialog.acknowledge_refusal(response) }.into();
        self.send(&ack).await;
        self.last_ack.clone_from(&ack);
        if let Some(far) = sdp::far_audio(&response.body).filter(|_| is_accepted) {
            self.line.open(far, Instant::now());
        }
    }

    async fn finish_act(&mut self, status: Option<u16>) {
        let Some(Asking { deed, method, .. }) = self.acting.asking.take() else { return };
        let goes_on = method == Method::Info && status.is_some_and(|status| status < 300) && !self.acting.keys.is_empty();
        if goes_on {
            return self.next_info(deed).await;
        }
        self.acting.keys.clear();
        self.acting.done.push(Done { deed, status });
    }
}
