//! Who is to hear whom, and what media must be told so that it becomes so: the wish is computed from a call's stage as a whole, and only
//! what differs from the last wish is commanded. Parties who go on together are never parted on the way (1-5).

use crate::command::{MediaCommand, Part, Sound};
use crate::turn::Turn;
use shared::model::{InteractionId, LegId, RecordingId, Track};
use std::collections::{BTreeMap, BTreeSet};

/// Who hears whom in one call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wires {
    /// By the leg that a talk is named by.
    pub(crate) talks: BTreeMap<LegId, Wired>,
    /// What legs hear that are in no talk.
    pub(crate) sounds: BTreeMap<LegId, Played>,
}

/// One talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wired {
    pub(crate) kind: WiredKind,
    /// Beside the one that it is named by.
    pub(crate) members: BTreeMap<LegId, Part>,
    /// Who sits opposite: never somebody who only listens.
    pub(crate) first: LegId,
}

/// How a talk is joined and recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WiredKind {
    /// With the citizen.
    Main {
        /// Its recording.
        recording: RecordingId,
        /// The citizen's keys are left out of it.
        masks_keys: bool,
    },
    /// Apart from the citizen.
    Aside(RecordingId),
    /// Early media: not recorded (I-17).
    Early,
}

/// What a leg hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Played {
    /// Music while waiting.
    Music,
    /// The tone of a call that rings without a sound of its own.
    Ringback,
    /// Music while held; what is said meanwhile is recorded.
    Hold(RecordingId),
}

impl Wired {
    /// A talk of two, to whom others may be added.
    pub(crate) fn of(kind: WiredKind, first: LegId) -> Self {
        Self { kind, members: BTreeMap::from([(first, Part::Talk)]), first }
    }

    fn begin(&self, turn: &mut Turn, name: LegId) {
        let first = self.first;
        turn.media(match self.kind {
            WiredKind::Main { recording, .. } => MediaCommand::Connect { citizen: name, agent: first, recording },
            WiredKind::Aside(recording) => MediaCommand::Confer { first: name, second: first, recording: Some(recording) },
            WiredKind::Early => MediaCommand::Confer { first: name, second: first, recording: None },
        });
        if let WiredKind::Main { masks_keys: true, .. } = self.kind {
            turn.media(MediaCommand::MaskKeys { citizen: name, masked: true });
        }
        self.attend(turn, name, &BTreeMap::from([(first, Part::Talk)]));
    }

    fn attend(&self, turn: &mut Turn, name: LegId, present: &BTreeMap<LegId, Part>) {
        for (leg, part) in self.members.iter().filter(|(leg, part)| present.get(*leg) != Some(*part)) {
            turn.media(MediaCommand::Attend { leg: *leg, citizen: name, part: *part });
        }
    }

    /// Whether this can go on as that one, without a break: somebody stays, and who sits opposite does not matter or is the same.
    fn becomes(&self, wanted: &Self) -> bool {
        let whispered = wanted.members.values().any(|part| *part == Part::Whisper);
        self.kind.is_like(wanted.kind)
            && self.members.keys().any(|leg| wanted.members.contains_key(leg))
            && (self.first == wanted.first || !whispered)
    }
}

impl WiredKind {
    /// Whether a talk of one kind can go on as the other: what is left out of its recording was said at its beginning.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Main { recording, .. }, Self::Main { recording: wanted, .. }) => recording == wanted,
            // A consultation goes on where it is recorded, whoever goes on with the citizen meanwhile.
            (Self::Aside(_), Self::Aside(_)) => true,
            (Self::Main { .. } | Self::Aside(_) | Self::Early, _) => self == other,
        }
    }
}

impl Wires {
    /// Whether the citizen's keys are left out of the recording of the talk with this name.
    pub(crate) fn mask_keys(&self, name: LegId) -> bool {
        self.talks.get(&name).is_some_and(|talk| matches!(talk.kind, WiredKind::Main { masks_keys: true, .. }))
    }

    /// The recordings in which something is heard, the main one first.
    pub(crate) fn recorded(&self, interaction: InteractionId) -> BTreeSet<RecordingId> {
        let mut recorded = BTreeSet::new();
        for talk in self.talks.values() {
            match talk.kind {
                WiredKind::Main { recording, .. } | WiredKind::Aside(recording) => _ = recorded.insert(recording),
                WiredKind::Early => continue,
            }
            if talk.members.values().any(|part| *part == Part::Whisper) {
                recorded.insert(RecordingId::of(interaction, Track::Whisper));
            }
        }
        recorded
    }

    /// Brings media from `self` to `wanted`.
    pub(crate) fn become_(&mut self, turn: &mut Turn, mut wanted: Self) {
        let told = std::mem::take(self);
        for (name, talk) in &told.talks {
            if !wanted.talks.get(name).is_some_and(|next| talk.becomes(next)) {
                turn.media(MediaCommand::Disconnect { citizen: *name });
            }
        }
        for (name, talk) in &told.talks {
            if let Some(next) = wanted.talks.get(name).filter(|next| talk.becomes(next)) {
                for leg in talk.members.keys().filter(|leg| !next.members.contains_key(leg)) {
                    turn.media(MediaCommand::Withdraw { leg: *leg });
                }
            }
        }
        for (name, talk) in &mut wanted.talks {
            match told.talks.get(name).filter(|before| before.becomes(talk)) {
                Some(before) => {
                    talk.attend(turn, *name, &before.members);
                    talk.kind = before.kind;
                    // Who sits opposite is where media has put it; only a whisper needs to know.
                    talk.first = if talk.members.contains_key(&before.first) { before.first } else { talk.first };
                }
                None => talk.begin(turn, *name),
            }
        }
        for (leg, played) in wanted.sounds.iter().filter(|(leg, played)| told.sounds.get(leg) != Some(*played)) {
            turn.media(match *played {
                Played::Music => MediaCommand::Play { leg: *leg, sound: Sound::Music },
                Played::Ringback => MediaCommand::Play { leg: *leg, sound: Sound::Ringback },
                Played::Hold(recording) => MediaCommand::Hold { citizen: *leg, recording },
            });
        }
        let talks = |leg: &LegId| wanted.talks.iter().any(|(name, talk)| name == leg || talk.members.contains_key(leg));
        for leg in told.sounds.keys().filter(|leg| !wanted.sounds.contains_key(leg) && !talks(leg)) {
            turn.media(MediaCommand::Play { leg: *leg, sound: Sound::Silence });
        }
        *self = wanted;
    }
}
