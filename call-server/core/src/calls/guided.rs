//! A citizen whom an agent has sent to a voice menu or a survey: nobody talks, and no agent has the call (1-3). Which question is heard is
//! not known here. A key may lead to somebody outside, who then goes on with the citizen as in any talk without an agent.

use super::call::{self, Call, Residual, Stage};
use super::functions::Gone;
use super::outgoing::Outgoing;
use super::party::{Member, Party};
use super::{Calls, PromptName};
use crate::command::{CallTo, MediaCommand, Sound};
use crate::ledger::{FactKind, NodeEnd};
use crate::time::Now;
use crate::turn::Turn;
use shared::model::{AgentId, AsideKind, Caller, DialResult, InteractionId, LegId, NodeId, PartyId, Refusal};

/// The citizen hears questions.
#[derive(Debug)]
pub(crate) struct Guided {
    /// First entry into the line.
    pub(crate) entered: Now,
    /// The agent who has sent the citizen here.
    pub(crate) left_by: AgentId,
    /// Whom a key has led to, until there is an answer.
    pub(crate) out: Option<Party>,
}

impl Call {
    fn guided(&mut self) -> Result<&mut Guided, Refusal> {
        match &mut self.stage {
            Stage::Guided(guided) => Ok(guided),
            Stage::Opening | Stage::Expecting(_) | Stage::Dialling(_) | Stage::Waiting(_) | Stage::Talking(_) | Stage::Residual(_) => {
                Err(Refusal::WrongState)
            }
        }
    }
}

impl Calls {
    /// 盲转 to a node: the agent is out of it. Whoever was called or took part is let go.
    pub(crate) fn guide(&mut self, turn: &mut Turn, id: InteractionId, node: NodeId) -> Result<Vec<Gone>, Refusal> {
        let gone = self.step(turn, id, |call, turn| {
            let talking = call.talking()?;
            let (entered, from) = (talking.entered, talking.agent);
            let gone = talking.let_go();
            call.note_left(turn, &gone);
            call.transfers += 1;
            call.stage = Stage::Guided(Guided { entered, left_by: from, out: None });
            let fact = call.ledger.sent_on(turn.now, FactKind::SentToNode { from, node });
            call::store_fact(turn, fact);
            Ok(gone)
        })?;
        gone.iter().for_each(|gone| self.forget_party(&gone.party));
        Ok(gone)
    }

    /// The citizen comes into a node.
    pub(crate) fn node_entered(&mut self, turn: &mut Turn, id: InteractionId, node: NodeId) {
        if let Some(call) = self.live.get_mut(&id) {
            let name = turn.plan.nodes.get(&node).map(|plan| (plan.name.clone(), plan.is_survey())).unwrap_or_default();
            let fact = call.ledger.node_entered(turn.now, node, name);
            call::store_fact(turn, fact);
        }
    }

    /// And leaves it.
    pub(crate) fn node_left(&mut self, turn: &mut Turn, id: InteractionId, end: NodeEnd) {
        if let Some(call) = self.live.get_mut(&id)
            && let Some(fact) = call.ledger.node_left(turn.now, end)
        {
            call::store_fact(turn, fact);
        }
    }

    /// A question is put.
    pub(crate) fn question(&mut self, turn: &mut Turn, id: InteractionId, prompts: Vec<PromptName>) {
        if let Some(call) = self.live.get_mut(&id) {
            turn.media(MediaCommand::Announce { leg: call.leg, prompts: prompts.clone(), then: Sound::Silence });
            call.note(turn, FactKind::Announced { prompts });
        }
    }

    /// Somebody outside is called, to go on with the citizen.
    pub(crate) fn call_onward(&mut self, turn: &mut Turn, id: InteractionId, to: CallTo) {
        let leg = self.new_leg();
        let called = self.step(turn, id, |call, turn| {
            let (near, number) = (Some(call.leg), PartyId(call.last_party.0 + 1));
            let guided = call.guided()?;
            let ring_ms = turn.plan.limits.functions.aside_ms;
            let who = Member::Outside(Outgoing::begin(turn, leg, to, Caller::default(), ring_ms, near));
            let party = Party { id: number, who, muted: false, since: turn.now };
            let name = party.name(turn);
            guided.out = Some(party);
            call.last_party = number;
            call.note(turn, FactKind::AsideBegan { party: number, as_what: AsideKind::Transfer, name });
            Ok(())
        });
        if called.is_ok() {
            self.legs.insert(leg, id);
        }
    }

    /// That one has answered: a talk without an agent begins.
    pub(super) fn onward_answered(&mut self, turn: &mut Turn, id: InteractionId) -> Result<(), Refusal> {
        self.step(turn, id, |call, turn| {
            let guided = call.guided()?;
            let (entered, left_by) = (guided.entered, guided.left_by);
            let party = guided.out.take().ok_or(Refusal::WrongState)?;
            let number = party.id;
            call.stage = Stage::Residual(Residual { entered, since: turn.now, left_by, others: vec![party] });
            call.note(turn, FactKind::AsideEnded { party: number, result: DialResult::Answered });
            call.note(turn, FactKind::PartyJoined { party: number });
            Ok(())
        })
    }

    /// That one is not to be had. `false` if nobody was called from a node.
    pub(crate) fn onward_failed(&mut self, turn: &mut Turn, id: InteractionId, result: DialResult) -> bool {
        let failed = self.step(turn, id, |call, turn| {
            let party = call.guided()?.out.take().ok_or(Refusal::WrongState)?;
            call.note(turn, FactKind::AsideEnded { party: party.id, result });
            Ok(party)
        });
        if let Ok(party) = &failed {
            party.free(turn);
            self.forget_party(party);
        }
        failed.is_ok()
    }

    /// The leg of somebody who is called from a node.
    pub(crate) fn is_onward(&self, leg: LegId) -> bool {
        let of_leg = |guided: &Guided| guided.out.as_ref().and_then(Party::leg) == Some(leg);
        self.of_leg(leg).is_some_and(|call| matches!(&call.stage, Stage::Guided(guided) if of_leg(guided)))
    }
}
