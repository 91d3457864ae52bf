//! `ops keys rotate master`: every user's key is wrapped under the newest master key.
//!
//! Services go on meanwhile, as long as both keys are configured everywhere; repeating it does what is left.

use vault::{Vault, VaultConfig, Wrapped};

use crate::Error;
use crate::plan::{Action, Item, Plan};

/// One item per master key; refused while keys are wrapped under one that is not configured.
pub(crate) async fn rotate(config: &VaultConfig, execute: bool) -> Result<Plan, Error> {
    let failed = |source| Error::Vault { source };
    let vault = Vault::unwatched(config).await.map_err(failed)?;
    let items = vault.wrapped().await.map_err(failed)?.into_iter().map(item).collect();
    let plan = Plan { executed: execute, items };
    if plan.is_refused() || !execute {
        return Ok(Plan { executed: false, ..plan });
    }
    vault.rewrap().await.map_err(failed)?;
    Ok(plan)
}

fn item(wrapped: Wrapped) -> Item {
    let Wrapped { master, keys, known, newest } = wrapped;
    let (action, state) = match (known, newest) {
        (_, true) => (Action::None, format!("the newest, wraps {keys} users' keys")),
        (true, false) => (Action::Change, format!("{keys} users' keys, to be wrapped under the newest")),
        (false, false) => (Action::Refuse, format!("wraps {keys} users' keys, but is not in VAULT_MASTER_KEY")),
    };
    Item::new(format!("master key {master}"), action, state)
}
