package bucket

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
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
		time.AfterFunc(2*b.pace.expiry, broken(p))
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
			`s3://test-\d+/dumps/shop/ answers again after \ds(\n.*)*$`
		if got := e.notes.String(); !regexp.MustCompile(want).MatchString(got) || strings.Count(got, "\n") > 7 {
			t.Errorf("notes are\n%s", got)
		}
	})
}

// A waiter that could not look does not take its own outage for the death of the holder.
func TestOutageOfAWaiter(t *testing.T) {
	e := newEnv(t, "minio")
	l := acquire(t, e.open(t), "ann")
	defer func() { _ = l.Release(t.Context(), Published{}) }()
	p, behind := e.behind(t)
	waits := make(chan string, 1)
	got := make(chan error, 1)
	b := behind.open(t)
	b.pace.backoff = 150 * time.Millisecond
	if _, err := b.Dumps(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, err := b.Acquire(ctx, LeaseOptions{Holder: "bob", Wait: func(holder string) { waits <- holder }})
		got <- err
	}()
	<-waits
	p.OnResponse(func(resp *http.Response) {
		if resp.Request.Method == http.MethodGet { // bob reads what he has read before, as after an outage of both
			resp.Header.Set("ETag", `"frozen"`)
		}
	})
	repair := broken(p)
	time.Sleep(3 * b.pace.expiry / 2)
	repair()
	time.Sleep(b.pace.expiry / 2)
	select {
	case err := <-got:
		t.Fatalf("bob has not waited: %v", err)
	default:
	}
	if f := e.lease(t); f.Holder != "ann" {
		t.Errorf("%s has the lease", f.Holder)
	}
	why := errors.New("enough")
	cancel(why)
	if err := <-got; !errors.Is(err, why) {
		t.Errorf("bob: %v", err)
	}
}

// After an outage somebody else has the lease: that is the end, and the message says so.
func TestOutageInWhichTheLeaseIsTaken(t *testing.T) {
	e := newEnv(t, "minio")
	p, behind := e.behind(t)
	b := behind.open(t)
	l := acquire(t, b, "ann")
	repair := broken(p)
	other := acquire(t, e.open(t), "heir")
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
	b.pace.backoff = 10 * time.Second
	if err := b.CanList(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken(p)
	began := time.Now()
	err := b.CanPut(Hasty(t.Context()))
	wantError(t, err, ErrUnreachable, "put s3://"+e.bucket+"/dumps/shop/.dump-refresh/shop.probe: cannot be reached: the connection was cut")
	if took := time.Since(began); took > 2*time.Second {
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
