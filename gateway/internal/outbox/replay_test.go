package outbox

import "testing"

// TestToldAgain repeats stories that found bugs of this log, or find them when they are planted: by seed and index.
func TestToldAgain(t *testing.T) {
	for _, c := range []struct {
		seed, index uint64
		found       string
	}{
		{12, 861, "the numbers skipped within a newest file that did not answer at the start were given again"},
		{11, 207, "a full disk deleted old files before the newest one's name was durable"},
		{12, 5, "the same"},
		{11, 189, "a record that only the page cache had was handed out, and taken by a power cut"},
		{2026, 30382, "the header of an earlier log, in the blocks of a file that was being made, chose the epoch"},
		{4242, 248211, "a file of an earlier log that could not be moved aside chose the epoch"},
		{11, 773, "an old cursor claimed an orderly end"},
	} {
		if _, err := tell(t.TempDir(), c.seed, c.index, storyKind{faults: c.index%2 == 1}); err != nil {
			t.Errorf("seed %d, story %d (%s): %v", c.seed, c.index, c.found, err)
		}
	}
}
