//go:build !millrace_deaf && !millrace_deaf_records

package invalidation

// deaf switches all invalidation off, deafRecords only that by a stream's records. Only builds with the tags millrace_deaf
// and millrace_deaf_records have them on: the coherence suites must fail against such builds, or they prove nothing.
const deaf, deafRecords = false, false
