// Package stream follows the streams of tables before a remote backend, so that the caches learn of writes that others
// make. It promises, per table: every commit up to the watermark it tells has been applied, given that the stream shows a
// commit within its lag L; and when commits may have gone by unread, everything cached of the table is forgotten.
//
// The Tailer, with the files graph.go, watermark.go and lag.go, decides all of it and does nothing itself. The Manager
// has a table for every schema that is learned, the table a follower for its stream, the follower a Tailer and a
// goroutine for each shard that is read.
package stream
