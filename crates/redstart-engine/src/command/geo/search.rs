//! Searching places: GEOSEARCH, and GEORADIUS before it.

use std::cmp::Ordering;

use redstart_protocol::Value;

use super::super::args::{Args, float, is};
use super::super::ctx::Ctx;
use super::super::error::CommandError;
use super::super::{element, sorted_set};
use super::{coordinates, distance, place_of, position, unit};
use crate::data::geo::{Position, Search, Shape, integer_of};
use crate::data::{Bound, Element, SortedSet, sorting};

pub(super) fn geosearch(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    run(ctx, args, Form::Search)
}

pub(super) fn geosearchstore(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    run(ctx, args, Form::SearchStore)
}

pub(super) fn georadius(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    run(ctx, args, Form::Radius { stores: true })
}

pub(super) fn georadius_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    run(ctx, args, Form::Radius { stores: false })
}

pub(super) fn georadiusbymember(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    run(ctx, args, Form::RadiusByMember { stores: true })
}

pub(super) fn georadiusbymember_ro(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
) -> Result<Value, CommandError> {
    run(ctx, args, Form::RadiusByMember { stores: false })
}

/// Which arguments there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Search,
    SearchStore,
    Radius { stores: bool },
    RadiusByMember { stores: bool },
}

impl Form {
    /// Whether centre and shape are options.
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    /// Whether STORE and STOREDIST are options, with a key behind them.
    fn names_target(self) -> bool {
        matches!(
            self,
            Form::Radius { stores: true } | Form::RadiusByMember { stores: true }
        )
    }

    /// The event of a result that is stored.
    fn event(self) -> &'static str {
        match self.is_search() {
            true => "geosearchstore",
            false => "georadiusstore",
        }
    }
}

/// What is asked for.
#[derive(Debug, Default)]
struct Request<'a> {
    center: Center,
    area: Option<Area>,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    order: Option<Order>,
    count: Option<usize>,
    any: bool,
    /// Where the result is stored.
    target: Option<&'a [u8]>,
    /// What is stored is distances, not places.
    stores_distances: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Center {
    #[default]
    Missing,
    At(Position),
    /// A member, of which nobody knows where it is, for there is no set.
    Unknown,
    /// That of a member.
    Of(Position),
}

impl Center {
    fn is_member(self) -> bool {
        matches!(self, Center::Unknown | Center::Of(_))
    }
}

#[derive(Clone, Copy, Debug)]
struct Area {
    shape: Shape,
    unit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    NearestFirst,
    FarthestFirst,
}

/// A member inside.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    position: Position,
    /// In metres.
    distance: f64,
}

fn run(ctx: &mut Ctx<'_>, args: &[&[u8]], form: Form) -> Result<Value, CommandError> {
    let source = args[if form == Form::SearchStore { 2 } else { 1 }];
    ctx.read_as::<SortedSet>(source)?;
    let request = Request::parse(ctx, source, args, form)?;

    let set = ctx.peek_as::<SortedSet>(source)?;
    let center = match request.center {
        Center::At(position) | Center::Of(position) => Some(position),
        Center::Missing | Center::Unknown => None,
    };
    let search = center.zip(request.area).map(|(center, area)| Search {
        center,
        shape: area.shape,
        unit: area.unit,
    });
    let found = match set.zip(search) {
        Some((set, search)) => request.select(find(set, &search, request.enough())),
        None => Vec::new(),
    };

    let unit = request.area.map_or(1.0, |area| area.unit);
    let Some(target) = request.target else {
        let found = found.iter().map(|found| request.reply(found, unit));
        return Ok(Value::Array(found.collect()));
    };
    let scored = found.iter().map(|found| {
        let score = match request.stores_distances {
            true => found.distance / unit,
            false => found.score,
        };
        (found.member, score)
    });
    let result = sorted_set::collect(scored, sorted_set::UNPACKED, ctx.space.seed());
    Ok(sorted_set::store(ctx, target, result, form.event()))
}

