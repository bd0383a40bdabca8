//! `recording`: lists, exports, verifies and rescues recordings, and changes the key that seals them.

use super::calls::{recording_row, seconds};
use super::changes::Change;
use super::cli::{HoldWishes, Recording, TrackName, Verify};
use super::people::{make, text};
use super::{DataLock, Failure, Outcome, load, open_store};
use crate::archive::{self, Choice, Rotation, VerifyFault};
use crate::config::Site;
use crate::recording::{self, Ending, Envelope, ExportError, KeyError, KeyRing, Spare, export_part, export_wav, levels};
use crate::store::{RecordingReport, Role, Store};
use serde_json::json;
use shared::model::{InteractionId, Mark, RecordingId, Track};
use std::path::Path;

pub(super) fn recording(folder: &Path, command: &Recording) -> Result<Outcome, Failure> {
    let site = load(folder)?;
    let store = open_store(&site)?;
    match command {
        Recording::List { limit } => {
            let recordings = store.recordings(*limit)?;
            let rows: Vec<_> = recordings.iter().map(recording_row).collect();
            let text = if rows.is_empty() { "No recordings yet.".to_owned() } else { rows.join("\n") };
            Ok(Outcome::new(text, json!({"recordings": recordings})))
        }
        Recording::Export { id, track, file, force, from_ms, length_ms } => {
            let wanted = match track {
                TrackName::Main => RecordingId(*id),
                TrackName::Whisper => RecordingId::of(InteractionId(*id), Track::Whisper),
                TrackName::Consultation => RecordingId::of(InteractionId(*id), Track::Consultation),
            };
            let found = store.recording(wanted)?.ok_or_else(|| unknown(*id))?;
            let marks = if wanted.track() == Track::Main {
                store.call(found.interaction)?.map(|call| call.marks).unwrap_or_default()
            } else {
                Vec::new()
            };
            let (source, keys) = (site.recording.folder.join(&found.path), keys_if_any(&site)?);
            if *from_ms == 0 && length_ms.is_none() {
                return export(&source, &keys, (&found, &marks), file, *force);
            }
            let part = *from_ms..from_ms.saturating_add(length_ms.unwrap_or(u64::MAX));
            let exported = export_part(&source, &keys, part.clone(), file, *force).map_err(not_exported)?;
            recording::add_cues(file, &cues(&marks, part)).map_err(not_exported)?;
            let (length_ms, unreadable_ms) = (exported.length_ms, exported.unreadable_ms);
            let text = format!("{} of recording {id} are in {}, {unreadable_ms} ms of them damaged.", seconds(length_ms), file.display());
            let json = json!({"recording": found, "file": file, "length_ms": length_ms, "unreadable_ms": unreadable_ms});
            Ok(Outcome::new(text, json))
        }
        Recording::Marks { call } => {
            let found = store.call(InteractionId(*call))?.ok_or_else(|| {
                Failure::new("no_such_call", format!("there is no call {call}"), "`call-server call list` shows the newest.")
            })?;
            let rows: Vec<_> = found.marks.iter().map(mark_row).collect();
            let text = if rows.is_empty() { "Nothing was recorded.".to_owned() } else { rows.join("\n") };
            Ok(Outcome::new(text, json!({"call": call, "marks": found.marks})))
        }
        Recording::Hold(wishes) => {
            let (interaction, reason, by) = hold_wishes(&store, wishes)?;
            let told = make(&site, Change::HoldRecordings { interaction, reason, by })?;
            Ok(Outcome::new(format!("The recordings of call {interaction} are held: no rule deletes or changes them."), told))
        }
        Recording::Lift(wishes) => {
            let (interaction, reason, by) = hold_wishes(&store, wishes)?;
            let told = make(&site, Change::LiftHolds { interaction, reason, by })?;
            Ok(Outcome::new(format!("The recordings of call {interaction} are held no longer."), told))
        }
        Recording::Verify(wishes) => verified(&store, &site, wishes),
        Recording::Salvage { file, wav, force } => salvaged(&store, &site, file, wav, *force),
        Recording::NewKey => {
            let _lock = DataLock::take(folder)?;
            rotated(&store, &site)
        }
    }
}

/// Who may hold recordings, and why.
fn hold_wishes(store: &Store, wishes: &HoldWishes) -> Result<(InteractionId, String, String), Failure> {
    let found = store.credentials(&wishes.by)?.filter(|found| !found.disabled && found.role == Role::Supervisor);
    let Some(found) = found else {
        let message = format!("{} is no supervisor who may sign in", wishes.by);
        return Err(Failure::new("not_allowed", message, "`call-server agent list` shows everybody and their roles."));
    };
    Ok((InteractionId(wishes.call), text("reason", &wishes.reason)?, found.number))
}

/// One mark as a line.
pub(super) fn mark_row(mark: &Mark) -> String {
    let detail = json!(mark.kind).as_object().map(|fields| {
        let known = fields.iter().filter(|(key, _)| *key != "mark").map(|(key, value)| format!(" {key} {}", detail(value)));
        known.collect::<String>()
    });
    format!("  @{:>9} {}{}", seconds(mark.at_ms), mark.kind.code(), detail.unwrap_or_default())
}

