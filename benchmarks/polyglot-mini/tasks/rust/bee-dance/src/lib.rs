pub mod waggle;

pub fn bearings(lines: &[&str]) -> Vec<u16> {
    todo!("return the bearings of the dances in {lines:?}");
}

pub fn nearest(lines: &[&str]) -> Option<u16> {
    todo!("return the bearing of the nearest flowers in {lines:?}");
}
