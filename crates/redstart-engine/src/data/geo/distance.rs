//! Distances on a sphere, by the haversine formula.

use super::Position;

/// The mean radius that Redis has the earth have, in metres.
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560856;

/// The length of the shortest way between two places, in metres.
pub(super) fn between(from: Position, to: Position) -> f64 {
    let eastwards = ((radians(to.longitude) - radians(from.longitude)) / 2.0).sin();
    if eastwards == 0.0 {
        return along_meridian(from.latitude, to.latitude);
    }
    let (from, to) = (radians(from.latitude), radians(to.latitude));
    let northwards = ((to - from) / 2.0).sin();
    let haversine = northwards * northwards + from.cos() * to.cos() * eastwards * eastwards;
    2.0 * EARTH_RADIUS * haversine.sqrt().asin()
}

/// The distance of two latitudes, in metres.
pub(super) fn along_meridian(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (radians(to) - radians(from)).abs()
}

/// Written out, for `to_radians` rounds otherwise.
pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;
