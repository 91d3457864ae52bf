//! The command API's process: takes commands over HTTP and relays what was committed to Kafka.

fn main() -> std::process::ExitCode {
    runtime::start("command-api", command_api::run)
}
