package main

import (
	"testing"
	"time"
)

func TestVigilSeesNothingBeforeItBegan(t *testing.T) {
	t.Parallel()
	began := time.Now()
	v, err := newVigil(0)
	if err != nil {
		t.Logf("no vigil here: %v", err) // it wants a right that few have
		return
	}
	time.AfterFunc(20*time.Millisecond, v.stop)
	v.ended.Wait()
	for _, a := range v.take() {
		if a.from.Before(began) || a.to.Sub(a.from) <= leastAbsence || a.to.After(time.Now()) {
			t.Errorf("an absence from %v until %v after it began", a.from.Sub(began), a.to.Sub(began))
		}
	}
	if again := v.take(); again != nil {
		t.Errorf("absences are given twice: %v", again)
	}
}
