//! The log as its owner sees it: written, cut, damaged, and recovered.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

mod crash_points;
mod faults;
mod full_disk;
mod golden;
mod life;
mod rig;
mod snapshots;
