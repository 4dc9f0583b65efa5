package sim

import "millrace/cache/coherence"

// call is where the readers of a flight wait.
type call struct {
	waiters []func(body []byte, negative, ok bool)
}

// options are the read options of an operation.
func (w *node) options(o *Op) coherence.ReadOptions {
	ro := coherence.ReadOptions{Strong: o.Strong, NoCache: o.Fresh, Exclusive: o.Alone, Thrift: o.Thrift, KeepStale: o.Pick%4 == 0}
	if w.sc.Foreign || w.sc.Stream {
		ro.TTL, ro.NegativeTTL = ttl, negTTL
	}
	return ro
}

// readItem is a GetItem: what a proxy does with the core's answer.
func (w *node) readItem(o *Op) {
	ro := w.options(o)
	p := w.itemPromise(o.Key, &ro)
	r := w.core.ReadItem(w.time(), w.table, itemKeys[o.Key], ro, w.buf[:0])
	w.count(&ro, r.Outcome, &w.res.Reads, &w.res.Hits)
	if !w.itemHit(o.Key, &r, p) {
		w.itemMiss(o, r, p)
	}
}

// itemHit judges a hit.
func (w *node) itemHit(key int, r *coherence.Read, p promise) bool {
	if r.Outcome != coherence.Hit && r.Outcome != coherence.Negative {
		return false
	}
	if w.trace {
		w.note("hit %q negative=%v age=%d", r.Body, r.Outcome == coherence.Negative, r.Age)
	}
	w.res.Judged++
	w.buf = r.Body
	w.judgeItem(key, r.Body, r.Outcome == coherence.Negative, p, "read")
	return true
}

// itemMiss waits for the backend's answer, and asks for it unless another reader did.
func (w *node) itemMiss(o *Op, r coherence.Read, p promise) {
	life := w.starts
	answer := func(body []byte, negative, ok bool) {
		if ok {
			if r.Flight.Weak {
				p = p.weakly()
			}
			w.judgeItem(o.Key, body, negative, p, "read")
		}
	}
	switch r.Outcome {
	case coherence.Joined:
		w.note("joined")
		c := r.Flight.Call.(*call)
		c.waiters = append(c.waiters, answer)
	case coherence.Lead:
		f := r.Flight
		c := f.Call.(*call)
		c.waiters = append(c.waiters, answer)
		w.note("lead strong=%v", f.Strong)
		w.in(o.D[0], func() {
			w.weaken(o, f)
			n := w.log.last()
			if !f.Strong && !w.sc.Authoritative {
				n = w.lagged(o.Pick, false)
			}
			v := w.log.commits[n].state[o.Key]
			w.in(o.D[1], func() {
				if !w.alive(life) {
					return
				}
				img := itemImage(o.Key, v)
				if o.Fail {
					w.note("read of %d at %d failed", o.Key, o.At)
					w.core.Fail(w.time(), f)
				} else {
					body := append([]byte(nil), img.Bytes...)
					stored := w.core.Done(w.time(), f, img)
					w.note("read of key %d at %d answers %d (commit %d) stored=%v", o.Key, o.At, v, n, stored)
					img.Bytes = body
				}
				for _, wait := range c.waiters {
					wait(img.Bytes, img.Absent, !o.Fail)
				}
			})
		})
	}
}

// weaken has the backend, in every fourth world, refuse some of the reads that are made strong for the cache's sake.
func (w *node) weaken(o *Op, f *coherence.Flight) {
	if w.sc.Seed%4 == 2 && o.Pick>>8%3 == 1 && f.Strong && !o.Strong {
		w.note("weaken: %v", w.core.Weaken(w.time(), f))
	}
}

// transact is a strong read outside flights.
func (w *node) transact(o *Op) {
	p, life := w.itemPromise(o.Key, &coherence.ReadOptions{Strong: true}), w.starts
	w.in(o.D[0], func() {
		v := w.log.current()[o.Key]
		w.in(o.D[1], func() {
			if !w.alive(life) {
				return
			}
			img := itemImage(o.Key, v)
			w.core.Observed(w.time(), w.table, itemKey(o.Key), img)
			w.note("transact of key %d answers %d", o.Key, v)
			w.judgeItem(o.Key, img.Bytes, img.Absent, p, "transact")
		})
	})
}

// readPage is a Query or a Scan.
func (w *node) readPage(o *Op) {
	q := &requests[o.Key]
	ro := w.options(o)
	if q.index == "g" && !w.sc.Authoritative {
		ro.Strong = false // DynamoDB refuses it
	}
	p := w.pagePromise(q, &ro)
	r := w.core.ReadPage(w.time(), w.table, pageKeys[o.Key], spans[o.Key], ro, w.buf[:0])
	w.count(&ro, r.Outcome, &w.res.PageReads, &w.res.PageHits)
	if !w.pageHit(o.Key, &r, p) {
		w.pageMiss(o, r, p)
	}
}

// pageHit judges a hit.
func (w *node) pageHit(page int, r *coherence.Read, p promise) bool {
	if r.Outcome != coherence.Hit {
		return false
	}
	if w.trace {
		w.note("page hit %q", r.Body)
	}
	w.res.Judged++
	w.buf = r.Body
	w.judgePage(page, r.Body, p)
	return true
}

// pageMiss is itemMiss for a page.
func (w *node) pageMiss(o *Op, r coherence.Read, p promise) {
	q, life := &requests[o.Key], w.starts
	answer := func(body []byte, _, ok bool) {
		if ok {
			w.judgePage(o.Key, body, p)
		}
	}
	switch r.Outcome {
	case coherence.Negative:
		w.fail("page %d answered as a negative item", o.Key)
	case coherence.Joined:
		w.note("joined")
		c := r.Flight.Call.(*call)
		c.waiters = append(c.waiters, answer)
	case coherence.Lead:
		f := r.Flight
		c := f.Call.(*call)
		c.waiters = append(c.waiters, answer)
		w.in(o.D[0], func() {
			w.weaken(o, f)
			n := w.log.last()
			if !f.Strong && !w.sc.Authoritative {
				n = w.lagged(o.Pick, q.index == "g")
			}
			body, scanned := q.page(&w.log.commits[n].state)
			w.in(o.D[1], func() {
				if !w.alive(life) {
					return
				}
				if o.Fail {
					w.note("page %d at %d failed", o.Key, o.At)
					w.core.Fail(w.time(), f)
				} else {
					stored := w.core.DonePage(w.time(), f, pageImage(body), scanned)
					w.note("page %d at %d answers %q (commit %d) stored=%v", o.Key, o.At, body, n, stored)
					if !stored && !f.Weak && w.undisturbed(p.inv, scanned) {
						w.fail("useful: page %d begun at %d and not disturbed is not stored", o.Key, p.inv)
					}
				}
				for _, wait := range c.waiters {
					wait(body, false, !o.Fail)
				}
			})
		})
	}
}

// count adds a read to the shares.
func (w *node) count(ro *coherence.ReadOptions, r coherence.Outcome, reads, hits *int) {
	if ro.NoCache || ro.Strong && !w.sc.Authoritative {
		return
	}
	*reads++
	if r == coherence.Hit || r == coherence.Negative {
		*hits++
	}
}
