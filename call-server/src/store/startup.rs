//! What the store does between opening and the first call: numbers, what a crash left open, and the rows of recordings.
//! The files of recordings are looked at elsewhere.

use super::calls::{RecordingState, select_facts};
use super::write::note;
use super::{Store, StoreError, int, uint};
use call_core::ledger::{Fact, FactKind};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use shared::model::{AgentId, EndReason, InteractionId, QueueId, RecordingId, SegmentId, Side, UnixMillis};

/// What a look at a recording's file has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecordingResult {
    /// The file has its end mark.
    Complete(FileFigures),
    /// The file ends early; what is there is whole.
    Cut(FileFigures),
    /// Nothing can be heard, or the file is not there.
    Failed {
        /// What is missing, for the operator.
        reason: String,
    },
}

/// Figures of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFigures {
    /// Recorded length in ms.
    pub(crate) length_ms: u64,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// SHA-256, lower-case hex.
    pub(crate) digest: String,
}

/// A file that has no row yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRecording {
    /// As its head says.
    pub(crate) recording: RecordingId,
    /// As its head says.
    pub(crate) interaction: InteractionId,
    /// Relative to the recordings folder.
    pub(crate) path: String,
    /// As its head says.
    pub(crate) started: UnixMillis,
}

impl Store {
    /// The id for the next interaction: larger than every one on record.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn next_interaction(&self) -> Result<InteractionId, StoreError> {
        let sql = "SELECT coalesce(max(id), 0) FROM interactions";
        let last: i64 = self.connection().query_row(sql, [], |row| row.get(0)).map_err(|error| self.error(error))?;
        Ok(InteractionId(uint(last) + 1))
    }

    /// Closes the interactions that a crash left open, with [`EndReason::ServerCrashed`] and the lengths that their facts prove.
    /// Returns how many. To be called before [`super::start`] by the one server that holds the site's lock: what
    /// is open while another runs belongs to a running call.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub(crate) fn close_interrupted(&self, now: UnixMillis) -> Result<usize, StoreError> {
        close_all_open(&mut self.connection(), now).map_err(|error| self.error(error))
    }

    /// Every recording whose file should be there: all but the failed ones, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn recordings_with_file(&self) -> Result<Vec<(RecordingId, String, RecordingState)>, StoreError> {
        let connection = self.connection();
        let rows = (|| -> rusqlite::Result<Vec<_>> {
            let mut select = connection
                .prepare("SELECT id, path, state FROM recordings WHERE state != 'failed' AND expired_utc_ms IS NULL ORDER BY id")?;
            let rows = select.query_map([], |row| {
                let state = match row.get::<_, String>(2)?.as_str() {
                    "open" => RecordingState::Open,
                    "cut" => RecordingState::Cut,
                    _ => RecordingState::Complete,
                };
                Ok((RecordingId(uint(row.get(0)?)), row.get(1)?, state))
            })?;
            rows.collect()
        })();
        rows.map_err(|error| self.error(error))
    }

    /// Whether some row names this path.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn knows_recording_path(&self, path: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM recordings WHERE path = ?1";
        let found = self.connection().query_row(sql, [path], |_| Ok(())).optional().map_err(|error| self.error(error))?;
        Ok(found.is_some())
    }

    /// Closes a recording's row with what its file shows, and attaches it to its interaction.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn settle_recording(&self, recording: RecordingId, result: &RecordingResult) -> Result<(), StoreError> {
        settle(&self.connection(), recording, result).map_err(|error| self.error(error))
    }

    /// Adds the row of a file that has none, if its interaction is on record and the recording's id is free; says whether it did.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn adopt_recording(&self, found: &NewRecording) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO recordings (id, interaction_id, path, started_utc_ms, state, track)
                   SELECT ?1, id, ?3, ?4, 'open', ?5 FROM interactions WHERE id = ?2";
        let track = found.recording.track().code();
        let values = params![int(found.recording.0), int(found.interaction.0), found.path, found.started.0, track];
        let changed = self.connection().execute(sql, values).map_err(|error| self.error(error))?;
        Ok(changed == 1)
    }
}

