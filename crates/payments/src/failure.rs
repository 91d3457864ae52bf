//! What can become of a call to the provider besides success. What matters is what is known of the outcome.

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the client for the payment provider")]
pub struct Error(#[from] pub(crate) reqwest::Error);

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The provider refuses to set the money aside. Final: the same key gets the same answer.
    #[error("the payment was declined: {code}")]
    Declined {
        /// The provider's code for why.
        code: String,
    },
    /// The provider refuses the request as it stands; it did nothing. Final, unless the payment is changed.
    #[error("the payment provider refuses: {code}: {message}")]
    Refused {
        /// The provider's code for why.
        code: String,
        /// The same for people.
        message: String,
    },
    /// The provider does not accept our secret key; it did nothing.
    #[error("the payment provider does not accept PAYMENTS_SECRET_KEY")]
    Unauthorized,
    /// The provider is not there, or takes no requests now.
    #[error("the payment provider is not available")]
    Unavailable(#[source] Lost),
    /// The request was sent and its answer is not known: the provider may or may not have done it.
    #[error("the outcome at the payment provider is not known")]
    Unknown(#[source] Lost),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// None came in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// The provider failed.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// The first request with this key is still under way.
    #[error("the provider is still at it")]
    InProgress,
    /// The first request with this key was another one, and this one was not looked at.
    #[error("the key was used for another request")]
    OtherRequest,
    /// It is not what the provider's documentation says.
    #[error("the answer could not be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Failure {
    /// Where sending failed.
    pub(crate) fn sending(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Unavailable(Lost::Connection(error))
        } else if error.is_timeout() {
            Self::Unknown(Lost::TimedOut)
        } else {
            Self::Unknown(Lost::Connection(error))
        }
    }
}
