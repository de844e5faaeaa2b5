//! What clients send, well formed or not: the decoder answers with requests or an error, and it
//! makes no difference in which pieces the bytes arrive. (But for one thing, and as in Redis: a
//! line that is too long is only refused if its end does not come with it.)

use bytes::BytesMut;
use redstart_protocol::{RequestDecoder, RequestError, RequestLimits, encode};

/// Small enough for inputs to reach them.
const LIMITS: RequestLimits = RequestLimits {
    args_max: 64,
    bulk_len_max: 512,
    line_len_max: 256,
    request_len_max: 1_024,
    args_max_before_auth: 4,
    bulk_len_max_before_auth: 64,
};

type Requests = Vec<Vec<Vec<u8>>>;

/// The first byte says how the rest is cut into pieces, and whether the client has logged in.
pub fn run(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else {
        return;
    };
    let before_auth = first & 0x80 != 0;
    let whole = decode(LIMITS, [bytes], before_auth);
    let width = usize::from(first & 0x7f) + 1;
    let pieces = decode(LIMITS, bytes.chunks(width), before_auth);
    let too_long = matches!(
        pieces.1,
        Some(RequestError::BigInline | RequestError::BigCount | RequestError::BigLength)
    );
    match too_long {
        true => assert!(whole.0.starts_with(&pieces.0), "in pieces of {width}"),
        false => assert_eq!(pieces, whole, "in pieces of {width}"),
    }

    // What was understood can be said again.
    if before_auth {
        return;
    }
    let mut again = BytesMut::new();
    for request in &whole.0 {
        let args: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
        encode::request(&args, &mut again);
    }
    // Written out, requests are longer than as lines of words.
    let understood = decode(RequestLimits::default(), [&*again], false);
    assert_eq!(understood, (whole.0, None));
}

/// The requests in these pieces of bytes, and the error they end in, if they do.
fn decode<'a>(
    limits: RequestLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    before_auth: bool,
) -> (Requests, Option<RequestError>) {
    let mut decoder = RequestDecoder::new(limits);
    decoder.set_before_auth(before_auth);
    let (mut buffer, mut requests) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(request)) => {
                    let args = request.args();
                    requests.push(args.iter().map(|arg| arg.to_vec()).collect());
                }
                Ok(None) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}
