//! Bytes as people read them.

/// Bytes of hexadecimal digits; blanks and line ends mean nothing.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair:?} is no byte"))
    };
    digits.chunks(2).map(byte).collect()
}

/// Sixteen bytes a line, as digits and as text.
pub(crate) fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(16) {
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let shown: String = line.iter().map(shown).collect();
        text.push_str(&format!("{:<48}{shown}\n", digits.join(" ")));
    }
    text
}
