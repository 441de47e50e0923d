//! The built functions as processes, behind a stand-in for Lambda's runtime API, so that tests can kill them as Lambda
//! or a crash does.

mod reaper;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path as Segment, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use local_aws::trace;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot, watch},
    task::JoinSet,
};
use uuid::Uuid;

pub use self::reaper::Reaper;
use self::reaper::Run;

/// The host of the functions. It provides Lambda's Invoke for them at [`Host::url`].
pub struct Host {
    /// The base URL of invocations: `{url}/2015-03-31/functions/{name}/invocations`.
    pub url: String,
    /// The control of the kills.
    pub reaper: Arc<Reaper>,
    environment: watch::Sender<Option<HashMap<String, String>>>,
    pids: Arc<Mutex<HashMap<String, Vec<u32>>>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Pools(
    Arc<HashMap<String, AsyncMutex<mpsc::Receiver<Worker>>>>,
    Arc<HashMap<String, mpsc::Sender<Worker>>>,
    Arc<Reaper>,
);

impl Host {
    /// Prepares this number of processes per function, from the folder of built binaries. They start once
    /// [`Self::set_environment`] is called.
    pub async fn start(bins: &Path, counts: &[(&str, usize)]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (environment, _) = watch::channel(None);
        let (mut idle, mut back) = (HashMap::new(), HashMap::new());
        let mut tasks = JoinSet::new();
        let pids = Arc::default();
        for (function, count) in counts {
            let bin = bins.join(function);
            ensure!(bin.is_file(), "{} is not built", bin.display());
            let (sender, receiver) = mpsc::channel(*count);
            for _ in 0..*count {
                let worker = Worker::new(function, bin.clone(), environment.subscribe(), Arc::clone(&pids));
                sender.send(worker).await.map_err(|_| anyhow!("the pool is closed"))?;
            }
            idle.insert((*function).to_owned(), AsyncMutex::new(receiver));
            back.insert((*function).to_owned(), sender);
        }
        let reaper = Arc::new(Reaper::default());
        let app = Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .layer(DefaultBodyLimit::disable())
            .with_state(Pools(Arc::new(idle), Arc::new(back), reaper.clone()));
        tasks.spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { url, reaper, environment, pids, _tasks: tasks })
    }

    /// Sets the environment of the processes.
    pub fn set_environment(&self, environment: HashMap<String, String>) {
        self.environment.send_replace(Some(environment));
    }

    /// Returns the running processes of a function.
    pub fn pids(&self, function: &str) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).get(function).cloned().unwrap_or_default()
    }
}

