//! Values as redis-server 7.0.15 has them after PFADD of the same elements in the same order.

use sha1::{Digest, Sha1};

use super::{Element, Sketch};

const SPARSE_MAX: usize = 3000;

/// `element-0`, `element-1`, …
fn add(sketch: &mut Sketch, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let element = Element::of(format!("element-{number}").as_bytes());
        sketch.add(element, SPARSE_MAX).expect("not corrupt");
    }
}

#[test]
fn small_values() {
    let cases: [(u32, &[u8]); 4] = [
        (1, b"P@\x80o\xbd"),
        (2, b"P@\x80^\xa2\x84Q\x19"),
        (5, b"P@\x80Gq\x88Mw\x84HS\x80Aa\x84Q\x19"),
        (
            20,
            b"F\x8c\x84@\x93\x88C(\x84C\x99\x80,\x80B*\x80D\n\x80@\xe4\x80B\x7f\x88F\xbe\x8cB\xa3\
              \x88D\x12\x84B\xee\x80Ec\x80Aa\x84D3\x80B&\x8cF\xb9\x80B2\x80Ae\x80@f",
        ),
    ];
    for (count, body) in cases {
        let mut sketch = Sketch::new();
        add(&mut sketch, 0..count);
        let bytes = sketch.into_bytes();
        assert_eq!(&bytes[..16], b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80");
        assert_eq!(bytes[16..].escape_ascii().to_string(), body.escape_ascii().to_string());
    }
}

/// Count, length, SHA-1 of the value without the stored estimate, estimate.
#[test]
fn large_values() {
    let cases = [
        (100, 287, "9099285e5fe94b5782aa0e3abf3fe89c713ef3e0", 100),
        (500, 1022, "fdfaad61b80703f6f10223315d1b0db8acb55ae5", 492),
        (1000, 1870, "adf892defa7ff5adc5c3aaa6c2c1c372699e9146", 994),
        (1500, 2685, "379105367b9b4edba47c0812f1bcb66c684f11fa", 1495),
        (2000, 12304, "bdf0ad9ef8da524279d3705c769bac617faa7dc6", 2002),
        (5000, 12304, "4e3ce218fb5077a3f04ceb698032d6faf34b4381", 4972),
        (20_000, 12304, "81a894b12576f83168f750c5cfc04cf49c611200", 19_902),
        (100_000, 12304, "eca519dfbfd667326ab8a00a97c2429762b9aa8e", 100_917),
    ];
    let mut sketch = Sketch::new();
    let mut added = 0;
    for (count, len, sum, estimate) in cases {
        add(&mut sketch, added..count);
        added = count;
        let view = sketch.view();
        let (head, tail) = (&view.text()[..8], &view.text()[16..]);
        assert_eq!(view.text().len(), len);
        let digest = Sha1::new().chain_update(head).chain_update(tail).finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, sum, "{count}");
        assert_eq!(view.estimate(), Ok(estimate), "{count}");
    }
}
