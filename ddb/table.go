package ddb

import "strings"

// Timestamp is seconds since 1970 as DynamoDB's JSON writes them, with milliseconds as the fraction. Zero is absent.
type Timestamp float64

// The members of the shapes in this file and in input_table.go: a string, number or time whose zero value is never
// legal is plain and its zero value is "absent"; other optional scalars are pointers.

// AttributeDefinition gives a key attribute its type: "S", "N" or "B".
type AttributeDefinition struct {
	AttributeName string `ddb:"required,min=1,max=255"`
	AttributeType string `ddb:"required,enum=B|N|S"`
}

// KeySchemaElement is one attribute of a key; KeyType is "HASH" or "RANGE".
type KeySchemaElement struct {
	AttributeName string `ddb:"required,min=1,max=255"`
	KeyType       string `ddb:"required,enum=HASH|RANGE"`
}

// KeySchema is a table's or index's key: the HASH attributes, then the RANGE attributes. A table and a local index
// have one and at most one, a global index up to four of each.
type KeySchema []KeySchemaElement

// Hash is the name of the (first) partition key attribute.
func (s KeySchema) Hash() string { return s.first("HASH") }

// Range is the name of the (first) sort key attribute, empty if there is none.
func (s KeySchema) Range() string { return s.first("RANGE") }

// HashAll is the names of the partition key attributes, in order.
func (s KeySchema) HashAll() []string { return s.all("HASH") }

// RangeAll is the names of the sort key attributes, in order.
func (s KeySchema) RangeAll() []string { return s.all("RANGE") }

// Has reports whether name is one of the key's attributes.
func (s KeySchema) Has(name string) bool {
	for i := range s {
		if s[i].AttributeName == name {
			return true
		}
	}
	return false
}

// KeyOf is the part of item that s names, or false if an attribute of it is missing.
func (s KeySchema) KeyOf(item Item) (Item, bool) {
	key := make([]Attribute, 0, len(s))
	for i := range s {
		v, ok := item.Get(s[i].AttributeName)
		if !ok {
			return nil, false
		}
		key = append(key, Attribute{s[i].AttributeName, v})
	}
	return ItemOf(key...), true
}

// first is the name of the first element of the given type.
func (s KeySchema) first(keyType string) string {
	for i := range s {
		if s[i].KeyType == keyType {
			return s[i].AttributeName
		}
	}
	return ""
}

// all is the names of the elements of the given type.
func (s KeySchema) all(keyType string) []string { return s.appendAll(nil, keyType) }

// AppendHashAll and AppendRangeAll append what HashAll and RangeAll give.
func (s KeySchema) AppendHashAll(names []string) []string { return s.appendAll(names, "HASH") }

// AppendRangeAll is AppendHashAll for the sort key attributes.
func (s KeySchema) AppendRangeAll(names []string) []string { return s.appendAll(names, "RANGE") }

// appendAll appends the names of all attributes of a type.
func (s KeySchema) appendAll(names []string, keyType string) []string {
	for i := range s {
		if s[i].KeyType == keyType {
			names = append(names, s[i].AttributeName)
		}
	}
	return names
}

// Projection says which attributes an index holds beside its own and the table's keys. ProjectionType is "ALL",
// "KEYS_ONLY" or "INCLUDE".
type Projection struct {
	ProjectionType   string   `ddb:"enum=ALL|INCLUDE|KEYS_ONLY"`
	NonKeyAttributes []string `ddb:"min=1"`
}

// ProvisionedThroughput is the capacity a client asks for.
type ProvisionedThroughput struct {
	ReadCapacityUnits  int64 `ddb:"required,min=1"`
	WriteCapacityUnits int64 `ddb:"required,min=1"`
}

// ProvisionedThroughputDescription is the capacity a table or index has; zeros when it is on demand.
type ProvisionedThroughputDescription struct {
	LastIncreaseDateTime   Timestamp
	LastDecreaseDateTime   Timestamp
	NumberOfDecreasesToday int64 `ddb:"always"`
	ReadCapacityUnits      int64 `ddb:"always"`
	WriteCapacityUnits     int64 `ddb:"always"`
}

// OnDemandThroughput is the ceiling of an on-demand table or index; -1 means none.
type OnDemandThroughput struct {
	MaxReadRequestUnits  *int64
	MaxWriteRequestUnits *int64
}

// WarmThroughput is the throughput a table or index is to be ready for, and, in descriptions, with its Status.
type WarmThroughput struct {
	ReadUnitsPerSecond  *int64
	WriteUnitsPerSecond *int64
	Status              string
}

