package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	oldDump = "dumps/shop/shop-20261121T063000Z-aaaaaa.sql.zst"
	newDump = "dumps/shop/shop-20261122T063000Z-bbbbbb.sql.zst"
)

func TestKeysBesideADump(t *testing.T) {
	for base, want := range map[string][2]string{
		"shop-20261122T063000Z-bbbbbb.sql.zst.mariadb-11.8.tables.zst": {"shop-20261122T063000Z-bbbbbb.sql.zst", "mariadb-11.8"},
		"x.sql.mysql-9.tables.zst":                                     {"x.sql", "mysql-9"},
		"x.sql.mariadb-11.8.3.tables.zst":                              {"x.sql", "mariadb-11.8.3"},
		"x.mariadb-11.8.tables.zst.mariadb-11.8.tables.zst":            {"x.mariadb-11.8.tables.zst", "mariadb-11.8"},
		"x.sql.zst":                         {"x.sql.zst", ""},
		".mariadb-11.8.tables.zst":          {".mariadb-11.8.tables.zst", ""},
		"x.sql.mariadb-.tables.zst":         {"x.sql.mariadb-.tables.zst", ""},
		"x.sql.mariadb-11.8.tables.zst.old": {"x.sql.mariadb-11.8.tables.zst.old", ""},
		"x.sql.mariadb-11.8xtables.zst":     {"x.sql.mariadb-11.8xtables.zst", ""},
		"x.sql.MariaDB-11.8.tables.zst":     {"x.sql.MariaDB-11.8.tables.zst", ""},
		"x.sql.tables.zst":                  {"x.sql.tables.zst", ""},
		"mariadb-11.8.tables.zst":           {"mariadb-11.8.tables.zst", ""},
	} {
		if dump, series := readBaked(base); dump != want[0] || series != want[1] {
			t.Errorf("%s is of %q for %q", base, dump, series)
		}
		if want[1] != "" && Beside(want[0], want[1]) != base {
			t.Errorf("it is %s beside %q", Beside(want[0], want[1]), want)
		}
	}
}

// putBaked stores what the tests of this file find: two dumps, three objects beside them, and what only looks like that.
func (e env) putBaked(t *testing.T) {
	t.Helper()
	e.put(t, oldDump, []byte("x"))
	e.put(t, newDump, []byte("x"))
	for _, key := range []string{
		Beside(oldDump, "mariadb-11.8"), Beside(newDump, "mariadb-11.8"), Beside(newDump, "mariadb-10.11"),
		"dumps/shop/nightly.sql.gz", "dumps/shop/nightly.sql.gz.mariadb-11.8.tables.zst", // not a bake of ours, so it belongs to no dump
		"dumps/shop/mariadb-11.8.tables.zst", newDump + ".part",
		"dumps/shop/shop-de-20261122T063000Z-bbbbbb.sql.zst.mariadb-11.8.tables.zst", // another project's orphan
		"dumps/shop/deeper/" + Beside(base(newDump), "mysql-9.7"),
	} {
		e.put(t, key, []byte("files"))
	}
}

func TestContents(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		e.putBaked(t)
		gone := Beside("dumps/shop/shop-20261120T063000Z-cccccc.sql.zst", "mysql-9.7")
		e.put(t, gone, []byte("x"))
		found, err := e.open(t).Contents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, dump := range found.Dumps {
			got[dump.Key] = nil
			for _, o := range dump.Baked {
				got[dump.Key] = append(got[dump.Key], o.Series)
				if !o.Ours || !o.Time.Equal(dump.Time) || o.Key != Beside(dump.Key, o.Series) || o.Size != 5 || o.ETag == "" {
					t.Errorf("beside %s is %+v", dump.Key, o)
				}
			}
		}
		if len(got) != 3 || len(got["dumps/shop/nightly.sql.gz"]) != 0 || !slices.Equal(got[oldDump], []string{"mariadb-11.8"}) ||
			!slices.Equal(got[newDump], []string{"mariadb-10.11", "mariadb-11.8"}) {
			t.Errorf("dumps are %v", got)
		}
		if len(found.Orphans) != 1 || found.Orphans[0].Key != gone || found.Orphans[0].Series != "mysql-9.7" {
			t.Errorf("orphans are %v", found.Orphans)
		}
	})
}

