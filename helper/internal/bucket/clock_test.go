package bucket

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// keyAt is a key of this project's at some time from now.
func keyAt(from time.Duration, random string) string {
	return "shop-" + time.Now().Add(from).UTC().Format(keyTime) + "-" + random + ".sql.zst"
}

func TestDatedInTheFuture(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		good, soon := keyAt(-time.Hour, "aaaaaa"), keyAt(30*time.Second, "bbbbbb")
		ahead, garbage := keyAt(72*time.Hour, "cccccc"), "shop-20991231T235959Z-dddddd.sql.zst"
		for _, name := range []string{good, soon, ahead, garbage, Beside(ahead, "mariadb-11.8")} {
			e.put(t, "dumps/shop/"+name, []byte("x"))
		}
		contents, err := b.Contents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := names(contents.Dumps), []string{soon, good}; !slices.Equal(got, want) {
			t.Errorf("dumps are %q", got)
		}
		if got, want := names(contents.Future), []string{garbage, ahead}; !slices.Equal(got, want) {
			t.Errorf("dated in the future are %q", got)
		}
		if len(contents.Orphans) > 0 {
			t.Errorf("a baked object lost its dump: %q", names(contents.Orphans))
		}
		newest, err := b.Newest(t.Context())
		if err != nil || newest.Name != soon {
			t.Errorf("newest is %q, %v", newest.Name, err)
		}
		want := garbage + " is dated in the future, 2099-12-31T23:59:59Z, and counts for nothing until then; 1 more is, too"
		if got := e.notes.String(); got != want {
			t.Errorf("note is %q", got)
		}
		if found, err := b.Find(t.Context(), ahead); err != nil || found.Name != ahead {
			t.Errorf("by its key: %q, %v", found.Name, err)
		}
	})
}

// A store with nothing else has no newest dump.
func TestOnlyTheFuture(t *testing.T) {
	e := newEnv(t, "minio")
	e.put(t, "dumps/shop/"+keyAt(72*time.Hour, "cccccc"), []byte("x"))
	_, err := e.open(t).Newest(t.Context())
	wantError(t, err, ErrEmpty, "find the newest dump in s3://"+e.bucket+"/dumps/shop/: no dump found")
}

// The store's clock dates the dumps. Where it contradicts what the store has written, this machine's clock decides.
func TestWhichClockIsRight(t *testing.T) {
	for _, c := range []struct {
		claims time.Duration // what the store says, from now
		key    time.Duration // a dump's time, from now
		counts bool
	}{
		{2 * time.Hour, time.Hour, true}, // this machine's clock is slow
		{0, time.Hour, false},
		{-365 * 24 * time.Hour, -time.Hour, true}, // an object from just now cannot be a year ahead
		{-365 * 24 * time.Hour, time.Hour, false},
	} {
		e := newEnv(t, "minio")
		name := keyAt(c.key, "aaaaaa")
		e.put(t, "dumps/shop/"+name, []byte("x"))
		p, behind := e.behind(t)
		p.OnResponse(func(resp *http.Response) {
			resp.Header.Set("Date", time.Now().Add(c.claims).UTC().Format(http.TimeFormat))
		})
		found, err := behind.open(t).Dumps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(names(found), " "); (got == name) != c.counts {
			t.Errorf("the store's clock is at %s, the dump at %s: dumps are %q", c.claims, c.key, got)
		}
	}
}