// StreamSpecification is a table's stream setting.
type StreamSpecification struct {
	StreamEnabled  bool   `ddb:"required,always"`
	StreamViewType string `ddb:"enum=NEW_IMAGE|OLD_IMAGE|NEW_AND_OLD_IMAGES|KEYS_ONLY"`
}

// SSESpecification is a table's encryption setting.
type SSESpecification struct {
	Enabled        *bool
	SSEType        string `ddb:"enum=AES256|KMS"`
	KMSMasterKeyId *string
}

// SSEDescription is a table's encryption state.
type SSEDescription struct {
	Status                         string
	SSEType                        string
	KMSMasterKeyArn                string
	InaccessibleEncryptionDateTime Timestamp
}

// BillingModeSummary is how a table is billed: "PROVISIONED" or "PAY_PER_REQUEST".
type BillingModeSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime Timestamp
}

// TableThroughputModeSummary repeats the billing mode under the older name that some clients read.
type TableThroughputModeSummary struct {
	TableThroughputMode               string
	LastUpdateToPayPerRequestDateTime Timestamp
}

// TableClassSummary is a table's storage class.
type TableClassSummary struct {
	TableClass         string
	LastUpdateDateTime Timestamp
}

// ArchivalSummary tells why and when a table was archived.
type ArchivalSummary struct {
	ArchivalDateTime  Timestamp
	ArchivalReason    string
	ArchivalBackupArn string
}

// RestoreSummary tells what a table was restored from.
type RestoreSummary struct {
	SourceBackupArn   string
	SourceTableArn    string
	RestoreDateTime   Timestamp `ddb:"always"`
	RestoreInProgress bool      `ddb:"always"`
}

// LocalSecondaryIndexDescription describes a local index.
type LocalSecondaryIndexDescription struct {
	IndexName      string
	KeySchema      KeySchema
	Projection     *Projection
	IndexSizeBytes int64 `ddb:"always"`
	ItemCount      int64 `ddb:"always"`
	IndexArn       string
}

