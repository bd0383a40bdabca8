//! Reading calls and recordings back: for the command line, the supervisor's screen and the tests of the whole. It never writes.

use super::holds::{self, HELD_COLUMN, Hold};
use super::voices::{self, LegSound};
use super::{Store, StoreError, uint};
use call_core::ledger::{Fact, FactKind, NodeVisit, marks};
use call_core::origin::Diversion;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use shared::model::{AgentId, Caller, InteractionId, PhoneNumber, QueueId, RecordingId, SegmentId, Track, TrunkId, UnixMillis};
use shared::model::{DialResult, Direction, EndReason, Mark, Side};
use shared::pii::Pii;

/// Everything on record about one interaction. Serialised it shows the caller's number: for those who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CallReport {
    /// Which.
    pub(crate) interaction: InteractionId,
    /// INVITE.
    pub(crate) started: UnixMillis,
    /// Who called; none if withheld.
    pub(crate) caller: Caller,
    /// The dialled number.
    pub(crate) dialled: PhoneNumber,
    /// A probe call: excluded from every figure (5.1).
    pub(crate) probe: bool,
    /// Who called whom.
    pub(crate) direction: Direction,
    /// The numbers that it was diverted from, the first one first.
    pub(crate) diversions: Vec<Diversion>,
    /// The finished record; none while the call runs.
    pub(crate) result: Option<CallResult>,
    /// One per agent's part, in order.
    pub(crate) segments: Vec<SegmentReport>,
    /// Its recording, if there is one.
    pub(crate) recording: Option<RecordingReport>,
    /// What was recorded beside it: whispers, consultations.
    pub(crate) tracks: Vec<RecordingReport>,
    /// What happened where in the recording.
    pub(crate) marks: Vec<Mark>,
    /// Its stays in voice menus and surveys, in order.
    pub(crate) visits: Vec<NodeVisit>,
    /// Why its recordings are or were held as evidence.
    pub(crate) holds: Vec<Hold>,
    /// How its talks sounded, the citizen's leg before the agent's.
    pub(crate) sound: Vec<LegSound>,
    /// What happened, in order.
    pub(crate) facts: Vec<Fact>,
}

/// What the finished record says. Lengths in ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CallResult {
    /// Last leg gone; after a crash the last moment known.
    pub(crate) ended: UnixMillis,
    /// INVITE to end.
    pub(crate) length_ms: u64,
    /// Over which trunk; not known after a crash.
    pub(crate) trunk: Option<TrunkId>,
    /// First queue entered.
    pub(crate) queue: Option<QueueId>,
    /// Queue entry to the first connect, or to the end (5.2).
    pub(crate) wait_ms: Option<u64>,
    /// Two-way audio over all segments.
    pub(crate) talk_ms: u64,
    /// Two-way audio with an agent began.
    pub(crate) answered_by_agent: bool,
    /// Why it ended.
    pub(crate) reason: EndReason,
    /// Which side ended it.
    pub(crate) ended_by: Side,
    /// What became of an outbound call.
    pub(crate) dial_result: Option<DialResult>,
    /// How often it was handed over.
    pub(crate) transfers: u32,
    /// Talk without an agent 无座席通话, in ms.
    pub(crate) residual_ms: u64,
    /// The call in which the callback was promised of which this was an attempt.
    pub(crate) callback_of: Option<InteractionId>,
}

/// One agent's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SegmentReport {
    /// 1, 2, 3… within the interaction.
    pub(crate) segment: SegmentId,
    /// Who.
    pub(crate) agent: AgentId,
    /// The staff number, if the agent is still on the list.
    pub(crate) agent_number: Option<String>,
    /// Connect.
    pub(crate) started: UnixMillis,
    /// How long the answered offer rang, in ms.
    pub(crate) ring_ms: u64,
    /// Two-way audio, in ms; without hold.
    pub(crate) talk_ms: u64,
    /// Music by this agent's wish, in ms.
    pub(crate) hold_ms: u64,
    /// How often.
    pub(crate) holds: u32,
}

/// One recording as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RecordingReport {
    /// Which.
    pub(crate) recording: RecordingId,
    /// Of which interaction.
    pub(crate) interaction: InteractionId,
    /// Relative to the recordings folder.
    pub(crate) path: String,
    /// When its row was opened.
    pub(crate) started: UnixMillis,
    /// Where it stands.
    pub(crate) state: RecordingState,
    /// Recorded length in ms, once closed.
    pub(crate) length_ms: Option<u64>,
    /// Size of the file, once closed.
    pub(crate) bytes: Option<u64>,
    /// SHA-256 of the file without its envelope, once closed, lower-case hex.
    pub(crate) digest: Option<String>,
    /// What is missing and why, if it failed.
    pub(crate) failure: Option<String>,
    /// Id of the master key that it is sealed under; none if it is not sealed or was not looked at yet.
    pub(crate) key: Option<String>,
    /// The closed day (UTC) that covers it.
    pub(crate) day: Option<String>,
    /// When its file was deleted by rule.
    pub(crate) expired: Option<UnixMillis>,
    /// Which of the call's recordings it is.
    pub(crate) track: Track,
    /// Why no rule may change it, if it is held as evidence.
    pub(crate) held: Option<String>,
}

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordingState {
    /// Being written, or left by a crash and not yet looked at.
    Open,
    /// Whole.
    Complete,
    /// The server stopped before its end; what is there is whole.
    Cut,
    /// Something is missing; see the reason.
    Failed,
}

