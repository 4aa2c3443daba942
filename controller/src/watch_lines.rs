//! A watch as it comes over the wire: one event on each line, decoded alone.

use std::borrow::Cow;

use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::answer::{Error, MOST};
use crate::collection::{Lenient, version_of};

/// What happened to one object.
pub(crate) enum WatchEvent<K> {
    Changed(K),
    Gone(K),
    /// Nothing; a version only.
    Bookmark,
    /// Something, to an object that has no name.
    Unreadable,
}

/// The lines of a watch that goes on.
pub(crate) struct WatchLines {
    body: Body,
    pending: Zeroizing<Vec<u8>>,
    /// How much of it was looked through: it holds no end of a line.
    searched: usize,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl WatchLines {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            pending: Zeroizing::default(),
            searched: 0,
        }
    }

    /// The next event and its version, if it has one; none at the end.
    pub(crate) async fn next<K: Lenient>(
        &mut self,
    ) -> Result<Option<(WatchEvent<K>, Option<String>)>, Error> {
        loop {
            let unsearched = &self.pending[self.searched..];
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let rest = Zeroizing::new(self.pending.split_off(self.searched + at + 1));
                let line = std::mem::replace(&mut self.pending, rest);
                self.searched = 0;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return event(&line).map(Some);
            }
            self.searched = self.pending.len();
            let Some(frame) = self.body.frame().await else {
                return Ok(None); // half a line is no event
            };
            let frame = frame?;
            let data = frame.data_ref().map_or(&[][..], |data| data);
            if data.len() > MOST - self.pending.len() {
                return Err(Error::TooLong(MOST));
            }
            self.pending.extend_from_slice(data);
        }
    }
}

fn event<K: Lenient>(line: &[u8]) -> Result<(WatchEvent<K>, Option<String>), Error> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|_| Error::Decode)?;
    let text = line.object.get();
    let object = || K::from_json(text);
    let event = match &*line.r#type {
        "ADDED" | "MODIFIED" => object().map_or(WatchEvent::Unreadable, WatchEvent::Changed),
        "DELETED" => object().map_or(WatchEvent::Unreadable, WatchEvent::Gone),
        "BOOKMARK" => WatchEvent::Bookmark,
        "ERROR" => {
            let status: Status = serde_json::from_str(text).map_err(|_| Error::Decode)?;
            return Err(kube::Error::Api(Box::new(status)).into());
        }
        _ => WatchEvent::Unreadable,
    };
    Ok((event, version_of(text)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http::{Request, Response};
    use http_body_util::StreamBody;
    use hyper::body::{Bytes, Frame};
    use kube::Client;
    use tower::service_fn;

    use super::*;
    use crate::collection::Version;

    fn frame(piece: Bytes) -> Result<Frame<Bytes>, Infallible> {
        Ok(Frame::data(piece))
    }

    /// What is read of a watch that comes in these pieces.
    async fn read(pieces: &[&'static str]) -> Vec<String> {
        let frames = pieces
            .iter()
            .map(|piece| Bytes::from_static(piece.as_bytes()));
        let frames: Vec<_> = frames.collect();
        let server = service_fn(move |_: Request<Body>| {
            let body = StreamBody::new(stream::iter(frames.clone().into_iter().map(frame)));
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let client = Client::new(server, "default");
        let answer = client.send(Request::new(Body::empty())).await;
        let mut lines = WatchLines::new(answer.unwrap().into_body());
        let mut told = Vec::new();
        loop {
            let event = match lines.next::<Version>().await {
                Ok(None) => return told,
                Ok(Some((event, version))) => {
                    let name = match event {
                        WatchEvent::Changed(_) => "changed",
                        WatchEvent::Gone(_) => "gone",
                        WatchEvent::Bookmark => "bookmark",
                        WatchEvent::Unreadable => "unreadable",
                    };
                    format!("{name} {}", version.unwrap_or_default())
                }
                Err(error) => {
                    told.push(format!("{error} {}", error.code().unwrap_or(0)));
                    return told;
                }
            };
            told.push(event);
        }
    }

    #[tokio::test]
    async fn reads_events_wherever_they_are_cut() {
        let pieces = [
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resour",
            "ceVersion\":\"1\"}}}\n{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"2\"}}}\n\n",
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"3\"}}}\n",
            "{\"type\":\"MODIFIED\",\"object\":7}\n{\"type\":\"ADD",
        ];
        let told = ["changed 1", "gone 2", "bookmark 3", "unreadable "];
        assert_eq!(read(&pieces).await, told);
    }

    #[tokio::test]
    async fn ends_with_the_error_that_it_is_told() {
        let gone = "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"too old\"}}\n";
        assert_eq!(read(&[gone]).await, ["too old 410"]);
        assert_eq!(
            read(&["{\"type\":"]).await,
            Vec::<String>::new(),
            "half a line is no event"
        );
        assert_eq!(
            read(&["nonsense\n"]).await,
            ["the API server's answer does not decode 0"]
        );
    }
}
