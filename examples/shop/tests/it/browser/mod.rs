//! The pages in a browser: what a visitor sees and does.
//!
//! Needs Chromium and its driver, so these tests are ignored until asked for: `cargo xtask ci
//! browser`, or `cargo test -p shop --test it browser -- --ignored`.

mod driver;

use std::time::Duration;

use redstart_testkit::wait_until;

use crate::process::Process;
use driver::Browser;

/// Nothing takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_visitor_buys_and_the_live_page_shows_it() {
    let shop = Process::start();
    let browser = Browser::start();
    browser.open(&format!("http://{}/live", shop.address));
    until(&browser, "connection", |text| text == "Connected.");

    // Somebody looks at a product, while the live page is open.
    let visitor = Browser::start();
    visitor.open(&format!("http://{}/product/12", shop.address));
    until(&browser, "loads", |text| text == "1");
    until(&browser, "happenings", |text| text.contains("product 12"));
    until(&browser, "timeline-scale", |text| {
        text.contains("The highest column is")
    });

    let left = |text: &str| {
        text.split(' ')
            .next()
            .and_then(|left| left.parse::<u32>().ok())
    };
    let before = left(&visitor.text("stock")).unwrap();
    visitor.click("form button");
    wait_until("the order shows", PATIENCE, || {
        left(&visitor.text("stock")) == Some(before - 1)
    });

    // The slider, by keyboard.
    browser.press("#latency", driver::ARROW_RIGHT);
    until(&browser, "latency-shown", |text| text == "10");
    wait_until("the shop says so", PATIENCE, || {
        let said = browser
            .script("return document.querySelector('#latency-form [role=status]').textContent");
        said == "The database takes 10 ms longer."
    });

    // A crowd before a product that nobody has looked at.
    browser.click("#crowd-form button");
    until(&browser, "crowd-said", |text| {
        text.starts_with("500 readers: 1 asked the database")
    });
    until(&browser, "happenings", |text| text.contains("times"));
    browser.click("#invalidate-form button");
    until(&browser, "invalidate-said", |text| {
        text.contains("250 products")
    });
    until(&browser, "happenings", |text| text.contains("category "));
    until(&browser, "failures", |text| text == "0");
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn everything_can_be_reached_named_and_read() {
    let shop = Process::start();
    let browser = Browser::start();
    for path in ["/", "/category/lamps", "/product/1", "/live", "/nowhere"] {
        browser.open(&format!("http://{}{path}", shop.address));
        for (what, script) in [
            (
                "controls without a label",
                "return [...document.querySelectorAll('input, select')].filter(c => !c.labels.length).length",
            ),
            (
                "buttons and links without a name",
                "return [...document.querySelectorAll('button, a')].filter(c => !c.textContent.trim()).length",
            ),
            (
                "roots without a language, pages without one heading",
                "return (document.documentElement.lang ? 0 : 1) + Math.abs(1 - document.querySelectorAll('h1').length)",
            ),
            ("pages wider than the window", TOO_WIDE),
        ] {
            assert_eq!(browser.script(script), 0, "{path}: {what}");
        }
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            let least = browser.script(LEAST_CONTRAST);
            assert!(
                least.as_f64().unwrap() >= 4.5,
                "{path}, {scheme}: contrast {least}"
            );
        }
    }
}

const TOO_WIDE: &str =
    "return document.documentElement.scrollWidth > document.documentElement.clientWidth ? 1 : 0";

/// The least contrast between a text and what is behind it, as WCAG 2 counts it.
const LEAST_CONTRAST: &str = include_str!("contrast.js");

fn until(browser: &Browser, id: &str, holds: impl Fn(&str) -> bool) {
    wait_until(&format!("#{id} says so"), PATIENCE, || {
        holds(&browser.text(id))
    });
}
