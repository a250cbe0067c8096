//! Who a connection is, and whether its requests have to be looked at.

use std::sync::Arc;

use shard::acl::{Incident, Permissions, RestrictedUser, Witness};

use super::user::User;

/// Who a connection is.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user; `default` as long as it has not said.
    pub user: Arc<User>,
    /// It has said who it is, or did not need to when it came.
    pub authenticated: bool,
    /// The state of the users that `guard` follows from.
    pub generation: u64,
    /// What is to be checked of each request.
    pub guard: Guard,
}

/// What is to be checked of each request.
#[derive(Debug, Clone)]
pub enum Guard {
    /// Nothing: the user may do everything.
    Open,
    /// Whether this user may.
    Restricted(Arc<RestrictedUser>),
    /// Only what is allowed before authentication passes.
    Locked,
    /// The user has been removed: the connection ends.
    Gone,
}

impl Guard {
    pub(super) fn restricted(permissions: Permissions, witness: Option<&Arc<dyn Witness>>) -> Self {
        let witness = witness.cloned().unwrap_or_else(|| Arc::new(Nobody));
        Self::Restricted(Arc::new(RestrictedUser::new(Arc::new(permissions), witness)))
    }
}

impl Login {
    /// Whether nothing has to be checked.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self.guard, Guard::Open)
    }

    /// Whether it has to authenticate first.
    #[inline]
    pub fn is_locked(&self) -> bool {
        matches!(self.guard, Guard::Locked)
    }

    /// Whether its user has been removed.
    pub fn is_gone(&self) -> bool {
        matches!(self.guard, Guard::Gone)
    }

    /// The user, when that is one who may not do everything.
    #[inline]
    pub fn restricted(&self) -> Option<&Arc<RestrictedUser>> {
        match &self.guard {
            Guard::Restricted(restricted) => Some(restricted),
            Guard::Open | Guard::Locked | Guard::Gone => None,
        }
    }
}

/// Who may do everything: a session without users.
impl Default for Login {
    fn default() -> Self {
        Self {
            user: Arc::new(User::nobody()),
            authenticated: true,
            generation: 0,
            guard: Guard::Open,
        }
    }
}

/// Looks away.
#[derive(Debug)]
struct Nobody;

impl Witness for Nobody {
    fn note(&self, _: Incident<'_>) {}
}
