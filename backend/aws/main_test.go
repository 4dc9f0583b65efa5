package aws

import (
	"os"
	"testing"

	"millrace/internal/patient"
)

func TestMain(m *testing.M) {
	patient.Tests()
	os.Exit(m.Run())
}
