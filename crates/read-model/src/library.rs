//! Our Redis Function libraries: their names carry a digest of their code, so that an old and a new build can use one
//! Redis side by side, each its own code, and neither replaces the other's.

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisError};

use crate::error::is_present_library;

/// Views: written by `views_apply`, read by `views_page`.
pub(crate) static VIEWS: Library = Library::new("orderflow_views", include_str!("views.lua"));
/// Feeds: written by `feeds_append`.
pub(crate) static FEEDS: Library = Library::new("orderflow_feeds", include_str!("feeds.lua"));
/// Generations: written by `generations_begin`, `generations_switch` and others.
pub(crate) static GENERATIONS: Library = Library::new("orderflow_generations", include_str!("generations.lua"));

/// Everything that a server must have before it is used.
static ALL: [&Library; 3] = [&VIEWS, &FEEDS, &GENERATIONS];

/// The code of one library.
#[derive(Debug)]
pub(crate) struct Library {
    name: &'static str,
    source: &'static str,
    digest: u64,
}

impl Library {
    const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, digest: fnv1a(source.as_bytes()) }
    }

    /// A call of one of this library's functions that may write; its arguments follow.
    pub(crate) fn call(&self, function: &str, keys: &[String]) -> Cmd {
        self.command("FCALL", function, keys)
    }

    /// A call of one of this library's functions that only reads; its arguments follow.
    pub(crate) fn call_read(&self, function: &str, keys: &[String]) -> Cmd {
        self.command("FCALL_RO", function, keys)
    }

    fn command(&self, name: &str, function: &str, keys: &[String]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(self.function(function)).arg(keys.len()).arg(keys);
        command
    }

    /// The name under which the server knows one of this library's functions.
    fn function(&self, name: &str) -> String {
        format!("{name}_{:016x}", self.digest)
    }

    /// The code with the digest in the library's and the functions' names.
    fn stamped(&self) -> String {
        let Self { name, source, digest } = self;
        let head = format!("name={name}");
        source
            .replacen(&head, &format!("{head}_{digest:016x}"), 1)
            .lines()
            .map(|line| match line.split_once("function_name = '").and_then(|(_, rest)| rest.split_once('\'')) {
                Some((function, _)) => {
                    line.replacen(&format!("'{function}'"), &format!("'{}'", self.function(function)), 1)
                }
                None => line.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Loads what the server lacks. Repeating it changes nothing.
pub(crate) async fn ensure(connection: &mut impl ConnectionLike) -> Result<(), RedisError> {
    for library in ALL {
        let load: Result<String, _> = load(library).query_async(connection).await;
        match load {
            Ok(name) => tracing::info!(library = name, "loaded the Redis Function library {name}"),
            Err(error) if is_present_library(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn load(library: &Library) -> Cmd {
    let mut command = redis::cmd("FUNCTION");
    command.arg("LOAD").arg(library.stamped());
    command
}

/// FNV-1a, 64 bits: tells builds apart, protects nothing. <http://www.isthe.com/chongo/tech/comp/fnv/>
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        #[expect(clippy::as_conversions, reason = "`u64::from` cannot be called in a constant yet; a byte always fits")]
        let byte = *byte as u64;
        hash = (hash ^ byte).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_a_library_carries_the_digest_of_its_code() {
        for library in ALL {
            let stamped = library.stamped();
            let digest = format!("_{:016x}", library.digest);
            assert!(stamped.starts_with(&format!("#!lua name={}{digest}\n", library.name)), "{stamped}");
            let registered: Vec<_> =
                stamped.lines().filter(|line| line.starts_with("redis.register_function")).collect();
            assert!(!registered.is_empty() && registered.iter().all(|line| line.contains(&digest)), "{registered:?}");
        }
    }

    #[test]
    fn other_code_has_another_name() {
        assert_ne!(fnv1a(b"one"), fnv1a(b"two"));
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8, "the published test vector");
    }
}
