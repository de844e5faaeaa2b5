//! Cells: rectangles that halving the world again and again makes.

use super::{FINEST, LATITUDE_MAX, LONGITUDE_MAX, Position};

/// The bits of the latitude: every other one, from the lowest on.
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = LATITUDE_BITS << 1;

/// A cell, `depth` times halved in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Longitude and latitude interleaved. On the eastern and northern edges of the world there is
    /// one bit more.
    pub(super) bits: u64,
    /// From 1 to 26.
    pub(super) depth: u32,
}

/// Where a cell begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) longitudes: (f64, f64),
    pub(super) latitudes: (f64, f64),
}

impl Cell {
    /// The cell that a place is in.
    pub(super) fn of(position: Position, depth: u32) -> Cell {
        Cell::within(position, depth, LATITUDE_MAX)
    }

    /// The cell that a place is in, in a grid up to this latitude.
    pub(super) fn within(position: Position, depth: u32, latitude_max: f64) -> Cell {
        let cells = (1u64 << depth) as f64;
        let along = |at: f64, most: f64| ((at + most) / (most - -most) * cells) as u32;
        Cell {
            bits: spread(along(position.latitude, latitude_max))
                | spread(along(position.longitude, LONGITUDE_MAX)) << 1,
            depth,
        }
    }

    /// Where it begins and ends.
    pub(super) fn bounds(self) -> Bounds {
        let cells = (1u64 << self.depth) as f64;
        let edge = |at: u32, most: f64| -most + f64::from(at) / cells * (most - -most);
        let edges = |at: u32, most: f64| (edge(at, most), edge(at.wrapping_add(1), most));
        Bounds {
            longitudes: edges(gather(self.bits >> 1), LONGITUDE_MAX),
            latitudes: edges(gather(self.bits), LATITUDE_MAX),
        }
    }

    /// The cell beside it, by this many steps to the east and to the north, at most one each. The
    /// last one's neighbour is the first.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let (longitude, latitude) = (self.bits & LONGITUDE_BITS, self.bits & LATITUDE_BITS);
        let unused = u64::BITS - 2 * self.depth;
        let moved = |bits: u64, own: u64, others: u64, by: i32| {
            let (own, others) = (own >> unused, others >> unused);
            // What lies between the bits carries over them, all ones upwards and all zeros
            // downwards.
            match by {
                0 => bits,
                1.. => bits.wrapping_add(others + 1) & own,
                _ => (bits | others).wrapping_sub(others + 1) & own,
            }
        };
        Cell {
            bits: moved(longitude, LONGITUDE_BITS, LATITUDE_BITS, east)
                | moved(latitude, LATITUDE_BITS, LONGITUDE_BITS, north),
            depth: self.depth,
        }
    }

    /// The scores of the places in it: the first, and the first behind them.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 2 * (FINEST - self.depth);
        (
            (self.bits << shift) as f64,
            ((self.bits + 1) << shift) as f64,
        )
    }
}

/// Moves bit `n` to bit `2n`.
fn spread(bits: u32) -> u64 {
    (0..5).rev().fold(u64::from(bits), |bits, step| {
        (bits | bits << (1 << step)) & GROUPS[step]
    })
}

/// Moves bit `2n` to bit `n`, whatever is in the others.
fn gather(bits: u64) -> u32 {
    let bits = (0..5).fold(bits & GROUPS[0], |bits, step| {
        (bits | bits >> (1 << step)) & GROUPS[step + 1]
    });
    bits as u32
}

/// Groups of 1, 2, 4 … bits with as many others between them.
const GROUPS: [u64; 6] = [
    LATITUDE_BITS,
    0x3333_3333_3333_3333,
    0x0f0f_0f0f_0f0f_0f0f,
    0x00ff_00ff_00ff_00ff,
    0x0000_ffff_0000_ffff,
    0x0000_0000_ffff_ffff,
];
