package ddb

// The typed inputs and outputs of what lives in AWS around DynamoDB: global tables, Kinesis, S3, CloudWatch and IAM. They have
// only the members that an answer depends on.

// GlobalTableInput is CreateGlobalTable's, DescribeGlobalTable's, DescribeGlobalTableSettings', UpdateGlobalTable's and
// UpdateGlobalTableSettings'.
type GlobalTableInput struct {
	GlobalTableName string `ddb:"required,min=3,max=255,pattern=name"`
}

// ListGlobalTablesInput is ListGlobalTables'.
type ListGlobalTablesInput struct {
	ExclusiveStartGlobalTableName *string `ddb:"min=3,max=255,pattern=name"`
	Limit                         *int    `ddb:"min=1"`
	RegionName                    *string
}

// ListGlobalTablesOutput is ListGlobalTables'. There are none.
type ListGlobalTablesOutput struct {
	GlobalTables []string `ddb:"always"`
}

// TableReplicaAutoScalingInput is DescribeTableReplicaAutoScaling's and UpdateTableReplicaAutoScaling's.
type TableReplicaAutoScalingInput struct {
	TableName string `ddb:"required,table"`
}

// ContributorInsightsInput is DescribeContributorInsights' and UpdateContributorInsights'.
type ContributorInsightsInput struct {
	TableName                 string  `ddb:"required,table"`
	IndexName                 *string `ddb:"min=3,max=255,pattern=name"`
	ContributorInsightsAction *string `ddb:"enum=ENABLE|DISABLE"`
}

// ContributorInsightsOutput is DescribeContributorInsights' and UpdateContributorInsights'.
type ContributorInsightsOutput struct {
	TableName                 string
	IndexName                 *string
	ContributorInsightsStatus string
}

// ListContributorInsightsInput is ListContributorInsights'.
type ListContributorInsightsInput struct {
	TableName  *string `ddb:"table"`
	NextToken  *string
	MaxResults *int `ddb:"max=100"`
}

// ListContributorInsightsOutput is ListContributorInsights'. There are none.
type ListContributorInsightsOutput struct {
	ContributorInsightsSummaries []string `ddb:"always"`
}

// KinesisDestinationInput is that of the three operations on a Kinesis destination.
type KinesisDestinationInput struct {
	TableName string `ddb:"required,table"`
	StreamArn string `ddb:"required,min=37,max=1024"`
}

// DescribeKinesisStreamingDestinationInput is DescribeKinesisStreamingDestination's.
type DescribeKinesisStreamingDestinationInput struct {
	TableName string `ddb:"required,table"`
}

// DescribeKinesisStreamingDestinationOutput is DescribeKinesisStreamingDestination's. There are none.
type DescribeKinesisStreamingDestinationOutput struct {
	TableName                     string
	KinesisDataStreamDestinations []string `ddb:"always"`
}

// ExportTableToPointInTimeInput is ExportTableToPointInTime's.
type ExportTableToPointInTimeInput struct {
	TableArn string `ddb:"required,min=1,max=1024"`
	S3Bucket string `ddb:"required,max=255"`
}

// DescribeExportInput is DescribeExport's.
type DescribeExportInput struct {
	ExportArn string `ddb:"required,min=37,max=1024"`
}

// ListExportsInput is ListExports'.
type ListExportsInput struct {
	TableArn   *string `ddb:"min=1,max=1024"`
	MaxResults *int    `ddb:"min=1,max=25"`
	NextToken  *string
}

// ListExportsOutput is ListExports'. There are none.
type ListExportsOutput struct {
	ExportSummaries []string `ddb:"always"`
}

// ImportTableInput is ImportTable's.
type ImportTableInput struct {
	InputFormat *string `ddb:"required,enum=ION|DYNAMODB_JSON|CSV"`
}

// DescribeImportInput is DescribeImport's.
type DescribeImportInput struct {
	ImportArn string `ddb:"required,min=37,max=1024"`
}

// ListImportsInput is ListImports'.
type ListImportsInput struct {
	TableArn  *string `ddb:"min=1,max=1024"`
	PageSize  *int    `ddb:"min=1,max=25"`
	NextToken *string `ddb:"min=112,max=1024"`
}

// ListImportsOutput is ListImports'. There are none.
type ListImportsOutput struct {
	ImportSummaryList []string `ddb:"always"`
}

// ResourcePolicyInput is that of the three operations on a resource policy.
type ResourcePolicyInput struct {
	ResourceArn        string  `ddb:"required,min=1,max=1283"`
	ExpectedRevisionId *string `ddb:"min=1,max=255"`
	Policy             *string
}

// DeleteResourcePolicyOutput is DeleteResourcePolicy's.
type DeleteResourcePolicyOutput struct {
	RevisionId *string
}
