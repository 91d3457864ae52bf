//! The operators' command line.

fn main() -> std::process::ExitCode {
    ops::main()
}
