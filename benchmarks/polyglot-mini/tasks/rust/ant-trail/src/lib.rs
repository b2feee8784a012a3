/// The letter that is not a step.
#[derive(Debug, PartialEq)]
pub struct NotAStep(pub char);

pub fn end(trail: &str) -> Result<(i32, i32), NotAStep> {
    todo!("return where an ant is after {trail:?}");
}

pub fn way_home(trail: &str) -> Result<String, NotAStep> {
    todo!("return a shortest trail back from the end of {trail:?}");
}

pub fn busiest(trail: &str) -> Result<usize, NotAStep> {
    todo!("return how often the ant of {trail:?} was on one square");
}
