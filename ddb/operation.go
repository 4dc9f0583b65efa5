package ddb

// Operation is one of DynamoDB's API operations. The zero value is UnknownOperation.
type Operation uint8

// The operations of DynamoDB_20120810, in alphabetical order, then those of DynamoDBStreams_20120810.
const (
	UnknownOperation Operation = iota
	BatchExecuteStatement
	BatchGetItem
	BatchWriteItem
	CreateBackup
	CreateGlobalTable
	CreateTable
	DeleteBackup
	DeleteItem
	DeleteResourcePolicy
	DeleteTable
	DescribeBackup
	DescribeContinuousBackups
	DescribeContributorInsights
	DescribeEndpoints
	DescribeExport
	DescribeGlobalTable
	DescribeGlobalTableSettings
	DescribeImport
	DescribeKinesisStreamingDestination
	DescribeLimits
	DescribeTable
	DescribeTableReplicaAutoScaling
	DescribeTimeToLive
	DisableKinesisStreamingDestination
	EnableKinesisStreamingDestination
	ExecuteStatement
	ExecuteTransaction
	ExportTableToPointInTime
	GetItem
	GetResourcePolicy
	ImportTable
	ListBackups
	ListContributorInsights
	ListExports
	ListGlobalTables
	ListImports
	ListTables
	ListTagsOfResource
	PutItem
	PutResourcePolicy
	Query
	RestoreTableFromBackup
	RestoreTableToPointInTime
	Scan
	SearchVectors
	StartBulkPutItems
	TagResource
	TransactGetItems
	TransactWriteItems
	UntagResource
	UpdateContinuousBackups
	UpdateContributorInsights
	UpdateGlobalTable
	UpdateGlobalTableSettings
	UpdateItem
	UpdateKinesisStreamingDestination
	UpdateTable
	UpdateTableReplicaAutoScaling
	UpdateTimeToLive
	DescribeStream
	GetRecords
	GetShardIterator
	ListStreams
	NumOperations
)
