package bucket

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestProbes(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		if _, known := b.ClockOffset(); known {
			t.Error("the clock is known before the first call")
		}
		if err := b.CanList(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.CanPut(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.CanUpload(t.Context()); err != nil {
			t.Error(err)
		}
		list, err := e.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &e.bucket})
		if err != nil || len(list.Contents) != 0 {
			t.Errorf("%d objects are left, %v", len(list.Contents), err)
		}
		o := e.stored(t, b, "dumps/shop/a.sql", random(10))
		if err := b.CanGet(t.Context(), o); err != nil {
			t.Error(err)
		}
		if offset, known := b.ClockOffset(); !known || offset.Abs() > 5*time.Second {
			t.Errorf("offset is %s, %v", offset, known)
		}
		if got := b.Credentials(); got != "AWS_ACCESS_KEY_ID" {
			t.Errorf("credentials are from %q", got)
		}
	})
}

func TestProbesWithoutPermission(t *testing.T) {
	e := newEnv(t, "minio")
	o := e.stored(t, e.open(t), "dumps/shop/a.sql", random(10))
	state := "s3://" + e.bucket + "/dumps/shop/.dump-refresh/shop.probe"
	wantError(t, e.as(t, allow("s3:GetObject")).CanList(t.Context()), ErrAccessDenied,
		"list s3://"+e.bucket+"/dumps/shop/: access denied, s3:ListBucket is missing: Access Denied")
	wantError(t, e.as(t, allow("s3:ListBucket")).CanGet(t.Context(), o), ErrAccessDenied,
		"fetch s3://"+e.bucket+"/dumps/shop/a.sql: access denied, s3:GetObject is missing: Access Denied")
	wantError(t, e.as(t, allow("s3:ListBucket")).CanPut(t.Context()), ErrAccessDenied,
		"put "+state+": access denied, s3:PutObject is missing: Access Denied")
	if err := e.as(t, allow("s3:PutObject", "s3:GetObject")).CanPut(t.Context()); err != nil {
		t.Error(err)
	}
	if got := e.notes.String(); got != "a probe of a few bytes stays in the bucket: "+state {
		t.Errorf("note is %q", got)
	}
}

// A KMS key that may encrypt and not decrypt lets small objects pass and parts fail.
func TestProbeOfKMS(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Has("partNumber") && answerError(w, 403, "AccessDenied",
			"User: x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext")
	})
	b := behind.open(t)
	if err := b.CanPut(t.Context()); err != nil {
		t.Error(err)
	}
	wantError(t, b.CanUpload(t.Context()), ErrKMSDenied, "upload part 1 of s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.probe: "+
		"access to the KMS key denied: User: x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext")
}

func TestSettings(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.open(t)
	got, err := b.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Settings{AbortsUnfinished: No, Versioned: No, ExpiresVersions: No, Public: got.Public}); got != want {
		t.Errorf("settings are %+v", got)
	}

	b = e.as(t, allow("s3:ListBucket"))
	if got, err = b.Settings(t.Context()); err != nil || got != (Settings{}) {
		t.Errorf("settings that may not be read are %+v, %v", got, err)
	}

	// MinIO keeps AbortIncompleteMultipartUpload out of its rules, so an answer of AWS stands in.
	b = answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Has("lifecycle"):
			_, _ = w.Write([]byte(`<LifecycleConfiguration>
<Rule><Status>Enabled</Status><Filter><Prefix>p/</Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
<Rule><Status>Disabled</Status><Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule>
<Rule><Status>Enabled</Status><Filter><Prefix>other/</Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule>
</LifecycleConfiguration>`))
		case r.URL.Query().Has("versioning"):
			_, _ = w.Write([]byte(`<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`))
		default:
			answerError(w, 404, "NoSuchBucketPolicy", "The bucket policy does not exist")
		}
	})
	if got, err = b.Settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := (Settings{AbortsUnfinished: Yes, Versioned: Yes, ExpiresVersions: No, Public: No}); got != want {
		t.Errorf("settings are %+v", got)
	}

	c := e.config()
	c.Bucket = "no-such-bucket"
	if _, err := open(t, c).Settings(t.Context()); err == nil {
		t.Error("a missing bucket has settings")
	}
}

func TestRuleCovers(t *testing.T) {
	const dumps = "dumps/shop-"
	for prefix, want := range map[string]bool{"": true, "dumps/": true, "dumps/shop": true, "dumps/shop-2": false, "x": false} {
		if got := covers(types.LifecycleRule{Filter: &types.LifecycleRuleFilter{Prefix: &prefix}}, dumps); got != want {
			t.Errorf("filter %q: %v", prefix, got)
		}
		if got := covers(types.LifecycleRule{Prefix: &prefix}, dumps); got != want { //nolint:staticcheck // old, and still in use
			t.Errorf("prefix %q: %v", prefix, got)
		}
	}
	tag := &types.Tag{Key: aws.String("a"), Value: aws.String("b")}
	for what, filter := range map[string]types.LifecycleRuleFilter{
		"a tag":            {Tag: tag},
		"a tag and more":   {And: &types.LifecycleRuleAndOperator{Tags: []types.Tag{*tag}}},
		"a size":           {ObjectSizeGreaterThan: aws.Int64(1)},
		"a size and more":  {And: &types.LifecycleRuleAndOperator{ObjectSizeLessThan: aws.Int64(1)}},
		"another's folder": {And: &types.LifecycleRuleAndOperator{Prefix: aws.String("x/")}},
	} {
		if covers(types.LifecycleRule{Filter: &filter}, dumps) {
			t.Errorf("a rule for %s covers all", what)
		}
	}
}
