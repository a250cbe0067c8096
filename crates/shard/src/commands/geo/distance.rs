//! Distances on earth, and the units that requests give them in.

use std::f64::consts::PI;

use protocol::args::Args;
use protocol::number::parse_f64;

use super::cell::Position;
use crate::error::CommandError;

/// In meters. The earth is a sphere here, which is off by half a percent at most.
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560856;

const DEGREE: f64 = PI / 180.0;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / DEGREE
}

/// Meters between two positions, by the haversine formula.
pub(super) fn between(from: Position, to: Position) -> f64 {
    let across = ((radians(to.longitude) - radians(from.longitude)) / 2.0).sin();
    if across == 0.0 {
        return along_meridian(from.latitude, to.latitude);
    }
    let (from, to) = (radians(from.latitude), radians(to.latitude));
    let along = ((to - from) / 2.0).sin();
    let square = along * along + from.cos() * to.cos() * across * across;
    2.0 * EARTH_RADIUS * square.sqrt().asin()
}

/// Meters between two latitudes.
pub(super) fn along_meridian(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (radians(to) - radians(from)).abs()
}

/// Meters of the unit that part `at` names.
pub(super) fn parse_unit(args: Args<'_>, at: usize) -> Result<f64, CommandError> {
    let units = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    let found = units.into_iter().find(|(word, _)| args.is(at, word));
    found
        .map(|(_, meters)| meters)
        .ok_or(CommandError::Text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// The longitude at part `at` and the latitude after it.
pub(super) fn parse_position(args: Args<'_>, at: usize) -> Result<Position, CommandError> {
    use super::cell::{LATITUDE_MAX, LONGITUDE_MAX};

    let (longitude, latitude) = (args.float(at)?, args.float(at + 1)?);
    if longitude.abs() > LONGITUDE_MAX || latitude.abs() > LATITUDE_MAX {
        return Err(CommandError::dynamic(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        )));
    }
    Ok(Position { longitude, latitude })
}

/// A length that must not be negative.
pub(super) fn parse_length(
    args: Args<'_>,
    at: usize,
    not_a_number: &'static str,
) -> Result<f64, CommandError> {
    parse_f64(args.at(at)).ok_or(CommandError::Text(not_a_number))
}

/// A distance as it is replied: with four decimals, as text in RESP3 too.
pub(super) fn text(distance: f64) -> String {
    format!("{distance:.4}")
}
