//! The signer in use. Where the private key lies in a file, it may be replaced while the process runs.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::{Process, Secret, chain};
use sessions::Sessions;
use sessions::signer::{Audience, Bearer, KeyError, Signer};
use tokio::sync::watch;

use crate::config::Config;

/// How often the file is read.
const EVERY: Duration = Duration::from_secs(1);

/// Signs with the private key as it is now. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Signing(Arc<watch::Sender<Arc<Signer>>>);

impl Signing {
    /// Signs with the key of the configuration, which must be published; follows its file, if it lies in one.
    pub(crate) fn start(config: &Config, sessions: &Sessions, process: &Process) -> Result<Self, KeyError> {
        let audience = Audience {
            issuer: config.sessions.jwt_issuer.as_str().into(),
            audience: config.sessions.jwt_audience.as_str().into(),
        };
        let follower = Follower { private: config.jwt_private_key.clone(), audience, sessions: sessions.clone() };
        let signing = Self(Arc::new(watch::Sender::new(Arc::new(follower.signer(&config.jwt_private_key)?))));
        if let Some(file) = config.jwt_private_key_file.clone() {
            let (signing, shutdown) = (signing.clone(), process.shutdown.clone());
            process.tasks.supervise("signing-key", async move {
                tokio::select! {
                    () = follower.run(&file, &signing) => {}
                    () = shutdown.requested() => {}
                }
                Ok::<(), Infallible>(())
            });
        }
        Ok(signing)
    }

    /// A token for this bearer, signed with the key of now.
    pub(crate) fn sign(&self, bearer: &Bearer) -> Result<String, KeyError> {
        let signer = Arc::clone(&self.0.borrow());
        signer.sign(bearer)
    }
}

struct Follower {
    /// The key in use.
    private: Secret,
    audience: Audience,
    sessions: Sessions,
}

impl Follower {
    fn signer(&self, private: &Secret) -> Result<Signer, KeyError> {
        let published = self.sessions.published_keys().unwrap_or_default();
        Signer::new(private.expose(), &published, self.audience.clone())
    }

    /// Takes up a new key once its public half is published. Until then, and while the file cannot be used, the old one
    /// goes on signing.
    async fn run(mut self, file: &Path, signing: &Signing) {
        let mut complaint = String::new();
        loop {
            tokio::time::sleep(EVERY).await;
            match self.changed(file).await {
                Ok(None) => complaint.clear(),
                Ok(Some((private, signer))) => {
                    tracing::info!(kid = signer.kid(), "tokens are signed with a new key from now on");
                    self.private = private;
                    signing.0.send_replace(Arc::new(signer));
                }
                Err(unusable) => {
                    let text = chain(&unusable);
                    if text != complaint {
                        tracing::warn!(error = text, "the new signing key cannot be used; the old one goes on");
                    }
                    complaint = text;
                }
            }
        }
    }

    async fn changed(&self, file: &Path) -> Result<Option<(Secret, Signer)>, KeyError> {
        let private = tokio::fs::read_to_string(file).await.map_err(KeyError::File)?;
        let private = Secret::from(private.trim_end_matches(['\n', '\r']));
        if private == self.private {
            return Ok(None);
        }
        let signer = self.signer(&private)?;
        Ok(Some((private, signer)))
    }
}
