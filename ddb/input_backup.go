package ddb

// The typed inputs and outputs of backups, point-in-time recovery and restores.

// CreateBackupInput is CreateBackup's.
type CreateBackupInput struct {
	TableName  string `ddb:"required,table"`
	BackupName string `ddb:"required,min=3,max=255,pattern=name"`
}

// BackupDetails describes a backup itself.
type BackupDetails struct {
	BackupArn              string
	BackupName             string
	BackupSizeBytes        *int64
	BackupStatus           string
	BackupType             string
	BackupCreationDateTime Timestamp
	BackupExpiryDateTime   Timestamp
}

// CreateBackupOutput is CreateBackup's.
type CreateBackupOutput struct {
	BackupDetails *BackupDetails
}

// SourceTableDetails describes the table of a backup as it was.
type SourceTableDetails struct {
	TableName             string
	TableId               string
	TableArn              string
	TableSizeBytes        *int64
	KeySchema             KeySchema
	TableCreationDateTime Timestamp
	ProvisionedThroughput *ProvisionedThroughput
	OnDemandThroughput    *OnDemandThroughput
	ItemCount             *int64
	BillingMode           string
}

// LocalSecondaryIndexInfo describes a local index of a backed-up table.
type LocalSecondaryIndexInfo struct {
	IndexName  string
	KeySchema  KeySchema
	Projection *Projection
}

// GlobalSecondaryIndexInfo describes a global index of a backed-up table.
type GlobalSecondaryIndexInfo struct {
	IndexName             string
	KeySchema             KeySchema
	Projection            *Projection
	ProvisionedThroughput *ProvisionedThroughput
	OnDemandThroughput    *OnDemandThroughput
}

// SourceTableFeatureDetails describes what was enabled on the table of a backup.
type SourceTableFeatureDetails struct {
	LocalSecondaryIndexes  []LocalSecondaryIndexInfo
	GlobalSecondaryIndexes []GlobalSecondaryIndexInfo
	StreamDescription      *StreamSpecification
	TimeToLiveDescription  *TimeToLiveDescription
	SSEDescription         *SSEDescription
}

// BackupDescription describes a backup and its table.
type BackupDescription struct {
	BackupDetails             *BackupDetails
	SourceTableDetails        *SourceTableDetails
	SourceTableFeatureDetails *SourceTableFeatureDetails
}

// DescribeBackupInput is DescribeBackup's.
type DescribeBackupInput struct {
	BackupArn string `ddb:"required,min=37,max=1024"`
}

// DescribeBackupOutput is DescribeBackup's.
type DescribeBackupOutput struct {
	BackupDescription *BackupDescription
}

// DeleteBackupInput is DeleteBackup's.
type DeleteBackupInput struct {
	BackupArn string `ddb:"required,min=37,max=1024"`
}

// DeleteBackupOutput is DeleteBackup's.
type DeleteBackupOutput struct {
	BackupDescription *BackupDescription
}

// ListBackupsInput is ListBackups'.
type ListBackupsInput struct {
	TableName               *string `ddb:"table"`
	Limit                   *int    `ddb:"min=1,max=100"`
	TimeRangeLowerBound     Timestamp
	TimeRangeUpperBound     Timestamp
	ExclusiveStartBackupArn *string `ddb:"min=37,max=1024"`
	BackupType              *string `ddb:"enum=USER|SYSTEM|AWS_BACKUP|ALL"`
}

// BackupSummary is one line of a list of backups.
type BackupSummary struct {
	TableName              string
	TableId                string
	TableArn               string
	BackupArn              string
	BackupName             string
	BackupCreationDateTime Timestamp
	BackupExpiryDateTime   Timestamp
	BackupStatus           string
	BackupType             string
	BackupSizeBytes        *int64
}

// ListBackupsOutput is ListBackups'.
type ListBackupsOutput struct {
	BackupSummaries        []BackupSummary `ddb:"always"`
	LastEvaluatedBackupArn *string
}

// RestoreTableFromBackupInput is RestoreTableFromBackup's.
type RestoreTableFromBackupInput struct {
	TargetTableName               string  `ddb:"required,min=3,max=255,pattern=name"`
	BackupArn                     string  `ddb:"required,min=37,max=1024"`
	BillingModeOverride           *string `ddb:"enum=PROVISIONED|PAY_PER_REQUEST"`
	GlobalSecondaryIndexOverride  []GlobalSecondaryIndex
	LocalSecondaryIndexOverride   []LocalSecondaryIndex
	ProvisionedThroughputOverride *ProvisionedThroughput
	OnDemandThroughputOverride    *OnDemandThroughput
	SSESpecificationOverride      *SSESpecification
}

