package anttrail

import "testing"

func TestEnd(t *testing.T) {
	for _, test := range []struct {
		description string
		trail       string
		want        Square
	}{
		{"an ant that stays at home", "", Square{0, 0}},
		{"one step", "N", Square{0, 1}},
		{"there and back again", "EEWW", Square{0, 0}},
		{"far to the south-west", "SWSWSSW", Square{-3, -4}},
	} {
		t.Run(test.description, func(t *testing.T) {
			got, err := End(test.trail)
			if err != nil {
				t.Fatalf("End(%q) returned an error: %v", test.trail, err)
			}
			if got != test.want {
				t.Errorf("End(%q) = %v, want %v", test.trail, got, test.want)
			}
		})
	}
}

func TestWayHome(t *testing.T) {
	for _, test := range []struct {
		description string
		trail       string
		want        string
	}{
		{"nothing to walk", "NESW", ""},
		{"no detours", "NNENSE", "WWSS"},
		{"from the south-west", "WS", "EN"},
	} {
		t.Run(test.description, func(t *testing.T) {
			got, err := WayHome(test.trail)
			if err != nil || got != test.want {
				t.Errorf("WayHome(%q) = %q, %v, want %q", test.trail, got, err, test.want)
			}
		})
	}
}

func TestBusiest(t *testing.T) {
	for trail, want := range map[string]int{"": 1, "NSNSN": 3, "NESWE": 2, "EEE": 1} {
		if got, err := Busiest(trail); err != nil || got != want {
			t.Errorf("Busiest(%q) = %d, %v, want %d", trail, got, err, want)
		}
	}
}

func TestWrongLetter(t *testing.T) {
	const want = "not a step: x"
	_, endErr := End("NxZ")
	_, wayHomeErr := WayHome("NxZ")
	_, busiestErr := Busiest("NxZ")
	for name, err := range map[string]error{"End": endErr, "WayHome": wayHomeErr, "Busiest": busiestErr} {
		if err == nil || err.Error() != want {
			t.Errorf("%s returned the error %v, want %q", name, err, want)
		}
	}
}
