//! What a decision is told from outside: the actor, related records, activities' answers.

use std::sync::Arc;

use activity::{Answers, EarlierLink, KnownLink, LinkDraft, Need};
use expression::Record;
use host::{Host, Party, PartyKind, Person, RelatedRecord, Relation, User};
use persistence::{Store, Write};
use state_machine::{Actor, Context, Event, Instance, OutsideReads, manager_asked_for};
use values::{AccountName, Fields, LinkId, Timestamp, UserId, Value, Zone};

use crate::decide::{Decided, Situation, Verdict, decide};
use crate::receipt::counts;
use crate::record::{self, Cause, LinkRow, Told};
use crate::submit::Loaded;
use crate::workflow::Workflow;
use crate::write::{instance_row, written_link};
use crate::{Core, Error, query};

/// Where answers come from.
pub(crate) struct Gather<'a> {
    pub(crate) host: &'a Host,
    pub(crate) store: &'a dyn Store,
    pub(crate) accounts: &'a activity::Accounts,
    pub(crate) zone: &'a Zone,
    /// What the commit in the making writes besides: newer than what the store has.
    pub(crate) writes: &'a [Write],
}

impl Gather<'_> {
    /// The facts of this moment that the workflow's expressions can ask for.
    pub(crate) async fn context(
        &self,
        workflow: &Workflow,
        instance: &Instance,
        event: Option<&Event>,
        now: Timestamp,
    ) -> Result<Context, Error> {
        let mut context = Context::at(now, *self.zone);
        if let Some(user) = event.and_then(Event::actor) {
            context.actor = Some(self.actor(workflow, instance, user).await?);
        }
        let reads = &workflow.outside;
        if !reads.is_empty() {
            self.outside(reads, instance, event, &mut context).await?;
        }
        Ok(context)
    }

    /// The facts of this moment that expressions which are no part of the workflow ask for.
    pub(crate) async fn context_for(
        &self,
        reads: &OutsideReads,
        instance: &Instance,
        now: Timestamp,
    ) -> Result<Context, Error> {
        let mut context = Context::at(now, *self.zone);
        if !reads.is_empty() {
            self.outside(reads, instance, None, &mut context).await?;
        }
        Ok(context)
    }

    async fn outside(
        &self,
        reads: &OutsideReads,
        instance: &Instance,
        event: Option<&Event>,
        context: &mut Context,
    ) -> Result<(), Error> {
        let starting = match event {
            Some(Event::Start { party, .. }) => party.as_ref(),
            _ => None,
        };
        if (reads.party || reads.balance)
            && let Some(id) = instance.party.as_ref().or(starting)
            && let Some(party) = self.host.directory.party(id).await?
        {
            let mut record = party_record(&party);
            if reads.balance {
                let currency = self
                    .accounts
                    .values()
                    .next()
                    .map_or(values::Currency::Irr, |account| account.currency);
                let balance = self.host.ledger.balance(id, currency).await?;
                record
                    .fields
                    .insert("balance".to_owned(), Value::Money(balance));
            }
            context.party = Some(Arc::new(record));
        }
        for entity in &reads.parents {
            let relation = Relation::Parent(entity.clone());
            let found = self.host.items.related(&instance.item, &relation).await?;
            if let Some(parent) = found.into_iter().next() {
                context
                    .parents
                    .insert(entity.clone(), Arc::new(related_record(parent)));
            }
        }
        for entity in &reads.children {
            let relation = Relation::Children(entity.clone());
            let found = self.host.items.related(&instance.item, &relation).await?;
            let records = found
                .into_iter()
                .map(|child| Arc::new(related_record(child)))
                .collect();
            context.children.insert(entity.clone(), records);
        }
        Ok(())
    }

    /// A person as far as permission goes. Unknown and deactivated users may do nothing.
    async fn actor(
        &self,
        workflow: &Workflow,
        instance: &Instance,
        user: &UserId,
    ) -> Result<Actor, Error> {
        let Some(found) = self
            .host
            .directory
            .user(user)
            .await?
            .filter(|user| user.active)
        else {
            return Err(Error::NoUser(user.clone()));
        };
        let mut manages = Vec::new();
        if let Some(subordinate) = manager_asked_for(&workflow.definition, instance) {
            let below = self.host.directory.user(&subordinate).await?;
            if below.and_then(|below| below.manager).as_ref() == Some(user) {
                manages.push(subordinate);
            }
        }
        let User {
            roles,
            groups,
            positions,
            ..
        } = found;
        Ok(Actor {
            roles,
            groups,
            positions,
            manages,
        })
    }

    /// Answers to an activity's needs.
    pub(crate) async fn answers(
        &self,
        needs: &[Need],
        instance: &Instance,
    ) -> Result<Answers, Error> {
        let mut answers = Answers::default();
        for need in needs {
            match need {
                Need::Party => {
                    if let Some(party) = &instance.party {
                        answers.party = self.host.directory.party(party).await?;
                    }
                }
                Need::Balance(currency) => {
                    if let Some(party) = &instance.party {
                        let balance = self.host.ledger.balance(party, *currency).await?;
                        answers.balances.insert(*currency, balance);
                    }
                }
                Need::People(role) => {
                    if let Some(party) = &instance.party {
                        let people = self.host.directory.party_people(party, role).await?;
                        answers.people.push((role.clone(), people));
                    }
                }
                Need::UserInField(field) => {
                    if let Some(person) = self.user_in(instance, field).await? {
                        answers.users.insert(field.clone(), person);
                    }
                }
                Need::Account(name) => {
                    if let Some(account) = self.accounts.get(name) {
                        answers.accounts.insert(name.clone(), account.clone());
                    }
                }
                Need::EarlierLinks => {
                    answers.earlier_links = self.earlier_links(instance, &instance.state).await?;
                }
                Need::EarlierLinksOf(state) => {
                    answers.earlier_links = self.earlier_links(instance, state).await?;
                }
                Need::Link(state) => {
                    let link = self.newest(instance, |link| link.state == *state).await?;
                    self.and_its_account(link.as_ref(), &mut answers);
                    answers.link = link.map(known);
                }
                Need::LinkOfItem(field) => {
                    answers.other_link = self.link_of_item(instance, field).await?.map(known);
                }
                Need::OutsidePayment(account, field) => {
                    answers.registered_before =
                        self.registered_before(instance, account, field).await?;
                }
            }
        }
        Ok(answers)
    }

    async fn user_in(&self, instance: &Instance, field: &str) -> Result<Option<Person>, Error> {
        let Some(Value::User(user)) = instance.fields.get(field) else {
            return Ok(None);
        };
        let found = self
            .host
            .directory
            .user(&UserId::from(user.as_str()))
            .await?;
        Ok(found.map(|user| Person {
            name: user.name,
            mobile: user.mobile,
            email: user.email,
            language: user.language,
        }))
    }

    /// Links of a state on this item that are not confirmed closed (clause 41).
    async fn earlier_links(
        &self,
        instance: &Instance,
        state: &str,
    ) -> Result<Vec<EarlierLink>, Error> {
        let mut open = Vec::new();
        for link in instance.links.iter().filter(|link| link.state == state) {
            if link.is_closed() {
                continue;
            }
            let row = self.link(&link.id).await?;
            if let Some(row) = row.filter(|row| !row.status.is_closed()) {
                open.push(EarlierLink {
                    id: row.id,
                    account: row.account,
                    reference: row.reference,
                    provider_ref: row.provider_ref,
                    expires_at: row.expires_at,
                });
            }
        }
        Ok(open)
    }

    /// The newest link of an item that fits.
    async fn newest(
        &self,
        instance: &Instance,
        fits: impl Fn(&state_machine::Link) -> bool,
    ) -> Result<Option<LinkRow>, Error> {
        match instance.links.iter().rev().find(|link| fits(link)) {
            Some(link) => self.link(&link.id).await,
            None => Ok(None),
        }
    }

    /// A link as it will be once the commit in the making is done.
    async fn link(&self, id: &LinkId) -> Result<Option<LinkRow>, Error> {
        match written_link(self.writes, id)? {
            Some(link) => Ok(Some(link)),
            None => query::link(self.store, id).await,
        }
    }

    fn and_its_account(&self, link: Option<&LinkRow>, answers: &mut Answers) {
        if let Some(account) = link.and_then(|link| self.accounts.get(&link.account)) {
            let name = account.name.clone();
            answers.accounts.insert(name, account.clone());
        }
    }

    /// The newest paid link of the item in a field; where none is paid, the newest.
    async fn link_of_item(
        &self,
        instance: &Instance,
        field: &str,
    ) -> Result<Option<LinkRow>, Error> {
        let Some(Value::Item(item)) = instance.fields.get(field) else {
            return Ok(None);
        };
        let key = record::item_key(item);
        let Some(stored) = self.store.subject(&key).await? else {
            return Ok(None);
        };
        let other = instance_row(&stored.row)?.instance;
        match self.newest(&other, state_machine::Link::is_paid).await? {
            Some(paid) => Ok(Some(paid)),
            None => self.newest(&other, |_| true).await,
        }
    }

    /// Whether the payment whose number is in a field has its receipt already.
    async fn registered_before(
        &self,
        instance: &Instance,
        account: &AccountName,
        field: &str,
    ) -> Result<bool, Error> {
        let Some(number) = instance.fields.get(field) else {
            return Ok(false);
        };
        let number = number.to_string();
        counts(self.store, self.accounts, account, number.trim()).await
    }
}

