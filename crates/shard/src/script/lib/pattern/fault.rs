//! What is wrong with a pattern, and that it does not match.

use crate::script::lib::raise;
use crate::script::raw::Raise;

/// Why a pattern has not matched at a place. As large as a place, so that a result of either is
/// handed over in registers.
#[repr(usize)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// The subject is not like that here.
    Here,
    /// The script is to end.
    Ended,
    EndsWithPercent,
    InvalidCapture,
    InvalidCaptureIndex,
    MissingBracket,
    MissingSetOfFrontier,
    TooComplex,
    TooManyCaptures,
    Unbalanced,
    UnfinishedCapture,
}

impl Miss {
    /// The error of Lua.
    #[cold]
    pub(super) fn raise(self) -> Raise {
        raise(match self {
            Self::Here => "the pattern does not match",
            Self::Ended => "the script is to end",
            Self::EndsWithPercent => "malformed pattern (ends with '%')",
            Self::InvalidCapture => "invalid pattern capture",
            Self::InvalidCaptureIndex => "invalid capture index",
            Self::MissingBracket => "malformed pattern (missing ']')",
            Self::MissingSetOfFrontier => "missing '[' after '%f' in pattern",
            Self::TooComplex => "pattern too complex",
            Self::TooManyCaptures => "too many captures",
            Self::Unbalanced => "unbalanced pattern",
            Self::UnfinishedCapture => "unfinished capture",
        })
    }
}
