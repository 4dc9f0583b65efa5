//go:build millrace_deaf_records && !millrace_deaf

package invalidation

// deafRecords is on in this build: it hears of own writes, and of what others write it claims to have heard.
const deaf, deafRecords = false, true
