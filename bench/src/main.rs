//! `cargo run -p bench --release -- all`; see `bench --help`.

#[tokio::main]
async fn main() {
    bench::main().await;
}
