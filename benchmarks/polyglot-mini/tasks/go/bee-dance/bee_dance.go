package beedance

// Read returns the dances that were written down.
func Read(lines []string) ([]Dance, error) {
	panic("Please implement the Read function")
}

// Metres returns how far the flowers are.
func Metres(dance Dance) int {
	panic("Please implement the Metres function")
}

// NewHive returns a hive that saw the dances.
func NewHive(dances []Dance) Hive {
	panic("Please implement the NewHive function")
}
