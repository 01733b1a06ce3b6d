//! Frames that mean harm, and frames that mean nothing: an error each, and never a panic.

use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::protocol::api::VERSIONS;

/// The frames that end a process whose decoder believes in counts.
#[test]
fn counts_that_the_frame_cannot_hold_are_refused() {
    let bombs = [
        ("metadata 0 with 2^31-1 topics", "0003 0000 00000001 ffff 7fffffff"),
        ("metadata 12 with 2^31-2 topics", "0003 000c 00000001 ffff 00 ffffffff07"),
        (
            "fetch 4 with 2^31-1 topics",
            "0001 0004 00000001 ffff ffffffff 00000000 00000000 7fffffff 00 7fffffff",
        ),
        ("produce 9 with 2^31-2 topics", "0000 0009 00000001 ffff 00 00 ffff 00000000 ffffffff07"),
        ("tags without end", "0012 0003 00000001 ffff ffffffff0f"),
        ("a huge string", "0003 0004 00000001 7fff"),
        ("raft entries without end", "2711 0000 00000001 ffff 00 02 04 06 04 05 06 ffffffff0f"),
    ];
    for (what, frame) in bombs {
        let error = decode_request(hex(frame)).expect_err(what);
        assert!(matches!(error, RequestError::Malformed { .. }), "{what}: {error}");
    }
}

#[test]
fn a_large_frame_of_empty_strings_does_not_grow_into_a_larger_request() {
    let mut frame = BytesMut::new();
    frame.put_slice(&hex("0003 0000 00000001 ffff"));
    frame.put_i32(1_000_000);
    frame.put_bytes(0, 2_000_000);
    let error = decode_request(frame.freeze()).expect_err("too many elements");
    assert!(error.to_string().contains("exceeds configured limit 100000"), "{error}");
}

fn some_frame() -> impl Strategy<Value = Bytes> {
    let versions = prop::sample::select(VERSIONS.to_vec());
    (versions, -1_i16..2, any::<u16>(), prop::collection::vec(any::<u8>(), 0..120)).prop_map(
        |((api, min, max), skew, pick, body)| {
            let span = u16::try_from(max - min + 1).expect("a range");
            let version = min + i16::try_from(pick % span).expect("within the range") + skew;
            let mut frame = BytesMut::new();
            frame.put_i16(api.code());
            frame.put_i16(version);
            frame.put_i32(1);
            frame.put_slice(&body);
            frame.freeze()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bodies_under_good_headers_never_panic(frame in some_frame()) {
        if let Ok((header, request)) = decode_request(frame) {
            let id = header.client_id.as_deref();
            encode_request(header.version, 1, id, &request).expect("what was read can be written");
        }
    }

    #[test]
    fn random_frames_never_panic(frame in prop::collection::vec(any::<u8>(), 0..60)) {
        let _outcome = decode_request(frame.into());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every message of every version, cut short, with a byte changed, with bytes behind it, and
    /// read in the versions next to it.
    #[test]
    fn spoiled_messages_never_panic(cut in 0_usize..200, at in 0_usize..200, with in any::<u8>()) {
        for (api, min, max) in VERSIONS {
            for version in min..=max {
                for frame in [samples::request_frame(api, version), samples::response_frame(api, version)] {
                    let mut spoiled = frame.to_vec();
                    let length = spoiled.len();
                    spoiled[at % length] = with;
                    let cut = frame.slice(..cut.min(length - 1));
                    let long = Bytes::from([&frame[..], &[0]].concat());
                    for bytes in [Bytes::from(spoiled), cut, long, frame] {
                        let _outcome = decode_request(bytes.clone());
                        for skewed in [version - 1, version, version + 1] {
                            let _outcome = decode_response(api, skewed, bytes.clone());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn cut_requests_and_requests_with_a_tail_are_refused(cut in 8_usize..200) {
        for (api, min, max) in VERSIONS {
            for version in min..=max {
                let frame = samples::request_frame(api, version);
                if cut < frame.len() {
                    prop_assert!(decode_request(frame.slice(..cut)).is_err(), "{api} {version}");
                }
                let long = Bytes::from([&frame[..], &[0]].concat());
                prop_assert!(decode_request(long).is_err(), "{api} {version}");
            }
        }
    }
}
