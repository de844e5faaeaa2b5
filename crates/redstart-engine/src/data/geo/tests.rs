//! Known places, and searches against looking at every place.

use super::*;
use crate::random::Rng;

fn at(longitude: f64, latitude: f64) -> Position {
    Position::new(longitude, latitude).expect("a place")
}

#[test]
fn known_places() {
    let (palermo, catania) = (at(13.361389, 38.115556), at(15.087269, 37.502669));
    assert_eq!(palermo.score(), 3_479_099_956_230_698);
    assert_eq!(catania.score(), 3_479_447_370_796_909);
    let [palermo, catania] =
        [palermo, catania].map(|place| Position::of_score(place.score() as f64));
    assert_eq!(palermo, at(13.361_389_338_970_184, 38.115_556_395_496_3));
    assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
    assert_eq!(&catania.geohash(), b"sqdtr74hyu0");
    assert_eq!((palermo.distance(catania) * 1e4).round(), 1_662_741_516.0);
}

#[test]
fn the_grid_ends_before_the_poles() {
    assert!(Position::new(180.0, 85.05112878).is_some());
    assert!(Position::new(180.001, 0.0).is_none());
    assert!(Position::new(0.0, -85.06).is_none());
    assert!(Position::new(f64::NAN, 0.0).is_none());
    assert!(Position::new(0.0, f64::INFINITY).is_none());
}

#[test]
fn every_score_is_some_place() {
    for score in [
        0.0,
        -0.0,
        -1.0,
        0.5,
        1e18,
        -1e18,
        9.3e18,
        1.8e19,
        1e300,
        -1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        let place = Position::of_score(score);
        assert!(Position::new(place.longitude, place.latitude).is_some());
    }
}

#[test]
fn a_score_is_a_place_nearby() {
    let mut rng = Rng::new(5);
    for _ in 0..2_000 {
        let place = random_place(&mut rng);
        let found = Position::of_score(place.score() as f64);
        assert!(place.distance(found) < 1.0, "{place:?} {found:?}");
    }
}

#[test]
fn a_search_misses_nothing() {
    let mut rng = Rng::new(6);
    for _ in 0..300 {
        let center = random_place(&mut rng);
        let size = 10f64.powf(rng.unit_f64() * 6.0);
        let shape = match rng.below(2) {
            0 => Shape::Circle { radius: size },
            _ => Shape::Rectangle {
                width: size,
                height: size * rng.unit_f64(),
            },
        };
        let search = Search {
            center,
            shape,
            unit: 1.0,
        };
        let ranges = search.score_ranges();
        for _ in 0..200 {
            let near = |at: f64, most: f64, rng: &mut Rng| {
                (at + (rng.unit_f64() - 0.5) * size / 3e4).clamp(-most, most)
            };
            let place = at(
                near(center.longitude, 180.0, &mut rng),
                near(center.latitude, 85.0, &mut rng),
            );
            let score = place.score() as f64;
            if search.distance_inside(Position::of_score(score)).is_some() {
                let covered = ranges.iter().any(|&(from, to)| (from..to).contains(&score));
                assert!(covered, "{search:?} misses {place:?}");
            }
        }
    }
}

fn random_place(rng: &mut Rng) -> Position {
    at(
        rng.unit_f64() * 360.0 - 180.0,
        rng.unit_f64() * 130.0 - 65.0,
    )
}
