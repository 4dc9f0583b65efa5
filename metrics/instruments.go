package metrics

import "strings"

// kind is what an instrument's numbers mean.
type kind uint8

// The kinds.
const (
	counter kind = iota
	gauge
	histogram
)

// instrument is one family of numbers. Its name is OpenTelemetry's; Prometheus' is made of it.
type instrument struct {
	name   string
	kind   kind
	unit   string // UCUM: "s", "By", "1" for a ratio, {things} for counts
	help   string
	labels []string
}

// Every instrument there is. Labels come from closed sets: operations, results, classes, caches, reasons, sources, ranks, and
// tables, which are capped.
var (
	requestsTotal   = instrument{"millrace.requests", counter, "{request}", "Requests answered, by operation, table and how they ended.", []string{"operation", "table", "class"}}
	requestDuration = instrument{"millrace.request.duration", histogram, "s", "Time from a request read to its answer made.", []string{"operation", "result"}}
	cacheRequests   = instrument{"millrace.cache.requests", counter, "{request}", "Requests that a cache may serve, by what it did; the words are those of the X-Millrace-Cache header.", []string{"cache", "operation", "table", "result"}}
	cacheBatchKeys  = instrument{"millrace.cache.batch_keys", counter, "{key}", "Keys of BatchGetItem requests, by whether the cache had them.", []string{"result"}}
	receivedBytes   = instrument{"millrace.network.receive", counter, "By", "Bytes of request bodies.", nil}
	sentBytes       = instrument{"millrace.network.transmit", counter, "By", "Bytes of response bodies before compression.", nil}
	panicsTotal     = instrument{"millrace.panics", counter, "{request}", "Requests that ended in a panic; each is logged with its stack.", nil}
	refusedTotal    = instrument{"millrace.requests.refused", counter, "{request}", "Requests refused before their operation was known: broken HTTP, unsigned, too large.", nil}
	slowTotal       = instrument{"millrace.requests.slow", counter, "{request}", "Requests that took longer than metrics.slow_threshold.", nil}

	cacheEntries      = instrument{"millrace.cache.entries", gauge, "{entry}", "Entries held: items, known absences and pages.", []string{"cache"}}
	cacheBytes        = instrument{"millrace.cache", gauge, "By", "Bytes held: keys, images and bookkeeping.", []string{"cache"}}
	cacheMaxBytes     = instrument{"millrace.cache.max", gauge, "By", "Bytes that all caches together may hold.", nil}
	cacheEvictions    = instrument{"millrace.cache.evictions", counter, "{entry}", "Entries that left, by why: capacity, shed (the policy fell behind), expired, invalidated, purged.", []string{"reason"}}
	cacheEvictedBytes = instrument{"millrace.cache.evicted", counter, "By", "Bytes of the entries that left, by why.", []string{"reason"}}
	invalidations     = instrument{"millrace.invalidations", counter, "{change}", "Changes that made the caches forget, by where they came from.", []string{"source"}}
	hotKeyShare       = instrument{"millrace.hot_key.share", gauge, "1", "Share of all keys asked for in the last minutes that the hottest keys have, by rank. The keys are told by the admin API.", []string{"rank", "table"}}

	streamFollowed  = instrument{"millrace.stream.followed", gauge, "", "1 while the caches count on the table's stream, 0 while it is not followed yet or no longer; absent where there is none to follow: there was none since the start, streams are off, or the table is gone.", []string{"table"}}
	streamWatermark = instrument{"millrace.stream.watermark.age", gauge, "s", "Time since the moment up to which every change of the table is known to be applied.", []string{"table"}}
	streamRequests  = instrument{"millrace.stream.requests", counter, "{request}", "GetRecords requests sent for the table's stream, each of which is charged.", []string{"table"}}
	streamRecords   = instrument{"millrace.stream.records", counter, "{record}", "Stream records applied.", []string{"table"}}
	streamGaps      = instrument{"millrace.stream.gaps", counter, "{gap}", "Times the position in the stream was lost and the table was forgotten.", []string{"table"}}
	streamLag       = instrument{"millrace.stream.lag", histogram, "s", "Time from a change's commit to its application.", []string{"table"}}
	indexLag        = instrument{"millrace.index.lag", gauge, "s", "How far the table's global indexes are assumed to lag behind it: upstream.index_lag, or more where they were seen to.", []string{"table"}}
	audits          = instrument{"millrace.audits", counter, "{hit}", "Hits drawn to be compared with the backend, by what it showed: agreed, within_bound, beyond_bound, unresolved, skipped.", []string{"table", "verdict"}}
	staleness       = instrument{"millrace.staleness", histogram, "s", "How long entries went on being served, from when an audit saw the backend contradict them.", []string{"table"}}

	backendDuration  = instrument{"millrace.backend.duration", histogram, "s", "Time that operations took at the backend, retries included.", []string{"operation", "class"}}
	backendInFlight  = instrument{"millrace.backend.in_flight", gauge, "{request}", "Operations under way at the backend.", nil}
	upstreamDuration = instrument{"millrace.upstream.duration", histogram, "s", "Time that single HTTP requests to Amazon took.", []string{"operation", "class"}}
	upstreamInFlight = instrument{"millrace.upstream.in_flight", gauge, "{request}", "HTTP requests to Amazon under way.", nil}
	upstreamRetries  = instrument{"millrace.upstream.retries", counter, "{request}", "HTTP requests to Amazon that were sent again, by why.", []string{"operation", "reason"}}
	weakFills        = instrument{"millrace.cache.weak_fills", counter, "{read}", "Misses read eventually as their client sent them, and not stored, where the cache would have had them read strongly: upstream refused or throttled that, or the table was cold and its refill_rate reached.", []string{"table", "reason"}}
	capacityUnits    = instrument{"millrace.capacity.units", counter, "{unit}", "Read and write units, by what they were for.", []string{"table", "entry"}}
	capacityConsumed = instrument{"millrace.capacity.consumed", counter, "{unit}", "Read or write units that operations consumed at a remote backend, fills of the caches under the operation they were for.", []string{"table", "operation"}}
	capacityNet      = instrument{"millrace.capacity.net_units", gauge, "{unit}", "Read units avoided by the cache less what it cost; may be below zero.", []string{"table"}}

	observedReads    = instrument{"millrace.observe.reads", counter, "{read}", "Reads forwarded in mode observe, each key of a batch as one, by what the caches would have done: hit, differing, miss, unfilled, forward. Unfilled are misses that would have been read strongly, as just after a write, or for more than was asked for; mode observe does not, so what would have been hits after them is told as unfilled too, and hit is the least that there would have been.", []string{"result"}}
	observedVerdicts = instrument{"millrace.observe.verdicts", counter, "{read}", "Reads that the caches would have answered otherwise, by what looking again showed: backend_older, within_bound, beyond_bound, unresolved.", []string{"verdict"}}

	connectionsOpen = instrument{"millrace.client.connections", gauge, "{connection}", "Open client connections.", nil}
	connectionsMade = instrument{"millrace.client.connections.accepted", counter, "{connection}", "Client connections accepted.", nil}
	connectionsCut  = instrument{"millrace.client.connections.cut", counter, "{connection}", "Client connections cut off because draining took too long.", nil}
	draining        = instrument{"millrace.draining", gauge, "", "1 while the node stops and sends its clients away.", nil}
	buildInfo       = instrument{"millrace.build.info", gauge, "", "Always 1; the labels say what runs.", []string{"version", "goversion", "backend"}}
	reloadOK        = instrument{"millrace.config.last_reload.successful", gauge, "", "1 if the last reading of the configuration succeeded, else 0.", nil}
	reloadTime      = instrument{"millrace.config.last_reload.success.timestamp", gauge, "s", "Unix time of the last successful reading of the configuration.", nil}
	certificateEnds = instrument{"millrace.tls.certificate.expiry.timestamp", gauge, "s", "Unix time at which the data port's certificate ends.", nil}
)

