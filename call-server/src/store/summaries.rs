//! Summaries 小结, their drafts, and the matters that are sent to units with them. Not whether a summary is complete; that is asked before.

use super::{Store, StoreError, int, uint};
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Serialize;
use shared::model::{AgentId, CallerCard, DraftCopy, InteractionId, MatterId, OpenMatter, Summary, UnitId, UnixMillis};

/// Most drafts of one agent that are told; older ones stay on record.
const MOST_DRAFTS: u64 = 50;
/// Most drafts of one agent that are kept.
const MOST_DRAFTS_KEPT: u64 = 500;
/// Characters of the content that stand for a matter without a disposition.
const ABOUT_CHARACTERS: usize = 24;

/// A summary that is complete, with what it is called today.
#[derive(Debug, Clone)]
pub(crate) struct Submitted {
    /// What was written.
    pub(crate) summary: Summary,
    /// The disposition's path, or empty.
    pub(crate) label: String,
}

/// One summary on record. Serialised it shows what was written: for those who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SummaryReport {
    /// By whom.
    pub(crate) agent: AgentId,
    /// That person's staff number.
    pub(crate) number: Option<String>,
    /// The disposition's path as it was called then.
    pub(crate) label: String,
    /// First submitted.
    pub(crate) first: UnixMillis,
    /// Last submitted.
    pub(crate) saved: UnixMillis,
    /// Sent to its unit.
    pub(crate) dispatched: Option<UnixMillis>,
    /// What was written.
    pub(crate) summary: Summary,
}

/// A part of a call whose summary is missing 未填.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MissingSummary {
    /// Which call.
    pub(crate) interaction: InteractionId,
    /// When its talk began.
    pub(crate) at: UnixMillis,
    /// Whose part.
    pub(crate) agent: AgentId,
    /// That person's staff number.
    pub(crate) number: Option<String>,
}

/// A matter on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MatterReport {
    /// Which.
    pub(crate) matter: MatterId,
    /// Out of which call.
    pub(crate) interaction: InteractionId,
    /// Staff number of who sent it.
    pub(crate) by: Option<String>,
    /// The unit.
    pub(crate) unit: String,
    /// What it is about.
    pub(crate) label: String,
    /// What the citizen wants.
    pub(crate) content: shared::pii::Pii<String>,
    /// When it was sent.
    pub(crate) dispatched: UnixMillis,
    /// When it was closed.
    pub(crate) closed: Option<UnixMillis>,
    /// By whom.
    pub(crate) closed_by: Option<String>,
    /// With which result.
    pub(crate) result: Option<String>,
}