func TestBaked(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		e.putBaked(t)
		b := e.open(t)
		found, err := b.Baked(t.Context(), newDump, "mariadb-11.8")
		if err != nil || found.Size != 5 || found.Series != "mariadb-11.8" || found.ETag == "" {
			t.Errorf("found %+v, %v", found, err)
		}
		_, err = b.Baked(t.Context(), newDump, "mysql-9.7")
		wantError(t, err, ErrNoSuchKey, "look at s3://"+e.bucket+"/"+newDump+".mysql-9.7.tables.zst: no such object")
		all, err := b.AllBaked(t.Context(), newDump)
		if err != nil || !slices.Equal(names(all), []string{base(newDump) + ".mariadb-10.11.tables.zst", base(newDump) + ".mariadb-11.8.tables.zst"}) {
			t.Errorf("found %v, %v", names(all), err)
		}
	})
}

// Without permission to list, S3 says that a missing object may not be read.
func TestBakedWithoutPermissionToList(t *testing.T) {
	e := newEnv(t, "minio")
	e.putBaked(t)
	b := e.as(t, allow("s3:GetObject"))
	if found, err := b.Baked(t.Context(), newDump, "mariadb-11.8"); err != nil || found.Size != 5 {
		t.Errorf("found %+v, %v", found, err)
	}
	for _, statements := range []string{allow("s3:GetObject"), deny("s3:GetObject")} {
		_, err := e.as(t, statements).Baked(t.Context(), newDump, "mysql-9.7")
		wantError(t, err, ErrNoSuchKey, "look at s3://"+e.bucket+"/"+newDump+".mysql-9.7.tables.zst: no such object")
	}
}

func TestUploadBesideADump(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		e.put(t, newDump, []byte("x"))
		body := random(12 * mib) // several parts
		u, err := b.Upload(t.Context(), Beside(newDump, "mariadb-11.8"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = u.Abort() }()
		if _, err := u.Write(body); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Baked(t.Context(), newDump, "mariadb-11.8"); !errors.Is(err, ErrNoSuchKey) {
			t.Errorf("it is there before it is complete: %v", err)
		}
		if err := u.Complete(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.wantContent(t, u.Key(), body)
		newest, err := b.Newest(t.Context())
		if err != nil || newest.Key != newDump || len(newest.Baked) != 1 {
			t.Errorf("newest is %+v, %v", newest, err)
		}
	})
}

// allKeys is everything that is in the bucket.
func (e env) allKeys(t *testing.T) []string {
	t.Helper()
	list, err := e.Client().ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &e.bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

func TestDeleteADumpWithWhatLiesBeside(t *testing.T) {
	for server := range servers {
		for _, versions := range []bool{false, true} {
			e := newEnv(t, server)
			if versions {
				if err := e.EnableVersions(e.bucket); err != nil {
					t.Fatal(err)
				}
			}
			// Names that begin like the one that is deleted.
			shorter := strings.TrimSuffix(newDump, ".zst")
			e.put(t, shorter, []byte("x"))
			e.putBaked(t)
			left := e.allKeys(t)
			for key, gone := range map[string][]string{
				shorter: {shorter}, newDump: {newDump, Beside(newDump, "mariadb-11.8"), Beside(newDump, "mariadb-10.11")},
			} {
				if err := e.open(t).Delete(t.Context(), Object{Key: key}); err != nil {
					t.Fatal(err)
				}
				left = slices.DeleteFunc(left, func(key string) bool { return slices.Contains(gone, key) })
				if got := e.allKeys(t); !slices.Equal(got, left) {
					t.Errorf("%s: after %s there are\n%s", server, key, strings.Join(got, "\n"))
				}
				if got, markers := e.versions(t); versions && (got != len(left) || markers != 0) {
					t.Errorf("%s: after %s there are %d versions of %d objects, and %d markers", server, key, got, len(left), markers)
				}
			}
		}
	}
}

// An object that was baked twice has two versions, and both are deleted. A role that may only add a delete marker adds one.
func TestDeleteWhatWasBakedTwice(t *testing.T) {
	for server := range servers {
		for name, open := range map[string]func(e env) *Bucket{
			"all": func(e env) *Bucket { return e.open(t) },
			"by list": func(e env) *Bucket {
				return e.as(t, allow("s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"))
			},
			"markers": func(e env) *Bucket { return e.as(t, allow("s3:*"), deny("s3:DeleteObjectVersion")) },
		} {
			if server != "minio" && name != "all" {
				continue
			}
			e := newEnv(t, server)
			if err := e.EnableVersions(e.bucket); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				e.put(t, Beside(newDump, "mariadb-11.8"), []byte("12"))
			}
			want := [2]int{0, 0}
			if name == "markers" {
				want = [2]int{2, 1}
			}
			if err := open(e).Delete(t.Context(), Object{Key: Beside(newDump, "mariadb-11.8")}); err != nil {
				t.Fatal(err)
			}
			if versions, markers := e.versions(t); [2]int{versions, markers} != want {
				t.Errorf("%s, %s: %d versions and %d markers are left", server, name, versions, markers)
			}
			if left := e.allKeys(t); len(left) != 0 {
				t.Errorf("%s, %s: %q are left", server, name, left)
			}
		}
	}
}

