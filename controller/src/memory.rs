//! What others see of this process's memory: nothing. It holds the sealing keys.

#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Has no core written when the process crashes, and lets no process of the same user read its memory or trace it.
#[cfg(target_os = "linux")]
pub fn keep_private() -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let cores = setrlimit(Resource::Core, none);
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(cores?)
}

/// Where there is no such thing, the operator's settings decide.
#[cfg(not(target_os = "linux"))]
pub fn keep_private() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn leaves_no_core_and_cannot_be_traced() {
        keep_private().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
