//! Replies as Lua values.
use protocol::encode::Version;
pub(crate) enum LuaSink {}
impl LuaSink {
    pub(crate) fn version(&self) -> Version { match *self {} }
    pub(crate) fn status(&mut self, _text: &[u8]) { match *self {} }
    pub(crate) fn int(&mut self, _value: i64) { match *self {} }
    pub(crate) fn bulk(&mut self, _bytes: &[u8]) { match *self {} }
    pub(crate) fn null(&mut self) { match *self {} }
    pub(crate) fn array(&mut self, _count: usize) { match *self {} }
    pub(crate) fn map(&mut self, _pairs: usize) { match *self {} }
    pub(crate) fn set(&mut self, _count: usize) { match *self {} }
    pub(crate) fn double(&mut self, _value: f64) { match *self {} }
    pub(crate) fn boolean(&mut self, _value: bool) { match *self {} }
    pub(crate) fn verbatim(&mut self, _format: [u8; 3], _text: &[u8]) { match *self {} }
    pub(crate) fn error(&mut self, _text: &[u8]) { match *self {} }
}
