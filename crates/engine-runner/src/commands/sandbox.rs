//! `sandbox`: a payment provider played on this machine.

mod providers;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Response};
use axum::serve::Listener as _;
use charkh::simulator::{Answer, FaultRule, Faults, Provider};
use charkh::transport::{HttpClient, HttpRequest, HttpResponse};
use charkh::values::{TimeDelta, Timestamp};
use charkh::workflow_file::syntax;
use charkh::workflow_file::{Diagnostic, Findings, Reach};
use charkh::{Clock as _, SystemClock};
use futures::stream;
use tokio::sync::Notify;

use crate::exit::{Exit, Outcome};
use crate::net::{BODY_BYTES_MAX, Bounds, Cut, Received, Sockets, answered, plain};
use crate::{files, loading, output, player, store_clock, wiring};
use providers::{Kind, Played};

/// Play a payment provider on this machine, without money.
///
/// It speaks the provider's real protocol, shows a pay page and calls back. Its ledger is at /ledger.
/// A script is a list of faults, as in `[{ fault: accept_then_drop, operation: create }]`.
/// It lives in the machine's time; with --store in that of a store, whose clock may be a virtual one.
///
/// Example: engine-runner sandbox --provider robokassa --port 4011 --listen http://127.0.0.1:8080
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Which provider.
    #[arg(long, value_enum)]
    provider: Kind,
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What goes wrong: a YAML or JSON list of faults.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Where the provider calls the merchant, for one whose requests do not say it.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Where `listen` will be reached: the section for it is printed too, and the provider calls there.
    #[arg(long, value_name = "URL", conflicts_with = "callback")]
    listen: Option<String>,
    /// Live in the time of this store folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// How long each request takes: half before the provider acts, half before it answers.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    delay: u32,
}

/// Slow answers are a fault of their own, so a connection may last.
const BOUNDS: Bounds = Bounds {
    connections: 256,
    life: Duration::from_secs(3_600),
};

/// How long a call to the merchant may take.
const CALL_SECONDS: i64 = 30;

/// The longest and the shortest pause between two looks at what is due.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::milliseconds(10), TimeDelta::minutes(10));

/// A clock that jumps tells nobody, so it is looked at this often.
const LOOK: TimeDelta = TimeDelta::milliseconds(50);

/// What every request is answered from.
#[derive(Clone)]
struct Stage {
    base: Arc<str>,
    provider: Arc<dyn Provider>,
    /// The store whose time is ours.
    store: Option<Arc<Path>>,
    delay: Duration,
    /// Something has happened: a call to the merchant may be due.
    stirred: Arc<Notify>,
}

impl Stage {
    /// The time of the store where its clock is a virtual one, else the machine's.
    fn now(&self) -> Timestamp {
        let kept = self.store.as_deref().and_then(store_clock::kept);
        kept.unwrap_or_else(|| SystemClock.now())
    }
}

