package bucket

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// encryptByDefault makes the bucket encrypt objects by default: as the project's settings say, or with keys of S3's own.
func (b *Bucket) encryptByDefault() setting {
	want := types.ServerSideEncryptionByDefault{SSEAlgorithm: b.sse, KMSMasterKeyID: optional(b.kmsKeyID)}
	if want.SSEAlgorithm == "" {
		want.SSEAlgorithm = types.ServerSideEncryptionAes256
	}
	return setting{
		name: "encryption", want: "is " + describeEncryption(want),
		read: "s3:GetEncryptionConfiguration", write: "s3:PutEncryptionConfiguration",
		look: func(ctx context.Context) (string, bool, error) {
			rule, err := b.encryption(ctx)
			now := rule.ApplyServerSideEncryptionByDefault
			if err != nil || now == nil {
				return "", false, err
			}
			text := describeEncryption(*now)
			if encryptsAs(*now, want) {
				return "is " + text, true, nil
			}
			return text, false, nil
		},
		set: func(ctx context.Context) error {
			rule, err := b.encryption(ctx) // with everything else that is set there
			if err != nil {
				return err
			}
			rule.ApplyServerSideEncryptionByDefault = &want
			if want.SSEAlgorithm == types.ServerSideEncryptionAwsKms {
				rule.BucketKeyEnabled = aws.Bool(true) // one request to KMS serves many objects
			}
			_, err = b.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
				Bucket:                            &b.name,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}},
			})
			return err
		},
	}
}

// encryption reads the bucket's rule, which is empty if there is none. The error is the SDK's.
func (b *Bucket) encryption(ctx context.Context) (types.ServerSideEncryptionRule, error) {
	out, err := b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &b.name})
	switch {
	case code(err) == "ServerSideEncryptionConfigurationNotFoundError":
		return types.ServerSideEncryptionRule{}, nil
	case err != nil:
		return types.ServerSideEncryptionRule{}, err
	case out.ServerSideEncryptionConfiguration == nil || len(out.ServerSideEncryptionConfiguration.Rules) == 0:
		return types.ServerSideEncryptionRule{}, nil
	}
	return out.ServerSideEncryptionConfiguration.Rules[0], nil
}

// encryptsAs reports whether an encryption is the wanted one, or a stronger one that satisfies it.
func encryptsAs(now, want types.ServerSideEncryptionByDefault) bool {
	if want.SSEAlgorithm == types.ServerSideEncryptionAes256 {
		return true // KMS is stronger
	}
	twice := now.SSEAlgorithm == types.ServerSideEncryptionAwsKmsDsse && want.SSEAlgorithm == types.ServerSideEncryptionAwsKms
	if now.SSEAlgorithm != want.SSEAlgorithm && !twice {
		return false
	}
	have, key := aws.ToString(now.KMSMasterKeyID), aws.ToString(want.KMSMasterKeyID)
	// A key is named by its ID or alias, or by an ARN that ends with it: …:key/ID, …:alias/NAME.
	return key == "" || have == key || strings.HasSuffix(have, "/"+key) || strings.HasSuffix(have, ":"+key) ||
		have != "" && (strings.HasSuffix(key, "/"+have) || strings.HasSuffix(key, ":"+have))
}

func describeEncryption(e types.ServerSideEncryptionByDefault) string {
	switch key := aws.ToString(e.KMSMasterKeyID); {
	case e.SSEAlgorithm == types.ServerSideEncryptionAes256:
		return "SSE-S3 (AES256)"
	case key == "":
		return string(e.SSEAlgorithm)
	default:
		return string(e.SSEAlgorithm) + " with the key " + key
	}
}
