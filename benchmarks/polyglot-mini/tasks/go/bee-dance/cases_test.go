package beedance

type readCase struct {
	description string
	lines       []string
	want        []Dance
	wantError   string
}

var readCases = []readCase{
	{
		description: "a quiet day",
		lines:       []string{},
		want:        []Dance{},
	},
	{
		description: "two dances",
		lines:       []string{"40 2.5", "359 0.75"},
		want:        []Dance{{40, 2.5}, {359, 0.75}},
	},
	{
		description: "a bearing of 360 degrees",
		lines:       []string{"12 1", "360 1"},
		wantError:   "line 2: not a dance",
	},
	{
		description: "no seconds",
		lines:       []string{"12"},
		wantError:   "line 1: not a dance",
	},
	{
		description: "a bee that stood still",
		lines:       []string{"12 0"},
		wantError:   "line 1: not a dance",
	},
}

var meadow = []Dance{{200, 3}, {75, 0.5}, {10, 1.2}, {75, 2}}
