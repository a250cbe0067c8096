//! Members of a set at places that have been picked ([`Set::with_member`]).

use crate::types::set::{Form, Set};

/// Calls `visit` with the members at these places.
pub(super) fn visit_places(set: &Set, places: &[u32], mut visit: impl FnMut(&[u8])) {
    if set.form() == Form::Small && places.len() > 4 {
        // A packed set is walked to each of its members: list them once.
        let mut members = Vec::with_capacity(set.len());
        set.for_each(|member| members.push(member.to_vec()));
        places.iter().for_each(|&place| visit(&members[place as usize]));
    } else {
        places.iter().for_each(|&place| set.with_member(place as usize, &mut visit));
    }
}
