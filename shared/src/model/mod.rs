//! The hotline's nouns, valid by construction. May import std and serde, nothing of ours but [`crate::pii`].

mod agent;
mod card;
mod desk;
mod end;
mod ids;
mod number;
mod time;
mod voice;

pub use agent::{AgentState, NotReadyReason};
pub use card::{CallerCard, CallerPerson, Contact};
pub use desk::{CallPhase, CallView, Desk, Notice, OfferView, Refusal, WrapUpView};
pub use end::{EndReason, Side};
pub use ids::{AgentId, InteractionId, LegId, OfferId, PersonId, QueueId, RecordingId, RequestId, SegmentId, SessionId, TrunkId};
pub use number::{Caller, PhoneNumber, PhoneNumberError};
pub use time::UnixMillis;
pub use voice::{LegHealth, TalkHealth, VoiceCodec, VoiceLight, VoiceTrouble};
