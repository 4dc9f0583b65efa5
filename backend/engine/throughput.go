package engine

import (
	"time"

	"millrace/ddb"
)

// onDemand reports whether a BillingMode is PAY_PER_REQUEST; absent is PROVISIONED.
func onDemand(mode *string) bool { return mode != nil && *mode == "PAY_PER_REQUEST" }

// isOnDemand reports whether the table is billed by request.
func isOnDemand(d *ddb.TableDescription) bool {
	return d.BillingModeSummary != nil && d.BillingModeSummary.BillingMode == "PAY_PER_REQUEST"
}

// setOnDemand makes d describe an on-demand table.
func setOnDemand(d *ddb.TableDescription, now ddb.Timestamp) {
	d.BillingModeSummary = &ddb.BillingModeSummary{BillingMode: "PAY_PER_REQUEST", LastUpdateToPayPerRequestDateTime: now}
	d.TableThroughputModeSummary = &ddb.TableThroughputModeSummary{
		TableThroughputMode: "PAY_PER_REQUEST", LastUpdateToPayPerRequestDateTime: now,
	}
}

// setProvisioned makes d describe a provisioned table that was on demand before. The time of the last change to on
// demand stays. (API Reference, BillingModeSummary.)
func setProvisioned(d *ddb.TableDescription) {
	since := d.BillingModeSummary.LastUpdateToPayPerRequestDateTime
	d.BillingModeSummary = &ddb.BillingModeSummary{BillingMode: "PROVISIONED", LastUpdateToPayPerRequestDateTime: since}
	d.TableThroughputModeSummary = &ddb.TableThroughputModeSummary{
		TableThroughputMode: "PROVISIONED", LastUpdateToPayPerRequestDateTime: since,
	}
}

// describeThroughput is how p is described in a new table; nil, on demand, is zeros.
func describeThroughput(p *ddb.ProvisionedThroughput) *ddb.ProvisionedThroughputDescription {
	d := &ddb.ProvisionedThroughputDescription{}
	if p != nil {
		d.ReadCapacityUnits, d.WriteCapacityUnits = p.ReadCapacityUnits, p.WriteCapacityUnits
	}
	return d
}

// sameThroughput reports whether d has what p asks for.
func sameThroughput(d *ddb.ProvisionedThroughputDescription, p *ddb.ProvisionedThroughput) bool {
	return d.ReadCapacityUnits == p.ReadCapacityUnits && d.WriteCapacityUnits == p.WriteCapacityUnits
}

// changeThroughput is how d, which stays as it is, is described once it has what p asks for.
func changeThroughput(d *ddb.ProvisionedThroughputDescription, p *ddb.ProvisionedThroughput, now time.Time) *ddb.ProvisionedThroughputDescription {
	next := *d
	if p.ReadCapacityUnits > d.ReadCapacityUnits || p.WriteCapacityUnits > d.WriteCapacityUnits {
		next.LastIncreaseDateTime = timestamp(now)
	}
	last := time.UnixMilli(int64(d.LastDecreaseDateTime * 1000)).UTC()
	if y, m, day := last.Date(); time.Date(y, m, day+1, 0, 0, 0, 0, time.UTC).Before(now) {
		next.NumberOfDecreasesToday = 0
	}
	if p.ReadCapacityUnits < d.ReadCapacityUnits || p.WriteCapacityUnits < d.WriteCapacityUnits {
		next.LastDecreaseDateTime = timestamp(now)
		next.NumberOfDecreasesToday++
	}
	next.ReadCapacityUnits, next.WriteCapacityUnits = p.ReadCapacityUnits, p.WriteCapacityUnits
	return &next
}
