//! Progress on standard error: a line a stage, with counts and time left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows stages one after another; silent when asked, or when piped.
#[derive(Clone, Copy)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// A stage that goes through `length` things.
    pub fn stage(self, name: &'static str, length: usize) -> ProgressBar {
        let template = "{prefix:10} {bar:30} {pos:>5} of {len}  {elapsed} gone, {eta} left  {msg}";
        self.bar(template, length as u64).with_prefix(name)
    }

    /// Something of `length` bytes that is fetched.
    #[cfg(feature = "fetch")]
    pub fn bytes(self, length: u64) -> ProgressBar {
        let template = "{prefix} {wide_bar} {bytes} of {total_bytes}, {eta} left";
        self.bar(template, length)
    }

    fn bar(self, template: &str, length: u64) -> ProgressBar {
        let target = match self.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let style = ProgressStyle::with_template(template);
        ProgressBar::with_draw_target(Some(length), target)
            .with_style(style.expect("the template is well formed"))
    }

    /// One line to the person at the terminal.
    pub fn say(self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }
}
