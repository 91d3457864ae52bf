//! `ops completions` and `ops man`: what the command line knows about itself, for shells and for readers.

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::Error;
use crate::answer::Answer;
use crate::cli::Cli;
use crate::projections::refused;

/// The script that has a shell complete commands and options.
pub(crate) fn completions(shell: Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ops", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Answer { json: json!({ "shell": shell.to_string(), "script": script }).to_string(), text: script, code: 0 }
}

/// The manual page of a command, which is named by its words; without any, of the whole.
pub(crate) fn man(words: &[String]) -> Result<Answer, Error> {
    let mut command = Cli::command();
    command.build();
    let mut found = &command;
    for word in words {
        let Some(next) = found.find_subcommand(word) else {
            return Ok(refused(words.join(" "), "there is no such command: `ops --help` lists them").into());
        };
        found = next;
    }
    let name = ["ops".to_owned()].iter().chain(words).cloned().collect::<Vec<_>>().join("-");
    let mut page = Vec::new();
    let man = Man::new(found.clone()).title(name.clone());
    man.render(&mut page).map_err(|source| Error::Manual { source })?;
    let page = String::from_utf8_lossy(&page).into_owned();
    Ok(Answer { json: json!({ "name": name, "page": page }).to_string(), text: page, code: 0 })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = completions(*shell).text;
            for word in ["replay", "republish", "switch", "execute"] {
                assert!(script.contains(word), "{shell} does not know {word}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_and_what_is_none_is_refused() {
        let page = |words: &[&str]| man(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap();
        assert!(page(&[]).text.contains("SUBCOMMANDS"));
        let tail = page(&["tail"]).text;
        assert!(tail.contains(".TH ops-tail") && tail.contains("follow"), "{tail}");
        assert!(page(&["projections", "switch"]).text.contains("accept"));
        assert_eq!(page(&["tale"]).code, 2);
    }
}
