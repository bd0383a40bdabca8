//! Drafts of summaries: what is written, what of it is on this computer's disk, and what is at the server (2.2). Pure: it says when
//! something is due and what; the session does it.
//!
//! A draft goes to the disk within half a second, so that a crash of the program costs no more, and to the server within five, so that
//! another computer has it too. Of two copies the higher revision is the newer one.

use crate::Millis;
use shared::model::{DraftCopy, InteractionId, Summary, UnixMillis};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A change is on the disk after this at the latest, in ms.
const DISK_WITHIN_MS: Millis = 500;
/// A change is at the server after this at the latest, in ms (D-2a).
const SERVER_WITHIN_MS: Millis = 5_000;
/// Most drafts at once; the oldest is no longer shown beyond that, and stays where it is kept.
const MOST: usize = 100;

/// One draft as the screens show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What is written.
    pub copy: DraftCopy,
    /// When the server kept this state of it; `None` while it has an older one.
    pub kept: Option<UnixMillis>,
}

/// All drafts of who is signed in. Cheap to compare and to clone for the screens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drafts {
    shown: Arc<BTreeMap<InteractionId, Draft>>,
    /// When it must be on the disk.
    disk: BTreeMap<InteractionId, Millis>,
    /// When it must be at the server.
    server: BTreeMap<InteractionId, Millis>,
}

impl Drafts {
    pub(crate) fn shown(&self) -> Arc<BTreeMap<InteractionId, Draft>> {
        Arc::clone(&self.shown)
    }

    /// The agent has written something.
    pub(crate) fn write(&mut self, now: Millis, summary: Summary, wall: UnixMillis) {
        let interaction = summary.interaction;
        let known = self.shown.get(&interaction);
        if known.is_some_and(|known| known.copy.summary == summary) {
            return;
        }
        let revision = known.map_or(0, |known| known.copy.revision) + 1;
        self.take(DraftCopy { revision, changed: wall, summary }, None);
        self.disk.entry(interaction).or_insert(now + DISK_WITHIN_MS);
        self.server.entry(interaction).or_insert(now + SERVER_WITHIN_MS);
    }

    /// Copies of the disk: what is newer there must still go to the server.
    pub(crate) fn found(&mut self, now: Millis, copies: Vec<DraftCopy>) {
        for copy in copies {
            if self.is_newer(&copy) {
                self.server.insert(copy.summary.interaction, now + SERVER_WITHIN_MS);
                self.take(copy, None);
            }
        }
    }

    /// Copies of the server: what is newer there is shown, and kept here too.
    pub(crate) fn told(&mut self, now: Millis, copies: Vec<DraftCopy>) {
        for copy in copies {
            let interaction = copy.summary.interaction;
            if self.is_newer(&copy) {
                self.server.remove(&interaction);
                self.disk.insert(interaction, now + DISK_WITHIN_MS);
                let kept = Some(copy.changed);
                self.take(copy, kept);
            } else if self.shown.get(&interaction).is_some_and(|known| known.copy.revision == copy.revision) {
                self.kept(interaction, copy.revision, copy.changed);
            }
        }
    }

    /// The server has this state of it.
    pub(crate) fn kept(&mut self, interaction: InteractionId, revision: u64, at: UnixMillis) {
        if let Some(draft) = Arc::make_mut(&mut self.shown).get_mut(&interaction).filter(|draft| draft.copy.revision == revision) {
            draft.kept = Some(at);
            self.server.remove(&interaction);
        }
    }

    /// It was submitted.
    pub(crate) fn forget(&mut self, interaction: InteractionId) {
        Arc::make_mut(&mut self.shown).remove(&interaction);
        self.disk.remove(&interaction);
        self.server.remove(&interaction);
    }

    /// What is to be written to the disk now.
    pub(crate) fn due_for_disk(&mut self, now: Millis) -> Vec<DraftCopy> {
        let due: Vec<InteractionId> = self.disk.iter().filter(|(_, at)| now >= **at).map(|(interaction, _)| *interaction).collect();
        due.into_iter()
            .filter_map(|one| {
                self.disk.remove(&one);
                self.shown.get(&one).map(|draft| draft.copy.clone())
            })
            .collect()
    }

