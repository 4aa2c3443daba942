//! Checksums (FIPS 180-4, RFC 1950) and password hashes.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::budget::BCRYPT_STEPS;
use crate::context::Context;
use crate::error::Fault;
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
        context.budget.spend(args.text(0)?.len() as u64 / 64)?;
        let sum = adler2::adler32_slice(args.text(0)?);
        context.text(sum.to_string().into_bytes())
    }),
    Function::new("bcrypt", "s", |context, args| {
        let hash = bcrypt(context, args.text(0)?)?;
        context.text(hash)
    }),
    Function::new("htpasswd", "ss", |context, args| {
        let (name, password) = (args.text(0)?, args.text(1)?);
        if name.contains(&b':') {
            return context.text([b"invalid username: ", &**name].concat());
        }
        let hash = bcrypt(context, password)?;
        context.text([name, b":".as_slice(), &hash].concat())
    }),
];

fn hashed<D: Digest>(context: &mut Context, args: Arguments) -> Result<Value, Fault> {
    let bytes = args.text(0)?;
    context.budget.spend(bytes.len() as u64 / 16)?;
    let hash = D::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    context.text(hex.into_bytes())
}

/// The hash, or what Go says of a password that is too long.
fn bcrypt(context: &mut Context, password: &[u8]) -> Result<Vec<u8>, Fault> {
    if password.len() > BCRYPT_BYTES {
        return Ok(
            b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
                .to_vec(),
        );
    }
    context.budget.spend(BCRYPT_STEPS)?;
    let mut salt = [0; 16];
    context.fill_random(&mut salt)?;
    let hash = bcrypt::hash_with_salt(password, BCRYPT_COST, salt).map_err(|_| Fault::Failed)?;
    Ok(hash.format_for_version(bcrypt::Version::TwoA).into_bytes())
}
