//! The users of MongoDB, one per process, as `deploy/mongodb-users.json` gives them to a server of production.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};

use crate::{Error, folders};

/// Who may do everything; the file does not know this one.
const ROOT: &str = "root";
/// What the server says to whoever is no user of it.
const UNAUTHORIZED: i32 = 13;
const ROLE_EXISTS: i32 = 51_002;
const USER_EXISTS: i32 = 51_003;
const PATIENCE: Duration = Duration::from_secs(10);

/// The users of one server, all with the same password: here it is their rights that count.
#[derive(Debug, Clone)]
pub struct MongoUsers {
    port: u16,
    password: String,
}

impl MongoUsers {
    /// Gives the users of the file to the server at this port, or brings those that it has up to date.
    ///
    /// # Errors
    /// What could not be read, or what the server refused.
    pub async fn make(port: u16, password: &str) -> Result<Self, Error> {
        let users = Self { port, password: password.to_owned() };
        let path = folders::repository().join("deploy/mongodb-users.json");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let file: Document = serde_json::from_str(&text).map_err(|error| Error::file("read", path)(error.into()))?;
        users.apply(&file).await.map_err(|source| Error::Users { source: Box::new(source) })?;
        Ok(users)
    }

    /// Where one of the file's users finds the database that he or she belongs to.
    #[must_use]
    pub fn uri(&self, user: &str, database: &str) -> String {
        self.uri_with(user, database, "replicaSet=rs0")
    }

    /// Where this database is found by whoever may do everything. It has one option, since between two stands what ends a
    /// command of a shell; that it is a replica set, drivers find out by themselves.
    #[must_use]
    pub fn uri_of_root(&self, database: &str) -> String {
        self.uri_with(ROOT, database, "authSource=admin")
    }

    fn uri_with(&self, user: &str, database: &str, option: &str) -> String {
        let Self { port, password } = self;
        format!("mongodb://{user}:{password}@127.0.0.1:{port}/{database}?{option}")
    }

    async fn apply(&self, file: &Document) -> Result<(), mongodb::error::Error> {
        let nobody = client(&format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)).await?;
        let root = doc! { "createUser": ROOT, "pwd": &self.password, "roles": ["root"] };
        // Only as long as there is no user at all may nobody make one.
        match nobody.database("admin").run_command(root).await {
            Err(error) if code(&error) != Some(UNAUTHORIZED) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let root = client(&self.uri_of_root("admin")).await?;
        for (database, commands) in file {
            let commands = commands.as_array().map(Vec::as_slice).unwrap_or_default();
            for command in commands.iter().filter_map(Bson::as_document) {
                self.make_one(&root.database(database), command.clone()).await?;
            }
        }
        nobody.shutdown().immediate(true).await;
        root.shutdown().immediate(true).await;
        Ok(())
    }

    async fn make_one(&self, database: &Database, mut command: Document) -> Result<(), mongodb::error::Error> {
        if let Some(password) = command.get_mut("pwd") {
            *password = self.password.as_str().into();
        }
        match database.run_command(command.clone()).await {
            Err(error) if matches!(code(&error), Some(ROLE_EXISTS | USER_EXISTS)) => {
                let renamed = |(name, value): (String, Bson)| (name.replacen("create", "update", 1), value);
                database.run_command(command.into_iter().map(renamed).collect()).await.map(drop)
            }
            made => made.map(drop),
        }
    }
}

async fn client(uri: &str) -> Result<Client, mongodb::error::Error> {
    let mut options = ClientOptions::parse(uri).await?;
    options.server_selection_timeout = Some(PATIENCE);
    Client::with_options(options)
}

/// The server's code for what went wrong, if it was the server that said so.
fn code(error: &mongodb::error::Error) -> Option<i32> {
    if let ErrorKind::Command(failed) = &*error.kind { Some(failed.code) } else { None }
}