// instruments are all of them, for those who must know before there are numbers.
var instruments = []*instrument{
	&requestsTotal, &requestDuration, &cacheRequests, &cacheBatchKeys, &receivedBytes, &sentBytes, &panicsTotal, &refusedTotal, &slowTotal,
	&cacheEntries, &cacheBytes, &cacheMaxBytes, &cacheEvictions, &cacheEvictedBytes, &invalidations, &hotKeyShare,
	&streamFollowed, &streamWatermark, &streamRequests, &streamRecords, &streamGaps, &streamLag, &indexLag, &audits, &staleness,
	&backendDuration, &backendInFlight, &upstreamDuration, &upstreamInFlight, &upstreamRetries, &weakFills, &capacityUnits, &capacityConsumed, &capacityNet,
	&observedReads, &observedVerdicts,
	&connectionsOpen, &connectionsMade, &connectionsCut, &draining, &buildInfo, &reloadOK, &reloadTime, &certificateEnds,
}

// unitSuffixes are how Prometheus names units. (Prometheus, "Metric and label naming".)
var unitSuffixes = map[string]string{"s": "_seconds", "By": "_bytes", "1": "_ratio"}

// prometheus is the instrument's name there.
func (i *instrument) prometheus() string {
	name := strings.ReplaceAll(i.name, ".", "_") + unitSuffixes[i.unit]
	if i.kind == counter {
		name += "_total"
	}
	return name
}

// Instrument describes a family for documents and tests.
type Instrument struct {
	// Prometheus and OTLP are its names.
	Prometheus, OTLP string
	Kind, Unit, Help string
	Labels           []string
}

// Instruments are all families of this package.
func Instruments() []Instrument {
	out := make([]Instrument, len(instruments))
	for n, i := range instruments {
		out[n] = Instrument{i.prometheus(), i.name, [...]string{"counter", "gauge", "histogram"}[i.kind], i.unit, i.help, i.labels}
	}
	return out
}
