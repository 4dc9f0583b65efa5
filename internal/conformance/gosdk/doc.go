// Package gosdk holds tests of a running millrace by aws-sdk-go-v2. It is a module of its own, so that the SDK's
// versions are pinned here and millrace itself does not depend on it.
//
// MILLRACE_ENDPOINT names the server and MILLRACE_TRANSCRIPT the file that gets one JSON line for each call; see
// docs/TESTING.md.
package gosdk
