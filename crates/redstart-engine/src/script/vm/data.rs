//! Values across the border.

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::mem;
use std::ptr::null_mut;
use std::slice;

use mlua_sys as ffi;

use super::super::datum::Datum;
use super::super::error::{Outcome, Raise};
use super::border::host;
use super::protect::see_through;

/// Lua's stack is full.
pub(super) struct Full;

/// Pushes a value. On failure there may be more on the stack than before.
///
/// Tables may nest deep, so this keeps what it has begun in a list of its own instead of calling
/// itself.
///
/// # Safety
///
/// Host side (rule 2), with a free stack slot.
pub(super) unsafe fn push(state: *mut ffi::lua_State, datum: &Datum<'_>) -> Result<(), Full> {
    // SAFETY: by contract. Of every table that was begun the stack has the table and, while the value
    // of a pair is made, its key; a finished value lies above the table that it belongs to. No key is
    // nil or NaN. The five slots that a step may need are asked for.
    unsafe {
        let Some(outermost) = start(state, datum) else {
            return Ok(());
        };
        let mut begun = vec![outermost];
        while let Some(table) = begun.last_mut() {
            if ffi::lua_checkstack(state, 5) == 0 {
                return Err(Full);
            }
            match table.next() {
                Some(next) => match start(state, next) {
                    Some(new) => begun.push(new),
                    None => table.add(state),
                },
                None => {
                    begun.pop();
                    if let Some(around) = begun.last_mut() {
                        around.add(state);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A table whose content is being pushed.
enum Begun<'d, 'a> {
    List {
        rest: slice::Iter<'d, Datum<'a>>,
        len: c_int,
    },
    Table {
        rest: slice::Iter<'d, (Datum<'a>, Datum<'a>)>,
        pair: Pair<'d, 'a>,
    },
}

/// How far the current pair of a table is.
#[derive(Clone, Copy)]
enum Pair<'d, 'a> {
    None,
    /// Its key is being pushed.
    Key {
        value: &'d Datum<'a>,
    },
    /// Its key is on top of the stack.
    HasKey {
        value: &'d Datum<'a>,
    },
    /// Its value is being pushed, above its key.
    Value,
}

/// Pushes a value, of tables an empty one.
unsafe fn start<'d, 'a>(state: *mut ffi::lua_State, datum: &'d Datum<'a>) -> Option<Begun<'d, 'a>> {
    // SAFETY: by contract of `push`.
    unsafe {
        match datum {
            Datum::Nil | Datum::Opaque(_) | Datum::TooDeep => ffi::lua_pushnil(state),
            Datum::Boolean(value) => ffi::lua_pushboolean(state, c_int::from(*value)),
            Datum::Number(number) => ffi::lua_pushnumber(state, *number),
            Datum::Text(text) => {
                ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len());
            }
            Datum::Null => ffi::lua_pushlightuserdata(state, null_mut()),
            Datum::List(items) => {
                // Redis lets its tables grow. Where there are holes the length of a table depends on
                // that; where there are none it does not, and the right size at once is cheaper.
                let holes = items.contains(&Datum::Nil);
                let room = if holes { 0 } else { items.len() };
                ffi::lua_createtable(state, c_int::try_from(room).unwrap_or(0), 0);
                let rest = items.iter();
                return Some(Begun::List { rest, len: 0 });
            }
            Datum::Table(pairs) => {
                ffi::lua_createtable(state, 0, c_int::from(!pairs.is_empty()));
                let rest = pairs.iter();
                let pair = Pair::None;
                return Some(Begun::Table { rest, pair });
            }
        }
        None
    }
}

impl<'d, 'a> Begun<'d, 'a> {
    /// What is to be pushed next.
    fn next(&mut self) -> Option<&'d Datum<'a>> {
        match self {
            Begun::List { rest, .. } => rest.next(),
            Begun::Table { rest, pair } => {
                if let Pair::HasKey { value } = *pair {
                    *pair = Pair::Value;
                    return Some(value);
                }
                let (key, value) = rest.find(|(key, _)| match key {
                    // What cannot be a key is left out.
                    Datum::Nil | Datum::Opaque(_) | Datum::TooDeep => false,
                    Datum::Number(number) => !number.is_nan(),
                    _ => true,
                })?;
                *pair = Pair::Key { value };
                Some(key)
            }
        }
    }

    /// Adds the value on top of the stack, or leaves it there if it is a key.
    unsafe fn add(&mut self, state: *mut ffi::lua_State) {
        // SAFETY: by contract of `push`.
        unsafe {
            match self {
                Begun::List { len, .. } => {
                    *len += 1;
                    ffi::lua_rawseti_(state, -2, *len);
                }
                Begun::Table { pair, .. } => {
                    *pair = match *pair {
                        Pair::Key { value } => Pair::HasKey { value },
                        _ => {
                            ffi::lua_rawset(state, -3);
                            Pair::None
                        }
                    }
                }
            }
        }
    }
}

/// Reads a value, a table with everything in it down to a depth.
///
/// # Safety
///
/// Host side (rule 2), `index` is positive, and for `'a` the value stays on the stack and nothing
/// changes it.
pub(super) unsafe fn read<'a>(
    state: *mut ffi::lua_State,
    index: c_int,
    depth_max: usize,
) -> Outcome<Datum<'a>> {
    // SAFETY: by contract. What texts borrow is kept alive by the tables they lie in. `lua_next` gets
    // a table and a key that it has returned itself, of a table that does not change meanwhile.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TTABLE {
            return Ok(scalar(state, index));
        }
        let host = host(state);
        let bottom = ffi::lua_gettop(state);
        if depth_max == 0 || ffi::lua_checkstack(state, 6) == 0 {
            return Ok(Datum::TooDeep);
        }
        // Of every table in `open` the stack has the table and the key that is being looked at.
        ffi::lua_pushvalue(state, index);
        see_through(state, bottom + 1);
        ffi::lua_pushnil(state);
        let mut open = vec![Open::default()];
        let nodes_max = host.values_max();
        let mut nodes = 0;
        loop {
            let depth = open.len();
            let Some(table) = open.last_mut() else {
                return Ok(Datum::Nil);
            };
            if ffi::lua_next(state, -2) == 0 {
                ffi::lua_settop(state, -2);
                let done = mem::take(table).close();
                open.pop();
                match open.last_mut() {
                    None => return Ok(done),
                    Some(table) => table.add_value(done),
                }
                continue;
            }
            nodes += 1;
            let pause = host.charge(32).and(if nodes > nodes_max {
                Err(Raise::Memory)
            } else {
                Ok(())
            });
            if let Err(raise) = pause {
                ffi::lua_settop(state, bottom);
                return Err(raise);
            }
            let value = ffi::lua_gettop(state);
            table.key = if ffi::lua_type(state, value - 1) == ffi::LUA_TTABLE {
                // Only MessagePack knows such keys, and it does not look deeper than this.
                const KEY_DEPTH_MAX: usize = 16;
                match read(state, value - 1, (depth_max - 1).min(KEY_DEPTH_MAX)) {
                    Ok(key) => key,
                    Err(raise) => {
                        ffi::lua_settop(state, bottom);
                        return Err(raise);
                    }
                }
            } else {
                scalar(state, value - 1)
            };
            if ffi::lua_type(state, value) != ffi::LUA_TTABLE {
                table.add_value(scalar(state, value));
                ffi::lua_settop(state, -2);
            } else if depth == depth_max || ffi::lua_checkstack(state, 6) == 0 {
                table.add_value(Datum::TooDeep);
                ffi::lua_settop(state, -2);
            } else {
                see_through(state, value);
                ffi::lua_pushnil(state);
                open.push(Open::default());
            }
        }
    }
}

/// A table that is being read.
struct Open<'a> {
    key: Datum<'a>,
    list: Vec<Datum<'a>>,
    /// Everything, as soon as there is anything that is not in the list.
    pairs: Vec<(Datum<'a>, Datum<'a>)>,
}

