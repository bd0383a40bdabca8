//! What agents do when their desks look like this: often too late, sometimes twice, sometimes not at all.

use crate::draw::phone;
use crate::world::{Event, World};
use call_core::input::AgentAction;
use shared::model::{AgentId, AgentState, CallFunction, Desk, NotReadyReason, OfferId, SessionId};

/// A desk has changed before somebody's eyes.
pub(crate) fn react(world: &mut World, agent: AgentId, session: SessionId, desk: &Desk) {
    let clicks = |action| Event::Clicks(agent, session, action);
    let roll = world.random.u32(0..100);
    let reason = NotReadyReason::CHOOSABLE[world.random.usize(0..5)];
    match desk.state {
        AgentState::NotReady(NotReadyReason::Locked) => world.after(40_000, clicks(AgentAction::Unlock)),
        AgentState::NotReady(_) => {
            world.after(30_000, clicks(AgentAction::GoReady));
            match roll {
                0..8 => world.after(10_000, clicks(AgentAction::AwaitNotReady(reason))),
                8..12 => world.after(10_000, clicks(AgentAction::GoNotReady(reason))),
                12..14 => world.after(10_000, clicks(AgentAction::Lock)),
                14..20 => world.after(20_000, clicks(AgentAction::Dial(phone("13800138000").into()))),
                _ => {}
            }
        }
        AgentState::Ready => match roll {
            0..10 => world.after(120_000, clicks(AgentAction::GoNotReady(NotReadyReason::Break))),
            10..12 => world.after(120_000, clicks(AgentAction::SignOut)),
            12..22 => world.after(60_000, clicks(AgentAction::AwaitNotReady(reason))),
            22..25 => world.after(60_000, clicks(AgentAction::Lock)),
            25..26 => world.after(60_000, clicks(AgentAction::Unlock)),
            26..32 => world.after(60_000, clicks(AgentAction::Dial(phone("13800138000").into()))),
            _ => {}
        },
        AgentState::Lost | AgentState::Consulting => {}
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
        0..60 => world.after(30_000, does(CallFunction::Retrieve)),
        60..65 => world.after(30_000, does(CallFunction::Hold)),
        65..75 => world.after(30_000, clicks(AgentAction::HangUp(call.interaction))),
        75..85 => world.after(20_000, clicks(AgentAction::GoNotReady(reason))),
        85..88 => world.after(20_000, clicks(AgentAction::SignOut)),
        _ => {}
    }
}
