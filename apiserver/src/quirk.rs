//! Ways to be wrong on purpose: a test that compares this server with a real one must notice each.

/// One deviation from what a real API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// A create is answered 200 instead of 201.
    CreatedAsOk,
    /// A status write is told to no watch.
    SilentStatus,
    /// A label edit counts as a generation.
    GenerationOnLabel,
    /// No rule is checked: nothing is answered 422.
    NothingInvalid,
    /// A write may be based on a version that is gone.
    StaleWrites,
    /// A write to the main resource takes the status along.
    StatusByAnyWrite,
    /// A write that changes nothing makes a new version.
    EveryWriteCounts,
    /// A delete waits for no finalizer.
    FinalizersIgnored,
    /// A watch does not tell that an object left its selector.
    BlindSelector,
    /// The event of a deletion carries the version before it.
    DeletedAsItWas,
}

impl Quirk {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CreatedAsOk,
        Self::SilentStatus,
        Self::GenerationOnLabel,
        Self::NothingInvalid,
        Self::StaleWrites,
        Self::StatusByAnyWrite,
        Self::EveryWriteCounts,
        Self::FinalizersIgnored,
        Self::BlindSelector,
        Self::DeletedAsItWas,
    ];
}
