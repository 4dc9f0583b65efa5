//go:build millrace_deaf

package invalidation

// deaf is on in this build. It serves stale answers and is of no use but to show that tests notice.
const deaf, deafRecords = true, true
