//! What requests for the keys of each slot have cost (CLUSTER SLOT-STATS).
//!
//! Kept by the executor that has the slot, and only while `cluster-slot-stats-enabled` says so:
//! otherwise there is no table and no request looks for one.

use std::cell::RefCell;

use protocol::slot::Slot;

/// What the requests of one slot have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SlotCost {
    /// How many there were.
    pub(crate) calls: u64,
    /// Time in which their commands ran.
    pub(crate) nanos: u64,
    /// Bytes of requests.
    pub(crate) bytes_in: u64,
    /// Bytes of replies.
    pub(crate) bytes_out: u64,
}

/// The costs of all slots of a shard. See the module.
#[derive(Debug)]
pub(crate) struct SlotStats {
    first: u16,
    count: u16,
    /// By slot; empty until there is something to count.
    costs: RefCell<Vec<SlotCost>>,
}

impl SlotStats {
    /// Of `count` slots from `first` on.
    pub(crate) fn new(first: u16, count: u16) -> Self {
        Self { first, count, costs: RefCell::default() }
    }

    fn place(&self, slot: Slot) -> Option<usize> {
        let place = slot.number().checked_sub(self.first)?;
        (place < self.count).then_some(usize::from(place))
    }

    /// Adds what a request has cost. Slots of other shards are not counted.
    pub(crate) fn add(&self, slot: Slot, cost: SlotCost) {
        let Some(place) = self.place(slot) else { return };
        let mut costs = self.costs.borrow_mut();
        if costs.is_empty() {
            costs.resize(usize::from(self.count), SlotCost::default());
        }
        let sum = &mut costs[place];
        sum.calls += cost.calls;
        sum.nanos += cost.nanos;
        sum.bytes_in += cost.bytes_in;
        sum.bytes_out += cost.bytes_out;
    }

    /// What the requests of a slot have cost.
    pub(crate) fn of(&self, slot: Slot) -> SlotCost {
        let costs = self.costs.borrow();
        self.place(slot).and_then(|place| costs.get(place)).copied().unwrap_or_default()
    }

    /// Forgets everything (CONFIG RESETSTAT).
    pub(crate) fn reset(&self) {
        self.costs.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_slots_are_counted_and_others_are_not() {
        let stats = SlotStats::new(100, 10);
        let slot = |number| Slot::new(number).unwrap();
        let cost = SlotCost { calls: 1, nanos: 5, bytes_in: 20, bytes_out: 7 };
        assert_eq!(stats.of(slot(100)), SlotCost::default());
        for number in [99, 100, 109, 109, 110] {
            stats.add(slot(number), cost);
        }
        assert_eq!(stats.of(slot(99)), SlotCost::default());
        assert_eq!(stats.of(slot(100)), cost);
        assert_eq!(
            stats.of(slot(109)),
            SlotCost { calls: 2, nanos: 10, bytes_in: 40, bytes_out: 14 }
        );
        assert_eq!(stats.of(slot(110)), SlotCost::default());
        stats.reset();
        assert_eq!(stats.of(slot(100)), SlotCost::default());
    }
}
