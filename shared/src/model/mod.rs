//! The hotline's nouns, valid by construction. May import std and serde, nothing of ours but [`crate::pii`].

mod agent;
mod card;
mod desk;
mod device;
mod dial;
mod end;
mod floor;
mod function;
mod ids;
mod mark;
mod matter;
mod number;
mod prompt;
mod supervision;
mod time;
mod track;
mod voice;

pub use agent::{AgentState, NotReadyReason};
pub use card::{CallerCard, CallerPerson, CardChange, CardField, Contact};
pub use desk::{
    AwaitedBreak, CallPhase, CallView, CareClass, CareMark, Desk, KnownCaller, NextState, Notice, OfferView, Refusal, WatchView, WrapUpView,
};
pub use device::{PhoneLine, VoiceDevice, VoiceView};
pub use dial::DialResult;
pub use end::{EndReason, Side};
pub use floor::{Floor, FloorChange, FloorGap, FloorRow};
pub use function::{
    AsideKind, AsideStage, AsideView, AskedBy, CallFunction, CallNews, CallbackView, Direction, MAX_KEYS, PartyName, PartyView, TalkView,
    Target,
};
pub use ids::{
    AgentId, InteractionId, LegId, MatterId, MessageId, NodeId, OfferId, PartyId, PersonId, QueueId, RecordingId, RequestId, SegmentId,
    SessionId, TrunkId, UnitId,
};
pub use mark::{Mark, MarkKind};
pub use matter::{
    CallEntry, CannedText, Disposition, DraftCopy, MatterKind, MemberUnit, Need, OpenMatter, OwnFigures, Summary, SummaryFault, TargetBand,
    UnitPhone,
};
pub use number::{AreaCode, Caller, PhoneNumber, PhoneNumberError};
pub use prompt::PromptName;
pub use supervision::{MAX_REASON, SupervisorAct, WatchMode};
pub use time::UnixMillis;
pub use track::Track;
pub use voice::{LegHealth, TalkHealth, VoiceCodec, VoiceLight, VoiceTrouble};
