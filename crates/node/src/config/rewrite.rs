//! CONFIG REWRITE: the configuration that runs, back into the file that it was read from.
//!
//! Keys that stand in the file are given the values that run, where these differ; others are added
//! where they are not the default. Comments, order and the way values are written stay, which is why
//! the text is edited and not printed anew.
//!
//! # Invariants
//! - I1. The file is replaced as a whole or not at all: whoever reads it, also after a crash, finds
//!   the old text or the new one.
//! - I2. A node that starts with the new file alone has the configuration that ran.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::Config;

/// Stands above what has been added.
const SIGNATURE: &str = "# Written by CONFIG REWRITE";

/// All keys of a configuration with their values.
pub(crate) struct Values(Table);

impl Values {
    /// Those of `config`.
    ///
    /// # Errors
    /// A value cannot be written in TOML.
    pub(crate) fn of(config: &Config) -> Result<Self, String> {
        let document = toml_edit::ser::to_document(config).map_err(|error| error.to_string())?;
        let mut values = Self(document.as_table().clone());
        let tls = toml_edit::ser::to_document(&config.tls).map_err(|error| error.to_string())?;
        for (name, value) in tls.iter() {
            values.0.insert(name, value.clone());
        }
        for (name, text) in &config.accepted {
            let value = text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
            values.0.insert(name, Item::Value(value));
        }
        Ok(values)
    }

    /// Gives a number another value, if there is a key of this name.
    pub(crate) fn set_number(&mut self, name: &str, number: i64) -> bool {
        self.set(name, number.into())
    }

    /// The same for what is on or off.
    pub(crate) fn set_flag(&mut self, name: &str, on: bool) -> bool {
        self.set(name, on.into())
    }

    fn set(&mut self, name: &str, value: Value) -> bool {
        self.0.get_mut(name).is_some_and(|item| {
            *item = Item::Value(value);
            true
        })
    }
}

/// The text of a configuration file whose values are `file` with the values `running`.
///
/// # Errors
/// It is not TOML.
pub(crate) fn rewritten(text: &str, file: &Values, running: &Values) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let default = Values::of(&Config::default())?;
    let mut added = edit(document.as_table_mut(), &file.0, &running.0, &default.0);
    if text.contains(SIGNATURE) {
        added.clear();
    }
    if let Some(key) = added.first()
        && let Some(mut key) = document.key_mut(key)
    {
        key.leaf_decor_mut().set_prefix(format!("\n{SIGNATURE}\n"));
    }
    Ok(document.to_string())
}

/// Brings a table of the file up to date; returns which keys were added.
fn edit(
    table: &mut dyn TableLike,
    file: &dyn TableLike,
    running: &dyn TableLike,
    default: &dyn TableLike,
) -> Vec<String> {
    let mut added = Vec::new();
    for (key, value) in running.iter() {
        if let Some(running) = value.as_table_like() {
            let mut new = Item::Table(Table::new());
            let is_known = table.contains_key(key);
            let item = if is_known { table.get_mut(key) } else { Some(&mut new) };
            let parts = (
                item.and_then(Item::as_table_like_mut),
                file.get(key).and_then(Item::as_table_like),
                default.get(key).and_then(Item::as_table_like),
            );
            if let (Some(table), Some(file), Some(default)) = parts {
                edit(table, file, running, default);
            }
            if !is_known && new.as_table().is_some_and(|new| !new.is_empty()) {
                table.insert(key, new);
            }
            continue;
        }
        let Some(item) = table.get_mut(key) else {
            if !is_same(default.get(key), value) {
                table.insert(key, value.clone());
                added.push(key.to_owned());
            }
            continue;
        };
        if is_same(file.get(key), value) {
            continue;
        }
        let mut new = value.clone();
        // What stands around a value is a comment on it.
        if let (Some(old), Some(new)) = (item.as_value(), new.as_value_mut()) {
            *new.decor_mut() = old.decor().clone();
        }
        *item = new;
    }
    added
}

/// Whether two values mean the same. Both are written by [`Values::of`].
fn is_same(one: Option<&Item>, other: &Item) -> bool {
    one.is_some_and(|one| one.to_string().trim() == other.to_string().trim())
}

/// Puts `text` in the place of a file (I1).
///
/// # Errors
/// The system's; the file is as it was.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new: PathBuf = folder.join(format!(".{name}.{}.new", std::process::id()));
    let result = write_new(&new, &path, text).and_then(|()| fs::rename(&new, &path));
    if result.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&new);
        return result;
    }
    fs::File::open(folder)?.sync_all()
}

