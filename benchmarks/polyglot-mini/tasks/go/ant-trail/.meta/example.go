package anttrail

import (
	"fmt"
	"strings"
)

// Square is a square of the paper, counted from the nest.
type Square struct {
	East, North int
}

var steps = map[rune]Square{'N': {0, 1}, 'E': {1, 0}, 'S': {0, -1}, 'W': {-1, 0}}

// squares returns all squares of a trail in order, the nest first.
func squares(trail string) ([]Square, error) {
	walked := []Square{{}}
	for _, letter := range trail {
		step, known := steps[letter]
		if !known {
			return nil, fmt.Errorf("not a step: %c", letter)
		}
		last := walked[len(walked)-1]
		walked = append(walked, Square{last.East + step.East, last.North + step.North})
	}
	return walked, nil
}

// End returns where the ant is in the end.
func End(trail string) (Square, error) {
	walked, err := squares(trail)
	if err != nil {
		return Square{}, err
	}
	return walked[len(walked)-1], nil
}

func times(count int, forth, back string) string {
	if count < 0 {
		return strings.Repeat(back, -count)
	}
	return strings.Repeat(forth, count)
}

// WayHome returns a shortest trail back to the nest.
func WayHome(trail string) (string, error) {
	end, err := End(trail)
	if err != nil {
		return "", err
	}
	return times(end.East, "W", "E") + times(end.North, "S", "N"), nil
}

// Busiest returns how often the ant was on the square where it was most often.
func Busiest(trail string) (int, error) {
	walked, err := squares(trail)
	visits, most := map[Square]int{}, 0
	for _, square := range walked {
		visits[square]++
		if visits[square] > most {
			most = visits[square]
		}
	}
	return most, err
}
