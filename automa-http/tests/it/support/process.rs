//! The real program: started, asked over HTTP, stopped or killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use super::PASSWORD;

/// The program, with nothing of this test's environment that could change what it does.
pub(crate) fn automa() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_automa"));
    for (name, _) in std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))) {
        if name.starts_with("AUTOMA_") || ["DATABASE_URL", "SECRET_KEY", "SANDBOX_IMAGE", "RUST_LOG"].contains(&&*name)
        {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end: exit code, stdout, stderr.
pub(crate) fn finish(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A server under way. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    pub(crate) base: String,
    pub(crate) setup: Option<String>,
    /// From the start of the process until it said that it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts one on a folder, on a free port.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = automa();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]).arg(folder).args(more);
        Self::started_by(command)
    }

    /// Starts one by a command that ends up as one.
    pub(crate) fn started_by(mut command: Command) -> Self {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut errors = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut base = None;
        while base.is_none() {
            let Ok(line) = lines.recv_timeout(Duration::from_secs(90)) else {
                let _ = child.kill();
                panic!("the server did not start: {}", log.join().unwrap_or_default());
            };
            base = line.trim().strip_prefix("listening on").map(|rest| rest.trim().to_owned());
        }
        let ready_after = began.elapsed();
        let mut server = Self { child, lines, base: base.unwrap(), setup: None, ready_after };
        // The link is among the next lines, if there is one.
        while let Ok(line) =
            server.lines.recv_timeout(Duration::from_millis(if server.setup.is_none() { 100 } else { 0 }))
        {
            if let Some((_, token)) = line.split_once("/setup#token=") {
                server.setup = Some(token.to_owned());
            }
        }
        server
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base)
    }

    /// A client of the first account, which is made here.
    pub(crate) fn set_up(&self) -> Client {
        let mut client = self.client();
        let token = self.setup.as_ref().expect("the first start prints a link");
        let account = json!({ "username": "ada", "password": PASSWORD, "setup_token": token });
        client.post("/auth/register", &account).expect(201);
        client.sign_in();
        client
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would end it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end: how it ended, and what it said meanwhile.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        (status, self.lines.iter().collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who asks a server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    pub(crate) base: String,
    pub(crate) token: String,
}

/// An answer, or what came in its place.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

impl Client {
    fn new(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { agent: config.build().into(), base: base.to_owned(), token: String::new() }
    }

    /// The same caller at another server.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self { base: server.base.clone(), ..Self::clone(self) }
    }

    pub(crate) fn sign_in(&mut self) {
        let login = json!({ "username": "ada", "password": PASSWORD });
        let token = self.post("/auth/login", &login).expect(200);
        self.token = token["access_token"].as_str().unwrap().to_owned();
    }

    /// Asks; `None` when there is no server, or it went away before it had answered.
    pub(crate) fn try_send(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.ok()?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().ok()?;
        Some(Answer { status, text })
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_send("GET", path, None).expect("the server answers")
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_send("POST", path, Some(body)).expect("the server answers")
    }

    /// Every thing of a list, over all its pages.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{join}limit=200&order=oldest{cursor}")).expect(200);
            all.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Asks again and again until the answer is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let found = self.get(path).expect(200);
            if wanted(&found) {
                return found;
            }
            assert!(began.elapsed() < within, "{path} did not get there in {within:?}: {found}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}
