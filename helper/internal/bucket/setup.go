package bucket

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Shape is what a bucket for dumps should be like.
type Shape struct {
	Create      bool  // make the bucket if there is none
	AbortDays   int32 // unfinished uploads are removed after so many days
	VersionDays int32 // old versions are removed after so many days
}

// State is the state of a setting, or the result of changing it.
type State string

// States of a setting.
const (
	IsSo        State = "is so"
	WouldSet    State = "would set"
	WasSet      State = "set"
	Unsupported State = "this store cannot"
	// LeftAlone means that a setting should be different, but that a program must not change it.
	LeftAlone State = "left alone"
)

// Item is a setting of the bucket.
type Item struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Text  string `json:"text"` // the current value, or the new one
}

// Setup sets up a bucket in two steps, so that the user can be asked between them.
type Setup struct {
	b        *Bucket
	settings []setting
	isNew    bool // there is no bucket yet, so its settings cannot be read
	// Items are the bucket's settings, in the order in which they are set.
	Items []Item
}

// setting is a setting of the bucket.
type setting struct {
	name string
	// want describes the wanted value.
	want string
	// look describes the current value and reports whether it is right.
	look func(context.Context) (found string, so bool, err error)
	// read and write are the permissions.
	read, write string
	// set changes it; nil if a program must not change it.
	set func(context.Context) error
	// needs names a setting without which this one stays as it is; otherwise says so.
	needs, otherwise string
}

// PlanSetup reads the bucket's settings and plans the changes. It changes nothing. The error is an *Error; its kind is
// ErrNoSuchBucket if there is no bucket and none is to be made.
func (b *Bucket) PlanSetup(ctx context.Context, shape Shape) (*Setup, error) {
	s := &Setup{b: b, settings: []setting{
		b.blockPublicAccess(), b.encryptByDefault(), b.abortUnfinishedAfter(shape.AbortDays), b.expireVersionsAfter(shape.VersionDays), b.keepVersions(),
		b.refusePlainHTTP(),
	}}
	_, err := b.versioned(ctx)
	switch {
	case code(err) == "NoSuchBucket" && shape.Create:
		s.isNew = true
		s.settings = append([]setting{b.create()}, s.settings...)
	case err != nil && !b.lacks(err):
		return nil, b.fail(ctx, "look at", "s3:GetBucketVersioning", "", err)
	}
	for _, setting := range s.settings {
		item := Item{Name: setting.name, State: WouldSet, Text: setting.want}
		if !s.isNew {
			var err error
			if item, err = s.look(ctx, setting); err != nil {
				return nil, err
			}
		} else if setting.set == nil {
			item.State = LeftAlone
		}
		if reason := s.missing(setting); item.State == WouldSet && reason != "" {
			item.State, item.Text = LeftAlone, reason
		}
		s.Items = append(s.Items, item)
	}
	return s, nil
}

// Changes counts the settings to change.
func (s *Setup) Changes() int {
	n := 0
	for _, item := range s.Items {
		if item.State == WouldSet {
			n++
		}
	}
	return n
}

// Apply makes the planned changes and reads the settings again. Items have the results. done is called with each item when it is
// final. Apply stops at the first failure, an *Error; earlier changes stay.
func (s *Setup) Apply(ctx context.Context, done func(Item)) error {
	for i, setting := range s.settings {
		item := &s.Items[i]
		if s.isNew && i > 0 { // S3 sets much of this for new buckets
			var err error
			if *item, err = s.look(ctx, setting); err != nil {
				return err
			}
		}
		if item.State == WouldSet {
			if err := s.apply(ctx, setting, item); err != nil {
				return err
			}
		}
		done(*item)
	}
	return nil
}

func (s *Setup) apply(ctx context.Context, setting setting, item *Item) error {
	if reason := s.missing(setting); reason != "" {
		item.State, item.Text = LeftAlone, reason
		return nil
	}
	if err := setting.set(ctx); err != nil {
		if s.b.lacks(err, http.StatusBadRequest) {
			item.State, item.Text = Unsupported, "it answers "+code(err)
			return nil
		}
		op := "set " + setting.name + " of"
		if setting.name == theBucket {
			op = "make"
		}
		return s.b.fail(ctx, op, setting.write, "", err)
	}
	after, err := s.look(ctx, setting)
	switch {
	case err != nil:
		return err
	case after.State == IsSo:
		after.State = WasSet
	case after.State == WouldSet:
		after.State, after.Text = Unsupported, "it takes the setting, and does not keep it"
	}
	*item = after
	return nil
}

// look reads the current value of a setting.
func (s *Setup) look(ctx context.Context, setting setting) (Item, error) {
	item := Item{Name: setting.name}
	found, so, err := setting.look(ctx)
	switch {
	case err != nil && s.b.lacks(err):
		item.State, item.Text = Unsupported, "it answers "+code(err)
	case err != nil:
		return item, s.b.fail(ctx, "look at "+setting.name+" of", setting.read, "", err)
	case so:
		item.State, item.Text = IsSo, found
	case setting.set == nil:
		item.State, item.Text = LeftAlone, found
	default:
		item.State, item.Text = WouldSet, setting.want
		if found != "" {
			item.Text += ", now " + found
		}
	}
	return item, nil
}

