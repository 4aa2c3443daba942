//! Credentials from a plug-in, a program that the kubeconfig names. kube would hand it our stdin,
//! and there may be a Secret in it; or keep its stderr, on which it says where to log in.

use std::process::{Command, Stdio};

use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use sealing::base64;
use serde::Deserialize;
use serde_json::json;

use crate::{Io, error};

/// Why a plug-in gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("exec plugin cannot support interactive mode: standard input is not a terminal")]
    NotInteractive,
    // Its arguments and variables may be secret.
    #[error("getting credentials: exec: executable {program} failed: {cause}")]
    Failed {
        program: String,
        cause: String,
        install_hint: Option<String>,
    },
    // What it printed is secret.
    #[error("getting credentials: exec: executable {program} printed no ExecCredential")]
    NoCredential { program: String },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Failed { install_hint, .. } => {
                let hint = install_hint.as_ref()?;
                let lines = hint.lines().map(str::trim).filter(|line| !line.is_empty());
                Some(lines.collect::<Vec<_>>().join("; "))
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Credential {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the plug-in and gives the user what it printed.
pub(super) fn sign_in(plugin: &ExecConfig, user: AuthInfo, io: &Io) -> Result<AuthInfo, Error> {
    let program = plugin.command.clone().unwrap_or_default();
    let is_interactive = match plugin.interactive_mode {
        Some(ExecInteractiveMode::Never) => false,
        Some(ExecInteractiveMode::Always) if !io.stdin_is_terminal => {
            return Err(Error::NotInteractive);
        }
        _ => io.stdin_is_terminal,
    };
    let fail = |cause| Error::Failed {
        program: program.clone(),
        cause,
        install_hint: plugin.install_hint.clone(),
    };
    let printed = command(plugin, &program, is_interactive)
        .output()
        .map_err(|error| fail(error::cause(&error)))?;
    if !printed.status.success() {
        return Err(fail(printed.status.to_string()));
    }
    let Credential { status } =
        serde_json::from_slice(&printed.stdout).map_err(|_| Error::NoCredential {
            program: program.clone(),
        })?;
    let encoded = |pem: Option<String>| pem.map(|pem| base64::encode(pem.as_bytes()));
    // Read like a file, so that the type that keeps them stays kube's own business.
    let given = json!({
        "token": status.token,
        "client-certificate-data": encoded(status.client_certificate_data),
        "client-key-data": encoded(status.client_key_data),
    });
    let given: AuthInfo =
        serde_json::from_value(given).map_err(|_| Error::NoCredential { program })?;
    Ok(AuthInfo {
        token: given.token.or(user.token),
        client_certificate_data: given
            .client_certificate_data
            .or(user.client_certificate_data),
        client_key_data: given.client_key_data.or(user.client_key_data),
        exec: None,
        ..user
    })
}

fn command(plugin: &ExecConfig, program: &str, is_interactive: bool) -> Command {
    let cluster = plugin.cluster.as_ref();
    let question = json!({
        "apiVersion": plugin.api_version,
        "kind": "ExecCredential",
        "spec": {
            "interactive": is_interactive,
            "cluster": cluster.filter(|_| plugin.provide_cluster_info),
        },
    });
    let variables = plugin.env.iter().flatten();
    let variables = variables.filter_map(|one| Some((one.get("name")?, one.get("value")?)));
    let mut command = Command::new(program);
    command
        .args(plugin.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", question.to_string())
        .stderr(Stdio::inherit())
        .stdin(if is_interactive {
            Stdio::inherit()
        } else {
            Stdio::null()
        });
    command
}
