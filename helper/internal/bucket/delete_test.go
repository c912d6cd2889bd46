package bucket

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func (e env) versions(t *testing.T) (versions, markers int) {
	t.Helper()
	out, err := e.Client().ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: &e.bucket})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions), len(out.DeleteMarkers)
}

func TestDelete(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		e.put(t, "dumps/shop/a.sql", []byte("x"))
		found, err := b.Dumps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.Delete(t.Context(), found[0]); err != nil {
				t.Fatal(err)
			}
		}
		if found, err = b.Dumps(t.Context()); err != nil || len(found) != 0 {
			t.Errorf("%v, %v are left", found, err)
		}
	})
}

func TestDeleteAVersion(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		if err := e.EnableVersions(e.bucket); err != nil {
			t.Fatal(err)
		}
		b := e.open(t)
		e.put(t, "dumps/shop/a.sql", []byte("x"))
		found, err := b.Dumps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), found[0]); err != nil {
			t.Fatal(err)
		}
		if versions, markers := e.versions(t); versions != 0 || markers != 0 {
			t.Errorf("%d versions and %d markers are left", versions, markers)
		}
	})
}

func TestDeleteWithoutPermissionForVersions(t *testing.T) {
	e := newEnv(t, "minio")
	if err := e.EnableVersions(e.bucket); err != nil {
		t.Fatal(err)
	}
	e.put(t, "dumps/shop/a.sql", []byte("x"))
	b := e.as(t, allow("s3:*"), deny("s3:DeleteObjectVersion"))
	if err := b.Delete(t.Context(), Object{Key: "dumps/shop/a.sql"}); err != nil {
		t.Fatal(err)
	}
	if versions, markers := e.versions(t); versions != 1 || markers != 1 {
		t.Errorf("%d versions and %d markers are left", versions, markers)
	}
	if got := e.notes.String(); got != "deleted dumps stay as old versions, and are paid for: s3:DeleteObjectVersion is not allowed" {
		t.Errorf("note is %q", got)
	}
}

// Deleting needs no right to read: the version is found by listing.
func TestDeleteWithoutPermissionToRead(t *testing.T) {
	for _, versions := range []bool{false, true} {
		e := newEnv(t, "minio")
		if versions {
			if err := e.EnableVersions(e.bucket); err != nil {
				t.Fatal(err)
			}
		}
		e.put(t, "dumps/shop/a.sql", []byte("x"))
		b := e.as(t, allow("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"))
		if err := b.Delete(t.Context(), Object{Key: "dumps/shop/a.sql"}); err != nil {
			t.Fatal(err)
		}
		if versions, markers := e.versions(t); versions != 0 || markers != 0 {
			t.Errorf("%d versions and %d markers are left", versions, markers)
		}
		if got := e.notes.String(); got != "" {
			t.Errorf("note is %q", got)
		}
	}
}

func TestDeleteWithoutPermissionToLook(t *testing.T) {
	e := newEnv(t, "minio")
	if err := e.EnableVersions(e.bucket); err != nil {
		t.Fatal(err)
	}
	e.put(t, "dumps/shop/a.sql", []byte("x"))
	if err := e.as(t, allow("s3:DeleteObject")).Delete(t.Context(), Object{Key: "dumps/shop/a.sql"}); err != nil {
		t.Fatal(err)
	}
	if versions, markers := e.versions(t); versions != 1 || markers != 1 {
		t.Errorf("%d versions and %d markers are left", versions, markers)
	}
	if got := e.notes.String(); got != "deleted dumps stay as old versions, and are paid for: s3:ListBucketVersions is not allowed" {
		t.Errorf("note is %q", got)
	}
}

func TestAbortUnfinished(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		ctx := t.Context()
		b := e.open(t)
		mine := b.NewKey(time.Now(), ".sql.zst")
		for _, key := range []string{
			mine, mine, b.NewKey(time.Now(), ".sql.gz"),
			strings.Replace(mine, "shop-", "shop-de-", 1), "dumps/shop/shop-nightly.sql", "dumps/shop/deeper/" + base(mine), base(mine),
		} {
			if _, err := e.Client().CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &e.bucket, Key: &key}); err != nil {
				t.Fatal(err)
			}
		}
		n, err := b.AbortUnfinished(ctx)
		if err != nil || n != 3 {
			t.Errorf("%d were aborted, %v", n, err)
		}
		left, err := e.Client().ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &e.bucket})
		if err != nil {
			t.Fatal(err)
		}
		if len(left.Uploads) != 4 {
			t.Errorf("%d uploads are left", len(left.Uploads))
		}
	})
}