// RestoreTableFromBackupOutput is RestoreTableFromBackup's.
type RestoreTableFromBackupOutput struct {
	TableDescription *TableDescription
}

// RestoreTableToPointInTimeInput is RestoreTableToPointInTime's.
type RestoreTableToPointInTimeInput struct {
	SourceTableArn                *string `ddb:"min=1,max=1024"`
	SourceTableName               *string `ddb:"min=3,max=255,pattern=name"`
	TargetTableName               string  `ddb:"required,min=3,max=255,pattern=name"`
	UseLatestRestorableTime       *bool
	RestoreDateTime               Timestamp
	BillingModeOverride           *string `ddb:"enum=PROVISIONED|PAY_PER_REQUEST"`
	GlobalSecondaryIndexOverride  []GlobalSecondaryIndex
	LocalSecondaryIndexOverride   []LocalSecondaryIndex
	ProvisionedThroughputOverride *ProvisionedThroughput
	OnDemandThroughputOverride    *OnDemandThroughput
	SSESpecificationOverride      *SSESpecification
}

// RestoreTableToPointInTimeOutput is RestoreTableToPointInTime's.
type RestoreTableToPointInTimeOutput struct {
	TableDescription *TableDescription
}

// DescribeContinuousBackupsInput is DescribeContinuousBackups'.
type DescribeContinuousBackupsInput struct {
	TableName string `ddb:"required,table"`
}

// PointInTimeRecoveryDescription is the state of point-in-time recovery: "ENABLED" or "DISABLED".
type PointInTimeRecoveryDescription struct {
	PointInTimeRecoveryStatus  string
	RecoveryPeriodInDays       *int
	EarliestRestorableDateTime Timestamp
	LatestRestorableDateTime   Timestamp
}

// ContinuousBackupsDescription is the state of continuous backups, which is always "ENABLED".
type ContinuousBackupsDescription struct {
	ContinuousBackupsStatus        string
	PointInTimeRecoveryDescription *PointInTimeRecoveryDescription
}

// DescribeContinuousBackupsOutput is DescribeContinuousBackups'.
type DescribeContinuousBackupsOutput struct {
	ContinuousBackupsDescription *ContinuousBackupsDescription
}

// PointInTimeRecoverySpecification switches point-in-time recovery.
type PointInTimeRecoverySpecification struct {
	PointInTimeRecoveryEnabled bool `ddb:"required,always"`
	RecoveryPeriodInDays       *int `ddb:"min=1,max=35"`
}

// UpdateContinuousBackupsInput is UpdateContinuousBackups'.
type UpdateContinuousBackupsInput struct {
	TableName                        string                            `ddb:"required,table"`
	PointInTimeRecoverySpecification *PointInTimeRecoverySpecification `ddb:"required"`
}

// UpdateContinuousBackupsOutput is UpdateContinuousBackups'.
type UpdateContinuousBackupsOutput struct {
	ContinuousBackupsDescription *ContinuousBackupsDescription
}

// Operation is CreateBackup.
func (*CreateBackupInput) Operation() Operation { return CreateBackup }

// Operation is DescribeBackup.
func (*DescribeBackupInput) Operation() Operation { return DescribeBackup }

// Operation is DeleteBackup.
func (*DeleteBackupInput) Operation() Operation { return DeleteBackup }

// Operation is ListBackups.
func (*ListBackupsInput) Operation() Operation { return ListBackups }

// Operation is RestoreTableFromBackup.
func (*RestoreTableFromBackupInput) Operation() Operation { return RestoreTableFromBackup }

// Operation is RestoreTableToPointInTime.
func (*RestoreTableToPointInTimeInput) Operation() Operation { return RestoreTableToPointInTime }

// Operation is DescribeContinuousBackups.
func (*DescribeContinuousBackupsInput) Operation() Operation { return DescribeContinuousBackups }

// Operation is UpdateContinuousBackups.
func (*UpdateContinuousBackupsInput) Operation() Operation { return UpdateContinuousBackups }
