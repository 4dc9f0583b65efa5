//go:build !race

package coherence

// modelLess is how much less deep the models go.
const modelLess = 0
