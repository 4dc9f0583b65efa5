package admin

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestPageIsServedWithoutATokenAndFromHereAlone(t *testing.T) {
	t.Parallel()
	p := start(t, Config{Token: token}, Node{})
	for path, kind := range map[string]string{
		"/": "text/html", "/static/app.js": "text/javascript", "/static/style.css": "text/css", "/static/icon.svg": "image/svg+xml", "/favicon.ico": "image/svg+xml",
	} {
		status, body, header := p.do("GET", path, "")
		if status != 200 || body == "" || !strings.HasPrefix(header.Get("Content-Type"), kind) {
			t.Errorf("GET %s = %d, %s", path, status, header.Get("Content-Type"))
		}
		if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s has the policy %q", path, csp)
		}
	}
	for _, path := range []string{"/static/", "/static/none", "/index.html"} {
		if status, _, _ := p.do("GET", path, ""); status != 404 {
			t.Errorf("GET %s = %d, want 404", path, status)
		}
	}
}

// elsewhere matches what would be loaded from another place, or would break the policy.
var elsewhere = regexp.MustCompile(`(src|href)="(https?:)?//|@import|url\(|<script>|<style>| on[a-z]+="| style="|innerHTML|eval\(`)

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(static, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(static, path)
		if found := elsewhere.FindString(string(b)); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
