//! What `./dev` hands over to.

fn main() -> std::process::ExitCode {
    stack::dev::main()
}
