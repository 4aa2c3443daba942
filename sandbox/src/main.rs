//! Try it: an API server in memory, our CRD, the controller, and Contoso's Secrets, in one command.

mod cluster;
mod contoso;
mod story;

use std::ffi::OsString;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use cli::Io;

use cluster::Cluster;

/// Seal the Secrets of a made-up company and watch a controller turn them into Secrets again
#[derive(Parser)]
#[command(name = "sandbox", version)]
struct Arguments {
    /// Play the story and end; fail if any Secret is missing or wrong by a byte
    #[arg(long)]
    once: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run kubeseal with these words, without building it by itself
    #[command(disable_help_flag = true)]
    Kubeseal {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(Command::Kubeseal { words }) = arguments.command {
        let words = ["kubeseal".into()].into_iter().chain(words);
        return Ok(cli::run(words, &mut Io::of_process()).await.into());
    }
    if let Some(chosen) = controller::log_filter() {
        controller::tell_log(stdout, &chosen);
    }
    let start = Instant::now();
    let cluster = Cluster::start().await?;
    story::play(&cluster, &mut stdout()).await?;
    writeln!(
        stdout(),
        "\nThe whole story took {:.1} s.",
        start.elapsed().as_secs_f32()
    )?;
    if !arguments.once {
        stay_up(&cluster)?;
        controller::Signals::of_process()?.stopped().await;
    }
    cluster.stop().await?;
    Ok(ExitCode::SUCCESS)
}

fn stay_up(cluster: &Cluster) -> anyhow::Result<()> {
    let kubeconfig = cluster.kubeconfig().display();
    let mut out = stdout();
    writeln!(
        out,
        "The cluster stays up until Ctrl-C. In another terminal:\n"
    )?;
    writeln!(out, "  export KUBECONFIG={kubeconfig}\n")?;
    writeln!(out, "and then, for example:\n")?;
    writeln!(out, "  kubectl get sealedsecrets,secrets -n contoso")?;
    writeln!(
        out,
        "  kubectl create secret generic mine --dry-run=client -o yaml --from-literal=a=b \\\n    \
         | {} kubeseal --format yaml | kubectl apply -f -",
        std::env::current_exe()?.display()
    )?;
    writeln!(
        out,
        "  kubectl delete secret backendsecret -n contoso   # it comes back"
    )?;
    Ok(())
}
