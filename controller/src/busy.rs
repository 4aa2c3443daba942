//! A server that is busy says when to come back, with 429 or 503 and `Retry-After`. The request was not looked at
//! then, so it is sent again, whatever it is, as often as client-go does, and as long as somebody waits for it.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, sleep};
use tower::{BoxError, service_fn};

const TIMES: usize = 10;
/// Every call is waited for a little longer than this.
const PATIENCE: Duration = Duration::from_secs(25);

/// A client that comes back when it is told to.
pub(crate) fn patient(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    let patient = service_fn(move |request: Request<Body>| send(client.clone(), request));
    Client::new(patient, namespace)
}

async fn send(client: Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let again = || Request::from_parts(head.clone(), Body::from(body.clone()));
    let end = Instant::now() + PATIENCE;
    for _ in 0..TIMES {
        let answer = client.send(again()).await?;
        match pause(&answer) {
            Some(pause) if Instant::now() + pause < end => sleep(pause).await,
            _ => return Ok(answer),
        }
    }
    Ok(client.send(again()).await?)
}

/// How long the server asks to wait, if it is busy.
fn pause(answer: &Response<Body>) -> Option<Duration> {
    let busy = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let pause = Duration::from_secs(seconds.trim().parse::<u32>().ok()?.into());
    busy.contains(&answer.status()).then_some(pause)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// How often a server is asked that answers with these, one after the other and the last for ever; and what
    /// comes of it after how many seconds.
    async fn ask(answers: &[(u16, Option<&'static str>)]) -> (usize, u16, u64) {
        let (asked, answers) = (Arc::new(Mutex::new(0)), answers.to_vec());
        let count = Arc::clone(&asked);
        let server = service_fn(move |request: Request<Body>| {
            let (asked, answers) = (Arc::clone(&count), answers.clone());
            async move {
                let body = request.into_body().collect_bytes().await.unwrap();
                assert_eq!(&*body, b"body");
                let mut asked = asked.lock().unwrap();
                let (code, after) = answers[(*asked).min(answers.len() - 1)];
                *asked += 1;
                let mut answer = Response::builder().status(code);
                if let Some(after) = after {
                    answer = answer.header(RETRY_AFTER, after);
                }
                Ok::<_, Infallible>(answer.body(Body::empty()).unwrap())
            }
        });
        let client = patient(Client::new(server, "default"));
        let began = Instant::now();
        let request = Request::post("/")
            .body(Body::from(b"body".to_vec()))
            .unwrap();
        let answer = client.send(request).await.unwrap();
        let times = *asked.lock().unwrap();
        (times, answer.status().as_u16(), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn comes_back_when_it_is_told_to() {
        let busy = [(429, Some("2")), (503, Some("3")), (200, None)];
        assert_eq!(ask(&busy).await, (3, 200, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_ten_times() {
        assert_eq!(ask(&[(429, Some("1"))]).await, (11, 429, 10));
        // Or when nobody would wait for the answer any more.
        assert_eq!(ask(&[(429, Some("10"))]).await, (3, 429, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn sends_nothing_again_that_may_have_been_done() {
        for answer in [
            (503, None),
            (429, None),
            (504, Some("1")),
            (500, Some("1")),
            (429, Some("soon")),
            (429, Some("3600")),
        ] {
            assert_eq!(ask(&[answer]).await, (1, answer.0, 0));
        }
    }
}
