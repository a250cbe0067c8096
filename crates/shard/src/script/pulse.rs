//! The pulse of a command that a script has called.
//!
//! A hook runs between instructions of the VM, not within a command. So a command that may take
//! long looks by itself, every so often, at whether the script is to end, and lets the shard's
//! sockets be looked after.

use protocol::args::Args;

use super::host::Services;
use super::interrupt::{Control, Request};
use crate::error::CommandError;

/// See the module. A command that no script has called has none and runs to its end.
#[derive(Clone, Copy)]
pub struct Pulse<'a> {
    control: &'a Control,
    services: Option<&'a dyn Services>,
    /// What has called the script.
    request: Option<Args<'a>>,
}

impl<'a> Pulse<'a> {
    pub(super) fn new(
        control: &'a Control,
        services: Option<&'a dyn Services>,
        request: Option<Args<'a>>,
    ) -> Self {
        Self { control, services, request }
    }

    /// To be called about every 10 µs.
    ///
    /// # Errors
    /// [`CommandError::Interrupted`]: the script is to end. The command has changed nothing yet,
    /// or leaves it to the roll back.
    #[inline]
    pub fn beat(self) -> Result<(), CommandError> {
        match self.control.request_for_running() {
            Request::None => Ok(()),
            Request::Attend => {
                self.control.note_attended();
                if let Some(services) = self.services {
                    services.attend(self.request);
                }
                Ok(())
            }
            Request::Kill | Request::Timeout | Request::Memory | Request::End => {
                Err(CommandError::Interrupted)
            }
        }
    }
}

/// A beat of the script that runs, if one does.
///
/// # Errors
/// Those of [`Pulse::beat`].
#[inline]
pub fn beat(pulse: Option<Pulse<'_>>) -> Result<(), CommandError> {
    pulse.map_or(Ok(()), Pulse::beat)
}