fn settle(connection: &Connection, recording: RecordingId, result: &RecordingResult) -> rusqlite::Result<()> {
    let close = |state: RecordingState, figures: &FileFigures| {
        connection.execute(
            "UPDATE recordings SET state = ?2, length_ms = ?3, bytes = ?4, digest = ?5 WHERE id = ?1",
            params![int(recording.0), state.code(), int(figures.length_ms), int(figures.bytes), figures.digest],
        )
    };
    match result {
        RecordingResult::Complete(figures) => close(RecordingState::Complete, figures)?,
        RecordingResult::Cut(figures) => close(RecordingState::Cut, figures)?,
        RecordingResult::Failed { reason } => {
            connection.execute("UPDATE recordings SET state = 'failed', failure = ?2 WHERE id = ?1", params![int(recording.0), reason])?
        }
    };
    connection.execute(
        "UPDATE interactions SET recording_id = ?1
         WHERE id = (SELECT interaction_id FROM recordings WHERE id = ?1 AND track = 'main') AND recording_id IS NULL",
        [int(recording.0)],
    )?;
    Ok(())
}

fn close_all_open(connection: &mut Connection, now: UnixMillis) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let open: Vec<(i64, i64)> = {
        let mut select = transaction.prepare("SELECT id, started_utc_ms FROM interactions WHERE state = 'open' ORDER BY id")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    for (id, started) in &open {
        let interaction = InteractionId(uint(*id));
        let facts = select_facts(&transaction, interaction)?;
        close_one(&transaction, interaction, &Known::from_facts(&facts, UnixMillis(*started)), now)?;
    }
    transaction.commit()?;
    Ok(open.len())
}

fn close_one(connection: &Connection, interaction: InteractionId, known: &Known, now: UnixMillis) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE interactions SET state = 'closed', ended_utc_ms = ?2, length_ms = ?3, queue_id = ?4, wait_ms = ?5, talk_ms = ?6,
             answered_by_agent = ?7, reason = ?8, ended_by = ?9,
             recording_id = (SELECT min(id) FROM recordings WHERE interaction_id = ?1), callback_of = ?10
         WHERE id = ?1",
        params![
            int(interaction.0),
            known.last_at.0,
            int(known.last_offset_ms),
            known.queued.map(|(queue, _)| queue.0),
            known.wait_ms().map(int),
            int(known.parts.iter().map(|part| part.talk_ms).sum()),
            !known.parts.is_empty(),
            known.ended.map_or(known.cut(), |(reason, _)| reason).code(),
            known.ended.map_or(Side::Server, |(_, by)| by).code(),
            known.callback.map(|callback| int(callback.0)),
        ],
    )?;
    for part in &known.parts {
        connection.execute(
            "INSERT INTO segments (interaction_id, segment, agent_id, started_utc_ms, ring_ms, talk_ms, hold_ms, holds)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                int(interaction.0),
                part.segment.0,
                part.agent.0,
                part.started.0,
                int(part.ring_ms),
                int(part.talk_ms),
                int(part.hold_ms),
                part.holds
            ],
        )?;
    }
    if known.ended.is_some() {
        return Ok(());
    }
    let ended = FactKind::Ended { reason: known.cut(), by: Side::Server };
    note(connection, &Fact { interaction, number: known.facts + 1, offset_ms: known.last_offset_ms, at: now, kind: ended })
}

/// What the facts of an interrupted interaction prove. Nothing is guessed: a talk without an end counts up to the last fact.
#[derive(Debug, Default)]
struct Known {
    facts: u32,
    last_offset_ms: u64,
    last_at: UnixMillis,
    queued: Option<(QueueId, u64)>,
    first_connected_ms: Option<u64>,
    offered_ms: u64,
    parts: Vec<Part>,
    /// The end was noted, only the record was not saved: then it did not end by the crash.
    ended: Option<(EndReason, Side)>,
    /// Of which callback it was an attempt.
    callback: Option<InteractionId>,
    dialled: bool,
}

#[derive(Debug)]
struct Part {
    segment: SegmentId,
    agent: AgentId,
    started: UnixMillis,
    /// Since when it counts as it does now.
    since_ms: u64,
    ring_ms: u64,
    talk_ms: u64,
    hold_ms: u64,
    holds: u32,
    held: bool,
    parted: bool,
}

