//! What an agent may look up about the own work: lists of calls and the figures of today, from the records that all figures come from.

use super::{Store, StoreError, int, uint};
use rusqlite::{Connection, Row, params};
use shared::model::{AgentId, CallEntry, Caller, InteractionId, OwnFigures, PhoneNumber, UnixMillis};
use shared::pii::Pii;
use shared::wire::CallsPage;

const HOUR_MS: i64 = 3_600_000;
/// How far back missed calls are listed.
const MISSED_WITHIN_MS: i64 = 7 * 24 * HOUR_MS;
/// How far back citizens are listed who gave up waiting.
const CALLBACK_WITHIN_MS: i64 = 48 * HOUR_MS;

const COLUMNS: &str = "i.id, i.started_utc_ms, i.direction, i.caller_number, i.wait_ms, i.talk_ms, i.reason, \
     (SELECT name FROM callers c WHERE c.subscriber = i.caller_subscriber ORDER BY c.id DESC LIMIT 1), \
     (SELECT label FROM summaries s WHERE s.interaction_id = i.id ORDER BY s.saved_utc_ms DESC LIMIT 1)";

impl Store {
    /// One list of calls of an agent, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn own_calls(&self, agent: AgentId, page: CallsPage, now: UnixMillis) -> Result<Vec<CallEntry>, StoreError> {
        let connection = self.connection();
        let calls = match page {
            CallsPage::Mine => mine(&connection, agent),
            CallsPage::Missed => missed(&connection, agent, now),
            CallsPage::Callbacks => callbacks(&connection, agent, now),
        };
        calls.map_err(|error| self.error(error))
    }

    /// An agent's figures since `midnight`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn own_figures(&self, agent: AgentId, midnight: UnixMillis, now: UnixMillis) -> Result<OwnFigures, StoreError> {
        figures(&self.connection(), agent, midnight, now).map_err(|error| self.error(error))
    }
}

fn entry(row: &Row<'_>, talk_ms: u64, lacks_summary: bool) -> rusqlite::Result<CallEntry> {
    let number: Option<String> = row.get(3)?;
    let reason: Option<String> = row.get(6)?;
    Ok(CallEntry {
        interaction: InteractionId(uint(row.get(0)?)),
        at: UnixMillis(row.get(1)?),
        direction: super::calls::from_code("direction", row.get(2)?)?,
        caller: Caller { number: number.and_then(|number| PhoneNumber::parse(&number).ok()).map(Pii::new) },
        waited_ms: uint(row.get::<_, Option<i64>>(4)?.unwrap_or(0)),
        talk_ms,
        reason: reason.map(|reason| super::calls::from_code("reason", reason)).transpose()?,
        name: row.get::<_, Option<String>>(7)?.unwrap_or_default().into(),
        about: row.get::<_, Option<String>>(8)?.as_deref().and_then(super::summaries::leaf).map(str::to_owned),
        lacks_summary,
        promised: None,
    })
}

