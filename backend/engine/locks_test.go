package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

func TestLocksExcludeAndNeverDeadlock(t *testing.T) {
	t.Parallel()
	// Eight writers take random sets of six keys in random order, each key named twice now and then. Each key's counter is
	// changed without any other protection: the race detector and the sums tell if two held it at once.
	const writers, rounds, keys = 8, 400, 6
	l := newLockTable()
	var counts [keys]int
	want := 0
	var wanted sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 7))
			for range rounds {
				picked := map[int]bool{}
				var names []lockKey
				for range 1 + r.IntN(4) {
					k := r.IntN(keys)
					picked[k] = true
					names = append(names, lockKey(strconv.Itoa(k)))
				}
				held, err := l.lock(context.Background(), names)
				if err != nil {
					t.Error(err)
					return
				}
				for k := range picked {
					counts[k]++
				}
				l.unlock(held)
				wanted.Lock()
				want += len(picked)
				wanted.Unlock()
			}
		})
	}
	wg.Wait()
	got := 0
	for _, n := range counts {
		got += n
	}
	if got != want {
		t.Errorf("%d changes under locks, want %d", got, want)
	}
	empty(t, l)
}

// empty checks that no lock is left in l.
func empty(t *testing.T, l *lockTable) {
	t.Helper()
	for i := range l.shards {
		if n := len(l.shards[i].held); n != 0 {
			t.Errorf("%d locks are left", n)
		}
	}
}

func TestLocksAreGivenInOrderOfComing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLockTable()
		first, _ := l.lock(t.Context(), []lockKey{lockKey("k")})
		var order []int
		for i := range 3 {
			go func() {
				held, _ := l.lock(t.Context(), []lockKey{lockKey("k")})
				order = append(order, i)
				l.unlock(held)
			}()
			synctest.Wait()
		}
		l.unlock(first)
		synctest.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 2 {
			t.Errorf("order %v, want 0 1 2", order)
		}
		empty(t, l)
	})
}

func TestALockWaitedForInVainIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLockTable()
		held, _ := l.lock(t.Context(), []lockKey{lockKey("b")})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			// a is taken before b is waited for and must be given back.
			_, err := l.lock(ctx, []lockKey{lockKey("b"), lockKey("a")})
			result <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("lock with an ended context: %v", err)
		}
		l.unlock(held)
		empty(t, l)
	})
}
