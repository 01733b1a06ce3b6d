//! What the harness does to a disk. A program under test has no business here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::damage::Loss;
use super::faults::{DiskFault, DiskTally, Troubles};
use super::tree::Entry;
use super::{Device, SimDisk};
use crate::gate::{Gate, lock};

impl SimDisk {
    /// The same disk for a new start of its node. All earlier handles die.
    #[must_use]
    pub fn mount(&self, gate: Gate) -> Self {
        let mut device = lock(&self.device);
        device.mount += 1;
        Self { device: Arc::clone(&self.device), mount: device.mount, gate }
    }

    /// The process dies, the operating system lives: its handles die and nothing is lost.
    pub fn kill(&self) {
        lock(&self.device).mount += 1;
    }

    /// The power goes. Handles die, and of what was not synced `loss` decides.
    pub fn power_cut(&self, loss: Loss) {
        let mut device = lock(&self.device);
        device.mount += 1;
        device.power_cut(loss);
    }

    /// Begins a fault; it lasts until it is mended. Whether it took effect: a bit can only be
    /// turned where there is one.
    pub fn inject(&self, fault: &DiskFault) -> bool {
        let mut device = lock(&self.device);
        let used = device.used.load(Ordering::Relaxed);
        device.troubles.begin(fault, used);
        *fault != DiskFault::FlipBit || device.flip_random_bit()
    }

    /// Ends all faults of this kind.
    pub fn mend(&self, fault: &DiskFault) {
        lock(&self.device).troubles.end(fault);
    }

    /// Ends all faults. What is broken stays broken.
    pub fn mend_all(&self) {
        lock(&self.device).troubles = Troubles::default();
    }

    /// Whether a trouble is in force that may bring the node down: failing reads, writes or fsyncs,
    /// little space, a power cut to come. A slow disk is none.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        lock(&self.device).troubles.may_bring_down()
    }

    /// The troubles in force.
    #[must_use]
    pub fn troubles(&self) -> Vec<DiskFault> {
        let device = lock(&self.device);
        device.troubles.in_force(device.used.load(Ordering::Relaxed))
    }

    /// Turns one bit of a file around, on the platter and in the cache. Whether there was one.
    #[must_use]
    pub fn flip_bit(&self, path: &str, position: u64, bit: u32) -> bool {
        let mut device = lock(&self.device);
        let Ok(Entry::File(file)) = device.tree.find(path) else { return false };
        let flipped = usize::try_from(position).is_ok_and(|at| lock(&file).flip(at, bit));
        device.tally.bits_flipped += u64::from(flipped);
        flipped
    }

    /// Whether the operations allowed by [`DiskFault::CutAfter`] are used up.
    #[must_use]
    pub fn wants_power_cut(&self) -> bool {
        lock(&self.device).powerless
    }

    /// What has really gone wrong so far.
    #[must_use]
    pub fn tally(&self) -> DiskTally {
        lock(&self.device).tally
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        lock(&self.device).used.load(Ordering::Relaxed)
    }
}

impl Device {
    fn power_cut(&mut self, loss: Loss) {
        let names = self.tree.unsaved();
        let surviving = match loss {
            Loss::Everything => 0,
            Loss::Nothing => names,
            Loss::Random => self.damage.index(names + 1),
        };
        self.tally.names_lost += self.tree.power_cut(surviving);
        for (_, file) in self.tree.files() {
            let wreck = lock(&file).power_cut(loss, &mut self.damage);
            self.tally.changes_lost += wreck.changes_lost;
            self.tally.writes_torn += wreck.writes_torn;
        }
        self.tally.power_cuts += 1;
        self.powerless = false;
        self.troubles.operations_left = None;
    }

    /// Turns a bit of a durable byte, every byte of the disk being as likely as another.
    fn flip_random_bit(&mut self) -> bool {
        let files = self.tree.files();
        let total: usize = files.iter().map(|(_, file)| lock(file).length()).sum();
        // A dirty byte has no place on the platter; look for another, but not for ever.
        for _ in 0..if total == 0 { 0 } else { 32 } {
            let mut position = self.damage.index(total);
            for (_, file) in &files {
                let mut file = lock(file);
                if position < file.length() {
                    if file.is_durable(position) {
                        let bit = u32::try_from(self.damage.index(8)).expect("a bit is below 8");
                        self.tally.bits_flipped += 1;
                        return file.flip(position, bit);
                    }
                    break;
                }
                position -= file.length();
            }
        }
        false
    }
}
