package bucket

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecycle is what a bucket does with ageing objects. It can only be written as a whole, so rules of others are kept as they were
// read.
type lifecycle struct {
	rules []types.LifecycleRule
	// smallest is a setting that S3 keeps beside the rules: which objects are too small to be moved.
	smallest types.TransitionDefaultMinimumObjectSize
}

// lifecycle reads the rules. The error is the SDK's.
func (b *Bucket) lifecycle(ctx context.Context) (lifecycle, error) {
	out, err := b.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.name})
	switch {
	case code(err) == "NoSuchLifecycleConfiguration":
		return lifecycle{}, nil
	case err != nil:
		return lifecycle{}, err
	}
	return lifecycle{out.Rules, out.TransitionDefaultMinimumObjectSize}, nil
}

// putRule adds a rule or replaces the one with its ID. The error is the SDK's.
func (b *Bucket) putRule(ctx context.Context, rule types.LifecycleRule) error {
	now, err := b.lifecycle(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(now.rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == *rule.ID })
	if at >= 0 {
		now.rules[at] = rule
	} else {
		now.rules = append(now.rules, rule)
	}
	_, err = b.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket:                             &b.name,
		LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: now.rules},
		TransitionDefaultMinimumObjectSize: now.smallest,
	})
	return err
}

// aborting finds a rule that removes unfinished uploads of all keys with a prefix.
func (l lifecycle) aborting(prefix string) (types.LifecycleRule, bool) {
	return l.find(prefix, func(r types.LifecycleRule) bool {
		return r.AbortIncompleteMultipartUpload != nil && r.AbortIncompleteMultipartUpload.DaysAfterInitiation != nil
	})
}

// expiring finds a rule that removes old versions of all keys with a prefix. A rule that keeps some versions of each key removes no
// dump: a dump's key is written once, so its only old version is the newest.
func (l lifecycle) expiring(prefix string) (types.LifecycleRule, bool) {
	return l.find(prefix, func(r types.LifecycleRule) bool {
		e := r.NoncurrentVersionExpiration
		return e != nil && e.NoncurrentDays != nil && aws.ToInt32(e.NewerNoncurrentVersions) == 0
	})
}

func (l lifecycle) find(prefix string, does func(types.LifecycleRule) bool) (types.LifecycleRule, bool) {
	at := slices.IndexFunc(l.rules, func(r types.LifecycleRule) bool {
		return r.Status == types.ExpirationStatusEnabled && covers(r, prefix) && does(r)
	})
	if at < 0 {
		return types.LifecycleRule{}, false
	}
	return l.rules[at], true
}

// covers reports whether a rule applies to all objects whose keys have a prefix.
func covers(rule types.LifecycleRule, keys string) bool {
	prefix := aws.ToString(rule.Prefix) //nolint:staticcheck // deprecated and still in use
	if f := rule.Filter; f != nil {
		if f.Tag != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil {
			return false
		}
		prefix = aws.ToString(f.Prefix)
		if f.And != nil {
			if len(f.And.Tags) > 0 || f.And.ObjectSizeGreaterThan != nil || f.And.ObjectSizeLessThan != nil {
				return false
			}
			prefix = aws.ToString(f.And.Prefix)
		}
	}
	return strings.HasPrefix(keys, prefix)
}
