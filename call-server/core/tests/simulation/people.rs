//! What agents do when their desks look like this: often too late, sometimes twice, sometimes not at all.

use crate::draw::phone;
use crate::world::{Event, World};
use call_core::input::AgentAction;
use shared::model::{
    AgentId, AgentState, CallFunction, Desk, InteractionId, NotReadyReason, OfferId, PartyId, QueueId, SessionId, SupervisorAct, Target,
    WatchMode,
};

/// A desk has changed before somebody's eyes.
pub(crate) fn react(world: &mut World, agent: AgentId, session: SessionId, desk: &Desk) {
    let clicks = |action| Event::Clicks(agent, session, action);
    let roll = world.random.u32(0..100);
    let reason = NotReadyReason::CHOOSABLE[world.random.usize(0..5)];
    match desk.state {
        AgentState::NotReady(NotReadyReason::Locked) => world.after(40_000, clicks(AgentAction::Unlock)),
        AgentState::NotReady(_) => react_to_rest(world, (agent, session), desk, roll),
        AgentState::Ready => match roll {
            // Takes a call out of the line.
            32..36 => supervises(world, agent, session),
            0..10 => world.after(120_000, clicks(AgentAction::GoNotReady(NotReadyReason::Break))),
            10..12 => world.after(120_000, clicks(AgentAction::SignOut)),
            12..22 => world.after(60_000, clicks(AgentAction::AwaitNotReady(reason))),
            22..25 => world.after(60_000, clicks(AgentAction::Lock)),
            25..26 => world.after(60_000, clicks(AgentAction::Unlock)),
            26..32 => world.after(60_000, clicks(AgentAction::Dial(phone("13800138000").into()))),
            _ => {}
        },
        AgentState::Lost => {}
        AgentState::Consulting => react_to_consultation(world, (agent, session), desk),
        AgentState::Holding => react_to_hold(world, (agent, session), desk, reason),
        AgentState::Outbound => {
            let Some(call) = desk.call.as_ref() else { return };
            world.after(90_000, clicks(AgentAction::HangUp(call.interaction)));
            match roll {
                0..10 => world.after(20_000, clicks(AgentAction::GoNotReady(reason))),
                10..14 => world.after(20_000, clicks(AgentAction::SignOut)),
                14..18 => world.after(20_000, clicks(AgentAction::GoReady)),
                _ => {}
            }
        }
        AgentState::Offered => {
            let Some(offer) = desk.offer.as_ref().map(|view| view.offer) else { return };
            react_to_offer(world, (agent, session), offer, roll);
        }
        AgentState::Talking => {
            let Some(call) = desk.call.as_ref() else { return };
            world.after(100_000, clicks(AgentAction::HangUp(call.interaction)));
            match roll {
                0..20 => world.after(60_000, clicks(AgentAction::GoNotReady(reason))),
                20..26 => world.after(60_000, clicks(AgentAction::SignOut)),
                26..30 => world.after(60_000, clicks(AgentAction::GoNotReady(NotReadyReason::System))),
                30..45 => world.after(60_000, clicks(AgentAction::AwaitNotReady(reason))),
                45..47 => world.after(60_000, clicks(AgentAction::Lock)),
                47..67 => world.after(40_000, clicks(AgentAction::Call(call.interaction, CallFunction::Hold))),
                67..69 => world.after(40_000, clicks(AgentAction::Call(call.interaction, CallFunction::Retrieve))),
                _ => {}
            }
            does_something(world, (agent, session), desk);
            if roll < 13 {
                world.after(60_000, clicks(AgentAction::GoReady));
            }
        }
        AgentState::WrapUp => match roll {
            0..40 => world.after(20_000, clicks(AgentAction::EndWrapUp)),
            40..50 => world.after(20_000, clicks(AgentAction::GoReady)),
            50..60 => world.after(20_000, clicks(AgentAction::GoNotReady(NotReadyReason::Meal))),
            60..63 => world.after(20_000, clicks(AgentAction::SignOut)),
            63..85 => world.after(5_000, clicks(AgentAction::ExtendWrapUp)),
            85..90 => world.after(5_000, clicks(AgentAction::AwaitNotReady(reason))),
            90..92 => world.after(5_000, clicks(AgentAction::Lock)),
            _ => {}
        },
    }
}

