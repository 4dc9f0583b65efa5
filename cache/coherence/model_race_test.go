//go:build race

package coherence

// modelLess is how much less deep the models go under the race detector, which finds nothing in them.
const modelLess = 3
