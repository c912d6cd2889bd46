package bucket

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// refusePlainHTTP checks whether the bucket's policy rejects requests without TLS. It cannot set this: a bucket has one policy, which
// others wrote, and a mistake in merging it locks everybody out or lets somebody in.
func (b *Bucket) refusePlainHTTP() setting {
	const missing = "no bucket policy refuses requests without TLS: docs/bucket.md has one"
	return setting{
		name: "TLS", want: missing, read: "s3:GetBucketPolicy",
		look: func(ctx context.Context) (string, bool, error) {
			out, err := b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.name})
			switch {
			case code(err) == "NoSuchBucketPolicy":
				return missing, false, nil
			case err != nil:
				return "", false, err
			case deniesPlainHTTP(aws.ToString(out.Policy)):
				return "the bucket's policy refuses requests without TLS", true, nil
			}
			return missing, false, nil
		},
	}
}

// policyStatement has the fields of a policy's statement that matter here.
type policyStatement struct {
	Effect    string
	Principal any
	Action    any
	Condition map[string]map[string]any
}

// deniesPlainHTTP reports whether a policy denies requests without TLS to everybody. An unreadable policy does not.
func deniesPlainHTTP(policy string) bool {
	var document struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(policy), &document) != nil {
		return false
	}
	var statements []policyStatement
	if json.Unmarshal(document.Statement, &statements) != nil {
		var one policyStatement // a single statement needs no brackets
		if json.Unmarshal(document.Statement, &one) != nil {
			return false
		}
		statements = []policyStatement{one}
	}
	for _, s := range statements {
		if s.Effect != "Deny" || !isEverybody(s.Principal) || only(s.Action) != "s3:*" || len(s.Condition) != 1 {
			continue
		}
		for operator, keys := range s.Condition {
			if strings.HasPrefix(operator, "Bool") && len(keys) == 1 && requiresTLS(keys) {
				return true
			}
		}
	}
	return false
}

// isEverybody reports whether a principal is "*" or {"AWS": "*"}.
func isEverybody(principal any) bool {
	if accounts, ok := principal.(map[string]any); ok {
		principal = accounts["AWS"]
	}
	return only(principal) == "*"
}

// requiresTLS reports whether a condition applies to requests without TLS.
func requiresTLS(keys map[string]any) bool {
	for name, value := range keys {
		if value = only(value); strings.EqualFold(name, "aws:SecureTransport") && (value == false || value == "false") {
			return true
		}
	}
	return false
}

// only returns the value of a list of one, which policies write with or without brackets.
func only(value any) any {
	if list, ok := value.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return value
}
