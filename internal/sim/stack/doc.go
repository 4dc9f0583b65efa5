// Package stack drives whole nodes through seeded scripts: the real proxy, guard, caches, invalidator and stream manager, over
// a small DynamoDB that remembers every version, with virtual time. Requests go in and answers come out as the bytes that a
// front would hand over; nothing between there and backend.Backend is replaced. One seed is one run, repeatable to the byte.
//
// Run must be called inside a testing/synctest bubble with one processor. Every wait is a number of nanoseconds that the
// seed, the virtual time and the place draw, so that at nearly every instant one goroutine wakes; what is noted of one
// instant is sorted, so that the order of those that wake together does not show.
//
// The oracle is the commit log. It judges, by the names of docs/COHERENCE.md: P1 read your writes; P2 monotonic reads
// of an item; P3 nothing older than Delta while the stream is read and keeps its lag; P4 nothing older than its time to live;
// P5 convergence: after quiet everything that is answered equals a strong read; P6 no value that was never committed; P7 a
// page is a page of one legal moment, by the interval it scanned; P8 a global index's page is no staler than the index and
// Delta; P9 strong reads and transactions are linearizable; P10 the same with streams cut off; P11 the same after restarts; P12
// transactions are seen once acknowledged. After quiet and Delta what was read must be a hit, and nothing may be left under way.
package stack