impl Core {
    /// Asks for what the decision needs until it is made.
    pub(crate) async fn decided(
        &self,
        workflow: &Workflow,
        loaded: &Loaded,
        cause: &Cause,
        writes: &[Write],
    ) -> Result<(Box<Decided>, Told), Error> {
        let instance = &loaded.row.instance;
        let gather = Gather {
            host: &self.host,
            store: self.store.as_ref(),
            accounts: self.accounts(),
            zone: &self.zone,
            writes,
        };
        let event = match cause {
            Cause::Event(event) => Some(event),
            Cause::Concluded(_) | Cause::Ended { .. } => None,
        };
        let now = self.moment_of(loaded);
        let context = gather.context(workflow, instance, event, now).await?;
        let mut told = Told {
            context,
            answers: Vec::new(),
        };
        let situation = Situation {
            workflow,
            instance,
            accounts: self.accounts(),
            locales: self.workflows.locales(),
            activities_max: self.limits.activities_per_input_max,
        };
        loop {
            match decide(situation, cause, &told)? {
                Verdict::Done(decided) => {
                    let named = decided.intent.as_ref();
                    let named = named.and_then(|intent| intent.request.number.as_ref());
                    let counts = match named {
                        Some(number) => self.counts(&number.account, &number.transaction).await?,
                        None => false,
                    };
                    match told.answers.last_mut() {
                        // The plan is made once more, knowing that its number counts already.
                        Some(last) if counts && !last.registered_before => {
                            last.registered_before = true;
                        }
                        _ => return Ok((decided, told)),
                    }
                }
                Verdict::Ask(question) => {
                    let answers = gather.answers(&question.needs, &question.instance).await?;
                    told.answers.push(answers);
                }
            }
        }
    }

