// Package amazon knows Amazon's own addresses: what is sent there costs money, and is signed for a region.
package amazon

import (
	"net/url"
	"slices"
	"strings"
)

// domains are the DNS suffixes of AWS's partitions. Every kind of endpoint is under one: regional, dual-stack (api.aws), FIPS,
// account-based (ddb.) and VPC endpoints (vpce.). (aws-sdk-go-v2, internal/endpoints/awsrulesfn/partitions.json: dnsSuffix and
// dualStackDnsSuffix.)
var domains = []string{
	"aws", "aws.dev", "amazonaws.com", "amazonaws.com.cn", "amazonwebservices.com.cn", "amazonaws.eu", "amazonwebservices.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
}

// Has tells whether address, a URL, is Amazon's.
func Has(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(domains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}
