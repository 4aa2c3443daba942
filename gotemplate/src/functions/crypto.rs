//! Checksums (FIPS 180-4, RFC 1950) and password hashes.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::budget::BCRYPT_STEPS;
use crate::context::Context;
use crate::error::Fault;
use crate::fmt::hex_digits;
use crate::function::{Arguments, Function};
use crate::value::Value;

const BCRYPT_COST: u32 = 10;
/// The longest password that bcrypt takes.
const BCRYPT_BYTES: usize = 72;

pub(super) static FUNCTIONS: [Function; 6] = [
    Function::new("sha1sum", "s", hashed::<Sha1>),
    Function::new("sha256sum", "s", hashed::<Sha256>),
    Function::new("sha512sum", "s", hashed::<Sha512>),
    Function::new("adler32sum", "s", |context, args| {
        let sum = adler2::adler32_slice(args.text(0)?);
        context.made(sum.to_string().into_bytes())
    }),
    Function::new("bcrypt", "s", |context, args| {
        let hash = bcrypt(context, args.text(0)?)?;
        context.made(hash)
    }),
    Function::new("htpasswd", "ss", |context, args| {
        let (name, password) = (args.text(0)?, args.text(1)?);
        if name.contains(&b':') {
            return context.joined(&[b"invalid username: ", name]);
        }
        let hash = bcrypt(context, password)?;
        context.joined(&[name, b":", &hash])
    }),
];

/// Bytes that are hashed between two looks at the clock.
const PIECE: usize = 1 << 16;

fn hashed<D: Digest>(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let mut hasher = D::new();
    for piece in args.text(0)?.chunks(PIECE) {
        context.budget.spend(piece.len() as u64 / 16)?;
        hasher.update(piece);
    }
    let hex: Vec<u8> = hasher
        .finalize()
        .iter()
        .flat_map(|byte| hex_digits(*byte))
        .collect();
    context.made(hex)
}

/// The hash, or what Go says of a password that is too long.
fn bcrypt(context: &mut Context, password: &[u8]) -> Result<Vec<u8>, Fault> {
    if password.len() > BCRYPT_BYTES {
        return Ok(
            b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
                .to_vec(),
        );
    }
    context.budget.spend_at_once(BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    context.fill_random(&mut salt)?;
    let hash = bcrypt::hash_with_salt(password, BCRYPT_COST, salt).map_err(|_| Fault::Failed)?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA).into_bytes())
}
