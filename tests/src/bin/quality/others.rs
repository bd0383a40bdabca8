//! The same calls from one baresip to another over the same links.

use crate::score::Task;
use crate::{Material, Row};
use anyhow::{Context, Result};
use e2e::baresip::Baresip;
use e2e::baresip::USER;
use e2e::link::sip_over;
use std::path::{Path, PathBuf};

/// A call between two baresips.
pub(crate) struct Talk {
    caller: Baresip,
    callee: Baresip,
}

impl Talk {
    /// Brings the call of one row.
    pub(crate) fn begin(folder: &Path, place: usize, row: &Row, material: &Material) -> Result<Self> {
        let (codec, agent, citizen) = match row.codec {
            crate::Codec::Pcma => ("PCMA", &material.agent_long, &material.citizen_long),
            crate::Codec::Opus => ("opus/48000/2", &material.agent_fine, &material.citizen_fine),
        };
        let callee = Baresip::wait(&folder.join(format!("callee-{place}")), agent, codec);
        let proxy = sip_over(callee.address(), row.impairment(place)).context("a link")?;
        let mut caller = Baresip::dial_with(&folder.join(format!("caller-{place}")), proxy, USER, citizen, codec);
        caller.event("CALL_ESTABLISHED");
        Ok(Self { caller, callee })
    }

    /// Ends it; what is to be scored: at the callee, at the caller.
    pub(crate) fn end(mut self, material: &Material) -> [Task; 2] {
        self.caller.hang_up();
        self.callee.event("CALL_CLOSED");
        let task = |reference: &PathBuf, heard| Task { reference: reference.clone(), heard, pieces: material.pieces, skip: 0 };
        [task(&material.citizen, self.callee.dump()), task(&material.agent, self.caller.dump())]
    }
}
