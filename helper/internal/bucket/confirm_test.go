package bucket

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestConfirmation confirms a dump, with the rights of a publisher, and reads that back as every kind of reader.
func TestConfirmation(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		key := b.NewKey(time.Now().Add(-time.Hour), ".sql")
		if err := b.writeSmall(t.Context(), key, []byte("SELECT 1;\n")); err != nil {
			t.Fatal(err)
		}
		dump, err := b.Newest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known := func(b *Bucket, dump Object) time.Time {
			t.Helper()
			at, err := b.Known(t.Context(), dump)
			if err != nil {
				t.Error(err)
			}
			return at
		}
		if at := known(b, dump); !at.Equal(dump.Time) {
			t.Errorf("not confirmed: known since %s, not %s", at, dump.Time)
		}
		confirmed := b.Now().Truncate(time.Millisecond)
		if err := b.Confirm(t.Context(), dump, confirmed, "state", map[string]string{"node": "of the table"}); err != nil {
			t.Fatal(err)
		}
		if at := known(b, dump); !at.Equal(confirmed) {
			t.Errorf("known since %s, not %s", at, confirmed)
		}
		if found, err := b.Confirmation(t.Context(), dump); err != nil || found.State != "state" || found.Tables["node"] != "of the table" {
			t.Errorf("got %v, %v", found, err)
		}
		other, overwritten := dump, dump
		other.Key += "x"
		overwritten.ETag = `"other"`
		for what, dump := range map[string]Object{"another dump": other, "an overwritten one": overwritten} {
			if at := known(b, dump); !at.Equal(dump.Time) {
				t.Errorf("%s is known since %s", what, at)
			}
		}
		if e.S3 == servers["minio"] { // versitygw knows no policies
			if at := known(e.as(t, allow("s3:ListBucket")), dump); !at.Equal(dump.Time) {
				t.Errorf("without permission: known since %s", at)
			}
		}
		for what, at := range map[string]time.Time{"before the dump": dump.Time.Add(-time.Second), "in the future": time.Now().Add(time.Hour)} {
			if err := b.Confirm(t.Context(), dump, at, "", nil); err != nil {
				t.Fatal(err)
			}
			if at := known(b, dump); !at.Equal(dump.Time) {
				t.Errorf("confirmed %s: known since %s", what, at)
			}
		}
		if err := b.WriteState(t.Context(), confirmation, []byte("<html>")); err != nil {
			t.Fatal(err)
		}
		if at := known(b, dump); !at.Equal(dump.Time) {
			t.Errorf("garbage: known since %s", at)
		}
	})
}

// TestExpires reads when a lifecycle rule deletes an object.
func TestExpires(t *testing.T) {
	e := newEnv(t, "minio")
	b := e.open(t)
	key := b.NewKey(time.Now(), ".sql")
	if err := b.writeSmall(t.Context(), key, []byte("SELECT 1;\n")); err != nil {
		t.Fatal(err)
	}
	expires := func() time.Time {
		t.Helper()
		object, err := b.Head(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return object.Expires
	}
	if at := expires(); !at.IsZero() {
		t.Errorf("without a rule it expires on %s", at)
	}
	rule := types.LifecycleRule{ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		Expiration: &types.LifecycleExpiration{Days: aws.Int32(7)}}
	if err := b.putRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	if days := time.Until(expires()).Hours() / 24; days < 6 || days > 9 {
		t.Errorf("it expires in %.1f days", days)
	}
	for header, want := range map[string]string{
		`expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="Rule for testfile.txt"`: "2012-12-21",
		`rule-id="a"`:                      "0001-01-01",
		`expiry-date="soon", rule-id="a"`:  "0001-01-01",
		strings.Repeat(`expiry-date="`, 9): "0001-01-01",
	} {
		if got := readExpiration(header).Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, not %s", header, got, want)
		}
	}
}
