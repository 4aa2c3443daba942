use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use tower::service_fn;

use super::*;
use crate::guarded::Guarded;
use crate::scope::Scope;

type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

/// What a server does with a watch.
#[derive(Clone)]
enum Watched {
    Refuse(u16),
    /// These lines, and then it ends after so long.
    End(&'static str, Duration),
    /// These lines, and then nothing more.
    Hang(&'static str),
}

/// A server with two SealedSecrets on two pages, and the paths that it was asked for.
struct Server {
    client: Client,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every list, and the nth watch with the nth of these, the last for ever.
    fn new(watches: &[Watched]) -> Self {
        let asked = Arc::new(Mutex::new(Vec::<String>::new()));
        let (kept, watches) = (Arc::clone(&asked), watches.to_vec());
        let service = service_fn(move |request: Request<Body>| {
            let mut kept = kept.lock().unwrap();
            let path = request.uri().path_and_query().unwrap().to_string();
            let before = kept.iter().filter(|path| is_watch(path)).count();
            let as_versions = request.headers().contains_key(http::header::ACCEPT);
            kept.push(if as_versions {
                format!("versions {path}")
            } else {
                path.clone()
            });
            let answer = match is_watch(&path) {
                true => watch(&watches[before.min(watches.len() - 1)]),
                false => list(&path),
            };
            async { Ok::<_, Infallible>(answer) }
        });
        Self {
            client: Client::new(service, "default"),
            asked,
        }
    }

    /// What was asked until this much time has passed, with what following it brought.
    async fn follow(&self, time: Duration) -> (Vec<String>, String) {
        let collection = Collection::sealed_secrets(&Scope::AllNamespaces, "");
        let mut followed =
            Followed::<Guarded>::new(&self.client, collection, "SealedSecrets".to_owned());
        let mut told = String::new();
        let follow = async {
            loop {
                told += &match followed.next().await {
                    Change::Listing => "listing ".to_owned(),
                    Change::Listed(object) => format!("{} ", object.key().name),
                    Change::Complete => "complete ".to_owned(),
                    Change::Changed(object) => format!("+{} ", object.key().name),
                    Change::Gone(object) => format!("-{} ", object.key().name),
                    Change::Refused => "refused ".to_owned(),
                };
            }
        };
        _ = tokio::time::timeout(time, follow).await;
        (self.asked.lock().unwrap().clone(), told)
    }

    async fn lists(&self, time: Duration) -> usize {
        let (asked, _) = self.follow(time).await;
        let is_first_page = |path: &&String| is_whole(path) && !path.contains("continue=");
        asked.iter().filter(is_first_page).count()
    }
}

fn is_watch(path: &str) -> bool {
    path.contains("watch=true")
}

/// A list of whole objects.
fn is_whole(path: &str) -> bool {
    !is_watch(path) && !path.starts_with("versions")
}

fn list(path: &str) -> Answer {
    let (name, rest) = match path.contains("continue=") {
        false => ("a", "second"),
        true => ("b", ""),
    };
    let text = format!(
        r#"{{"metadata":{{"resourceVersion":"7","continue":"{rest}"}},
            "items":[{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"5"}},"spec":{{"encryptedData":{{}}}}}}]}}"#
    );
    Response::new(Full::from(text).boxed_unsync())
}

fn watch(watched: &Watched) -> Answer {
    let lines = |text: &'static str| {
        let frame = Frame::data(Bytes::from_static(text.as_bytes()));
        stream::iter([Ok::<_, Infallible>(frame)])
    };
    let body = match watched {
        Watched::Refuse(code) => {
            let text = format!(r#"{{"message":"no","code":{code}}}"#);
            let answer = Response::builder().status(*code);
            return answer.body(Full::from(text).boxed_unsync()).unwrap();
        }
        Watched::End(text, life) => {
            let life = *life;
            let end = stream::once(tokio::time::sleep(life)).filter_map(async |()| None);
            BodyExt::boxed_unsync(StreamBody::new(lines(text).chain(end)))
        }
        Watched::Hang(text) => {
            BodyExt::boxed_unsync(StreamBody::new(lines(text).chain(stream::pending())))
        }
    };
    Response::new(body)
}

const MINUTES: Duration = Duration::from_mins(10);

#[tokio::test(start_paused = true)]
async fn lists_in_pages_and_watches_from_there() {
    let events = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"8\"}}}\n\
        {\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"9\"}}}\n";
    let server = Server::new(&[Watched::Hang(events)]);
    let (asked, told) = server.follow(Duration::from_secs(299)).await;
    assert_eq!(told, "listing a b complete +c -a ");
    assert!(asked[0].contains("limit=100"), "{asked:?}");
    assert!(asked[1].contains("continue=second"), "{asked:?}");
    assert!(asked[2].contains("resourceVersion=7"), "{asked:?}");
    assert!(asked[2].contains("allowWatchBookmarks=true"), "{asked:?}");
    assert_eq!(asked.len(), 3);
}

