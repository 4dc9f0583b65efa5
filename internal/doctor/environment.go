package doctor

import (
	"fmt"
	"strings"
)

// traps are the environment variables that people expect something of which millrace does not do, by their names'
// beginnings.
var traps = []struct{ prefix, detail, next string }{
	{"AWS_ENDPOINT_URL", "%s steers applications, and the SDK's calls for credentials; millrace does not take its upstream from it", "for another upstream than the region's own use --upstream"},
	{"HTTPS_PROXY", "%s is not used for DynamoDB, only for getting credentials", "let this machine reach DynamoDB directly, or through a VPC endpoint"},
	{"https_proxy", "%s is not used for DynamoDB, only for getting credentials", "let this machine reach DynamoDB directly, or through a VPC endpoint"},
}

// environment warns of variables that mislead.
func (x *examination) environment() {
	for _, v := range x.config.Environ {
		name, value, _ := strings.Cut(v, "=")
		if value == "" {
			continue
		}
		for _, t := range traps {
			if strings.HasPrefix(name, t.prefix) {
				x.add(Warn, "environment", fmt.Sprintf(t.detail, name), t.next)
				break
			}
		}
	}
}
