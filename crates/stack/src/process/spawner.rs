//! The one thread that starts processes.
//!
//! Linux kills a process with a parent-death signal when the *thread* that started it ends, so test threads, which come
//! and go, must not start servers themselves.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::Error;
use crate::process::Lifetime;
use crate::program::Program;

struct Order {
    command: Command,
    reply: Sender<std::io::Result<Child>>,
}

static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel();
    std::thread::spawn(move || work(&orders));
    sender
});

fn work(orders: &Receiver<Order>) {
    for Order { mut command, reply } in orders {
        let _nobody_waits = reply.send(command.spawn());
    }
}

/// Starts the program with its output appended to its log.
pub(super) fn spawn(program: &Program, lifetime: Lifetime) -> Result<Child, Error> {
    let logs = program.log.parent().unwrap_or(&program.folder);
    for folder in [program.folder.as_path(), logs] {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let log = File::options().create(true).append(true).open(&program.log);
    let log = log.map_err(Error::file("open", &program.log))?;
    let errors = log.try_clone().map_err(Error::file("open", &program.log))?;
    let mut command = match lifetime {
        Lifetime::WithUs => wrapped("setpriv", &["--pdeathsig", "KILL", "--"]),
        Lifetime::Detached => wrapped("setsid", &[]),
    };
    command.args(&program.command).envs(&program.env).current_dir(&program.folder);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    started(command).map_err(|source| {
        let command = program.command.first().cloned().unwrap_or_default();
        Error::Spawn { name: program.name.clone(), command, source }
    })
}

fn wrapped(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn started(command: Command) -> std::io::Result<Child> {
    let gone = || std::io::Error::other("the thread that starts processes is gone");
    let (reply, answer) = channel();
    SPAWNER.send(Order { command, reply }).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
