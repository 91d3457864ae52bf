//! The book: every charge, every refund and every answer under a key, in memory and line by line in a file. A line is
//! written before its answer is given, so whatever was answered is still known after a kill.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::entry::{Charge, Entry, Form, Refund, declined, field};
use super::script::{self, Outcome};

/// What is asked of the book under an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// Make a payment and confirm it.
    Create,
    /// Take what was set aside.
    Capture(&'a str),
    /// Let it go.
    Cancel(&'a str),
    /// Give some of it back.
    Refund,
}

/// What the sandbox answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Given before, under the same key.
    pub(super) replayed: bool,
}

/// Everything that was ever done.
#[derive(Debug)]
pub(super) struct Book {
    file: File,
    charges: BTreeMap<String, Charge>,
    refunds: BTreeMap<String, Refund>,
    answers: BTreeMap<String, Entry>,
}

/// Why nothing is changed: the status and the error of the answer, and a charge that was refused, for the record.
struct Refused(u16, Value, Option<Box<Charge>>);

impl Answer {
    /// What is wrong with a request.
    pub(super) fn error(status: u16, kind: &str, message: &str) -> Self {
        Self { status, body: json!({"error": {"type": kind, "message": message}}), replayed: false }
    }

    /// What was asked for, if it is there.
    fn found(body: Option<Value>, what: &str, id: &str) -> Self {
        let (status, body) = match body {
            Some(body) => (200, body),
            None => (404, json!({"error": missing(what, id)})),
        };
        Self { status, body, replayed: false }
    }
}

impl Book {
    /// Reads the file, if there is one, and goes on at its end. A last line that was not finished is dropped: it was not
    /// answered either.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let lines: Vec<_> = BufReader::new(&file).split(b'\n').collect::<Result<_, _>>()?;
        let entries: Vec<Entry> = lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect();
        file.write_all(b"\n")?;
        let (charges, refunds, answers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut book = Self { file, charges, refunds, answers };
        for entry in entries {
            book.learn(entry);
        }
        Ok(book)
    }

    /// Does what is asked, once per key: the same request again gets the same answer, another one is refused.
    pub(super) fn act(&mut self, key: &str, act: Act<'_>, form: &Form) -> io::Result<Answer> {
        let request = format!("{act:?} {form:?}");
        if let Some(entry) = self.answers.get(key) {
            return Ok(if entry.request == request {
                Answer { status: entry.status, body: entry.answer.clone(), replayed: true }
            } else {
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                Answer::error(400, "idempotency_error", message)
            });
        }
        let done = match act {
            Act::Create => self.create(form).map(|charge| (charge.to_json(), Some(charge), None)),
            Act::Capture(id) => self.capture(id).map(|charge| (charge.to_json(), Some(charge), None)),
            Act::Cancel(id) => self.cancel(id).map(|charge| (charge.to_json(), Some(charge), None)),
            Act::Refund => self.refund(form).map(|(charge, refund)| {
                let answer = refund.to_json(&charge.currency);
                (answer, Some(charge), Some(refund))
            }),
        };
        let (status, body, charge, refund) = match done {
            Ok((body, charge, refund)) => (200, body, charge, refund),
            Err(Refused(status, error, charge)) => {
                (status, json!({"error": error}), charge.map(|charge| *charge), None)
            }
        };
        let entry = Entry { key: key.to_owned(), request, status, answer: body.clone(), charge, refund };
        self.write(&entry)?;
        self.learn(entry);
        Ok(Answer { status, body, replayed: false })
    }

    /// A payment, as the API shows it.
    pub(super) fn intent(&self, id: &str) -> Answer {
        Answer::found(self.charges.get(id).map(Charge::to_json), "payment_intent", id)
    }

    /// A refund, as the API shows it.
    pub(super) fn refund_shown(&self, id: &str) -> Answer {
        let refund = self.refunds.get(id);
        let charge = refund.and_then(|refund| self.charges.get(&refund.intent));
        Answer::found(refund.zip(charge).map(|(refund, charge)| refund.to_json(&charge.currency)), "refund", id)
    }

