//! What servers send, well formed or not: the decoder answers with values or an error, pieces
//! make no difference, and a value that was understood can be encoded and understood again.

use bytes::BytesMut;
use redstart_protocol::{ReplyDecoder, ReplyError, ReplyLimits, Resp, Value, encode};

/// Small enough for inputs to reach them.
const LIMITS: ReplyLimits = ReplyLimits {
    bulk_len_max: 512,
    elements_max: 64,
    depth_max: 8,
    reply_len_max: 2_048,
};

/// The first byte says how the rest is cut into pieces.
pub fn run(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else {
        return;
    };
    let whole = decode(LIMITS, [bytes]);
    let width = usize::from(first) + 1;
    let pieces = decode(LIMITS, bytes.chunks(width));
    assert_eq!(shown(&pieces), shown(&whole), "in pieces of {width}");

    // Encoding may lose what a version does not know, but only the first time.
    for resp in [Resp::V2, Resp::V3] {
        let once = encoded(&whole.0, resp);
        let (values, error) = decode(ReplyLimits::default(), [&*once]);
        assert_eq!((values.len(), error), (whole.0.len(), None));
        assert_eq!(encoded(&values, resp), once);
    }
}

fn encoded(values: &[Value], resp: Resp) -> BytesMut {
    let mut bytes = BytesMut::new();
    for value in values {
        encode(value, resp, &mut bytes);
    }
    bytes
}

/// Not a number is not even equal to itself, but looks the same.
fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// The replies in these pieces of bytes, and the error they end in, if they do.
fn decode<'a>(
    limits: ReplyLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Value>, Option<ReplyError>) {
    let mut decoder = ReplyDecoder::new(limits);
    let (mut buffer, mut values) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(error) => return (values, Some(error)),
            }
        }
    }
    (values, None)
}
