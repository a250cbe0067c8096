//! One server: a process of its own, on free ports of this machine, in a folder of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::resp::Client;
use crate::tls::{Authority, Config, Identity};
use crate::{PATIENCE, poll, ports, repository};

/// The binary under test: `ATOLL_BIN`, or what cargo builds, once for each run of the tests.
///
/// # Panics
/// When it does not compile.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("ATOLL_BIN") {
        Some(path) => repository().join(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "node", "--bin", "atoll", "--message-format=json"]);
    command.current_dir(repository()).stderr(Stdio::inherit());
    // The outer cargo has set it as .cargo/config.toml says. Found in the environment, it would make
    // this one build LuaJIT again, and the outer one after it, each time.
    command.env_remove("CFLAGS");
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    // <target>/<profile>/deps/<test>: the server goes where this test went.
    let test = std::env::current_exe().expect("the path of this test");
    if let Some(target) = test.ancestors().nth(3) {
        command.arg("--target-dir").arg(target);
    }
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "the server does not compile");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut paths = messages.lines().filter_map(|line| {
        let (_, path) = line.split_once("\"executable\":\"")?;
        path.split('"').next().map(PathBuf::from)
    });
    paths.next_back().expect("cargo names the binary that it has built")
}

/// `atoll` with none of the caller's settings.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ATOLL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A new folder for a server's files.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What `atoll` with these arguments says when it does not start.
///
/// # Panics
/// When it does start.
#[track_caller]
pub fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> Refusal {
    let mut command = command();
    command.args(arguments).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().expect("atoll runs"));
    process.wait();
    let mut child = process.0.stderr.take().expect("stderr is a pipe");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child, &mut text).expect("its words are text");
    Refusal { code: process.wait().code(), text }
}

/// How a server ended that did not start.
#[derive(Debug)]
pub struct Refusal {
    pub code: Option<i32>,
    pub text: String,
}

/// Runs `atoll` with these arguments to its end.
pub fn output(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("atoll runs")
}

/// A process that ends with the value.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        Self(command.spawn().expect("the process starts"))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("ask for a child")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).expect("a process number"));
        kill(pid, signal).expect("signal a child");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        poll("a process ends", || self.ended())
    }

    /// Asks it to end, and forces it if it does not.
    pub fn stop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal(Signal::SIGTERM);
            let end = Instant::now() + PATIENCE;
            while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a server is to be started.
#[derive(Debug)]
pub struct Builder {
    port: Option<u16>,
    directory: Option<PathBuf>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    shards: u16,
    endpoints: bool,
    tls: Option<(Config, u16)>,
    only_tls: bool,
    expected: Vec<String>,
}

impl Builder {
    /// Listens on this port, not on one of its own.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Keeps its data in this folder, not in one of its own.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// With this many shards.
    pub fn shards(mut self, count: u16) -> Self {
        self.shards = count;
        self
    }

    /// With this setting.
    pub fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// With these arguments.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With this variable in its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// With one port for each shard.
    pub fn shard_endpoints(mut self) -> Self {
        self.endpoints = true;
        self
    }

    /// With TLS on this port too, or on one of its own, with a certificate of this authority.
    pub fn tls(mut self, authority: &Authority, port: Option<u16>) -> Self {
        let port = port.unwrap_or_else(|| ports::take(1));
        // A file is not written anew while another server reads it.
        let identity = authority.issue(&format!("server-{port}"));
        self.tls = Some((authority.client(Some(&identity)), port));
        self.identity(authority, &identity).set("tls-port", port)
    }

    /// With these certificates.
    pub fn identity(self, authority: &Authority, identity: &Identity) -> Self {
        self.set("tls-ca-cert-file", authority.file().display())
            .set("tls-cert-file", identity.cert.display())
            .set("tls-key-file", identity.key.display())
    }

    /// With no port but that for TLS.
    pub fn only_tls(mut self) -> Self {
        self.only_tls = true;
        self
    }

