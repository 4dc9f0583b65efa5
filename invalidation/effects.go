package invalidation

import (
	"context"

	"millrace/ddb"
)

// effectRow is what one operation may change.
type effectRow struct {
	// reads is true when it changes nothing that is cached: no item, and nothing in a schema.
	reads bool
	// plan finds out what a request may change, for operations that do not read. It must take what it does not
	// understand for everything.
	plan func(*Guard, context.Context, *ddb.Request) *plan
	// observe tells the core of items that a read showed to a client without a flight: they may be newer than what
	// is cached. It is called on success, for backends that do not announce commits. May be nil.
	observe func(*Guard, *ddb.Request, *ddb.Response)
}

// read is the row of what only reads.
var read = effectRow{reads: true}

// harmless is the row of writes to what is never cached. They are rows of their own because a client that goes away
// must not end them either.
var harmless = effectRow{plan: planNothing}

// effects is what each operation may change. An operation this build does not know may change anything.
var effects = [ddb.NumOperations]effectRow{
	ddb.UnknownOperation: {plan: planEverything},

	ddb.PutItem:            {plan: planPutItem},
	ddb.UpdateItem:         {plan: planUpdateItem},
	ddb.DeleteItem:         {plan: planDeleteItem},
	ddb.BatchWriteItem:     {plan: planBatchWriteItem},
	ddb.TransactWriteItems: {plan: planTransactWriteItems},

	ddb.BatchExecuteStatement: {plan: planBatchExecuteStatement},
	ddb.ExecuteStatement:      {plan: planExecuteStatement},
	ddb.ExecuteTransaction:    {plan: planExecuteTransaction},
	ddb.StartBulkPutItems:     {plan: planEverything},

	ddb.CreateTable:               {plan: planTable(func(in *ddb.CreateTableInput) string { return in.TableName })},
	ddb.DeleteTable:               {plan: planTable(func(in *ddb.DeleteTableInput) string { return in.TableName })},
	ddb.UpdateTable:               {plan: planTable(func(in *ddb.UpdateTableInput) string { return in.TableName })},
	ddb.CreateGlobalTable:         {plan: planEverything},
	ddb.UpdateGlobalTable:         {plan: planEverything},
	ddb.RestoreTableFromBackup:    {plan: planEverything},
	ddb.RestoreTableToPointInTime: {plan: planEverything},
	ddb.ImportTable:               {plan: planEverything},

	ddb.CreateBackup:                       harmless,
	ddb.DeleteBackup:                       harmless,
	ddb.DeleteResourcePolicy:               harmless,
	ddb.DisableKinesisStreamingDestination: harmless,
	ddb.EnableKinesisStreamingDestination:  harmless,
	ddb.ExportTableToPointInTime:           harmless,
	ddb.PutResourcePolicy:                  harmless,
	ddb.TagResource:                        harmless,
	ddb.UntagResource:                      harmless,
	ddb.UpdateContinuousBackups:            harmless,
	ddb.UpdateContributorInsights:          harmless,
	ddb.UpdateGlobalTableSettings:          harmless,
	ddb.UpdateKinesisStreamingDestination:  harmless,
	ddb.UpdateTableReplicaAutoScaling:      harmless,
	ddb.UpdateTimeToLive:                   harmless,

	ddb.GetItem:          {reads: true, observe: observeGetItem},
	ddb.BatchGetItem:     {reads: true, observe: observeBatchGetItem},
	ddb.TransactGetItems: {reads: true, observe: observeTransactGetItems},

	ddb.DescribeBackup:                      read,
	ddb.DescribeContinuousBackups:           read,
	ddb.DescribeContributorInsights:         read,
	ddb.DescribeEndpoints:                   read,
	ddb.DescribeExport:                      read,
	ddb.DescribeGlobalTable:                 read,
	ddb.DescribeGlobalTableSettings:         read,
	ddb.DescribeImport:                      read,
	ddb.DescribeKinesisStreamingDestination: read,
	ddb.DescribeLimits:                      read,
	ddb.DescribeTable:                       read,
	ddb.DescribeTableReplicaAutoScaling:     read,
	ddb.DescribeTimeToLive:                  read,
	ddb.GetResourcePolicy:                   read,
	ddb.ListBackups:                         read,
	ddb.ListContributorInsights:             read,
	ddb.ListExports:                         read,
	ddb.ListGlobalTables:                    read,
	ddb.ListImports:                         read,
	ddb.ListTables:                          read,
	ddb.ListTagsOfResource:                  read,
	ddb.Query:                               read,
	ddb.Scan:                                read,
	ddb.SearchVectors:                       read,
	ddb.DescribeStream:                      read,
	ddb.GetRecords:                          read,
	ddb.GetShardIterator:                    read,
	ddb.ListStreams:                         read,
}
