//! Disks that are full or broken: writes stop and reads go on, and nothing acknowledged is lost.

use std::process::Command;
use std::time::Duration;

use e2e::poll;
use e2e::server::folder;

use crate::t65_durability::{crash, node};

/// A file system of this size, if this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_stops_writes_and_not_reads() {
    let Some(disk) = SmallDisk::mount("4m") else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let data = disk.0.path().join("data");
    let builder = || {
        node(&data, "always")
            .set("log-segment-size", 262_144)
            .set("auto-aof-rewrite-percentage", 0)
            .expect_in_log("the disk is full")
            .expect_in_log("snapshot failed")
    };
    let server = builder().start();
    let mut client = server.client();
    client.check("SET first 1", "+OK");
    let value = "x".repeat(100_000);
    let mut acknowledged = 0;
    let mut writer = server.client();
    let refused = poll("writes are refused", || {
        writer.send_parts(&["SET", &format!("k{acknowledged}"), &value]);
        // The one that has found the disk full waits for room.
        if writer.is_silent_for(Duration::from_millis(300)) {
            return Some(client.run("SET other 1"));
        }
        let reply = writer.read().to_string();
        if reply == "+OK" {
            acknowledged += 1;
            return None;
        }
        Some(reply)
    });
    assert_eq!(refused, "-MISCONF Errors writing to the AOF file: No space left on device");
    client.check("GET first", "$1");
    assert!(client.value("INFO persistence").text().contains("aof_last_write_status:err"));
    // Room comes, and writing goes on.
    assert!(
        Command::new("mount")
            .args(["-o", "remount,size=32m"])
            .arg(disk.0.path())
            .status()
            .unwrap()
            .success()
    );
    poll("writes are taken", || (client.run("SET after 1") == "+OK").then_some(()));
    crash(server);
    let server = builder().start();
    let mut client = server.client();
    client.check("GET after", "$1");
    for n in 0..acknowledged {
        assert_eq!(client.value(&format!("STRLEN k{n}")).int(), 100_000, "k{n}");
    }
}

/// After so many syncs the disk refuses: then nobody knows what it has.
const BROKEN_DISK: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
int fdatasync(int fd) {
  static long calls;
  if (__sync_add_and_fetch(&calls, 1) > atol(getenv("SYNCS"))) { errno = EIO; return -1; }
  return syscall(SYS_fdatasync, fd);
}
"#;

#[test]
fn a_sync_that_fails_ends_the_process() {
    let folder = folder();
    let (source, library) = (folder.path().join("disk.c"), folder.path().join("disk.so"));
    std::fs::write(&source, BROKEN_DISK).unwrap();
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(compiled.unwrap().success(), "the compiler is there, for LuaJIT needs it");
    let data = folder.path().join("data");
    let mut server = node(&data, "always")
        .variable("LD_PRELOAD", library.to_str().unwrap())
        .variable("SYNCS", "30")
        .expect_in_log("the log has failed")
        .start();
    let mut client = server.client();
    let mut acknowledged = 0;
    // Each waits for a sync of its own; the one that fails is not answered.
    while client.try_send(format!("SET k{acknowledged} v\r\n").as_bytes()).is_ok() {
        match client.try_read() {
            Ok(Some(reply)) => assert_eq!(reply.to_string(), "+OK"),
            Ok(None) | Err(_) => break,
        }
        acknowledged += 1;
    }
    assert_eq!(server.wait().code(), Some(74));
    assert!((5..30).contains(&acknowledged), "{acknowledged}");
    let server = node(&data, "always").start();
    let mut client = server.client();
    for n in 0..acknowledged {
        client.check(&format!("GET k{n}"), "$v");
    }
}