    /// Every payment and every refund.
    pub(super) fn ledger(&self) -> Value {
        let charges: Vec<_> = self.charges.values().collect();
        let refunds: Vec<_> = self.refunds.values().collect();
        json!({"charges": charges, "refunds": refunds})
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    fn learn(&mut self, entry: Entry) {
        let charge = entry.charge.clone();
        self.charges.extend(charge.map(|charge| (charge.id.clone(), charge)));
        let refund = entry.refund.clone();
        self.refunds.extend(refund.map(|refund| (refund.id.clone(), refund)));
        self.answers.insert(entry.key.clone(), entry);
    }
}

/// What each act makes of the charges, without changing them.
impl Book {
    fn create(&self, form: &Form) -> Result<Charge, Refused> {
        let (method, amount) = (field(form, "payment_method"), amount(form)?);
        if field(form, "capture_method") != "manual" || field(form, "confirm") != "true" {
            let message = "This sandbox only knows payments that are confirmed at once and captured later.";
            return Err(Refused(400, invalid("parameter_invalid", message), None));
        }
        let charge = Charge {
            id: format!("pi_sandbox{:08}", self.charges.len() + 1),
            payment: field(form, "metadata[payment]"),
            amount,
            currency: field(form, "currency"),
            method: method.clone(),
            status: "requires_capture".to_owned(),
            last4: None,
            decline_code: None,
            captured: 0,
            refunded: 0,
        };
        match script::of(&method).0 {
            Outcome::Approve(last4) => Ok(Charge { last4: Some(last4.to_owned()), ..charge }),
            Outcome::Decline(code) => {
                let (status, decline_code) = ("requires_payment_method".to_owned(), Some(code.to_owned()));
                let charge = Charge { status, decline_code, ..charge };
                let mut error = declined(code);
                if let Some(error) = error.as_object_mut() {
                    error.insert("payment_intent".to_owned(), charge.to_json());
                }
                Err(Refused(402, error, Some(Box::new(charge))))
            }
            Outcome::Unknown => Err(Refused(400, missing("PaymentMethod", &method), None)),
        }
    }

    fn capture(&self, id: &str) -> Result<Charge, Refused> {
        let charge = self.held(id)?;
        Ok(Charge { status: "succeeded".to_owned(), captured: charge.amount, ..charge })
    }

    fn cancel(&self, id: &str) -> Result<Charge, Refused> {
        Ok(Charge { status: "canceled".to_owned(), ..self.held(id)? })
    }

    fn refund(&self, form: &Form) -> Result<(Charge, Refund), Refused> {
        let charge = self.charge(&field(form, "payment_intent"))?;
        let amount = amount(form)?;
        if charge.status != "succeeded" || amount > charge.captured - charge.refunded {
            let message = "The refund is greater than what is left of the charge.";
            return Err(Refused(400, invalid("charge_already_refunded", message), None));
        }
        let refund = Refund {
            id: format!("re_sandbox{:08}", self.refunds.len() + 1),
            intent: charge.id.clone(),
            payment: field(form, "metadata[payment]"),
            refund: field(form, "metadata[refund]"),
            amount,
        };
        Ok((Charge { refunded: charge.refunded + amount, ..charge }, refund))
    }

    fn charge(&self, id: &str) -> Result<Charge, Refused> {
        self.charges.get(id).cloned().ok_or_else(|| Refused(404, missing("payment_intent", id), None))
    }

    /// A charge whose money is set aside.
    fn held(&self, id: &str) -> Result<Charge, Refused> {
        let charge = self.charge(id)?;
        if charge.status == "requires_capture" {
            return Ok(charge);
        }
        let message = format!("This PaymentIntent could not be changed because its status is {}.", charge.status);
        Err(Refused(400, invalid("payment_intent_unexpected_state", &message), None))
    }
}

fn amount(form: &Form) -> Result<i64, Refused> {
    let amount = field(form, "amount").parse().ok().filter(|amount| *amount > 0);
    amount.ok_or_else(|| Refused(400, invalid("parameter_invalid_integer", "Invalid positive integer: amount"), None))
}

fn missing(what: &str, id: &str) -> Value {
    invalid("resource_missing", &format!("No such {what}: '{id}'"))
}

fn invalid(code: &str, message: &str) -> Value {
    json!({"type": "invalid_request_error", "code": code, "message": message})
}
