//! Dictionaries against hash maps, and sums of cells against the cells themselves.

mod cells;

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::schema::Table;

/// A dictionary as one would write it without care for speed.
#[derive(Default)]
struct Plain {
    ids: HashMap<Vec<u8>, u32>,
}

impl Plain {
    fn intern(&mut self, text: &[u8]) -> u32 {
        let next = self.ids.len() as u32 + 1;
        *self.ids.entry(text.to_vec()).or_insert(next)
    }
}

fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![
        prop::collection::vec(prop::sample::select(vec![b'a', b'b', 0u8, 255]), 0..40),
        "[0-9]{1,3}\\.[0-9]{1,3}".prop_map(String::into_bytes),
        "eni-0123456789abcde[0-9a-f]{2}".prop_map(String::into_bytes),
        Just(b"-".to_vec()),
    ];
    prop::collection::vec(text, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_those_of_a_hash_map(texts in texts()) {
        let mut plain = Plain::default();
        let mut dictionary = Dictionary::default();
        for text in &texts {
            let id = dictionary.intern(text);
            prop_assert_eq!(id, plain.intern(text));
            prop_assert_eq!(dictionary.text(id), &text[..]);
        }
        prop_assert_eq!(dictionary.id_end(), plain.ids.len() + 1);
    }

    #[test]
    fn all_at_once_is_one_after_the_other(texts in texts()) {
        let mut one = Dictionary::default();
        let expected: Vec<u32> =
            texts.iter().map(|text| if text == b"-" { NULL_TEXT } else { one.intern(text) }).collect();
        let mut line = Vec::new();
        let mut tokens = Vec::new();
        for text in &texts {
            tokens.push((line.len(), line.len() + text.len()));
            line.extend_from_slice(text);
        }
        line.extend_from_slice(&[b'x'; TEXT_PADDING]);
        let mut ids = Vec::new();
        Dictionary::default().intern_all(&line, tokens.into_iter(), b"-", &mut ids);
        prop_assert_eq!(ids, expected);
    }
}

#[test]
fn clearing_forgets_every_text_and_keeps_the_slots() {
    let mut all = Dictionaries::default();
    let slot = all.slot(Table::FLOW_LOGS, "srcaddr");
    assert_ne!(all.slot(Table::TGW_FLOW_LOGS, "srcaddr"), slot);
    for text in ["10.0.0.1", "eni-0123456789abcdef0"] {
        all.get_mut(slot).intern(text.as_bytes());
    }
    assert_eq!(all.get(slot).id_end(), 3);
    all.clear();
    assert_eq!((all.slot(Table::FLOW_LOGS, "srcaddr"), all.get(slot).id_end()), (slot, 1));
    assert_eq!(all.get_mut(slot).intern(b"eni-0123456789abcdef0"), 1);
    assert_eq!(all.get(slot).text(1), b"eni-0123456789abcdef0");
}

#[test]
fn dictionaries_are_full_past_their_limit_of_texts_or_of_bytes() {
    let mut all = Dictionaries::default();
    let slot = all.slot(Table::FLOW_LOGS, "srcaddr");
    for number in 0..1 << 18 {
        all.get_mut(slot).intern(format!("{number:x}").as_bytes());
    }
    assert!(all.are_full());
    all.clear();
    assert!(!all.are_full());
    all.get_mut(slot).intern(&vec![b'x'; (16 << 20) + 1]);
    assert!(all.are_full());
}
