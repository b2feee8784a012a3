use ant_trail::*;

#[test]
fn an_ant_that_stays_at_home() {
    assert_eq!(end(""), Ok((0, 0)));
}

#[test]
#[ignore]
fn end_of_one_step() {
    assert_eq!(end("N"), Ok((0, 1)));
}

#[test]
#[ignore]
fn end_far_to_the_south_west() {
    assert_eq!(end("SWSWSSW"), Ok((-3, -4)));
}

#[test]
#[ignore]
fn way_home_has_no_detours() {
    let input = "NNENSE";
    let output = way_home(input);
    let expected = Ok("WWSS".to_string());
    assert_eq!(output, expected);
}

#[test]
#[ignore]
fn way_home_from_the_nest() {
    assert_eq!(way_home("NESW").as_deref(), Ok(""));
}

mod busiest_square {
    use super::*;

    #[test]
    #[ignore]
    fn is_the_nest() {
        assert_eq!(busiest("NSNSN"), Ok(3));
    }

    #[test]
    #[ignore]
    fn is_any_where_none_is_seen_twice() {
        assert_eq!(busiest("EEE"), Ok(1));
    }
}

#[test]
#[ignore]
fn wrong_letters() {
    assert_eq!(end("NxZ"), Err(NotAStep('x')));
    assert_eq!(way_home("NxZ"), Err(NotAStep('x')));
    assert_eq!(busiest("NxZ"), Err(NotAStep('x')));
}