impl RecordingState {
    /// Stable code, equal to the serialised form.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::Failed => "failed",
        }
    }
}

const CALL_COLUMNS: &str = "id, started_utc_ms, caller_number, dialled, probe, state, ended_utc_ms, length_ms, trunk_id, queue_id, \
     wait_ms, talk_ms, answered_by_agent, reason, ended_by, direction, dial_result, transfers, residual_ms, callback_of";

/// What [`select_recordings`] reads.
pub(super) fn recording_columns() -> String {
    format!(
        "id, interaction_id, path, started_utc_ms, state, length_ms, bytes, digest, failure, key_id, day, expired_utc_ms, track, {HELD_COLUMN}"
    )
}

impl Store {
    /// The newest calls, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn calls(&self, limit: u32) -> Result<Vec<CallReport>, StoreError> {
        let sql = format!("SELECT {CALL_COLUMNS} FROM interactions ORDER BY id DESC LIMIT ?1");
        select_calls(&self.connection(), &sql, i64::from(limit)).map_err(|error| self.error(error))
    }

    /// One call.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn call(&self, interaction: InteractionId) -> Result<Option<CallReport>, StoreError> {
        let sql = format!("SELECT {CALL_COLUMNS} FROM interactions WHERE id = ?1");
        let found = select_calls(&self.connection(), &sql, super::int(interaction.0)).map_err(|error| self.error(error))?;
        Ok(found.into_iter().next())
    }

    /// The newest recordings, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings(&self, limit: u32) -> Result<Vec<RecordingReport>, StoreError> {
        let columns = recording_columns();
        let sql = format!("SELECT {columns} FROM recordings ORDER BY started_utc_ms DESC, interaction_id DESC, id LIMIT ?1");
        select_recordings(&self.connection(), &sql, i64::from(limit)).map_err(|error| self.error(error))
    }

    /// One recording.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recording(&self, recording: RecordingId) -> Result<Option<RecordingReport>, StoreError> {
        let sql = format!("SELECT {} FROM recordings WHERE id = ?1", recording_columns());
        let found = select_recordings(&self.connection(), &sql, super::int(recording.0)).map_err(|error| self.error(error))?;
        Ok(found.into_iter().next())
    }
}

fn select_calls(connection: &Connection, sql: &str, value: i64) -> rusqlite::Result<Vec<CallReport>> {
    let mut select = connection.prepare(sql)?;
    let mut calls = select.query_map([value], read_call)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for call in &mut calls {
        call.segments = select_segments(connection, call.interaction)?;
        call.facts = select_facts(connection, call.interaction)?;
        call.diversions = select_diversions(connection, call.interaction)?;
        let sql = format!("SELECT {} FROM recordings WHERE interaction_id = ?1 ORDER BY id", recording_columns());
        let recordings = select_recordings(connection, &sql, super::int(call.interaction.0))?;
        let (main, tracks) = recordings.into_iter().partition(|recording| recording.track == Track::Main);
        let main: Vec<RecordingReport> = main;
        (call.recording, call.tracks) = (main.into_iter().next(), tracks);
        call.marks = marks(&call.facts);
        call.visits = visits(&call.facts);
        call.holds = holds::select(connection, call.interaction)?;
        if let Some(recording) = &call.recording {
            call.sound = voices::of_recording(connection, recording.recording)?;
        }
    }
    Ok(calls)
}

fn visits(facts: &[Fact]) -> Vec<NodeVisit> {
    let visit = |fact: &Fact| {
        let FactKind::NodeLeft(visit) = &fact.kind else { return None };
        Some(visit.clone())
    };
    facts.iter().filter_map(visit).collect()
}

fn read_call(row: &Row<'_>) -> rusqlite::Result<CallReport> {
    let number: Option<String> = row.get("caller_number")?;
    let number = number.map(|text| PhoneNumber::parse(&text)).transpose().map_err(|error| unreadable("caller_number", error))?;
    let dialled: String = row.get("dialled")?;
    let closed = row.get::<_, String>("state")? == "closed";
    Ok(CallReport {
        interaction: InteractionId(uint(row.get("id")?)),
        started: UnixMillis(row.get("started_utc_ms")?),
        caller: Caller { number: number.map(Pii::new) },
        dialled: PhoneNumber::parse(&dialled).map_err(|error| unreadable("dialled", error))?,
        probe: row.get("probe")?,
        direction: from_code("direction", row.get("direction")?)?,
        diversions: Vec::new(),
        result: if closed { Some(read_result(row)?) } else { None },
        segments: Vec::new(),
        recording: None,
        tracks: Vec::new(),
        marks: Vec::new(),
        visits: Vec::new(),
        holds: Vec::new(),
        sound: Vec::new(),
        facts: Vec::new(),
    })
}

