const METRES_PER_SECOND: f64 = 750.0;

/// One dance as it was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dance {
    pub bearing: u16,
    pub seconds: f64,
}

impl Dance {
    pub fn read(line: &str) -> Option<Self> {
        let (bearing, seconds) = line.split_once(' ')?;
        let dance = Dance {
            bearing: bearing.parse().ok()?,
            seconds: seconds.parse().ok()?,
        };
        (dance.bearing < 360 && dance.seconds > 0.0).then_some(dance)
    }

    pub fn metres(&self) -> f64 {
        self.seconds * METRES_PER_SECOND
    }
}
