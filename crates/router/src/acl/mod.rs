//! Users: who may come in, and what they may do.
//!
//! | module | holds |
//! |---|---|
//! | [`user`] | one user, as rules leave it |
//! | [`rule`] | the language of rules (ACL SETUSER) |
//! | [`selector`] | commands, keys and channels of a user, and how they are printed |
//! | [`password`] | digests of passwords |
//! | [`category`] | the categories of commands |
//! | [`file`] | users as lines of text |
//! | [`login`] | who a connection is |
//!
//! A user never changes: rules make a new one, which takes the place of the old one here. Sessions
//! keep the user that they are, with the number of the state that they have seen; a connection
//! compares that number before each batch and asks again when it differs. So changes need not look
//! for the connections that they concern, and requests in between cost one comparison.
//!
//! # Invariants
//! - I1. There is a user `default`.
//! - I2. A user that was removed and made again is another one: its `birth` differs. Connections of
//!   the first are not connections of the second.
//!
//! # Not here
//! What is left of a user when a request comes: `shard::acl`. Closing connections, files, the log
//! and randomness: the node.

pub mod category;
pub mod file;
pub mod login;
pub mod password;
pub mod rule;
pub mod selector;
pub mod user;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use shard::acl::Permissions;
use shard::commands::table::CommandTable;

use self::login::{Guard, Login};
use self::rule::Rules;
use self::user::User;
use crate::session::Session;

/// The user that connections are before they say who they are.
pub const DEFAULT_USER: &[u8] = b"default";

/// All users by name.
type Users = BTreeMap<Vec<u8>, Arc<User>>;

/// All users of a node. See the module.
pub struct Acl {
    table: &'static CommandTable,
    users: RwLock<Users>,
    /// Counts states; see [`Acl::generation`].
    generation: AtomicU64,
    births: AtomicU64,
    /// New users may use all channels (`acl-pubsub-default`).
    all_channels: AtomicBool,
}

impl std::fmt::Debug for Acl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acl").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// What has become of users by a change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Users that are gone.
    pub removed: Vec<Vec<u8>>,
    /// Users that were there before and may have lost permissions.
    pub altered: Vec<Vec<u8>>,
}

impl Acl {
    /// One user, `default`, who needs no password and may do everything.
    pub fn new(table: &'static CommandTable) -> Self {
        let mut users = Users::new();
        users.insert(DEFAULT_USER.to_vec(), Arc::new(User::default_user(table)));
        Self {
            table,
            users: RwLock::new(users),
            generation: AtomicU64::new(1),
            births: AtomicU64::new(1),
            all_channels: AtomicBool::new(false),
        }
    }

