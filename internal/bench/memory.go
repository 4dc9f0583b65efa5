package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// sizeList is the flag -data: bytes in ascending order.
type sizeList []int64

// String is part of flag.Value.
func (l *sizeList) String() string { return "" }

// Set adds one size: a number and MB or GB.
func (l *sizeList) Set(text string) error {
	number, unit := text, int64(1)
	for suffix, bytes := range map[string]int64{"MB": 1e6, "GB": 1e9} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, unit = n, bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || len(*l) > 0 && n*unit <= (*l)[len(*l)-1] {
		return fmt.Errorf("%q is not a size such as 1GB, above the one before", text)
	}
	*l = append(*l, n*unit)
	return nil
}

// What the memory run goes by.
const (
	// largeRepeat makes items of about a kilobyte out of blank values.
	largeRepeat = 3
	// largeItem is about their size in bytes.
	largeItem = keyLength + largeRepeat*(valueLength+2) + 2
	// touchTime is how long random reads and writes follow a load, so that the store's caches are as full as they get.
	touchTime = 20 * time.Second
	// allowedGrowth is what the largest may take more than the smallest, in MB.
	allowedGrowth = 64
)

// measureMemory loads a store to each size in turn and reads the server's resident memory: after the load, and after a
// restart and a stretch of random reads and writes, which is what a server in use has.
func measureMemory(ctx context.Context, s *settings, out io.Writer) error {
	fmt.Fprintf(out, "resident memory by data, caches off, items of about %d bytes; %s\n", largeItem, machine())
	var used, loaded []float64
	from := uint64(0)
	dir := filepath.Join(s.dir, "memory")
	for _, size := range s.data {
		to := uint64(size / largeItem)
		load, err := loadTo(ctx, s, dir, from, to)
		if err != nil {
			return fmt.Errorf("load to %d bytes: %w", size, err)
		}
		use, err := useFor(ctx, s, dir, to)
		if err != nil {
			return fmt.Errorf("use of %d bytes: %w", size, err)
		}
		loaded, used = append(loaded, load), append(used, use)
		from = to
		fmt.Fprintf(out, "  %6.1f GB: %4.0f MB after the load, %4.0f MB in use after a restart; %s\n", float64(size)/1e9, load, use, machine())
	}
	last := len(used) - 1
	for name, values := range map[string][]float64{"after the load": loaded, "in use": used} {
		growth := []float64{values[last] - values[0]}
		row(out, fmt.Sprintf("MB more at %.0fx the data, %s", float64(s.data[last])/float64(s.data[0]), name), growth, atMost(growth, allowedGrowth))
	}
	return nil
}

// loadTo adds the items from <= i < to and gives the resident memory in MB once the server has come to rest.
func loadTo(ctx context.Context, s *settings, dir string, from, to uint64) (float64, error) {
	// The load is not what is measured: let it be quick.
	srv, err := startServer(ctx, s.binary, dir, "--durability", "async")
	if err != nil {
		return 0, err
	}
	l, err := newLoader(srv.endpoint)
	if err == nil {
		if from == 0 {
			err = l.table(ctx, createTable("large", false))
		}
		if err == nil {
			err = l.batches(ctx, from, to, largeBatch)
		}
		l.close()
	}
	if err != nil {
		return 0, errors.Join(err, srv.stop())
	}
	if err := rest(ctx, srv); err != nil {
		return 0, errors.Join(err, srv.stop())
	}
	now, _, err := srv.memory()
	return now / 1e6, errors.Join(err, srv.stop())
}

// largeBatch puts n large items.
func largeBatch(n int) string {
	var more string
	for i := 1; i < largeRepeat; i++ {
		more += fmt.Sprintf(`,"v%d":{"S":"%s"}`, i, blankValue)
	}
	return batchPut("large", n, more)
}

// rest waits until the server uses little CPU: flushes and compactions are done.
func rest(ctx context.Context, srv *server) error {
	for range 600 {
		before := srv.cpu()
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
		if srv.cpu()-before < 50*time.Millisecond {
			return nil
		}
	}
	return errors.New("the server does not come to rest")
}

// useFor restarts the server, reads and replaces random items for a while and gives the resident memory in MB.
func useFor(ctx context.Context, s *settings, dir string, items uint64) (mb float64, err error) {
	srv, err := startServer(ctx, s.binary, dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	l, err := newLoop(false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	get, put, source := newTemplate("GetItem", getBody("large")), newTemplate("PutItem", putBody("large")), newSource(0)
	f := &fleet{loop: l, whole: httpWhole("", func(int, []byte) bool { return true }), next: func() (int, []byte) {
		request := get
		if source.r.IntN(10) == 0 {
			request = put
		}
		return 0, request.fill(source, source.r.Uint64N(items), 0)
	}}
	if _, err := f.drive(ctx, srv.endpoint, peerClients, load{span: touchTime}); err != nil {
		return 0, err
	}
	now, _, err := srv.memory()
	return now / 1e6, err
}
