//! A citizen with a telephone: one SIP call with real voice, planned beforehand and reported afterwards.
//!
//! Built on rsip and sharing no line with our own SIP layer, so that the two ends cannot agree on a mistake. It is the probe, the
//! caller of the demo, of the end-to-end tests and of the load. It also registers, proves who it is, holds, presses keys, asks for
//! transfers, and misbehaves when told to, in a call or as a stranger who floods and holds connections. It is no telephone for people: no incoming calls, no sound card, calls over UDP only, and, because rsip
//! cannot read its addresses, no IPv6.

mod acting;
mod attack;
mod codec;
mod deed;
mod line;
mod message;
mod misbehaving;
mod phone;
mod plan;
mod proof;
mod register;
mod sdp;
mod wav;

pub use attack::{Attack, AttackPlan, AttackReport, attack};
pub use codec::level_dbfs;
pub use deed::{Act, Deed, Done, Fault};
pub use plan::{CallPlan, CallReport, CitizenError, EndedBy, Ending, Limits, Outcome, Speech};
pub use proof::Credentials;
pub use register::{RegisterPlan, Registration, register_once};
pub use wav::{read as read_wav, write as write_wav};

use message::{Dialog, Names};
use std::net::IpAddr;
use tokio::net::UdpSocket;

/// Makes a call and waits for its end.
///
/// # Errors
/// [`CitizenError`] when it could not be tried, or its recording not be written; what the far end did is in the report.
pub async fn call(plan: CallPlan) -> Result<CallReport, CitizenError> {
    call_until(plan, std::future::pending()).await
}

/// Makes a call that also ends (by CANCEL or BYE) when `hang_up` completes.
///
/// # Errors
/// As [`call`].
pub async fn call_until(plan: CallPlan, hang_up: impl Future<Output = ()>) -> Result<CallReport, CitizenError> {
    for number in plan.from.iter().chain([&plan.to]) {
        check_number(number)?;
    }
    let socket = bind(plan.bind).await?;
    let unusable = |source| CitizenError::Bind { address: plan.bind, source };
    socket.connect(plan.server).await.map_err(unusable)?;
    let local = socket.local_addr().map_err(unusable)?;
    let names = Names { unique: format!("{:016x}{:04x}", fastrand::u64(..), local.port()) };
    let dialog = Dialog::new(local, plan.server, plan.from.as_deref(), &plan.to, names);
    let line = line::Line::new(bind(plan.bind).await?, plan.speech.clone(), plan.played, fastrand::u64(..));
    let (outcome, notes, line) = phone::Phone::dial(&plan, socket, dialog, line, fastrand::u32(..)).await?.run(hang_up).await;
    let line::Finished { packets_sent, packets_received, packets_lost, jitter_ms, heard } = line.finish();
    if let Some(path) = &plan.record {
        wav::write(path, &heard)?;
    }
    Ok(CallReport {
        outcome,
        status: notes.status,
        ringing_ms: notes.ringing_ms,
        answered_ms: notes.answered_ms,
        talk_ms: notes.talk_ms,
        ended_by: notes.ended_by,
        done: notes.done,
        odd_statuses: notes.odd_statuses,
        packets_sent,
        packets_received,
        packets_lost,
        jitter_ms,
        heard_dbfs: level_dbfs(&heard),
        heard,
    })
}

async fn bind(address: IpAddr) -> Result<UdpSocket, CitizenError> {
    UdpSocket::bind((address, 0)).await.map_err(|source| CitizenError::Bind { address, source })
}

/// A number stands in SIP addresses, so it may hold nothing that ends one.
fn check_number(number: &str) -> Result<(), CitizenError> {
    let plain = !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit() || "+*#".contains(digit));
    if plain { Ok(()) } else { Err(CitizenError::Number(number.to_owned())) }
}
