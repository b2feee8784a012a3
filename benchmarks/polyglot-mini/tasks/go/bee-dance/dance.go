package beedance

import "errors"

// Dance is one dance as it was observed.
type Dance struct {
	// Bearing is the direction of the flowers in degrees, 0 to 359.
	Bearing int
	// Seconds is how long the bee waggled.
	Seconds float64
}

// Hive is what bees know who saw some dances.
type Hive interface {
	// Nearest returns the bearing of the nearest flowers, and whether there are any.
	Nearest() (bearing int, found bool)
	// Within returns the bearings of all flowers that are no farther than so many metres.
	Within(metres int) []int
}

// ErrNotADance is the error of a line that is not a dance.
var ErrNotADance = errors.New("not a dance")
