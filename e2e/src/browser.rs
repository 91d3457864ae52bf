//! A real Chromium without a window, told what to do over its own protocol: one page, in which a test clicks and types as
//! a person would, and which remembers whatever went wrong.

mod chromium;
mod line;
mod page;

pub use chromium::Chromium;
pub use page::{Look, Page, Scheme};