/// A name is a number within an object of its kind.
fn detail(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(fields) => fields.values().map(detail).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The marks of a part as places in the exported file.
fn cues(marks: &[Mark], part: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let inside = marks.iter().filter(|mark| part.contains(&mark.at_ms));
    inside.map(|mark| (mark.at_ms - part.start, mark.kind.code().to_owned())).collect()
}

fn unknown(id: u64) -> Failure {
    Failure::new("no_such_recording", format!("there is no recording {id}"), "`call-server recording list` shows the newest.")
}

fn verified(store: &Store, site: &Site, wishes: &Verify) -> Result<Outcome, Failure> {
    let choice = match (wishes.id, &wishes.day) {
        (Some(id), _) => Choice::One(RecordingId(id)),
        (None, Some(day)) => Choice::Day(day.clone()),
        (None, None) => Choice::All,
    };
    let found = archive::verify(store, &site.recording.folder, &keys_if_any(site)?, &choice)?;
    let Some(found) = found else {
        return Err(match choice {
            Choice::One(RecordingId(id)) => unknown(id),
            Choice::Day(_) | Choice::All => {
                let message = format!("{} is not a closed day with recordings", wishes.day.as_deref().unwrap_or_default());
                Failure::new(
                    "no_such_day",
                    message,
                    "A day (UTC) is closed by the running server after it has ended; write it as 2026-11-23.",
                )
            }
        });
    };
    let mut text: String = found.faults.iter().map(|fault| fault_row(fault) + "\n").collect();
    let (files, days, without) = (found.recordings, found.days, found.without_file);
    text.push_str(&format!("{files} recordings and {days} days verified, {without} have no file, {} faults.", found.faults.len()));
    if let Some(root) = &found.root {
        text.push_str(&format!("\nRoot of the last of these days: {root}"));
    }
    Ok(Outcome { bad: !found.faults.is_empty(), ..Outcome::new(text, json!(found)) })
}

fn fault_row(fault: &VerifyFault) -> String {
    let whose = match (&fault.recording, &fault.day) {
        (Some(recording), _) => format!("recording {recording}"),
        (None, day) => format!("day {}", day.as_deref().unwrap_or_default()),
    };
    let place = match (&fault.path, fault.at_byte, fault.at_ms) {
        (Some(path), Some(byte), Some(ms)) => format!(", {path}, after byte {byte}, {ms} ms"),
        _ => String::new(),
    };
    format!("FAULT {whose}{place}: {}", fault.what)
}

fn salvaged(store: &Store, site: &Site, file: &Path, wav: &Path, force: bool) -> Result<Outcome, Failure> {
    let spare = spare(store, site, file)?;
    let found = recording::salvage(file, &keys_if_any(site)?, spare, wav, force).map_err(not_exported)?;
    let lost: Vec<_> = found.lost.iter().map(|lost| format!("  lost {} ms to {} ms\n", lost.from_ms, lost.to_ms)).collect();
    let end = if found.has_end { "" } else { "The end of the recording is not there: how much is missing behind it is not known.\n" };
    let (rescued, whole) = (seconds(found.rescued_ms), seconds(found.length_ms));
    let text = format!("{rescued} of {whole} are in {}; the rest is silence.\n{}{end}", wav.display(), lost.concat());
    Ok(Outcome::new(text, json!({"file": wav, "salvaged": found})))
}

/// What the row of a file within the recordings folder knows.
fn spare(store: &Store, site: &Site, file: &Path) -> Result<Option<Spare>, Failure> {
    let inside = file.canonicalize().ok().zip(site.recording.folder.canonicalize().ok());
    let Some(path) = inside.and_then(|(file, folder)| Some(file.strip_prefix(folder).ok()?.to_str()?.to_owned())) else { return Ok(None) };
    let place = store.recording_place(&path)?;
    Ok(place.map(|place| Spare { recording: place.recording, envelope: place.envelope.as_deref().and_then(Envelope::from_text) }))
}

fn rotated(store: &Store, site: &Site) -> Result<Outcome, Failure> {
    let done = match archive::new_key(store, &site.recording)? {
        Rotation::Done(done) => done,
        Rotation::KeyLost => {
            let message = format!("recordings are sealed, but {} is not there", site.recording.key.display());
            return Err(Failure::new("key_lost", message, "Restore it from its safe copy; a new key could not open them."));
        }
    };
    let left: String = done.left.iter().map(|(place, why)| format!("\n  not wrapped anew: recording {}: {why}", place.recording)).collect();
    let (key, wrapped, path) = (done.key.to_string(), done.wrapped, site.recording.key.display());
    let text =
        format!("The key in use is now {key}; {wrapped} recordings are wrapped by it. Keep a copy of {path} apart from the backups.{left}");
    let left: Vec<_> = done.left.iter().map(|(place, why)| json!({"recording": place.recording, "reason": why})).collect();
    Ok(Outcome { bad: !left.is_empty(), ..Outcome::new(text, json!({"key": key, "wrapped": wrapped, "left": left})) })
}

/// The site's keys; none for a site from before sealing, whose recordings need none.
fn keys_if_any(site: &Site) -> Result<KeyRing, Failure> {
    match KeyRing::load(&site.recording.key) {
        Err(KeyError::Missing { .. }) => Ok(KeyRing::empty()),
        loaded => Ok(loaded?),
    }
}

fn export(
    source: &Path,
    keys: &KeyRing,
    (found, marks): (&RecordingReport, &[Mark]),
    file: &Path,
    force: bool,
) -> Result<Outcome, Failure> {
    let exported = export_wav(source, keys, file, force).map_err(not_exported)?;
    recording::add_cues(file, &cues(marks, 0..u64::MAX)).map_err(not_exported)?;
    let (whole, note) = match exported.ending {
        Ending::Complete => (true, ""),
        Ending::Cut { .. } => {
            (false, " The recording has no end: it still runs, or the server stopped within it. What is there was written.")
        }
        Ending::Damaged { .. } => (false, " The recording is damaged after this; what came before was written."),
    };
    let heard = levels(source, keys).map_err(|error| not_exported(error.into()))?;
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
        "marks": marks,
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
