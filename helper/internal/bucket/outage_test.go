package bucket

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

// The tries of a request last for longer than five minutes, even if each fails at once.
func TestPatienceIsFiveMinutes(t *testing.T) {
	b := &Bucket{pace: defaultPace}
	var all time.Duration
	for try := 1; try < outageAttempts; try++ {
		all += b.pause(try)
	}
	if all < 5*time.Minute+10*time.Second || all > 8*time.Minute {
		t.Errorf("all tries take %s", all)
	}
	if defaultPace.outage < 5*time.Minute+defaultPace.renew+defaultPace.backoff {
		t.Errorf("a lease outlasts %s", defaultPace.outage)
	}
}

// broken makes a server fail from now on; the returned function repairs it.
func broken(p *faults.HTTP) (repair func()) {
	var down atomic.Bool
	down.Store(true)
	p.OnRequest(func(w http.ResponseWriter, r *http.Request) bool {
		if down.Load() {
			faults.Drop(w, r)
		}
		return false
	})
	return func() { down.Store(false) }
}

// An outage in the middle of a refresh, longer than anybody may consider its holder dead, costs nothing but time.
func TestOutage(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		p, behind := e.behind(t)
		b := behind.open(t)
		b.pace.backoff = 150 * time.Millisecond
		if _, err := b.Dumps(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := acquire(t, b, "ann")
		u, err := b.Upload(l.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		content := random(16 * mib)
		if _, err := u.Write(content[:mib]); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*time.Second, broken(p))
		if _, err := u.Write(content[mib:]); err != nil {
			t.Fatal(err)
		}
		if err := u.Complete(l.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(t.Context(), Published{Key: u.Key()}); err != nil {
			t.Fatal(err)
		}
		e.wantContent(t, u.Key(), content)
		want := `^waiting for s3://test-\d+/dumps/shop/: cannot be reached: the connection was cut\n` +
			`s3://test-\d+/dumps/shop/ answers again after \d+s(\n.*)*$`
		if got := e.notes.String(); !regexp.MustCompile(want).MatchString(got) || strings.Count(got, "\n") > 7 {
			t.Errorf("notes are\n%s", got)
		}
	})
}

// A waiter that could not look does not take its own outage for the death of the holder, as after an outage of both.
func TestOutageOfAWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := waiter{b: &Bucket{pace: defaultPace}}
		watch := func(lasts time.Duration) (dead bool) {
			for end := time.Now().Add(lasts); !dead && time.Now().Before(end); time.Sleep(defaultPace.poll) {
				dead = w.dead("frozen")
			}
			return dead
		}
		if watch(defaultPace.expiry - defaultPace.poll) {
			t.Error("the holder is taken for dead too early")
		}
		time.Sleep(10 * defaultPace.expiry)
		if watch(defaultPace.expiry) {
			t.Error("the holder is taken for dead although nobody could look")
		}
		if !watch(2*defaultPace.poll) || w.dead("another") {
			t.Error("only a lease that does not change is a dead holder's")
		}
	})
}

// After an outage somebody else has the lease: that is the end, and the message says so.
func TestOutageInWhichTheLeaseIsTaken(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	l := acquire(t, b, "ann")
	repair := broken(p)
	other := acquire(t, e.impatient(t), "heir")
	repair()
	<-l.Context().Done()
	if !errors.Is(context.Cause(l.Context()), ErrLeaseLost) {
		t.Errorf("cause is %v", context.Cause(l.Context()))
	}
	if err := other.Release(t.Context(), Published{}); err != nil {
		t.Fatal(err)
	}
}

// What does not wait for the end of an outage ends soon.
func TestHasty(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	b.pace.backoff = time.Minute
	if err := b.CanList(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken(p)
	began := time.Now()
	err := b.CanPut(Hasty(t.Context()))
	wantError(t, err, ErrUnreachable, "put s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.probe: cannot be reached: the connection was cut")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// An upload that another refresh has aborted is no missing object.
func TestUploadAbortedByAnotherRefresh(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		u, err := b.Upload(t.Context(), b.NewKey(time.Now(), ".sql.zst"), UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(random(6 * mib)); err != nil {
			t.Fatal(err)
		}
		u.sending.Wait()
		if n, err := e.open(t).AbortUnfinished(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d were aborted, %v", n, err)
		}
		err = u.Complete(t.Context())
		if !errors.Is(err, ErrUploadGone) {
			t.Errorf("complete: %v", err)
		}
		if err := u.Abort(); err != nil {
			t.Error(err)
		}
		e.wantNothing(t, u)
	})
}

// Keys may have any character.
func TestKeysWithStrangeCharacters(t *testing.T) {
	onEach(t, func(t *testing.T, e env) {
		b := e.open(t)
		want := []string{"a b.sql", "a+b.sql", "a%20b.sql", "ä😀.sql", "a&b<c>.sql", "a\x01b.sql", "a\nb.sql"}
		if e.S3 == servers["versitygw"] {
			want = want[:5]
		}
		for _, name := range want {
			e.put(t, "dumps/shop/"+name, []byte("x"))
		}
		found, err := b.Dumps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, o := range found {
			got[o.Name] = true
		}
		for _, name := range want {
			if !got[name] {
				t.Errorf("%q is missing in %q", name, names(found))
			}
		}
		if len(found) != len(want) {
			t.Errorf("found %q", names(found))
		}
	})
}
