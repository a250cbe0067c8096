//! The log as its owner sees it: written, cut, damaged, and recovered.

mod life;
mod rig;
