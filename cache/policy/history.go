package policy

// history remembers how often what is not cached any more, or was not kept, was used: for some times as many keys as there are entries.
// It has lines of ghosts, each ghost a tag of its hash and its count in two bytes. A line ages when it is looked at. Two
// keys with one tag in one line are taken for one; that costs a wrong decision now and then.
type history struct{ lines []line }

// line is ghosts, the last come first; 0 is none.
type line struct {
	tick   uint16 // up to which it has aged, in steps of a ghost's count
	ghosts [ghostsPerLine]uint16
}

// What a ghost is made of: the count in steps of a quarter octave, below its tag.
const (
	// ghostsPerEntry is for how many keys there is room at least for each entry; up to twice as much, since room is doubled.
	ghostsPerEntry = 3
	ghostsPerLine  = 31
	lineBytes      = 64
	countBits      = 5
	maxGhost       = 1<<countBits - 1
	// stepsPerGhost is how many of an entry's steps are one of a ghost's, and ticksPerGhost how long that takes to age.
	stepsPerGhost = 4
	ticksPerGhost = ticksPerStep * stepsPerGhost
)

// newHistory makes one for n ghosts at least.
func newHistory(n int) history {
	lines := 1
	for lines*ghostsPerLine < n {
		lines *= 2
	}
	return history{make([]line, lines)}
}

// fit makes the history twice or half as large if that is what so many entries need.
func (h *history) fit(entries int) {
	switch room := len(h.lines) * ghostsPerLine; {
	case room < ghostsPerEntry*entries:
		// Where a ghost belongs of the two lines that come of its own is not known any more. The one in the wrong
		// line is nobody's and ages.
		to := make([]line, 2*len(h.lines))
		for i := range to {
			to[i] = h.lines[i/2]
		}
		h.lines = to
	case room > 5*ghostsPerEntry*entries && len(h.lines) > 1:
		to := make([]line, len(h.lines)/2)
		for i := range to {
			to[i] = h.lines[2*i]
		}
		h.lines = to
	}
}

// bytes is the memory that it takes.
func (h *history) bytes() int64 { return int64(len(h.lines)) * lineBytes }

// place is the line of a mixed hash and its tag there, its lowest bits clear. The bits are the lowest, where a table uses the
// highest.
func (h *history) place(mixed uint64) (*line, uint16) {
	n := uint64(len(h.lines))
	return &h.lines[(mixed&(1<<32-1))*n>>32], uint16(mixed << countBits)
}

// recall takes the count of a key out of the history; 0 is none.
func (h *history) recall(mixed uint64, now uint16) uint8 {
	l, tag := h.place(mixed)
	l.age(now)
	for i, g := range l.ghosts {
		if g != 0 && g&^maxGhost == tag {
			copy(l.ghosts[i:], l.ghosts[i+1:])
			l.ghosts[ghostsPerLine-1] = 0
			return uint8(g&maxGhost) * stepsPerGhost
		}
	}
	return 0
}

// note puts a key with its count at now into the history, in place of the one with the least, and of those the oldest.
func (h *history) note(mixed uint64, now uint16, count uint8) {
	l, tag := h.place(mixed)
	l.age(now)
	ghost := min(uint16(count/stepsPerGhost), maxGhost)
	if ghost == 0 {
		return
	}
	least, at := uint16(maxGhost), -1
	for i, g := range l.ghosts {
		if g != 0 && g&^maxGhost == tag {
			// Another key's, or its own from a race.
			ghost, at = max(ghost, g&maxGhost), i
			break
		}
		if g&maxGhost <= least {
			least, at = g&maxGhost, i
		}
	}
	copy(l.ghosts[1:at+1], l.ghosts[:at])
	l.ghosts[0] = tag | ghost
}

// age makes the ghosts of l as old as now.
func (l *line) age(now uint16) {
	// Ticks come round; so do the steps, of which there are fewer.
	const steps = 1 << 16 / ticksPerGhost
	step := now / ticksPerGhost
	passed := (step - l.tick) & (steps - 1)
	if passed == 0 {
		return
	}
	l.tick = step
	kept := 0
	for _, g := range l.ghosts {
		if g&maxGhost > passed {
			l.ghosts[kept] = g - passed
			kept++
		}
	}
	clear(l.ghosts[kept:])
}
