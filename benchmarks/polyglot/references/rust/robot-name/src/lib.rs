//! Our own reference: the one that comes with the exercise needs `rand` 0.3, and Debian has a later one.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rand::Rng;

static IN_USE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

pub struct Robot(String);

fn drawn() -> String {
    let mut chance = rand::thread_rng();
    let mut one_of = |first: char, last: char| chance.gen_range(first..=last);
    [('A', 'Z'), ('A', 'Z'), ('0', '9'), ('0', '9'), ('0', '9')]
        .map(|(first, last)| one_of(first, last))
        .iter()
        .collect()
}

/// Returns a name that no robot has had before.
fn new_name() -> String {
    let mut in_use = IN_USE.lock().unwrap();
    loop {
        let name = drawn();
        if in_use.insert(name.clone()) {
            return name;
        }
    }
}

impl Robot {
    pub fn new() -> Self {
        Self(new_name())
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    pub fn reset_name(&mut self) {
        self.0 = new_name();
    }
}
