//! The type of a value: bytes that cannot be printed by accident.

use zeroize::Zeroizing;

/// A decrypted value of a Secret; it is wiped when dropped.
///
/// It has no `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`, so that no log line, error
/// or answer can hold one by accident.
///
/// ```compile_fail
/// println!("{:?}", sealing::Plaintext::new(b"s3cret".to_vec()));
/// ```
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes the bytes of a value.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Lets the bytes out: the only way. Each caller says in a comment why it needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Plaintext {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}
