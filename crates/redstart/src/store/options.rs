//! What a store can be told, by its builder and in its URL: one table for both.

use std::time::Duration;

use super::key::Namespace;
use super::url::{UrlError, UrlPart};

/// What stands in the table below, one field a row, and the namespace.
macro_rules! options {
    ($($name:ident: $unit:ident, $default:literal, $least:literal to $most:literal, $whose:ident, $says:literal;)*) => {
        /// What a store is told.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct Options {
            pub(crate) namespace: String,
            $(pub(crate) $name: <$unit as Unit>::Value,)*
        }

        impl Default for Options {
            fn default() -> Options {
                let default = "every default is well-formed";
                Options {
                    namespace: "redstart".to_owned(),
                    $($name: $unit::read($default).expect(default),)*
                }
            }
        }

        impl Options {
            /// Takes one from a URL, or says that it is none of these.
            fn take(&mut self, name: &str, value: &str) -> Option<Result<(), &'static str>> {
                match name {
                    $(stringify!($name) => Some(match $unit::read(value) {
                        Some(value) if $unit::is_within(value, $least, $most) => {
                            self.$name = value;
                            Ok(())
                        }
                        _ => Err(concat!(
                            "`", stringify!($name), "` can be ", $least, " to ", $most
                        )),
                    }),)*
                    _ => None,
                }
            }

            /// The first that is out of range, and its range.
            pub(crate) fn check(&self) -> Result<(), &'static str> {
                $(if !$unit::is_within(self.$name, $least, $most) {
                    return Err(concat!(
                        stringify!($name), ": ", $least, " to ", $most, " are possible"
                    ));
                })*
                Ok(())
            }
        }

        #[cfg(test)]
        const TABLE: &[Row] = &[
            $(Row {
                name: stringify!($name),
                default: $default,
                least: $least,
                most: $most,
                says: $says,
            },)*
        ];

        /// Those that concern connections only.
        fn is_of_servers(name: &str) -> bool {
            match name {
                $(stringify!($name) => Whose::$whose == Whose::Servers,)*
                _ => false,
            }
        }

        /// For a URL of servers with another one.
        pub(crate) const UNKNOWN: &str = concat!(
            "unknown option; there are `namespace`", $(", `", stringify!($name), "`",)*
            "; with TLS `ca`, `cert` and `key`; with Sentinel `sentinel_username` and \
             `sentinel_password`; of a unix socket `db`"
        );
    };
}

options! {
    deadline: Time, "2s", "1ms" to "1h", Every,
        "how long a request may take, waiting for a connection and asking again included";
    connect_within: Time, "2s", "1ms" to "1h", Servers,
        "one attempt to connect";
    unresponsive_after: Time, "2s", "1ms" to "1h", Servers,
        "silence after a sign of life was asked for, before a server counts as silent";
    ping_every: Time, "5s", "1ms" to "1h", Servers,
        "between signs of life that an idle connection is asked for";
    lanes: Count, "2", "1" to "64", Servers,
        "connections to each server; a key always uses the same one";
    max_in_flight: Count, "4096", "1" to "1000000", Servers,
        "requests under way before more are refused as overloaded";
    max_in_flight_bytes: Bytes, "256MiB", "1KiB" to "2GiB", Servers,
        "bytes of their arguments before more are refused as overloaded";
    large_over: Bytes, "64KiB", "1KiB" to "2GiB", Servers,
        "requests with more bytes of arguments go over a connection of their own";
    max_exclusive: Count, "16", "1" to "10000", Servers,
        "connections lent out by `exclusive()` at a time";
}

#[cfg(test)]
struct Row {
    name: &'static str,
    default: &'static str,
    least: &'static str,
    most: &'static str,
    says: &'static str,
}

/// Whether an option says something on an embedded store.
#[derive(PartialEq)]
enum Whose {
    Every,
    Servers,
}

impl Options {
    /// Takes what it knows from a URL's options, and hands the others to whoever knows them.
    pub(crate) fn read<'u>(
        options: impl Iterator<Item = (&'u str, &'u str)>,
        has_servers: bool,
        mut other: impl FnMut(&'u str, &'u str) -> Result<(), UrlError>,
    ) -> Result<Options, UrlError> {
        let wrong = |reason| UrlError::Part {
            part: UrlPart::Query,
            reason,
        };
        let mut read = Options::default();
        for (name, value) in options {
            if name == "namespace" {
                if Namespace::new(value).is_err() {
                    return Err(wrong("`namespace` is not one that keys can start with"));
                }
                value.clone_into(&mut read.namespace);
            } else if is_of_servers(name) && !has_servers {
                return Err(wrong("an option of servers, and this store has none"));
            } else {
                match read.take(name, value) {
                    Some(taken) => taken.map_err(wrong)?,
                    None => other(name, value)?,
                }
            }
        }
        Ok(read)
    }
}

