package cache

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"millrace/cache/coherence"
)

// RemoteConfig is what a configuration says of tables before a remote backend. What is empty is inherited.
type RemoteConfig struct {
	// Streams is what is done with the table's stream: auto reads it where there is one, enable makes one, off leaves it.
	Streams Streams
	// Delta bounds how old an answer may be while the stream is read. Too small, under what the stream itself takes, makes
	// every answer too old; too large lets foreign writes go unseen for longer where the stream lags.
	Delta time.Duration
	// Fill is how misses are read: strong, auto or eventual.
	Fill string
	// RefillRate is how many misses a second are read strongly while the table's cache is cold; 0 inherits, at last 3000.
	RefillRate int
	// Coherence is auto, or dax-compatible: as DAX does, no more.
	Coherence string
	// ConsistentRead, Projection, ReturnValues and ConsumedCapacity, on or off, are the rewrites of requests on their way to the
	// backend.
	ConsistentRead, Projection, ReturnValues, ConsumedCapacity string
}

// Streams is what is done with a table's stream.
type Streams string

// The words for Streams. The default is StreamsAuto.
const (
	StreamsAuto   Streams = "auto"
	StreamsEnable Streams = "enable"
	StreamsOff    Streams = "off"
)

// The other words, and the default Delta.
const (
	coherenceAuto = "auto"
	coherenceDAX  = "dax-compatible"
	defaultDelta  = 5 * time.Second
	// defaultRefillRate is what one partition of DynamoDB's can be read strongly in a second, of small items. (Developer Guide, "Best
	// practices for designing and using partition keys": 3000 read units.) Where a table has less, a read that is throttled is made
	// once more as its client sent it.
	defaultRefillRate = 3000
)

// fills are the words for coherence.Fill.
var fills = map[string]coherence.Fill{"": coherence.FillStrong, "strong": coherence.FillStrong, "auto": coherence.FillAuto, "eventual": coherence.FillEventual}

// RemoteSettings are the effective settings of one table before a remote backend.
type RemoteSettings struct {
	// Streams is what is done with its stream.
	Streams Streams
	// Delta bounds the age of answers while the stream is read.
	Delta time.Duration
	// Fill is how misses are read.
	Fill coherence.Fill
	// RefillRate is how many misses a second are read strongly while the table is cold; see refill.
	RefillRate int
	// DAXCompatible makes the caches no better than DAX's.
	DAXCompatible bool
	// Rewrite says which requests may be changed on their way.
	Rewrite Rewrite
}

// Rewrite says which requests may be changed on their way to the backend. A client's answer keeps the shape it asked for.
type Rewrite struct {
	// ConsistentRead lets fills be read strongly. Without it fills are eventual.
	ConsistentRead bool
	// Projection lets fills ask for whole items where the client did not. Without it such reads are forwarded.
	Projection bool
	// ReturnValues lets writes ask for images that the client did not ask for.
	ReturnValues bool
	// ConsumedCapacity lets fills of pages ask what they cost; off unless set. Without it that is known of a page if its client asked,
	// and the ledger estimates it for others.
	ConsumedCapacity bool
}

// check refuses words that are none, naming the setting.
func (r *RemoteConfig) check() error {
	for _, c := range []struct {
		name, value string
		of          []string
	}{
		{"streams", string(r.Streams), []string{"auto", "enable", "off"}},
		{"fill", r.Fill, []string{"strong", "auto", "eventual"}},
		{"coherence", r.Coherence, []string{coherenceAuto, coherenceDAX}},
		{"rewrite.consistent_read", r.ConsistentRead, []string{"on", "off", "true", "false"}},
		{"rewrite.projection", r.Projection, []string{"on", "off", "true", "false"}},
		{"rewrite.return_values", r.ReturnValues, []string{"on", "off", "true", "false"}},
		{"rewrite.consumed_capacity", r.ConsumedCapacity, []string{"on", "off", "true", "false"}},
	} {
		if c.value != "" && !slices.Contains(c.of, c.value) {
			return fmt.Errorf("%s is %q, must be one of %q", c.name, c.value, c.of)
		}
	}
	if r.RefillRate < 0 {
		return fmt.Errorf("refill_rate is %d, must be above zero", r.RefillRate)
	}
	if r.Delta < 0 {
		return fmt.Errorf("delta is %v, must be above zero", r.Delta)
	}
	return nil
}

// inherit takes from a less specific configuration what is empty.
func (r *RemoteConfig) inherit(from *RemoteConfig) {
	r.Streams = cmp.Or(r.Streams, from.Streams)
	r.Delta = cmp.Or(r.Delta, from.Delta)
	r.Fill = cmp.Or(r.Fill, from.Fill)
	r.RefillRate = cmp.Or(r.RefillRate, from.RefillRate)
	r.Coherence = cmp.Or(r.Coherence, from.Coherence)
	r.ConsistentRead = cmp.Or(r.ConsistentRead, from.ConsistentRead)
	r.Projection = cmp.Or(r.Projection, from.Projection)
	r.ReturnValues = cmp.Or(r.ReturnValues, from.ReturnValues)
	r.ConsumedCapacity = cmp.Or(r.ConsumedCapacity, from.ConsumedCapacity)
}

// settings are r's, with the defaults.
func (r *RemoteConfig) settings() RemoteSettings {
	on := func(word string) bool { return word != "off" && word != "false" }
	s := RemoteSettings{
		Streams: cmp.Or(r.Streams, StreamsAuto), Delta: cmp.Or(r.Delta, defaultDelta), Fill: fills[r.Fill],
		RefillRate:    cmp.Or(r.RefillRate, defaultRefillRate),
		DAXCompatible: r.Coherence == coherenceDAX,
		Rewrite: Rewrite{
			ConsistentRead: on(r.ConsistentRead), Projection: on(r.Projection),
			ReturnValues: on(r.ReturnValues), ConsumedCapacity: r.ConsumedCapacity == "on" || r.ConsumedCapacity == "true",
		},
	}
	if !s.Rewrite.ConsistentRead {
		s.Fill = coherence.FillEventual
	}
	if s.DAXCompatible {
		s.Streams, s.Fill = StreamsOff, coherence.FillEventual // as DAX reads; it reads no streams
	}
	return s
}