fn write_new(new: &Path, old: &Path, text: &str) -> io::Result<()> {
    // There may be passwords in it.
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(new)?;
    match fs::metadata(old) {
        Ok(known) if !known.is_file() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(known) => file.set_permissions(known.permissions())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{FLAGS, PARAMETERS};

    fn read(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("atoll.toml");
        fs::write(&path, text).unwrap();
        Config::read_with(Some(&path), &Vec::new(), Vec::new()).unwrap()
    }

    fn changed(text: &str, change: impl Fn(&mut Config)) -> String {
        let file = read(text);
        let mut running = file.clone();
        change(&mut running);
        let new =
            rewritten(text, &Values::of(&file).unwrap(), &Values::of(&running).unwrap()).unwrap();
        assert_eq!(read(&new), running, "I2");
        new
    }

    #[test]
    fn what_config_set_changes_is_a_key() {
        /// Other names of parameters.
        const OTHER_NAMES: &[&str] = &[
            "commandlog-execution-slower-than",
            "commandlog-slow-execution-max-len",
            "hash-max-ziplist-entries",
            "hash-max-ziplist-value",
            "list-max-ziplist-size",
            "lua-time-limit",
            "min-slaves-to-write",
            "zset-max-ziplist-entries",
            "zset-max-ziplist-value",
        ];
        let mut values = Values::of(&Config::default()).unwrap();
        let names = PARAMETERS.iter().map(|parameter| parameter.name);
        let unknown: Vec<&str> = names.filter(|name| !values.set_number(name, 7)).collect();
        let mut other_names = OTHER_NAMES.to_vec();
        other_names.retain(|name| !unknown.contains(name));
        assert_eq!(other_names, [""; 0]);
        assert_eq!(unknown.len(), OTHER_NAMES.len(), "{unknown:?}");
        assert!(FLAGS.iter().all(|(name, _)| values.set_flag(name, true)));
    }

    #[test]
    fn a_file_that_says_what_runs_stays_as_it_is() {
        let text = "# Mine.\nport = 0x1770 # hexadecimal\n\nhz = 50\nshards = 'auto'\n[cluster]\n\
                    slots = [ \"0-16383\" ]\n[[listener]]\nbind = \"0.0.0.0:7001\"\n";
        assert_eq!(changed(text, |_| {}), text);
    }

    #[test]
    fn values_change_where_they_stand_and_comments_stay() {
        let text = "# Mine.\nmaxmemory = 100 # bytes\n# The end.\nport = 7000\n";
        let new = changed(text, |config| config.maxmemory = 200);
        assert_eq!(new, text.replace("100", "200"));
        // A value that stands there stays, also when it is the default now.
        let new = changed(text, |config| config.maxmemory = 0);
        assert_eq!(new, text.replace("100", "0"));
    }

    #[test]
    fn what_is_not_the_default_is_added_before_the_tables() {
        let text = "port = 7000\n\n# All of them.\n[cluster]\nslots = [\"0-9\"]\n";
        let new = changed(text, |config| {
            config.timeout = 30;
            config.accepted.insert("hz", "50".into());
            config.accepted.insert("rdbchecksum", "no".into());
            config.requirepass = "a \"b\" \\".into();
            config.user = vec!["alice on nopass ~* &* +@all".into(), "bob off".into()];
        });
        assert!(new.starts_with(&format!("port = 7000\n\n{SIGNATURE}\nrequirepass = ")), "{new}");
        assert!(new.contains("\ntimeout = 30\n") && new.contains("\nhz = 50\n"), "{new}");
        assert!(new.ends_with("\n\n# All of them.\n[cluster]\nslots = [\"0-9\"]\n"), "{new}");
        let more = changed(&new, |config| config.tcp_keepalive = 10);
        assert_eq!(more.matches(SIGNATURE).count(), 1);
        let tables = changed("", |config| config.cluster.slots = vec!["0-99".into()]);
        assert_eq!(tables.trim(), "[cluster]\nslots = [\"0-99\"]");
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.toml"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        fs::set_permissions(&path, mode).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o640);
        let directory = folder.path().join("directory");
        fs::create_dir(&directory).unwrap();
        assert!(replace(&directory, "new").is_err());
        assert!(replace(&folder.path().join("none/a.toml"), "new").is_err());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 3, "{left:?}");
        // One that has gone is written again.
        fs::remove_file(&path).unwrap();
        replace(&path, "again").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "again");
    }
}