impl<'a> Request<'a> {
    /// Reads a request. Redis looks members up while it reads, and so an absent one is an error
    /// before what follows it is.
    fn parse(
        ctx: &Ctx<'_>,
        source: &[u8],
        args: &'a [&'a [u8]],
        form: Form,
    ) -> Result<Request<'a>, CommandError> {
        let seed = ctx.space.seed();
        let set = ctx.peek_as::<SortedSet>(source)?;
        let member = |name: &[u8]| match set {
            None => Ok(Center::Unknown),
            Some(_) => place_of(set, name, seed)
                .map(Center::Of)
                .ok_or_else(|| CommandError::new("ERR could not decode requested zset member")),
        };

        let mut request = Request::default();
        let mut options = match form {
            Form::Search => Args::at(args, 2),
            Form::SearchStore => {
                request.target = Some(args[1]);
                Args::at(args, 3)
            }
            Form::Radius { .. } => {
                request.center = Center::At(position(args[2], args[3])?);
                request.area = Some(circle(args[4], args[5])?);
                Args::at(args, 6)
            }
            Form::RadiusByMember { .. } => {
                request.center = member(args[2])?;
                if set.is_some() {
                    request.area = Some(circle(args[3], args[4])?);
                }
                Args::at(args, 5)
            }
        };
        while let Some(word) = options.try_next() {
            let has = |count| options.left() >= count;
            match word {
                _ if is(word, "WITHDIST") => request.with_distance = true,
                _ if is(word, "WITHHASH") => request.with_hash = true,
                _ if is(word, "WITHCOORD") => request.with_position = true,
                _ if is(word, "ANY") => request.any = true,
                _ if is(word, "ASC") => request.order = Some(Order::NearestFirst),
                _ if is(word, "DESC") => request.order = Some(Order::FarthestFirst),
                _ if is(word, "COUNT") && has(1) => {
                    let count = usize::try_from(options.int()?).ok();
                    request.count = count.filter(|&count| count > 0);
                    if request.count.is_none() {
                        return Err(CommandError::new("ERR COUNT must be > 0"));
                    }
                }
                _ if is(word, "STORE") && has(1) && form.names_target() => {
                    request.target = options.try_next();
                    request.stores_distances = false;
                }
                _ if is(word, "STOREDIST") && has(1) && form.names_target() => {
                    request.target = options.try_next();
                    request.stores_distances = true;
                }
                _ if is(word, "STOREDIST") && form == Form::SearchStore => {
                    request.stores_distances = true;
                }
                _ if form.is_search() => request.read_area(word, &mut options, member)?,
                _ => return Err(CommandError::SYNTAX),
            }
        }
        request.check(args[0], form)?;
        Ok(request)
    }

    /// Reads where and what to search, of which there may be one kind each.
    fn read_area(
        &mut self,
        word: &[u8],
        options: &mut Args<'_>,
        member: impl Fn(&[u8]) -> Result<Center, CommandError>,
    ) -> Result<(), CommandError> {
        let by_circle = |area: Area| matches!(area.shape, Shape::Circle { .. });
        match (word, options.rest()) {
            (_, [name, ..]) if is(word, "FROMMEMBER") && !matches!(self.center, Center::At(_)) => {
                self.center = member(name)?;
                options.next()?;
            }
            (_, [longitude, latitude, ..])
                if is(word, "FROMLONLAT") && !self.center.is_member() =>
            {
                self.center = Center::At(position(longitude, latitude)?);
                options.next()?;
                options.next()?;
            }
            (_, [radius, name, ..]) if is(word, "BYRADIUS") && self.area.is_none_or(by_circle) => {
                self.area = Some(circle(radius, name)?);
                options.next()?;
                options.next()?;
            }
            (_, [width, height, name, ..])
                if is(word, "BYBOX") && !self.area.is_some_and(by_circle) =>
            {
                self.area = Some(rectangle(width, height, name)?);
                options.next()?;
                options.next()?;
                options.next()?;
            }
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }

    /// An error if parts do not go together or are missing.
    fn check(&self, name: &[u8], form: Form) -> Result<(), CommandError> {
        if self.target.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            let name = match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CommandError::new(format!(
                "ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if form.is_search() && matches!(self.center, Center::Missing) {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if form.is_search() && self.area.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if self.any && self.count.is_none() {
            let text = "ERR the ANY argument requires COUNT argument";
            return Err(CommandError::new(text));
        }
        Ok(())
    }

    /// How many members end the search.
    fn enough(&self) -> Option<usize> {
        self.count.filter(|_| self.any)
    }

    /// Those of the members found that are asked for, in order.
    fn select<'f>(&self, mut found: Vec<Found<'f>>) -> Vec<Found<'f>> {
        let count = self.count.unwrap_or(usize::MAX).min(found.len());
        // A count asks for the nearest, unless any will do.
        let by_count = (self.count.is_some() && !self.any).then_some(Order::NearestFirst);
        if let Some(order) = self.order.or(by_count) {
            let compare = |a: &Found<'_>, b: &Found<'_>| match order {
                Order::NearestFirst => by_distance(a, b),
                Order::FarthestFirst => by_distance(a, b).reverse(),
            };
            match count == found.len() {
                true => sorting::merge_sort(&mut found, &compare),
                false => sorting::sort_first(&mut found, count, &compare),
            }
        }
        found.truncate(count);
        found
    }

    fn reply(&self, found: &Found<'_>, unit: f64) -> Value {
        let mut parts = vec![element(found.member)];
        if self.with_distance {
            parts.push(distance(found.distance / unit));
        }
        if self.with_hash {
            parts.push(Value::Integer(integer_of(found.score)));
        }
        if self.with_position {
            parts.push(coordinates(found.position));
        }
        match parts.len() {
            1 => parts.remove(0),
            _ => Value::Array(parts),
        }
    }
}

/// What is no number, as the distance of antipodes may be, is nearer than everything.
fn by_distance(a: &Found<'_>, b: &Found<'_>) -> Ordering {
    a.distance
        .partial_cmp(&b.distance)
        .unwrap_or(Ordering::Less)
}

/// The members inside, until there are enough.
fn find<'a>(set: &'a SortedSet, search: &Search, enough: Option<usize>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for (from, to) in search.score_ranges() {
        let ranks = set.ranks(&Bound::BeforeScore(from), &Bound::BeforeScore(to));
        for (member, score) in set.range(ranks) {
            let position = Position::of_score(score);
            if let Some(distance) = search.distance_inside(position) {
                found.push(Found {
                    member,
                    score,
                    position,
                    distance,
                });
            }
            if enough.is_some_and(|enough| found.len() >= enough) {
                return found;
            }
        }
    }
    found
}

fn circle(radius: &[u8], name: &[u8]) -> Result<Area, CommandError> {
    let radius = measure(radius, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::new("ERR radius cannot be negative"));
    }
    Ok(Area {
        shape: Shape::Circle { radius },
        unit: unit(name)?,
    })
}

fn rectangle(width: &[u8], height: &[u8], name: &[u8]) -> Result<Area, CommandError> {
    let width = measure(width, "ERR need numeric width")?;
    let height = measure(height, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::new("ERR height or width cannot be negative"));
    }
    Ok(Area {
        shape: Shape::Rectangle { width, height },
        unit: unit(name)?,
    })
}

fn measure(arg: &[u8], text: &'static str) -> Result<f64, CommandError> {
    float(arg).map_err(|_| CommandError::new(text))
}