impl Default for Open<'_> {
    fn default() -> Self {
        Open {
            key: Datum::Nil,
            list: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

impl<'a> Open<'a> {
    fn add_value(&mut self, value: Datum<'a>) {
        let key = mem::replace(&mut self.key, Datum::Nil);
        if self.pairs.is_empty() && key == Datum::Number((self.list.len() + 1) as f64) {
            self.list.push(value);
            return;
        }
        if self.pairs.is_empty() {
            let keys = (1..).map(|index| Datum::Number(f64::from(index)));
            self.pairs = keys.zip(mem::take(&mut self.list)).collect();
        }
        self.pairs.push((key, value));
    }

    fn close(self) -> Datum<'a> {
        if self.list.is_empty() {
            Datum::Table(self.pairs)
        } else {
            Datum::List(self.list)
        }
    }
}

/// # Safety
///
/// As for [`read`].
unsafe fn scalar<'a>(state: *mut ffi::lua_State, index: c_int) -> Datum<'a> {
    // SAFETY: by contract; a text is not converted, so nothing is allocated.
    unsafe {
        match ffi::lua_type(state, index) {
            ffi::LUA_TNIL | ffi::LUA_TNONE => Datum::Nil,
            ffi::LUA_TBOOLEAN => Datum::Boolean(ffi::lua_toboolean(state, index) != 0),
            ffi::LUA_TNUMBER => Datum::Number(ffi::lua_tonumber(state, index)),
            ffi::LUA_TSTRING => {
                let mut len = 0;
                let text = ffi::lua_tolstring(state, index, &mut len);
                Datum::Text(Cow::Borrowed(slice::from_raw_parts(text.cast(), len)))
            }
            ffi::LUA_TLIGHTUSERDATA if ffi::lua_touserdata(state, index).is_null() => Datum::Null,
            other => {
                let name = CStr::from_ptr(ffi::lua_typename(state, other));
                Datum::Opaque(name.to_str().unwrap_or("userdata"))
            }
        }
    }
}
