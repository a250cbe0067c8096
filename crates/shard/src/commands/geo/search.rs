//! Looking for members near a position: what all searches share.

use super::cell::{Position, position_of};
use super::distance::text;
use super::geopos::write_position;
use super::options::{Destination, Order, Search};
use crate::commands::Call;
use crate::commands::sorted_set::store;
use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::{Pulse, beat};
use crate::types::zset::ZSet;

/// A member that has been found.
struct Point<'z> {
    member: &'z [u8],
    score: f64,
    position: Position,
    /// From the center, in meters.
    distance: f64,
}

/// Searches the sorted set at a key and replies what it finds, or stores it. `parse` is given the
/// sorted set, if there is one, and says what is asked for.
pub(super) fn run<'a>(
    call: &mut Call<'_, '_>,
    key: &[u8],
    event: &'static str,
    parse: impl FnOnce(Option<&ZSet>) -> Result<Search<'a>, CommandError>,
) -> Result<(), CommandError> {
    let pulse = call.pulse;
    let zset = call.keyspace.zset(key)?;
    let search = parse(zset)?;
    let mut points = match zset {
        Some(zset) => find(zset, &search, pulse)?,
        None => Vec::new(),
    };
    arrange(&mut points, &search);
    match search.destination {
        None => write_points(call.reply, &points, &search),
        Some(Destination { key, distances }) => {
            let mut result = ZSet::large();
            for point in &points {
                let distance = point.distance / search.unit;
                result.set(point.member, if distances { distance } else { point.score });
            }
            store(call, key, result, event);
        }
    }
    Ok(())
}

/// The members within the shape, cell by cell.
fn find<'z>(
    zset: &'z ZSet,
    search: &Search<'_>,
    pulse: Option<Pulse<'_>>,
) -> Result<Vec<Point<'z>>, CommandError> {
    let Some(shape) = search.shape else { return Ok(Vec::new()) };
    let enough = if search.any { search.count } else { usize::MAX };
    let mut points = Vec::new();
    for cell in shape.cells() {
        let (first, end) = cell.scores();
        let start = zset.rank_where(|(_, score)| score < first);
        let end = zset.rank_where(|(_, score)| score < end);
        for (member, score) in zset.range(start, end) {
            beat(pulse)?;
            let position = position_of(score);
            if let Some(distance) = shape.distance_within(position) {
                points.push(Point { member, score, position, distance });
                if points.len() >= enough {
                    return Ok(points);
                }
            }
        }
    }
    Ok(points)
}

/// Puts the points in order and leaves as many as are wanted.
fn arrange(points: &mut Vec<Point<'_>>, search: &Search<'_>) {
    let wanted = if search.count == 0 { points.len() } else { search.count.min(points.len()) };
    let by_distance = |one: &Point<'_>, other: &Point<'_>| match search.order {
        Order::FarthestFirst => other.distance.total_cmp(&one.distance),
        Order::NearestFirst | Order::None => one.distance.total_cmp(&other.distance),
    };
    if search.order != Order::None {
        if wanted < points.len() {
            // The wanted ones go to the front, and only they are sorted.
            points.select_nth_unstable_by(wanted, by_distance);
            points.truncate(wanted);
        }
        points.sort_by(by_distance);
    }
    points.truncate(wanted);
}

fn write_points(reply: &mut Reply<'_>, points: &[Point<'_>], search: &Search<'_>) {
    let shown = [search.with_distance, search.with_hash, search.with_position];
    let shown = shown.into_iter().filter(|shown| *shown).count();
    reply.array(points.len());
    for point in points {
        if shown > 0 {
            reply.array(shown + 1);
        }
        reply.bulk(point.member);
        if search.with_distance {
            reply.bulk(text(point.distance / search.unit).as_bytes());
        }
        if search.with_hash {
            reply.int(point.score as i64);
        }
        if search.with_position {
            write_position(reply, point.position);
        }
    }
}
