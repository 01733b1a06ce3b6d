//! What nodes and clients sent each other: when it was written, when it was read, what it was.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use harness::net::{Passage, Way};
use harness::report::page::{Messages, micros};
use highwater::protocol::api::ApiKey;

use super::frames::{Frames, Head};

/// The page shows at most so many messages; a run has hundreds of thousands.
const SHOWN_MAX: usize = 30_000;

/// Requests without an answer that a stream remembers.
const PENDING_MAX: usize = 1000;

/// All messages of a run so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires {
    parties: Vec<String>,
    kinds: Vec<String>,
    messages: Vec<Message>,
    ways: BTreeMap<Way, WayState>,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    sent: u64,
    read: Option<u64>,
    from: u16,
    to: u16,
    kind: u16,
    bytes: u32,
}

/// One direction of one stream.
#[derive(Clone, Debug)]
struct WayState {
    from: u16,
    to: u16,
    frames: Frames,
    /// Messages that are not read to their end: how many bytes are missing, and which.
    under_way: VecDeque<(usize, usize)>,
    /// Requests that were sent here: correlation id and kind.
    pending: VecDeque<(i32, i16)>,
}

impl Wires {
    /// Takes in a passage.
    pub(super) fn note(&mut self, at: Duration, way: &Way, passage: Passage<'_>) {
        match passage {
            Passage::Sent(bytes) => self.sent(micros(at), way, bytes),
            Passage::Read(count) => self.read(micros(at), way, count),
        }
    }

    fn sent(&mut self, at: u64, way: &Way, bytes: &[u8]) {
        if !self.ways.contains_key(way) {
            let (from, to) = (self.party(&way.from), self.party(&way.to));
            let frames = Frames::new(!way.from_opener);
            let (under_way, pending) = (VecDeque::new(), VecDeque::new());
            self.ways.insert(way.clone(), WayState { from, to, frames, under_way, pending });
        }
        let kind = self.kind_of(way, bytes);
        let kind = position(&mut self.kinds, &kind);
        let Some(state) = self.ways.get_mut(way) else { return };
        state.under_way.push_back((bytes.len(), self.messages.len()));
        self.messages.push(Message {
            sent: at,
            read: None,
            from: state.from,
            to: state.to,
            kind,
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        });
    }

    fn read(&mut self, at: u64, way: &Way, mut count: usize) {
        let Some(state) = self.ways.get_mut(way) else { return };
        while let Some((missing, message)) = state.under_way.front_mut() {
            if *missing > count {
                *missing -= count;
                return;
            }
            count -= *missing;
            self.messages[*message].read = Some(at);
            state.under_way.pop_front();
        }
    }

    /// Names what a write carries by the first frame that begins in it.
    fn kind_of(&mut self, way: &Way, bytes: &[u8]) -> String {
        let Some(state) = self.ways.get_mut(way) else { return String::new() };
        let heads = state.frames.take(bytes);
        let names: Vec<String> = heads.into_iter().map(|head| self.name(way, head)).collect();
        match names.as_slice() {
            [] => "more of the same".to_owned(),
            [name] => name.clone(),
            [name, more @ ..] => format!("{name} and {} more", more.len()),
        }
    }

    fn name(&mut self, way: &Way, head: Head) -> String {
        match head {
            Head::Request { api, correlation_id } => {
                if let Some(state) = self.ways.get_mut(way) {
                    state.pending.push_back((correlation_id, api));
                    if state.pending.len() > PENDING_MAX {
                        state.pending.pop_front();
                    }
                }
                name_of(api)
            }
            Head::Answer { correlation_id } => {
                let back = Way {
                    from: Arc::clone(&way.to),
                    to: Arc::clone(&way.from),
                    from_opener: !way.from_opener,
                };
                let pending = self.ways.get_mut(&back).map(|state| &mut state.pending);
                let request = pending.and_then(|pending| {
                    let at = pending.iter().position(|(id, _)| *id == correlation_id)?;
                    pending.remove(at)
                });
                request.map_or_else(
                    || "answer".to_owned(),
                    |(_, api)| format!("{} answer", name_of(api)),
                )
            }
        }
    }

