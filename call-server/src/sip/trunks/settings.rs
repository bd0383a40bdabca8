//! What the edge needs to know of a trunk beside who may call in: where its calls go, and how it is registered and watched.

use call_core::plan::TrunkPlan;
use sip_core::digest::Account;

/// How a trunk is reached and kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct CarrierSettings {
    /// Its part of the plan: targets, number rules, channels.
    pub(crate) plan: TrunkPlan,
    /// Where every request of this trunk is sent first, whatever its URI says (outbound proxy).
    pub(crate) proxy: Option<String>,
    /// Who we are to it; needed for registration, and for challenges to calls.
    pub(crate) account: Option<Account>,
    /// Registration, if it knows us by that.
    pub(crate) registration: Option<RegistrationSettings>,
    /// It is behind NAT, or we are: answers go to where the request came from, whatever its Via says.
    pub(crate) nat: bool,
    /// How often each target is asked whether it is there, in ms; `None` is never.
    pub(crate) options_ms: Option<u64>,
}

/// A registration that we keep (RFC 3261 section 10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistrationSettings {
    /// The registrar's URI without a user, such as `sip:carrier.example`.
    pub(crate) registrar: String,
    /// How long a registration shall last, in s; the registrar may grant less.
    pub(crate) wanted_s: u32,
}
