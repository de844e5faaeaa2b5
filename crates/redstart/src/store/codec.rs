//! Codecs: values of your types to bytes and back.
//!
//! Each is behind the feature of its name. A codec of your own implements [`Codec`].

use std::sync::Arc;

#[cfg(any(feature = "json", feature = "messagepack", feature = "postcard"))]
use serde::{Serialize, de::DeserializeOwned};

/// Values of `T` to bytes and back.
pub trait Codec<T> {
    /// The bytes of a value.
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value that these bytes are.
    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

/// A value that has no bytes, or bytes that are no value. The text names the codec and the
/// direction; what exactly was wrong is its source, which may repeat data.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{codec}: {problem}")]
pub struct CodecError {
    codec: &'static str,
    problem: &'static str,
    #[source]
    source: Arc<dyn std::error::Error + Send + Sync>,
}

impl CodecError {
    /// A value could not be encoded.
    pub fn encoding(
        codec: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> CodecError {
        CodecError {
            codec,
            problem: "the value cannot be encoded",
            source: Arc::new(source),
        }
    }

    /// Bytes could not be decoded.
    pub fn decoding(
        codec: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> CodecError {
        CodecError {
            codec,
            problem: "the bytes are no such value",
            source: Arc::new(source),
        }
    }
}

/// Text and bytes, as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Codec<String> for Plain {
    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Ok(value.clone().into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned)
            .map_err(|error| CodecError::decoding("plain", error))
    }
}

impl Codec<Vec<u8>> for Plain {
    fn encode(&self, value: &Vec<u8>) -> Result<Vec<u8>, CodecError> {
        Ok(value.clone())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }
}

/// JSON: readable by everybody, the largest.
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

#[cfg(feature = "json")]
impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(|error| CodecError::encoding("json", error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(|error| CodecError::decoding("json", error))
    }
}

/// MessagePack with field names: compact, readable in any language, and fields may be added.
#[cfg(feature = "messagepack")]
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

#[cfg(feature = "messagepack")]
impl<T: Serialize + DeserializeOwned> Codec<T> for MessagePack {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        rmp_serde::to_vec_named(value).map_err(|error| CodecError::encoding("messagepack", error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        rmp_serde::from_slice(bytes).map_err(|error| CodecError::decoding("messagepack", error))
    }
}

/// postcard: the smallest, for Rust programs only, and fields must not change.
#[cfg(feature = "postcard")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

#[cfg(feature = "postcard")]
impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        postcard::to_allocvec(value).map_err(|error| CodecError::encoding("postcard", error))
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        postcard::from_bytes(bytes).map_err(|error| CodecError::decoding("postcard", error))
    }
}

#[cfg(test)]
#[cfg(all(feature = "json", feature = "messagepack", feature = "postcard"))]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Visit {
        user: String,
        pages: Vec<u32>,
        referrer: Option<String>,
    }

    fn check<C: Codec<Visit>>(codec: &C, size: usize) {
        let visit = Visit {
            user: "ada".to_owned(),
            pages: vec![1, 700],
            referrer: None,
        };
        let bytes = codec.encode(&visit).unwrap();
        assert_eq!(bytes.len(), size);
        assert_eq!(codec.decode(&bytes).unwrap(), visit);
        let error = codec.decode(&bytes[..2]).unwrap_err();
        assert!(error.to_string().ends_with("the bytes are no such value"));
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn values_come_back() {
        check(&Json, 46);
        check(&MessagePack, 31);
        check(&Postcard, 9);
    }
}
