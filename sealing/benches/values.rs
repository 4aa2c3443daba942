//! What a value costs beside the raw RSA operation of the same run. `make bench` runs it.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {}
