package engine

import "millrace/ddb"

// checkEncryption checks an SSESpecification. (API Reference, SSESpecification; the texts are the service's own.)
func checkEncryption(spec *ddb.SSESpecification) *ddb.Error {
	if spec == nil {
		return nil
	}
	switch enabled := isTrue(spec.Enabled); {
	case !enabled && spec.SSEType != "":
		return invalid("SSEType can not be specified if Enabled is false")
	case !enabled && spec.KMSMasterKeyId != nil:
		return invalid("KMSMasterKeyId can not be specified if Enabled is false")
	case spec.SSEType == "AES256":
		return invalid("SSEType AES256 is not supported")
	}
	return nil
}

// describeEncryption is how the table of a valid spec is described: encryption with a key of the service's own is not
// mentioned. Nothing is encrypted here: keys are the business of whoever keeps the data folder. (Developer Guide,
// "DynamoDB encryption at rest".)
func (e *Engine) describeEncryption(spec *ddb.SSESpecification) *ddb.SSEDescription {
	if spec == nil || !isTrue(spec.Enabled) {
		return nil
	}
	key := "arn:aws:kms:" + e.cfg.Region + ":" + e.cfg.AccountID + ":alias/aws/dynamodb"
	if spec.KMSMasterKeyId != nil {
		key = *spec.KMSMasterKeyId
	}
	return &ddb.SSEDescription{Status: "ENABLED", SSEType: "KMS", KMSMasterKeyArn: key}
}
