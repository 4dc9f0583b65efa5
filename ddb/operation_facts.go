package ddb

import "strings"

// OperationKind is what an operation is to a cache.
type OperationKind uint8

// The kinds. A StatementOperation reads or writes, as its PartiQL says. A ControlOperation is about tables, not items.
const (
	ReadOperation OperationKind = iota + 1
	WriteOperation
	ControlOperation
	StatementOperation
)

// The two services, as they stand before the dot of X-Amz-Target.
const (
	DynamoDBService = "DynamoDB_20120810"
	StreamsService  = "DynamoDBStreams_20120810"
)

// OperationFacts is what is known of an operation without serving it.
type OperationFacts struct {
	// Name is the wire name.
	Name string
	// Service is DynamoDBService or StreamsService.
	Service string
	Kind    OperationKind
	// IAMAction is the action a caller must be allowed; empty where it follows from the request's content.
	// (Service Authorization Reference, "Actions defined by Amazon DynamoDB".)
	IAMAction string
	// NewInput makes an empty input to decode into. It is nil where this build has no shape for this operation alone.
	NewInput func() Input
}

// operationFacts is indexed by Operation.
var operationFacts = [NumOperations]OperationFacts{
	UnknownOperation:                    {Kind: ControlOperation},
	BatchExecuteStatement:               {"BatchExecuteStatement", DynamoDBService, StatementOperation, "", func() Input { return new(BatchExecuteStatementInput) }},
	BatchGetItem:                        {"BatchGetItem", DynamoDBService, ReadOperation, "dynamodb:BatchGetItem", func() Input { return new(BatchGetItemInput) }},
	BatchWriteItem:                      {"BatchWriteItem", DynamoDBService, WriteOperation, "dynamodb:BatchWriteItem", func() Input { return new(BatchWriteItemInput) }},
	CreateBackup:                        {"CreateBackup", DynamoDBService, ControlOperation, "dynamodb:CreateBackup", func() Input { return new(CreateBackupInput) }},
	CreateGlobalTable:                   {"CreateGlobalTable", DynamoDBService, ControlOperation, "dynamodb:CreateGlobalTable", nil},
	CreateTable:                         {"CreateTable", DynamoDBService, ControlOperation, "dynamodb:CreateTable", func() Input { return new(CreateTableInput) }},
	DeleteBackup:                        {"DeleteBackup", DynamoDBService, ControlOperation, "dynamodb:DeleteBackup", func() Input { return new(DeleteBackupInput) }},
	DeleteItem:                          {"DeleteItem", DynamoDBService, WriteOperation, "dynamodb:DeleteItem", func() Input { return new(DeleteItemInput) }},
	DeleteResourcePolicy:                {"DeleteResourcePolicy", DynamoDBService, ControlOperation, "dynamodb:DeleteResourcePolicy", nil},
	DeleteTable:                         {"DeleteTable", DynamoDBService, ControlOperation, "dynamodb:DeleteTable", func() Input { return new(DeleteTableInput) }},
	DescribeBackup:                      {"DescribeBackup", DynamoDBService, ControlOperation, "dynamodb:DescribeBackup", func() Input { return new(DescribeBackupInput) }},
	DescribeContinuousBackups:           {"DescribeContinuousBackups", DynamoDBService, ControlOperation, "dynamodb:DescribeContinuousBackups", func() Input { return new(DescribeContinuousBackupsInput) }},
	DescribeContributorInsights:         {"DescribeContributorInsights", DynamoDBService, ControlOperation, "dynamodb:DescribeContributorInsights", nil},
	DescribeEndpoints:                   {"DescribeEndpoints", DynamoDBService, ControlOperation, "dynamodb:DescribeEndpoints", func() Input { return new(DescribeEndpointsInput) }},
	DescribeExport:                      {"DescribeExport", DynamoDBService, ControlOperation, "dynamodb:DescribeExport", nil},
	DescribeGlobalTable:                 {"DescribeGlobalTable", DynamoDBService, ControlOperation, "dynamodb:DescribeGlobalTable", nil},
	DescribeGlobalTableSettings:         {"DescribeGlobalTableSettings", DynamoDBService, ControlOperation, "dynamodb:DescribeGlobalTableSettings", nil},
	DescribeImport:                      {"DescribeImport", DynamoDBService, ControlOperation, "dynamodb:DescribeImport", nil},
	DescribeKinesisStreamingDestination: {"DescribeKinesisStreamingDestination", DynamoDBService, ControlOperation, "dynamodb:DescribeKinesisStreamingDestination", nil},
	DescribeLimits:                      {"DescribeLimits", DynamoDBService, ControlOperation, "dynamodb:DescribeLimits", func() Input { return new(DescribeLimitsInput) }},
	DescribeTable:                       {"DescribeTable", DynamoDBService, ControlOperation, "dynamodb:DescribeTable", func() Input { return new(DescribeTableInput) }},
	DescribeTableReplicaAutoScaling:     {"DescribeTableReplicaAutoScaling", DynamoDBService, ControlOperation, "dynamodb:DescribeTableReplicaAutoScaling", nil},
	DescribeTimeToLive:                  {"DescribeTimeToLive", DynamoDBService, ControlOperation, "dynamodb:DescribeTimeToLive", func() Input { return new(DescribeTimeToLiveInput) }},
	DisableKinesisStreamingDestination:  {"DisableKinesisStreamingDestination", DynamoDBService, ControlOperation, "dynamodb:DisableKinesisStreamingDestination", nil},
	EnableKinesisStreamingDestination:   {"EnableKinesisStreamingDestination", DynamoDBService, ControlOperation, "dynamodb:EnableKinesisStreamingDestination", nil},
	ExecuteStatement:                    {"ExecuteStatement", DynamoDBService, StatementOperation, "", func() Input { return new(ExecuteStatementInput) }},
	ExecuteTransaction:                  {"ExecuteTransaction", DynamoDBService, StatementOperation, "", func() Input { return new(ExecuteTransactionInput) }},
	ExportTableToPointInTime:            {"ExportTableToPointInTime", DynamoDBService, ControlOperation, "dynamodb:ExportTableToPointInTime", nil},
	GetItem:                             {"GetItem", DynamoDBService, ReadOperation, "dynamodb:GetItem", func() Input { return new(GetItemInput) }},
	GetResourcePolicy:                   {"GetResourcePolicy", DynamoDBService, ControlOperation, "dynamodb:GetResourcePolicy", nil},
	ImportTable:                         {"ImportTable", DynamoDBService, ControlOperation, "dynamodb:ImportTable", nil},
	ListBackups:                         {"ListBackups", DynamoDBService, ControlOperation, "dynamodb:ListBackups", func() Input { return new(ListBackupsInput) }},
	ListContributorInsights:             {"ListContributorInsights", DynamoDBService, ControlOperation, "dynamodb:ListContributorInsights", nil},
	ListExports:                         {"ListExports", DynamoDBService, ControlOperation, "dynamodb:ListExports", nil},
	ListGlobalTables:                    {"ListGlobalTables", DynamoDBService, ControlOperation, "dynamodb:ListGlobalTables", nil},
	ListImports:                         {"ListImports", DynamoDBService, ControlOperation, "dynamodb:ListImports", nil},
	ListTables:                          {"ListTables", DynamoDBService, ControlOperation, "dynamodb:ListTables", func() Input { return new(ListTablesInput) }},
	ListTagsOfResource:                  {"ListTagsOfResource", DynamoDBService, ControlOperation, "dynamodb:ListTagsOfResource", func() Input { return new(ListTagsOfResourceInput) }},
	PutItem:                             {"PutItem", DynamoDBService, WriteOperation, "dynamodb:PutItem", func() Input { return new(PutItemInput) }},
	PutResourcePolicy:                   {"PutResourcePolicy", DynamoDBService, ControlOperation, "dynamodb:PutResourcePolicy", nil},
	Query:                               {"Query", DynamoDBService, ReadOperation, "dynamodb:Query", func() Input { return new(QueryInput) }},
	RestoreTableFromBackup:              {"RestoreTableFromBackup", DynamoDBService, ControlOperation, "dynamodb:RestoreTableFromBackup", func() Input { return new(RestoreTableFromBackupInput) }},
	RestoreTableToPointInTime:           {"RestoreTableToPointInTime", DynamoDBService, ControlOperation, "dynamodb:RestoreTableToPointInTime", func() Input { return new(RestoreTableToPointInTimeInput) }},
	Scan:                                {"Scan", DynamoDBService, ReadOperation, "dynamodb:Scan", func() Input { return new(ScanInput) }},
	SearchVectors:                       {"SearchVectors", DynamoDBService, ReadOperation, "dynamodb:SearchVectors", nil},
	StartBulkPutItems:                   {"StartBulkPutItems", DynamoDBService, WriteOperation, "dynamodb:StartBulkPutItems", nil},
	TagResource:                         {"TagResource", DynamoDBService, ControlOperation, "dynamodb:TagResource", func() Input { return new(TagResourceInput) }},
	TransactGetItems:                    {"TransactGetItems", DynamoDBService, ReadOperation, "dynamodb:GetItem", func() Input { return new(TransactGetItemsInput) }},
	TransactWriteItems:                  {"TransactWriteItems", DynamoDBService, WriteOperation, "", func() Input { return new(TransactWriteItemsInput) }},
	UntagResource:                       {"UntagResource", DynamoDBService, ControlOperation, "dynamodb:UntagResource", func() Input { return new(UntagResourceInput) }},
	UpdateContinuousBackups:             {"UpdateContinuousBackups", DynamoDBService, ControlOperation, "dynamodb:UpdateContinuousBackups", func() Input { return new(UpdateContinuousBackupsInput) }},
	UpdateContributorInsights:           {"UpdateContributorInsights", DynamoDBService, ControlOperation, "dynamodb:UpdateContributorInsights", nil},
	UpdateGlobalTable:                   {"UpdateGlobalTable", DynamoDBService, ControlOperation, "dynamodb:UpdateGlobalTable", nil},
	UpdateGlobalTableSettings:           {"UpdateGlobalTableSettings", DynamoDBService, ControlOperation, "dynamodb:UpdateGlobalTableSettings", nil},
	UpdateItem:                          {"UpdateItem", DynamoDBService, WriteOperation, "dynamodb:UpdateItem", func() Input { return new(UpdateItemInput) }},
	UpdateKinesisStreamingDestination:   {"UpdateKinesisStreamingDestination", DynamoDBService, ControlOperation, "dynamodb:UpdateKinesisStreamingDestination", nil},
	UpdateTable:                         {"UpdateTable", DynamoDBService, ControlOperation, "dynamodb:UpdateTable", func() Input { return new(UpdateTableInput) }},
	UpdateTableReplicaAutoScaling:       {"UpdateTableReplicaAutoScaling", DynamoDBService, ControlOperation, "dynamodb:UpdateTableReplicaAutoScaling", nil},
	UpdateTimeToLive:                    {"UpdateTimeToLive", DynamoDBService, ControlOperation, "dynamodb:UpdateTimeToLive", func() Input { return new(UpdateTimeToLiveInput) }},
	DescribeStream:                      {"DescribeStream", StreamsService, ReadOperation, "dynamodb:DescribeStream", func() Input { return new(DescribeStreamInput) }},
	GetRecords:                          {"GetRecords", StreamsService, ReadOperation, "dynamodb:GetRecords", func() Input { return new(GetRecordsInput) }},
	GetShardIterator:                    {"GetShardIterator", StreamsService, ReadOperation, "dynamodb:GetShardIterator", func() Input { return new(GetShardIteratorInput) }},
	ListStreams:                         {"ListStreams", StreamsService, ReadOperation, "dynamodb:ListStreams", func() Input { return new(ListStreamsInput) }},
}

// operationsByName finds an operation by its wire name; no two services share one.
var operationsByName = func() map[string]Operation {
	byName := make(map[string]Operation, NumOperations)
	for op := UnknownOperation + 1; op < NumOperations; op++ {
		byName[operationFacts[op].Name] = op
	}
	return byName
}()

// String is the operation's wire name; empty for UnknownOperation.
func (op Operation) String() string { return operationFacts[op].Name }

// Facts is the operation's row of the table. Read only.
func (op Operation) Facts() *OperationFacts { return &operationFacts[op] }

// ParseTarget reads an X-Amz-Target header. ok is false where the part before the dot is not one of the two services.
// An operation that the service does not have is UnknownOperation with its name.
func ParseTarget(target string) (op Operation, name string, ok bool) {
	service, name, found := strings.Cut(target, ".")
	if !found || (service != DynamoDBService && service != StreamsService) {
		return UnknownOperation, "", false
	}
	if op = operationsByName[name]; operationFacts[op].Service != service {
		op = UnknownOperation
	}
	return op, name, true
}
