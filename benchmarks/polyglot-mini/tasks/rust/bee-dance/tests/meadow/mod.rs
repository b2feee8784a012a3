pub const MORNING: [&str; 4] = ["200 3", "75 0.5", "10 1.25", "75 2"];
pub const RAIN: [&str; 2] = ["rain", "360 4"];
