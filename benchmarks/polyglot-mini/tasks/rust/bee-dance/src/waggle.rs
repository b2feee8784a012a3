/// One dance as it was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dance {
    pub bearing: u16,
    pub seconds: f64,
}

impl Dance {
    pub fn read(line: &str) -> Option<Self> {
        todo!("return the dance that {line:?} tells of");
    }

    pub fn metres(&self) -> f64 {
        todo!("return how far the flowers are after {self:?}");
    }
}
