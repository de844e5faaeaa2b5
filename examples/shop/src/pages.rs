//! What the pages look like: HTML from values, with everything escaped.

use std::fmt::{self, Display, Write};

use crate::database::{Category, CategoryPage, Product};
use crate::live::Kind;
use crate::products::Seen;

/// The front page.
pub fn front(categories: &[Category]) -> String {
    let mut main = String::from("<h1>Redstart’s shop</h1>\n<ul class=\"cards\">\n");
    for category in categories {
        let _ = writeln!(
            main,
            "<li><a href=\"/category/{slug}\">{name}</a><p>{about}</p><p class=\"quiet\">{products} products</p></li>",
            slug = Escaped(&category.slug),
            name = Escaped(&category.name),
            about = Escaped(&category.about),
            products = category.products,
        );
    }
    main.push_str("</ul>");
    page("Redstart’s shop", &main)
}

/// A page of a category.
pub fn category(found: &CategoryPage) -> String {
    let CategoryPage {
        category,
        page: number,
        pages,
        products,
    } = found;
    let mut main = format!(
        "<h1>{}</h1>\n<p>{}</p>\n<ul class=\"cards\">\n",
        Escaped(&category.name),
        Escaped(&category.about)
    );
    for product in products {
        let _ = writeln!(
            main,
            "<li><a href=\"/product/{id}\">{name}</a><p>{price}</p><p class=\"quiet\">{stock}</p></li>",
            id = product.id,
            name = Escaped(&product.name),
            price = Price(product.price_cents),
            stock = Stock(product.stock),
        );
    }
    main.push_str("</ul>\n<nav class=\"pages\" aria-label=\"Pages\">");
    let slug = Escaped(&category.slug);
    if *number > 1 {
        let before = number - 1;
        let _ = write!(
            main,
            "<a rel=\"prev\" href=\"/category/{slug}?page={before}\">Previous</a>"
        );
    }
    let _ = write!(main, "<span>Page {number} of {pages}</span>");
    if number < pages {
        let after = number + 1;
        let _ = write!(
            main,
            "<a rel=\"next\" href=\"/category/{slug}?page={after}\">Next</a>"
        );
    }
    main.push_str("</nav>");
    page(&category.name, &main)
}

/// A product's page. `note` is what came of the visitor's last order.
pub fn product(product: &Product, seen: &Seen, note: Option<&str>) -> String {
    let mut main = format!(
        "<p><a href=\"/category/{slug}\">Back to the category</a></p>\n\
         <h1>{name}</h1>\n<p>{description}</p>\n\
         <p class=\"price\">{price}</p>\n<p id=\"stock\">{stock}</p>\n",
        slug = Escaped(&product.category),
        name = Escaped(&product.name),
        description = Escaped(&product.description),
        price = Price(product.price_cents),
        stock = Stock(product.stock),
    );
    if let Some(note) = note {
        let _ = writeln!(main, "<p role=\"status\">{}</p>", Escaped(note));
    }
    let _ = write!(
        main,
        "<form method=\"post\" action=\"/product/{id}/buy\">\n\
         <label>How many <input type=\"number\" name=\"quantity\" value=\"1\" min=\"1\" max=\"99\" required></label>\n\
         <button>Buy</button>\n</form>\n<p class=\"served\">{seen}</p>",
        id = product.id,
        seen = From(seen),
    );
    page(&product.name, &main)
}

/// A page that says that something went wrong, or is not there.
pub fn problem(title: &str, text: &str) -> String {
    let main = format!("<h1>{}</h1>\n<p>{}</p>", Escaped(title), Escaped(text));
    page(title, &main)
}

/// The live page.
pub fn live(categories: &[Category], latency_ms: u128) -> String {
    let mut tags = String::new();
    for category in categories {
        let _ = write!(
            tags,
            "<option value=\"{}\">{}</option>",
            Escaped(&category.slug),
            Escaped(&category.name)
        );
    }
    let main = include_str!("../assets/live.html")
        .replace("{tags}", &tags)
        .replace("{latency}", &latency_ms.to_string());
    page("The cache, live", &main)
}

fn page(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/shop.css\">\n\
         <link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n\
         <header><nav aria-label=\"Shop\"><a href=\"/\">Shop</a> <a href=\"/live\">Live</a></nav></header>\n\
         <main>\n{main}\n</main>\n</body>\n</html>\n",
        title = Escaped(title),
    )
}

/// Text inside HTML, in elements and in quoted attributes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Where a value came from, as people say it.
struct From<'a>(&'a Seen);

impl Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { how, age, took, .. } = self.0;
        let ms = took.as_secs_f64() * 1e3;
        let age = age.as_secs();
        match how {
            Kind::Load => write!(f, "From the database, in {ms:.1} ms."),
            Kind::Wait => write!(
                f,
                "From a load that somebody else had begun, in {ms:.1} ms."
            ),
            Kind::Stale => write!(
                f,
                "From the cache, past its time, in {ms:.1} ms; stored {age} s ago."
            ),
            _ => write!(f, "From the cache, in {ms:.1} ms; stored {age} s ago."),
        }
    }
}

/// Cents, as people write them.
struct Price(u32);

impl Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "€ {}.{:02}", self.0 / 100, self.0 % 100)
    }
}

struct Stock(u32);

impl Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("Sold out"),
            left => write!(f, "{left} in stock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_products_are_called_cannot_become_markup() {
        let trap = Product {
            id: 1,
            category: "\"><script>".to_owned(),
            name: "<b onclick='x'>".to_owned(),
            description: "a & b".to_owned(),
            price_cents: 1205,
            stock: 0,
        };
        let seen = Seen {
            product: None,
            how: Kind::Hit,
            age: Duration::from_secs(3),
            took: Duration::from_micros(400),
        };
        let html = product(&trap, &seen, Some("<i>"));
        for markup in ["<script>", "<b ", "<i>", "'x'"] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
        assert!(html.contains("&lt;b onclick=&#39;x&#39;&gt;"));
        assert!(html.contains("a &amp; b"));
        assert!(html.contains("€ 12.05"));
        assert!(html.contains("Sold out"));
        assert!(html.contains("From the cache, in 0.4 ms; stored 3 s ago."));
    }
}
