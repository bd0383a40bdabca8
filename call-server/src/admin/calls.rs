//! `call` and `recording`: what is on record. It reads and exports; it never writes to the store.

use super::cli::{Call, Recording};
use super::{Failure, Outcome, load, open_store};
use crate::recording::{Ending, ExportError, export_wav, levels};
use crate::store::{CallReport, RecordingReport};
use serde_json::json;
use shared::model::{InteractionId, RecordingId, UnixMillis};
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
        Call::Show { id } => match store.call(InteractionId(*id))? {
            Some(call) => Ok(Outcome::new(call_text(&call), json!(call))),
            None => Err(Failure::new("no_such_call", format!("there is no call {id}"), "`call-server call list` shows the newest.")),
        },
    }
}

pub(super) fn recording(site: &Path, command: &Recording) -> Result<Outcome, Failure> {
    let site = load(site)?;
    let store = open_store(&site)?;
    match command {
        Recording::List { limit } => {
            let recordings = store.recordings(*limit)?;
            let rows: Vec<_> = recordings.iter().map(recording_row).collect();
            let text = if rows.is_empty() { "No recordings yet.".to_owned() } else { rows.join("\n") };
            Ok(Outcome::new(text, json!({"recordings": recordings})))
        }
        Recording::Export { id, file, force } => {
            let Some(found) = store.recording(RecordingId(*id))? else {
                let message = format!("there is no recording {id}");
                return Err(Failure::new("no_such_recording", message, "`call-server recording list` shows the newest."));
            };
            export(&site.recording.folder.join(&found.path), &found, file, *force)
        }
    }
}

fn call_row(call: &CallReport) -> String {
    let caller = call.caller.number.as_ref().map_or("withheld", |number| number.reveal().as_str());
    let probe = if call.probe { " probe" } else { "" };
    let result = call.result.as_ref().map_or_else(
        || "still running".to_owned(),
        |result| format!("{} length {} talk {}", result.reason.code(), seconds(result.length_ms), seconds(result.talk_ms)),
    );
    let agents: Vec<_> = call.segments.iter().filter_map(|segment| segment.agent_number.as_deref()).collect();
    let agents = if agents.is_empty() { String::new() } else { format!(" agents {}", agents.join(", ")) };
    format!("{:<6} {} {caller} -> {}{probe} {result}{agents}", call.interaction, moment(call.started), call.dialled.as_str())
}

fn call_text(call: &CallReport) -> String {
    let mut lines = vec![call_row(call)];
    if let Some(result) = &call.result {
        let wait = result.wait_ms.map_or("never queued".to_owned(), |wait| format!("waited {}", seconds(wait)));
        lines.push(format!("  ended {} by {}, {wait}", moment(result.ended), result.ended_by.code()));
    }
    for segment in &call.segments {
        let agent = segment.agent_number.as_deref().unwrap_or("unknown");
        lines.push(format!(
            "  part {}: agent {agent}, rang {}, talked {}",
            segment.segment,
            seconds(segment.ring_ms),
            seconds(segment.talk_ms)
        ));
    }
    lines.extend(call.recording.iter().map(|recording| format!("  recording {}", recording_row(recording))));
    lines.extend(call.facts.iter().map(|fact| format!("  +{:>9} {}", seconds(fact.offset_ms), fact.kind.code())));
    lines.join("\n")
}

fn recording_row(recording: &RecordingReport) -> String {
    let length = recording.length_ms.map_or("-".to_owned(), seconds);
    let failure = recording.failure.as_deref().map_or(String::new(), |failure| format!(" ({failure})"));
    let (id, call, state) = (recording.recording, recording.interaction, recording.state.code());
    format!("{id:<6} call {call} {} {state}{failure} length {length} {}", moment(recording.started), recording.path)
}

fn moment(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| format!("{at:.0}"))
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

fn export(source: &Path, found: &RecordingReport, file: &Path, force: bool) -> Result<Outcome, Failure> {
    let exported = export_wav(source, file, force).map_err(not_exported)?;
    let (whole, note) = match exported.ending {
        Ending::Complete => (true, ""),
        Ending::Cut { .. } => {
            (false, " The recording has no end: it still runs, or the server stopped within it. What is there was written.")
        }
        Ending::Damaged { .. } => (false, " The recording is damaged after this; what came before was written."),
    };
    let heard = levels(source).map_err(|error| not_exported(error.into()))?;
    let text = format!(
        "Recording {} is in {}: {}, citizen left ({}), agent right ({}).{note}",
        found.recording,
        file.display(),
        seconds(exported.length_ms),
        level(heard.citizen_dbfs),
        level(heard.agent_dbfs)
    );
    let json = json!({
        "recording": found,
        "file": file,
        "length_ms": exported.length_ms,
        "whole": whole,
        "citizen_level_dbfs": heard.citizen_dbfs,
        "agent_level_dbfs": heard.agent_dbfs,
    });
    Ok(Outcome::new(text, json))
}

fn level(dbfs: Option<f64>) -> String {
    dbfs.map_or_else(|| "silent".to_owned(), |dbfs| format!("{dbfs:.1} dBFS"))
}

fn not_exported(error: ExportError) -> Failure {
    let message = error.to_string();
    match error {
        ExportError::Exists { .. } => Failure::new("file_exists", message, "Name another file, or replace it with --force."),
        ExportError::Write { .. } => Failure::new("not_writable", message, "Choose a folder that you may write."),
        ExportError::Read(_) => {
            Failure::new("recording_unreadable", message, "Check [recording] folder in hotline.toml, and the backup of the recordings.")
        }
    }
}
