//! The `atoll` server: see `cli` for the command line and `server` for a running node.

mod accepted;
mod acl_log;
mod admin;
mod attention;
mod blocked;
mod cli;
mod clients;
mod clock;
mod command_log;
mod commands;
mod config;
mod connection;
mod data;
mod data_dir;
mod debug_session;
mod delivery;
mod demo_cluster;
mod dispatch;
mod error;
mod executor;
mod fan_out;
mod gather;
mod latency;
mod listener;
mod loading;
mod log;
mod log_tools;
mod mailbox;
mod membership;
mod memory;
mod metrics;
mod monitors;
mod node;
mod node_state;
mod open_files;
mod output_limits;
mod panic;
mod pause;
mod peers;
mod rdb_files;
mod recovery;
mod script_services;
mod secrets;
mod server;
mod settings;
mod slot_stats;
mod snapshots;
mod sys;
mod times;
mod timing;
mod tls;
mod tracking;
mod watchdog;
mod web;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() -> std::process::ExitCode {
    cli::run()
}
