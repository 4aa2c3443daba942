//! A script of requests, in the format that editors know as `.http`:
//!
//! ```text
//! ### what is asked
//! # @name it           so that later requests can say {{it.metadata.uid}}
//! # @until 200         asked again until it is answered so
//! POST /api/v1/namespaces/{{ns}}/secrets
//! Accept: application/json
//!
//! {"metadata": {"name": "a"}}
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use serde_json::Value;
use tests::Normal;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Script {
    steps: Vec<Step>,
}

struct Step {
    title: String,
    name: Option<String>,
    until: Option<u16>,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

struct Answer {
    code: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let steps = text.split("### ").skip(1).map(Step::parse).collect();
        Self { steps }
    }

    /// Sends the requests one after another; gives the answers as a recording keeps them.
    pub(crate) async fn play(&self, client: &Client, namespace: &str) -> String {
        let mut known = HashMap::from([("ns".to_owned(), Value::from(namespace))]);
        let mut normal = Normal::default();
        let mut recording = String::new();
        for step in &self.steps {
            let answer = step.answer(client, &known).await;
            if let Some(name) = &step.name {
                known.insert(
                    name.clone(),
                    serde_json::from_str(&answer.text).unwrap_or_default(),
                );
            }
            recording += &format!("### {}\n{}\n", step.title, answer.told(&mut normal));
        }
        recording
    }
}

impl Step {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let title = lines.next().unwrap().to_owned();
        let (mut name, mut until, mut request, mut headers) = (None, None, None, Vec::new());
        for line in lines {
            if let Some(value) = line.strip_prefix("# @name ") {
                name = Some(value.to_owned());
            } else if let Some(value) = line.strip_prefix("# @until ") {
                until = Some(value.parse().unwrap());
            } else if request.is_none() {
                request = line.split_once(' ');
            } else {
                let (header, value) = line.split_once(": ").unwrap();
                headers.push((header.to_lowercase(), value.to_owned()));
            }
        }
        let (method, path) = request.unwrap_or_else(|| panic!("no request in `{title}`"));
        Self {
            name,
            until,
            headers,
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.trim_end().to_owned(),
            title,
        }
    }

    /// The answer, or the last one if the one that is waited for never comes.
    async fn answer(&self, client: &Client, known: &HashMap<String, Value>) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.send(client, known).await;
            if self.until.is_none_or(|code| code == answer.code) || start.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(&self, client: &Client, known: &HashMap<String, Value>) -> Answer {
        let mut request = Request::builder()
            .method(&*self.method)
            .uri(filled(&self.path, known));
        if !self.body.is_empty() && !self.headers.iter().any(|(name, _)| name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, filled(value, known));
        }
        let body = filled(&self.body, known).into_bytes();
        let answer = client
            .send(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            code: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

impl Answer {
    /// Code, headers that clients heed, and the content: one JSON value, several of a watch, or text.
    fn told(&self, normal: &mut Normal) -> String {
        let mut told = format!("{}", self.code);
        for header in ["content-type", "warning", "retry-after"] {
            for value in self.headers.get_all(header) {
                told += &format!("\n{header}: {}", value.to_str().unwrap());
            }
        }
        let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&self.text)
            .into_iter()
            .collect();
        match values {
            Ok(values) => {
                for value in values {
                    if let Some(value) = normal.of(value) {
                        told += &format!("\n{value}");
                    }
                }
            }
            Err(_) => told += &format!("\n{}", self.text.trim_end()),
        }
        told
    }
}

/// A text with every `{{name.path}}` replaced by what an earlier answer held there.
fn filled(text: &str, known: &HashMap<String, Value>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (reference, after) = after.split_once("}}").unwrap();
        let (name, path) = reference.split_once('.').unwrap_or((reference, ""));
        let value =
            path.split('.')
                .filter(|part| !part.is_empty())
                .fold(&known[name], |value, part| match part.parse::<usize>() {
                    Ok(index) => &value[index],
                    Err(_) => &value[part],
                });
        filled += before;
        match value {
            Value::String(text) => filled += text,
            value => filled += &value.to_string(),
        }
        rest = after;
    }
    filled + rest
}
