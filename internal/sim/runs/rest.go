package runs

import "millrace/cache/coherence"

// Busy reports whether something is under way in a core, or a place is kept for nothing. At rest nothing may be.
func Busy(st *coherence.Stats) bool {
	return st.Flights+st.Fences+st.Pending+st.Fills != 0 || st.Slots != st.Entries
}

// Holding reports whether a core that was emptied holds something.
func Holding(st *coherence.Stats) bool {
	return st.Slots != 0 || st.Nodes != 0 || st.Pages != 0 || st.Bytes != 0
}
