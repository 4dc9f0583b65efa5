package engine

import (
	"testing"

	"millrace/backend"
	"millrace/backend/backendtest"
)

func TestEngineKeepsTheBackendContract(t *testing.T) {
	t.Parallel()
	t.Run("in memory", func(t *testing.T) {
		backendtest.Run(t, func(t *testing.T) backend.Backend { return newHarness(t).e })
	})
	t.Run("on disk", func(t *testing.T) {
		backendtest.Run(t, func(t *testing.T) backend.Backend {
			cfg := DefaultConfig()
			cfg.Dir = t.TempDir()
			e, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := e.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			return e
		})
	})
}
