//! Brokers come and go: started, registered, heard of, stopped in every way there is.

use highwater::controller::{HeartbeatRequest, RegisterBrokerRequest, Request};
use highwater::host::probe::Observation;
use highwater::types::{BrokerEpoch, Incarnation, MetadataOffset, Offset};

use super::brokers::new_replica;
use super::controllers::Purpose;
use super::world::{Happening, World};
use crate::picture::Stop;

impl World {
    /// Starts a broker: its logs are recovered, and it asks to be registered.
    pub(super) fn start(&mut self, broker: usize) {
        let state = &mut self.brokers[broker];
        state.up = true;
        state.run += 1;
        state.leaving = false;
        state.incarnation = Incarnation::of_run(u64::from(state.run), self.dice.next_u64());
        state.epoch = None;
        state.image = highwater::controller::MetadataImage::default();
        state.applied = 0;
        let (node, run) = (state.node(), state.run);
        let verdict = self.inspector.started(node, self.at());
        self.judge(verdict);
        for partition in 0..self.weather.partitions {
            self.open_log(broker, partition);
        }
        self.schedule(1, Happening::Register { broker, run });
        self.schedule_within(12, Happening::Heartbeat { broker, run });
        self.schedule_within(12, Happening::Tick { broker, run });
    }

    fn open_log(&mut self, broker: usize, partition: usize) {
        let weather = self.weather;
        let name = self.name(partition);
        let state = &mut self.brokers[broker];
        let (id, node) = (state.id, state.node());
        let hosted = &mut state.hosted[partition];
        hosted.log.recover();
        let high_watermark = hosted.checkpoint.clamp(Offset::ZERO, hosted.log.end());
        hosted.replica = new_replica(id, &weather, high_watermark);
        hosted.source = None;
        hosted.outstanding = None;
        hosted.parked.clear();
        hosted.produces.clear();
        let observation = Observation::LogOpened {
            partition: name,
            log_start_offset: Offset::ZERO,
            batches: hosted.log.batches().to_vec(),
            high_watermark,
            bytes_cut: 0,
        };
        self.observe(node, &observation);
    }

    /// Asks to be registered, until it is.
    pub(super) fn register(&mut self, broker: usize, run: u32) {
        let state = &self.brokers[broker];
        if !self.runs(broker, run) || state.epoch.is_some() {
            return;
        }
        let request = Request::RegisterBroker(RegisterBrokerRequest {
            id: state.id,
            incarnation: state.incarnation,
            host: "host".into(),
            port: 9092,
            rack: None,
            previous_broker_epoch: state.marker,
            directories: Vec::new(),
        });
        self.request_registration(broker, request);
        self.schedule_within(20, Happening::Register { broker, run });
    }

    pub(super) fn registered(&mut self, broker: usize, epoch: BrokerEpoch) {
        let state = &mut self.brokers[broker];
        if state.epoch.is_some() {
            return;
        }
        state.epoch = Some(epoch);
        // A marker tells of one stop only.
        state.marker = None;
        let (node, run) = (state.node(), state.run);
        self.observe(node, &Observation::Registered { broker_epoch: epoch });
        self.schedule_within(3, Happening::Metadata { broker, run });
    }

    pub(super) fn heartbeat(&mut self, broker: usize, run: u32) {
        if self.runs(broker, run) {
            self.schedule(12, Happening::Heartbeat { broker, run });
            self.send_heartbeat(broker);
        }
    }

    pub(super) fn send_heartbeat(&mut self, broker: usize) {
        let state = &self.brokers[broker];
        let mute = state.mute_until > self.now && !self.healed;
        let Some(broker_epoch) = state.epoch.filter(|_| !mute) else { return };
        let metadata_offset =
            if state.applied == 0 { MetadataOffset(0) } else { state.image.offset };
        let request = Request::Heartbeat(HeartbeatRequest {
            id: state.id,
            broker_epoch,
            metadata_offset,
            want_fence: false,
            want_shut_down: state.leaving,
        });
        self.request_quickly(broker, Purpose::Heartbeat, request);
    }

    /// The controllers let it go: it flushes, writes its marker and exits.
    pub(super) fn stop_cleanly(&mut self, broker: usize) {
        if !self.brokers[broker].leaving {
            return;
        }
        for partition in 0..self.weather.partitions {
            self.flush_one(broker, partition);
            let hosted = &mut self.brokers[broker].hosted[partition];
            hosted.checkpoint = hosted.replica.high_watermark();
        }
        self.brokers[broker].marker = self.brokers[broker].epoch;
        self.stop(broker, Stop::Clean);
    }

    /// Ends a broker's process, and sees to it that it comes back.
    pub(super) fn stop(&mut self, broker: usize, how: Stop) {
        if how == Stop::PowerCut {
            for hosted in &mut self.brokers[broker].hosted {
                hosted.log.lose_power(&mut self.dice);
            }
        }
        if how != Stop::Clean {
            self.brokers[broker].marker = None;
        }
        self.brokers[broker].up = false;
        let node = self.brokers[broker].node();
        self.write_down(format!("    {node}: stopped, {how:?}"));
        let verdict = self.inspector.stopped(node, self.at(), how);
        self.judge(verdict);
        let after = [2, 15, 15, 120][self.dice.below(4)];
        self.schedule_within(after, Happening::Restart { broker });
    }

    pub(super) fn restart(&mut self, broker: usize) {
        if !self.brokers[broker].up {
            self.start(broker);
        }
    }

    /// Now and then the logs are flushed and the high watermarks written down.
    pub(super) fn flush(&mut self, broker: usize) {
        if self.brokers[broker].up {
            for partition in 0..self.weather.partitions {
                if self.one_in(2) {
                    self.flush_one(broker, partition);
                }
                if self.one_in(2) {
                    let hosted = &mut self.brokers[broker].hosted[partition];
                    hosted.checkpoint = hosted.replica.high_watermark();
                }
            }
        }
        self.schedule_within(60, Happening::Flush { broker });
    }

    fn flush_one(&mut self, broker: usize, partition: usize) {
        let name = self.name(partition);
        let hosted = &mut self.brokers[broker].hosted[partition];
        hosted.log.flush();
        let to = hosted.log.end();
        let node = self.brokers[broker].node();
        self.observe(node, &Observation::Flushed { partition: name, to });
    }
}
