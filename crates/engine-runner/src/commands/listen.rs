//! `listen`: providers call us, customers open short links.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response};
use axum::serve::Listener as _;
use charkh::payment::CallbackParts;
use charkh::workflow_file::Listener;
use charkh::{Engine, Error};
use tokio::sync::watch;

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::net::{Bounds, Cut, Received, ShortLinks, Sockets, Tokens, parameters, plain};
use crate::wiring::{self, Time};
use crate::{output, player};

/// Serve providers' callbacks and customers' short links, while the engine runs.
///
/// Only /c/TOKEN (callbacks, one address per account) and /p/TOKEN (short links) are there. A
/// call is on disk before it is answered. Put a proxy with TLS in front. A store that is missing is
/// made.
///
/// Example: engine-runner listen --store data --port 8080
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// The port; 0 takes a free one.
    #[arg(long)]
    port: u16,
    /// The address to listen at.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The address from outside; that of charkh.yaml where nothing is said.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// A call is short, and whoever makes it slowly is not waited for.
const BOUNDS: Bounds = Bounds {
    connections: 512,
    life: Duration::from_secs(60),
};

/// How long what is under way may take once the user stops it.
const LAST: Duration = Duration::from_secs(10);

/// What every request is answered from.
#[derive(Clone)]
struct Doors {
    engine: Engine,
    tokens: Tokens,
    short: Arc<ShortLinks>,
}

pub(crate) async fn run(args: Args, config: Config) -> Outcome {
    let config = with_public_url(config, args.public_url)?;
    let Some(secret) = wiring::listen_secret(&config)? else {
        let message = "the project file has no listener";
        return Err(Failure::usage("listen_missing", message)
            .help("add `listen: { secret: env:LISTEN_SECRET }` to it"));
    };
    let tokens = Tokens::of(&secret, config.project.accounts.keys());
    let sockets = Sockets::bind(SocketAddr::from((args.host, args.port)), BOUNDS).await?;
    let address = sockets.local_addr()?;
    let opened = wiring::open(&config, Some(&args.store.store), Time::Real).await?;
    let public = config.project.listen.and_then(|listen| listen.public_url);
    let public = public.unwrap_or_else(|| format!("http://{address}"));
    let told = output::print(&tokens.told(&address.to_string(), &public));
    let served = match told {
        Ok(()) => {
            let doors = Doors {
                engine: opened.engine.clone(),
                tokens,
                short: Arc::new(ShortLinks::new(secret, opened.watched.clone())),
            };
            serve(sockets, doors).await
        }
        Err(failure) => Err(failure),
    };
    opened.close().await?;
    served
}

/// The project with the public address of the command line.
fn with_public_url(mut config: Config, public_url: Option<String>) -> Outcome<Config> {
    let Some(url) = public_url else {
        return Ok(config);
    };
    let Some(listen) = config.project.listen.take() else {
        return Ok(config);
    };
    let url = Listener::public_address(&url).ok_or_else(|| {
        let message = format!("`{url}` is not an address for callbacks");
        Failure::usage("bad_public_url", message)
            .help("write it as in `https://crm.example`, without a question mark")
    })?;
    config.project.listen = Some(Listener {
        public_url: Some(url),
        ..listen
    });
    Ok(config)
}

impl Tokens {
    fn told(&self, address: &str, public: &str) -> String {
        let mut text = format!("listening at {address}\n");
        for (token, account) in self.all() {
            text.push_str(&format!("callbacks of {account}: {public}/c/{token}\n"));
        }
        text
    }
}

/// Serves until the user stops it, with the engine running beside.
async fn serve(sockets: Sockets, doors: Doors) -> Outcome {
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        // A sender that is gone has stopped everything too.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let engine = doors.engine.clone();
    let halt = until(stopped.clone());
    let mut live = tokio::spawn(async move { engine.run(halt).await });
    let service = Router::new()
        .fallback(answer)
        .with_state(doors)
        .into_make_service_with_connect_info::<Cut>();
    let server = axum::serve(sockets, service).with_graceful_shutdown(until(stopped));
    let mut server = tokio::spawn(async move { server.await });
    let ended_early = tokio::select! {
        () = player::interrupted() => None,
        ended = &mut live => Some(ended.map_err(bad_end)?.map_err(Failure::from)),
        ended = &mut server => Some(ended.map_err(bad_end)?.map_err(Failure::from)),
    };
    stop.send_replace(true);
    if let Some(ended) = ended_early {
        live.abort();
        server.abort();
        ended?;
        return Err(Failure::new(
            Exit::Failed,
            "listen",
            "the listener has ended by itself",
        ));
    }
    // Whoever has been taken in is answered; whoever only holds the line is not waited for.
    if tokio::time::timeout(LAST, &mut server).await.is_err() {
        server.abort();
    }
    live.await.map_err(bad_end)??;
    Ok(Exit::Interrupted)
}

fn bad_end(error: tokio::task::JoinError) -> Failure {
    Failure::new(Exit::Bug, "task", format!("a task ended badly: {error}"))
}

async fn answer(State(doors): State<Doors>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    // Nothing is read for somebody who knows no address.
    if let Some(token) = path.strip_prefix("/c/")
        && let Some(account) = doors.tokens.account(token)
    {
        return match Received::read(request).await {
            Ok(received) => {
                let parts = CallbackParts {
                    method: received.method,
                    query: parameters(&received.query),
                    headers: received.headers,
                    body: received.body,
                };
                match doors.engine.handle_callback(account, parts).await {
                    Ok(reply) => plain(reply.status, reply.body),
                    Err(error) => {
                        tracing::error!(%account, %error, "a callback could not be kept");
                        plain(503, "later")
                    }
                }
            }
            Err(refused) => plain(refused.0.as_u16(), "refused"),
        };
    }
    if let Some(token) = path.strip_prefix("/p/")
        && matches!(request.method().as_str(), "GET" | "HEAD")
    {
        return short_link(&doors, token).await;
    }
    plain(404, "not found")
}

/// Sends the reader on to where the link can be paid now. Nothing is written down: a preview of a
/// messenger opens links too.
async fn short_link(doors: &Doors, token: &str) -> Response<Body> {
    let Some(link) = doors.short.link(token).await else {
        return plain(404, "not found");
    };
    match doors.engine.link_url(&link).await {
        Ok(url) => match HeaderValue::from_str(&url) {
            Ok(place) => {
                let mut response = plain(302, "");
                let headers = response.headers_mut();
                headers.insert("location", place);
                headers.insert("cache-control", HeaderValue::from_static("no-store"));
                headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
                response
            }
            Err(_) => plain(404, "not found"),
        },
        Err(Error::Refused { .. } | Error::NoLink(_)) => plain(
            410,
            "این لینک دیگر پرداخت نمی‌پذیرد. This link takes no payment any more.",
        ),
        Err(error) => {
            tracing::error!(%link, %error, "a short link could not be followed");
            plain(503, "later")
        }
    }
}
