package anttrail

// Square is a square of the paper, counted from the nest.
type Square struct {
	East, North int
}

// End returns where the ant is in the end.
func End(trail string) (Square, error) {
	panic("Please implement the End function")
}

// WayHome returns a shortest trail back to the nest.
func WayHome(trail string) (string, error) {
	panic("Please implement the WayHome function")
}

// Busiest returns how often the ant was on the square where it was most often.
func Busiest(trail string) (int, error) {
	panic("Please implement the Busiest function")
}