impl Store {
    /// Whether an agent took part in a call, or has a draft of it. Segments come with the record, when the call is over for everybody;
    /// facts come as they happen.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn had_on_desk(&self, agent: AgentId, interaction: InteractionId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM segments WHERE interaction_id = ?1 AND agent_id = ?2)
                 OR EXISTS (SELECT 1 FROM facts WHERE interaction_id = ?1 AND kind = 'connected' AND json_extract(detail, '$.agent') = ?2)
                 OR EXISTS (SELECT 1 FROM summary_drafts WHERE interaction_id = ?1 AND agent_id = ?2)";
        self.connection().query_row(sql, params![int(interaction.0), agent.0], |row| row.get(0)).map_err(|error| self.error(error))
    }

    /// Keeps a draft, unless a newer one is kept already or the agent has too many.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn keep_draft(&self, agent: AgentId, draft: &DraftCopy) -> Result<(), StoreError> {
        let body = json(&draft.summary)?;
        let sql = "INSERT INTO summary_drafts (interaction_id, agent_id, revision, changed_utc_ms, body)
             SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM summary_drafts WHERE agent_id = ?2) < ?6
             ON CONFLICT (interaction_id, agent_id) DO UPDATE SET revision = ?3, changed_utc_ms = ?4, body = ?5 WHERE revision < ?3";
        let values = params![int(draft.summary.interaction.0), agent.0, int(draft.revision), draft.changed.0, body, int(MOST_DRAFTS_KEPT)];
        self.connection().execute(sql, values).map(drop).map_err(|error| self.error(error))
    }

    /// An agent's drafts, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn drafts(&self, agent: AgentId) -> Result<Vec<DraftCopy>, StoreError> {
        select_drafts(&self.connection(), agent).map_err(|error| self.error(error))
    }

    /// Puts a summary on record in place of an earlier one, with its matter if it is sent to a unit, and forgets the draft. A matter
    /// that was sent before stays as it was sent.
    ///
    /// # Errors
    /// The database cannot be written; nothing has changed then.
    pub(crate) fn submit_summary(&self, agent: AgentId, submitted: &Submitted, now: UnixMillis) -> Result<(), StoreError> {
        let body = json(&submitted.summary)?;
        submit(&mut self.connection(), agent, (submitted, &body), now).map_err(|error| self.error(error))
    }

    /// Summaries, the newest first: of one call, or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn summaries(&self, of: Option<InteractionId>, limit: u32) -> Result<Vec<SummaryReport>, StoreError> {
        select_summaries(&self.connection(), of, limit).map_err(|error| self.error(error))
    }

    /// Parts of finished calls without a summary, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn missing_summaries(&self, limit: u32) -> Result<Vec<MissingSummary>, StoreError> {
        select_missing(&self.connection(), limit).map_err(|error| self.error(error))
    }

    /// Matters, the newest first: those that are open, or all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn matters(&self, all: bool, limit: u32) -> Result<Vec<MatterReport>, StoreError> {
        select_matters(&self.connection(), all, limit).map_err(|error| self.error(error))
    }

    /// Closes a matter with its result; false if there is no such open one.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn close_matter(&self, matter: MatterId, (by, result): (&str, &str), now: UnixMillis) -> Result<bool, StoreError> {
        let sql = "UPDATE matters SET closed_utc_ms = ?2, closed_by = ?3, result = ?4 WHERE id = ?1 AND closed_utc_ms IS NULL";
        let changed = self.connection().execute(sql, params![int(matter.0), now.0, by, result]);
        changed.map(|changed| changed == 1).map_err(|error| self.error(error))
    }
}

/// What units still have to do for a number.
pub(super) fn open_matters(connection: &Connection, subscriber: &str) -> rusqlite::Result<Vec<OpenMatter>> {
    let mut select = connection.prepare_cached(
        "SELECT m.id, m.dispatched_utc_ms, m.label, m.content, u.name FROM matters m JOIN units u ON u.id = m.unit_id
         WHERE m.caller_subscriber = ?1 AND m.closed_utc_ms IS NULL ORDER BY m.dispatched_utc_ms DESC, m.id DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![subscriber, int(CallerCard::MOST_MATTERS as u64)], |row| {
        let (label, content): (String, String) = (row.get(2)?, row.get(3)?);
        let about = leaf(&label).map_or_else(|| content.chars().take(ABOUT_CHARACTERS).collect(), str::to_owned);
        Ok(OpenMatter { matter: MatterId(uint(row.get(0)?)), at: UnixMillis(row.get(1)?), about, unit: row.get(4)? })
    })?;
    rows.collect()
}

/// The last level of a disposition's path.
pub(super) fn leaf(label: &str) -> Option<&str> {
    label.rsplit(" / ").next().filter(|leaf| !leaf.is_empty())
}

fn json(summary: &Summary) -> Result<String, StoreError> {
    serde_json::to_string(summary).map_err(|error| StoreError::Database { path: "summary".into(), reason: error.to_string() })
}

