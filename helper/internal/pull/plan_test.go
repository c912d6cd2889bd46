package pull

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

func TestIsOlder(t *testing.T) {
	at := time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC)
	dump := bucket.Object{Key: "shop/b.sql", Time: at.Add(200 * time.Millisecond)}
	for name, test := range map[string]struct {
		held target.Contents
		want bool
	}{
		"empty":                             {target.Contents{Empty: true}, true},
		"that dump":                         {target.Contents{Dump: target.Dump{Key: "shop/b.sql", Time: at}}, false},
		"that dump, before it was put anew": {target.Contents{Dump: target.Dump{Key: "shop/b.sql", Time: at.Add(-time.Second)}}, true},
		"an older one":                      {target.Contents{Dump: target.Dump{Key: "shop/a.sql", Time: at.Add(-time.Hour)}}, true},
		"an older one, loaded since":        {target.Contents{Dump: target.Dump{Key: "shop/a.sql", Time: at.Add(-time.Hour)}, Created: at.Add(time.Hour)}, true},
		"a newer one":                       {target.Contents{Dump: target.Dump{Key: "shop/c.sql", Time: at.Add(time.Hour)}}, false},
		"unknown, made since":               {target.Contents{Created: at.Add(time.Hour)}, false},
		"unknown, made before":              {target.Contents{Created: at.Add(-time.Hour)}, true},
		"unknown, nobody knows when":        {target.Contents{}, true},
		"that dump, dated in the future":    {target.Contents{Dump: target.Dump{Key: "shop/b.sql", Time: at.Add(72 * time.Hour)}}, false},
		"another one, dated in the future":  {target.Contents{Dump: target.Dump{Key: "shop/c.sql", Time: at.Add(72 * time.Hour)}}, true},
		"unknown, made in the future":       {target.Contents{Created: at.Add(72 * time.Hour)}, true},
	} {
		if got := isOlder(test.held, dump, at.Add(2*time.Hour)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// silence is a Progress that shows nothing.
type silence struct{}

func (silence) Phase(string, int64) {}

func (silence) Advance(int64) {}

func (silence) Note(string) {}

// TestSilentBucket has a bucket that accepts connections and never answers. With a local database, IfNewer does not wait
// for it.
func TestSilentBucket(t *testing.T) {
	database, err := testserver.MariaDB(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer database.Stop()
	if err := database.Exec("CREATE DATABASE shop", "CREATE TABLE shop.t (id int)"); err != nil {
		t.Fatal(err)
	}
	target, err := dburl.Parse(database.URL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	config := Config{Target: target, IfNewer: true, Progress: silence{}, OpenBucket: func(ctx context.Context) (*bucket.Bucket, error) {
		return bucket.Open(ctx, bucket.Config{Bucket: "dumps", Prefix: "shop", Project: "shop", Endpoint: server.URL,
			Environment: map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}})
	}}
	prepare := func(ctx context.Context) (*Plan, error) {
		plan, err := Prepare(ctx, config)
		if err == nil {
			_ = plan.Close()
		}
		return plan, err
	}

	began := time.Now()
	plan, err := prepare(t.Context())
	if err != nil || !plan.Offline || plan.Needed {
		t.Errorf("a silent bucket gives %+v, %v", plan, err)
	}
	if took := time.Since(began); took > offlinePatience+time.Minute {
		t.Errorf("it took %s", took)
	}
	result, err := plan.Run(t.Context())
	if err != nil || result != (Result{}) {
		t.Errorf("the plan gives %+v, %v", result, err)
	}
	// Ctrl-C does not count as being offline.
	for len(asked) > 0 {
		<-asked
	}
	stopped, stop := context.WithCancel(t.Context())
	go func() { <-asked; stop() }()
	if _, err := prepare(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted one gives %v", err)
	}
	// Credentials may need the network, too.
	unreachable := &bucket.Error{Op: "get AWS credentials", Kind: bucket.ErrUnreachable}
	config.OpenBucket = func(context.Context) (*bucket.Bucket, error) { return nil, unreachable }
	if plan, err := prepare(t.Context()); err != nil || !plan.Offline {
		t.Errorf("unreachable credentials give %+v, %v", plan, err)
	}
	// With an empty database the bucket is needed.
	if err := database.Exec("DROP TABLE shop.t"); err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(t.Context()); err != error(unreachable) {
		t.Errorf("an empty database gives %v", err)
	}
}
