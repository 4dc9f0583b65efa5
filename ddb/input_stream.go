package ddb

// The typed inputs and outputs of DynamoDBStreams_20120810.

// ListStreamsInput is ListStreams'.
type ListStreamsInput struct {
	TableName               *string `ddb:"table"`
	Limit                   *int    `ddb:"min=1,max=100"`
	ExclusiveStartStreamArn *string `ddb:"min=37,max=1024"`
}

// Stream names one stream.
type Stream struct {
	StreamArn   string
	TableName   string
	StreamLabel string
}

// ListStreamsOutput is ListStreams'.
type ListStreamsOutput struct {
	Streams                []Stream `ddb:"always"`
	LastEvaluatedStreamArn *string
}

// ShardFilter asks for the children of a shard.
type ShardFilter struct {
	Type    *string `ddb:"enum=CHILD_SHARDS"`
	ShardId *string `ddb:"min=28,max=65"`
}

// DescribeStreamInput is DescribeStream's.
type DescribeStreamInput struct {
	StreamArn             string  `ddb:"required,min=37,max=1024"`
	Limit                 *int    `ddb:"min=1,max=100"`
	ExclusiveStartShardId *string `ddb:"min=28,max=65"`
	ShardFilter           *ShardFilter
}

// SequenceNumberRange bounds the records of a shard; an open shard has no end.
type SequenceNumberRange struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string
}

// Shard is one shard of a stream.
type Shard struct {
	ShardId             string
	SequenceNumberRange *SequenceNumberRange
	ParentShardId       string
}

// StreamDescription describes a stream.
type StreamDescription struct {
	StreamArn               string
	StreamLabel             string
	StreamStatus            string
	StreamViewType          string
	CreationRequestDateTime Timestamp
	TableName               string
	KeySchema               KeySchema
	Shards                  []Shard `ddb:"always"`
	LastEvaluatedShardId    *string
}

// DescribeStreamOutput is DescribeStream's.
type DescribeStreamOutput struct {
	StreamDescription *StreamDescription
}

// GetShardIteratorInput is GetShardIterator's.
type GetShardIteratorInput struct {
	StreamArn         string  `ddb:"required,min=37,max=1024"`
	ShardId           string  `ddb:"required,min=28,max=65"`
	ShardIteratorType string  `ddb:"required,enum=TRIM_HORIZON|LATEST|AT_SEQUENCE_NUMBER|AFTER_SEQUENCE_NUMBER"`
	SequenceNumber    *string `ddb:"min=21,max=40"`
}

// GetShardIteratorOutput is GetShardIterator's.
type GetShardIteratorOutput struct {
	ShardIterator *string
}

// GetRecordsInput is GetRecords'.
type GetRecordsInput struct {
	ShardIterator string `ddb:"required,min=1,max=2048"`
	Limit         *int   `ddb:"min=1,max=1000"`
}

// Identity is who made a change; set for deletions by time to live.
type Identity struct {
	PrincipalID string `ddb:"name=PrincipalId"`
	Type        string
}

// StreamRecord is the change itself.
type StreamRecord struct {
	ApproximateCreationDateTime Timestamp
	Keys                        Item
	NewImage                    Item
	OldImage                    Item
	SequenceNumber              string
	SizeBytes                   int64 `ddb:"always"`
	StreamViewType              string
}

// Record is one event of a stream. Its members' wire names begin with a small letter.
type Record struct {
	EventID      string        `ddb:"name=eventID"`
	EventName    string        `ddb:"name=eventName"`
	EventVersion string        `ddb:"name=eventVersion"`
	EventSource  string        `ddb:"name=eventSource"`
	AWSRegion    string        `ddb:"name=awsRegion"`
	DynamoDB     *StreamRecord `ddb:"name=dynamodb"`
	UserIdentity *Identity     `ddb:"name=userIdentity"`
}

// GetRecordsOutput is GetRecords'.
type GetRecordsOutput struct {
	Records           []Record `ddb:"always"`
	NextShardIterator *string
}

// Operation is ListStreams.
func (*ListStreamsInput) Operation() Operation { return ListStreams }

// Operation is DescribeStream.
func (*DescribeStreamInput) Operation() Operation { return DescribeStream }

// Operation is GetShardIterator.
func (*GetShardIteratorInput) Operation() Operation { return GetShardIterator }

// Operation is GetRecords.
func (*GetRecordsInput) Operation() Operation { return GetRecords }
