//! The arguments of searches: where from, how far, and what is replied.

use protocol::args::Args;
use protocol::error::ArgsError;

use super::cell::{Position, position_of};
use super::distance::{parse_length, parse_position, parse_unit};
use super::shape::{Extent, Shape};
use crate::error::CommandError;
use crate::types::zset::ZSet;

/// The form of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
    /// GEORADIUS, GEORADIUSBYMEMBER.
    Radius,
    /// Their forms that store nothing.
    RadiusReadOnly,
}

/// By what found members are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    None,
    NearestFirst,
    FarthestFirst,
}

/// Where results are stored.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) key: &'a [u8],
    /// Whether distances become the scores.
    pub(super) distances: bool,
}

/// What a search is asked for.
pub(super) struct Search<'a> {
    /// `None` when the source is missing and nothing can be found.
    pub(super) shape: Option<Shape>,
    /// Meters of the unit in which distances are given.
    pub(super) unit: f64,
    pub(super) order: Order,
    /// 0: no limit.
    pub(super) count: usize,
    /// Whether the first members found will do.
    pub(super) any: bool,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_position: bool,
    pub(super) destination: Option<Destination<'a>>,
}

/// A search, as far as its arguments have been read.
struct Parser<'a, 'z> {
    args: Args<'a>,
    form: Form,
    zset: Option<&'z ZSet>,
    /// Whether the request has said where from, by a member or by a position.
    from_member: bool,
    from_position: bool,
    center: Option<Position>,
    extent: Option<Extent>,
    /// STOREDIST of GEOSEARCHSTORE.
    stores_distances: bool,
    search: Search<'a>,
}

/// Members that do not exist have no position to search from.
const NO_POSITION: CommandError = CommandError::Text("ERR could not decode requested zset member");

/// The position of a member of the source, if there is a source.
pub(super) fn position_of_member(
    zset: Option<&ZSet>,
    member: &[u8],
) -> Result<Option<Position>, CommandError> {
    let Some(zset) = zset else { return Ok(None) };
    zset.score(member).map(|score| Some(position_of(score))).ok_or(NO_POSITION)
}

/// The radius at part `at` and its unit after it: both in meters.
pub(super) fn parse_radius(args: Args<'_>, at: usize) -> Result<(Extent, f64), CommandError> {
    let radius = parse_length(args, at, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::Text("ERR radius cannot be negative"));
    }
    let unit = parse_unit(args, at + 1)?;
    Ok((Extent::Circle { radius: radius * unit }, unit))
}

/// The width and height at part `at` and their unit after them: all in meters.
fn parse_box(args: Args<'_>, at: usize) -> Result<(Extent, f64), CommandError> {
    let width = parse_length(args, at, "ERR need numeric width")?;
    let height = parse_length(args, at + 1, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::Text("ERR height or width cannot be negative"));
    }
    let unit = parse_unit(args, at + 2)?;
    Ok((Extent::Box { width: width * unit, height: height * unit }, unit))
}

impl<'a> Search<'a> {
    /// Reads the arguments from part `at` on. `shape` is what the command has read before those,
    /// with the unit; the forms of GEOSEARCH have all in options.
    pub(super) fn parse(
        args: Args<'a>,
        at: usize,
        form: Form,
        zset: Option<&ZSet>,
        shape: Option<(Shape, f64)>,
    ) -> Result<Self, CommandError> {
        let search = Self {
            shape: shape.map(|(shape, _)| shape),
            unit: shape.map_or(1.0, |(_, unit)| unit),
            order: Order::None,
            count: 0,
            any: false,
            with_distance: false,
            with_hash: false,
            with_position: false,
            destination: None,
        };
        let mut parser = Parser {
            args,
            form,
            zset,
            from_member: false,
            from_position: false,
            center: None,
            extent: None,
            stores_distances: false,
            search,
        };
        let mut at = at;
        while at < args.len() {
            at += parser.option(at)?;
        }
        parser.finish()
    }
}