pub(crate) async fn run(args: Args) -> Outcome {
    let faults = match &args.script {
        Some(file) => script(file)?,
        None => Vec::new(),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let sockets = Sockets::bind(address, BOUNDS).await?;
    let base = format!("http://{}", sockets.local_addr()?);
    let listen = args.listen.as_deref().map(|url| url.trim_end_matches('/'));
    let callback = args.callback.or_else(|| listen.map(providers::callback_at));
    let played = Played::new(args.provider, &base, callback, Faults::new(faults));
    output::print(&played.told(&base, listen))?;
    let stage = Stage {
        base: base.into(),
        provider: played.provider,
        store: args.store.map(Arc::from),
        delay: Duration::from_millis(args.delay.into()),
        stirred: Arc::new(Notify::new()),
    };
    let plug = wiring::plug(Reach::Loopback)?;
    let service = Router::new()
        .fallback(answer)
        .with_state(stage.clone())
        .into_make_service_with_connect_info::<Cut>();
    tokio::select! {
        () = player::interrupted() => Ok(Exit::Interrupted),
        ended = async { axum::serve(sockets, service).await } => {
            ended?;
            Ok(Exit::Done)
        }
        () = calls(&stage, &plug) => Ok(Exit::Done),
    }
}

/// The script of faults.
fn script(path: &Path) -> Outcome<Vec<FaultRule>> {
    let source = files::read(path)?;
    let mut findings = Findings::new(source.name.clone());
    let rules = syntax::parse(&source, &mut findings).and_then(|document| {
        match serde_json::from_value(document.root.to_json()) {
            Ok(rules) => Some(rules),
            Err(error) => {
                let place = document.root.place();
                findings.add(
                    Diagnostic::error("RN0205", place, error.to_string())
                        .label("not a list of faults")
                        .help("a fault is written as `{ fault: accept_then_drop, operation: create, times: 1 }`"),
                );
                None
            }
        }
    });
    match rules {
        Some(rules) if !findings.has_errors() => Ok(rules),
        _ => Err(loading::refused(&source, &findings.finish())),
    }
}

async fn answer(
    State(stage): State<Stage>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let received = match Received::read(request).await {
        Ok(received) => received,
        Err(refused) => return plain(refused.0.as_u16(), "too much\n"),
    };
    if received.method == "GET" && received.path == "/ledger" {
        return ledger(&stage);
    }
    tokio::time::sleep(stage.delay / 2).await;
    let mut url = format!("{}{}", stage.base, received.path);
    if !received.query.is_empty() {
        url = format!("{url}?{}", received.query);
    }
    let request = HttpRequest {
        method: received.method,
        url,
        headers: received.headers,
        body: received.body,
        timeout: TimeDelta::seconds(CALL_SECONDS),
        response_bytes_max: usize::MAX,
    };
    let answer = stage.provider.answer(stage.now(), &request);
    stage.stirred.notify_one();
    tokio::time::sleep(stage.delay / 2).await;
    match answer {
        Answer::Reply(reply) => {
            let body = Body::from(reply.body.clone());
            answered(&reply, body)
        }
        Answer::Slow(reply, bytes_per_second) => slowly(&reply, bytes_per_second),
        // A connection that was taken cannot be refused any more; it can end without a word.
        Answer::Dropped | Answer::Unreachable => {
            cut.now();
            plain(500, "")
        }
    }
}

/// An answer of which so many bytes come in a second.
fn slowly(reply: &HttpResponse, bytes_per_second: u32) -> Response<Body> {
    let step = usize::try_from(bytes_per_second.max(1)).unwrap_or(usize::MAX);
    let length = reply.body.len();
    let parts = stream::unfold(reply.body.clone(), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = rest.split_off(step.min(rest.len()));
        Some((Ok::<Vec<u8>, std::io::Error>(rest), after))
    });
    let mut response = answered(reply, Body::from_stream(parts));
    response
        .headers_mut()
        .insert("content-length", HeaderValue::from(length));
    response
}

/// What has really happened, as JSON.
fn ledger(stage: &Stage) -> Response<Body> {
    #[derive(serde::Serialize)]
    struct Document<T> {
        v: u32,
        provider: &'static str,
        ledger: T,
    }
    let document = Document {
        v: 1,
        provider: stage.provider.name(),
        ledger: stage.provider.ledger(stage.now()),
    };
    match serde_json::to_string_pretty(&document) {
        Ok(text) => {
            let mut response = plain(200, format!("{text}\n"));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert("content-type", kind);
            response
        }
        Err(error) => plain(500, format!("{error}\n")),
    }
}

/// Makes the provider's calls to the merchant, in the order in which they are due.
async fn calls(stage: &Stage, plug: &dyn HttpClient) {
    loop {
        for mut call in stage.provider.take_calls(stage.now()) {
            call.timeout = TimeDelta::seconds(CALL_SECONDS);
            call.response_bytes_max = BODY_BYTES_MAX;
            // A merchant that cannot be reached has not heard it, which is no answer of theirs.
            let response = plug.send(&call).await.unwrap_or(HttpResponse {
                status: 503,
                headers: Vec::new(),
                body: Vec::new(),
            });
            stage.provider.hear(stage.now(), &call, &response);
        }
        let next = stage.provider.next_call_at();
        let longest = if stage.store.is_some() {
            LOOK
        } else {
            PAUSES.1
        };
        let pause = next.map_or(longest, |at| at - stage.now());
        let pause = pause.clamp(PAUSES.0, longest);
        tokio::select! {
            () = tokio::time::sleep(pause.to_std().unwrap_or_default()) => {}
            () = stage.stirred.notified() => {}
        }
    }
}
