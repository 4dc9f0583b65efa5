package engine

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"millrace/ddb"
)

// A NextToken says where a SELECT goes on. Clients hold it sealed: they can neither read nor make one, and one that was
// given for another statement, other parameters, another table or another store is refused.

// statementID tells apart SELECTs whose tokens must not be exchanged.
type statementID [sha256.Size]byte

// identity is what the tokens of r belong to: the statement as it was written, its parameters, and the table that it
// was for, which is not another one of the same name.
func (r *selectRead) identity(scope, statement string, parameters []ddb.AttributeValue) statementID {
	parts := []byte{}
	for _, part := range []string{
		scope, r.table.desc.TableId, statement, string(ddb.AppendValueJSON(nil, ddb.ListValue(parameters))),
	} {
		parts = binary.AppendUvarint(parts, uint64(len(part)))
		parts = append(parts, part...)
	}
	return sha256.Sum256(parts)
}

// The parts of a token: its format, the nonce, and the sealed rest.
const (
	tokenVersion    = 1
	tokenNonceBytes = 12
)

// tokenCipher seals tokens with a key of their own.
func (e *Engine) tokenCipher() (cipher.AEAD, []byte) {
	key := keyed(e.secret, []byte("next token"))
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(fmt.Sprintf("key of %d bytes: %v", len(key), err))
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("GCM: %v", err))
	}
	return aead, key
}

// keyed is the HMAC of text.
func keyed(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// sealToken makes place into what a client gets. The nonce is made of what is sealed, so that equal places have equal
// tokens and different ones never share a nonce.
func (e *Engine) sealToken(place selectPlace, id statementID) string {
	body := binary.AppendUvarint(append([]byte{}, id[:]...), uint64(place.span))
	if place.key != nil {
		body = ddb.AppendItemJSON(body, place.key)
	}
	aead, key := e.tokenCipher()
	nonce := keyed(key, body)[:tokenNonceBytes]
	sealed := append([]byte{tokenVersion}, nonce...)
	return base64.StdEncoding.EncodeToString(aead.Seal(sealed, nonce, body, nil))
}

// openToken is sealToken's inverse.
func (e *Engine) openToken(token string, id statementID) (selectPlace, *ddb.Error) {
	sealed, err := base64.StdEncoding.DecodeString(token)
	// The decoder is lenient with line ends and the last bits.
	if err != nil || base64.StdEncoding.EncodeToString(sealed) != token || len(sealed) < 1+tokenNonceBytes || sealed[0] != tokenVersion {
		return selectPlace{}, tokenInvalid()
	}
	aead, _ := e.tokenCipher()
	body, err := aead.Open(nil, sealed[1:1+tokenNonceBytes], sealed[1+tokenNonceBytes:], nil)
	if err != nil {
		return selectPlace{}, tokenInvalid()
	}
	if len(body) < len(id) || statementID(body[:len(id)]) != id {
		return selectPlace{}, tokenMismatched()
	}
	span, n := binary.Uvarint(body[len(id):])
	rest := body[len(id)+max(n, 0):]
	if n <= 0 || span > ddb.MaxStatementBytes {
		return selectPlace{}, tokenInvalid()
	}
	place := selectPlace{span: int(span)}
	if len(rest) > 0 {
		var bad *ddb.Error
		if place.key, bad = ddb.ParseItemJSON(rest); bad != nil {
			return selectPlace{}, tokenInvalid()
		}
	}
	return place, nil
}

// tokenInvalid refuses a NextToken that this store did not make. The text is DynamoDB local's; that the service has the
// same is assumed.
func tokenInvalid() *ddb.Error { return ddb.Validation("Invalid NextToken") }

// tokenMismatched refuses a NextToken that was made for another request.
// (github.com/aws/aws-sdk-js-v3/issues/4424 quotes the service.)
func tokenMismatched() *ddb.Error { return ddb.Validation("NextToken does not match request") }
