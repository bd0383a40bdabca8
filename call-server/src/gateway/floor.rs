//! The list of all agents (1-9) for those who follow it: each gets what has changed since the version that it has.
//!
//! A follower that is slow simply gets more at once: nothing waits for it, and no row it shows is older than the version it names.

use shared::model::{AgentId, Caller, FloorChange, FloorRow, PhoneNumber};
use shared::pii::Pii;
use shared::wire::AgentsNews;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The list as the core told it last, each row with the version of its last change.
pub(super) struct FloorBoard {
    version: u64,
    rows: BTreeMap<AgentId, (u64, FloorRow)>,
    gone: BTreeMap<AgentId, u64>,
    news: watch::Sender<u64>,
}

impl FloorBoard {
    pub(super) fn new() -> Self {
        Self { version: 0, rows: BTreeMap::new(), gone: BTreeMap::new(), news: watch::Sender::new(0) }
    }

    /// What the core told.
    pub(super) fn apply(&mut self, change: FloorChange) {
        let FloorChange { version, rows, gone } = change;
        for (agent, row) in rows {
            self.gone.remove(&agent);
            self.rows.insert(agent, (version, row));
        }
        for agent in gone {
            self.rows.remove(&agent);
            self.gone.insert(agent, version);
        }
        self.version = version;
        self.news.send_replace(version);
    }

    /// The newest version, now and after each change.
    pub(super) fn versions(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// What somebody with this version lacks, as the frames that bring it, and the version after them. Who may not see numbers gets
    /// them masked.
    pub(super) fn news_since(&self, known: Option<u64>, sees_numbers: bool) -> (Vec<AgentsNews>, u64) {
        let newer = |version: u64| known.is_none_or(|known| version > known);
        let rows = self.rows.iter().filter(|(_, (version, _))| newer(*version));
        let rows: Vec<_> = rows.map(|(agent, (_, row))| (*agent, if sees_numbers { row.clone() } else { masked(row) })).collect();
        let gone = self.gone.iter().filter(|(_, version)| known.is_some() && newer(**version)).map(|(agent, _)| *agent);
        let mut frames = vec![AgentsNews { since: known, version: self.version, rows: Vec::new(), gone: gone.collect() }];
        for (place, part) in rows.chunks(AgentsNews::MOST_ROWS).enumerate() {
            if place > 0 {
                frames.push(AgentsNews { since: Some(self.version), version: self.version, rows: Vec::new(), gone: Vec::new() });
            }
            if let Some(frame) = frames.last_mut() {
                frame.rows = part.to_vec();
            }
        }
        (frames, self.version)
    }
}

fn masked(row: &FloorRow) -> FloorRow {
    let partner = row.partner.as_ref().map(|caller| Caller { number: caller.number.as_ref().map(|number| mask(number.reveal())) });
    FloorRow { partner, ..row.clone() }
}

/// The first three and the last two digits stay: `139******78`.
fn mask(number: &PhoneNumber) -> Pii<PhoneNumber> {
    let digits = number.subscriber();
    let seen = |place: usize| place < 3 || place + 2 >= digits.len();
    let text: String = digits.chars().enumerate().map(|(place, digit)| if seen(place) { digit } else { '*' }).collect();
    // Only signs that a number may have.
    Pii::new(PhoneNumber::parse(&text).unwrap_or_else(|_| number.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::model::{AgentState, UnixMillis};

    fn row(number: &str) -> FloorRow {
        let partner = PhoneNumber::parse("13912345678").expect("a number");
        FloorRow {
            number: number.to_owned(),
            name: "王芳".to_owned(),
            state: AgentState::Talking,
            since: UnixMillis(0),
            connected: true,
            queue: Some("政务咨询".to_owned()),
            partner: Some(Caller { number: Some(partner.into()) }),
            calls_today: 3,
            queues: Vec::new(),
        }
    }

    fn change(version: u64, agents: &[u32], gone: &[u32]) -> FloorChange {
        let rows = agents.iter().map(|agent| (AgentId(*agent), row(&agent.to_string()))).collect();
        FloorChange { version, rows, gone: gone.iter().copied().map(AgentId).collect() }
    }

    fn agents(news: &AgentsNews) -> Vec<u32> {
        news.rows.iter().map(|(agent, _)| agent.0).collect()
    }

    #[test]
    fn a_follower_gets_the_whole_list_once_and_then_what_changed() {
        let mut board = FloorBoard::new();
        board.apply(change(1, &[1, 2], &[]));
        let (whole, version) = board.news_since(None, true);
        assert_eq!((whole.len(), whole[0].since, agents(&whole[0]), version), (1, None, vec![1, 2], 1));
        board.apply(change(2, &[3], &[1]));
        board.apply(change(3, &[2], &[]));
        let (news, version) = board.news_since(Some(1), true);
        assert_eq!(
            (news[0].since, news[0].version, agents(&news[0]), news[0].gone.as_slice()),
            (Some(1), 3, vec![2, 3], [AgentId(1)].as_slice())
        );
        assert_eq!(version, 3);
        let (late, _) = board.news_since(None, true);
        assert_eq!((agents(&late[0]), late[0].gone.len()), (vec![2, 3], 0), "a new list names nobody who is gone");
        board.apply(change(4, &[1], &[]));
        assert_eq!(board.news_since(Some(3), true).0[0].gone, [], "who is back is not gone");
    }

    #[test]
    fn a_long_list_comes_in_frames_that_follow_each_other() {
        let mut board = FloorBoard::new();
        let many: Vec<u32> = (1..=250).collect();
        board.apply(change(1, &many, &[]));
        let (frames, _) = board.news_since(None, true);
        let shape: Vec<_> = frames.iter().map(|frame| (frame.since, frame.version, frame.rows.len())).collect();
        assert_eq!(shape, [(None, 1, 100), (Some(1), 1, 100), (Some(1), 1, 50)]);
        let size = shared::wire::encode(&shared::wire::FromServer::Agents(frames[0].clone())).len();
        assert!(size < shared::wire::MAX_FRAME_BYTES / 2, "{size} bytes");
    }

    #[test]
    fn numbers_are_masked_for_who_may_not_see_them() {
        let mut board = FloorBoard::new();
        board.apply(change(1, &[1], &[]));
        let partner = |sees| {
            let (frames, _) = board.news_since(None, sees);
            frames[0].rows[0].1.partner.clone().and_then(|caller| caller.number).expect("a number").reveal().as_str().to_owned()
        };
        assert_eq!((partner(true).as_str(), partner(false).as_str()), ("13912345678", "139******78"));
    }
}