// GlobalSecondaryIndexDescription describes a global index.
type GlobalSecondaryIndexDescription struct {
	IndexName             string
	KeySchema             KeySchema
	Projection            *Projection
	IndexStatus           string
	Backfilling           *bool
	ProvisionedThroughput *ProvisionedThroughputDescription
	IndexSizeBytes        int64 `ddb:"always"`
	ItemCount             int64 `ddb:"always"`
	IndexArn              string
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

// ReplicaGlobalSecondaryIndexDescription describes a global index of a replica.
type ReplicaGlobalSecondaryIndexDescription struct {
	IndexName                     string
	ProvisionedThroughputOverride *ProvisionedThroughputOverride
	OnDemandThroughputOverride    *OnDemandThroughputOverride
	WarmThroughput                *WarmThroughput
}

// ReplicaDescription describes one replica of a global table.
type ReplicaDescription struct {
	RegionName                         string
	ReplicaStatus                      string
	ReplicaArn                         string
	ReplicaStatusDescription           string
	ReplicaStatusPercentProgress       string
	KMSMasterKeyId                     string
	ProvisionedThroughputOverride      *ProvisionedThroughputOverride
	OnDemandThroughputOverride         *OnDemandThroughputOverride
	WarmThroughput                     *WarmThroughput
	GlobalSecondaryIndexes             []ReplicaGlobalSecondaryIndexDescription
	ReplicaInaccessibleDateTime        Timestamp
	ReplicaTableClassSummary           *TableClassSummary
	GlobalTableSettingsReplicationMode string
}

// GlobalTableWitnessDescription describes a witness of a strongly consistent global table.
type GlobalTableWitnessDescription struct {
	RegionName    string
	WitnessStatus string
}

// TableDescription is what DescribeTable tells of a table. (API Reference, TableDescription.)
type TableDescription struct {
	AttributeDefinitions               []AttributeDefinition
	TableName                          string
	KeySchema                          KeySchema
	TableStatus                        string
	CreationDateTime                   Timestamp
	ProvisionedThroughput              *ProvisionedThroughputDescription
	TableSizeBytes                     int64 `ddb:"always"`
	ItemCount                          int64 `ddb:"always"`
	TableArn                           string
	TableId                            string
	BillingModeSummary                 *BillingModeSummary
	TableThroughputModeSummary         *TableThroughputModeSummary
	LocalSecondaryIndexes              []LocalSecondaryIndexDescription
	GlobalSecondaryIndexes             []GlobalSecondaryIndexDescription
	StreamSpecification                *StreamSpecification
	LatestStreamLabel                  string
	LatestStreamArn                    string
	GlobalTableVersion                 string
	Replicas                           []ReplicaDescription
	GlobalTableWitnesses               []GlobalTableWitnessDescription
	GlobalTableSettingsReplicationMode string
	RestoreSummary                     *RestoreSummary
	SSEDescription                     *SSEDescription
	ArchivalSummary                    *ArchivalSummary
	TableClassSummary                  *TableClassSummary
	DeletionProtectionEnabled          bool `ddb:"always"`
	OnDemandThroughput                 *OnDemandThroughput
	WarmThroughput                     *WarmThroughput
	MultiRegionConsistency             string
}

// IndexInfo is what a reader must know of a secondary index.
type IndexInfo struct {
	Name       string
	Global     bool
	KeySchema  KeySchema
	Projection Projection
	// Number is the index's place in the description: local indexes first, then global ones, from 1. It is no
	// identity: it changes when an index is deleted.
	Number int
}

// Index looks up the index called name, whatever its status.
func (t *TableDescription) Index(name string) (*IndexInfo, bool) {
	for i := range t.LocalSecondaryIndexes {
		if d := &t.LocalSecondaryIndexes[i]; d.IndexName == name {
			return newIndexInfo(name, false, d.KeySchema, d.Projection, i+1), true
		}
	}
	for i := range t.GlobalSecondaryIndexes {
		if d := &t.GlobalSecondaryIndexes[i]; d.IndexName == name {
			return newIndexInfo(name, true, d.KeySchema, d.Projection, len(t.LocalSecondaryIndexes)+i+1), true
		}
	}
	return nil, false
}

// Indexes lists all indexes in the order of their Number.
func (t *TableDescription) Indexes() []*IndexInfo {
	infos := make([]*IndexInfo, 0, len(t.LocalSecondaryIndexes)+len(t.GlobalSecondaryIndexes))
	for i := range t.LocalSecondaryIndexes {
		d := &t.LocalSecondaryIndexes[i]
		infos = append(infos, newIndexInfo(d.IndexName, false, d.KeySchema, d.Projection, len(infos)+1))
	}
	for i := range t.GlobalSecondaryIndexes {
		d := &t.GlobalSecondaryIndexes[i]
		infos = append(infos, newIndexInfo(d.IndexName, true, d.KeySchema, d.Projection, len(infos)+1))
	}
	return infos
}

// newIndexInfo copies p, which descriptions carry by pointer.
func newIndexInfo(name string, global bool, schema KeySchema, p *Projection, number int) *IndexInfo {
	info := &IndexInfo{Name: name, Global: global, KeySchema: schema, Number: number}
	if p != nil {
		info.Projection = *p
	}
	return info
}

// AttributeKind is the kind that AttributeDefinitions give name, KindInvalid if they do not.
func (t *TableDescription) AttributeKind(name string) Kind {
	for i := range t.AttributeDefinitions {
		if t.AttributeDefinitions[i].AttributeName == name {
			return KindOf(t.AttributeDefinitions[i].AttributeType)
		}
	}
	return KindInvalid
}

// KindOf is the kind with the wire name name, such as "SS"; KindInvalid if there is none.
func KindOf(name string) Kind {
	for k, n := range kindNames {
		if n == name {
			return Kind(k)
		}
	}
	return KindInvalid
}

// TableARN is the ARN of a table.
// (Service Authorization Reference, "Resource types defined by Amazon DynamoDB".)
func TableARN(region, account, table string) string {
	return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table
}

// IndexARN is the ARN of a table's index.
func IndexARN(tableARN, index string) string { return tableARN + "/index/" + index }

// StreamARN is the ARN of a table's stream with the given label.
func StreamARN(tableARN, label string) string { return tableARN + "/stream/" + label }

// ParsedARN is an ARN of a DynamoDB resource taken apart. Table is the table's name; Sub is what follows it, such as
// "index/by-date" or "stream/2024-01-01T00:00:00.000", empty for the table itself.
type ParsedARN struct {
	Partition, Region, Account, Table, Sub string
}

// ParseARN takes apart the ARN of a table or of something under one; false if arn is not such an ARN.
func ParseARN(arn string) (ParsedARN, bool) {
	if !strings.HasPrefix(arn, "arn:") {
		return ParsedARN{}, false
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "dynamodb" {
		return ParsedARN{}, false
	}
	resource, ok := strings.CutPrefix(parts[5], "table/")
	if !ok {
		return ParsedARN{}, false
	}
	table, sub, _ := strings.Cut(resource, "/")
	if table == "" {
		return ParsedARN{}, false
	}
	return ParsedARN{Partition: parts[1], Region: parts[3], Account: parts[4], Table: table, Sub: sub}, true
}

// TableName is the bare name of a table that a client named by its name or by its ARN.
func TableName(nameOrARN string) string {
	if p, ok := ParseARN(nameOrARN); ok && p.Sub == "" {
		return p.Table
	}
	return nameOrARN
}
