use std::collections::HashMap;

/// The letter that is not a step.
#[derive(Debug, PartialEq)]
pub struct NotAStep(pub char);

/// Returns all squares of a trail in order, the nest first.
fn squares(trail: &str) -> Result<Vec<(i32, i32)>, NotAStep> {
    let (mut east, mut north) = (0, 0);
    let mut walked = vec![(east, north)];
    for letter in trail.chars() {
        match letter {
            'N' => north += 1,
            'E' => east += 1,
            'S' => north -= 1,
            'W' => east -= 1,
            other => return Err(NotAStep(other)),
        }
        walked.push((east, north));
    }
    Ok(walked)
}

pub fn end(trail: &str) -> Result<(i32, i32), NotAStep> {
    Ok(squares(trail)?[trail.len()])
}

pub fn way_home(trail: &str) -> Result<String, NotAStep> {
    let (east, north) = end(trail)?;
    let times = |count: i32, forth: &str, back: &str| {
        let step = if count > 0 { forth } else { back };
        step.repeat(count.unsigned_abs() as usize)
    };
    Ok(times(east, "W", "E") + &times(north, "S", "N"))
}

pub fn busiest(trail: &str) -> Result<usize, NotAStep> {
    let mut visits = HashMap::new();
    for square in squares(trail)? {
        *visits.entry(square).or_insert(0) += 1;
    }
    Ok(visits.into_values().max().unwrap_or_default())
}
