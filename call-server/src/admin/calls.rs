//! `call`: what is on record. It only reads.

use super::cli::Call;
use super::{Failure, Outcome, load, open_store};
use crate::store::{CallReport, RecordingReport};
use call_core::origin::Diversion;
use serde_json::json;
use shared::model::{Direction, InteractionId, Track, UnixMillis, VoiceTrouble};
use std::path::Path;

pub(super) fn call(site: &Path, command: &Call) -> Result<Outcome, Failure> {
    let store = open_store(&load(site)?)?;
    match command {
        Call::List { limit } => {
            let calls = store.calls(*limit)?;
            let rows: Vec<_> = calls.iter().map(call_row).collect();
            let text = if rows.is_empty() { "No calls yet.".to_owned() } else { rows.join("\n") };
            Ok(Outcome::new(text, json!({"calls": calls})))
        }
        Call::Trace { id, full } => super::trace::trace(site, *id, *full),
        Call::Show { id } => match store.call(InteractionId(*id))? {
            Some(call) => Ok(Outcome::new(call_text(&call), json!(call))),
            None => Err(Failure::new("no_such_call", format!("there is no call {id}"), "`call-server call list` shows the newest.")),
        },
    }
}

fn call_row(call: &CallReport) -> String {
    let caller = call.caller.number.as_ref().map_or("withheld", |number| number.reveal().as_str());
    let probe = if call.probe { " probe" } else { "" };
    let outbound = if call.direction == Direction::Outbound { " outbound" } else { "" };
    let result = call.result.as_ref().map_or_else(
        || "still running".to_owned(),
        |result| format!("{} length {} talk {}", result.reason.code(), seconds(result.length_ms), seconds(result.talk_ms)),
    );
    let agents: Vec<_> = call.segments.iter().filter_map(|segment| segment.agent_number.as_deref()).collect();
    let agents = if agents.is_empty() { String::new() } else { format!(" agents {}", agents.join(", ")) };
    let diverted = if call.diversions.is_empty() { String::new() } else { format!(" diverted from {}", diverted_from(&call.diversions)) };
    let (started, dialled) = (moment(call.started), call.dialled.as_str());
    format!("{:<6} {started} {caller} -> {dialled}{outbound}{probe} {result}{agents}{diverted}", call.interaction)
}

/// `051912345 (busy), withheld (no_answer)`, the first one first.
fn diverted_from(diversions: &[Diversion]) -> String {
    let one = |diversion: &Diversion| {
        let number = diversion.number.as_ref().map_or("withheld", |number| number.reveal().as_str());
        format!("{number} ({})", diversion.reason.code())
    };
    diversions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The codes of what troubled a talk.
fn troubles_text(troubles: &[VoiceTrouble]) -> String {
    let codes: Vec<String> = troubles.iter().filter_map(|trouble| json!(trouble).as_str().map(str::to_owned)).collect();
    if codes.is_empty() { "no troubles".to_owned() } else { codes.join(", ") }
}

fn call_text(call: &CallReport) -> String {
    let mut lines = vec![call_row(call)];
    if let Some(result) = &call.result {
        let wait = result.wait_ms.map_or("never queued".to_owned(), |wait| format!("waited {}", seconds(wait)));
        lines.push(format!("  ended {} by {}, {wait}", moment(result.ended), result.ended_by.code()));
        lines.extend(result.dial_result.map(|dialled| format!("  dialled: {}", dialled.code())));
        lines.extend(result.callback_of.map(|promised| format!("  called back: promised in call {promised}")));
        if result.transfers > 0 || result.residual_ms > 0 {
            lines.push(format!("  handed over {} times, {} without an agent", result.transfers, seconds(result.residual_ms)));
        }
    }
    for segment in &call.segments {
        let agent = segment.agent_number.as_deref().unwrap_or("unknown");
        lines.push(format!(
            "  part {}: agent {agent}, rang {}, talked {}, held {} in {} times",
            segment.segment,
            seconds(segment.ring_ms),
            seconds(segment.talk_ms),
            seconds(segment.hold_ms),
            segment.holds
        ));
    }
    for visit in &call.visits {
        let (node, name, stay) = (visit.node, &visit.name, seconds(visit.length_ms));
        lines.push(format!("  node {node} {name}: {stay}, {}", super::explain::visit_words(&visit.end)));
    }
    lines.extend(call.recording.iter().chain(&call.tracks).map(|recording| format!("  recording {}", recording_row(recording))));
    lines.extend(call.marks.iter().map(super::recordings::mark_row));
    for sound in &call.sound {
        let (mean, troubles) = (&sound.mean, troubles_text(&sound.troubles));
        lines.push(format!(
            "  sound of talk {}, {}: score {:.2}, worst {:.2}, lost {:.1} %, jitter {} ms, {troubles}",
            sound.talk,
            sound.leg,
            f64::from(mean.score_hundredths) / 100.0,
            f64::from(sound.worst_score_hundredths) / 100.0,
            f64::from(mean.lost_permille) / 10.0,
            mean.jitter_ms
        ));
    }
    lines.extend(call.facts.iter().map(|fact| format!("  +{:>9} {}", seconds(fact.offset_ms), fact.kind.code())));
    lines.join("\n")
}

pub(super) fn recording_row(recording: &RecordingReport) -> String {
    let length = recording.length_ms.map_or("-".to_owned(), seconds);
    let failure = recording.failure.as_deref().map_or(String::new(), |failure| format!(" ({failure})"));
    let held = recording.held.as_deref().map_or(String::new(), |reason| format!(" HELD ({reason})"));
    let id = match recording.track {
        Track::Main => recording.recording.to_string(),
        Track::Whisper | Track::Consultation => recording.track.code().to_owned(),
    };
    let (call, state) = (recording.interaction, recording.state.code());
    format!("{id:<6} call {call} {} {state}{failure}{held} length {length} {}", moment(recording.started), recording.path)
}

pub(super) fn moment(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| format!("{at:.0}"))
}

pub(super) fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}
