package engine

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the package if a test leaves a goroutine behind. A snapshot or iterator left open fails its engine's
// Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
