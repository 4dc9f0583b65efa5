package engine

import (
	"context"
	"strings"

	"millrace/ddb"
)

// What needs another service of AWS is not here: no second region, no Kinesis, S3, CloudWatch or IAM. Its operations answer as
// DynamoDB answers an account that has nothing there. What would begin to use one is refused, with the error of a caller who
// may not, rather than be accepted and never happen. (That this is the error is assumed unless a comment says otherwise;
// other texts are the service's own.)

// cloudOperation makes a row of ops of an answer to a decoded input.
func cloudOperation[T any](answer func(*Engine, *ddb.Request, *T) (any, *ddb.Error)) func(*Engine, context.Context, *ddb.Request) (*ddb.Response, error) {
	return func(e *Engine, _ context.Context, req *ddb.Request) (*ddb.Response, error) {
		in := new(T)
		body, err := req.JSON()
		if err == nil {
			err = ddb.DecodeShape(body, in)
		}
		if err != nil {
			return nil, err
		}
		out, refused := answer(e, req, in)
		if refused != nil {
			return nil, refused
		}
		return ddb.NewTypedResponse(out), nil
	}
}

// errNotAllowed refuses to begin with something that is not here. what is the resource.
func (e *Engine) errNotAllowed(req *ddb.Request, what string) *ddb.Error {
	return &ddb.Error{
		Code: "AccessDeniedException",
		Message: "User: arn:aws:iam::" + e.cfg.AccountID + ":root is not authorized to perform: dynamodb:" + req.Op.String() +
			" on resource: " + what,
	}
}

// checkThere refuses a table that there is not, in the words of the operations on tables.
func (e *Engine) checkThere(req *ddb.Request, name string) *ddb.Error {
	v := e.acquireView()
	defer v.release()
	_, err := v.tableForControl(e.scopeOf(req), name)
	return err
}

// createGlobalTable refuses the first version of global tables, which DynamoDB does not make any more.
func (*Engine) createGlobalTable(*ddb.Request, *ddb.GlobalTableInput) (any, *ddb.Error) {
	return nil, invalid("DynamoDB global tables version 2017.11.29 is not supported. " +
		"We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).")
}

// describeGlobalTable finds none.
func (*Engine) describeGlobalTable(_ *ddb.Request, in *ddb.GlobalTableInput) (any, *ddb.Error) {
	return nil, &ddb.Error{Code: "GlobalTableNotFoundException", Message: "Global table not found: " + noGlobalTable(in.GlobalTableName)}
}

// globalTable finds none.
func (*Engine) globalTable(_ *ddb.Request, in *ddb.GlobalTableInput) (any, *ddb.Error) {
	return nil, &ddb.Error{Code: "GlobalTableNotFoundException", Message: noGlobalTable(in.GlobalTableName)}
}

// noGlobalTable tells that there is no global table of that name.
func noGlobalTable(name string) string {
	return "Global table with name: '" + name + "' does not exist."
}

// listGlobalTables finds none.
func (*Engine) listGlobalTables(*ddb.Request, *ddb.ListGlobalTablesInput) (any, *ddb.Error) {
	return &ddb.ListGlobalTablesOutput{GlobalTables: []string{}}, nil
}

// replicaAutoScaling finds no replicas: the table is in one region, if it is there at all.
func (*Engine) replicaAutoScaling(_ *ddb.Request, in *ddb.TableReplicaAutoScalingInput) (any, *ddb.Error) {
	return nil, ddb.ResourceNotFound("%s", noGlobalTable(ddb.TableName(in.TableName)))
}

