//! Integers of any width, packed into a row of bits.

/// An integer of 1 to 64 bits, signed, or of 1 to 63 bits, unsigned: so every value is an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntegerType {
    is_signed: bool,
    width: u32,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// It is taken modulo the number of values.
    Wrap,
    /// It becomes the nearest value that fits.
    Saturate,
    /// Nothing is written.
    Fail,
}

/// Where a value lies that was asked for.
enum Fit {
    Inside,
    Above,
    Below,
}

impl IntegerType {
    /// A type of so many bits, if there is one.
    pub(crate) fn new(is_signed: bool, width: i64) -> Option<IntegerType> {
        let width_max = if is_signed { 64 } else { 63 };
        let width = u32::try_from(width).ok()?;
        (1..=width_max)
            .contains(&width)
            .then_some(IntegerType { is_signed, width })
    }

    /// How many bits it takes.
    #[inline]
    pub(crate) fn width(self) -> u32 {
        self.width
    }

    /// The value that begins with the bit at `offset`. What lies behind the end is zero.
    pub(crate) fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let window = window(bytes, offset) << (offset % 8);
        self.low_bits((window >> (u128::BITS - self.width)) as i64)
    }

    /// Writes a value that fits. All its bits must be there.
    pub(crate) fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        let left = (offset % 8) as u32;
        let place = u128::BITS - self.width - left;
        let ones = (u128::MAX >> (u128::BITS - self.width)) << place;
        let value = ((value as u64 as u128) << place) & ones;
        let changed = ((window(bytes, offset) & !ones) | value).to_be_bytes();

        let touched = (left + self.width).div_ceil(8) as usize;
        let first = (offset / 8) as usize;
        bytes[first..first + touched].copy_from_slice(&changed[..touched]);
    }

    /// What a field holds that is set to `value`; `None` if it is left as it is.
    pub(crate) fn assigned(self, value: i64, overflow: Overflow) -> Option<i64> {
        let fit = match value {
            // What is unsigned takes what it is given for unsigned.
            value if !self.is_signed && value < 0 => Fit::Above,
            value if value > self.max() => Fit::Above,
            // Redis subtracts the value from the largest one to see how much room there is. Where
            // that is no 64-bit integer any more, it takes a very small value for a large one.
            value if self.width < 64 && self.max().wrapping_sub(value) < 0 => Fit::Above,
            value if value < self.min() => Fit::Below,
            _ => Fit::Inside,
        };
        self.settled(value, fit, overflow)
    }

    /// What a field holds that held `old` and is incremented; `None` if it is left as it is.
    pub(crate) fn incremented(self, old: i64, by: i64, overflow: Overflow) -> Option<i64> {
        let sum = i128::from(old) + i128::from(by);
        let fit = match sum {
            sum if sum > i128::from(self.max()) => Fit::Above,
            sum if sum < i128::from(self.min()) => Fit::Below,
            _ => Fit::Inside,
        };
        self.settled(old.wrapping_add(by), fit, overflow)
    }

    fn settled(self, value: i64, fit: Fit, overflow: Overflow) -> Option<i64> {
        match (fit, overflow) {
            (Fit::Inside, _) => Some(value),
            (_, Overflow::Fail) => None,
            (_, Overflow::Wrap) => Some(self.low_bits(value)),
            (Fit::Above, Overflow::Saturate) => Some(self.max()),
            (Fit::Below, Overflow::Saturate) => Some(self.min()),
        }
    }

    /// The value that the lowest bits make.
    fn low_bits(self, value: i64) -> i64 {
        let unused = 64 - self.width;
        match self.is_signed {
            true => value << unused >> unused,
            false => ((value as u64) << unused >> unused) as i64,
        }
    }

    fn max(self) -> i64 {
        i64::MAX >> (63 + u32::from(self.is_signed) - self.width)
    }

    fn min(self) -> i64 {
        match self.is_signed {
            true => -self.max() - 1,
            false => 0,
        }
    }
}

/// Sixteen bytes from the one of `offset` on, zero behind the end: any integer lies in the first
/// nine.
fn window(bytes: &[u8], offset: u64) -> u128 {
    let mut window = [0; size_of::<u128>()];
    let first = usize::try_from(offset / 8).unwrap_or(usize::MAX);
    let there = bytes.get(first..).unwrap_or_default();
    let there = &there[..there.len().min(window.len())];
    window[..there.len()].copy_from_slice(there);
    u128::from_be_bytes(window)
}