/// How values are written in a URL.
pub(crate) trait Unit {
    type Value: Copy + PartialOrd;

    fn read(text: &str) -> Option<Self::Value>;

    fn is_within(value: Self::Value, least: &str, most: &str) -> bool {
        let bounds = (Self::read(least), Self::read(most));
        matches!(bounds, (Some(least), Some(most)) if least <= value && value <= most)
    }
}

/// `500ms`, `2s`, `5min`, `1h`.
pub(crate) struct Time;

impl Unit for Time {
    type Value = Duration;

    fn read(text: &str) -> Option<Duration> {
        let (number, unit) = split_unit(text)?;
        let in_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        number.checked_mul(in_ms).map(Duration::from_millis)
    }
}

/// `4096`.
pub(crate) struct Count;

impl Unit for Count {
    type Value = usize;

    fn read(text: &str) -> Option<usize> {
        let (number, unit) = split_unit(text)?;
        unit.is_empty().then_some(number)?.try_into().ok()
    }
}

/// `65536`, `64KiB`, `16MiB`, `1GiB`.
pub(crate) struct Bytes;

impl Unit for Bytes {
    type Value = usize;

    fn read(text: &str) -> Option<usize> {
        let (number, unit) = split_unit(text)?;
        let in_bytes = match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(in_bytes)?.try_into().ok()
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|char: char| !char.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::store::{Error, StoreUrl};

    fn options(url: &str) -> Result<Options, UrlError> {
        StoreUrl::parse(url).map(|url| url.options)
    }

    #[test]
    fn the_guide_has_the_same_table() {
        const GUIDE: &str = include_str!("../../../../docs/store.md");
        let mut table =
            String::from("| option | default | possible | |\n| --- | --- | --- | --- |\n");
        table += "| `namespace` | redstart | letters, digits, `_`, `-`, `.` | what the keys of all rooms start with |\n";
        for Row {
            name,
            default,
            least,
            most,
            says,
        } in TABLE
        {
            table += &format!("| `{name}` | {default} | {least} to {most} | {says} |\n");
        }
        assert!(GUIDE.contains(&table), "docs/store.md is to have:\n{table}");
        for Row { name, .. } in TABLE {
            assert!(UNKNOWN.contains(&format!("`{name}`")));
        }
    }

    #[test]
    fn each_is_read_from_a_url_and_a_wrong_one_is_told_its_range() {
        for Row {
            name, least, most, ..
        } in TABLE
        {
            for value in [least, most] {
                options(&format!("redis://h?{name}={value}")).unwrap();
                options(&format!("redis+cluster://h?{name}={value}")).unwrap();
                options(&format!("redis+sentinel://h/m?{name}={value}")).unwrap();
                options(&format!("redis+unix:///s?db=1&{name}={value}")).unwrap();
            }
            for value in ["", "0", "1x", "99999999999999999999", "-1", "1.5"] {
                let error = options(&format!("redis://h?{name}={value}")).unwrap_err();
                let expected = format!("query: `{name}` can be {least} to {most}");
                assert_eq!(error.to_string(), expected, "{value}");
            }
        }
        let read = options("redis://h?lanes=4&deadline=250ms&large_over=1MiB&namespace=shop");
        let expected = Options {
            lanes: 4,
            deadline: Duration::from_millis(250),
            large_over: 1 << 20,
            namespace: "shop".to_owned(),
            ..Options::default()
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn an_embedded_store_has_those_that_mean_something_there() {
        let read = options("memory:?deadline=1s&namespace=shop&cluster=strict").unwrap();
        assert_eq!(read.deadline, Duration::from_secs(1));
        options("file:./data?deadline=1s&fsync=no").unwrap();
        for url in ["memory:?lanes=4", "file:./data?lanes=4"] {
            let error = options(url).unwrap_err().to_string();
            assert!(error.contains("an option of servers"), "{error}");
        }
        assert!(options("memory:?namespace=a:b").is_err());
        assert!(options("redis://h?zorp=1").is_err());
    }

    #[tokio::test]
    async fn a_builder_comes_before_the_url_and_is_held_to_the_same_ranges() {
        let url = "memory:?deadline=1s";
        let store = Store::open(url).await.unwrap();
        assert_eq!(store.deadline(), Duration::from_secs(1));
        let builder = Store::builder(url).deadline(Duration::from_secs(3));
        let store = builder.open().await.unwrap();
        assert_eq!(store.deadline(), Duration::from_secs(3));

        let error = Store::builder("redis://h").lanes(65).open().await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Config(_)));
        assert_eq!(error.to_string(), "store: lanes: 1 to 64 are possible");
        let never = Store::builder(url).deadline(Duration::ZERO).open().await;
        let never = never.unwrap_err().to_string();
        assert_eq!(never, "store: deadline: 1ms to 1h are possible");
    }
}
