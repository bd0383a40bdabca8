//! One command, one write: the SQL of the core's commands. Not when they are carried out; that is the writer's business.

use super::{callbacks, holds, int, voices};
use call_core::Input;
use call_core::command::StoreCommand;
use call_core::input::RecordingOutcome;
use call_core::ledger::{AgentInterval, Fact, FactKind, InteractionRecord, NodeEnd, NodeVisit, SupervisionNote};
use call_core::origin::{Diversion, MAX_DIVERSIONS};
use rusqlite::{Connection, named_params, params};
use serde::Serialize;
use shared::model::{AgentState, Caller, DialResult, Direction, InteractionId, PhoneNumber, RecordingId, UnixMillis};

/// Carries out one command inside the open transaction; the answer may be sent only after its commit.
pub(super) fn apply(connection: &Connection, command: &StoreCommand) -> rusqlite::Result<Option<Input>> {
    match command {
        StoreCommand::Open { interaction, started, caller, dialled, probe, direction, diversions } => {
            open(connection, *interaction, *started, caller, dialled, (*probe, *direction))?;
            note_diversions(connection, *interaction, diversions)?;
        }
        StoreCommand::OpenRecording { recording, interaction, path, started } => {
            open_recording(connection, *recording, *interaction, path, *started)?;
            return Ok(Some(Input::RecordingRowStored { recording: *recording }));
        }
        StoreCommand::CloseRecording { recording, outcome } => close_recording(connection, *recording, outcome)?,
        StoreCommand::Note(fact) => note(connection, fact)?,
        StoreCommand::Save(record) => save(connection, record)?,
        StoreCommand::Callback(record) => callbacks::put(connection, record)?,
        StoreCommand::AgentTime(interval) => agent_time(connection, interval)?,
        StoreCommand::TalkMeasured(measured) => voices::talk_measured(connection, measured)?,
        StoreCommand::Supervised(note) => supervised(connection, note)?,
        StoreCommand::HoldRecordings { interaction, reason, at } => holds::hold(connection, *interaction, (*reason, ""), *at)?,
        // Reads go to the reader's thread and never wait behind writes; one that comes here all the same changes nothing.
        StoreCommand::FindCard { .. } => {}
    }
    Ok(None)
}

/// What a command is about, for a log line: never a number or a name.
pub(super) fn subject(command: &StoreCommand) -> (&'static str, u64) {
    match command {
        StoreCommand::Open { interaction, .. } => ("open", interaction.0),
        StoreCommand::FindCard { interaction, .. } => ("find card", interaction.0),
        StoreCommand::OpenRecording { interaction, .. } => ("open recording", interaction.0),
        StoreCommand::CloseRecording { recording, .. } => ("close recording", recording.0),
        StoreCommand::Note(fact) => ("note", fact.interaction.0),
        StoreCommand::Save(record) => ("save", record.interaction.0),
        StoreCommand::Callback(record) => ("callback", record.callback.0),
        StoreCommand::AgentTime(interval) => ("agent time", u64::from(interval.agent.0)),
        StoreCommand::HoldRecordings { interaction, .. } => ("hold recordings", interaction.0),
        StoreCommand::Supervised(note) => ("supervised", u64::from(note.supervisor.0)),
        StoreCommand::TalkMeasured(measured) => ("talk measured", measured.recording.0),
    }
}

fn open(
    connection: &Connection,
    interaction: InteractionId,
    started: UnixMillis,
    caller: &Caller,
    dialled: &PhoneNumber,
    (probe, direction): (bool, Direction),
) -> rusqlite::Result<()> {
    let number = caller.number.as_ref().map(shared::pii::Pii::reveal);
    connection
        .prepare_cached(
            "INSERT INTO interactions (id, started_utc_ms, caller_number, caller_subscriber, dialled, probe, direction, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
        )?
        .execute(params![
            int(interaction.0),
            started.0,
            number.map(PhoneNumber::as_str),
            number.map(PhoneNumber::subscriber),
            dialled.as_str(),
            probe,
            direction.code()
        ])?;
    Ok(())
}

fn note_diversions(connection: &Connection, interaction: InteractionId, diversions: &[Diversion]) -> rusqlite::Result<()> {
    if diversions.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached("INSERT INTO diversions (interaction_id, place, number, reason) VALUES (?1, ?2, ?3, ?4)")?;
    for (place, diversion) in (1..=MAX_DIVERSIONS).zip(diversions) {
        let number = diversion.number.as_ref().map(|number| number.reveal().as_str());
        insert.execute(params![int(interaction.0), int(place as u64), number, diversion.reason.code()])?;
    }
    Ok(())
}

fn open_recording(
    connection: &Connection,
    recording: RecordingId,
    interaction: InteractionId,
    path: &str,
    started: UnixMillis,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO recordings (id, interaction_id, path, started_utc_ms, state, track) VALUES (?1, ?2, ?3, ?4, 'open', ?5)",
        )?
        .execute(params![int(recording.0), int(interaction.0), path, started.0, recording.track().code()])?;
    Ok(())
}

fn close_recording(connection: &Connection, recording: RecordingId, outcome: &RecordingOutcome) -> rusqlite::Result<()> {
    match outcome {
        RecordingOutcome::Complete { length_ms, bytes, digest } => connection
            .prepare_cached("UPDATE recordings SET state = 'complete', length_ms = ?2, bytes = ?3, digest = ?4 WHERE id = ?1")?
            .execute(params![int(recording.0), int(*length_ms), int(*bytes), digest])?,
        RecordingOutcome::Failed { reason } => connection
            .prepare_cached("UPDATE recordings SET state = 'failed', failure = ?2 WHERE id = ?1")?
            .execute(params![int(recording.0), reason])?,
    };
    Ok(())
}

