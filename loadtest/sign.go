package loadtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"millrace/ddb"
)

// looksSigned are the headers of requests to targets that do not verify signatures: of the length and shape that
// aws-sdk-go-v2 sends, so that the other side has as much to read.
const looksSigned = "Accept-Encoding: identity\r\n" +
	"Amz-Sdk-Invocation-Id: 5f1c3a52-7f0d-4a55-9a0e-2b7b4a7f6f10\r\nAmz-Sdk-Request: attempt=1; max=1\r\n" +
	"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/dynamodb/aws4_request, " +
	"SignedHeaders=accept-encoding;amz-sdk-invocation-id;content-length;content-type;host;x-amz-date;x-amz-target, " +
	"Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n" +
	"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n" +
	"User-Agent: millrace-loadtest ua/2.1 os/linux lang/go#1.26 md/GOARCH#amd64 api/dynamodb#1.73.1 m/E\r\n"

// signer signs requests with AWS's Signature Version 4. It is safe for concurrent use.
type signer struct {
	v4          *v4.Signer
	credentials aws.CredentialsProvider
	region      string
	host, url   string
}

// newSigner takes credentials as the SDK finds them.
func newSigner(c aws.CredentialsProvider, region string) *signer {
	return &signer{v4: v4.NewSigner(), credentials: c, region: region}
}

// appendHeaders appends the headers of a signed request but for those that name host, target and length.
func (s *signer) appendHeaders(dst []byte, op ddb.Operation, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	credentials, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return dst, fmt.Errorf("find credentials: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return dst, err
	}
	facts := op.Facts()
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", facts.Service+"."+facts.Name)
	sum := sha256.Sum256(body)
	if err := s.v4.SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "dynamodb", s.region, time.Now()); err != nil {
		return dst, fmt.Errorf("sign: %w", err)
	}
	for _, name := range []string{"Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token"} {
		if v := req.Header.Get(name); v != "" {
			dst = append(append(append(append(dst, name...), ": "...), v...), "\r\n"...)
		}
	}
	return append(dst, "Accept-Encoding: identity\r\nUser-Agent: millrace-loadtest\r\n"...), nil
}
