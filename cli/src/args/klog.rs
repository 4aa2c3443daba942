//! The flags of Go's logger, which scripts pass along. They are read and change nothing: there is
//! no log. Unlike the others they have no environment variables.

/// Their long names.
pub(super) const NAMES: [&str; 15] = [
    "v",
    "vmodule",
    "logtostderr",
    "alsologtostderr",
    "alsologtostderrthreshold",
    "legacy_stderr_threshold_behavior",
    "stderrthreshold",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "add_dir_header",
    "skip_headers",
    "skip_log_headers",
    "one_output",
    "log_backtrace_at",
];

#[derive(clap::Args)]
pub(super) struct KlogFlags {
    #[arg(short, long, hide = true, value_parser = level)]
    v: Option<i32>,
    #[arg(long, hide = true)]
    vmodule: Option<String>,
    #[arg(long, hide = true)]
    logtostderr: bool,
    #[arg(long, hide = true)]
    alsologtostderr: bool,
    #[arg(long = "alsologtostderrthreshold", hide = true)]
    alsologtostderrthreshold: Option<String>,
    #[arg(long = "legacy_stderr_threshold_behavior", hide = true)]
    legacy_stderr_threshold_behavior: bool,
    #[arg(long, hide = true)]
    stderrthreshold: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true, value_parser = size)]
    log_file_max_size: Option<u64>,
    #[arg(long = "add_dir_header", hide = true)]
    add_dir_header: bool,
    #[arg(long = "skip_headers", hide = true)]
    skip_headers: bool,
    #[arg(long = "skip_log_headers", hide = true)]
    skip_log_headers: bool,
    #[arg(long = "one_output", hide = true)]
    one_output: bool,
    #[arg(long = "log_backtrace_at", hide = true)]
    log_backtrace_at: Option<String>,
}

fn level(text: &str) -> Result<i32, String> {
    text.parse()
        .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

fn size(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("strconv.ParseUint: parsing {text:?}: invalid syntax"))
}