// A process that dies between the two deletions leaves the dump, never a baked object without a dump.
func TestDeleteRemovesFirstWhatLiesBeside(t *testing.T) {
	e := newEnv(t, "minio")
	e.putBaked(t)
	denied := strings.Replace(deny("s3:DeleteObject"), "BUCKET/*", "BUCKET/"+newDump, 1)
	b := e.as(t, allow("s3:*"), denied)
	if err := b.Delete(t.Context(), Object{Key: newDump}); !errors.Is(err, ErrAccessDenied) {
		t.Fatalf("error is %v", err)
	}
	found, err := b.Contents(t.Context())
	if err != nil || len(found.Orphans) != 0 || found.Dumps[1].Key != newDump && found.Dumps[0].Key != newDump {
		t.Errorf("found %+v, %v", found, err)
	}
	if all, err := b.AllBaked(t.Context(), newDump); err != nil || len(all) != 0 {
		t.Errorf("%v, %v lie beside it", all, err)
	}
}

func TestDeleteWithoutPermissionToListLeavesAnOrphan(t *testing.T) {
	e := newEnv(t, "minio")
	e.putBaked(t)
	if err := e.as(t, allow("s3:DeleteObject")).Delete(t.Context(), Object{Key: oldDump}); err != nil {
		t.Fatal(err)
	}
	found, err := e.open(t).Contents(t.Context())
	if err != nil || len(found.Orphans) != 1 || found.Orphans[0].Key != Beside(oldDump, "mariadb-11.8") {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestOneBakesASeries(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		ctx := t.Context()
		b := e.open(t)
		first, err := b.AcquireBake(ctx, newDump, "mariadb-11.8", LeaseOptions{Holder: "ada@laptop"})
		if err != nil || first.Result() != "" {
			t.Fatal(first, err)
		}
		// Neither another series nor a refresh waits for it.
		for _, acquire := range []func() (*Lease, error){
			func() (*Lease, error) { return b.AcquireBake(ctx, newDump, "mysql-9.7", LeaseOptions{}) },
			func() (*Lease, error) { return b.Acquire(ctx, LeaseOptions{}) },
		} {
			lease, err := acquire()
			if err != nil {
				t.Fatal(err)
			}
			if err := lease.Release(ctx, Published{Key: "another result"}); err != nil {
				t.Fatal(err)
			}
		}
		// A bake of the same dump that waited is not needed any more; a bake of another dump then runs.
		for _, dump := range []string{newDump, oldDump} {
			type outcome struct {
				lease *Lease
				err   error
			}
			outcomes, waits := make(chan outcome), make(chan string, 1)
			go func() {
				lease, err := e.open(t).AcquireBake(ctx, dump, "mariadb-11.8", LeaseOptions{Wait: func(holder string) { waits <- holder }})
				outcomes <- outcome{lease, err}
			}()
			if holder := <-waits; holder != "ada@laptop" {
				t.Errorf("%s is waited for", holder)
			}
			made := Beside(newDump, "mariadb-11.8")
			if err := first.Release(ctx, Published{Key: made}); err != nil {
				t.Fatal(err)
			}
			o := <-outcomes
			if o.err != nil {
				t.Fatal(o.err)
			}
			if want := map[string]string{newDump: made, oldDump: ""}[dump]; o.lease.Result() != want {
				t.Errorf("%s: result is %q", dump, o.lease.Result())
			}
			if err := o.lease.Release(ctx, Published{}); err != nil {
				t.Error(err)
			}
			if first, err = b.AcquireBake(ctx, newDump, "mariadb-11.8", LeaseOptions{Holder: "ada@laptop"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := first.Release(ctx, Published{}); err != nil {
			t.Error(err)
		}
	})
}

// begin begins an upload and does not complete it.
func (e env) begin(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := e.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &e.bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
}

// unfinishedKeys are those of all uploads.
func (e env) unfinishedKeys(t *testing.T) []string {
	t.Helper()
	list, err := e.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &e.bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, up := range list.Uploads {
		keys = append(keys, *up.Key)
	}
	slices.Sort(keys)
	return keys
}

func TestAbortUnfinishedSparesABakeAtWork(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		ctx := t.Context()
		b := e.open(t)
		lease, err := b.AcquireBake(ctx, newDump, "mariadb-11.8", LeaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at, dead := Beside(newDump, "mariadb-11.8"), Beside(oldDump, "mysql-9.7")
		others := "dumps/shop/shop-de-20261122T063000Z-bbbbbb.sql.zst.mariadb-11.8.tables.zst"
		e.begin(t, at, dead, newDump, others)
		if n, err := b.AbortUnfinished(ctx); n != 2 || err != nil {
			t.Errorf("%d were aborted, %v", n, err)
		}
		if left := e.unfinishedKeys(t); !slices.Equal(left, []string{others, at}) && !slices.Equal(left, []string{at, others}) {
			t.Errorf("left are %q", left)
		}
		// The lease's holder may abort uploads of its series; once the lease is released, so may any refresh.
		e.begin(t, dead)
		if n, err := b.AbortUnfinishedBakes(ctx, "mariadb-11.8"); n != 1 || err != nil {
			t.Errorf("%d were aborted, %v", n, err)
		}
		e.begin(t, at)
		if err := lease.Release(ctx, Published{}); err != nil {
			t.Fatal(err)
		}
		if n, err := b.AbortUnfinished(ctx); n != 2 || err != nil {
			t.Errorf("%d were aborted, %v", n, err)
		}
		if left := e.unfinishedKeys(t); !slices.Equal(left, []string{others}) {
			t.Errorf("left are %q", left)
		}
	})
}

// The lease of a killed bake would block forever if its last renewal did not count.
func TestAbortUnfinishedOfADeadBake(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		ctx := t.Context()
		dying := e.open(t)
		dying.pace.renew = time.Hour
		lease, err := dying.AcquireBake(ctx, newDump, "mariadb-11.8", LeaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e.begin(t, Beside(newDump, "mariadb-11.8"))
		b := e.open(t)
		b.pace.expiry = time.Hour
		if n, err := b.AbortUnfinished(ctx); n != 0 || err != nil {
			t.Errorf("%d were aborted, %v", n, err)
		}
		b.pace.expiry = 500 * time.Millisecond
		// The store reports the lease's time in whole seconds.
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			n, err := b.AbortUnfinished(ctx)
			if n == 1 && err == nil {
				break
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("%d were aborted, %v", n, err)
			}
		}
		if err := lease.renew(); !errors.Is(err, errTaken) {
			t.Errorf("who comes back keeps the lease: %v", err)
		}
		again, err := b.AcquireBake(ctx, newDump, "mariadb-11.8", LeaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Release(ctx, Published{}); err != nil {
			t.Error(err)
		}
	})
}
