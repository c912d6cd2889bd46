package read

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// pooled makes a database with an owner called like it, and starts a PgBouncer before its server.
func pooled(t *testing.T, name string, settings ...string) *testserver.Bouncer {
	t.Helper()
	freshPostgres(t, name, "CREATE TABLE item (id int, title text, PRIMARY KEY (id)); INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 2000) i;"+
		"CREATE TABLE visit (at timestamptz DEFAULT now()); ALTER TABLE item OWNER TO CURRENT_USER;")
	server := sourcetest.PostgreSQL(t)
	if err := server.Exec(name, "CREATE ROLE "+name+" LOGIN PASSWORD 'hush'", "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Exec(name, "DROP OWNED BY "+name, "DROP ROLE "+name) })
	bouncer, err := testserver.PgBouncer(t.TempDir(), server, name, "hush", settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bouncer.Stop)
	return bouncer
}

// site is a site that runs through a pooler all the time, until end is called. That says how many of its requests there were, and how
// one failed; made says how many there have been so far.
func site(t *testing.T, url string, clients int) (made func() int64, end func() (int64, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var requests atomic.Int64
	var failed atomic.Value
	var group sync.WaitGroup
	request := func() error {
		conn, err := pgx.Connect(ctx, url+"?sslmode=disable&default_query_exec_mode=simple_protocol")
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for range 10 {
			var items int
			var style, path string
			if err := conn.QueryRow(ctx, "SELECT count(*) FROM item WHERE id > 1000").Scan(&items); err != nil {
				return err
			}
			if _, err := conn.Exec(ctx, "INSERT INTO visit DEFAULT VALUES"); err != nil {
				return err
			}
			if err := conn.QueryRow(ctx, "SELECT current_setting('IntervalStyle') || current_setting('extra_float_digits'), current_setting('search_path')").Scan(&style, &path); err != nil {
				return err
			}
			if style != "postgres1" || path != `"$user", public` {
				return fmt.Errorf("a session of the site has other settings: %s, %s", style, path)
			}
			requests.Add(3)
		}
		return nil
	}
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := request(); err != nil && ctx.Err() == nil {
					failed.CompareAndSwap(nil, err)
				}
			}
		})
	}
	return requests.Load, func() (int64, error) {
		cancel()
		group.Wait()
		err, _ := failed.Load().(error)
		return requests.Load(), err
	}
}

// Behind a pooler that lends sessions for less than a connection, a dump is refused before anything is set, and the site never
// notices.
func TestPostgresPooler(t *testing.T) {
	port := sourcetest.PostgreSQL(t).Port
	for _, test := range []struct {
		name     string
		busy     bool
		client   bool
		settings []string
		says     string
	}{
		{"transaction", true, false, []string{"pool_mode = transaction"}, "a connection pooler stands before the server, and lends a session for a transaction only"},
		{"idle", false, false, []string{"pool_mode = transaction"}, "lends a session for a transaction only"},
		{"turns", false, false, []string{"pool_mode = transaction", "server_round_robin = 1"}, "lends a session for a transaction only"},
		{"official", true, true, []string{"pool_mode = transaction"}, "lends a session for a transaction only"},
		{"stats", true, false, []string{"pool_mode = transaction", "stats_users = stats"}, "PgBouncer 1."},
		{"statement", true, false, []string{"pool_mode = statement"}, "lends a session for a statement only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bouncer := pooled(t, test.name, append(test.settings, "default_pool_size = 5")...)
			url := bouncer.URL(test.name, "hush", test.name)
			if test.busy {
				_, end := site(t, url, 3)
				defer func() {
					if n, err := end(); err != nil || n < 20 {
						t.Errorf("the site made %d requests: %v", n, err)
					}
				}()
			}
			for range 3 {
				err := sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, url), Client: test.client})
				var refused *source.PoolerError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("error %v", err)
				}
				if want := fmt.Sprintf("127.0.0.1:%d", port); refused.Server != want {
					t.Errorf("server %s, want %s", refused.Server, want)
				}
			}
			// With the address that the error gives, it works.
			server := sourcetest.PostgreSQL(t)
			src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URLAs(test.name, "hush", test.name)), Client: test.client})
			sourcetest.Expect(t, sourcetest.DumpText(t, src), "COPY public.item")
		})
	}
}

// A pooler that lends a session for a whole connection does no harm, even if it does not set its sessions back.
func TestPostgresSessionPooler(t *testing.T) {
	for _, client := range []bool{false, true} {
		name := fmt.Sprintf("lent_%t", client)
		bouncer := pooled(t, name, "pool_mode = session", "default_pool_size = 12", "server_reset_query =")
		url := bouncer.URL(name, "hush", name)
		made, end := site(t, url, 3)
		for range 2 {
			src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, url), Client: client})
			d, err := src.Dump(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			text, err := sourcetest.ReadText(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			sourcetest.Expect(t, text, "COPY public.item", "\n2000\titem 2000\n")
			if want := "one snapshot, read over one connection: a connection pooler stands before the server, and the site needs its sessions"; !client && d.How != want {
				t.Errorf("how: %q", d.How)
			}
			_ = d.Close()
		}
		// Then the site uses the sessions that were ours.
		for more, deadline := made()+100, time.Now().Add(time.Minute); made() < more && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		if n, err := end(); err != nil || n < 100 {
			t.Errorf("client %t: the site made %d requests: %v", client, n, err)
		}
	}
}
