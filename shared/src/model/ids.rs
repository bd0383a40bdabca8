//! Identities. A name or a staff number may change; an id never does (I-20).

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// One citizen contact from the first INVITE to the last leg. Unique over restarts, never changed by a transfer.
    InteractionId(u64)
);
id!(
    /// One agent's part of an interaction, numbered from 1 within it.
    SegmentId(u32)
);
id!(
    /// One media and signalling leg. Unique while the server runs; given by the edge that opens the leg.
    LegId(u64)
);
id!(
    /// Somebody in a call beside citizen and agent, numbered from 1 within the interaction.
    PartyId(u32)
);
id!(
    /// One reservation of one agent for one call. Unique while the server runs, so that a late event of an old round is recognised (I-2).
    OfferId(u64)
);
id!(
    /// A recording, equal over restarts; an interaction may have one for each [`super::Track`].
    RecordingId(u64)
);
id!(
    /// A person who signs in. The staff number 工号 is an attribute, not the identity.
    AgentId(u32)
);
id!(
    /// A registered person, unique over restarts; several may share a number.
    PersonId(u64)
);
id!(
    /// A member unit 成员单位 that matters are sent to.
    UnitId(u32)
);
id!(
    /// A matter 诉求 that a unit has to deal with, unique over restarts.
    MatterId(u64)
);
id!(
    /// A message between agents, unique over restarts.
    MessageId(u64)
);
id!(
    /// A waiting line.
    QueueId(u32)
);
id!(
    /// A voice menu or a survey of the configuration.
    NodeId(u32)
);
id!(
    /// A trunk of the configuration, by its place in the file.
    TrunkId(u32)
);
id!(
    /// One signed-in desktop; a reconnect keeps it, a new sign-in gets a new one.
    SessionId(u64)
);
id!(
    /// Chosen by the client for one request, returned with its answer. Unique within a session.
    RequestId(u64)
);
