use itertools::Itertools;

pub mod waggle;

use waggle::Dance;

pub fn bearings(lines: &[&str]) -> Vec<u16> {
    dances(lines).map(|dance| dance.bearing).unique().collect()
}

pub fn nearest(lines: &[&str]) -> Option<u16> {
    dances(lines)
        .min_by(|one, other| one.seconds.total_cmp(&other.seconds))
        .map(|dance| dance.bearing)
}

fn dances<'a>(lines: &'a [&str]) -> impl Iterator<Item = Dance> + 'a {
    lines.iter().filter_map(|line| Dance::read(line))
}