fn read_result(row: &Row<'_>) -> rusqlite::Result<CallResult> {
    Ok(CallResult {
        ended: UnixMillis(row.get("ended_utc_ms")?),
        length_ms: uint(row.get("length_ms")?),
        trunk: row.get::<_, Option<u32>>("trunk_id")?.map(TrunkId),
        queue: row.get::<_, Option<u32>>("queue_id")?.map(QueueId),
        wait_ms: row.get::<_, Option<i64>>("wait_ms")?.map(uint),
        talk_ms: uint(row.get("talk_ms")?),
        answered_by_agent: row.get("answered_by_agent")?,
        reason: from_code("reason", row.get("reason")?)?,
        ended_by: from_code("ended_by", row.get("ended_by")?)?,
        dial_result: row.get::<_, Option<String>>("dial_result")?.map(|code| from_code("dial_result", code)).transpose()?,
        transfers: row.get("transfers")?,
        residual_ms: uint(row.get("residual_ms")?),
        callback_of: row.get::<_, Option<i64>>("callback_of")?.map(|call| InteractionId(uint(call))),
    })
}

fn select_segments(connection: &Connection, interaction: InteractionId) -> rusqlite::Result<Vec<SegmentReport>> {
    let mut select = connection.prepare_cached(
        "SELECT s.segment, s.agent_id, a.number, s.started_utc_ms, s.ring_ms, s.talk_ms, s.hold_ms, s.holds
         FROM segments s LEFT JOIN agents a ON a.id = s.agent_id WHERE s.interaction_id = ?1 ORDER BY s.segment",
    )?;
    let segments = select.query_map([super::int(interaction.0)], |row| {
        Ok(SegmentReport {
            segment: SegmentId(row.get(0)?),
            agent: AgentId(row.get(1)?),
            agent_number: row.get(2)?,
            started: UnixMillis(row.get(3)?),
            ring_ms: uint(row.get(4)?),
            talk_ms: uint(row.get(5)?),
            hold_ms: uint(row.get(6)?),
            holds: row.get(7)?,
        })
    })?;
    segments.collect()
}

fn select_diversions(connection: &Connection, interaction: InteractionId) -> rusqlite::Result<Vec<Diversion>> {
    let mut select = connection.prepare_cached("SELECT number, reason FROM diversions WHERE interaction_id = ?1 ORDER BY place")?;
    let diversions = select.query_map([super::int(interaction.0)], |row| {
        let number: Option<String> = row.get(0)?;
        let number = number.map(|text| PhoneNumber::parse(&text)).transpose().map_err(|error| unreadable("number", error))?;
        Ok(Diversion { number: number.map(Pii::new), reason: from_code("reason", row.get(1)?)? })
    })?;
    diversions.collect()
}

/// The facts of one interaction, in order.
pub(super) fn select_facts(connection: &Connection, interaction: InteractionId) -> rusqlite::Result<Vec<Fact>> {
    let mut select =
        connection.prepare_cached("SELECT number, offset_ms, at_utc_ms, detail FROM facts WHERE interaction_id = ?1 ORDER BY number")?;
    let facts = select.query_map([super::int(interaction.0)], |row| {
        let detail: String = row.get(3)?;
        Ok(Fact {
            interaction,
            number: row.get(0)?,
            offset_ms: uint(row.get(1)?),
            at: UnixMillis(row.get(2)?),
            kind: serde_json::from_str(&detail).map_err(|error| unreadable("detail", error))?,
        })
    })?;
    facts.collect()
}

pub(super) fn select_recordings(connection: &Connection, sql: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<Vec<RecordingReport>> {
    let mut select = connection.prepare(sql)?;
    let recordings = select.query_map([value], |row| {
        Ok(RecordingReport {
            recording: RecordingId(uint(row.get("id")?)),
            interaction: InteractionId(uint(row.get("interaction_id")?)),
            path: row.get("path")?,
            started: UnixMillis(row.get("started_utc_ms")?),
            state: from_code("state", row.get("state")?)?,
            length_ms: row.get::<_, Option<i64>>("length_ms")?.map(uint),
            bytes: row.get::<_, Option<i64>>("bytes")?.map(uint),
            digest: row.get("digest")?,
            failure: row.get("failure")?,
            key: row.get("key_id")?,
            day: row.get("day")?,
            expired: row.get::<_, Option<i64>>("expired_utc_ms")?.map(UnixMillis),
            track: from_code("track", row.get("track")?)?,
            held: row.get("held")?,
        })
    })?;
    recordings.collect()
}

pub(super) fn from_code<T: serde::de::DeserializeOwned>(column: &'static str, code: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(code)).map_err(|error| unreadable(column, error))
}

fn unreadable(column: &'static str, error: impl std::error::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("{column}: {error}").into())
}
