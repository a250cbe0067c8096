//! Arbitrary bytes in arbitrary pieces: the decoder finds the same requests, however they are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::decode::{Batch, Decoder};
use protocol::error::DecodeError;

/// What a connection makes of bytes.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<DecodeError>,
}

/// Passes bytes on as a connection does: what is incomplete stays at the front of what comes next.
fn hear(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Heard {
    let (mut decoder, mut batch) = (Decoder::default(), Batch::default());
    // Small enough that no input asks for much memory.
    decoder.set_bulk_len_max(64 * 1024);
    let (mut heard, mut input, mut at) = (Heard::default(), Vec::new(), 0);
    let mut cuts = cuts.into_iter();
    while at < bytes.len() {
        let piece = cuts.next().unwrap_or(bytes.len()).clamp(1, bytes.len() - at);
        input.extend_from_slice(&bytes[at..at + piece]);
        at += piece;
        batch.clear();
        let decoded = decoder.decode(&input, &mut batch);
        for index in 0..batch.len() {
            let request = batch.request(index, &input);
            heard.requests.push(request.iter_from(0).map(<[u8]>::to_vec).collect());
        }
        match decoded {
            Ok(used) => {
                assert!(used <= input.len());
                input.drain(..used);
            }
            Err(error) => {
                heard.error = Some(error);
                break;
            }
        }
    }
    heard
}

fuzz_target!(|data: (Vec<u8>, &[u8])| {
    let (cuts, bytes) = data;
    let whole = hear(bytes, []);
    assert_eq!(hear(bytes, cuts.into_iter().map(usize::from)), whole);
    assert!(whole.requests.iter().all(|request| !request.is_empty()), "an empty request");
});
