//! What scripts and functions of a shard have in common.

use std::rc::Rc;
use std::sync::Arc;

use super::host::Services;
use super::interrupt::Control;
use super::lib::Generator;
use super::limits::Limits;
use super::machine::Parts;
use super::outcome::ScriptCounters;
use super::run::Runner;
use crate::acl::RestrictedUser;
use crate::commands::table::CommandTable;
use crate::error::CommandError;
use crate::gauge::Gauge;

/// What VMs are made of and what programs run with, scripts and functions alike.
pub(super) struct Setting {
    pub(super) control: Arc<Control>,
    pub(super) limits: Limits,
    pub(super) services: Option<Rc<dyn Services>>,
    pub(super) table: Option<&'static CommandTable>,
    /// Goes on where it is when a VM is made anew.
    pub(super) random: Generator,
    pub(super) jit: bool,
    /// Commands that are not for scripts are permitted.
    pub(super) permits_all: bool,
    /// Of the node's memory.
    pub(super) gauge: Arc<Gauge>,
    /// Who calls scripts, when that is somebody who may not do everything.
    pub(super) restricted: Option<Arc<RestrictedUser>>,
    #[cfg(any(test, feature = "testing"))]
    pub(super) fault_after: Option<u64>,
}

impl Setting {
    /// What a VM is made of.
    pub(super) fn parts(&self, jit: bool) -> Result<Parts<'_>, CommandError> {
        Ok(Parts {
            control: &self.control,
            table: self.table.ok_or(CommandError::Text("ERR no command table"))?,
            services: self.services.as_ref(),
            limits: &self.limits,
            random: &self.random,
            jit,
            permits_all: self.permits_all,
        })
    }

    /// What runs a program.
    pub(super) fn runner<'a>(&'a self, counters: &'a mut ScriptCounters) -> Runner<'a> {
        Runner {
            control: &self.control,
            limits: &self.limits,
            counters,
            services: self.services.as_ref(),
            memory_full: self.gauge.is_full(),
            writes_refused: self.gauge.refuses_writes(),
            restricted: self.restricted.as_ref(),
            #[cfg(any(test, feature = "testing"))]
            fault_after: self.fault_after,
        }
    }
}
