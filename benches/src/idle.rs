//! The server as a process: from its start to ready, and what it uses while nothing happens.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{Figure, median};

/// How long the idle server is watched.
const WATCHED: Duration = Duration::from_secs(10);
const STARTS: usize = 7;

/// Starts the `automa` beside this program, several times.
///
/// # Errors
///
/// When it is not there or does not become ready.
pub fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let automa = beside_us()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let folder = tempfile::tempdir_in(".")?;
        let server = Server::start(&automa, folder.path())?;
        starts.push(server.ready_after);
    }
    let folder = tempfile::tempdir_in(".")?;
    let server = Server::start(&automa, folder.path())?;
    std::thread::sleep(Duration::from_secs(2));
    let before = Usage::of(server.child.id())?;
    std::thread::sleep(WATCHED);
    let after = Usage::of(server.child.id())?;
    let figure = |what: &str, ours: String, counts: String, goal| Figure {
        what: what.to_owned(),
        ours,
        against: "release build, warm cache, embedded store, guest loaded".to_owned(),
        counts,
        goal,
    };
    let start = median(starts);
    let memory = format!("{:.1} MB", after.resident as f64 / 1e6);
    let (ticks, bytes) = (after.cpu_ticks - before.cpu_ticks, after.written - before.written);
    Ok(vec![
        figure("start to ready", format!("{} ms", start.as_millis()), format!("{} ms", start.as_millis()), "300 ms"),
        figure("idle server, resident", memory.clone(), memory, "80 MB"),
        figure("idle server, processor", format!("{ticks} ticks in 10 s"), format!("{ticks} ticks"), "0"),
        figure("idle server, written", format!("{bytes} bytes in 10 s"), format!("{bytes} bytes"), "0"),
    ])
}

/// The server's program, which `cargo xtask bench` has built into the same folder.
fn beside_us() -> Result<PathBuf, Box<dyn Error>> {
    let automa = std::env::current_exe()?.with_file_name("automa");
    if automa.is_file() {
        Ok(automa)
    } else {
        Err(format!("{} is missing; use `cargo xtask bench`", automa.display()).into())
    }
}

struct Server {
    child: Child,
    ready_after: Duration,
}

impl Server {
    fn start(automa: &Path, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let begun = Instant::now();
        let mut serve = Command::new(automa);
        serve.arg("serve").arg("--listen").arg(address.to_string()).arg("--data").arg(folder.join("data"));
        let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { child, ready_after: Duration::ZERO };
        while !ready(address) {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err("the server did not become ready in 30 s".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.ready_after = begun.elapsed();
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Whether `GET /readyz` answers 200.
fn ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// What a process has used, as the kernel counts it.
struct Usage {
    resident: u64,
    cpu_ticks: u64,
    written: u64,
}

impl Usage {
    fn of(pid: u32) -> Result<Self, Box<dyn Error>> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let number = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).ok_or(format!("no {name}"))
        };
        let stat = read("stat")?;
        // The command's name may hold spaces; the fields behind it begin after the last parenthesis.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).ok_or("no ticks");
        Ok(Self {
            resident: number(&read("status")?, "VmRSS:")? * 1_024,
            cpu_ticks: ticks(11)? + ticks(12)?,
            written: number(&read("io")?, "wchar:")?,
        })
    }
}
