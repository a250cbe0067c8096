//! Atoll from outside: through sockets, signals and files, as its users have it.
//!
//! Each module begins with the number of the part that it tests. `ATOLL_BIN=path` tests that binary
//! in place of the one that cargo builds; `UPDATE=1` rewrites tests/data.

#![expect(clippy::unwrap_used, reason = "these are tests, and so are their helpers")]

mod endless;
mod t10_basic;
mod t20_protocol;
mod t21_together;
mod t30_routing;
mod t40_cluster;
mod t50_scripts;
mod t51_limits;
mod t52_script_figures;
mod t53_memory;
mod t54_functions;
mod t55_debugger;
mod t56_pubsub;
mod t57_acl;
mod t58_blocking;
mod t59_streams;
mod t59_tracking;
mod t60_start;
mod t61_tables;
mod t62_differential;
mod t63_commands;
mod t64_clients;
mod t65_disk;
mod t65_durability;
mod t65_under_load;
mod t66_crashes;
mod t67_log_tools;
mod t68_migrate;
mod t69_rdb_files;
mod t70_files;
mod t71_tls;
mod t72_idempotency;
mod t73_world;
mod t80_observe;
mod t81_config_rewrite;
mod t82_slots_and_logs;
mod t83_metrics;
mod t84_admin;
mod t91_bench;
mod t92_redis_rs;
mod t93_fred;
mod t94_snippets;
