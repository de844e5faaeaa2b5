//! Places on the earth, which are members of sorted sets. Searching has a file of its own.

mod search;

use redstart_protocol::Value;
use redstart_protocol::number::LongDouble;

use super::args::{self, Args, is};
use super::ctx::Ctx;
use super::error::CommandError;
use super::{Row, row, sorted_set};
use crate::data::geo::{Position, integer_of};
use crate::data::{Seed, SortedSet};

pub(super) const TABLE: &[Row] = &[
    row("geoadd", geoadd),
    row("geopos", geopos),
    row("geodist", geodist),
    row("geohash", geohash),
    row("geosearch", search::geosearch),
    row("geosearchstore", search::geosearchstore),
    row("georadius", search::georadius),
    row("georadius_ro", search::georadius_ro),
    row("georadiusbymember", search::georadiusbymember),
    row("georadiusbymember_ro", search::georadiusbymember_ro),
];

/// GEOADD is ZADD with places for scores.
fn geoadd(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let mut options = Args::at(args, 2);
    let (mut only_new, mut only_old) = (false, false);
    loop {
        match () {
            _ if options.accept("NX") => only_new = true,
            _ if options.accept("XX") => only_old = true,
            _ if options.accept("CH") => {}
            _ => break,
        }
    }
    let members = options.rest();
    if !members.len().is_multiple_of(3) || (only_new && only_old) {
        return Err(CommandError::SYNTAX);
    }
    let scores = members
        .chunks_exact(3)
        .map(|member| Ok(position(member[0], member[1])?.score().to_string()));
    let scores: Vec<String> = scores.collect::<Result<_, CommandError>>()?;

    let mut zadd = args[..args.len() - members.len()].to_vec();
    zadd[0] = b"ZADD";
    for (score, member) in scores.iter().zip(members.chunks_exact(3)) {
        zadd.extend([score.as_bytes(), member[2]]);
    }
    let changes = ctx.space.changes();
    let reply = sorted_set::zadd(ctx, &zadd)?;
    if ctx.space.changes() != changes {
        ctx.effect(&zadd);
    }

    Ok(reply)
}

fn geopos(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    let positions = args[2..].iter().map(|member| {
        let place = place_of(set, member, seed);
        place.map_or(Value::NullArray, coordinates)
    });
    Ok(Value::Array(positions.collect()))
}

fn geodist(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let unit = match args[4..] {
        [] => 1.0,
        [name] => unit(name)?,
        _ => return Err(CommandError::SYNTAX),
    };

    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    let [from, to] = [args[2], args[3]].map(|member| place_of(set, member, seed));

    Ok(match from.zip(to) {
        Some((from, to)) => distance(from.distance(to) / unit),
        None => Value::Null,
    })
}

fn geohash(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let seed = ctx.space.seed();
    let set = ctx.read_as::<SortedSet>(args[1])?;
    let hashes = args[2..].iter().map(|member| {
        let place = place_of(set, member, seed);
        place.map_or(Value::Null, |place| Value::bulk(place.geohash()))
    });
    Ok(Value::Array(hashes.collect()))
}

/// Where a member is.
fn place_of(set: Option<&SortedSet>, member: &[u8], seed: Seed) -> Option<Position> {
    let score = set?.score(member, seed)?;
    Some(Position::of_score(score))
}

/// A longitude and a latitude.
fn position(longitude: &[u8], latitude: &[u8]) -> Result<Position, CommandError> {
    let (longitude, latitude) = (args::float(longitude)?, args::float(latitude)?);
    Position::new(longitude, latitude).ok_or_else(|| {
        CommandError::new(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

/// How many metres a unit has.
fn unit(name: &[u8]) -> Result<f64, CommandError> {
    match name {
        _ if is(name, "m") => Ok(1.0),
        _ if is(name, "km") => Ok(1_000.0),
        _ if is(name, "ft") => Ok(0.3048),
        _ if is(name, "mi") => Ok(1_609.34),
        _ => Err(CommandError::new(
            "ERR unsupported unit provided. please use M, KM, FT, MI",
        )),
    }
}

/// A place as it is replied: its longitude and latitude, with the digits of a C `long double`.
fn coordinates(place: Position) -> Value {
    let number = |number: f64| {
        let exact = LongDouble::try_from(number).expect("a coordinate is a number");
        Value::Decimal(exact.to_string().into())
    };
    Value::Array(vec![number(place.longitude), number(place.latitude)])
}

/// A distance as it is replied: four decimals, a bulk string in either protocol.
fn distance(distance: f64) -> Value {
    let parts = integer_of((distance * 10_000.0).round_ties_even());
    let sign = if parts < 0 { "-" } else { "" };
    let parts = parts.unsigned_abs();
    Value::bulk(format!("{sign}{}.{:04}", parts / 10_000, parts % 10_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_four_decimals() {
        for (number, text) in [
            (0.0, "0.0000"),
            (0.000_04, "0.0000"),
            (0.5, "0.5000"),
            (166_274.151_56, "166274.1516"),
            (1e300, "-922337203685477.5808"),
            (f64::NAN, "-922337203685477.5808"),
        ] {
            assert_eq!(distance(number), Value::bulk(text));
        }
    }
}