fn select_drafts(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<DraftCopy>> {
    let mut select = connection.prepare_cached(
        "SELECT revision, changed_utc_ms, body FROM summary_drafts WHERE agent_id = ?1 ORDER BY changed_utc_ms DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![agent.0, int(MOST_DRAFTS)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut drafts = Vec::new();
    for row in rows {
        let (revision, changed, body) = row?;
        // A draft that this version cannot read is left alone.
        let Ok(summary) = serde_json::from_str(&body) else { continue };
        drafts.push(DraftCopy { revision: uint(revision), changed: UnixMillis(changed), summary });
    }
    Ok(drafts)
}

fn submit(
    connection: &mut Connection,
    agent: AgentId,
    (Submitted { summary, label }, body): (&Submitted, &str),
    now: UnixMillis,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = int(summary.interaction.0);
    let dispatched = summary.dispatch.then_some(now.0);
    transaction.execute(
        "INSERT INTO summaries (interaction_id, agent_id, kind, code, label, body, first_utc_ms, saved_utc_ms, dispatched_utc_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
         ON CONFLICT (interaction_id, agent_id) DO UPDATE SET kind = ?3, code = ?4, label = ?5, body = ?6, saved_utc_ms = ?7,
             dispatched_utc_ms = coalesce(dispatched_utc_ms, ?8)",
        params![id, agent.0, summary.kind.code(), summary.disposition, label, body, now.0, dispatched],
    )?;
    if let Some(UnitId(unit)) = summary.unit.filter(|_| summary.dispatch) {
        transaction.execute(
            "INSERT INTO matters (interaction_id, agent_id, unit_id, caller_subscriber, label, content, dispatched_utc_ms)
             VALUES (?1, ?2, ?3, (SELECT caller_subscriber FROM interactions WHERE id = ?1), ?4, ?5, ?6)
             ON CONFLICT (interaction_id, agent_id) DO NOTHING",
            params![id, agent.0, unit, label, summary.content.reveal(), now.0],
        )?;
    }
    transaction.execute("DELETE FROM summary_drafts WHERE interaction_id = ?1 AND agent_id = ?2", params![id, agent.0])?;
    transaction.commit()
}

fn select_summaries(connection: &Connection, of: Option<InteractionId>, limit: u32) -> rusqlite::Result<Vec<SummaryReport>> {
    let mut select = connection.prepare(
        "SELECT s.agent_id, a.number, s.label, s.first_utc_ms, s.saved_utc_ms, s.dispatched_utc_ms, s.body
         FROM summaries s LEFT JOIN agents a ON a.id = s.agent_id
         WHERE ?1 IS NULL OR s.interaction_id = ?1 ORDER BY s.saved_utc_ms DESC, s.interaction_id DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![of.map(|of| int(of.0)), limit], |row| {
        let body: String = row.get(6)?;
        let summary = serde_json::from_str(&body)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, error.into()))?;
        Ok(SummaryReport {
            agent: AgentId(row.get(0)?),
            number: row.get(1)?,
            label: row.get(2)?,
            first: UnixMillis(row.get(3)?),
            saved: UnixMillis(row.get(4)?),
            dispatched: row.get::<_, Option<i64>>(5)?.map(UnixMillis),
            summary,
        })
    })?;
    rows.collect()
}

