//! What citizens answered in surveys, and who was asked and did not. It only reads.

use super::{Store, StoreError, uint};
use call_core::ledger::NodeEnd;
use rusqlite::Row;
use serde::Serialize;
use shared::model::{AgentId, InteractionId, NodeId, UnixMillis};

/// One citizen in one survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SurveyEntry {
    /// The call.
    pub(crate) interaction: InteractionId,
    /// Which survey.
    pub(crate) node: NodeId,
    /// Its name on that day.
    pub(crate) name: String,
    /// Who spoke with the citizen last before: the rating is this one's (K-4).
    pub(crate) agent: Option<AgentId>,
    /// The staff number, if the agent is still on the list.
    pub(crate) agent_number: Option<String>,
    /// When it was asked.
    pub(crate) asked: UnixMillis,
    /// What came of it.
    pub(crate) end: NodeEnd,
}

impl Store {
    /// The newest answers and refusals to answer, the newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn surveys(&self, limit: u32) -> Result<Vec<SurveyEntry>, StoreError> {
        let connection = self.connection();
        let found = connection
            .prepare(
                "SELECT v.interaction_id, v.node_id, v.name, v.agent_id, a.number, v.started_utc_ms, v.end, v.key, v.label
                 FROM node_visits v LEFT JOIN agents a ON a.id = v.agent_id
                 WHERE v.survey = 1 ORDER BY v.started_utc_ms DESC, v.interaction_id DESC LIMIT ?1",
            )
            .and_then(|mut select| select.query_map([limit], entry)?.collect::<rusqlite::Result<Vec<_>>>());
        found.map_err(|error| self.error(error))
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<SurveyEntry> {
    let key: Option<String> = row.get(7)?;
    let key = key.and_then(|key| key.chars().next());
    let label: Option<String> = row.get(8)?;
    let end = match (row.get::<_, String>(6)?.as_str(), key, label) {
        ("answered", Some(key), Some(label)) => NodeEnd::Answered { key, label },
        ("key", Some(key), _) => NodeEnd::Key { key },
        ("call_ended", ..) => NodeEnd::CallEnded,
        _ => NodeEnd::Unanswered,
    };
    Ok(SurveyEntry {
        interaction: InteractionId(uint(row.get(0)?)),
        node: NodeId(row.get(1)?),
        name: row.get(2)?,
        agent: row.get::<_, Option<u32>>(3)?.map(AgentId),
        agent_number: row.get(4)?,
        asked: UnixMillis(row.get(5)?),
        end,
    })
}
