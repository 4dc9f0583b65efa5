package proxy

import (
	"context"

	"millrace/ddb"
)

// route is how one operation is served.
type route struct {
	serve func(*Proxy, context.Context, *ddb.Request, Options, *Reply) error
}

// forwarded is the route of what is never cached.
var forwarded = route{(*Proxy).forward}

// routes is how each operation is served, and so what is cached. Whether an operation changes what is cached is not
// decided here but in the guard.
var routes = [ddb.NumOperations]route{
	ddb.GetItem:      {(*Proxy).getItem},
	ddb.BatchGetItem: {(*Proxy).batchGetItem},
	ddb.Query:        {(*Proxy).query},
	ddb.Scan:         {(*Proxy).scan},

	// A transaction reads all its items at one moment, which no cache of single items can give.
	ddb.TransactGetItems: forwarded,

	ddb.UnknownOperation:                    forwarded,
	ddb.BatchExecuteStatement:               forwarded,
	ddb.BatchWriteItem:                      forwarded,
	ddb.CreateBackup:                        forwarded,
	ddb.CreateGlobalTable:                   forwarded,
	ddb.CreateTable:                         forwarded,
	ddb.DeleteBackup:                        forwarded,
	ddb.DeleteItem:                          forwarded,
	ddb.DeleteResourcePolicy:                forwarded,
	ddb.DeleteTable:                         forwarded,
	ddb.DescribeBackup:                      forwarded,
	ddb.DescribeContinuousBackups:           forwarded,
	ddb.DescribeContributorInsights:         forwarded,
	ddb.DescribeEndpoints:                   forwarded,
	ddb.DescribeExport:                      forwarded,
	ddb.DescribeGlobalTable:                 forwarded,
	ddb.DescribeGlobalTableSettings:         forwarded,
	ddb.DescribeImport:                      forwarded,
	ddb.DescribeKinesisStreamingDestination: forwarded,
	ddb.DescribeLimits:                      forwarded,
	ddb.DescribeTable:                       forwarded,
	ddb.DescribeTableReplicaAutoScaling:     forwarded,
	ddb.DescribeTimeToLive:                  forwarded,
	ddb.DisableKinesisStreamingDestination:  forwarded,
	ddb.EnableKinesisStreamingDestination:   forwarded,
	ddb.ExecuteStatement:                    forwarded,
	ddb.ExecuteTransaction:                  forwarded,
	ddb.ExportTableToPointInTime:            forwarded,
	ddb.GetResourcePolicy:                   forwarded,
	ddb.ImportTable:                         forwarded,
	ddb.ListBackups:                         forwarded,
	ddb.ListContributorInsights:             forwarded,
	ddb.ListExports:                         forwarded,
	ddb.ListGlobalTables:                    forwarded,
	ddb.ListImports:                         forwarded,
	ddb.ListTables:                          forwarded,
	ddb.ListTagsOfResource:                  forwarded,
	ddb.PutItem:                             forwarded,
	ddb.PutResourcePolicy:                   forwarded,
	ddb.RestoreTableFromBackup:              forwarded,
	ddb.RestoreTableToPointInTime:           forwarded,
	ddb.SearchVectors:                       forwarded,
	ddb.StartBulkPutItems:                   forwarded,
	ddb.TagResource:                         forwarded,
	ddb.TransactWriteItems:                  forwarded,
	ddb.UntagResource:                       forwarded,
	ddb.UpdateContinuousBackups:             forwarded,
	ddb.UpdateContributorInsights:           forwarded,
	ddb.UpdateGlobalTable:                   forwarded,
	ddb.UpdateGlobalTableSettings:           forwarded,
	ddb.UpdateItem:                          forwarded,
	ddb.UpdateKinesisStreamingDestination:   forwarded,
	ddb.UpdateTable:                         forwarded,
	ddb.UpdateTableReplicaAutoScaling:       forwarded,
	ddb.UpdateTimeToLive:                    forwarded,
	ddb.DescribeStream:                      forwarded,
	ddb.GetRecords:                          forwarded,
	ddb.GetShardIterator:                    forwarded,
	ddb.ListStreams:                         forwarded,
}
