package engine

import (
	"context"

	"millrace/ddb"
)

// describeContinuousBackups answers that there is no point-in-time recovery.
func (e *Engine) describeContinuousBackups(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.DescribeContinuousBackupsInput](req)
	if err != nil {
		return nil, err
	}
	if err := e.checkBackedUp(req, in.TableName); err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: noRecovery()}), nil
}

// updateContinuousBackups does not switch point-in-time recovery on: an answer that it was would be a promise to have every
// second of the last 35 days. It answers as DynamoDB does where continuous backups cannot be had. Switching it off does nothing.
// (API Reference, UpdateContinuousBackups: Errors, ContinuousBackupsUnavailableException.)
func (e *Engine) updateContinuousBackups(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.UpdateContinuousBackupsInput](req)
	if err != nil {
		return nil, err
	}
	spec := in.PointInTimeRecoverySpecification
	if !spec.PointInTimeRecoveryEnabled && spec.RecoveryPeriodInDays != nil {
		return nil, errRestore("Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.")
	}
	if err := e.checkBackedUp(req, in.TableName); err != nil {
		return nil, err
	}
	if spec.PointInTimeRecoveryEnabled {
		return nil, &ddb.Error{Code: "ContinuousBackupsUnavailableException", Message: "Backups have not yet been enabled for this table."}
	}
	return ddb.NewTypedResponse(&ddb.UpdateContinuousBackupsOutput{ContinuousBackupsDescription: noRecovery()}), nil
}

// checkBackedUp refuses a table that there is not, or not yet.
func (e *Engine) checkBackedUp(req *ddb.Request, name string) *ddb.Error {
	v := e.acquireView()
	defer v.release()
	if _, err := v.table(e.scopeOf(req), name); err != nil {
		return errNoTable(name)
	}
	return nil
}

// noRecovery is every table's state of continuous backups.
func noRecovery() *ddb.ContinuousBackupsDescription {
	return &ddb.ContinuousBackupsDescription{
		ContinuousBackupsStatus:        "ENABLED",
		PointInTimeRecoveryDescription: &ddb.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: "DISABLED"},
	}
}

// restoreTableToPointInTime has no past to restore. It checks in the order in which DynamoDB does.
func (e *Engine) restoreTableToPointInTime(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.RestoreTableToPointInTimeInput](req)
	if err != nil {
		return nil, err
	}
	latest := isTrue(in.UseLatestRestorableTime)
	switch {
	case (in.SourceTableName == nil) == (in.SourceTableArn == nil):
		return nil, ddb.Validation("Must provide exactly one of: sourceTableArn, sourceTableName")
	case latest && in.RestoreDateTime != 0:
		return nil, errRestore("Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore request. Please set only one.")
	case !latest && in.RestoreDateTime == 0:
		return nil, errRestore("Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both")
	}
	source := in.SourceTableName
	if source == nil {
		source = in.SourceTableArn
		if _, ok := ddb.ParseARN(*source); !ok {
			return nil, ddb.Validation("sourceTableArn is not a valid ARN")
		}
	}
	return nil, e.errNoRecovery(req, *source)
}

// errNoRecovery is the answer to a request for a table's past.
func (e *Engine) errNoRecovery(req *ddb.Request, table string) *ddb.Error {
	if err := e.checkBackedUp(req, table); err != nil {
		return err
	}
	return &ddb.Error{
		Code:    "PointInTimeRecoveryUnavailableException",
		Message: "Point in time recovery is not enabled for table '" + ddb.TableName(table) + "'",
	}
}
