//! A namespace whose objects all fail as expensively as they can, while new ones come in another.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::iter;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use tests::{Fixture, rsa_operations, sealed_secret};

use crate::process::Process;
use crate::{KEYS, fresh, ms, p50, row, times};

const OBJECTS: usize = 1000;
const NAMESPACE: &str = "neighbour";
/// Each is tried with every key.
const ITEMS: usize = 10;
const LOOP: &str = "{{range until 3000}}{{range until 3000}}{{end}}{{end}}";

pub(crate) async fn measure(process: &Process, keys: &[Fixture]) {
    process.cluster.create_namespace(NAMESPACE).await;
    let other = sealed_secret("other").item("a", "b", &keys[0]);
    let bad = other.spec()["encryptedData"]["a"].take();
    let undecryptable = |name: &str| {
        let object = sealed_secret(name).in_namespace(NAMESPACE);
        let add = |object: tests::Builder, item| object.raw_item(&format!("i{item}"), bad.clone());
        (0..ITEMS).fold(object, add).object()
    };
    let what = format!("{ITEMS} items that none of {KEYS} keys opens");
    amid(process, keys, &what, &undecryptable).await;
    let endless = |name: &str| {
        let object = sealed_secret(name).in_namespace(NAMESPACE);
        object.template(json!({ "data": { "a": LOOP } })).object()
    };
    amid(process, keys, "a template that never ends", &endless).await;
}

/// Lets new Secrets come amid a thousand such objects.
async fn amid(process: &Process, keys: &[Fixture], what: &str, object: &impl Fn(&str) -> Value) {
    let word = what.replace(|letter: char| !letter.is_ascii_alphabetic(), "");
    let word = word.to_lowercase();
    let quiet = fresh(process, &keys[0], &format!("alone-{word}")).await;
    let before = rsa_operations(&process.measured().await, "reconcile");
    let create = async |index: usize| {
        process
            .cluster
            .create(object(&format!("{word}-{index}")))
            .await;
    };
    iter(0..OBJECTS).for_each_concurrent(16, create).await;
    let amid = fresh(process, &keys[0], &format!("amid-{word}")).await;
    assert!(
        waiting(process).await > 0.0,
        "nothing is in the way any more"
    );
    row(
        &format!("a new Secret amid {OBJECTS} objects of another namespace with {what}, p50 of 20"),
        format!("{} ({})", times(p50(&amid), p50(&quiet)), ms(p50(&amid))),
        "2x",
    );
    row(
        "the slowest of them, beside the slowest without",
        times(amid[amid.len() - 1], quiet[quiet.len() - 1]),
        "",
    );
    let objects = process.cluster.sealed_secrets(NAMESPACE);
    let done = async || {
        let all = objects.list(&ListParams::default()).await.unwrap();
        let told = all.iter().filter(|object| !object.data["status"].is_null());
        told.count()
    };
    let operations = rsa_operations(&process.measured().await, "reconcile") - before;
    let each = (operations as f64 - amid.len() as f64) / done().await as f64;
    row(
        "RSA operations for each of those objects, with those that are begun",
        format!("{each:.0}"),
        "some 320",
    );
    objects
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .unwrap();
    while waiting(process).await > 0.0 {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// How many objects nobody has begun with.
async fn waiting(process: &Process) -> f64 {
    let series = "sealed_secrets_controller_queue_depth{queue=\"fresh\"} ";
    let measured = process.measured().await;
    let value = measured.lines().find_map(|line| line.strip_prefix(series));
    value.unwrap().parse().unwrap()
}