/// Whoever is 示忙 goes on soon; a supervisor looks around first.
fn react_to_rest(world: &mut World, (agent, session): (AgentId, SessionId), desk: &Desk, roll: u32) {
    let clicks = |action| Event::Clicks(agent, session, action);
    let reason = NotReadyReason::CHOOSABLE[world.random.usize(0..5)];
    world.after(if desk.watches.is_some() { 120_000 } else { 30_000 }, clicks(AgentAction::GoReady));
    supervises(world, agent, session);
    match roll {
        0..8 => world.after(10_000, clicks(AgentAction::AwaitNotReady(reason))),
        8..12 => world.after(10_000, clicks(AgentAction::GoNotReady(reason))),
        12..14 => world.after(10_000, clicks(AgentAction::Lock)),
        14..20 => world.after(20_000, clicks(AgentAction::Dial(phone("13800138000").into()))),
        _ => {}
    }
}

fn react_to_offer(world: &mut World, (agent, session): (AgentId, SessionId), offer: OfferId, roll: u32) {
    let clicks = |action| Event::Clicks(agent, session, action);
    match roll {
        0..55 => world.after(6_000, clicks(AgentAction::Accept(offer))),
        55..65 => world.after(25_000, clicks(AgentAction::Accept(offer))),
        65..75 => world.after(5_000, clicks(AgentAction::Reject(offer))),
        75..79 => world.after(5_000, clicks(AgentAction::GoNotReady(NotReadyReason::Meeting))),
        79..81 => world.after(5_000, clicks(AgentAction::SignOut)),
        81..84 => world.after(5_000, Event::Breaks(agent)),
        84..86 => world.after(5_000, clicks(AgentAction::Lock)),
        86..88 => world.after(5_000, clicks(AgentAction::AwaitNotReady(NotReadyReason::Break))),
        88..90 => world.after(3_000, Event::Sits(agent, session, false)),
        _ => {}
    }
    if roll.is_multiple_of(9) {
        world.after(10_000, clicks(AgentAction::Accept(offer)));
        world.after(10_000, clicks(AgentAction::Reject(offer)));
    }
}

/// A citizen is held: mostly for a short while, sometimes forgotten.
fn react_to_hold(world: &mut World, (agent, session): (AgentId, SessionId), desk: &Desk, reason: NotReadyReason) {
    let clicks = |action| Event::Clicks(agent, session, action);
    let Some(call) = desk.call.as_ref() else { return };
    let does = |function| clicks(AgentAction::Call(call.interaction, function));
    match world.random.u32(0..100) {
        0..55 => world.after(30_000, does(CallFunction::Retrieve)),
        55..60 => does_something(world, (agent, session), desk),
        60..65 => world.after(30_000, does(CallFunction::Hold)),
        65..75 => world.after(30_000, clicks(AgentAction::HangUp(call.interaction))),
        75..85 => world.after(20_000, clicks(AgentAction::GoNotReady(reason))),
        85..88 => world.after(20_000, clicks(AgentAction::SignOut)),
        _ => {}
    }
}

/// Something with a call, sometimes what its stage does not allow.
fn does_something(world: &mut World, (agent, session): (AgentId, SessionId), desk: &Desk) {
    let Some(call) = desk.call.as_ref().filter(|_| world.chance(45)) else { return };
    let guest = call.talk.guest_of.is_some();
    let others: Vec<PartyId> = call.talk.others.iter().map(|party| party.party).collect();
    if !others.is_empty() && !guest && world.chance(60) {
        let party = others[world.random.usize(0..others.len())];
        let function = match world.random.u32(0..10) {
            0..5 => CallFunction::Leave,
            5 | 6 => CallFunction::DropParty { party },
            _ => CallFunction::MuteParty { party, muted: world.random.bool() },
        };
        return world.after(30_000, Event::Clicks(agent, session, AgentAction::Call(call.interaction, function)));
    }
    let to = target(world);
    let function = match world.random.u32(0..20) {
        0..6 => CallFunction::Consult { to },
        6..10 => CallFunction::Invite { to },
        10..15 => CallFunction::Transfer { to },
        15 => CallFunction::Swap,
        16 => CallFunction::Merge,
        17 => CallFunction::Complete,
        18 => CallFunction::Leave,
        _ => CallFunction::Cancel,
    };
    world.after(30_000, Event::Clicks(agent, session, AgentAction::Call(call.interaction, function)));
}

