package beedance

import (
	"errors"
	"reflect"
	"testing"
)

func TestRead(t *testing.T) {
	for _, test := range readCases {
		t.Run(test.description, func(t *testing.T) {
			got, err := Read(test.lines)
			if test.wantError != "" {
				if !errors.Is(err, ErrNotADance) || err.Error() != test.wantError {
					t.Fatalf("Read(%q) returned the error %v, want %q", test.lines, err, test.wantError)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Fatalf("Read(%q) = %v, %v, want %v", test.lines, got, err, test.want)
			}
		})
	}
}

func TestMetres(t *testing.T) {
	if got := Metres(Dance{0, 1.1118}); got != 834 {
		t.Errorf("Metres = %d, want 834", got)
	}
}

// The dance of 75 degrees that counts is the last one.
func TestNearest(t *testing.T) {
	if bearing, found := NewHive(meadow).Nearest(); bearing != 10 || !found {
		t.Errorf("Nearest() = %d, %t, want 10, true", bearing, found)
	}
}

func TestNearestOfNothing(t *testing.T) {
	if _, found := NewHive(nil).Nearest(); found {
		t.Error("Nearest() found flowers where nobody danced")
	}
}

func TestWithin(t *testing.T) {
	hive := NewHive(meadow)
	for metres, want := range map[int][]int{899: {}, 900: {10}, 1500: {10, 75}, 9000: {10, 75, 200}} {
		got := hive.Within(metres)
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("Within(%d) = %v, want %v", metres, got, want)
		}
	}
}
