//! Searching an area: which cells to look at, and which places in them are inside.

use super::cell::Cell;
use super::distance::{EARTH_RADIUS, along_meridian, degrees, radians};
use super::{FINEST, Position};

/// An area around a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Search {
    pub(crate) center: Position,
    pub(crate) shape: Shape,
    /// Metres in the unit of the shape's measures.
    pub(crate) unit: f64,
}

/// What an area looks like, in the unit of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Circle { radius: f64 },
    Rectangle { width: f64, height: f64 },
}

/// The farthest an area can reach from its centre.
#[derive(Clone, Copy, Debug)]
struct Reach {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Search {
    /// The distance of a place from the centre in metres, if it is inside.
    pub(crate) fn distance_inside(&self, place: Position) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.center.distance(place);
                // Between antipodes rounding may leave no number, and that is not outside.
                let is_outside = distance > radius * self.unit;
                (!is_outside).then_some(distance)
            }
            Shape::Rectangle { width, height } => {
                let northwards = along_meridian(place.latitude, self.center.latitude);
                let eastwards = place.distance(Position {
                    latitude: place.latitude,
                    ..self.center
                });
                let is_outside =
                    northwards > height * self.unit / 2.0 || eastwards > width * self.unit / 2.0;
                (!is_outside).then(|| self.center.distance(place))
            }
        }
    }

    /// Ranges of scores, each with its start and without its end, in which all places inside are.
    /// None is there twice.
    pub(crate) fn score_ranges(&self) -> Vec<(f64, f64)> {
        let mut last = None;
        let mut ranges = Vec::with_capacity(NEIGHBOURHOOD.len());
        for (at, cell) in self.cells().into_iter().enumerate() {
            // Where cells are large, neighbours to either side are the same one.
            let Some(cell) = cell.filter(|_| cell != last) else {
                continue;
            };
            ranges.push(cell.scores());
            last = (at > 0).then_some(cell);
        }
        ranges
    }

    /// The cell of the centre and those of its neighbours that the area reaches into.
    fn cells(&self) -> [Option<Cell>; 9] {
        let reach = self.reach();
        let mut depth = self.depth();
        if depth > 1 && !self.is_covered(depth, &reach) {
            depth -= 1;
        }
        let cell = Cell::of(self.center, depth);
        let bounds = cell.bounds();
        // Halved once, the world is four cells, each of which is a neighbour on several sides.
        let all = depth < 2;
        let ends_in_cell = [
            bounds.longitudes.0 < reach.west,
            bounds.longitudes.1 > reach.east,
            bounds.latitudes.0 < reach.south,
            bounds.latitudes.1 > reach.north,
        ];
        let [west, east, south, north] = ends_in_cell.map(|ends| all || !ends);
        NEIGHBOURHOOD.map(|(eastwards, northwards)| {
            let is_reached = match eastwards {
                1 => east,
                -1 => west,
                _ => true,
            } && match northwards {
                1 => north,
                -1 => south,
                _ => true,
            };
            is_reached.then(|| cell.neighbour(eastwards, northwards))
        })
    }

    /// How far to divide so that a cell and its neighbours about cover the area.
    fn depth(&self) -> u32 {
        const HALF_EQUATOR: f64 = 20_037_726.37;
        let radius = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Rectangle { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut size = radius * self.unit;
        if size == 0.0 {
            return FINEST;
        }
        let mut halvings = 1i32;
        while size < HALF_EQUATOR {
            size *= 2.0;
            halvings += 1;
        }
        // Two less, so that cells are larger than the area; meridians converge towards the poles.
        let latitude = self.center.latitude.abs();
        let converging = i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        (halvings - 2 - converging).clamp(1, FINEST as i32) as u32
    }

    fn is_covered(&self, depth: u32, reach: &Reach) -> bool {
        let cell = Cell::of(self.center, depth);
        let beside = |east, north| cell.neighbour(east, north).bounds();
        let misses = beside(0, 1).latitudes.1 < reach.north
            || beside(0, -1).latitudes.0 > reach.south
            || beside(1, 0).longitudes.1 < reach.east
            || beside(-1, 0).longitudes.0 > reach.west;
        !misses
    }

    fn reach(&self) -> Reach {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (self.unit * radius, self.unit * radius),
            Shape::Rectangle { width, height } => {
                (self.unit * (width / 2.0), self.unit * (height / 2.0))
            }
        };
        let Position {
            longitude,
            latitude,
        } = self.center;
        let northwards = degrees(height / EARTH_RADIUS);
        // The edge nearer to the pole spans more degrees; which one that is, the sign says.
        let narrowest = match latitude < 0.0 {
            true => latitude - northwards,
            false => latitude + northwards,
        };
        let eastwards = degrees(width / EARTH_RADIUS / radians(narrowest).cos());
        Reach {
            west: longitude - eastwards,
            east: longitude + eastwards,
            south: latitude - northwards,
            north: latitude + northwards,
        }
    }
}

/// A cell and those around it, by steps to the east and to the north, in the order in which they
/// are searched: it shows where nobody asks for another one.
const NEIGHBOURHOOD: [(i32, i32); 9] = [
    (0, 0),
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];
