//! The payment sandbox: a payment provider that moves no money.

fn main() -> std::process::ExitCode {
    runtime::start("payment-sandbox", payments::sandbox::run)
}
