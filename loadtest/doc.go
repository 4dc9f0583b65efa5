// Package loadtest measures the latency of anything that speaks DynamoDB's API, from outside: over sockets, with a client of
// its own or with AWS's. It is what `millrace loadtest` runs.
//
// It promises an open loop: when each request is due is drawn from a seed before the first is sent, and no answer, however
// late, moves another. Latency is counted from that intended start; what a closed loop would have seen is kept beside it.
// What was sent late, never sent, refused or not answered in time is counted and shown, and so is the client's own lag, so
// that a slow client is not taken for a slow target. Several targets get the same requests in alternating slices of one run.
//
// It knows nothing of millrace but the header X-Millrace-Cache, spends money only when told to, and drops the tables that it
// made.
package loadtest
