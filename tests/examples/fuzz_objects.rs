//! Creates whatever the definition accepts, for some seconds, beside 20 good objects that have to go on working:
//! `cargo run --release -p tests --example fuzz_objects -- 600 [SEED]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to run by hand"
)]

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tests::{Cluster, Fixture, Random, quiet, sealed_secret};

const GOOD: usize = 20;
/// So many odd objects are there at a time.
const ODD: usize = 100;
const TENANT: &str = "tenant";
/// After so many the controller starts anew.
const RESTART: usize = 500;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1).map_while(|arg| arg.parse().ok());
    let time = Duration::from_secs(args.next().unwrap_or(10));
    let mut random = Random(args.next().unwrap_or(0x5eed));
    let key = Fixture::rsa2048();
    let mut cluster = Cluster::start(&[&key]).await;
    cluster.create_namespace(TENANT).await;
    for good in 0..GOOD {
        let sealed = sealed_secret(&format!("good-{good}")).item("a", "0", &key);
        cluster.create(sealed.object()).await;
    }
    let (start, mut count, mut refused) = (Instant::now(), 0, 0);
    let mut slowest = Duration::ZERO;
    while start.elapsed() < time {
        let name = format!("odd-{}", count % ODD);
        if count >= ODD {
            send(&cluster, "DELETE", &format!("/{name}"), String::new()).await;
        }
        let text = odd(&mut random, &name, &key);
        let is_taken = send(&cluster, "POST", "", text).await;
        refused += usize::from(!is_taken);
        slowest = slowest.max(good_works(&cluster, count, &key).await);
        count += 1;
        if count % RESTART == 0 {
            cluster.stop_controller().await;
            cluster.run_controller(quiet()).await;
        }
    }
    println!("{count} objects, {refused} of them refused by the API server; no finding");
    println!("a good one took {} ms at most", slowest.as_millis());
}

/// Edits a good object, and says how long its Secret took.
async fn good_works(cluster: &Cluster, count: usize, key: &Fixture) -> Duration {
    let name = format!("good-{}", count % GOOD);
    let value = count.to_string();
    let start = Instant::now();
    let spec = sealed_secret(&name).item("a", &value, key).spec();
    cluster.edit("shop", &name, spec).await;
    cluster
        .secret_becomes("shop", &name, &[("a", &value)])
        .await;
    let took = start.elapsed();
    let ready = cluster.http("readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    took
}

/// Whether the API server takes it.
async fn send(cluster: &Cluster, method: &str, rest: &str, text: String) -> bool {
    let path = format!("/apis/bitnami.com/v1alpha1/namespaces/{TENANT}/sealedsecrets{rest}");
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(text.into_bytes());
    cluster.client.request_text(request.unwrap()).await.is_ok()
}

/// An object that is odd in some ways.
fn odd(random: &mut Random, name: &str, key: &Fixture) -> String {
    let mut sealed = sealed_secret(name).in_namespace(TENANT);
    for item in 0..random.below(4) {
        sealed = sealed.item(&format!("i{item}"), &"v".repeat(random.below(3000)), key);
    }
    let mut object = sealed.object();
    for _ in 0..=random.below(3) {
        twist(random, &mut object);
    }
    // What no library here would write is put in as text.
    let deep = random.below(480);
    let nested = format!("{}1{}", r#"{"a":"#.repeat(deep), "}".repeat(deep));
    object.to_string().replace("\"NESTED\"", &nested)
}

fn twist(random: &mut Random, object: &mut Value) {
    let long = || "x".repeat(100_000);
    let items = &mut object["spec"]["encryptedData"];
    match random.below(22) {
        0 => object["spec"]["template"]["metadata"]["x"] = "NESTED".into(),
        1 => {
            object["spec"]["template"]["metadata"]["managedFields"] =
                json!([{ "fieldsV1": "NESTED" }])
        }
        2 => items["deep"] = "NESTED".into(),
        3 => *items = many(random, |random| random.below(1000).to_string().into()),
        4 => *items = many(random, |_| "AgAx".into()),
        5 => *items = many(random, |_| Value::Null),
        6 => items["odd"] = json!([1, { "a": null }]),
        7 => items["long"] = "A".repeat(1_000_000).into(),
        8 => object["spec"]["template"]["data"] = many(random, template),
        9 => object["spec"]["template"]["data"]["t"] = template(random),
        10 => object["spec"]["template"]["data"]["t"] = "{{(".repeat(50_000).into(),
        11 => object["spec"]["template"]["data"]["t"] = long().into(),
        12 => object["spec"]["template"]["type"] = long().into(),
        13 => object["spec"]["template"]["metadata"]["labels"] = many(random, |_| "v".into()),
        14 => object["spec"]["template"]["metadata"]["annotations"] = many(random, |_| "v".into()),
        15 => {
            object["spec"]["template"]["metadata"]["ownerReferences"] = json!([{ "uid": 1 }, "x"])
        }
        16 => object["spec"]["template"]["metadata"]["finalizers"] = json!(["", "a/b", long()]),
        17 => {
            object["metadata"]["annotations"]["sealedsecrets.bitnami.com/cluster-wide"] =
                "true".into()
        }
        18 => object["spec"]["data"] = "AgA=".into(),
        19 => object["spec"]["template"]["immutable"] = true.into(),
        20 => object["status"] = json!({ "conditions": "NESTED" }),
        _ => object["spec"]["unknown"] = "NESTED".into(),
    }
}

fn many(random: &mut Random, value: impl Fn(&mut Random) -> Value) -> Value {
    let names = [
        "i",
        "",
        "a/b",
        "\u{202e}",
        "\n",
        "\u{1b}[31m",
        "ä",
        "..",
        "-",
    ];
    let pairs = (0..random.below(3000)).map(|index| {
        let name = names[random.below(names.len())];
        (format!("{name}{index}"), value(random))
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn template(random: &mut Random) -> Value {
    let work = [
        "{{range 9000000}}{{end}}",
        "{{range 9000000}}{{if and 1 1 1 1 1 1 1 1}}{{end}}{{end}}",
        "{{repeat 2000000000 .i0}}",
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
        "{{regexMatch \"(a*)*b\" (repeat 10000 \"a\")}}",
        "{{printf \"%999999999d\" 1}}",
        "{{fail .i0}}",
        "{{.i0}}",
        "{{",
        "{{until 50000000}}",
    ];
    work[random.below(work.len())].into()
}