fn mine(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<CallEntry>> {
    let sql = format!(
        "SELECT {COLUMNS}, sum(p.talk_ms),
             NOT EXISTS (SELECT 1 FROM summaries s WHERE s.interaction_id = i.id AND s.agent_id = ?1)
         FROM segments p JOIN interactions i ON i.id = p.interaction_id
         WHERE p.agent_id = ?1 AND i.probe = 0 GROUP BY i.id ORDER BY max(p.started_utc_ms) DESC LIMIT ?2"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(params![agent.0, int(CallsPage::MOST as u64)], |row| entry(row, uint(row.get(9)?), row.get(10)?))?;
    rows.collect()
}

fn missed(connection: &Connection, agent: AgentId, now: UnixMillis) -> rusqlite::Result<Vec<CallEntry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM interactions i
         WHERE i.started_utc_ms >= ?2 AND i.probe = 0 AND EXISTS (
                 SELECT 1 FROM facts f WHERE f.interaction_id = i.id AND f.kind = 'offer_ended' AND json_extract(f.detail, '$.agent') = ?1
                     AND json_extract(f.detail, '$.why') IN ('not_answered', 'rejected'))
             AND NOT EXISTS (SELECT 1 FROM segments p WHERE p.interaction_id = i.id AND p.agent_id = ?1)
         ORDER BY i.started_utc_ms DESC LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let values = params![agent.0, now.0 - MISSED_WITHIN_MS, int(CallsPage::MOST as u64)];
    let rows = select.query_map(values, |row| entry(row, uint(row.get::<_, Option<i64>>(5)?.unwrap_or(0)), false))?;
    rows.collect()
}

/// Who gave up waiting, and before them those whose promised callback failed; a promise that is still open is the hotline's own to keep.
fn callbacks(connection: &Connection, agent: AgentId, now: UnixMillis) -> rusqlite::Result<Vec<CallEntry>> {
    let sql = format!(
        "SELECT {COLUMNS}, c.attempts FROM interactions i LEFT JOIN callbacks c ON c.interaction_id = i.id
         WHERE i.started_utc_ms >= ?2 AND i.probe = 0 AND i.state = 'closed' AND i.direction = 'inbound' AND i.answered_by_agent = 0
             AND i.caller_subscriber IS NOT NULL AND i.queue_id IN (SELECT queue_id FROM agent_queues WHERE agent_id = ?1)
             AND (c.state IS NULL OR c.state IN ('missed', 'expired') AND c.settled_utc_ms IS NULL)
             AND NOT EXISTS (SELECT 1 FROM interactions later WHERE later.caller_subscriber = i.caller_subscriber
                 AND later.started_utc_ms > i.started_utc_ms AND (later.answered_by_agent = 1 OR later.state = 'open' OR later.queue_id IS NOT NULL))
         ORDER BY c.attempts IS NULL, i.started_utc_ms DESC LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let values = params![agent.0, now.0 - CALLBACK_WITHIN_MS, int(CallsPage::MOST as u64)];
    let rows = select.query_map(values, |row| Ok(CallEntry { promised: row.get(9)?, ..entry(row, 0, false)? }))?;
    rows.collect()
}

fn figures(connection: &Connection, agent: AgentId, midnight: UnixMillis, now: UnixMillis) -> rusqlite::Result<OwnFigures> {
    let since = params![agent.0, midnight.0];
    let mut parts = connection.prepare_cached(
        "SELECT count(DISTINCT CASE WHEN i.direction = 'inbound' THEN i.id END), count(DISTINCT CASE WHEN i.direction = 'outbound' THEN i.id END),
             count(*), coalesce(sum(p.talk_ms), 0), coalesce(sum(p.hold_ms), 0),
             count(DISTINCT CASE WHEN i.state = 'closed' AND NOT EXISTS (
                 SELECT 1 FROM summaries s WHERE s.interaction_id = i.id AND s.agent_id = ?1) THEN i.id END)
         FROM segments p JOIN interactions i ON i.id = p.interaction_id
         WHERE p.agent_id = ?1 AND p.started_utc_ms >= ?2 AND i.probe = 0",
    )?;
    let (answered, outbound, count, talk, hold, unwritten) = parts.query_row(since, |row| {
        let part = |place| row.get::<_, i64>(place).map(uint);
        Ok((row.get(0)?, row.get(1)?, part(2)?, part(3)?, part(4)?, row.get(5)?))
    })?;
    let mut states = connection.prepare_cached(
        "SELECT coalesce(sum(CASE WHEN state = 'wrap_up' THEN length_ms END), 0),
             coalesce(sum(CASE WHEN state = 'not_ready' AND reason IS NOT 'signed_in' THEN length_ms END), 0)
         FROM agent_intervals WHERE agent_id = ?1 AND started_utc_ms >= ?2",
    )?;
    let (wrap_up, not_ready_ms) = states.query_row(since, |row| Ok((uint(row.get(0)?), uint(row.get(1)?))))?;
    let dispatched = "SELECT count(*) FROM matters WHERE agent_id = ?1 AND dispatched_utc_ms >= ?2";
    Ok(OwnFigures {
        agent: Some(agent),
        answered,
        mean_talk_ms: talk.checked_div(count).unwrap_or(0),
        mean_handling_ms: (talk + hold + wrap_up).checked_div(count).unwrap_or(0),
        missed: missed_since(connection, agent, midnight)?,
        outbound,
        unwritten,
        dispatched: connection.query_row(dispatched, since, |row| row.get(0))?,
        not_ready_ms,
        at: Some(now),
    })
}

fn missed_since(connection: &Connection, agent: AgentId, since: UnixMillis) -> rusqlite::Result<u32> {
    let mut select = connection.prepare_cached(
        "SELECT count(DISTINCT i.id) FROM interactions i JOIN facts f ON f.interaction_id = i.id
         WHERE i.started_utc_ms >= ?2 AND i.probe = 0 AND f.kind = 'offer_ended' AND json_extract(f.detail, '$.agent') = ?1
             AND json_extract(f.detail, '$.why') = 'not_answered'
             AND NOT EXISTS (SELECT 1 FROM segments p WHERE p.interaction_id = i.id AND p.agent_id = ?1)",
    )?;
    select.query_row(params![agent.0, since.0], |row| row.get(0))
}