    /// What is to be sent to the server now; asked only while it can be reached. Sent again later if it is not answered.
    pub(crate) fn due_for_server(&mut self, now: Millis) -> Vec<DraftCopy> {
        let mut due = Vec::new();
        for (interaction, at) in &mut self.server {
            if now >= *at {
                *at = now + SERVER_WITHIN_MS;
                due.extend(self.shown.get(interaction).map(|draft| draft.copy.clone()));
            }
        }
        due
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self, online: bool) -> Option<Millis> {
        let server = self.server.values().min().filter(|_| online);
        self.disk.values().min().into_iter().chain(server).min().copied()
    }

    fn is_newer(&self, copy: &DraftCopy) -> bool {
        self.shown.get(&copy.summary.interaction).is_none_or(|known| copy.revision > known.copy.revision)
    }

    fn take(&mut self, copy: DraftCopy, kept: Option<UnixMillis>) {
        let shown = Arc::make_mut(&mut self.shown);
        shown.insert(copy.summary.interaction, Draft { copy, kept });
        if shown.len() > MOST
            && let Some(oldest) = shown.iter().min_by_key(|(_, draft)| draft.copy.changed).map(|(interaction, _)| *interaction)
        {
            shown.remove(&oldest);
            self.server.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drafts, MOST};
    use shared::model::{DraftCopy, InteractionId, Summary, UnixMillis};

    fn summary(interaction: u64, content: &str) -> Summary {
        Summary { content: content.to_owned().into(), ..Summary::new(InteractionId(interaction)) }
    }

    fn copy(revision: u64, content: &str) -> DraftCopy {
        DraftCopy { revision, changed: UnixMillis(1), summary: summary(7, content) }
    }

    fn content(drafts: &Drafts) -> String {
        drafts.shown()[&InteractionId(7)].copy.summary.content.reveal().clone()
    }

    #[test]
    fn what_is_written_is_on_the_disk_within_half_a_second_and_at_the_server_within_five() {
        let mut drafts = Drafts::default();
        drafts.write(1_000, summary(7, "水"), UnixMillis(1));
        drafts.write(1_300, summary(7, "水压"), UnixMillis(2));
        assert_eq!(drafts.next_deadline(true), Some(1_500));
        assert!(drafts.due_for_disk(1_499).is_empty());
        let due = drafts.due_for_disk(1_500);
        assert_eq!((due.len(), due[0].revision, due[0].summary.content.reveal().as_str()), (1, 2, "水压"));
        assert_eq!((drafts.next_deadline(true), drafts.next_deadline(false)), (Some(6_000), None));
        assert_eq!(drafts.due_for_server(6_000).len(), 1);
        assert_eq!(drafts.next_deadline(true), Some(11_000), "asked again until it is answered");
        drafts.kept(InteractionId(7), 1, UnixMillis(9));
        assert_eq!(drafts.shown()[&InteractionId(7)].kept, None, "an older state");
        drafts.kept(InteractionId(7), 2, UnixMillis(9));
        assert_eq!((drafts.shown()[&InteractionId(7)].kept, drafts.next_deadline(true)), (Some(UnixMillis(9)), None));
    }

    #[test]
    fn of_two_copies_the_newer_one_is_shown_and_goes_where_it_is_missing() {
        let mut drafts = Drafts::default();
        drafts.found(0, vec![copy(5, "磁盘")]);
        drafts.told(0, vec![copy(4, "服务器")]);
        assert_eq!((content(&drafts).as_str(), drafts.due_for_server(5_000).len()), ("磁盘", 1));
        let mut drafts = Drafts::default();
        drafts.found(0, vec![copy(4, "磁盘")]);
        drafts.told(0, vec![copy(5, "服务器")]);
        assert_eq!((content(&drafts).as_str(), drafts.due_for_server(5_000).len()), ("服务器", 0));
        assert_eq!(drafts.due_for_disk(500).len(), 1);
        drafts.forget(InteractionId(7));
        assert!(drafts.shown().is_empty() && drafts.next_deadline(true).is_none());
    }

    #[test]
    fn writing_nothing_new_is_no_change_and_there_are_never_too_many() {
        let mut drafts = Drafts::default();
        drafts.write(0, summary(7, "水"), UnixMillis(1));
        drafts.due_for_disk(500);
        drafts.write(600, summary(7, "水"), UnixMillis(2));
        assert_eq!(drafts.shown()[&InteractionId(7)].copy.revision, 1);
        for place in 0..2 * MOST as u64 {
            drafts.write(0, summary(100 + place, "水"), UnixMillis(i64::try_from(place).expect("small")));
        }
        assert_eq!(drafts.shown().len(), MOST);
    }
}
