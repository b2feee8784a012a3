use bee_dance::waggle::Dance;

#[test]
#[ignore]
fn a_dance() {
    let dance = Dance::read("359 1.5").unwrap();
    assert_eq!(dance.bearing, 359);
    assert!((dance.metres() - 1125.0).abs() < 1e-6);
}

#[test]
#[ignore]
fn what_is_no_dance() {
    for line in ["", "12", "12 0", "-1 2", "360 2", "12  2", "north 2", "12 long"] {
        assert!(Dance::read(line).is_none(), "{line:?} is no dance");
    }
}
