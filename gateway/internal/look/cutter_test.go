package look

import "testing"

// FuzzCutter: whatever a camera's connection sends, what comes out is what went in, in order, and nothing is kept without bound.
func FuzzCutter(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08moov\x00\x00\x00\x08moof\x00\x00\x00\x0amdatab"), 3)
	f.Add([]byte("\x00\x00\x00\x01moov"), 1)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		c := &cutter{}
		step = max(1, step%64)
		n := 0
		for at := 0; at < len(b); at += step {
			units, err := c.add(b[at:min(at+step, len(b))])
			for _, u := range units {
				if string(u.data) != string(b[n:n+len(u.data)]) {
					t.Fatal("other bytes")
				}
				n += len(u.data)
			}
			if err != nil {
				return
			}
		}
	})
}
