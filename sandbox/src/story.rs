//! The story: seal, commit, apply, and there they are.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use cli::Io;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DynamicObject, PostParams};
use kube::core::ApiResource;
use kube::{Api, Client, ResourceExt};
use sealing::SealedSecret;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::contoso::{self, NAMESPACE, TEMPLATED};

const TEMPLATE: &str = include_str!("../../examples/contoso/database-connection.template.yaml");
const PATIENCE: Duration = Duration::from_secs(30);
const SHOWN_LINES: usize = 14;

/// Plays it, and fails if any Secret is missing or wrong by a byte.
pub(crate) async fn play(cluster: &Cluster, out: &mut impl Write) -> anyhow::Result<()> {
    let secrets = contoso::secrets()?;
    let repository = tempfile::tempdir()?;
    writeln!(
        out,
        "Contoso AB has {} Secrets. kubeseal seals each of them:",
        secrets.len()
    )?;
    for secret in &secrets {
        let path = repository
            .path()
            .join(format!("{}.yaml", secret.name_any()));
        fs::write(&path, sealed(secret, cluster).await?)?;
    }
    show(&repository.path().join("backendsecret.yaml"), out)?;

    writeln!(
        out,
        "\nThe sealed files are applied, as a GitOps tool would. Each Secret, its type, its items, its time:\n"
    )?;
    let client = cluster.client();
    create_namespace(&client).await?;
    let mut applied = BTreeMap::new();
    for secret in &secrets {
        let name = secret.name_any();
        applied.insert(name.clone(), Instant::now());
        apply(
            &client,
            &fs::read_to_string(repository.path().join(format!("{name}.yaml")))?,
        )
        .await?;
    }
    for secret in &secrets {
        let name = secret.name_any();
        let found = wait_for(&client, &name).await?;
        let took = applied[&name].elapsed();
        check(secret, &found)?;
        let (type_, items) = (
            found.type_.unwrap_or_default(),
            found.data.unwrap_or_default().len(),
        );
        writeln!(
            out,
            "  secret/{name:<24} {type_:<32} {items:>2}, {:>4} ms",
            took.as_millis()
        )?;
    }
    writeln!(
        out,
        "\nEvery byte of them is as it was before it was sealed."
    )?;
    Ok(())
}

/// Runs `kubeseal`, as at a shell, and adds the template where Contoso has one.
async fn sealed(secret: &Secret, cluster: &Cluster) -> anyhow::Result<String> {
    let sealed = kubeseal(secret, cluster.kubeconfig()).await?;
    if secret.name_any() != TEMPLATED.0 {
        return Ok(sealed);
    }
    let mut object: Value = serde_saphyr::from_str(&sealed)?;
    let template: Value = serde_saphyr::from_str(TEMPLATE)?;
    object["spec"]["template"]["data"] = template["spec"]["template"]["data"].clone();
    Ok(serde_saphyr::to_string(&object)?)
}

async fn kubeseal(secret: &Secret, kubeconfig: &Path) -> anyhow::Result<String> {
    let (mut io, printed) = Io::in_memory(serde_json::to_vec(secret)?);
    let words = ["kubeseal", "--format", "yaml", "--kubeconfig"].map(Into::into);
    match cli::run(words.into_iter().chain([kubeconfig.into()]), &mut io).await {
        0 => Ok(printed.stdout()),
        code => bail!("kubeseal ended with {code}: {}", printed.stderr()),
    }
}

fn show(path: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "\n  $ cat sealed/backendsecret.yaml")?;
    for line in fs::read_to_string(path)?.lines().take(SHOWN_LINES) {
        let start: String = line.chars().take(80).collect();
        writeln!(
            out,
            "  {start}{}",
            if start.len() < line.len() { "…" } else { "" }
        )?;
    }
    Ok(())
}

async fn create_namespace(client: &Client) -> anyhow::Result<()> {
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(NAMESPACE.to_owned());
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await?;
    Ok(())
}

async fn apply(client: &Client, file: &str) -> anyhow::Result<()> {
    let object: DynamicObject = serde_saphyr::from_str(file)?;
    let resource = ApiResource::erase::<SealedSecret>(&());
    let sealed: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    sealed.create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn wait_for(client: &Client, name: &str) -> anyhow::Result<Secret> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let found = async {
        loop {
            if let Some(secret) = secrets.get_opt(name).await? {
                return anyhow::Ok(secret);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .with_context(|| format!("Secret `{name}` did not appear"))?
}

/// Compares every byte, and tells none.
fn check(plain: &Secret, found: &Secret) -> anyhow::Result<()> {
    let name = plain.name_any();
    let mut expected = plain.data.clone().unwrap_or_default();
    if name == TEMPLATED.0 {
        let connection = String::from_utf8(expected["connection-string"].0.clone())?;
        expected.insert(
            TEMPLATED.1.to_owned(),
            ByteString(contoso::appsettings(&connection).into_bytes()),
        );
    }
    ensure!(
        found.type_ == plain.type_,
        "Secret `{name}` has another type"
    );
    ensure!(
        found.data == Some(expected),
        "Secret `{name}` holds other bytes"
    );
    ensure!(
        !found.owner_references().is_empty(),
        "Secret `{name}` has no owner"
    );
    Ok(())
}
