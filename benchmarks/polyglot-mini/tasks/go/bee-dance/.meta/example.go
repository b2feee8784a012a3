package beedance

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

const metresPerSecond = 750

// Read returns the dances that were written down.
func Read(lines []string) ([]Dance, error) {
	dances := make([]Dance, 0, len(lines))
	for index, line := range lines {
		dance, err := read(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", index+1, err)
		}
		dances = append(dances, dance)
	}
	return dances, nil
}

func read(line string) (Dance, error) {
	before, after, _ := strings.Cut(line, " ")
	bearing, bearingErr := strconv.Atoi(before)
	seconds, secondsErr := strconv.ParseFloat(after, 64)
	if bearingErr != nil || secondsErr != nil || bearing < 0 || bearing > 359 || !(seconds > 0) {
		return Dance{}, ErrNotADance
	}
	return Dance{bearing, seconds}, nil
}

// Metres returns how far the flowers are.
func Metres(dance Dance) int {
	return int(math.Round(dance.Seconds * metresPerSecond))
}

// hive holds metres by bearing.
type hive map[int]int

// NewHive returns a hive that saw the dances.
func NewHive(dances []Dance) Hive {
	known := hive{}
	for _, dance := range dances {
		known[dance.Bearing] = Metres(dance)
	}
	return known
}

func (known hive) Nearest() (bearing int, found bool) {
	for other, metres := range known {
		if !found || metres < known[bearing] {
			bearing, found = other, true
		}
	}
	return bearing, found
}

func (known hive) Within(metres int) []int {
	bearings := []int{}
	for bearing, distance := range known {
		if distance <= metres {
			bearings = append(bearings, bearing)
		}
	}
	sort.Ints(bearings)
	return bearings
}
