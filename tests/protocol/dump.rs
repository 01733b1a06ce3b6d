//! Bytes as people read them, and as a transcript keeps them.

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