    /// A warning or an error with this text in the log is expected.
    pub fn expect_in_log(mut self, text: &str) -> Self {
        self.expected.push(text.into());
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(self) -> Server {
        let server = self.launch();
        server.wait_ready()
    }

    /// Starts the server without waiting for it.
    pub fn launch(self) -> Server {
        let ports = if self.endpoints { 1 + self.shards } else { 1 };
        let port = if self.only_tls { 0 } else { self.port.unwrap_or_else(|| ports::take(ports)) };
        let folder = folder();
        let log = folder.path().join("log");
        let data = self.directory.unwrap_or_else(|| folder.path().join("data"));
        let mut command = command();
        command
            .args(["--port", &port.to_string(), "--shards", &self.shards.to_string(), "--dir"])
            .arg(&data)
            .args(&self.arguments)
            // Many servers run at once, and each reserves two of these.
            .env("ATOLL_LOG_SEGMENT_SIZE", "1048576")
            .envs(self.variables)
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("create the log"));
        if self.endpoints {
            command.args(["--set", "shard-endpoints=true"]);
            command.args(["--set", &format!("shard-endpoint-port={}", port + 1)]);
        }
        Server {
            process: Process::start(command),
            port,
            tls: self.tls,
            log,
            expected: self.expected,
            ended: false,
            data,
            _folder: folder,
        }
    }
}

/// A running server. See the module.
#[derive(Debug)]
pub struct Server {
    process: Process,
    port: u16,
    tls: Option<(Config, u16)>,
    log: PathBuf,
    expected: Vec<String>,
    ended: bool,
    data: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// A server of four shards that owns all slots, unless the builder is told otherwise.
    pub fn builder() -> Builder {
        Builder {
            port: None,
            directory: None,
            arguments: Vec::new(),
            variables: Vec::new(),
            shards: 4,
            endpoints: false,
            tls: None,
            only_tls: false,
            expected: Vec::new(),
        }
    }

    /// Starts such a server.
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it ends instead, or says nothing.
    #[track_caller]
    pub fn wait_ready(mut self) -> Self {
        // One connection, however often it is asked: tests count connections.
        let mut known: Option<Client> = None;
        poll("the server answers", || {
            if let Some(status) = self.process.ended() {
                self.ended = true;
                panic!("the server ended at start, {status}:\n{}", self.log());
            }
            if known.is_none() {
                known = match &self.tls {
                    Some((config, port)) if self.port == 0 => {
                        Client::try_connect_tls(*port, config).ok()
                    }
                    _ => Client::try_connect(self.port).ok(),
                };
            }
            let client = known.as_mut()?;
            client.try_send(b"PING\r\n").ok()?;
            let pong = client.try_read().ok()??.to_string();
            // Strangers are not told that it is still loading.
            let is_ready = || self.log().contains("ready");
            (pong == "+PONG" || pong.starts_with("-NOAUTH") && is_ready()).then_some(())
        });
        self
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its port with TLS.
    ///
    /// # Panics
    /// When it has none.
    pub fn tls_port(&self) -> u16 {
        self.tls.as_ref().expect("the server talks TLS").1
    }

    /// A new connection by TLS, with the server's own certificate.
    ///
    /// # Panics
    /// When it has no TLS.
    #[track_caller]
    pub fn tls_client(&self) -> Client {
        let (config, port) = self.tls.as_ref().expect("the server talks TLS");
        Client::connect_tls(*port, config)
    }

    /// The port of one of its shards, with `shard_endpoints`.
    pub fn shard_port(&self, shard: u16) -> u16 {
        self.port + 1 + shard
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A new connection.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// A new connection that lives on this shard, with `shard_endpoints`.
    #[track_caller]
    pub fn client_on(&self, shard: u16) -> Client {
        Client::connect(self.shard_port(shard))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end, which is expected now.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.ended = true;
        self.process.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(30);
            eprintln!("-- the log of the server on port {}", self.port);
            lines[last..].iter().for_each(|line| eprintln!("{line}"));
            return;
        }
        // I2 of the crate.
        if !self.ended {
            let status = self.process.ended();
            assert!(status.is_none(), "the server ended by itself, {status:?}:\n{}", self.log());
        }
        let log = self.log();
        let bad = log.lines().find(|line| {
            let loud = line.contains(" WARN ") || line.contains(" ERROR ");
            loud && !self.expected.iter().any(|text| line.contains(text))
        });
        assert!(bad.is_none(), "the server's log: {bad:?}");
    }
}
