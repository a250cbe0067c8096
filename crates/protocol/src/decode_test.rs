//! Requests decoded whole and in pieces, and input that is none.

use super::*;
use proptest::prelude::*;

fn decode_all(input: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, DecodeError> {
    let mut batch = Batch::default();
    Decoder::default().decode(input, &mut batch)?;
    Ok(collect(&batch, input))
}

fn collect(batch: &Batch, input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    (0..batch.len())
        .map(|at| batch.request(at, input).iter_from(0).map(<[u8]>::to_vec).collect())
        .collect()
}

fn encode(request: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::encode::header(&mut out, b'*', request.len() as i64);
    for part in request {
        crate::encode::bulk(&mut out, part);
    }
    out
}

#[test]
fn a_pipeline_is_one_batch() {
    let requests = decode_all(b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").unwrap();
    assert_eq!(requests, [vec![b"PING".to_vec()], vec![b"GET".to_vec(), b"k".to_vec()]]);
}

#[test]
fn inline_requests_with_quotes() {
    let requests = decode_all(b"set \"a\\x41\\n\" 'it\\'s'\r\n\r\nping\n").unwrap();
    assert_eq!(
        requests,
        [vec![b"set".to_vec(), b"aA\n".to_vec(), b"it's".to_vec()], vec![b"ping".to_vec()]]
    );
    assert_eq!(decode_all(b"set \"a\r\n"), Err(DecodeError::UnbalancedQuotes));
    assert_eq!(decode_all(b"set \"a\"b\r\n"), Err(DecodeError::UnbalancedQuotes));
}

#[test]
fn empty_and_negative_arrays_are_no_requests() {
    assert_eq!(decode_all(b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n").unwrap().len(), 1);
}

#[test]
fn what_is_not_resp_is_named_as_redis_names_it() {
    let cases: &[(&[u8], &str)] = &[
        (b"*x\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*9999999999\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*1\r\nx\r\n", "ERR Protocol error: expected '$', got 'x'"),
        (b"*1\r\n\rx\r\n", "ERR Protocol error: expected '$', got ' '"),
        (b"*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$999999999999\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$abc\r\n", "ERR Protocol error: invalid bulk length"),
    ];
    for (input, text) in cases {
        assert_eq!(decode_all(input).unwrap_err().to_string(), *text);
    }
    let long = [b"*".to_vec(), vec![b'1'; INLINE_LEN_MAX + 1]].concat();
    assert_eq!(decode_all(&long), Err(DecodeError::MultibulkCountTooLong));
    assert_eq!(decode_all(&vec![b'a'; INLINE_LEN_MAX]), Err(DecodeError::InlineTooLong));
}

#[test]
fn before_authentication_only_small_requests_pass() {
    let mut decoder = Decoder::default();
    decoder.set_authenticated(false);
    let mut batch = Batch::default();
    let error = decoder.decode(b"*11\r\n", &mut batch).unwrap_err();
    assert_eq!(error, DecodeError::UnauthenticatedMultibulkLength);
}

proptest! {
    /// However the bytes are cut into reads, the requests are the same.
    #[test]
    fn cuts_do_not_matter(
        requests in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..20),
                    proptest::collection::vec(any::<u8>(), 4000..9000),
                ],
                1..5,
            ),
            1..6,
        ),
        cuts in proptest::collection::vec(1usize..6000, 1..40),
    ) {
        let input: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
        let mut decoder = Decoder::default();
        let mut kept: Vec<u8> = Vec::new();
        let mut decoded = Vec::new();
        let mut rest = &input[..];
        let mut cuts = cuts.into_iter().cycle();
        while !rest.is_empty() {
            let cut = cuts.next().unwrap_or(1).min(rest.len());
            kept.extend_from_slice(&rest[..cut]);
            rest = &rest[cut..];
            let mut batch = Batch::default();
            let used = decoder.decode(&kept, &mut batch).unwrap();
            decoded.extend(collect(&batch, &kept));
            kept.drain(..used);
        }
        prop_assert_eq!(decoded, requests);
    }

    #[test]
    fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_all(&input);
    }

    #[test]
    fn near_resp_does_not_make_it_panic(input in "[*$0-9\\r\\n\"' a-z\\\\x-]{0,80}") {
        let _ = decode_all(input.as_bytes());
    }
}
