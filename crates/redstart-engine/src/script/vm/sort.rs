//! `table.sort` without a function, for tables that would keep Lua's sort busy for long.
//!
//! Lua sorts by quicksort in C. There are inputs for which it takes time with the square of their
//! number, and comparing two texts can take as long as reading both. Without a function of the script
//! there is nothing in it that a hook could interrupt; but then, too, the result does not depend on
//! how one sorts, for what compares as equal is the same.

use std::cmp::Ordering;
use std::ffi::c_int;
use std::slice;

use mlua_sys as ffi;

use super::super::error::{Outcome, Raise};
use super::super::host::Host;
use super::border::host;

/// Sorts the table at index 1 and says so, or leaves it to Lua.
///
/// # Safety
///
/// Called in the place of `table.sort`, with free stack slots.
pub(super) unsafe fn presort(state: *mut ffi::lua_State, sorted: &mut bool) -> Outcome<()> {
    /// Lua's worst case for so many numbers is some tenths of a second.
    const LEN_LEFT_TO_LUA: usize = 4096;
    /// The same for texts: the square of their number times the length of the longest.
    const TEXT_WORK_LEFT_TO_LUA: usize = 1 << 26;
    // SAFETY: by contract. The state is on the host side while Rust owns anything here; texts are
    // borrowed while the table that they lie in is on the stack and unchanged.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            return Ok(());
        }
        let len = ffi::lua_objlen(state, 1);
        match ffi::lua_type(state, 2) {
            ffi::LUA_TNONE | ffi::LUA_TNIL => {}
            _ if len > LEN_LEFT_TO_LUA && ffi::lua_iscfunction(state, 2) != 0 => {
                // None of the library's functions is an order.
                return Err(Raise::text("invalid order function for sorting"));
            }
            _ => return Ok(()),
        }
        let host = host(state);
        let _free = host.memory.enforce(false);
        host.charge(len as u64 * 16)?;
        match read(state, len) {
            Items::Numbers(numbers) if len > LEN_LEFT_TO_LUA => {
                sort_numbers(state, numbers);
                *sorted = true;
            }
            Items::Texts(texts) => {
                let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
                let work = len.saturating_mul(len).saturating_mul(longest / 16 + 1);
                if work > TEXT_WORK_LEFT_TO_LUA {
                    sort_texts(state, texts, host)?;
                    *sorted = true;
                }
            }
            Items::Mixed if len > LEN_LEFT_TO_LUA => {
                return Err(Raise::text("attempt to compare number with string"));
            }
            Items::Numbers(_) | Items::Mixed | Items::Other => {}
        }
        Ok(())
    }
}

enum Items<'a> {
    Numbers(Vec<f64>),
    Texts(Vec<&'a [u8]>),
    /// Both, which cannot be compared.
    Mixed,
    /// Anything else is compared by functions of the script, if at all.
    Other,
}

unsafe fn read<'a>(state: *mut ffi::lua_State, len: usize) -> Items<'a> {
    // SAFETY: by contract of `presort`.
    unsafe {
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for index in 1..=len {
            ffi::lua_rawgeti_(state, 1, index as c_int);
            match ffi::lua_type(state, -1) {
                ffi::LUA_TNUMBER => numbers.push(ffi::lua_tonumber(state, -1)),
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let text = ffi::lua_tolstring(state, -1, &mut len);
                    texts.push(slice::from_raw_parts(text.cast(), len));
                }
                _ => {
                    ffi::lua_settop(state, -2);
                    return Items::Other;
                }
            }
            ffi::lua_settop(state, -2);
        }
        match (numbers.is_empty(), texts.is_empty()) {
            (_, true) => Items::Numbers(numbers),
            (true, false) => Items::Texts(texts),
            (false, false) => Items::Mixed,
        }
    }
}

unsafe fn sort_numbers(state: *mut ffi::lua_State, mut numbers: Vec<f64>) {
    numbers.sort_unstable_by(f64::total_cmp);
    for (number, index) in numbers.into_iter().zip(1..) {
        // SAFETY: by contract of `presort`; the table has these indices already.
        unsafe {
            ffi::lua_pushnumber(state, number);
            ffi::lua_rawseti_(state, 1, index);
        }
    }
}

unsafe fn sort_texts(state: *mut ffi::lua_State, texts: Vec<&[u8]>, host: &Host) -> Outcome<()> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    // Lua keeps equal texts once, so that those are told by their address, and the lengths of all
    // others together are limited by memory.
    order.sort_unstable_by(|&left, &right| {
        let (left, right) = (texts[left], texts[right]);
        if std::ptr::eq(left, right) {
            Ordering::Equal
        } else {
            left.cmp(right)
        }
    });
    host.charge(texts.len() as u64 * 64)?;
    // SAFETY: by contract of `presort`. The second table holds the texts while the first is changed.
    unsafe {
        ffi::lua_createtable(state, order.len() as c_int, 0);
        let ordered = ffi::lua_gettop(state);
        for (from, to) in order.iter().zip(1..) {
            ffi::lua_rawgeti_(state, 1, *from as c_int + 1);
            ffi::lua_rawseti_(state, ordered, to);
        }
        for index in 1..=order.len() as c_int {
            ffi::lua_rawgeti_(state, ordered, index);
            ffi::lua_rawseti_(state, 1, index);
        }
        ffi::lua_settop(state, ordered - 1);
    }
    Ok(())
}
