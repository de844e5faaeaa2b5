//! Natural numbers of any size: just enough arithmetic to read and print extreme long doubles.

use std::cmp::Ordering;

/// A natural number in 32-bit limbs, lowest first, without leading zero limbs.
#[derive(Clone, Debug)]
pub(super) struct Big(Vec<u32>);

impl Big {
    pub(super) fn from_digits<'a>(digits: impl Iterator<Item = &'a u8>) -> Big {
        let mut big = Big(Vec::new());
        let (mut chunk, mut scale) = (0, 1);
        for &digit in digits {
            chunk = chunk * 10 + u32::from(digit - b'0');
            scale *= 10;
            if scale == BILLION {
                big.multiply_add(scale, chunk);
                (chunk, scale) = (0, 1);
            }
        }
        big.multiply_add(scale, chunk);
        big
    }

    pub(super) fn from_u64(value: u64) -> Big {
        let mut big = Big(vec![value as u32, (value >> 32) as u32]);
        big.trim();
        big
    }

    pub(super) fn power_of_ten(exponent: u64) -> Big {
        let mut big = Big(vec![1]);
        for _ in 0..exponent / 9 {
            big.multiply_add(BILLION, 0);
        }
        big.multiply_add(10u32.pow((exponent % 9) as u32), 0);
        big
    }

    pub(super) fn multiply(&self, other: &Big) -> Big {
        let mut product = vec![0u32; self.0.len() + other.0.len()];
        for (shift, &limb) in self.0.iter().enumerate() {
            let mut carry = 0u64;
            for (index, &with) in other.0.iter().enumerate() {
                let sum =
                    u64::from(limb) * u64::from(with) + u64::from(product[shift + index]) + carry;
                product[shift + index] = sum as u32;
                carry = sum >> 32;
            }
            product[shift + other.0.len()] = carry as u32;
        }
        let mut product = Big(product);
        product.trim();
        product
    }

    pub(super) fn bits(&self) -> u64 {
        match self.0.last() {
            None => 0,
            Some(top) => self.0.len() as u64 * 32 - u64::from(top.leading_zeros()),
        }
    }

    pub(super) fn shift_left(&mut self, bits: u64) {
        let small = (bits % 32) as u32;
        if small > 0 {
            let mut carry = 0;
            for limb in &mut self.0 {
                let wide = u64::from(*limb) << small | carry;
                *limb = wide as u32;
                carry = wide >> 32;
            }
            self.0.push(carry as u32);
        }
        self.0
            .splice(0..0, std::iter::repeat_n(0, (bits / 32) as usize));
        self.trim();
    }

    /// The highest 128 bits or fewer, how many bits lie below them, and whether any of those is set.
    pub(super) fn top(&self) -> (u128, u64, bool) {
        let skip = self.0.len().saturating_sub(4);
        let top = self.0[skip..]
            .iter()
            .rev()
            .fold(0u128, |top, &limb| top << 32 | u128::from(limb));
        let sticky = self.0[..skip].iter().any(|&limb| limb != 0);
        (top, skip as u64 * 32, sticky)
    }

    /// The quotient, known to be below `2^127`, and whether there is a remainder.
    pub(super) fn divide(mut self, divisor: &Big) -> (u128, bool) {
        let mut quotient = 0u128;
        let steps = (self.bits() + 1).saturating_sub(divisor.bits());
        let mut shifted = divisor.clone();
        shifted.shift_left(steps);
        for _ in 0..=steps {
            quotient <<= 1;
            if self.compare(&shifted) != Ordering::Less {
                self.subtract(&shifted);
                quotient |= 1;
            }
            shifted.halve();
        }
        (quotient, !self.0.is_empty())
    }

    /// The decimal digits.
    pub(super) fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.0.is_empty() {
            let mut remainder = 0u64;
            for limb in self.0.iter_mut().rev() {
                let wide = remainder << 32 | u64::from(*limb);
                *limb = (wide / u64::from(BILLION)) as u32;
                remainder = wide % u64::from(BILLION);
            }
            self.trim();
            chunks.push(remainder);
        }
        let mut chunks = chunks.into_iter().rev();
        let mut decimal = chunks.next().unwrap_or(0).to_string();
        for chunk in chunks {
            decimal.push_str(&format!("{chunk:09}"));
        }
        decimal
    }

    fn multiply_add(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for limb in &mut self.0 {
            let wide = u64::from(*limb) * u64::from(factor) + carry;
            *limb = wide as u32;
            carry = wide >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn compare(&self, other: &Big) -> Ordering {
        let longer = self.0.len().cmp(&other.0.len());
        longer.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// `other` is not larger.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = 0;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let subtrahend = i64::from(other.0.get(index).copied().unwrap_or(0)) + borrow;
            let difference = i64::from(*limb) - subtrahend;
            *limb = difference as u32;
            borrow = i64::from(difference < 0);
        }
        self.trim();
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let wide = carry << 32 | u64::from(*limb);
            *limb = (wide >> 1) as u32;
            carry = wide & 1;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

const BILLION: u32 = 1_000_000_000;
