package cache

import (
	"time"

	"millrace/cache/trail"
)

// Happening is what happened to an entry, and how long ago.
type Happening struct {
	What string
	Ago  time.Duration
}

// happenings are marks as seen from now.
func (s *Store) happenings(marks []trail.Mark) []Happening {
	out, now := make([]Happening, len(marks)), int64(s.clock())
	for i, m := range marks {
		out[i] = Happening{m.Event.String(), time.Duration(now - m.At)}
	}
	return out
}