    /// The moment of a decision; a blank instance has been given it already.
    fn moment_of(&self, loaded: &Loaded) -> Timestamp {
        if loaded.version == 0 {
            loaded.row.instance.started_at
        } else {
            self.clock.now()
        }
    }
}

/// A link as an activity is told of it.
fn known(row: LinkRow) -> Box<KnownLink> {
    Box::new(KnownLink {
        id: row.id,
        state: row.state.clone(),
        status: row.status,
        received: row.received,
        sendings: row.sendings,
        sent_at: row.sent_at,
        draft: LinkDraft {
            reference: row.reference,
            state: Some(row.state),
            account: row.account,
            provider_ref: row.provider_ref,
            url: row.url,
            amount: row.amount,
            expires_at: row.expires_at,
            description: row.description,
            receipt: row.receipt,
            usage: row.usage,
            url_valid_until: row.url_valid_until,
            extras: row.extras,
            degraded: row.degraded,
            texted: row.sendings > 0,
        },
    })
}

fn related_record(record: RelatedRecord) -> Record {
    Record {
        reference: record.reference,
        fields: record.fields,
    }
}

fn party_record(party: &Party) -> Record {
    let mut fields: Fields = party.fields.clone();
    let mut text = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), Value::Text(value.to_owned()));
        }
    };
    text("id", Some(party.id.as_str()));
    text("name", Some(&party.name));
    text("number", party.number.as_deref());
    text("mobile", party.mobile.as_deref());
    text("email", party.email.as_deref());
    text("language", party.language.map(values::Locale::code));
    let kind = match party.kind {
        PartyKind::Person => "person",
        PartyKind::Company => "company",
    };
    fields.insert("kind".to_owned(), Value::Choice(kind.to_owned()));
    fields.insert("is_lead".to_owned(), Value::Bool(party.lead));
    Record {
        reference: None,
        fields,
    }
}
