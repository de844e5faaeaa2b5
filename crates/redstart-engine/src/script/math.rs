//! `math.random` and `math.randomseed` on Redis' own random numbers.

use super::datum::Datum;
use super::error::{Outcome, Raise};
use super::host::Host;
use super::vm::{Answer, Args, Native};

pub(super) static FUNCTIONS: &[Native] = &[
    Native {
        name: "random",
        run: random,
    },
    Native {
        name: "randomseed",
        run: randomseed,
    },
];

fn random<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    // Redis draws before it looks at the arguments, so that a mistake takes a number too.
    let unit = host.prng().next_unit();
    let number = match args.len() {
        0 => unit,
        1 => {
            let high = args.integer(1)? as i32;
            if high < 1 {
                return Err(Raise::argument(1, "interval is empty"));
            }
            (unit * f64::from(high)).floor() + 1.0
        }
        2 => {
            let (low, high) = (args.integer(1)? as i32, args.integer(2)? as i32);
            if low > high {
                return Err(Raise::argument(2, "interval is empty"));
            }
            let width = high.wrapping_sub(low).wrapping_add(1);
            (unit * f64::from(width)).floor() + f64::from(low)
        }
        _ => return Err(Raise::text("wrong number of arguments")),
    };
    Ok(Answer::One(Datum::Number(number)))
}

fn randomseed<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    host.prng().seed(args.integer(1)? as i32);
    Ok(Answer::Nothing)
}
