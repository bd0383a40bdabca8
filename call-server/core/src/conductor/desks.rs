//! Builds the desk of each agent whose state or call changed and shows it, at most once per input.

use crate::Core;
use crate::acd::{Activity, Agent};
use crate::calls::Call;
use crate::command::AgentCommand;
use shared::model::{AgentId, CallView, Desk, InteractionId, OfferView, WrapUpView};

impl Core {
    /// Shows every desk that really looks different now.
    pub(crate) fn show_changed(&mut self) {
        // Whether there is something to be heard changes with the agent who is listened to.
        self.watches.keys().for_each(|supervisor| self.acd.touch(*supervisor));
        let touched = self.acd.take_touched();
        self.settle_phones(&touched);
        self.tell_floor(&touched);
        for agent in touched {
            let seated = self.acd.agent(agent).filter(|agent| agent.unattended.is_none());
            let Some(desk) = seated.map(|agent| self.desk(agent)) else { continue };
            let Some(agent) = self.acd.agent_mut(agent) else { continue };
            if agent.shown.as_deref().is_some_and(|shown| same(shown, &desk)) {
                continue;
            }
            agent.revision += 1;
            let desk = Box::new(Desk { revision: agent.revision, ..desk });
            agent.shown = Some(desk.clone());
            let (agent, session) = (agent.agent, agent.session);
            self.turn.agent(AgentCommand::Show { agent, session, desk });
        }
        self.acd.take_touched();
    }

    /// The desks that show a call may look different now.
    pub(super) fn touch_desks_of(&mut self, interaction: InteractionId) {
        let call = self.calls.get(interaction);
        let owner = call.and_then(|call| call.owner());
        let parties = call.into_iter().flat_map(|call| call.stage.parties().filter_map(|party| party.agent()));
        let shown: Vec<AgentId> = owner.into_iter().chain(parties).chain(self.acd.rings_for(interaction)).collect();
        for agent in shown {
            self.acd.touch(agent);
        }
    }

    fn desk(&self, agent: &Agent) -> Desk {
        Desk {
            revision: agent.revision,
            now: self.turn.now.utc,
            state: agent.activity.state(),
            since: agent.since().utc,
            offer: self.offer_view(agent),
            call: self.talk_view(agent),
            wrap_up: wrap_up_view(agent),
            notice: agent.notice,
            next: agent.next(),
            limit: agent.limit.map(|limit| limit.utc),
            awaits: self.acd.awaited(agent.agent),
            watches: self.watch_view(agent.agent),
            voice: self.voice_view(agent.agent),
        }
    }

    fn talk_view(&self, agent: &Agent) -> Option<CallView> {
        let call = self.calls.get(agent.talk()?.interaction)?;
        Some(for_eyes_of(agent.agent, call, call.talking_view(&self.turn, agent.agent)?))
    }

    fn offer_view(&self, agent: &Agent) -> Option<OfferView> {
        let Activity::Offered(offered) = agent.activity else { return None };
        let call = self.calls.get(offered.interaction)?;
        let call = for_eyes_of(agent.agent, call, call.ringing_view(&self.turn, offered.began));
        let auto_answer = offered.accepts_itself.map(|at| at.utc);
        Some(OfferView { offer: offered.offer, call, expires: offered.expires.utc, auto_answer })
    }
}

/// Who served this number last sees it.
fn for_eyes_of(agent: AgentId, call: &Call, mut view: CallView) -> CallView {
    view.known.served_by_you = call.served == Some(agent);
    view
}

fn wrap_up_view(agent: &Agent) -> Option<WrapUpView> {
    let Activity::WrapUp(wrap_up) = agent.activity else { return None };
    Some(WrapUpView {
        interaction: wrap_up.interaction,
        expires: wrap_up.expires.utc,
        ended_by: wrap_up.ended_by,
        extensions: wrap_up.rule.extensions,
    })
}

/// Equal but for revision and clock.
fn same(shown: &Desk, desk: &Desk) -> bool {
    let Desk { revision: _, now: _, state, since, offer, call, wrap_up, notice, next, limit, awaits, watches, voice } = desk;
    shown.state == *state
        && shown.since == *since
        && shown.offer == *offer
        && shown.call == *call
        && shown.wrap_up == *wrap_up
        && shown.notice == *notice
        && shown.next == *next
        && shown.limit == *limit
        && shown.awaits == *awaits
        && shown.watches == *watches
        && shown.voice == *voice
}
