//! The way from `services/proxy` to a controller on loopback. The API server refuses such addresses in
//! endpoints, so a made-up one stands there, and the API server is told to reach the cluster through an
//! HTTP CONNECT proxy on a unix socket: this one, whatever the address, leads to the controller.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// The proxy; dropping it ends it.
pub(crate) struct Tunnel {
    socket: PathBuf,
    exit: Arc<Mutex<Exit>>,
}

enum Exit {
    Nowhere,
    To(SocketAddr),
    Closed,
}

impl Tunnel {
    pub(crate) fn open(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let exit = Arc::new(Mutex::new(Exit::Nowhere));
        let tunnel = Self {
            socket: socket.to_owned(),
            exit: exit.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let address = match *exit.lock().unwrap() {
                    Exit::Closed => return,
                    Exit::Nowhere => None,
                    Exit::To(address) => Some(address),
                };
                if let (Ok(stream), Some(address)) = (stream, address) {
                    thread::spawn(move || connect(stream, address));
                }
            }
        });
        tunnel
    }

    pub(crate) fn lead_to(&self, address: SocketAddr) {
        *self.exit.lock().unwrap() = Exit::To(address);
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        *self.exit.lock().unwrap() = Exit::Closed;
        _ = UnixStream::connect(&self.socket); // wakes the thread
    }
}

fn connect(mut near: UnixStream, address: SocketAddr) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        near.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let Ok(mut far) = TcpStream::connect(address) else {
        return near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || {
        _ = io::copy(&mut from_near, &mut to_far);
        _ = to_far.shutdown(Shutdown::Write);
    });
    io::copy(&mut far, &mut near)?;
    near.shutdown(Shutdown::Write)
}
