package engine

import (
	"testing"

	"millrace/ddb"
)

func TestWhatTheServiceTellsOfItself(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	// #257
	h.ok(ddb.DescribeLimits, `{}`, `{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}`)
	// #34
	req := ddb.NewRequest(ddb.DescribeEndpoints, []byte(`{}`))
	req.Host = "127.0.0.1:4567"
	resp, err := h.e.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := resp.JSON(); string(body) != `{"Endpoints":[{"Address":"127.0.0.1:4567","CachePeriodInMinutes":1440}]}` {
		t.Errorf("DescribeEndpoints answers %s", body)
	}
	// #256
	const off = `{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}`
	h.ok(ddb.DescribeContinuousBackups, `{"TableName":"hash"}`, off)
	h.fails(ddb.DescribeContinuousBackups, `{"TableName":"none"}`, "TableNotFoundException", "Table not found: none")
	h.invalid(ddb.DescribeContinuousBackups, `{}`, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	update := func(spec string) string {
		return `{"TableName":"hash","PointInTimeRecoverySpecification":` + spec + `}`
	}
	h.ok(ddb.UpdateContinuousBackups, update(`{"PointInTimeRecoveryEnabled":false}`), off)
	h.fails(ddb.UpdateContinuousBackups, update(`{"PointInTimeRecoveryEnabled":true}`), "ContinuousBackupsUnavailableException",
		"Backups have not yet been enabled for this table.")
	h.invalid(ddb.UpdateContinuousBackups, update(`{"PointInTimeRecoveryEnabled":false,"RecoveryPeriodInDays":7}`),
		"Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.")
	h.ok(ddb.DescribeContinuousBackups, `{"TableName":"hash"}`, off)
	h.fails(ddb.RestoreTableToPointInTime, `{"SourceTableName":"hash","TargetTableName":"new","UseLatestRestorableTime":true}`,
		"PointInTimeRecoveryUnavailableException", "Point in time recovery is not enabled for table 'hash'")
	h.fails(ddb.RestoreTableToPointInTime, `{"SourceTableName":"none","TargetTableName":"hash","UseLatestRestorableTime":true}`,
		"TableNotFoundException", "Table not found: none")
	h.invalid(ddb.RestoreTableToPointInTime, `{"SourceTableName":"hash","TargetTableName":"new"}`,
		"Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both")
}

func TestWhatNeedsTheCloudIsToldApart(t *testing.T) {
	t.Parallel()
	// #257
	h := newHarness(t).create(indexTable)
	arn := ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "index")
	const noGlobal = "Global table with name: 'index' does not exist."
	notAllowed := func(op ddb.Operation, what string) string {
		return "User: arn:aws:iam::" + h.e.cfg.AccountID + ":root is not authorized to perform: dynamodb:" + op.String() + " on resource: " + what
	}
	h.ok(ddb.ListGlobalTables, `{}`, `{"GlobalTables":[]}`)
	h.fails(ddb.DescribeGlobalTable, `{"GlobalTableName":"index"}`, "GlobalTableNotFoundException", "Global table not found: "+noGlobal)
	for _, op := range []ddb.Operation{ddb.UpdateGlobalTable, ddb.DescribeGlobalTableSettings, ddb.UpdateGlobalTableSettings} {
		h.fails(op, `{"GlobalTableName":"index"}`, "GlobalTableNotFoundException", noGlobal)
	}
	h.invalid(ddb.CreateGlobalTable, `{"GlobalTableName":"index","ReplicationGroup":[{"RegionName":"us-east-1"}]}`,
		"One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is not supported. "+
			"We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).")
	for _, op := range []ddb.Operation{ddb.DescribeTableReplicaAutoScaling, ddb.UpdateTableReplicaAutoScaling} {
		h.fails(op, `{"TableName":"index"}`, "ResourceNotFoundException", noGlobal)
	}
	h.ok(ddb.ListContributorInsights, `{}`, `{"ContributorInsightsSummaries":[]}`)
	h.ok(ddb.DescribeContributorInsights, `{"TableName":"index"}`, `{"TableName":"index","ContributorInsightsStatus":"DISABLED"}`)
	h.ok(ddb.DescribeContributorInsights, `{"TableName":"index","IndexName":"all"}`, `{"TableName":"index","IndexName":"all","ContributorInsightsStatus":"DISABLED"}`)
	h.fails(ddb.DescribeContributorInsights, `{"TableName":"index","IndexName":"none"}`, "ResourceNotFoundException", "Requested resource not found: Index: none not found for table: index")
	h.fails(ddb.UpdateContributorInsights, `{"TableName":"index","ContributorInsightsAction":"ENABLE"}`, "AccessDeniedException", notAllowed(ddb.UpdateContributorInsights, arn))
	h.ok(ddb.UpdateContributorInsights, `{"TableName":"index","ContributorInsightsAction":"DISABLE"}`, `{"TableName":"index","ContributorInsightsStatus":"DISABLED"}`)
	stream := `"StreamArn":"arn:aws:kinesis:us-east-1:000000000000:stream/a-stream"`
	h.ok(ddb.DescribeKinesisStreamingDestination, `{"TableName":"index"}`, `{"TableName":"index","KinesisDataStreamDestinations":[]}`)
	h.invalid(ddb.EnableKinesisStreamingDestination, `{"TableName":"index",`+stream+`}`, "User does not have a permission to use kinesis stream")
	h.invalid(ddb.DisableKinesisStreamingDestination, `{"TableName":"index",`+stream+`}`,
		"Table is not in a valid state to enable Kinesis Streaming Destination: KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
	h.fails(ddb.EnableKinesisStreamingDestination, `{"TableName":"none",`+stream+`}`, "ResourceNotFoundException", "Requested resource not found: Table: none not found")
	h.ok(ddb.ListExports, `{}`, `{"ExportSummaries":[]}`)
	h.fails(ddb.ExportTableToPointInTime, `{"TableArn":"`+arn+`","S3Bucket":"b"}`, "PointInTimeRecoveryUnavailableException", "Point in time recovery is not enabled for table 'index'")
	h.fails(ddb.DescribeExport, `{"ExportArn":"`+arn+`/export/01"}`, "ExportNotFoundException", "Export not found: Export not found: "+arn+"/export/01")
	h.invalid(ddb.DescribeExport, `{"ExportArn":"`+arn+`"}`, "Invalid Export ARN")
	h.ok(ddb.ListImports, `{}`, `{"ImportSummaryList":[]}`)
	h.fails(ddb.DescribeImport, `{"ImportArn":"`+arn+`/import/01"}`, "ImportNotFoundException", "Import not found: "+arn+"/import/01")
	h.fails(ddb.ImportTable, `{"InputFormat":"CSV"}`, "AccessDeniedException", notAllowed(ddb.ImportTable, ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "*")+"/import/*"))
	policy := `{"ResourceArn":"` + arn + `","Policy":"{}"}`
	h.fails(ddb.GetResourcePolicy, policy, "PolicyNotFoundException", "Resource-based policy not found for the provided ResourceArn: "+arn)
	h.fails(ddb.PutResourcePolicy, policy, "AccessDeniedException", notAllowed(ddb.PutResourcePolicy, arn))
	h.ok(ddb.DeleteResourcePolicy, policy, `{}`)
	h.invalid(ddb.GetResourcePolicy, `{"ResourceArn":"index"}`, "One or more parameter values were invalid: ARNs must start with 'arn:': index")
}