    /// All commands that rules can name.
    pub fn table(&self) -> &'static CommandTable {
        self.table
    }

    /// Differs as soon as any user has changed.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether new users may use all channels.
    pub fn all_channels(&self) -> bool {
        self.all_channels.load(Ordering::Relaxed)
    }

    /// Says whether new users may use all channels.
    pub fn set_all_channels(&self, allowed: bool) {
        self.all_channels.store(allowed, Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Users> {
        self.users.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Users> {
        self.users.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn rules(&self) -> Rules<'_> {
        Rules { table: self.table, all_channels: self.all_channels() }
    }

    /// All users, sorted by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.read().values().cloned().collect()
    }

    /// The user of a name.
    pub fn user(&self, name: &[u8]) -> Option<Arc<User>> {
        self.read().get(name).cloned()
    }

    /// The user `default`.
    pub fn default_user(&self) -> Arc<User> {
        self.user(DEFAULT_USER).expect("I1")
    }

    /// The user that a name and a password stand for.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Arc<User>> {
        self.user(name).filter(|user| user.enabled && user.accepts(password))
    }

    /// Makes or changes a user by rules; all of them, or none.
    ///
    /// # Errors
    /// What is wrong with a rule, as Redis says it, without a code in front.
    pub fn set_user<'a>(
        &self,
        name: &[u8],
        rules: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Changed, Vec<u8>> {
        let words: Vec<&[u8]> = rules.into_iter().collect();
        let language = self.rules();
        let words = rule::merge_selectors(&words).map_err(|at| {
            let start = [&b"Unmatched parenthesis in acl selector starting at '"[..], at];
            [start.concat(), b"'.".to_vec()].concat()
        })?;
        let mut users = self.write();
        let known = users.get(name);
        let mut changed = Changed::default();
        let mut user = match known {
            Some(user) => {
                changed.altered.push(name.to_vec());
                User::clone(user)
            }
            None => User::new(self.table, name, language.all_channels, self.next_birth()),
        };
        for word in &words {
            language.apply(&mut user, word).map_err(|error| {
                let head = [b"Error in ACL SETUSER modifier '", &word[..], b"': "].concat();
                [head, error.to_string().into_bytes()].concat()
            })?;
        }
        users.insert(name.to_vec(), Arc::new(user.finish()));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(changed)
    }

    /// Removes users; says which of them there were.
    pub fn remove_users<'a>(&self, names: impl IntoIterator<Item = &'a [u8]>) -> Changed {
        let mut users = self.write();
        let there = names.into_iter().filter(|name| *name != DEFAULT_USER); // I1
        let removed = there.filter_map(|name| users.remove_entry(name)).map(|(name, _)| name);
        let changed = Changed { removed: removed.collect(), altered: Vec::new() };
        self.generation.fetch_add(1, Ordering::Release);
        changed
    }

    /// Puts these users in place of all others. Those that were there before are the same users
    /// (I2); `default` is as at first when it is not among them.
    pub fn replace_users(&self, new: Vec<User>) -> Changed {
        let mut users = self.write();
        let mut next = Users::new();
        for mut user in new {
            user.birth = users.get(&user.name).map_or_else(|| self.next_birth(), |old| old.birth);
            next.insert(user.name.clone(), Arc::new(user.finish()));
        }
        let default = || Arc::new(User::default_user(self.table));
        next.entry(DEFAULT_USER.to_vec()).or_insert_with(default);
        let (altered, removed) =
            users.keys().cloned().partition(|name| next.contains_key(name.as_slice()));
        *users = next;
        self.generation.fetch_add(1, Ordering::Release);
        Changed { removed, altered }
    }

    /// Reads users from lines of text, without putting them in place.
    ///
    /// # Errors
    /// All that is wrong, as Redis says it.
    pub fn parse_file(&self, name: &str, text: &[u8]) -> Result<Vec<User>, String> {
        file::parse(&self.rules(), name, text)
    }

    /// Gives `default` this password and no other; none at all when it is empty (`requirepass`).
    pub fn set_default_password(&self, password: &[u8]) {
        let words: [Vec<u8>; 2] = match password {
            b"" => [b"resetpass".to_vec(), b"nopass".to_vec()],
            _ => [b"resetpass".to_vec(), [b">", password].concat()],
        };
        let set = self.set_user(DEFAULT_USER, words.iter().map(Vec::as_slice));
        debug_assert!(set.is_ok(), "these rules are right");
    }

    fn next_birth(&self) -> u64 {
        self.births.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a session that of a connection which has not said who it is.
    pub fn enter(&self, session: &mut Session) {
        let generation = self.generation();
        let user = self.default_user();
        let authenticated = user.enabled && user.nopass;
        self.settle(session, user, authenticated, generation);
    }

    /// Makes a session that of a user.
    pub fn log_in(&self, session: &mut Session, user: Arc<User>) {
        // The user may have changed since somebody looked it up: the next batch looks again.
        self.settle(session, user, true, 0);
    }

    /// Brings a session up to date with changes of users.
    #[cold]
    pub fn refresh(&self, session: &mut Session) {
        // Read before the users, so that a change in between is looked at once more.
        let generation = self.generation();
        let known = &session.login.user;
        let authenticated = session.login.authenticated;
        match self.user(&known.name).filter(|user| user.birth == known.birth) {
            Some(user) => self.settle(session, user, authenticated, generation),
            None => {
                session.login.guard = Guard::Gone;
                session.login.generation = generation;
            }
        }
    }

    fn settle(&self, session: &mut Session, user: Arc<User>, authenticated: bool, generation: u64) {
        let locked = !authenticated && {
            let default = self.default_user();
            !default.nopass || !default.enabled
        };
        let guard = match (locked, &session.witness) {
            (true, _) => Guard::Locked,
            (false, _) if user.allows_all() => Guard::Open,
            (false, witness) => Guard::restricted(user.permissions(), witness.as_ref()),
        };
        session.login = Login { user, authenticated, generation, guard };
    }
}

impl User {
    /// What it may do, as requests carry it.
    pub fn permissions(&self) -> Permissions {
        let selectors = self.selectors.iter().map(|selector| selector.access.clone());
        Permissions { user: self.name.clone().into(), selectors: selectors.collect() }
    }
}

#[cfg(test)]
#[path = "acl_test.rs"]
mod tests;