async fn invoke(
    State(Pools(idle, back, reaper)): State<Pools>,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    let event = Event { body: event, trace: headers.get(trace::HEADER).cloned() };
    let (Some(idle), Some(back)) = (idle.get(&name), back.get(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(mut worker) = idle.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    // The task is separate from the request: a caller that disconnects must not end the worker.
    let back = back.clone();
    let run = tokio::spawn(async move {
        let answer = worker.run(event, &reaper).await;
        let _ = back.send(worker).await;
        answer
    });
    match run.await {
        Ok(Ok(answer)) => answer.into_response(),
        Ok(Err(error)) => failed(&format!("{error:#}")),
        Err(error) => failed(&error.to_string()),
    }
}

/// Returns Lambda's response for a failed function.
fn failed(why: &str) -> Response {
    let body = serde_json::json!({ "errorType": "Runtime.ExitError", "errorMessage": why }).to_string();
    (StatusCode::OK, [("x-amz-function-error", "Unhandled")], body).into_response()
}

/// One process, and the runtime API from which it receives events.
struct Worker {
    function: String,
    bin: PathBuf,
    environment: watch::Receiver<Option<HashMap<String, String>>>,
    child: Option<Child>,
    /// The child's process id. A `Child` that has ended no longer has it.
    pid: Option<u32>,
    /// The child's own runtime API: a request of a dead process must not receive the next process's event.
    runtime: Runtime,
    serving: JoinSet<()>,
    pids: Arc<Mutex<HashMap<String, Vec<u32>>>>,
}

#[derive(Clone, Default)]
struct Runtime(Arc<Mutex<Turn>>, Arc<Notify>);

/// Event and context of an invocation.
struct Event {
    body: Bytes,
    trace: Option<HeaderValue>,
}

/// The event to be fetched, and the receiver of its response.
#[derive(Default)]
struct Turn {
    event: Option<(String, Event)>,
    answer: Option<(String, oneshot::Sender<Result<Bytes, String>>)>,
}

impl Runtime {
    fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lambda: a function runs for at most 15 minutes.
const DEADLINE: Duration = Duration::from_secs(900);

impl Worker {
    fn new(
        function: &str,
        bin: PathBuf,
        environment: watch::Receiver<Option<HashMap<String, String>>>,
        pids: Arc<Mutex<HashMap<String, Vec<u32>>>>,
    ) -> Self {
        let (function, runtime, serving) = (function.to_owned(), Runtime::default(), JoinSet::new());
        Self { function, bin, environment, child: None, pid: None, runtime, serving, pids }
    }

    /// Serves a new runtime API, and returns its address.
    async fn serve(&mut self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        self.runtime = Runtime::default();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .layer(DefaultBodyLimit::disable())
            .with_state((self.runtime.clone(), self.environment.clone()));
        self.serving = JoinSet::new();
        self.serving.spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Ok(address)
    }

    async fn run(&mut self, event: Event, reaper: &Reaper) -> Result<Bytes> {
        self.spawn().await?;
        let run = Run::of(self.pid.context("a process id")?, &event.body);
        reaper.delivered(&run);
        let (sender, mut answer) = oneshot::channel();
        let id = Uuid::new_v4().to_string();
        *self.runtime.turn() = Turn { event: Some((id.clone(), event)), answer: Some((id, sender)) };
        self.runtime.1.notify_one();
        let child = self.child.as_mut().context("a process")?;
        let doomed = reaper.draw(&self.function);
        let death = async {
            match doomed {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            answered = &mut answer => Some(answered),
            ended = child.wait() => {
                ensure!(reaper.has_struck(&run), "{} ended by itself: {ended:?}", self.function);
                None
            }
            () = death => None,
        };
        if let Some(answered) = outcome {
            reaper.survived(&run);
            return answered?.map_err(|error| anyhow!("{}: {error}", self.function));
        }
        child.kill().await?;
        self.forget();
        reaper.killed(run);
        bail!("{} was killed", self.function)
    }

    fn forget(&mut self) {
        self.child = None;
        let pid = self.pid.take();
        let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        pids.entry(self.function.clone()).or_default().retain(|known| Some(*known) != pid);
    }

    async fn spawn(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child {
            if child.try_wait()?.is_none() {
                return Ok(());
            }
            self.forget();
        }
        let api = self.serve().await?;
        let environment = self.environment.wait_for(Option::is_some).await?.clone().unwrap_or_default();
        let child = Command::new(&self.bin)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", api)
            .env("AWS_LAMBDA_FUNCTION_NAME", &self.function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("Failed to start {}", self.bin.display()))?;
        let pid = child.id().context("a process id")?;
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).entry(self.function.clone()).or_default().push(pid);
        (self.child, self.pid) = (Some(child), Some(pid));
        Ok(())
    }
}

type RuntimeState = State<(Runtime, watch::Receiver<Option<HashMap<String, String>>>)>;

/// Handles the function's request for its next event, and waits until there is one.
async fn next(State((runtime, environment)): RuntimeState) -> Response {
    loop {
        let arrival = runtime.1.notified();
        if let Some((id, event)) = runtime.turn().event.take() {
            let variable = environment.borrow().as_ref().and_then(|all| all.get("FUNCTION_TIMEOUT_SECONDS").cloned());
            let timeout = variable.and_then(|seconds| seconds.parse().ok()).map_or(DEADLINE, Duration::from_secs);
            let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
            let headers = [
                ("lambda-runtime-aws-request-id", id),
                ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:x".to_owned()),
            ];
            let mut response = (StatusCode::OK, headers, event.body).into_response();
            response
                .headers_mut()
                .extend(event.trace.map(|trace| (HeaderName::from_static(trace::RUNTIME_HEADER), trace)));
            return response;
        }
        arrival.await;
    }
}

async fn response(State((runtime, _)): RuntimeState, Segment(id): Segment<String>, answer: Bytes) -> StatusCode {
    settle(&runtime, &id, Ok(answer))
}

async fn error(State((runtime, _)): RuntimeState, Segment(id): Segment<String>, answer: Bytes) -> StatusCode {
    settle(&runtime, &id, Err(String::from_utf8_lossy(&answer).into_owned()))
}

/// Passes on the response to an event. A response that nobody waits for is rejected.
fn settle(runtime: &Runtime, id: &str, answer: Result<Bytes, String>) -> StatusCode {
    let Some((_, sender)) = runtime.turn().answer.take_if(|(waiting, _)| waiting == id) else {
        return StatusCode::BAD_REQUEST;
    };
    let _ = sender.send(answer);
    StatusCode::ACCEPTED
}

/// Builds the functions in the profile of this binary (release for benches), and returns their folder; or returns the
/// folder named by `FUNCTIONS_FOLDER`.
pub fn build_functions() -> Result<PathBuf> {
    if let Some(built) = std::env::var_os("FUNCTIONS_FOLDER") {
        return Ok(built.into());
    }
    let own = std::env::current_exe()?;
    // target/{profile}/deps/system-...
    let folder = own.parent().and_then(Path::parent).context("a target folder")?.to_owned();
    let profile = folder.file_name().and_then(|name| name.to_str()).context("a profile")?;
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `local` is in the list so that dependencies keep the features with which they were built before.
    let workers = local::WORKERS.map(|(name, _)| name);
    let packages = ["local", "api"].into_iter().chain(workers);
    cargo.args(["build", "--quiet", "--bins"]).args(packages.flat_map(|package| ["-p", package]));
    cargo.arg("--target-dir").arg(folder.parent().context("a target folder")?);
    cargo.args(["--profile", if profile == "debug" { "dev" } else { profile }]);
    // Cargo's variables about this package must not reach the build: build scripts that read them would run again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name == "CARGO_MANIFEST_DIR" || name.starts_with("CARGO_PKG_")) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    ensure!(cargo.status()?.success(), "The functions could not be built");
    Ok(folder)
}
