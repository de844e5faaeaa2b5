//! The data the shop opens with: the same three thousand products every time.

mod shelves;

use shelves::{SERIES, SHELVES, Shelf};

/// How many products each category has.
const PRODUCTS_PER_CATEGORY: usize = 250;

/// A category as it is put into the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewCategory {
    /// Its name in URLs.
    pub(crate) slug: &'static str,
    /// Its name for people.
    pub(crate) name: &'static str,
    /// What is in it.
    pub(crate) about: &'static str,
}

/// A product as it is put into the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewProduct {
    /// The slug of its category.
    pub(crate) category: &'static str,
    /// Its name, which no other product has.
    pub(crate) name: String,
    /// Some sentences about it.
    pub(crate) description: String,
    /// What it costs, in cents.
    pub(crate) price_cents: u32,
    /// How many there are.
    pub(crate) stock: u32,
}

/// Every category, in the order they are shown.
pub(crate) fn categories() -> impl Iterator<Item = NewCategory> {
    SHELVES.iter().map(|shelf| NewCategory {
        slug: shelf.slug,
        name: shelf.name,
        about: shelf.about,
    })
}

/// Every product, category by category.
pub(crate) fn products() -> impl Iterator<Item = NewProduct> {
    SHELVES.iter().zip(1..).flat_map(|(shelf, seed)| {
        let mut dice = Dice(seed);
        (0..PRODUCTS_PER_CATEGORY).map(move |number| product(shelf, number, &mut dice))
    })
}

fn product(shelf: &Shelf, number: usize, dice: &mut Dice) -> NewProduct {
    let kind = &shelf.kinds[number % shelf.kinds.len()];
    // Kinds take turns. Within a kind, every step is another maker, series and finish: 29 has no
    // divisor in common with the number of combinations, so none comes twice.
    let combinations = shelf.makers.len() * SERIES.len() * shelf.finishes.len();
    let step = (number / shelf.kinds.len() * 29) % combinations;
    let maker = shelf.makers[step % shelf.makers.len()];
    let series = SERIES[step / shelf.makers.len() % SERIES.len()];
    let finish = shelf.finishes[step / shelf.makers.len() / SERIES.len()];
    let name = format!("{maker} {series} {}, {finish}", kind.noun);

    let (from, to) = kind.euros;
    // Prices end in 90 cents, as prices do.
    let price_cents = (from + dice.below(to - from)) * 100 + 90;
    let first = dice.below(kind.details.len() as u32) as usize;
    let second =
        (first + 1 + dice.below(kind.details.len() as u32 - 1) as usize) % kind.details.len();
    let description = format!(
        "The {series} by {maker} is {}. {} {}",
        kind.about, kind.details[first], kind.details[second]
    );
    NewProduct {
        category: shelf.slug,
        name,
        description,
        price_cents,
        stock: 1 + dice.below(60),
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    /// A number below `limit`. The slight preference for small ones does not matter for prices.
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % u64::from(limit)) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_three_thousand_products_and_none_twice() {
        let products: Vec<NewProduct> = products().collect();
        assert_eq!(products.len(), 3000);
        let names: HashSet<&str> = products.iter().map(|product| &*product.name).collect();
        assert_eq!(names.len(), products.len());
    }

    #[test]
    fn every_run_makes_the_same() {
        assert!(products().eq(products()));
    }

    #[test]
    fn every_product_can_be_sold() {
        let slugs: HashSet<&str> = categories().map(|category| category.slug).collect();
        for product in products() {
            assert!(slugs.contains(product.category));
            assert!((990..50_000).contains(&product.price_cents), "{product:?}");
            assert!((1..=60).contains(&product.stock), "{product:?}");
        }
    }

    #[test]
    fn no_description_says_a_thing_twice() {
        for product in products() {
            let mut sentences = HashSet::new();
            for sentence in product.description.split_inclusive(". ") {
                assert!(sentences.insert(sentence.trim()), "{product:?}");
            }
        }
    }
}