// contributorInsights are off for every table and index.
func (e *Engine) contributorInsights(req *ddb.Request, in *ddb.ContributorInsightsInput) (any, *ddb.Error) {
	v := e.acquireView()
	defer v.release()
	t, err := v.tableForControl(e.scopeOf(req), in.TableName)
	if err != nil {
		return nil, err
	}
	if in.IndexName != nil {
		if idx, ok := t.index(*in.IndexName); !ok || !idx.Global {
			return nil, ddb.ResourceNotFound("Requested resource not found: Index: %s not found for table: %s", *in.IndexName, t.desc.TableName)
		}
	}
	return &ddb.ContributorInsightsOutput{
		TableName: t.desc.TableName, IndexName: in.IndexName, ContributorInsightsStatus: "DISABLED",
	}, nil
}

// updateContributorInsights leaves them off.
func (e *Engine) updateContributorInsights(req *ddb.Request, in *ddb.ContributorInsightsInput) (any, *ddb.Error) {
	out, err := e.contributorInsights(req, in)
	switch {
	case in.ContributorInsightsAction == nil:
		return nil, ddb.Validation("1 validation error detected: Value null at 'contributorInsightsAction' failed to satisfy constraint: Member must not be null")
	case err != nil:
		return nil, err
	case *in.ContributorInsightsAction == "ENABLE":
		return nil, e.errNotAllowed(req, ddb.TableARN(e.cfg.Region, e.cfg.AccountID, ddb.TableName(in.TableName)))
	}
	return out, nil
}

// listContributorInsights finds none.
func (e *Engine) listContributorInsights(req *ddb.Request, in *ddb.ListContributorInsightsInput) (any, *ddb.Error) {
	if in.TableName != nil {
		if err := e.checkThere(req, *in.TableName); err != nil {
			return nil, err
		}
	}
	return &ddb.ListContributorInsightsOutput{ContributorInsightsSummaries: []string{}}, nil
}

// describeKinesis finds no destinations.
func (e *Engine) describeKinesis(req *ddb.Request, in *ddb.DescribeKinesisStreamingDestinationInput) (any, *ddb.Error) {
	if err := e.checkThere(req, in.TableName); err != nil {
		return nil, err
	}
	return &ddb.DescribeKinesisStreamingDestinationOutput{
		TableName: ddb.TableName(in.TableName), KinesisDataStreamDestinations: []string{},
	}, nil
}

// enableKinesis knows no stream to send to. DynamoDB says so later, in the destination's status.
func (e *Engine) enableKinesis(req *ddb.Request, in *ddb.KinesisDestinationInput) (any, *ddb.Error) {
	if err := e.checkThere(req, in.TableName); err != nil {
		return nil, err
	}
	return nil, ddb.Validation("User does not have a permission to use kinesis stream")
}

// disableKinesis finds nothing to disable.
func (e *Engine) disableKinesis(req *ddb.Request, in *ddb.KinesisDestinationInput) (any, *ddb.Error) {
	if err := e.checkThere(req, in.TableName); err != nil {
		return nil, err
	}
	return nil, ddb.Validation("Table is not in a valid state to enable Kinesis Streaming Destination: " +
		"KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.")
}

// updateKinesis finds nothing to update.
func (e *Engine) updateKinesis(req *ddb.Request, in *ddb.KinesisDestinationInput) (any, *ddb.Error) {
	if err := e.checkThere(req, in.TableName); err != nil {
		return nil, err
	}
	return nil, ddb.Validation("Table is not in a valid state to enable Kinesis Streaming Destination: "+
		"Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. TableName: %s, kdsArn: %s",
		ddb.TableName(in.TableName), in.StreamArn)
}

// exportTable has no past to export.
func (e *Engine) exportTable(req *ddb.Request, in *ddb.ExportTableToPointInTimeInput) (any, *ddb.Error) {
	switch p, ok := ddb.ParseARN(in.TableArn); {
	case !ok:
		return nil, ddb.Validation("tableArn is not a valid ARN")
	case p.Sub != "":
		return nil, errRestore("Table ARN is invalid.")
	}
	return nil, e.errNoRecovery(req, in.TableArn)
}