    /// The number of whoever is at `address`, a `name:port`.
    fn party(&mut self, address: &str) -> u16 {
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        position(&mut self.parties, name)
    }

    /// The messages nearest to `focus`, as the page shows them.
    pub(super) fn around(&self, focus: u64) -> Messages {
        // Hosts have moments of their own within a step of the simulation.
        let mut messages = self.messages.clone();
        messages.sort_by_key(|message| message.sent);
        let middle = messages.partition_point(|message| message.sent < focus);
        let first = middle.saturating_sub(SHOWN_MAX / 2);
        let end = first.saturating_add(SHOWN_MAX).min(messages.len());
        let first = end.saturating_sub(SHOWN_MAX).min(first);
        let mut shown = Messages {
            parties: self.parties.clone(),
            kinds: self.kinds.clone(),
            total: u64::try_from(messages.len()).unwrap_or(u64::MAX),
            window: (
                messages.get(first).filter(|_| first > 0).map_or(0, |message| message.sent),
                messages.get(end).map_or(u64::MAX, |message| message.sent),
            ),
            ..Messages::default()
        };
        let mut last = 0;
        for message in messages.get(first..end).unwrap_or_default() {
            shown.sent.push(message.sent.saturating_sub(last));
            last = message.sent;
            let took = message.read.map(|read| read.saturating_sub(message.sent));
            shown.took.push(took.map_or(-1, |took| i64::try_from(took).unwrap_or(i64::MAX)));
            shown.from.push(message.from);
            shown.to.push(message.to);
            shown.kind.push(message.kind);
            shown.bytes.push(message.bytes);
        }
        shown
    }
}

fn name_of(api: i16) -> String {
    ApiKey::from_code(api).map_or_else(|| format!("request {api}"), |api| api.to_string())
}

fn position(names: &mut Vec<String>, name: &str) -> u16 {
    let known = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    u16::try_from(known).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: &str, to: &str, from_opener: bool) -> Way {
        Way { from: from.into(), to: to.into(), from_opener }
    }

    fn at(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn a_message_arrives_when_its_last_byte_is_read() {
        let mut wires = Wires::default();
        let (there, back) =
            (way("client:5", "node-1:9092", true), way("node-1:9092", "client:5", false));
        let fetch = [0, 0, 0, 8, 0, 1, 0, 7, 0, 0, 0, 3];
        let answer = [0, 0, 0, 6, 0, 0, 0, 3, 1, 1];
        wires.note(at(100), &there, Passage::Sent(&fetch));
        wires.note(at(110), &there, Passage::Read(5));
        wires.note(at(120), &there, Passage::Read(7));
        wires.note(at(130), &back, Passage::Sent(&answer));
        let shown = wires.around(0);
        assert_eq!(shown.parties, ["client", "node-1"]);
        assert_eq!(shown.kinds, ["Fetch", "Fetch answer"]);
        assert_eq!((shown.sent, shown.took), (vec![100, 30], vec![20, -1]));
        assert_eq!((shown.from, shown.to, shown.bytes), (vec![0, 1], vec![1, 0], vec![12, 10]));
        assert_eq!(shown.window, (0, u64::MAX));
    }

    #[test]
    fn messages_stand_in_the_order_of_their_times() {
        let mut wires = Wires::default();
        wires.note(at(40), &way("a:1", "b:2", true), Passage::Sent(&[0]));
        wires.note(at(30), &way("b:3", "a:1", true), Passage::Sent(&[0; 2]));
        let shown = wires.around(0);
        assert_eq!((shown.sent, shown.bytes), (vec![30, 10], vec![2, 1]));
    }

    #[test]
    fn only_what_is_near_the_focus_is_shown() {
        let mut wires = Wires::default();
        let there = way("a:1", "b:2", true);
        let count = u64::try_from(SHOWN_MAX).unwrap() * 3;
        for time in 0..count {
            wires.note(at(time), &there, Passage::Sent(&[0]));
        }
        for focus in [0, count / 2, count] {
            let shown = wires.around(focus);
            assert_eq!(shown.sent.len(), SHOWN_MAX);
            assert!((shown.window.0..=shown.window.1).contains(&focus), "{:?}", shown.window);
            assert_eq!(shown.total, count);
        }
    }
}
