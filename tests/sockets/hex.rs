//! Bytes as people write them.

/// Bytes of hexadecimal digits; blanks and line ends mean nothing.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?} is no byte"))
    };
    digits.chunks(2).map(byte).collect()
}