impl Part {
    /// Counts up to now.
    fn count(&mut self, now_ms: u64) {
        let length_ms = now_ms.saturating_sub(std::mem::replace(&mut self.since_ms, now_ms));
        if self.parted {
            return;
        }
        *(if self.held { &mut self.hold_ms } else { &mut self.talk_ms }) += length_ms;
    }
}

impl Known {
    fn from_facts(facts: &[Fact], started: UnixMillis) -> Self {
        let mut known = Self { last_at: started, ..Self::default() };
        for fact in facts {
            known.learn(fact);
        }
        let end = known.last_offset_ms;
        known.parts.iter_mut().for_each(|part| part.count(end));
        known
    }

    fn learn(&mut self, fact: &Fact) {
        (self.facts, self.last_offset_ms, self.last_at) = (fact.number, fact.offset_ms, fact.at);
        match fact.kind {
            FactKind::Queued { queue } => _ = self.queued.get_or_insert((queue, fact.offset_ms)),
            FactKind::Offered { .. } => self.offered_ms = fact.offset_ms,
            FactKind::Connected { agent, segment } => {
                self.first_connected_ms.get_or_insert(fact.offset_ms);
                let ring_ms = fact.offset_ms.saturating_sub(self.offered_ms);
                let (since_ms, started) = (fact.offset_ms, fact.at);
                let (talk_ms, hold_ms, holds, held, parted) = (0, 0, 0, false, false);
                self.parts.push(Part { segment, agent, started, since_ms, ring_ms, talk_ms, hold_ms, holds, held, parted });
            }
            FactKind::Parted { segment } => self.in_part(segment, |part| part.parted = true, fact.offset_ms),
            FactKind::Held { segment } => self.in_part(segment, |part| (part.held, part.holds) = (true, part.holds + 1), fact.offset_ms),
            FactKind::Retrieved { segment } => self.in_part(segment, |part| part.held = false, fact.offset_ms),
            FactKind::Dialled { .. } | FactKind::PhoneDialled { .. } => self.dialled = true,
            FactKind::DialEnded { .. } | FactKind::AsideBegan { .. } | FactKind::AsideEnded { .. } => {}
            FactKind::PartyJoined { .. } | FactKind::PartyLeft { .. } | FactKind::HandedOver { .. } => {}
            FactKind::SentToQueue { .. } | FactKind::KeysPressed { .. } => {}
            FactKind::SentToNode { .. } | FactKind::NodeEntered { .. } | FactKind::NodeLeft(_) => {}
            FactKind::CallbackBegan { callback, .. } => self.callback = Some(callback),
            FactKind::RecordingPaused { .. } | FactKind::RecordingResumed { .. } => {}
            FactKind::Watched { .. } | FactKind::Unwatched { .. } | FactKind::EmergencyCalled { .. } => {}
            FactKind::CallbackPromised { .. } => {}
            FactKind::Ended { reason, by } => self.ended = Some((reason, by)),
            FactKind::Blocked { .. } | FactKind::Favoured { .. } | FactKind::LastAgent { .. } => {}
            FactKind::TurnedAway { .. } | FactKind::Announced { .. } | FactKind::KeysMasked { .. } | FactKind::Foretold { .. } => {}
            FactKind::Entered | FactKind::Answered | FactKind::Overflowed { .. } | FactKind::Decided(_) | FactKind::OfferEnded { .. } => {}
        }
    }

    fn in_part(&mut self, segment: SegmentId, step: impl Fn(&mut Part), now_ms: u64) {
        for part in self.parts.iter_mut().filter(|part| part.segment == segment) {
            part.count(now_ms);
            step(part);
        }
    }

    /// Why it ended when the server did: nobody was on the line of a callback whose turn had not come, and it goes on.
    fn cut(&self) -> EndReason {
        if self.callback.is_some() && !self.dialled { EndReason::CallbackWithdrawn } else { EndReason::ServerCrashed }
    }

    fn wait_ms(&self) -> Option<u64> {
        let (_, entered) = self.queued?;
        Some(self.first_connected_ms.unwrap_or(self.last_offset_ms).saturating_sub(entered))
    }
}