/// A colleague, mostly one who is free; a queue; somebody outside.
fn target(world: &mut World) -> Target {
    match world.random.u32(0..10) {
        0..4 => Target::Number(phone(["110", "13800138001", "13800138002"][world.random.usize(0..3)]).into()),
        4..7 => {
            let queues = world.queues();
            Target::Queue(if queues.is_empty() { QueueId(0) } else { queues[world.random.usize(0..queues.len())] })
        }
        _ => Target::Agent(world.somebody(true)),
    }
}

/// Somebody is called or consulted beside the citizen.
fn react_to_consultation(world: &mut World, (agent, session): (AgentId, SessionId), desk: &Desk) {
    let Some(call) = desk.call.as_ref() else { return };
    let does = |function| Event::Clicks(agent, session, AgentAction::Call(call.interaction, function));
    match world.random.u32(0..100) {
        0..20 => world.after(20_000, does(CallFunction::Complete)),
        20..40 => world.after(20_000, does(CallFunction::Merge)),
        40..55 => world.after(20_000, does(CallFunction::Swap)),
        55..75 => world.after(30_000, does(CallFunction::Cancel)),
        75..78 => world.after(20_000, does(CallFunction::Leave)),
        78..90 => world.after(60_000, Event::Clicks(agent, session, AgentAction::HangUp(call.interaction))),
        90..93 => world.after(20_000, Event::Clicks(agent, session, AgentAction::SignOut)),
        93..95 => world.after(20_000, Event::Breaks(agent)),
        _ => {}
    }
    // Nobody consults for ever.
    world.after(200_000, does(CallFunction::Cancel));
}

/// A supervisor does something; whoever is none tries it now and then.
fn supervises(world: &mut World, supervisor: AgentId, session: SessionId) {
    if !world.chance(if world.is_supervisor(supervisor) { 40 } else { 2 }) {
        return;
    }
    let agent = world.somebody(false);
    let mode = [WatchMode::Listen, WatchMode::Whisper, WatchMode::Barge][world.random.usize(0..3)];
    let waiting: Vec<InteractionId> = world.waiting();
    let some_call = if waiting.is_empty() { InteractionId(1) } else { waiting[world.random.usize(0..waiting.len())] };
    let queues = world.queues();
    let queue = if queues.is_empty() { QueueId(0) } else { queues[world.random.usize(0..queues.len())] };
    let reason = NotReadyReason::CHOOSABLE[world.random.usize(0..5)];
    let act = match world.random.u32(0..20) {
        0..8 => SupervisorAct::Watch { agent, mode },
        8 => SupervisorAct::Unwatch,
        9 | 10 => SupervisorAct::TakeOver { agent },
        11 => SupervisorAct::Release { agent },
        12 => SupervisorAct::ForceReady { agent },
        13 => SupervisorAct::ForceNotReady { agent, reason },
        14 => SupervisorAct::ForceSignOut { agent },
        15 | 16 => SupervisorAct::Move { interaction: some_call, queue },
        _ => SupervisorAct::PickUp { interaction: some_call },
    };
    let why = if world.chance(3) { " " } else { "演练" };
    let soon = if matches!(act, SupervisorAct::Move { .. } | SupervisorAct::PickUp { .. }) { 500 } else { 20_000 };
    world.after(soon, Event::Clicks(supervisor, session, AgentAction::Supervise(act, why.to_owned())));
    if matches!(act, SupervisorAct::Watch { .. }) && world.chance(30) {
        let act = SupervisorAct::Watch { agent, mode: WatchMode::Barge };
        world.after(60_000, Event::Clicks(supervisor, session, AgentAction::Supervise(act, why.to_owned())));
        world.after(90_000, Event::Clicks(supervisor, session, AgentAction::Supervise(SupervisorAct::Unwatch, why.to_owned())));
    }
}
