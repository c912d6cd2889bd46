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

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// comingAndGoing makes and drops things in a database until the test ends. In statements, % stands for a number.
func comingAndGoing(t *testing.T, server *testserver.PG, database string, stays time.Duration, come, leave string) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var number atomic.Int64
	group.Go(func() {
		for ctx.Err() == nil {
			n := fmt.Sprint(number.Add(1))
			if err := server.Exec(database, strings.ReplaceAll(come, "%", n)); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(stays)
			if err := server.Exec(database, strings.ReplaceAll(leave, "%", n)); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(stays)
		}
	})
	t.Cleanup(func() { cancel(); group.Wait() })
}

// dumpInTries dumps as a refresh does: it begins anew if something was altered. On a busy machine, that may be more often than a refresh would.
func dumpInTries(t *testing.T, src *source.Source) (string, error) {
	var failed error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		d, err := src.Dump(t.Context())
		if failed = err; err == nil {
			var text string
			text, failed = sourcetest.ReadText(t.Context(), d)
			_ = d.Close()
			if failed == nil {
				return text, nil
			}
		}
		if !errors.Is(failed, source.ErrDefinitionChanged) && !errors.Is(failed, source.ErrGaveWay) {
			break
		}
		t.Log(failed)
	}
	return "", failed
}

// A site may make and drop things all the time. The dump is that of one moment: each thing is there with all that belongs to it, or not at all.
func TestPostgresThingsComeAndGo(t *testing.T) {
	const made = "CREATE TABLE stays (id int PRIMARY KEY, at date); INSERT INTO stays VALUES (1, now());" +
		"CREATE TABLE log (day int, what text) PARTITION BY RANGE (day); CREATE TABLE log_0 PARTITION OF log FOR VALUES FROM (0) TO (1); INSERT INTO log VALUES (0, 'of log');"
	for _, test := range []struct {
		name, come, leave string
		exclude           []string
	}{
		{"excluded tables", "CREATE TABLE tmp_% (id serial PRIMARY KEY, v text)", "DROP TABLE tmp_%", []string{"tmp_*"}},
		{"tables", "CREATE TABLE tmp_% (id serial PRIMARY KEY, v text); INSERT INTO tmp_% (v) SELECT 'of tmp' FROM generate_series(1, 10)", "DROP TABLE tmp_%", nil},
		{"partitions", "CREATE TABLE log_% PARTITION OF log FOR VALUES FROM (%) TO (%1)", "DROP TABLE log_%", nil},
		{"schemas, views and sequences", "CREATE SCHEMA s%; CREATE VIEW s%.v AS SELECT * FROM stays; CREATE SEQUENCE s%.n; CREATE MATERIALIZED VIEW s%.m AS SELECT * FROM stays;" +
			" CREATE FUNCTION s%.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE s%.e AS ENUM ('a')", "DROP SCHEMA s% CASCADE", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			database := "coming " + test.name
			freshPostgres(t, database, made)
			server := sourcetest.PostgreSQL(t)
			comingAndGoing(t, server, database, 150*time.Millisecond, test.come, test.leave)
			for range 3 {
				src, err := sourcetest.OpenSource(t.Context(), source.Config{URL: sourcetest.ParseURL(t, server.URL(database)), Exclude: test.exclude})
				if err != nil {
					t.Fatal(err)
				}
				text, err := dumpInTries(t, src)
				_ = src.Close()
				if err != nil {
					t.Fatal(err)
				}
				sourcetest.Expect(t, text, "of log", "COPY public.stays")
				if copied := strings.Count(text, "COPY public.tmp_"); copied != strings.Count(text, "CREATE TABLE public.tmp_") ||
					copied*10 != strings.Count(text, "of tmp") || copied != strings.Count(text, "setval('public.tmp_") {
					t.Errorf("a part of a table is in the dump:\n%s", text)
				}
				freshPostgres(t, database+" restored", text)
			}
		})
	}
}
