//! What the searches remember, and what that weighs.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use super::super::classes::Classes;
use super::super::models::register::Input::{CompareAndSet, Write};
use super::super::models::register::Output::{Matched, Written};
use super::super::models::register::{Input, Output, Register};
use super::super::parts::Parts;
use super::super::search::{Search, Searching};
use super::super::seen::{Place, Seen, Taken};
use super::super::table::{Index, Interned, hash_of};
use super::super::timeline::{Event, Op, Sight, Timeline, by_parts};
use super::super::trail::{Action, Trail};
use super::{Calls, list, ok};

/// A place that only differs by its event.
fn place(event: u32) -> Place<u64> {
    Place { event, state: 0, done: 0, optional: 0, unobserved: false }
}

#[test]
fn taken_calls_are_counted_by_class() {
    let mut counts = Taken::new();
    let one = counts.one_more(0, 3);
    let two = counts.one_more(one, 3);
    let both = counts.one_more(one, 5);
    let told = [0, one, two, both].map(|taken| (counts.of(taken, 3), counts.of(taken, 5)));
    assert_eq!(told, [(0, 0), (1, 0), (2, 0), (1, 1)]);
    // The same counts have the same number, in whichever order it came to them.
    let other = counts.one_more(0, 5);
    assert_eq!(counts.one_more(other, 3), both);
}

/// A configuration is known if one was kept that took no more crashed calls of any class. What
/// was kept with more says nothing: those calls may be what is missing.
#[test]
fn a_configuration_with_more_calls_left_is_not_known() {
    let mut counts = Taken::new();
    let one = counts.one_more(0, 3);
    let two = counts.one_more(one, 3);
    let other = counts.one_more(0, 5);
    let both = counts.one_more(one, 5);
    let known = |kept: u32| {
        let mut seen = Seen::new();
        seen.keep(&place(7), kept, &counts);
        assert!(!seen.knows(&place(8), kept, &counts));
        [0, one, two, other, both].map(|taken| seen.knows(&place(7), taken, &counts))
    };
    assert_eq!(known(0), [true; 5]);
    assert_eq!(known(one), [false, true, true, false, true]);
    assert_eq!(known(two), [false, false, true, false, false]);
    assert_eq!(known(both), [false, false, false, false, true]);
}

/// Whoever may overwrite can do all that another can who may not.
#[test]
fn a_place_where_less_is_allowed_is_known_with_the_other() {
    let counts = Taken::new();
    let barred = Place { unobserved: true, ..place(7) };
    let (mut free, mut bound) = (Seen::new(), Seen::new());
    free.keep(&place(7), 0, &counts);
    bound.keep(&barred, 0, &counts);
    assert!(free.knows(&barred, 0, &counts));
    assert!(!bound.knows(&place(7), 0, &counts));
}

#[test]
fn what_is_kept_is_counted_and_weighed() {
    let mut counts = Taken::new();
    let mut seen = Seen::new();
    for event in (0..1000).chain(0..1000) {
        seen.keep(&place(event), 0, &counts);
    }
    assert_eq!(seen.len(), 1000);
    // A list that grows may have as much room again, and a table is up to two thirds full.
    let each = size_of::<(Place<u64>, u32)>();
    let kept = seen.bytes(&counts);
    assert!((1000 * (each + 12)..2000 * (each + 12)).contains(&kept), "{kept}");

    let mut taken = 0;
    for class in 0..100 {
        taken = counts.one_more(taken, class);
    }
    // 100 lists of up to 100 pairs, each of two numbers of 32 bits; what is known weighs nothing.
    let lists = 8 * (1..=100).sum::<usize>();
    let more = seen.bytes(&counts) - kept;
    assert!((lists..lists + 100 * 100).contains(&more), "{more}");
    let again = (0..100).fold(0, |taken, class| counts.one_more(taken, class));
    assert_eq!((again, seen.bytes(&counts) - kept), (taken, more));
}

/// A thousand calls, one after the other.
fn calls(asked: impl Fn(i64) -> (Input, Output)) -> Calls<Register> {
    list((0..1000).zip(0..1000).map(|(at, value)| {
        let (input, output) = asked(value);
        ok(2 * at, 2 * at + 1, input, output)
    }))
}

fn timeline(calls: &Calls<Register>, sight: Sight) -> (Timeline, Interned<Option<i64>>) {
    let model = Register::new();
    let events = by_parts(calls, &Parts::new(&model, calls)).pop().unwrap();
    Timeline::new(&model, calls, &events, &mut vec![0; calls.len()], sight)
}

