// Package facts checks a running millrace, or any other DynamoDB, against the numbered facts about DynamoDB's behaviour
// that the engine was written to: every number has a test here, or a reason in untested why it has none.
//
// Requests are written as JSON and sent by the clients of aws-sdk-go-v2; what an SDK cannot send goes over plain HTTP.
// Every read is sent twice, so that the second may come from a cache, and both must be answered alike. MILLRACE_ENDPOINT
// and MILLRACE_TRANSCRIPT are as in package gosdk.
package facts
