package aws_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"millrace/backend/aws"
	"millrace/ddb"
)

// An upstream that goes away is noticed though nobody asks for anything, and so is its return.
func TestUpstreamIsWatchedInSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l}
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if d.shut.Load() { // it was let in a moment ago
			panic(http.ErrAbortHandler)
		}
	}))
	_ = upstream.Listener.Close()
	upstream.Listener = d
	upstream.Start()
	defer upstream.Close()
	b := forwarder(t, upstream.URL, func(c *aws.Config) { c.AttemptTimeout = time.Second })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	until := func(down bool) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(30 * time.Second); b.Down().IsZero() == down; <-tick.C {
			if time.Now().After(end) {
				t.Fatalf("Down() = %v after 30 s, want down %v", b.Down(), down)
			}
		}
	}
	d.shut.Store(true)
	upstream.CloseClientConnections()
	until(true)
	d.shut.Store(false)
	until(false)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// door lets nobody in while it is shut. It keeps its port all the same, which another process could have when it is to be opened again.
type door struct {
	net.Listener

	shut atomic.Bool
}

// Accept is part of net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil || !d.shut.Load() {
			return c, err
		}
		_ = c.Close()
	}
}

// An upstream that takes its time over everything, a question whether it is there included, is there: no read is given up. One that was quick
// before is taken for mute until its first slow answer.
func TestSlowUpstreamIsNotMute(t *testing.T) {
	t.Parallel()
	f := func(slow time.Duration, before bool) {
		t.Run(fmt.Sprintf("%v, quick before: %v", slow, before), func(t *testing.T) {
			t.Parallel()
			var quick atomic.Bool
			quick.Store(before)
			looked := make(chan struct{}, 1000)
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					looked <- struct{}{}
				}
				if !quick.Load() {
					<-time.After(slow)
				}
				_, _ = w.Write([]byte(`{}`))
			}))
			defer upstream.Close()
			b := forwarder(t, upstream.URL, nil)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			get := func() error {
				_, err := b.Do(ctx, ddb.NewRequest(ddb.GetItem, []byte(`{}`)))
				return err
			}
			if before {
				<-looked
				<-looked // the first one was answered
				quick.Store(false)
				end := time.Now().Add(time.Minute)
				for get() != nil {
					if time.Now().After(end) {
						t.Fatal("an upstream that has become slow is taken for mute for a minute")
					}
					<-time.After(time.Second)
				}
			}
			for range 3 {
				if err := get(); err != nil {
					t.Errorf("GetItem: %v, want it waited for", err)
				}
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	f(2500*time.Millisecond, false) // patience, and some
	f(2500*time.Millisecond, true)
	f(4*time.Second, false)
	f(4*time.Second, true)
}

// A write is waited for, since only its answer tells what became of it, but when nothing is heard of upstream for no longer than an attempt
// at a read: then its outcome is unknown.
func TestWriteToMuteUpstreamEndsUnknown(t *testing.T) {
	t.Parallel()
	const attempt = 200 * time.Millisecond
	var mute atomic.Bool
	looked, held := make(chan struct{}, 100), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			looked <- struct{}{}
		} else {
			mute.Store(true)
		}
		if mute.Load() {
			<-held
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer upstream.Close()
	defer close(held)
	b := forwarder(t, upstream.URL, func(c *aws.Config) { c.Timeout, c.AttemptTimeout = 10*time.Minute, attempt })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-looked
	<-looked // the first one was answered
	began := time.Now()
	_, err := b.Do(ctx, ddb.NewRequest(ddb.PutItem, []byte(`{}`)))
	took := time.Since(began)
	var refused *ddb.Error
	if err == nil || errors.As(err, &refused) {
		t.Errorf("PutItem: %v, want an error that leaves open whether it was applied", err)
	}
	if took < attempt || took > 5*time.Minute {
		t.Errorf("PutItem was waited for for %v, want %v and what it takes to see that upstream is mute", took, attempt)
	}
	t.Logf("given up after %v", took)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