/// So many bytes, with room for a tenth more.
fn must_weigh(told: usize, bytes: usize) {
    assert!((bytes..=bytes / 10 * 11).contains(&told), "{told}, not {bytes}");
}

#[test]
fn a_timeline_weighs_what_is_in_it() {
    let calls = calls(|value| (Write(value), Written));
    let (timeline, states) = timeline(&calls, Sight::Far);
    let states = states.len();
    assert_eq!((timeline.ops.len(), timeline.events.len(), states), (1000, 2000, 1001));
    // Who leads to each state, who needs it at last, and what is too early for it.
    let ahead = 4 * ((states + 1 + 1000) + states + states);
    must_weigh(timeline.ahead.bytes(), ahead);
    let numbers = 4 * 2 * 2001;
    let all = 1000 * size_of::<Op>() + 2000 * size_of::<Event>() + numbers + ahead;
    must_weigh(timeline.bytes(), all);
}

#[test]
fn a_search_weighs_what_it_holds() {
    let calls = calls(|value| (Write(value), Written));
    let held = timeline(&calls, Sight::Far);
    let least = held.0.bytes() + held.1.bytes() + held.1.len() * size_of::<Option<i64>>();
    let mut trail = Trail::with_capacity(1000);
    let search = Search::<_, u64>::new(&Register::new(), &calls, held).bytes();
    let counts = Taken::new();
    let nothing = Seen::<u64>::new().bytes(&counts);
    must_weigh(usize::try_from(search).unwrap(), least + trail.bytes() + nothing);

    must_weigh(trail.bytes(), 1000 * size_of::<Action>());
    (0..1000).for_each(|number| trail.push(Action::Take(number)));
    trail.keep();
    must_weigh(trail.bytes(), 2000 * size_of::<Action>());
}

#[test]
fn classes_weigh_what_they_remember() {
    let swap = |value| (CompareAndSet { expected: value, new: value }, Matched(true));
    let calls = calls(swap);
    let (mut timeline, states) = timeline(&calls, Sight::Near);
    let mut classes = Classes::new(&calls, u32::try_from(states.len()).unwrap());
    assert_eq!(classes.bytes(), 0);
    let numbers: BTreeSet<_> = timeline.ops.iter_mut().map(|op| classes.of(op)).collect();
    assert_eq!(numbers.len(), 1000);
    // A list that has room for 1024, and a table of a power of two.
    must_weigh(classes.bytes(), 4 * 1024 + 8 * 2048);
}

#[test]
fn a_table_is_at_most_two_thirds_full() {
    let mut index = Index::new();
    for number in 0..1000_u32 {
        let hash = hash_of(&number);
        let vacancy = index.find(hash, |known| known == number).expect_err("it is new");
        index.fill(vacancy, number);
        assert!(index.find(hash, |known| known == number).is_ok());
    }
    assert!((12_000..24_000).contains(&index.bytes()), "{}", index.bytes());
}

#[test]
fn values_are_kept_once() {
    let mut interned = Interned::new(7_u64);
    let numbers: Vec<u32> = (0..1000).chain(0..1000).map(|value| interned.number(value)).collect();
    assert_eq!(numbers[..1000], numbers[1000..]);
    assert_eq!((interned.len(), interned.get(numbers[5])), (1000, &5));
    assert!((20_000..40_000).contains(&interned.bytes()), "{}", interned.bytes());
}

/// Nothing but these bytes, without their length.
struct Bytes(&'static [u8]);

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(self.0);
    }
}

/// Of a few thousand no two are the same, as it would be by chance: whatever is part of a value
/// makes a difference, and so does the order.
#[test]
fn values_that_differ_have_other_hashes() {
    fn all_differ(hashes: impl Iterator<Item = u64>) {
        let hashes: Vec<u64> = hashes.collect();
        // A table goes by the upper half.
        let upper: BTreeSet<u64> = hashes.iter().map(|hash| hash >> 32).collect();
        assert_eq!(upper.len(), hashes.len());
    }
    all_differ((0..=u8::MAX).map(|value| hash_of(&value)));
    all_differ((0..1000_u32).map(|value| hash_of(&value)));
    all_differ((0..1000_usize).map(|value| hash_of(&value)));
    all_differ((0..64_u64).flat_map(|one| (0..64_u64).map(move |other| hash_of(&(one, other)))));
    let bytes: [&[u8]; 7] = [
        &[],
        &[0],
        &[1],
        &[1, 0],
        &[0, 1],
        &[1, 2, 3, 4, 5, 6, 7, 8],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
    ];
    all_differ(bytes.into_iter().map(|bytes| hash_of(&Bytes(bytes))));
}
