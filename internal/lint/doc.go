// Package lint holds the rules of this repository that a compiler does not know: which package may import which, how
// declarations are documented, where decisions by operation are made, and what the documents must say. It has tests
// only and is imported by nothing.
package lint
