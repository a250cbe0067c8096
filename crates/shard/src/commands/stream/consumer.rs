//! A consumer of a group as commands name it: finding it, making it, and noting that it was there.
//!
//! Not a command.

use crate::commands::Call;
use crate::error::CommandError;
use crate::keyspace::{Events, Keyspace};
use crate::types::stream::Stream;
use crate::types::stream::group::{Group, Times};

/// Who reads or claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumer<'a> {
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) name: &'a [u8],
}

/// Notes that a consumer has tried something; a missing one is made.
pub(super) fn see(call: &mut Call<'_, '_>, consumer: Consumer<'_>) {
    note(call, consumer, false);
}

/// Notes that a consumer has got something.
pub(super) fn act(call: &mut Call<'_, '_>, consumer: Consumer<'_>) {
    note(call, consumer, true);
}

fn note(call: &mut Call<'_, '_>, consumer: Consumer<'_>, active: bool) {
    let Consumer { key, group, name } = consumer;
    let now = call.keyspace.now().0;
    let Ok(Some(stream)) = call.keyspace.stream(key) else { return };
    let before = stream.group(group).and_then(|group| group.consumer(name));
    let before = before.map(|consumer| consumer.times);
    let active = if active { Some(now) } else { before.and_then(|times| times.active) };
    call.keyspace.stream_consumer(key, group, name, Times { seen: now, active });
    if before.is_none() {
        call.keyspace.notify(Events::STREAM, "xgroup-createconsumer", key);
    }
}

/// The group with this name at a key, and its stream.
///
/// # Errors
/// WRONGTYPE, and NOGROUP when there is no such key or no such group.
pub(super) fn group_of<'a>(
    keyspace: &'a mut Keyspace,
    key: &[u8],
    name: &[u8],
) -> Result<(&'a Stream, &'a Group), CommandError> {
    let stream = keyspace.stream(key)?;
    let found = stream.and_then(|stream| Some((stream, stream.group(name)?)));
    found.ok_or_else(|| {
        let (key, name) = (String::from_utf8_lossy(key), String::from_utf8_lossy(name));
        CommandError::dynamic(format!("NOGROUP No such key '{key}' or consumer group '{name}'"))
    })
}

/// The group with this name at a key that is there.
///
/// # Errors
/// WRONGTYPE; `missing_key`; NOGROUP when the stream has no such group.
pub(super) fn group_at<'a>(
    keyspace: &'a mut Keyspace,
    key: &[u8],
    name: &[u8],
    missing_key: CommandError,
) -> Result<(&'a Stream, &'a Group), CommandError> {
    let stream = keyspace.stream(key)?.ok_or(missing_key)?;
    let group = stream.group(name).ok_or_else(|| {
        let (key, name) = (String::from_utf8_lossy(key), String::from_utf8_lossy(name));
        CommandError::dynamic(format!(
            "NOGROUP No such consumer group '{name}' for key name '{key}'"
        ))
    })?;
    Ok((stream, group))
}
