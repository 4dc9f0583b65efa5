// Package check tests what docker/ holds against the programs that will read it: the compose file as compose reads it, the
// Kubernetes manifests as the API server decodes them, their settings with the millrace binary, and every expression of the
// dashboard and the alerts with a Prometheus that scrapes a millrace. Command image, below, builds and runs the image.
//
// The tests need a binary, -millrace, and Prometheus with promtool in PATH.
package check
