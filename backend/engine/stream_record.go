package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"millrace/ddb"
)

// streamEvent is a stream record before it has its place: the committer gives it a shard and a sequence number.
type streamEvent struct {
	stream uint32
	// hash is the start of the MD5 of the item's partition key.
	hash uint64
	body []byte
}

// The bits of a stored record's second byte: what happened, and which images follow.
const (
	recordHadOld = 1 << iota
	recordHasNew
	recordExpired
	recordOldImage
	recordNewImage
)

// recordFormat is the first byte of every stored record.
const recordFormat = 1

// viewImages are the images that a stream's records hold, by its view type. (API Reference, StreamSpecification.)
var viewImages = map[string]byte{
	"KEYS_ONLY":          0,
	"NEW_IMAGE":          recordNewImage,
	"OLD_IMAGE":          recordOldImage,
	"NEW_AND_OLD_IMAGES": recordNewImage | recordOldImage,
}

// note adds the stream record of a mutation that changes something of t, which has a stream. itemKey is the item's store
// key and key its primary key.
//
//	record  version(1) bits(1) keys(map) [old(map)] [new(map)]
func (w *prepared) note(t *table, m *mutation, itemKey []byte, key ddb.Item) {
	images := viewImages[t.desc.StreamSpecification.StreamViewType]
	bits := byte(0)
	if m.hadOld {
		bits |= recordHadOld | images&recordOldImage
	}
	if m.hasNew {
		bits |= recordHasNew | images&recordNewImage
	}
	if m.expired {
		bits |= recordExpired
	}
	body := appendMap([]byte{recordFormat, bits}, key)
	if bits&recordOldImage != 0 {
		body = appendMap(body, m.old)
	}
	if bits&recordNewImage != 0 {
		body = appendMap(body, m.new)
	}
	w.events = append(w.events, streamEvent{t.record.Stream, binary.BigEndian.Uint64(itemKey[itemHeaderBytes:]), body})
}

// decodeRecord makes a stored record of s into what GetRecords answers. It copies stored once.
func (s *stream) decodeRecord(region string, sequence uint64, stored []byte) (ddb.Record, error) {
	d := decoder{rest: string(stored)}
	version, bits := d.byte(), d.byte()
	change := &ddb.StreamRecord{
		// DynamoDB gives whole seconds.
		ApproximateCreationDateTime: ddb.Timestamp(sequenceMilli(sequence) / 1000),
		Keys:                        d.mapping(0),
		SequenceNumber:              sequenceText(sequence),
		StreamViewType:              s.record.View,
	}
	if bits&recordOldImage != 0 {
		change.OldImage = d.mapping(0)
	}
	if bits&recordNewImage != 0 {
		change.NewImage = d.mapping(0)
	}
	if version != recordFormat || d.bad || d.rest != "" {
		return ddb.Record{}, fmt.Errorf("read record %d of stream %q: %w", sequence, s.record.ARN, errDamaged)
	}
	// The samples in the Developer Guide ("Lambda and DynamoDB Streams", sample event) add up so.
	change.SizeBytes = int64(change.Keys.Size() + change.OldImage.Size() + change.NewImage.Size())
	r := ddb.Record{
		EventID:      s.eventID(sequence),
		EventName:    eventName(bits),
		EventVersion: "1.1",
		EventSource:  "aws:dynamodb",
		AWSRegion:    region,
		DynamoDB:     change,
	}
	if bits&recordExpired != 0 {
		// (Developer Guide, "DynamoDB Streams and Time to Live".)
		r.UserIdentity = &ddb.Identity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
	}
	return r, nil
}

// eventName is what a record's bits say has happened. (API Reference, Record: eventName.)
func eventName(bits byte) string {
	switch bits & (recordHadOld | recordHasNew) {
	case recordHasNew:
		return "INSERT"
	case recordHadOld:
		return "REMOVE"
	}
	return "MODIFY"
}

// eventID is a record's id: 32 hexadecimal digits that are the same whenever it is read, and no other record's, of
// whatever table on whatever machine.
func (s *stream) eventID(sequence uint64) string {
	h := sha256.New()
	h.Write([]byte(s.record.TableID))
	h.Write([]byte(s.record.ARN))
	h.Write(binary.BigEndian.AppendUint64(nil, sequence))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
