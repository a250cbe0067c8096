//! The common name in a certificate's subject.
//!
//! The certificate has been verified before, so it is well-formed; whatever is not has no name here.

/// The object identifier of a common name: 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The explicit tag of a certificate's version.
const VERSION: u8 = 0xa0;

/// The last common name of a certificate's subject, if it has one that is UTF-8.
pub(crate) fn common_name(certificate: &[u8]) -> Option<Vec<u8>> {
    let (signed, _) = take(certificate, SEQUENCE)?;
    let (body, _) = take(signed, SEQUENCE)?;
    // The first version's certificates do not say which they are.
    let body = take(body, VERSION).map_or(body, |(_, rest)| rest);
    let (_serial, rest) = take(body, INTEGER)?;
    let (_algorithm, rest) = take(rest, SEQUENCE)?;
    let (_issuer, rest) = take(rest, SEQUENCE)?;
    let (_validity, rest) = take(rest, SEQUENCE)?;
    let (mut subject, _) = take(rest, SEQUENCE)?;
    let mut found = None;
    while let Some((mut attributes, rest)) = take(subject, SET) {
        subject = rest;
        while let Some((attribute, rest)) = take(attributes, SEQUENCE) {
            attributes = rest;
            let (kind, value) = take(attribute, OBJECT_ID)?;
            if kind == COMMON_NAME {
                found = [UTF8_STRING, PRINTABLE_STRING, IA5_STRING]
                    .into_iter()
                    .find_map(|tag| take(value, tag));
            }
        }
    }
    let (name, _) = found?;
    std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains('\0'))?;
    Some(name.to_vec())
}

/// The contents of what stands first, if it has this tag, and what follows it.
fn take(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        // The long form: so many bytes of length.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        let mut out = vec![tag];
        match u8::try_from(contents.len()) {
            Ok(length @ 0..0x80) => out.push(length),
            _ => out.extend([&[0x82], &(contents.len() as u16).to_be_bytes()[..]].concat()),
        }
        out.extend(contents);
        out
    }

    fn attribute(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        value(SET, &[&value(SEQUENCE, &[&value(OBJECT_ID, &[id]), &value(tag, &[text])])])
    }

    fn certificate(subject: &[Vec<u8>]) -> Vec<u8> {
        let subject: Vec<&[u8]> = subject.iter().map(Vec::as_slice).collect();
        let empty = value(SEQUENCE, &[]);
        let body = [
            &value(VERSION, &[&value(INTEGER, &[&[2]])])[..],
            &value(INTEGER, &[&[1, 2, 3]]),
            &empty,
            &attribute(COMMON_NAME, UTF8_STRING, b"issuer").split_off(2),
            &empty,
            &value(SEQUENCE, &subject),
            &value(SEQUENCE, &[&[0; 300]]),
        ];
        value(SEQUENCE, &[&value(SEQUENCE, &body)])
    }

    #[test]
    fn the_name_is_that_of_the_subject() {
        let organisation = attribute(&[0x55, 0x04, 0x0a], UTF8_STRING, b"who");
        let name = |tag, text| attribute(COMMON_NAME, tag, text);
        let found = |subject: &[Vec<u8>]| common_name(&certificate(subject));
        assert_eq!(found(&[name(UTF8_STRING, b"alice")]), Some(b"alice".to_vec()));
        let several = [name(UTF8_STRING, b"a"), organisation.clone(), name(IA5_STRING, b"bob")];
        assert_eq!(found(&several), Some(b"bob".to_vec()));
        assert_eq!(found(&[name(PRINTABLE_STRING, b"carl")]), Some(b"carl".to_vec()));
        assert_eq!(found(&[organisation]), None);
        assert_eq!(found(&[]), None);
        for bad in [&b"a\0b"[..], b"\xff", b""] {
            assert_eq!(found(&[name(UTF8_STRING, bad)]), None);
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = certificate(&[attribute(COMMON_NAME, UTF8_STRING, b"alice")]);
        for end in 0..whole.len() {
            let _ = common_name(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            let _ = common_name(&changed);
        }
    }
}