fn select_missing(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<MissingSummary>> {
    let mut select = connection.prepare(
        "SELECT p.interaction_id, min(p.started_utc_ms), p.agent_id, a.number
         FROM segments p JOIN interactions i ON i.id = p.interaction_id LEFT JOIN agents a ON a.id = p.agent_id
             LEFT JOIN summaries s ON s.interaction_id = p.interaction_id AND s.agent_id = p.agent_id
         WHERE s.interaction_id IS NULL AND i.probe = 0 AND i.state = 'closed'
         GROUP BY p.interaction_id, p.agent_id ORDER BY p.interaction_id DESC LIMIT ?1",
    )?;
    let rows = select.query_map([limit], |row| {
        Ok(MissingSummary {
            interaction: InteractionId(uint(row.get(0)?)),
            at: UnixMillis(row.get(1)?),
            agent: AgentId(row.get(2)?),
            number: row.get(3)?,
        })
    })?;
    rows.collect()
}

fn select_matters(connection: &Connection, all: bool, limit: u32) -> rusqlite::Result<Vec<MatterReport>> {
    let mut select = connection.prepare(
        "SELECT m.id, m.interaction_id, a.number, u.name, m.label, m.content, m.dispatched_utc_ms, m.closed_utc_ms, m.closed_by, m.result
         FROM matters m JOIN units u ON u.id = m.unit_id LEFT JOIN agents a ON a.id = m.agent_id
         WHERE ?1 OR m.closed_utc_ms IS NULL ORDER BY m.id DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![all, limit], |row| {
        Ok(MatterReport {
            matter: MatterId(uint(row.get(0)?)),
            interaction: InteractionId(uint(row.get(1)?)),
            by: row.get(2)?,
            unit: row.get(3)?,
            label: row.get(4)?,
            content: row.get::<_, String>(5)?.into(),
            dispatched: UnixMillis(row.get(6)?),
            closed: row.get::<_, Option<i64>>(7)?.map(UnixMillis),
            closed_by: row.get(8)?,
            result: row.get(9)?,
        })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::store::{NewCaller, NewUnit};
    use shared::model::{PhoneNumber, Summary};
    use shared::wire::CallsPage;

    const ME: AgentId = AgentId(1);

    /// A finished call of mine, and one that I missed.
    fn site(scratch: &Scratch) -> Store {
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        store.import_units(&[NewUnit { name: "市水务公司".to_owned(), phones: Vec::new() }], true).expect("written");
        let caller = NewCaller {
            number: PhoneNumber::parse("13812345678").expect("a number").into(),
            name: "王秀英".to_owned().into(),
            address: "燕山南路".to_owned().into(),
            tags: Vec::new(),
            author: "console".to_owned(),
        };
        store.add_caller(&caller, UnixMillis(1)).expect("added");
        let rows = "INSERT INTO agents (id, number, name, role, password_hash, created_utc_ms) VALUES (1, '1001', '李娟', 'agent', 'x', 0);
            INSERT INTO agent_queues (agent_id, queue_id) VALUES (1, 1);
            INSERT INTO interactions (id, started_utc_ms, caller_number, caller_subscriber, dialled, probe, direction, state, ended_utc_ms,
                length_ms, trunk_id, queue_id, wait_ms, talk_ms, answered_by_agent, reason, ended_by)
            VALUES (7, 1000, '13812345678', '13812345678', '12345', 0, 'inbound', 'closed', 9000, 8000, 1, 1, 500, 3000, 1,
                    'caller_hung_up', 'caller'),
                (8, 2000, '13900000000', '13900000000', '12345', 0, 'inbound', 'closed', 9000, 7000, 1, 1, 7000, 0, 0,
                    'abandoned', 'caller');
            INSERT INTO segments (interaction_id, segment, agent_id, started_utc_ms, ring_ms, talk_ms, hold_ms) VALUES (7, 1, 1, 1500, 100, 3000, 500);
            INSERT INTO agent_intervals (agent_id, session_id, number, state, started_utc_ms, offset_ms, length_ms, cause)
            VALUES (1, 1, 1, 'wrap_up', 5000, 0, 1500, 'call');
            INSERT INTO facts (interaction_id, number, offset_ms, at_utc_ms, kind, detail)
            VALUES (8, 1, 10, 2010, 'offer_ended', '{\"kind\":\"offer_ended\",\"agent\":1,\"why\":\"not_answered\"}');";
        store.connection().execute_batch(rows).expect("rows of calls");
        store
    }

    fn summary(content: &str) -> Submitted {
        let mut summary = Summary::new(InteractionId(7));
        summary.content = content.to_owned().into();
        summary.disposition = Some("water".to_owned());
        summary.unit = Some(UnitId(1));
        summary.dispatch = true;
        Submitted { summary, label: "城市管理 / 供水".to_owned() }
    }

    #[test]
    fn an_older_draft_never_replaces_a_newer_one_and_the_summary_ends_it() {
        let scratch = Scratch::new();
        let store = site(&scratch);
        let draft = |revision, content: &str| DraftCopy { revision, changed: UnixMillis(5), summary: summary(content).summary };
        for (revision, content) in [(1, "一"), (3, "三"), (2, "二")] {
            store.keep_draft(ME, &draft(revision, content)).expect("written");
        }
        let kept = store.drafts(ME).expect("readable");
        assert_eq!((kept.len(), kept[0].revision, kept[0].summary.content.reveal().as_str()), (1, 3, "三"));
        assert!(store.drafts(AgentId(2)).expect("readable").is_empty(), "another's");
        store.submit_summary(ME, &summary("完成"), UnixMillis(9_000)).expect("written");
        assert!(store.drafts(ME).expect("readable").is_empty());
    }

    #[test]
    fn a_matter_keeps_the_time_at_which_it_was_first_sent_and_pops_up_until_it_is_closed() {
        let scratch = Scratch::new();
        let store = site(&scratch);
        assert_eq!(store.missing_summaries(9).expect("readable").len(), 1);
        assert!(store.own_calls(ME, CallsPage::Mine, UnixMillis(9_000)).expect("readable")[0].lacks_summary);
        store.submit_summary(ME, &summary("水压不足"), UnixMillis(9_000)).expect("written");
        store.submit_summary(ME, &summary("水压不足，五楼"), UnixMillis(9_900)).expect("corrected");
        let on_record = store.summaries(Some(InteractionId(7)), 9).expect("readable").remove(0);
        assert_eq!((on_record.first.0, on_record.saved.0, on_record.dispatched), (9_000, 9_900, Some(UnixMillis(9_000))));
        assert_eq!(on_record.summary.content.reveal(), "水压不足，五楼");
        let card = store.card(&PhoneNumber::parse("13812345678").expect("a number")).expect("readable");
        assert_eq!((card.matters.len(), card.matters[0].about.as_str(), card.matters[0].unit.as_str()), (1, "供水", "市水务公司"));
        assert_eq!((card.contacts[0].agent_name.as_deref(), card.contacts[0].about.as_deref()), (Some("李娟"), Some("供水")));
        let matter = card.matters[0].matter;
        assert!(store.close_matter(matter, ("2001", "已修复"), UnixMillis(10_000)).expect("written"));
        assert!(!store.close_matter(matter, ("2001", "已修复"), UnixMillis(10_001)).expect("readable"), "only once");
        assert!(store.matters(false, 9).expect("readable").is_empty());
        assert_eq!(store.matters(true, 9).expect("readable")[0].result.as_deref(), Some("已修复"));
        assert!(store.missing_summaries(9).expect("readable").is_empty());
    }

    #[test]
    fn a_promised_callback_is_a_persons_only_once_the_hotline_has_failed() {
        let scratch = Scratch::new();
        let store = site(&scratch);
        let listed = || -> Vec<(u64, Option<u32>)> {
            let calls = store.own_calls(ME, CallsPage::Callbacks, UnixMillis(20_000)).expect("readable");
            calls.iter().map(|call| (call.interaction.0, call.promised)).collect()
        };
        assert_eq!(listed(), [(8, None)], "gave up without a promise");
        let promise = "INSERT INTO callbacks (interaction_id, number, queue_id, entered_utc_ms, asked_utc_ms, attempts, due_utc_ms, state,
             changed_utc_ms) VALUES (8, '13812345678', 1, 1, 1, 2, 1, 'open', 1)";
        store.connection().execute_batch(promise).expect("written");
        assert_eq!(listed(), [], "the hotline calls");
        store.connection().execute_batch("UPDATE callbacks SET state = 'missed'").expect("written");
        assert_eq!(listed(), [(8, Some(2))]);
        assert!(store.settle_callback(InteractionId(8), "2001", UnixMillis(19_000)).expect("written"));
        assert_eq!(listed(), [], "somebody has seen to it");
    }

    #[test]
    fn own_lists_and_figures_come_from_the_records_of_calls() {
        let scratch = Scratch::new();
        let store = site(&scratch);
        let now = UnixMillis(20_000);
        let ids = |page| -> Vec<u64> { store.own_calls(ME, page, now).expect("readable").iter().map(|call| call.interaction.0).collect() };
        assert_eq!([ids(CallsPage::Mine), ids(CallsPage::Missed), ids(CallsPage::Callbacks)], [vec![7], vec![8], vec![8]]);
        assert!(store.own_calls(AgentId(2), CallsPage::Callbacks, now).expect("readable").is_empty(), "serves no queue");
        assert_eq!(store.own_calls(ME, CallsPage::Mine, now).expect("readable")[0].name.reveal(), "王秀英");
        let figures = store.own_figures(ME, UnixMillis(0), now).expect("readable");
        let told = (figures.answered, figures.mean_talk_ms, figures.mean_handling_ms, figures.missed, figures.unwritten);
        assert_eq!(told, (1, 3_000, 5_000, 1, 1));
        assert_eq!(store.own_figures(ME, UnixMillis(1_600), now).expect("readable").answered, 0, "the day before");
    }
}
