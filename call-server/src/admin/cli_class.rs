//! The permission classes as words of the command line.

use call_core::plan::PermissionClass;
use clap::ValueEnum;

/// How far a phone may dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Class {
    /// The hotline and other phones of the house.
    Internal,
    /// 市话
    Local,
    /// 国内长途
    National,
    /// 国际
    International,
}

impl Class {
    /// The class itself.
    pub(crate) fn permission(self) -> PermissionClass {
        match self {
            Self::Internal => PermissionClass::Internal,
            Self::Local => PermissionClass::Local,
            Self::National => PermissionClass::National,
            Self::International => PermissionClass::International,
        }
    }
}
