package aws

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signatureSeed repeats a failed run.
var signatureSeed = flag.Uint64("signature-seed", 0, "seed of TestSignatureIsTheSDKs; 0 draws one")

// drawn are n random characters of those that are signed as they are.
func drawn(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN('~'-'!'+1))
	}
	return string(b)
}

// TestSignatureIsTheSDKs compares with aws/signer/v4 over random credentials, days, targets and bodies.
func TestSignatureIsTheSDKs(t *testing.T) {
	t.Parallel()
	seed := *signatureSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-signature-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	signer := v4.NewSigner()
	for _, address := range []string{"https://dynamodb.us-east-1.amazonaws.com", "http://127.0.0.1:8000", "https://db.example:443", "http://db.example:80", "https://db.example:80"} {
		u, err := parseURL(address)
		if err != nil {
			t.Fatal(err)
		}
		region := []string{"us-east-1", "eu-central-2", "us-gov-west-1"}[r.IntN(3)]
		c := newCall(u, region)
		h := &held{}
		at := time.Unix(r.Int64N(4e9), 0)
		for range 400 {
			// The SDK takes an equal AccessKeyID for the same secret, so they are long enough to differ.
			if r.IntN(4) == 0 {
				h = &held{Credentials: aws.Credentials{AccessKeyID: drawn(r, 16+r.IntN(20)), SecretAccessKey: drawn(r, 1+r.IntN(60))}}
				if r.IntN(2) == 0 {
					h.SessionToken = drawn(r, 1+r.IntN(1000))
				}
			}
			// Most steps stay within a day and some within a second; time also goes back, as a clock that is set does.
			at = at.Add(time.Duration(r.Int64N(int64(40*time.Hour)) >> r.IntN(48))).Add(-time.Duration(r.Int64N(int64(time.Minute)) >> r.IntN(40)))
			body, target := drawn(r, r.IntN(3)*r.IntN(2000)), drawn(r, 1+r.IntN(40))
			if r.IntN(10) == 0 {
				target = " a  name\twith " + target + " spaces " // goes to the SDK's own signer
			}
			c.prepare(target, "", []byte(body))
			if err := c.sign(t.Context(), signer, h, region, at); err != nil {
				t.Fatal(err)
			}
			date, authorization, token := sdkSigned(t, signer, h, u, target, body, region, at)
			sent, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(c.out), bytes.NewReader(c.rest))))
			if err != nil {
				t.Fatalf("%q is no request: %v", c.out, err)
			}
			if got, err := io.ReadAll(sent.Body); err != nil || string(got) != body {
				t.Fatalf("the body is %q, %v, want %q", got, err, body)
			}
			header := sent.Header
			if got := header.Get(headerAuth); got != authorization {
				t.Fatalf("%s at %v, target %q, body of %d, token of %d:\n got %s\nwant %s", address, at, target, len(body), len(h.SessionToken), got, authorization)
			}
			if got := header.Get(headerDate); got != date {
				t.Fatalf("date is %s, want %s", got, date)
			}
			if got := header.Get(headerToken); got != token {
				t.Fatalf("token is %q, want %q", got, token)
			}
		}
	}
}

// sdkSigned is what the SDK's signer makes of a request.
func sdkSigned(t *testing.T, signer *v4.Signer, h *held, u *url.URL, target, body, region string, at time.Time) (date, authorization, token string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header[headerTarget] = []string{target}
	req.ContentLength = int64(len(body))
	sum := sha256.Sum256([]byte(body))
	if err := signer.SignHTTP(t.Context(), h.Credentials, req, hex.EncodeToString(sum[:]), signingName, region, at); err != nil {
		t.Fatal(err)
	}
	return req.Header.Get(headerDate), req.Header.Get(headerAuth), req.Header.Get(headerToken)
}

func TestSigningAllocatesNothing(t *testing.T) {
	u, err := parseURL("http://127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	c, h, signer, body := newCall(u, "us-east-1"), &held{Credentials: placeholder}, v4.NewSigner(), []byte("{}")
	at := time.Unix(1e9, 0)
	n := testing.AllocsPerRun(100, func() {
		c.prepare("DynamoDB_20120810.GetItem", "", body)
		at = at.Add(time.Second)
		if err := c.sign(context.Background(), signer, h, "us-east-1", at); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("signing a request makes %v allocations, want 0", n)
	}
}

func BenchmarkSign(b *testing.B) {
	u, err := parseURL("http://127.0.0.1:8000")
	if err != nil {
		b.Fatal(err)
	}
	c, h, signer := newCall(u, "us-east-1"), &held{Credentials: placeholder}, v4.NewSigner()
	c.prepare("DynamoDB_20120810.GetItem", "", []byte("{}"))
	at := time.Unix(1e9, 0)
	f := func(name string, sign func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := sign(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("own", func() error { return c.sign(context.Background(), signer, h, "us-east-1", at) })
	f("SDK", func() error {
		c.shell.Header = http.Header{"Content-Type": {contentType}, headerTarget: {c.target}}
		c.shell.ContentLength = int64(len(c.body))
		return signer.SignHTTP(context.Background(), h.Credentials, &c.shell, string(c.digest[:]), signingName, "us-east-1", at)
	})
}
