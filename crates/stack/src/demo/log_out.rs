//! One session logs out, and is shut out everywhere; the customer's other session goes on.

use std::time::Duration;

use runtime::clock;

use super::journey::tell;
use super::{Customer, PASSWORD, Socket};
use crate::orderflow::log_in;
use crate::{Error, report};

const WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(1);

/// Logs out of a session with an open socket, and prints when each service knew.
pub(super) async fn show(customer: &Customer) -> Result<(), Error> {
    let Customer { shop, gateway, email, .. } = customer;
    let session = log_in(gateway, email, PASSWORD).await?;
    let mut socket = Socket::open(gateway, &session).await?;
    let sent = clock::monotonic();
    shop.log_out(&session).await?;
    let answered = clock::monotonic();
    let closed = async {
        while socket.next().await.is_some() {}
        clock::monotonic()
    };
    let refused = async {
        while !shop.refuses(&session).await? {
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, Error>(clock::monotonic())
    };
    let both = tokio::time::timeout(WITHIN, async { tokio::join!(closed, refused) }).await;
    let (closed, refused) = both.map_err(|_elapsed| Error::StillLoggedIn { seconds: WITHIN.as_secs() })?;

    report::told("");
    report::told("another session of this customer, with an open socket, logs out:");
    let stations = vec![
        (answered, "answered 204".to_owned()),
        (closed, "the notifier has closed its socket".to_owned()),
        (refused?, "query-api refuses its token: 401".to_owned()),
    ];
    tell(sent, stations);
    Ok(())
}
