package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDoctorTellsInWordsJSONAndCodes(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"TableNames":[]}`))
	}))
	upstream := s.URL
	t.Cleanup(s.Close)
	flags := []string{"--upstream", upstream, "--region", "us-east-1"}
	code, out, stderr := command(t, append([]string{"doctor"}, flags...)...)
	if code != 0 || !strings.Contains(out, "ok    endpoint: "+upstream+" answers in") {
		t.Errorf("doctor: exit %d, %s%s", code, out, stderr)
	}
	code, out, _ = command(t, append([]string{"doctor", "--json"}, flags...)...)
	var findings []struct{ Check, Level, Detail string }
	if err := json.Unmarshal([]byte(out), &findings); err != nil || code != 0 || len(findings) == 0 || findings[0].Level == "" {
		t.Errorf("doctor --json: exit %d, %v, %s", code, err, out)
	}
	s.Close()
	code, out, stderr = command(t, append([]string{"doctor"}, flags...)...)
	if code != 1 || !strings.Contains(out, "fail  endpoint: ask "+upstream) || !strings.Contains(out, "      → check the address") || !strings.Contains(stderr, "checks failed") {
		t.Errorf("doctor of a closed port: exit %d, %s%s", code, out, stderr)
	}
	if code, _, _ := command(t, "doctor", "--upstream", "x"); code != 2 {
		t.Errorf("doctor of no address: exit %d, want 2", code)
	}
}
