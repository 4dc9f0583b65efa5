//go:build !millrace_deaf

package invalidation

// deaf switches all invalidation off. Only a build with the tag millrace_deaf has it on: the coherence suites must
// fail against such a build, or they prove nothing.
const deaf = false
