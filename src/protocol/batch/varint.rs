//! Variable-length integers inside records: zig-zag, seven bits a byte, lowest first.

use bytes::{Buf, BufMut};

/// Bytes of the longest 64-bit number.
const BYTES_MAX: u32 = 10;

/// Reads a number; `None` if it is cut off, longer than any 64-bit number, or has bits beyond 64.
pub(super) fn read_i64(bytes: &mut impl Buf) -> Option<i64> {
    let mut raw: u64 = 0;
    for index in 0..BYTES_MAX {
        if !bytes.has_remaining() {
            return None;
        }
        let byte = bytes.get_u8();
        let bits = u64::from(byte & 0x7f);
        if index == BYTES_MAX - 1 && bits > 1 {
            return None;
        }
        raw |= bits << (7 * index);
        if byte & 0x80 == 0 {
            let magnitude = (raw >> 1).cast_signed();
            return Some(if raw & 1 == 0 { magnitude } else { !magnitude });
        }
    }
    None
}

/// Reads a number; `None` also if it does not fit into 32 bits.
pub(super) fn read_i32(bytes: &mut impl Buf) -> Option<i32> {
    i32::try_from(read_i64(bytes)?).ok()
}

/// Writes a number. A 32-bit number takes the same bytes as its 64-bit twin.
pub(super) fn write(value: i64, target: &mut impl BufMut) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(raw & 0x7f).expect("seven bits");
        raw >>= 7;
        if raw == 0 {
            target.put_u8(low);
            return;
        }
        target.put_u8(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_take_one_byte_and_the_extremes_ten() {
        let bytes = |value| {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            bytes
        };
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(-1), [1]);
        assert_eq!(bytes(1), [2]);
        assert_eq!(bytes(150), [0xac, 0x02]);
        assert_eq!(bytes(i64::MIN).len(), 10);
        assert_eq!(read_i64(&mut &[0xff_u8; 10][..]), None, "bits beyond 64");
        assert_eq!(read_i64(&mut &[0x80_u8; 3][..]), None, "cut off");
        assert_eq!(read_i32(&mut &bytes(1 << 40)[..]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<i64>()) {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            prop_assert_eq!(read_i64(&mut &bytes[..]), Some(value));
        }
    }
}