// missing returns why a setting must stay as it is; "" if it need not.
func (s *Setup) missing(setting setting) string {
	if slices.ContainsFunc(s.Items, func(i Item) bool { return i.Name == setting.needs && i.State == Unsupported }) {
		return setting.otherwise
	}
	return ""
}

// lacks reports whether a store other than S3 lacks a setting. Some stores call unknown requests malformed: the
// caller passes the statuses that mean this.
func (b *Bucket) lacks(err error, also ...int) bool {
	status, _ := response(err)
	return !b.aws && apiError(err) != nil && slices.Contains(append(also, http.StatusNotImplemented, http.StatusMethodNotAllowed), status)
}

// theBucket is the setting that is the bucket itself.
const theBucket = "bucket"

func (b *Bucket) create() setting {
	region := b.client.Options().Region
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if region != "us-east-1" { // S3 does not accept this one as a location, only its absence
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	return setting{
		name: theBucket, want: "is made in " + region, write: "s3:CreateBucket",
		set: func(ctx context.Context) error {
			_, err := b.client.CreateBucket(ctx, in)
			return err
		},
		look: func(context.Context) (string, bool, error) { return b.name + " in " + region, true, nil },
	}
}

func (b *Bucket) blockPublicAccess() setting {
	return setting{
		name: "public access", want: "is blocked", read: "s3:GetBucketPublicAccessBlock", write: "s3:PutBucketPublicAccessBlock",
		look: func(ctx context.Context) (string, bool, error) {
			out, err := b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.name})
			if err != nil && code(err) != "NoSuchPublicAccessBlockConfiguration" {
				return "", false, err
			}
			if err == nil && out.PublicAccessBlockConfiguration != nil {
				c := out.PublicAccessBlockConfiguration
				if aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.RestrictPublicBuckets) {
					return "is blocked", true, nil
				}
			}
			if public, err := b.public(ctx); err == nil && public == Yes {
				return "anybody may read the bucket", false, nil
			}
			return "", false, nil
		},
		set: func(ctx context.Context) error {
			_, err := b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
				Bucket: &b.name,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true),
					BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				},
			})
			return err
		},
	}
}

func (b *Bucket) abortUnfinishedAfter(days int32) setting {
	id, prefix := b.ruleID("unfinished-uploads"), b.join("")
	describe := func(days int32, id string) string {
		return fmt.Sprintf("are removed after %s below %s (rule %s)", count(days, "day"), b, id)
	}
	return setting{
		name: "unfinished uploads", want: describe(days, id), read: "s3:GetLifecycleConfiguration", write: "s3:PutLifecycleConfiguration",
		look: func(ctx context.Context) (string, bool, error) {
			life, err := b.lifecycle(ctx)
			rule, found := life.aborting(prefix)
			if err != nil || !found {
				return "", false, err
			}
			now := *rule.AbortIncompleteMultipartUpload.DaysAfterInitiation
			return ruled(rule, id, now, days, describe)
		},
		set: func(ctx context.Context) error {
			return b.putRule(ctx, types.LifecycleRule{
				ID: &id, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix},
				AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: &days},
			})
		},
	}
}

func (b *Bucket) expireVersionsAfter(days int32) setting {
	id, prefix := b.ruleID("old-versions"), b.join("")
	describe := func(days int32, id string) string {
		return fmt.Sprintf("are removed after %s below %s (rule %s)", count(days, "day"), b, id)
	}
	return setting{
		name: oldVersions, want: describe(days, id), read: "s3:GetLifecycleConfiguration", write: "s3:PutLifecycleConfiguration",
		look: func(ctx context.Context) (string, bool, error) {
			life, err := b.lifecycle(ctx)
			rule, found := life.expiring(prefix)
			if err != nil || !found {
				return "", false, err
			}
			now := *rule.NoncurrentVersionExpiration.NoncurrentDays
			return ruled(rule, id, now, days, describe)
		},
		set: func(ctx context.Context) error {
			return b.putRule(ctx, types.LifecycleRule{
				ID: &id, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix},
				NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: &days},
				Expiration:                  &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)},
			})
		},
	}
}

// oldVersions is the setting that versioning needs.
const oldVersions = "old versions"

func (b *Bucket) keepVersions() setting {
	return setting{
		name: "versioning", want: "is enabled", read: "s3:GetBucketVersioning", write: "s3:PutBucketVersioning",
		needs: oldVersions, otherwise: "is not enabled, because nothing would ever remove an old version",
		look: func(ctx context.Context) (string, bool, error) {
			versioned, err := b.versioned(ctx)
			if !versioned {
				return "", false, err
			}
			return "is enabled", true, nil
		},
		set: func(ctx context.Context) error {
			_, err := b.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
				Bucket:                  &b.name,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			return err
		},
	}
}

// ruleID is the ID of our lifecycle rule. It contains the folder, so that projects that share a bucket have separate rules.
func (b *Bucket) ruleID(what string) string {
	id := "dump-refresh-" + what
	if b.prefix != "" {
		id += "-" + b.prefix
	}
	return id
}

// ruled reports whether a rule is right: ours must have the requested days, those of others may have any.
func ruled(rule types.LifecycleRule, ours string, now, want int32, describe func(int32, string) string) (string, bool, error) {
	id := aws.ToString(rule.ID)
	if id == ours && now != want {
		return "after " + count(now, "day"), false, nil
	}
	return describe(now, id), true, nil
}

func count(n int32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
