//! An activity of one's own: it reserves goods in a warehouse, once per reservation number.
//!
//! `plan` is pure and says what to do, `perform` does it and may run again after a crash, `conclude` is
//! pure and says how it ended. The workflow routes its outcomes, one of which is its own: `sold_out`.

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use charkh::activity::settings::{decode, schema_of};
use charkh::activity::{
    Attempt, Attempted, Descriptor, Need, Outcome, Plan, PlanContext, PrepareContext, Prepared,
    Problem, Request, World,
};
use charkh::expression::Reads;
use charkh::host::Host;
use charkh::values::{Fields, Value};
use charkh::{
    Activity, Catalog, Engine, Input, ItemRef, MemoryHost, MemoryItem, MemoryStore, SourceFile,
    async_trait, workflow_file,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

const WORKFLOW: &str = "
workflow: order
version: 1
entity: order
label: { en: Order, fa: سفارش, ru: Заказ }
fields: { pieces: { type: number } }
initial: reserve
states:
  reserve:
    activity: reserve_goods
    with: { goods: granulate }
    next: { success: packed, sold_out: refused, error: refused }
  packed:  { end: success }
  refused: { end: failed }
";

/// The warehouse: what is left, and what is reserved under which number.
#[derive(Default)]
struct Warehouse {
    left: Mutex<BTreeMap<String, u32>>,
    reserved: Mutex<BTreeMap<String, (String, u32)>>,
}

impl Warehouse {
    /// Reserves once per number, however often it is asked.
    fn reserve(&self, number: &str, goods: &str, pieces: u32) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if reserved.contains_key(number) {
            return true;
        }
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = left.get(goods).and_then(|left| left.checked_sub(pieces)) else {
            return false;
        };
        left.insert(goods.to_owned(), rest);
        reserved.insert(number.to_owned(), (goods.to_owned(), pieces));
        true
    }
}

/// The activity.
struct ReserveGoods(Arc<Warehouse>);

/// What stands under `with:`. Editors get a schema of it, and mistakes get their places.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Which goods.
    goods: String,
}

#[async_trait]
impl Activity for ReserveGoods {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "reserve_goods",
            summary: "Reserves goods in the warehouse.",
            outcomes: &["success", "sold_out", "error"],
            required_outcomes: &["success", "sold_out"],
            makes_link: false,
            reaches_outside: true,
            settings_schema: schema_of::<Settings>(),
            page: "Reserves `goods`, as many as the item's `pieces` say.",
        }
    }

    fn prepare(
        &self,
        settings: &Json,
        _: &PrepareContext<'_>,
    ) -> Result<Box<dyn Prepared>, Vec<Problem>> {
        Ok(Box::new(Ready(decode(settings)?)))
    }

    async fn perform(&self, request: &Request, attempt: &Attempt, _: &World) -> Attempted {
        let goods = request
            .body
            .get("goods")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let pieces = request.body.get("pieces").and_then(Json::as_u64);
        let pieces = pieces.and_then(|pieces| u32::try_from(pieces).ok());
        // The reference is the same for every attempt, so a repeat reserves nothing twice.
        let done = self
            .0
            .reserve(&attempt.reference, goods, pieces.unwrap_or_default());
        Attempted::Done {
            result: json!({ "reserved": done }),
            observations: Vec::new(),
        }
    }
}

/// The activity with its settings.
struct Ready(Settings);

impl Prepared for Ready {
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn reads(&self) -> Vec<&Reads> {
        Vec::new()
    }

    fn plan(&self, context: &PlanContext<'_>) -> Plan {
        let pieces = match context.facts.item.get("pieces") {
            Some(Value::Number(pieces)) => u32::try_from(*pieces).ok(),
            _ => None,
        };
        match pieces {
            Some(pieces) => Plan::Perform(Request::new(
                "reserve_goods",
                json!({ "goods": self.0.goods, "pieces": pieces }),
                10,
            )),
            None => {
                let message = "the item does not say how many pieces";
                Plan::Finish(Box::new(Outcome::error("no_pieces", message)))
            }
        }
    }

    fn conclude(&self, _: &PlanContext<'_>, _: &Request, result: &Json) -> Outcome {
        if result.get("reserved") == Some(&json!(true)) {
            return Outcome::success();
        }
        let mut outcome = Outcome::error("sold_out", "there are not as many left");
        outcome.name = "sold_out".to_owned();
        outcome
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let warehouse = Arc::new(Warehouse::default());
    warehouse
        .left
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert("granulate".to_owned(), 10);
    let catalog = Catalog::builtin().with(Arc::new(ReserveGoods(warehouse.clone())));
    let source = SourceFile::new("order.yaml", WORKFLOW);
    let workflow = workflow_file::load(&source, &catalog, None)
        .map_err(|found| format!("{} mistakes in the workflow", found.len()))?;
    let crm = Arc::new(MemoryHost::new());
    let engine = Engine::builder()
        .store(Arc::new(MemoryStore::new()))
        .host(Host::from_one(crm.clone()))
        .catalog(catalog)
        .build()
        .await?;
    engine.deploy(workflow.definition).await?;
    for (id, pieces) in [("1", 6), ("2", 6), ("3", 4)] {
        let item = ItemRef::new("order", id)?;
        let fields = Fields::from([("pieces".to_owned(), Value::Number(pieces.into()))]);
        crm.put_item(
            item.clone(),
            MemoryItem {
                fields,
                ..MemoryItem::default()
            },
        );
        engine.submit(Input::start(item.clone())).await?;
        engine.settle().await?;
        let state = engine.instance(&item).await?.map(|instance| instance.state);
        println!(
            "order {id} of {pieces} pieces: {}",
            state.unwrap_or_default()
        );
    }
    for (number, (goods, pieces)) in warehouse
        .reserved
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        println!("reserved under {number}: {pieces} of {goods}");
    }
    Ok(())
}
