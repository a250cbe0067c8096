//! The library `cmsgpack`: MessagePack.
//!
//! It predates the types bin and ext, which it neither writes nor reads.

mod pack;
mod unpack;

use super::Library;

pub(super) const LIBRARY: Library = Library {
    name: "cmsgpack",
    functions: &[
        ("pack", pack::pack),
        ("unpack", unpack::unpack),
        ("unpack_limit", unpack::unpack_limit),
        ("unpack_one", unpack::unpack_one),
    ],
    texts: &[
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
    ],
};
