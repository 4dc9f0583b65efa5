package invalidation

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatienceOutlivesTheClientAndEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type mark struct{}
		client, leave := context.WithCancel(context.WithValue(t.Context(), mark{}, 7))
		p := newPatience(client, time.Minute)
		leave()
		if err := p.Err(); err != nil {
			t.Errorf("Err after the client left = %v, want nil", err)
		}
		if got := p.Value(mark{}); got != 7 {
			t.Errorf("Value = %v, want the client's 7", got)
		}
		if at, ok := p.Deadline(); !ok || time.Until(at) != time.Minute {
			t.Errorf("Deadline = %v, %v, want in a minute", at, ok)
		}
		waited, free := newPatience(client, time.Minute), newPatience(client, time.Minute)
		child, cancel := context.WithCancel(waited)
		defer cancel()
		select {
		case <-child.Done():
			t.Errorf("a child ended early: %v", child.Err())
		default:
		}
		<-waited.Done()
		synctest.Wait()
		for name, ctx := range map[string]context.Context{"waited for": waited, "child": child, "never waited for": free} {
			if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: Err after a minute = %v, want %v", name, err, context.DeadlineExceeded)
			}
		}
		ended := newPatience(client, time.Minute)
		done := ended.Done()
		ended.end()
		<-done
		p.end()
	})
}
