//! A statement of a bank or a provider: many payments at once, each on the way of a provider's word.

use std::path::PathBuf;

use charkh::engine::{LinkRow, PaymentRow, RecordedPayment};
use charkh::values::{Money, Timestamp, UserId, Zone, parse_timestamp};
use serde::Serialize;

use crate::commands::StoreArgs;
use crate::config::Config;
use crate::exit::{Exit, Failure, Outcome};
use crate::wiring::Opened;
use crate::{files, output, table, wiring};

/// The columns that a statement has.
const COLUMNS: [&str; 4] = ["link", "transaction", "amount", "paid_at"];

/// The column that it may have.
const TRACKING_NO: &str = "tracking_no";

/// The longest statement.
const BYTES_MAX: usize = 10 << 20;

/// Record the payments of a statement.
///
/// A CSV file with the columns link, transaction, amount, paid_at and, if you like, tracking_no. A link is
/// named by its id, its order number, or its item where that has one link. Nothing is recorded unless every
/// line can be read. A payment that is known already changes nothing, so a statement may be read again.
///
/// Example: engine-runner links import statement.csv --as ali --store data
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The statement.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who records it; it stands in each item's history.
    #[arg(long = "as", value_name = "USER")]
    actor: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON: `{"v": 1, …}`.
    #[arg(long)]
    json: bool,
}

/// A line of a statement, read.
struct Line {
    number: u64,
    link: LinkRow,
    payment: RecordedPayment,
}

/// What became of a line.
#[derive(Debug, Serialize)]
struct Told {
    line: u64,
    link: String,
    transaction: String,
    /// `recorded`, `known`, or the code of a refusal.
    result: String,
    /// How the link is then.
    status: String,
}

pub(super) async fn import(args: ImportArgs, config: Config) -> Outcome {
    let bytes = files::read_up_to(&args.file, BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let message = format!("{} is not UTF-8 text", args.file.display());
        Failure::new(Exit::Invalid, "bad_statement", message)
    })?;
    let opened = wiring::open_existing(&config, &args.store.store).await?;
    let told = imported(&args, &text, (&opened, &config.project.zone)).await;
    opened.close().await?;
    let told = told?;
    let refused = told
        .iter()
        .any(|told| !matches!(told.result.as_str(), "recorded" | "known"));
    if args.json {
        output::print_json("payments", &told)?;
    } else {
        let rows: Vec<Vec<String>> = told
            .into_iter()
            .map(|told| {
                let line = told.line.to_string();
                vec![line, told.link, told.transaction, told.result, told.status]
            })
            .collect();
        let heads = ["line", "link", "transaction", "result", "status"];
        output::print(&table::render(&heads, &rows))?;
    }
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

async fn imported(
    args: &ImportArgs,
    text: &str,
    (opened, zone): (&Opened, &Zone),
) -> Outcome<Vec<Told>> {
    let links = super::all(opened.watched.as_ref()).await?;
    let lines = lines(args, text, &links, zone)?;
    let engine = &opened.engine;
    let known = engine.payments().await?;
    let mut all = Vec::new();
    for Line {
        number,
        link,
        payment,
    } in lines
    {
        let transaction = payment.transaction.clone();
        let (result, link) = if is_known(&known, &link, &transaction) {
            ("known".to_owned(), link)
        } else {
            match engine.record_payment(&link.id, payment).await {
                Ok(link) => ("recorded".to_owned(), link),
                Err(charkh::engine::Error::Refused { code, .. }) => (code.to_owned(), link),
                Err(other) => return Err(other.into()),
            }
        };
        all.push(Told {
            line: number,
            link: link.id.to_string(),
            transaction,
            result,
            status: link.status.name().to_owned(),
        });
    }
    // What follows, such as receipts, is done before the command ends.
    engine.settle().await?;
    Ok(all)
}

fn is_known(known: &[PaymentRow], link: &LinkRow, transaction: &str) -> bool {
    let mut of_link = known.iter().filter(|row| row.link == link.id);
    of_link.any(|row| row.fact.transaction == transaction)
}

/// Every line, or every mistake.
fn lines(args: &ImportArgs, text: &str, links: &[LinkRow], zone: &Zone) -> Outcome<Vec<Line>> {
    let bad = |message: String| Failure::new(Exit::Invalid, "bad_statement", message);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|error| bad(error.to_string()))?;
    let headings: Vec<String> = headings.iter().map(str::to_owned).collect();
    let known = |heading: &String| COLUMNS.contains(&heading.as_str()) || heading == TRACKING_NO;
    let needed = |column: &&str| headings.iter().any(|heading| heading == column);
    if !(headings.iter().all(known) && COLUMNS.iter().all(needed)) {
        let columns = COLUMNS.join(", ");
        let message = format!(
            "a statement has the columns {columns} and perhaps {TRACKING_NO}, this has {}",
            headings.join(", ")
        );
        return Err(bad(message));
    }
    let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| bad(error.to_string()))?;
        let number = record.position().map_or(0, csv::Position::line);
        let cell = |column: &str| {
            let index = headings.iter().position(|heading| heading == column);
            index
                .and_then(|index| record.get(index))
                .unwrap_or_default()
        };
        match line(args, (number, &cell), links, zone) {
            Ok(line) => lines.push(line),
            Err(mistake) => mistakes.push(format!("line {number}: {mistake}")),
        }
    }
    if mistakes.is_empty() {
        return Ok(lines);
    }
    Err(bad(mistakes.join("\n")).help("nothing was recorded"))
}

fn line<'a>(
    args: &ImportArgs,
    (number, cell): (u64, &impl Fn(&str) -> &'a str),
    links: &[LinkRow],
    zone: &Zone,
) -> Result<Line, String> {
    let name = cell("link");
    let exact = |link: &&LinkRow| link.id.as_str() == name || link.reference == name;
    let of_item = |link: &&LinkRow| link.item.to_string() == name;
    let link = match links.iter().find(exact) {
        Some(link) => link,
        None => match links.iter().filter(of_item).collect::<Vec<_>>().as_slice() {
            [only] => only,
            [] => return Err(format!("there is no link `{name}`")),
            _ => return Err(format!("`{name}` has several links: write the id of one")),
        },
    };
    if cell("transaction").is_empty() {
        return Err("the transaction has no number".to_owned());
    }
    let amount = Money::parse(cell("amount")).map_err(|error| error.to_string())?;
    let paid_at: Timestamp =
        parse_timestamp(cell("paid_at"), zone).map_err(|error| error.to_string())?;
    let tracking_no = cell(TRACKING_NO);
    Ok(Line {
        number,
        link: link.clone(),
        payment: RecordedPayment {
            transaction: cell("transaction").to_owned(),
            amount,
            paid_at,
            tracking_no: Some(tracking_no.to_owned()).filter(|text| !text.is_empty()),
            by: UserId::new(args.actor.clone()),
            note: format!("line {number} of {}", args.file.display()),
        },
    })
}