// describeExport finds none.
func (*Engine) describeExport(_ *ddb.Request, in *ddb.DescribeExportInput) (any, *ddb.Error) {
	if p, ok := ddb.ParseARN(in.ExportArn); !ok || !strings.HasPrefix(p.Sub, "export/") {
		return nil, ddb.Validation("Invalid Export ARN")
	}
	return nil, &ddb.Error{Code: "ExportNotFoundException", Message: "Export not found: Export not found: " + in.ExportArn}
}

// listExports finds none.
func (*Engine) listExports(*ddb.Request, *ddb.ListExportsInput) (any, *ddb.Error) {
	return &ddb.ListExportsOutput{ExportSummaries: []string{}}, nil
}

// importTable has nowhere to import from.
func (e *Engine) importTable(req *ddb.Request, _ *ddb.ImportTableInput) (any, *ddb.Error) {
	return nil, e.errNotAllowed(req, ddb.TableARN(e.cfg.Region, e.cfg.AccountID, "*")+"/import/*")
}

// describeImport finds none. The text for an import that is not there is assumed.
func (*Engine) describeImport(_ *ddb.Request, in *ddb.DescribeImportInput) (any, *ddb.Error) {
	if p, ok := ddb.ParseARN(in.ImportArn); !ok || !strings.HasPrefix(p.Sub, "import/") {
		return nil, ddb.Validation("Invalid Import ARN")
	}
	return nil, &ddb.Error{Code: "ImportNotFoundException", Message: "Import not found: " + in.ImportArn}
}

// listImports finds none.
func (*Engine) listImports(*ddb.Request, *ddb.ListImportsInput) (any, *ddb.Error) {
	return &ddb.ListImportsOutput{ImportSummaryList: []string{}}, nil
}

// checkPolicyARN refuses what is no table or stream that is there. The account and region are not looked at.
func (e *Engine) checkPolicyARN(req *ddb.Request, arn string) *ddb.Error {
	p, ok := ddb.ParseARN(arn)
	switch {
	case !strings.HasPrefix(arn, "arn:"):
		return invalid("ARNs must start with 'arn:': %s", arn)
	case !ok, strings.HasPrefix(p.Sub, backupPart):
		return invalid("Provided Arn is not a DynamoDB resource arn: %s", arn)
	case strings.HasPrefix(p.Sub, "index/"):
		return invalid("Invalid resource arn provided, only table or stream is accepted. Provided resource arn: %s", arn)
	}
	return e.checkThere(req, p.Table)
}

// getResourcePolicy finds none.
func (e *Engine) getResourcePolicy(req *ddb.Request, in *ddb.ResourcePolicyInput) (any, *ddb.Error) {
	if err := e.checkPolicyARN(req, in.ResourceArn); err != nil {
		return nil, err
	}
	return nil, &ddb.Error{
		Code: "PolicyNotFoundException", Message: "Resource-based policy not found for the provided ResourceArn: " + in.ResourceArn,
	}
}

// putResourcePolicy is refused: nothing here would obey the policy.
func (e *Engine) putResourcePolicy(req *ddb.Request, in *ddb.ResourcePolicyInput) (any, *ddb.Error) {
	if err := e.checkPolicyARN(req, in.ResourceArn); err != nil {
		return nil, err
	}
	return nil, e.errNotAllowed(req, in.ResourceArn)
}

// deleteResourcePolicy has nothing to delete, which is no error unless a certain policy is meant.
// (API Reference, DeleteResourcePolicy: "an idempotent operation".)
func (e *Engine) deleteResourcePolicy(req *ddb.Request, in *ddb.ResourcePolicyInput) (any, *ddb.Error) {
	if in.ExpectedRevisionId != nil {
		return e.getResourcePolicy(req, in)
	}
	if err := e.checkPolicyARN(req, in.ResourceArn); err != nil {
		return nil, err
	}
	return &ddb.DeleteResourcePolicyOutput{}, nil
}
