//! What a connection does with papers: answers questions, keeps drafts, takes summaries and new passwords. All of it by way of the front
//! office, on a blocking thread.

use super::connection::{Connection, End, now};
use shared::model::{AgentId, Caller, DraftCopy, Refusal, RequestId, SessionId, Summary, UnixMillis};
use shared::pii::Pii;
use shared::wire::{FromServer, Question, SignInRefusal};
use std::sync::Arc;
use tokio::time::Instant;

impl Connection {
    pub(super) async fn answer(
        &mut self,
        (agent, session): (AgentId, SessionId),
        request: RequestId,
        question: Question,
    ) -> Result<(), End> {
        let answer = match self.caller_asked_about(session, &question) {
            Ok(caller) => {
                let people = Arc::clone(&self.shared.people);
                tokio::task::spawn_blocking(move || people.answer(agent, caller, question)).await.unwrap_or(Err(Refusal::NotSaved))
            }
            Err(refusal) => Err(refusal),
        };
        self.heard = Instant::now();
        match answer {
            Ok(answer) => self.say(&FromServer::Answer { request, answer: Box::new(answer) }).await,
            Err(reason) => self.say(&FromServer::Refused { request, reason }).await,
        }
    }

    /// A card's history is only for whoever has its call at the desk; who calls there, as far as the desk knows.
    fn caller_asked_about(&self, session: SessionId, question: &Question) -> Result<Option<Caller>, Refusal> {
        let Question::CardHistory { interaction, .. } = question else { return Ok(None) };
        let sessions = self.shared.sessions();
        if !sessions.has_on_desk(session, *interaction) {
            return Err(Refusal::NoSuchCall);
        }
        Ok(sessions.caller_on_desk(session, *interaction))
    }

    /// A draft that cannot be kept is not answered: the client keeps it too, and sends it again.
    pub(super) async fn keep(&mut self, (agent, session): (AgentId, SessionId), mut draft: DraftCopy) -> Result<(), End> {
        if !draft.summary.fits() {
            return Ok(());
        }
        let at: UnixMillis = now();
        draft.changed = draft.changed.min(at);
        let (interaction, revision) = (draft.summary.interaction, draft.revision);
        let on_desk = self.shared.sessions().has_on_desk(session, interaction);
        let people = Arc::clone(&self.shared.people);
        let kept = tokio::task::spawn_blocking(move || people.keep(agent, &draft, on_desk)).await.unwrap_or(Err(Refusal::NotSaved));
        self.heard = Instant::now();
        if kept.is_ok() { self.say(&FromServer::Kept { interaction, revision, at }).await } else { Ok(()) }
    }

    pub(super) async fn submit(&self, (agent, session): (AgentId, SessionId), summary: Summary) -> Result<(), Refusal> {
        let on_desk = self.shared.sessions().has_on_desk(session, summary.interaction);
        let people = Arc::clone(&self.shared.people);
        let submitted = tokio::task::spawn_blocking(move || people.submit(agent, summary, on_desk)).await;
        submitted.unwrap_or(Err(Refusal::NotSaved))
    }

    pub(super) async fn change_password(&self, session: SessionId, old: Pii<String>, new: Pii<String>) -> Result<(), Refusal> {
        let number = self.staff_number(session);
        let person = self.check(number.clone(), old).await.map_err(|refusal| match refusal {
            SignInRefusal::WrongCredentials => Refusal::WrongPassword,
            SignInRefusal::TooManyAttempts => Refusal::Locked,
            SignInRefusal::SessionGone | SignInRefusal::SignedInElsewhere | SignInRefusal::NotNow => Refusal::NotSaved,
        })?;
        let people = Arc::clone(&self.shared.people);
        let changed = tokio::task::spawn_blocking(move || people.change_password(&number, new.reveal())).await;
        changed.unwrap_or(Err(Refusal::NotSaved))?;
        self.shared.sessions().password_changed(person.agent);
        Ok(())
    }
}