/// Writes one fact.
pub(super) fn note(connection: &Connection, fact: &Fact) -> rusqlite::Result<()> {
    let detail = match &fact.kind {
        FactKind::Decided(decision) => serde_json::to_string(&decision.in_brief()),
        kind => serde_json::to_string(kind),
    };
    let detail = detail.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached("INSERT INTO facts (interaction_id, number, offset_ms, at_utc_ms, kind, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![int(fact.interaction.0), fact.number, int(fact.offset_ms), fact.at.0, fact.kind.code(), detail])?;
    if let FactKind::NodeLeft(visit) = &fact.kind {
        note_visit(connection, fact, visit)?;
    }
    Ok(())
}

/// A stay in a voice menu or a survey, for lists and reports.
fn note_visit(connection: &Connection, fact: &Fact, visit: &NodeVisit) -> rusqlite::Result<()> {
    let (key, label) = match &visit.end {
        NodeEnd::Key { key } => (Some(key), None),
        NodeEnd::Answered { key, label } => (Some(key), Some(label)),
        NodeEnd::Unanswered | NodeEnd::CallEnded => (None, None),
    };
    connection
        .prepare_cached(
            "INSERT INTO node_visits (interaction_id, fact, node_id, name, survey, agent_id, started_utc_ms, length_ms, end, key, label)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            int(fact.interaction.0),
            fact.number,
            visit.node.0,
            visit.name,
            visit.survey,
            visit.agent.map(|agent| agent.0),
            visit.started.0,
            int(visit.length_ms),
            visit.end.code(),
            key.map(char::to_string),
            label,
        ])?;
    Ok(())
}

/// The record's fields are set once: a second record for the same interaction is refused by the changed-rows count (I-37).
fn save(connection: &Connection, record: &InteractionRecord) -> rusqlite::Result<()> {
    let changed = connection
        .prepare_cached(
            "UPDATE interactions SET state = 'closed', ended_utc_ms = :ended, length_ms = :length, trunk_id = :trunk,
                 queue_id = :queue, wait_ms = :wait, talk_ms = :talk, answered_by_agent = :answered, reason = :reason,
                 ended_by = :by, recording_id = :recording, dial_result = :dialled, transfers = :transfers, residual_ms = :residual,
                 callback_of = :callback
             WHERE id = :id AND state = 'open'",
        )?
        .execute(named_params! {
            ":id": int(record.interaction.0),
            ":ended": record.ended.0,
            ":length": int(record.length_ms),
            ":trunk": record.trunk.0,
            ":queue": record.queue.map(|queue| queue.0),
            ":wait": record.wait_ms.map(int),
            ":talk": int(record.talk_ms()),
            ":answered": record.answered_by_agent,
            ":reason": record.reason.code(),
            ":by": record.ended_by.code(),
            ":dialled": record.dial_result.map(DialResult::code),
            ":transfers": record.transfers,
            ":residual": int(record.residual_ms),
            ":callback": record.callback.map(|callback| int(callback.0)),
            ":recording": record.recording.map(|recording| int(recording.0)),
        })?;
    if changed != 1 {
        return Err(refused("the interaction is not open"));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO segments (interaction_id, segment, agent_id, started_utc_ms, ring_ms, talk_ms, hold_ms, holds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for part in &record.segments {
        let ids = (int(record.interaction.0), part.segment.0, part.agent.0);
        let lengths = (int(part.ring_ms), int(part.talk_ms), int(part.hold_ms));
        insert.execute(params![ids.0, ids.1, ids.2, part.started.0, lengths.0, lengths.1, lengths.2, part.holds])?;
    }
    Ok(())
}

fn supervised(connection: &Connection, note: &SupervisionNote) -> rusqlite::Result<()> {
    let detail = serde_json::to_string(&note.act).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached(
            "INSERT INTO supervision (at_utc_ms, supervisor_id, act, detail, agent_id, interaction_id, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            note.at.0,
            note.supervisor.0,
            note.act.code(),
            detail,
            note.act.agent().map(|agent| agent.0),
            note.interaction.map(|interaction| int(interaction.0)),
            note.reason,
        ])?;
    Ok(())
}

fn agent_time(connection: &Connection, interval: &AgentInterval) -> rusqlite::Result<()> {
    let reason = match interval.state {
        AgentState::NotReady(reason) => Some(reason.code()),
        AgentState::Ready | AgentState::Offered | AgentState::Talking | AgentState::WrapUp | AgentState::Lost => None,
        AgentState::Holding | AgentState::Consulting | AgentState::Outbound => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO agent_intervals (agent_id, session_id, number, state, reason, started_utc_ms, offset_ms, length_ms,
                 cause, session_end, interaction_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            interval.agent.0,
            int(interval.session.0),
            interval.number,
            interval.state.code(),
            reason,
            interval.started.0,
            int(interval.offset_ms),
            int(interval.length_ms),
            code(&interval.cause)?,
            interval.session_end.map(call_core::command::SessionEnd::code),
            interval.interaction.map(|interaction| int(interaction.0)),
        ])?;
    Ok(())
}

/// The serialised name of a variant without fields.
fn code(variant: &impl Serialize) -> rusqlite::Result<String> {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(code)) => Ok(code),
        Ok(_) => Err(refused("a code must be a plain text")),
        Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
    }
}

/// A refusal of our own, in the shape of a broken table rule, so that it is not tried again.
fn refused(why: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT), Some(why.to_owned()))
}
