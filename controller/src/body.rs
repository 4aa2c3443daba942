//! The bytes of a request, within its size, its time, and the room that all bodies share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// As much as all bodies may hold together, beside one of the largest.
const ROOM: usize = 24 << 20;

/// Reads the bodies of requests.
#[derive(Clone)]
pub(crate) struct Bodies {
    limit: usize,
    time: Duration,
    room: Arc<Semaphore>,
}

/// A whole body, in its room.
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    TooLarge,
    /// All bodies together are too large.
    NoRoom,
    /// It ended before it was whole, or did not come in time.
    Broken,
}

impl Bodies {
    pub(crate) fn new(limit: usize, time: Duration) -> Self {
        Self {
            limit,
            time,
            room: Arc::new(Semaphore::new(ROOM.saturating_add(limit))),
        }
    }

    /// Reads a body to its end.
    pub(crate) async fn read(&self, body: Body) -> Result<Whole, Error> {
        let read = timeout(self.time, self.collect(body)).await;
        read.unwrap_or(Err(Error::Broken))
    }

    /// Reads a body that nobody wants, as far as it may have been wanted: a client that is still sending
    /// would not see an answer.
    pub(crate) async fn discard(&self, mut body: Body) {
        let mut left = self.limit;
        let rest = async {
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, |data| data.len());
                match left.checked_sub(length) {
                    Some(less) => left = less,
                    None => break,
                }
            }
        };
        _ = timeout(self.time, rest).await;
    }

    async fn collect(&self, mut body: Body) -> Result<Whole, Error> {
        let mut whole = Whole {
            bytes: Vec::new(),
            _room: None,
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Error::Broken)?;
            let Ok(data) = frame.into_data() else {
                continue; // trailers
            };
            if whole.bytes.len() + data.len() > self.limit {
                drop(whole);
                self.discard(body).await;
                return Err(Error::TooLarge);
            }
            match self.room(data.len()) {
                Ok(room) => whole.add(&data, room),
                Err(error) => {
                    drop(whole);
                    self.discard(body).await;
                    return Err(error);
                }
            }
        }
        Ok(whole)
    }

    fn room(&self, length: usize) -> Result<OwnedSemaphorePermit, Error> {
        let length = u32::try_from(length).map_err(|_| Error::NoRoom)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(length);
        room.map_err(|_| Error::NoRoom)
    }
}

impl Whole {
    fn add(&mut self, data: &[u8], room: OwnedSemaphorePermit) {
        self.bytes.extend_from_slice(data);
        match &mut self._room {
            Some(held) => held.merge(room),
            none => *none = Some(room),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures::{StreamExt, stream};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn read(bodies: &Bodies, body: Body) -> Result<usize, Error> {
        Ok(bodies.read(body).await?.bytes.len())
    }

    fn endless() -> Body {
        let chunk = || Ok::<_, Infallible>(Bytes::from_static(&[b' '; 64]));
        Body::from_stream(stream::repeat_with(chunk))
    }

    #[tokio::test(start_paused = true)]
    async fn takes_what_fits_and_ends_and_nothing_else() {
        let bodies = Bodies::new(100, SECOND);
        assert_eq!(read(&bodies, Body::from(vec![0; 100])).await, Ok(100));
        let larger = Body::from(vec![0; 101]);
        assert_eq!(read(&bodies, larger).await, Err(Error::TooLarge));
        assert_eq!(read(&bodies, endless()).await, Err(Error::TooLarge));
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"a"))]);
        let never = Body::from_stream(first.chain(stream::pending()));
        assert_eq!(read(&bodies, never).await, Err(Error::Broken));
    }

    #[tokio::test]
    async fn holds_no_more_than_there_is_room_for_and_gives_it_back() {
        let bodies = Bodies::new(ROOM, SECOND);
        let large = || Body::from(vec![0; ROOM]);
        let one = bodies.read(large()).await;
        let other = bodies.read(large()).await;
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(read(&bodies, Body::from("a")).await, Err(Error::NoRoom));
        drop(one);
        assert_eq!(read(&bodies, large()).await, Ok(ROOM));
    }
}
