//! What a client is told unasked: messages of channels, invalidations, lines of MONITOR.

use protocol::encode::{self, Version};

use super::Connection;
use crate::delivery::Payload;
use crate::executor::Executor;

impl Connection {
    /// Tells the client something that it has not asked for.
    pub(crate) fn push(&self, executor: &Executor, payload: &Payload) {
        let mut pushes = self.pushes.borrow_mut();
        self.write_push(payload, &mut pushes);
        // While a request of its own runs, nothing that is in the output has been left unread.
        let unread = self.state.try_borrow().map_or(0, |state| state.output.len()) + pushes.len();
        drop(pushes);
        let harmless = executor.node.settings.output_limits.harmless(self.class());
        if unread >= harmless && self.is_over_limit(executor, unread) {
            return;
        }
        self.account_pushes(executor, unread);
        self.left_over.set(true);
        self.waker.borrow().wake_by_ref();
    }

    /// What it was to be told unasked concerns it no more: RESET.
    pub(crate) fn forget_pushes(&self) {
        self.pushes.borrow_mut().clear();
    }

    fn write_push(&self, payload: &Payload, out: &mut Vec<u8>) {
        let version = if self.resp3.get() { Version::Resp3 } else { Version::Resp2 };
        let resp3 = self.resp3.get();
        match payload {
            Payload::Bytes(bytes) => {
                let start = out.len();
                out.extend_from_slice(bytes);
                out[start] = if resp3 { b'>' } else { b'*' };
            }
            Payload::Line(line) => out.extend_from_slice(line),
            Payload::OnlyResp3(bytes) if resp3 => out.extend_from_slice(bytes),
            Payload::OnlyResp3(_) => {}
            Payload::Keys(_) | Payload::AllKeys => {
                if resp3 {
                    encode::push(out, version, 2);
                    encode::bulk(out, b"invalidate");
                } else if self.listens.get() {
                    // Redirected to a client in RESP2, which has subscribed to this.
                    encode::push(out, version, 3);
                    encode::bulk(out, b"message");
                    encode::bulk(out, b"__redis__:invalidate");
                } else {
                    return;
                }
                match payload {
                    Payload::Keys(keys) => out.extend_from_slice(keys),
                    _ => encode::null_array(out, version),
                }
            }
        }
    }
}
