package loadtest

import (
	"net/url"
	"slices"
	"strings"
)

// amazonDomains are the DNS suffixes of AWS's partitions, where requests cost money. Every kind of endpoint is under one:
// regional, dual-stack (api.aws), FIPS, account-based (ddb.) and VPC endpoints (vpce.). (aws-sdk-go-v2, internal/endpoints/
// awsrulesfn/partitions.json: dnsSuffix and dualStackDnsSuffix.)
var amazonDomains = []string{
	"aws", "amazonaws.com", "amazonaws.com.cn", "amazonwebservices.com.cn", "amazonaws.eu", "amazonwebservices.eu",
	"c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
}

// isAmazon tells whether endpoint, a URL, is AWS's.
func isAmazon(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(amazonDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}
