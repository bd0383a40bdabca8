//! When the order by occupancy is made anew (2.1).

use call_core::command::{AgentCommand, MediaAccess, MediaCommand};
use call_core::input::AgentAction;
use call_core::plan::{AgentPlan, Plan, QueuePlan, Strategy};
use call_core::{Command, Core, Input, Now, Reason, Time};
use shared::model::{AgentId, InteractionId, NotReadyReason, QueueId, RequestId, SessionId, UnixMillis};
use std::collections::BTreeMap;

const AGENT: AgentId = AgentId(1);
const SESSION: SessionId = SessionId(7);
const QUEUE: QueueId = QueueId(1);

fn feed(core: &mut Core, time: u64, input: Input) {
    core.handle(Now { time: Time(time), utc: UnixMillis(1) }, input);
    while let Some(command) = core.poll() {
        match command {
            Command::Media(MediaCommand::OpenAgent { agent, leg }) => {
                feed(core, time, Input::AgentMediaOpened { agent, leg, access: MediaAccess("keys".into()) });
                feed(core, time, Input::AgentMediaReachable { leg, reachable: true });
            }
            Command::Agent(AgentCommand::SignInFailed { .. }) => panic!("the agent was not let in"),
            _ => {}
        }
    }
}

fn ask(core: &mut Core, time: u64, action: AgentAction) {
    feed(core, time, Input::AgentAsked { agent: AGENT, session: SESSION, request: RequestId(time), action });
}

/// One agent of one queue, signed in.
fn core(strategy: Strategy) -> Core {
    let plan = Plan {
        queues: BTreeMap::from([(QUEUE, QueuePlan { strategy, ..QueuePlan::default() })]),
        agents: BTreeMap::from([(AGENT, AgentPlan { queues: vec![QUEUE], ..AgentPlan::default() })]),
        ..Plan::default()
    };
    let mut core = Core::new(plan, InteractionId(1));
    feed(&mut core, 1_000, Input::AgentArrived { agent: AGENT, session: SESSION, voice: None });
    core
}

#[test]
fn the_core_wakes_at_each_full_minute_while_somebody_is_free_by_occupancy_so_that_no_decision_has_to_sort() {
    let minute = |count: u64| Some((Time(count * 60_000), Reason::MinuteBegins));
    let mut core = core(Strategy::LeastOccupied);
    assert_eq!(core.next_deadline(), None, "nobody is free");
    ask(&mut core, 2_000, AgentAction::GoReady);
    assert_eq!(core.next_deadline(), minute(1));
    feed(&mut core, 60_000, Input::Tick);
    assert_eq!(core.next_deadline(), minute(2));
    feed(&mut core, 200_000, Input::Tick);
    assert_eq!(core.next_deadline(), minute(4), "a late clock leaves minutes out");
    ask(&mut core, 201_000, AgentAction::GoNotReady(NotReadyReason::Break));
    assert_eq!(core.next_deadline(), None, "nothing fires for nothing (I-2)");
}

#[test]
fn no_other_strategy_wakes_for_nothing() {
    let mut core = core(Strategy::LongestIdle);
    ask(&mut core, 2_000, AgentAction::GoReady);
    assert_eq!(core.next_deadline(), None, "I-2");
}
