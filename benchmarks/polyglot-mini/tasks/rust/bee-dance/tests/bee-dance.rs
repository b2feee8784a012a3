use bee_dance::*;

mod meadow;

#[test]
fn bearings_are_in_order_and_each_once() {
    assert_eq!(bearings(&meadow::MORNING), [200, 75, 10]);
}

#[test]
#[ignore]
fn nearest_flowers_of_the_morning() {
    assert_eq!(nearest(&meadow::MORNING), Some(75));
}

#[test]
#[ignore]
fn nobody_danced_in_the_rain() {
    assert_eq!(bearings(&meadow::RAIN), []);
    assert_eq!(nearest(&meadow::RAIN), None);
}
