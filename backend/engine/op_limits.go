package engine

import (
	"context"

	"millrace/ddb"
)

// describeLimits answers the quotas of a new account in most regions, which nothing here enforces.
// (Developer Guide, "Quotas in Amazon DynamoDB", Default quotas.)
func (e *Engine) describeLimits(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	if _, err := ddb.InputAs[ddb.DescribeLimitsInput](req); err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(&ddb.DescribeLimitsOutput{
		AccountMaxReadCapacityUnits: 80000, AccountMaxWriteCapacityUnits: 80000,
		TableMaxReadCapacityUnits: 40000, TableMaxWriteCapacityUnits: 40000,
	}), nil
}

// endpointMinutes is how long clients may remember what describeEndpoints answers: a day, as DynamoDB says.
const endpointMinutes = 1440

// describeEndpoints answers the address that the client used: there is no other. A request that came by no network has
// none, and is told the one that millrace listens on unless it is told otherwise.
func (e *Engine) describeEndpoints(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	if _, err := ddb.InputAs[ddb.DescribeEndpointsInput](req); err != nil {
		return nil, err
	}
	address := req.Host
	if address == "" {
		address = "localhost:8000"
	}
	return ddb.NewTypedResponse(&ddb.DescribeEndpointsOutput{
		Endpoints: []ddb.Endpoint{{Address: address, CachePeriodInMinutes: endpointMinutes}},
	}), nil
}
