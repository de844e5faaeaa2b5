//! Places on the earth, as sorted sets hold them.
//!
//! A place becomes one number, its [cell](cell) in a grid of 2^26 by 2^26 over the world: a geohash
//! (Niemeyer 2008) whose bits interleave longitude and latitude, so that places near each other
//! mostly have scores near each other. A search [covers](search) its area with a few cells, each of
//! which is one range of scores.

mod cell;
mod distance;
mod search;
#[cfg(test)]
mod tests;

use cell::Cell;
pub(crate) use search::{Search, Shape};

/// The grid ends where Web Mercator maps do.
const LATITUDE_MAX: f64 = 85.05112878;
const LONGITUDE_MAX: f64 = 180.0;

/// How often the finest cells have halved the world in each direction.
const FINEST: u32 = 26;

/// A place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

impl Position {
    /// The place there, if the grid has it.
    pub(crate) fn new(longitude: f64, latitude: f64) -> Option<Position> {
        let is_inside = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        is_inside.then_some(Position {
            longitude,
            latitude,
        })
    }

    /// The middle of the finest cell that a score names. Whatever the score, there is one.
    pub(crate) fn of_score(score: f64) -> Position {
        let cell = Cell {
            bits: bits_of(score),
            depth: FINEST,
        };
        let bounds = cell.bounds();
        let middle = |(from, to): (f64, f64), most: f64| ((from + to) / 2.0).clamp(-most, most);
        Position {
            longitude: middle(bounds.longitudes, LONGITUDE_MAX),
            latitude: middle(bounds.latitudes, LATITUDE_MAX),
        }
    }

    /// The number of the finest cell it is in.
    pub(crate) fn score(self) -> u64 {
        Cell::of(self, FINEST).bits
    }

    /// The geohash that other systems know, of eleven letters. Their grid reaches to the poles.
    /// Fifty-two bits are ten letters; the last one is always the first of the alphabet.
    pub(crate) fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let cell = Cell::within(self, FINEST, 90.0);
        std::array::from_fn(|at| match at {
            10 => ALPHABET[0],
            _ => ALPHABET[(cell.bits >> (47 - 5 * at) & 0x1f) as usize],
        })
    }

    /// How far it is to another place, in metres.
    pub(crate) fn distance(self, other: Position) -> f64 {
        distance::between(self, other)
    }
}

/// The bits of a score, as a processor of the x86 family makes an integer of a number: what sorted
/// sets hold besides places is out of range in every way.
fn bits_of(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    match score < HALF {
        true => integer_of(score) as u64,
        false => integer_of(score - HALF) as u64 ^ 1 << 63,
    }
}

/// A score as the integer it is shown as. What no integer can be is the smallest one.
pub(crate) fn integer_of(score: f64) -> i64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    match (-HALF..HALF).contains(&score) {
        true => score as i64,
        false => i64::MIN,
    }
}
