//! Trunks in operation: registrations that are kept, targets that are watched, calls that are placed over them.

mod settings;

pub(crate) use settings::{CarrierSettings, RegistrationSettings};
