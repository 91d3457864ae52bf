//! `./dev logs NAME`.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::Error;

/// How much of the end is shown at first, in bytes.
const END: u64 = 64 * 1024;

/// Prints the end of a log, and with `follow` whatever is added, until Ctrl-C.
pub(super) async fn print(path: &Path, follow: bool) -> Result<(), Error> {
    let mut file = std::fs::File::open(path).map_err(Error::file("open", path))?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    file.seek(SeekFrom::Start(length.saturating_sub(END))).map_err(Error::file("read", path))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(Error::file("read", path))?;
    // Not from the middle of a line.
    let cut = if length > END { text.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
    show(text.get(cut..).unwrap_or_default());
    while follow && !interrupted().await {
        text.clear();
        file.read_to_end(&mut text).map_err(Error::file("read", path))?;
        show(&text);
    }
    Ok(())
}

/// Whether Ctrl-C came within a moment.
async fn interrupted() -> bool {
    tokio::time::timeout(Duration::from_millis(200), tokio::signal::ctrl_c()).await.is_ok()
}

fn show(text: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _nobody_reads = out.write_all(text).and_then(|()| out.flush());
}
