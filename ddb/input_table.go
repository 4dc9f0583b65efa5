package ddb

// The typed inputs and outputs of the table operations. Tags as in input.go and output.go, and the convention about
// absent members as in table.go.

// LocalSecondaryIndex asks for a local index.
type LocalSecondaryIndex struct {
	IndexName  string      `ddb:"required,min=3,max=255,pattern=name"`
	KeySchema  KeySchema   `ddb:"required,min=1,max=2"`
	Projection *Projection `ddb:"required"`
}

// GlobalSecondaryIndex asks for a global index.
type GlobalSecondaryIndex struct {
	IndexName             string      `ddb:"required,min=3,max=255,pattern=name"`
	KeySchema             KeySchema   `ddb:"required,min=1"`
	Projection            *Projection `ddb:"required"`
	ProvisionedThroughput *ProvisionedThroughput
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

// Tag is a key and value attached to a resource. Both are checked by the operations, which have their own texts for it, and
// are there once they were.
type Tag struct {
	Key   *string
	Value *string
}

// CreateTableInput is CreateTable's.
type CreateTableInput struct {
	AttributeDefinitions               []AttributeDefinition `ddb:"required"`
	TableName                          string                `ddb:"param,min=3,max=255,pattern=name"`
	KeySchema                          KeySchema             `ddb:"required,min=1,max=2"`
	LocalSecondaryIndexes              []LocalSecondaryIndex
	GlobalSecondaryIndexes             []GlobalSecondaryIndex
	BillingMode                        *string `ddb:"enum=PROVISIONED|PAY_PER_REQUEST"`
	ProvisionedThroughput              *ProvisionedThroughput
	StreamSpecification                *StreamSpecification
	SSESpecification                   *SSESpecification
	Tags                               []Tag
	TableClass                         *string `ddb:"enum=STANDARD|STANDARD_INFREQUENT_ACCESS"`
	DeletionProtectionEnabled          *bool
	WarmThroughput                     *WarmThroughput
	ResourcePolicy                     *string
	OnDemandThroughput                 *OnDemandThroughput
	GlobalTableSourceArn               *string `ddb:"min=1,max=1024"`
	GlobalTableSettingsReplicationMode *string `ddb:"enum=ENABLED|DISABLED|ENABLED_WITH_OVERRIDES"`
}

// CreateTableOutput is CreateTable's.
type CreateTableOutput struct {
	TableDescription *TableDescription
}

// DescribeTableInput is DescribeTable's.
type DescribeTableInput struct {
	TableName string `ddb:"param,table"`
}

// DescribeTableOutput is DescribeTable's. Here the member is called Table.
type DescribeTableOutput struct {
	Table *TableDescription
}

// ListTablesInput is ListTables'.
type ListTablesInput struct {
	ExclusiveStartTableName *string `ddb:"min=3,max=255,pattern=name"`
	Limit                   *int    `ddb:"min=1,max=100"`
}

// ListTablesOutput is ListTables'.
type ListTablesOutput struct {
	TableNames             []string `ddb:"always"`
	LastEvaluatedTableName *string
}

// DeleteTableInput is DeleteTable's.
type DeleteTableInput struct {
	TableName string `ddb:"param,table"`
}

// DeleteTableOutput is DeleteTable's.
type DeleteTableOutput struct {
	TableDescription *TableDescription
}

// GlobalSecondaryIndexUpdate is one change to the global indexes; exactly one member is set.
type GlobalSecondaryIndexUpdate struct {
	Update *UpdateGlobalSecondaryIndexAction
	Create *CreateGlobalSecondaryIndexAction
	Delete *DeleteGlobalSecondaryIndexAction
}

// UpdateGlobalSecondaryIndexAction changes an index's throughput.
type UpdateGlobalSecondaryIndexAction struct {
	IndexName             string `ddb:"required,min=3,max=255,pattern=name"`
	ProvisionedThroughput *ProvisionedThroughput
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

// CreateGlobalSecondaryIndexAction adds an index.
type CreateGlobalSecondaryIndexAction struct {
	IndexName             string      `ddb:"required,min=3,max=255,pattern=name"`
	KeySchema             KeySchema   `ddb:"required,min=1"`
	Projection            *Projection `ddb:"required"`
	ProvisionedThroughput *ProvisionedThroughput
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

// DeleteGlobalSecondaryIndexAction removes an index.
type DeleteGlobalSecondaryIndexAction struct {
	IndexName string `ddb:"required,min=3,max=255,pattern=name"`
}

// ProvisionedThroughputOverride is a replica's own read capacity.
type ProvisionedThroughputOverride struct {
	ReadCapacityUnits *int64 `ddb:"min=1"`
}

// OnDemandThroughputOverride is a replica's own read ceiling.
type OnDemandThroughputOverride struct {
	MaxReadRequestUnits *int64
}

// ReplicaGlobalSecondaryIndex is a replica's own setting of an index.
type ReplicaGlobalSecondaryIndex struct {
	IndexName                     string `ddb:"required,min=3,max=255,pattern=name"`
	ProvisionedThroughputOverride *ProvisionedThroughputOverride
	OnDemandThroughputOverride    *OnDemandThroughputOverride
}

// ReplicationGroupUpdate is one change to a table's replicas; exactly one member is set.
type ReplicationGroupUpdate struct {
	Create *ReplicationGroupMemberAction
	Update *ReplicationGroupMemberAction
	Delete *DeleteReplicationGroupMemberAction
}

// ReplicationGroupMemberAction adds or changes a replica: the service model has two shapes with these members.
type ReplicationGroupMemberAction struct {
	RegionName                    string `ddb:"required"`
	KMSMasterKeyId                *string
	ProvisionedThroughputOverride *ProvisionedThroughputOverride
	OnDemandThroughputOverride    *OnDemandThroughputOverride
	GlobalSecondaryIndexes        []ReplicaGlobalSecondaryIndex `ddb:"min=1"`
	TableClassOverride            *string                       `ddb:"enum=STANDARD|STANDARD_INFREQUENT_ACCESS"`
}

// DeleteReplicationGroupMemberAction removes a replica.
type DeleteReplicationGroupMemberAction struct {
	RegionName string `ddb:"required"`
}

// GlobalTableWitnessGroupUpdate is one change to a global table's witness; exactly one member is set.
type GlobalTableWitnessGroupUpdate struct {
	Create *GlobalTableWitnessGroupMemberAction
	Delete *GlobalTableWitnessGroupMemberAction
}

// GlobalTableWitnessGroupMemberAction names a witness' region: the service model has two shapes with this member.
type GlobalTableWitnessGroupMemberAction struct {
	RegionName string `ddb:"required"`
}

// UpdateTableInput is UpdateTable's.
type UpdateTableInput struct {
	AttributeDefinitions               []AttributeDefinition
	TableName                          string  `ddb:"param,table"`
	BillingMode                        *string `ddb:"enum=PROVISIONED|PAY_PER_REQUEST"`
	ProvisionedThroughput              *ProvisionedThroughput
	GlobalSecondaryIndexUpdates        []GlobalSecondaryIndexUpdate
	StreamSpecification                *StreamSpecification
	SSESpecification                   *SSESpecification
	ReplicaUpdates                     []ReplicationGroupUpdate `ddb:"min=1"`
	TableClass                         *string                  `ddb:"enum=STANDARD|STANDARD_INFREQUENT_ACCESS"`
	DeletionProtectionEnabled          *bool
	MultiRegionConsistency             *string                         `ddb:"enum=EVENTUAL|STRONG"`
	GlobalTableWitnessUpdates          []GlobalTableWitnessGroupUpdate `ddb:"min=1,max=1"`
	OnDemandThroughput                 *OnDemandThroughput
	WarmThroughput                     *WarmThroughput
	GlobalTableSettingsReplicationMode *string `ddb:"enum=ENABLED|DISABLED|ENABLED_WITH_OVERRIDES"`
}

// UpdateTableOutput is UpdateTable's.
type UpdateTableOutput struct {
	TableDescription *TableDescription
}

// TimeToLiveSpecification names the attribute that holds an item's time of expiry.
type TimeToLiveSpecification struct {
	Enabled       bool   `ddb:"required,always"`
	AttributeName string `ddb:"required,min=1,max=255"`
}

// UpdateTimeToLiveInput is UpdateTimeToLive's.
type UpdateTimeToLiveInput struct {
	TableName               string                   `ddb:"param,table"`
	TimeToLiveSpecification *TimeToLiveSpecification `ddb:"required"`
}

// UpdateTimeToLiveOutput is UpdateTimeToLive's.
type UpdateTimeToLiveOutput struct {
	TimeToLiveSpecification *TimeToLiveSpecification
}

// DescribeTimeToLiveInput is DescribeTimeToLive's.
type DescribeTimeToLiveInput struct {
	TableName string `ddb:"param,table"`
}

// TimeToLiveDescription is a table's time-to-live state: "ENABLING", "ENABLED", "DISABLING" or "DISABLED".
type TimeToLiveDescription struct {
	TimeToLiveStatus string
	AttributeName    string
}

// DescribeTimeToLiveOutput is DescribeTimeToLive's.
type DescribeTimeToLiveOutput struct {
	TimeToLiveDescription *TimeToLiveDescription
}

// TagResourceInput is TagResource's. ResourceArn is checked by the operation, which has its own texts for it.
type TagResourceInput struct {
	ResourceArn *string
	Tags        []Tag `ddb:"required"`
}

// UntagResourceInput is UntagResource's.
type UntagResourceInput struct {
	ResourceArn *string
	TagKeys     []string `ddb:"required"`
}

// ListTagsOfResourceInput is ListTagsOfResource's.
type ListTagsOfResourceInput struct {
	ResourceArn *string
	NextToken   *string
}

// ListTagsOfResourceOutput is ListTagsOfResource's.
type ListTagsOfResourceOutput struct {
	Tags      []Tag `ddb:"always"`
	NextToken *string
}

// DescribeLimitsInput is DescribeLimits'.
type DescribeLimitsInput struct{}

// DescribeLimitsOutput is DescribeLimits'.
type DescribeLimitsOutput struct {
	AccountMaxReadCapacityUnits  int64
	AccountMaxWriteCapacityUnits int64
	TableMaxReadCapacityUnits    int64
	TableMaxWriteCapacityUnits   int64
}

// DescribeEndpointsInput is DescribeEndpoints'.
type DescribeEndpointsInput struct{}

// Endpoint is an address to send requests to, and for how long to remember it.
type Endpoint struct {
	Address              string `ddb:"always"`
	CachePeriodInMinutes int64  `ddb:"always"`
}

// DescribeEndpointsOutput is DescribeEndpoints'.
type DescribeEndpointsOutput struct {
	Endpoints []Endpoint `ddb:"always"`
}

// Operation is CreateTable.
func (*CreateTableInput) Operation() Operation { return CreateTable }

// Operation is DescribeTable.
func (*DescribeTableInput) Operation() Operation { return DescribeTable }

// Operation is ListTables.
func (*ListTablesInput) Operation() Operation { return ListTables }

// Operation is DeleteTable.
func (*DeleteTableInput) Operation() Operation { return DeleteTable }

// Operation is UpdateTable.
func (*UpdateTableInput) Operation() Operation { return UpdateTable }

// Operation is UpdateTimeToLive.
func (*UpdateTimeToLiveInput) Operation() Operation { return UpdateTimeToLive }

// Operation is DescribeTimeToLive.
func (*DescribeTimeToLiveInput) Operation() Operation { return DescribeTimeToLive }

// Operation is TagResource.
func (*TagResourceInput) Operation() Operation { return TagResource }

// Operation is UntagResource.
func (*UntagResourceInput) Operation() Operation { return UntagResource }

// Operation is ListTagsOfResource.
func (*ListTagsOfResourceInput) Operation() Operation { return ListTagsOfResource }

// Operation is DescribeLimits.
func (*DescribeLimitsInput) Operation() Operation { return DescribeLimits }

// Operation is DescribeEndpoints.
func (*DescribeEndpointsInput) Operation() Operation { return DescribeEndpoints }
