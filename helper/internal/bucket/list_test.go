package bucket

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func names(objects []Object) []string {
	var names []string
	for _, o := range objects {
		names = append(names, o.Name)
	}
	return names
}

func TestDumps(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		if found, err := b.Dumps(t.Context()); err != nil || len(found) != 0 {
			t.Fatalf("an empty bucket has %v, %v", found, err)
		}
		_, err := b.Newest(t.Context())
		wantError(t, err, ErrEmpty, "find the newest dump in s3://"+e.bucket+"/dumps/shop/: no dump found")

		// Newer than anything that is stored here, and not yet a time in the future.
		latest := time.Now().Add(40 * time.Second).UTC().Truncate(time.Second)
		soon := latest.Format(keyTime)
		// Stored in another order than they shall come.
		for _, key := range []string{
			"shop-" + soon + "-aaaaaa.sql.zst",     // newest by its key, though stored first
			"shop-" + soon + "-bbbbbb.sql.gz",      // a tie is decided by the key
			"shop-20191231T235959Z-cccccc.sql.zst", // old by its key
			"by-others.sql", "by-others.sql.bz2", "by-others.sql.xz", "by-others.sql.zst", "by-others.sql.gz",
			"shop-20991399T000000Z-aaaaaa.sql",    // no date: somebody else's
			"shop-de-" + soon + "-dddddd.sql.zst", // another project's
			"shop-" + soon + "-aaaaaa.sql.zst.part", "notes.txt", ".sql", "x.SQL.GZ.asc",
			"deeper/by-others.sql", ".dump-refresh/shop.lease.json",
		} {
			e.put(t, "dumps/shop/"+key, []byte("x"))
		}
		e.put(t, "dumps/shop/empty.sql", nil)
		e.put(t, "dumps/shop-de/other.sql", []byte("x"))
		e.put(t, "dumps/other.sql", []byte("x"))

		found, err := b.Dumps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := names(found)
		if want := []string{"shop-" + soon + "-bbbbbb.sql.gz", "shop-" + soon + "-aaaaaa.sql.zst"}; !slices.Equal(got[:2], want) && got[0] != want[1] {
			t.Errorf("newest are %q", got[:2])
		}
		if last := got[len(got)-1]; last != "shop-20191231T235959Z-cccccc.sql.zst" {
			t.Errorf("oldest is %q", last)
		}
		slices.Sort(got)
		want := []string{
			"by-others.sql", "by-others.sql.bz2", "by-others.sql.gz", "by-others.sql.xz", "by-others.sql.zst",
			"shop-20191231T235959Z-cccccc.sql.zst", "shop-" + soon + "-aaaaaa.sql.zst",
			"shop-" + soon + "-bbbbbb.sql.gz", "shop-20991399T000000Z-aaaaaa.sql",
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("dumps are\n%s\ninstead of\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		newest, err := b.Newest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !newest.Ours || !newest.Time.Equal(latest) || newest.Size != 1 || newest.ETag == "" {
			t.Errorf("newest is %+v", newest)
		}
	})
}

func TestTiesHaveOneOrder(t *testing.T) {
	at := time.Unix(1, 0)
	objects := []Object{{Key: "a", Time: at}, {Key: "c", Time: at}, {Key: "b", Time: at}, {Key: "0", Time: at.Add(1)},
		{Key: "z", Time: at, LastModified: at}}
	slices.SortFunc(objects, newestFirst)
	var keys string
	for _, o := range objects {
		keys += o.Key
	}
	if keys != "0zcba" {
		t.Errorf("order is %s", keys)
	}
}

// Within the second of a snapshot, what lay there before it is not newer.
func TestNewestOfOneSecond(t *testing.T) {
	at := time.Date(2026, 11, 26, 6, 30, 0, 0, time.UTC)
	b := &Bucket{prefix: "dumps/shop", keys: newKeyPattern("shop")}
	before := b.object("dumps/shop/nightly.sql.zst", 1, at.Add(200*time.Millisecond))
	ours := b.object("dumps/shop/shop-20261126T063000Z-aaaaaa.sql.zst", 1, at.Add(400*time.Millisecond))
	if newestFirst(before, ours) <= 0 {
		t.Errorf("%+v is newer than %+v", before, ours)
	}
}

func TestDumpsReadsAllPages(t *testing.T) {
	e := newEnv(t, "minio")
	var group sync.WaitGroup
	next := make(chan int)
	for range 8 {
		group.Go(func() {
			for i := range next {
				at := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
				e.put(t, "dumps/shop/shop-"+at.Format(keyTime)+"-000000.sql", []byte("x"))
			}
		})
	}
	for i := range 1005 {
		next <- i
	}
	close(next)
	group.Wait()
	found, err := e.open(t).Dumps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1005 || found[0].Time.Sub(found[1004].Time) != 1004*time.Second {
		t.Errorf("%d dumps from %s to %s", len(found), found[0].Name, found[len(found)-1].Name)
	}
}

func TestFind(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		key := b.NewKey(time.Now(), ".sql.zst")
		e.put(t, key, []byte("x"))
		e.put(t, "elsewhere/y.sql", []byte("y"))
		e.put(t, "dumps/shop/deeper/z.sql", []byte("z"))
		for typed, want := range map[string]string{
			key: key, base(key): key, "s3://" + e.bucket + "/" + key: key,
			"elsewhere/y.sql": "elsewhere/y.sql", "deeper/z.sql": "dumps/shop/deeper/z.sql",
		} {
			o, err := b.Find(t.Context(), typed)
			if err != nil || o.Key != want {
				t.Errorf("%s: found %q, %v", typed, o.Key, err)
			}
			if o.Ours != (want == key) {
				t.Errorf("%s: ours is %v", typed, o.Ours)
			}
		}
		_, err := b.Find(t.Context(), "x.sql")
		wantError(t, err, ErrNoSuchKey, "look at s3://"+e.bucket+"/dumps/shop/x.sql: no such object")
	})
}

func TestNewKey(t *testing.T) {
	b := &Bucket{prefix: "p", project: "shop", keys: newKeyPattern("shop")}
	at := time.Date(2026, 11, 22, 7, 30, 0, 5, time.FixedZone("", 3600))
	key := b.NewKey(at, ".sql.gz")
	if !strings.HasPrefix(key, "p/shop-20261122T063000Z-") || !strings.HasSuffix(key, ".sql.gz") || len(key) != len("p/shop-20261122T063000Z-4f1c2a.sql.gz") {
		t.Errorf("key is %s", key)
	}
	if key == b.NewKey(at, ".sql.gz") {
		t.Error("two keys are the same")
	}
	who, read := b.keys.read(base(key))
	if who != ours || !read.Equal(at.Truncate(time.Second)) {
		t.Errorf("read as %v, %v", who, read)
	}
	for name, want := range map[string]owner{
		"shop-20261122T063000Z-4f1c2a.sql.zst": ours, "shop-20261122T063000Z-4f1c2a.sql": ours,
		"shop-de-20261122T063000Z-4f1c2a.sql.zst": sibling, "sho-20261122T063000Z-4f1c2a.sql.zst": sibling,
		"shop-20261122T063000Z-4f1c2.sql.zst": nobody, "shop-20261122T063000Z-4F1C2A.sql.zst": nobody,
		"shop-20261122T063000Z-4f1c2a.tar.zst": nobody, "shop-20261322T063000Z-4f1c2a.sql": nobody,
	} {
		if who, _ := b.keys.read(name); who != want {
			t.Errorf("%s: owner %d instead of %d", name, who, want)
		}
	}
}
