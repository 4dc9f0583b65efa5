package amazon

import "testing"

func TestEndpointsOfAmazonAreKnown(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"https://dynamodb.us-east-1.amazonaws.com", "http://dynamodb.us-east-1.amazonaws.com:80/", "https://DynamoDB.EU-West-1.AmazonAWS.com.",
		"https://dynamodb-fips.us-gov-west-1.amazonaws.com", "https://dynamodb.us-east-1.api.aws", "https://dynamodb-fips.us-east-1.api.aws",
		"https://123456789012.ddb.us-east-1.amazonaws.com", "https://vpce-0123-abcd.dynamodb.us-east-1.vpce.amazonaws.com",
		"https://vpce-0123.dynamodb.us-east-1.vpce.api.aws", "https://dynamodb.cn-north-1.amazonaws.com.cn",
		"https://dynamodb.cn-north-1.api.amazonwebservices.com.cn", "https://user:word@dynamodb.us-west-2.amazonaws.com:443",
		"https://dynamodb.us-iso-east-1.c2s.ic.gov", "https://dynamodb.eusc-de-east-1.amazonaws.eu", "https://x.aws",
	} {
		if !Has(u) {
			t.Errorf("%s is not taken for Amazon's", u)
		}
	}
	for _, u := range []string{"http://127.0.0.1:8000", "http://localhost:8000", "https://amazonaws.com.example.org", "https://notamazonaws.com", "http://millrace.internal", "http://laws:1"} {
		if Has(u) {
			t.Errorf("%s is taken for Amazon's", u)
		}
	}
}