impl<'a> Parser<'a, '_> {
    fn is_search(&self) -> bool {
        matches!(self.form, Form::Search | Form::SearchStore)
    }

    /// Reads the option at part `at`; returns how many parts it takes.
    fn option(&mut self, at: usize) -> Result<usize, CommandError> {
        let flags = [
            ("WITHDIST", &mut self.search.with_distance),
            ("WITHHASH", &mut self.search.with_hash),
            ("WITHCOORD", &mut self.search.with_position),
            ("ANY", &mut self.search.any),
        ];
        let args = self.args;
        if let Some((_, flag)) = flags.into_iter().find(|(word, _)| args.is(at, word)) {
            *flag = true;
            return Ok(1);
        }
        let left = args.len() - at - 1;
        if args.is(at, "ASC") {
            self.search.order = Order::NearestFirst;
            Ok(1)
        } else if args.is(at, "DESC") {
            self.search.order = Order::FarthestFirst;
            Ok(1)
        } else if args.is(at, "COUNT") && left > 0 {
            let count = usize::try_from(args.int(at + 1)?).unwrap_or(0);
            if count == 0 {
                return Err(CommandError::Text("ERR COUNT must be > 0"));
            }
            self.search.count = count;
            Ok(2)
        } else if self.is_search() {
            self.option_of_search(at, left)
        } else {
            self.option_of_radius(at, left)
        }
    }

    fn option_of_radius(&mut self, at: usize, left: usize) -> Result<usize, CommandError> {
        let distances = self.args.is(at, "STOREDIST");
        let stores = distances || self.args.is(at, "STORE");
        if !stores || left == 0 || self.form == Form::RadiusReadOnly {
            return Err(ArgsError::Syntax.into());
        }
        self.search.destination = Some(Destination { key: self.args.at(at + 1), distances });
        Ok(2)
    }

    fn option_of_search(&mut self, at: usize, left: usize) -> Result<usize, CommandError> {
        let args = self.args;
        let has_circle = matches!(self.extent, Some(Extent::Circle { .. }));
        let has_box = matches!(self.extent, Some(Extent::Box { .. }));
        if args.is(at, "FROMMEMBER") && left >= 1 && !self.from_position {
            self.center = position_of_member(self.zset, args.at(at + 1))?;
            self.from_member = true;
            Ok(2)
        } else if args.is(at, "FROMLONLAT") && left >= 2 && !self.from_member {
            self.center = Some(parse_position(args, at + 1)?);
            self.from_position = true;
            Ok(3)
        } else if args.is(at, "BYRADIUS") && left >= 2 && !has_box {
            let (extent, unit) = parse_radius(args, at + 1)?;
            (self.extent, self.search.unit) = (Some(extent), unit);
            Ok(3)
        } else if args.is(at, "BYBOX") && left >= 3 && !has_circle {
            let (extent, unit) = parse_box(args, at + 1)?;
            (self.extent, self.search.unit) = (Some(extent), unit);
            Ok(4)
        } else if args.is(at, "STOREDIST") && self.form == Form::SearchStore {
            self.stores_distances = true;
            Ok(1)
        } else {
            Err(ArgsError::Syntax.into())
        }
    }

    /// What has been read, if it fits together.
    fn finish(self) -> Result<Search<'a>, CommandError> {
        let is_search = self.is_search();
        let Self { args, form, mut search, .. } = self;
        if form == Form::SearchStore {
            let distances = self.stores_distances;
            search.destination = Some(Destination { key: args.at(1), distances });
        }
        let shows = search.with_distance || search.with_hash || search.with_position;
        if search.destination.is_some() && shows {
            return Err(CommandError::Text(if form == Form::SearchStore {
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            } else {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and \
                 WITHCOORD options"
            }));
        }
        if is_search {
            let lacks = |what: &str| {
                let name = String::from_utf8_lossy(args.at(0)).into_owned();
                Err(CommandError::dynamic(format!("ERR exactly one of {what} for {name}")))
            };
            if !self.from_member && !self.from_position {
                return lacks("FROMMEMBER or FROMLONLAT can be specified");
            }
            let Some(extent) = self.extent else {
                return lacks("BYRADIUS and BYBOX can be specified");
            };
            search.shape = self.center.map(|center| Shape { center, extent });
        }
        if search.any && search.count == 0 {
            return Err(CommandError::Text("ERR the ANY argument requires COUNT argument"));
        }
        if search.count > 0 && search.order == Order::None && !search.any {
            search.order = Order::NearestFirst;
        }
        Ok(search)
    }
}