const BOOKMARK: &str =
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}\n";

/// Idle means idle: a watch that lasted its time is no reason to list.
#[tokio::test(start_paused = true)]
async fn resumes_a_watch_that_lasted_its_time_where_it_was() {
    for life in [290, 3600] {
        let life = Duration::from_secs(life);
        let server = Server::new(&[Watched::End(BOOKMARK, life), Watched::Hang("")]);
        let (asked, _) = server.follow(2 * MINUTES).await;
        let whole = asked.iter().filter(|path| is_whole(path)).count();
        assert_eq!(whole, 2, "one list of two pages: {asked:?}");
        assert!(asked[3..].iter().any(|path| is_watch(path)), "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn resumes_a_watch_that_broke_off_if_the_server_is_as_far() {
    let life = Duration::from_secs(90);
    let further =
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"20\"}}}\n";
    for (line, lists) in [(BOOKMARK, 1), (further, 2)] {
        let server = Server::new(&[Watched::End(line, life), Watched::Hang("")]);
        assert_eq!(server.lists(MINUTES / 5).await, lists);
    }
}

#[tokio::test(start_paused = true)]
async fn lists_again_what_cannot_be_resumed_in_both_forms() {
    let gone = "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"too old\"}}\n";
    for ending in [Watched::Refuse(410), Watched::End(gone, Duration::ZERO)] {
        let server = Server::new(&[ending, Watched::Hang("")]);
        assert_eq!(server.lists(MINUTES / 3).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn begins_a_failed_watch_anew_but_not_in_a_hurry() {
    for watch in [
        Watched::Refuse(410),
        Watched::Refuse(500),
        Watched::End("", Duration::ZERO),
    ] {
        let server = Server::new(&[watch]);
        let (asked, _) = server.follow(MINUTES).await;
        let watches = asked.iter().filter(|path| is_watch(path)).count();
        assert!((20..=30).contains(&watches), "{watches} in ten minutes");
    }
}

#[test]
fn knows_a_server_that_was_set_back() {
    assert!(is_as_far("100", "99") && is_as_far("99", "99"));
    assert!(!is_as_far("99", "100") && !is_as_far("", "1") && !is_as_far("b", "a"));
}

#[tokio::test(start_paused = true)]
async fn looks_every_minute_at_what_may_not_be_watched_and_reads_it_when_it_moved() {
    let server = Server::new(&[Watched::Refuse(403)]);
    let (asked, told) = server.follow(MINUTES + PAUSES[1] / 2).await;
    // After 0, 1, 3, 7, 15, 31 and 63 seconds, and then nine times more.
    assert_eq!(asked.iter().filter(|path| is_watch(path)).count(), 16);
    let read = asked.iter().filter(|path| is_whole(path)).count();
    assert_eq!(read, 4, "the first two times, of two pages each: {asked:?}");
    assert_eq!(told.matches("complete").count(), 2);
    assert_eq!(told.matches("refused").count(), 16);
}

/// What may not be watched is listed again, too, and in no hurry.
#[tokio::test(start_paused = true)]
async fn lists_again_within_half_a_day_what_may_not_be_watched() {
    let server = Server::new(&[Watched::Refuse(403)]);
    let (asked, told) = server.follow(RELIST + MINUTES).await;
    assert_eq!(told.matches("complete").count(), 3);
    assert!(asked.len() < 3 * 13 * 60, "{} requests", asked.len());
}

/// <https://github.com/bitnami/sealed-secrets/issues/542>
#[tokio::test(start_paused = true)]
async fn lists_everything_again_within_half_a_day() {
    let server = Server::new(&[Watched::Hang("")]);
    assert_eq!(server.lists(RELIST - RELIST / 4).await, 1);
    let server = Server::new(&[Watched::Hang("")]);
    assert_eq!(server.lists(RELIST + Duration::from_mins(6)).await, 2);
}

#[test]
fn a_quiet_time_ends_a_row_of_failures() {
    let mut failures = Failures::default();
    let pauses = [failures.pause(), failures.pause(), failures.pause()];
    assert_eq!(pauses.map(|pause| pause.as_millis()), [500, 1000, 2000]);
    failures.last = failures
        .last
        .and_then(|last| last.checked_sub(Duration::from_secs(61)));
    assert_eq!(failures.pause().as_millis(), 500);
}
