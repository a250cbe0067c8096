//! One field of a large hash with its value, in 40 bytes.
//!
//! As with keys (`keyspace/entry.rs`): short texts lie side by side, a short name lies beside a
//! pointer to a long value, and only a long name takes an allocation of its own.

/// Bytes of a name and a value together, up to which both are kept inline.
const BOTH_MAX: usize = 37;
/// Longest name kept inline beside a value that is elsewhere, in bytes.
const NAME_MAX: usize = 22;

/// A field. See the module.
pub(super) struct Field(Form);

enum Form {
    Both { name_len: u8, len: u8, bytes: [u8; BOTH_MAX] },
    Name { name_len: u8, name: [u8; NAME_MAX], value: Box<[u8]> },
    Far { name: Box<[u8]>, value: Box<[u8]> },
}

const _: () = assert!(size_of::<Field>() == 40);

impl Field {
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        if name.len() + value.len() <= BOTH_MAX {
            let mut bytes = [0; BOTH_MAX];
            bytes[..name.len()].copy_from_slice(name);
            bytes[name.len()..name.len() + value.len()].copy_from_slice(value);
            let (name_len, len) = (name.len() as u8, value.len() as u8);
            return Self(Form::Both { name_len, len, bytes });
        }
        if name.len() > NAME_MAX {
            return Self(Form::Far { name: name.into(), value: value.into() });
        }
        let mut bytes = [0; NAME_MAX];
        bytes[..name.len()].copy_from_slice(name);
        Self(Form::Name { name_len: name.len() as u8, name: bytes, value: value.into() })
    }

    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        match &self.0 {
            Form::Both { name_len, bytes, .. } => &bytes[..usize::from(*name_len)],
            Form::Name { name_len, name, .. } => &name[..usize::from(*name_len)],
            Form::Far { name, .. } => name,
        }
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        match &self.0 {
            Form::Both { name_len, len, bytes } => {
                let start = usize::from(*name_len);
                &bytes[start..start + usize::from(*len)]
            }
            Form::Name { value, .. } | Form::Far { value, .. } => value,
        }
    }

    /// Gives the field another value.
    pub(super) fn set_value(&mut self, new: &[u8]) {
        match &mut self.0 {
            Form::Both { name_len, len, bytes }
                if usize::from(*name_len) + new.len() <= BOTH_MAX =>
            {
                let start = usize::from(*name_len);
                bytes[start..start + new.len()].copy_from_slice(new);
                *len = new.len() as u8;
            }
            Form::Far { name, value } if name.len() + new.len() > BOTH_MAX => *value = new.into(),
            _ => *self = Self::new(self.name(), new),
        }
    }

    /// Bytes allocated outside of this struct.
    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Form::Both { .. } => 0,
            Form::Name { value, .. } => value.len(),
            Form::Far { name, value } => name.len() + value.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keeps_name_and_value(
            name in proptest::collection::vec(any::<u8>(), 0..50),
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..5),
        ) {
            let mut field = Field::new(&name, &values[0]);
            for value in &values {
                field.set_value(value);
                prop_assert_eq!((field.name(), field.value()), (&name[..], &value[..]));
                prop_assert_eq!(field.memory(), Field::new(&name, value).memory());
            }
        }
    }
}
