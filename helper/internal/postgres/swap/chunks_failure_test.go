package swap

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const dumpHead = "--\n-- PostgreSQL database dump\n--\nSELECT pg_catalog.set_config('search_path', '', false);\n" +
	"CREATE TABLE public.t (id int, mail text);\nCREATE TABLE public.u (id int);\n"

// manyPG is a dump of a table in many chunks of ten rows, between a head and a tail.
func manyPG(head, tail string, count int) *targettest.Texts {
	chunks := &targettest.Texts{}
	chunks.Add(dump.Head, "", 0, head)
	for i := range count {
		var rows strings.Builder
		for n := range 10 {
			fmt.Fprintf(&rows, "%d\tanna@x.eu\n", 10*i+n)
		}
		chunks.Add(dump.Rows, "public.t", 10, "COPY public.t (id, mail) FROM stdin;\n"+rows.String()+"\\.\n")
	}
	chunks.Add(dump.Tail, "", 0, tail+dumpClosing)
	return chunks
}

func TestPostgresBadChunks(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site21", targettest.SitePG("old")...)
	old := targettest.ContentPG(t, server, "site21")
	const alien = "read the dump: a chunk of table public.t contains something other than rows of that table"
	const copyT = "COPY public.t (id, mail) FROM stdin;\n"
	const longer = copyT + "1\tx\n2\ty\n\\.\n"
	for name, test := range map[string]struct {
		text string // of a chunk that should be two rows of public.t
		rows int64
		tail string
		want string
	}{
		"another table":         {text: "COPY public.u (id) FROM stdin;\n1\n2\n\\.\n", want: alien},
		"the same name quoted":  {text: "COPY \"public.t\" (id) FROM stdin;\n1\n2\n\\.\n", want: alien},
		"a statement behind":    {text: longer + "DROP TABLE public.u;\n", want: alien},
		"a second COPY":         {text: copyT + "1\tx\n\\.\nCOPY public.u FROM stdin;\n2\n\\.\n", want: alien},
		"a second COPY, no row": {text: copyT + "\\.\nCOPY public.u FROM stdin;\n2\n\\.\n", want: alien},
		"a statement before":    {text: "DROP TABLE public.u; " + longer, want: alien},
		"a program":             {text: "COPY public.t FROM PROGRAM 'echo 1';\n\\.\n", want: alien},
		"a file":                {text: "COPY public.t FROM '/etc/passwd';\n\\.\n", want: alien},
		"options":               {text: "COPY public.t FROM stdin WITH (FORMAT csv);\n1,x\n2,y\n\\.\n", want: alien},
		"a condition":           {text: "COPY public.t FROM stdin WHERE id = 1;\n1\tx\n2\ty\n\\.\n", want: alien},
		"outwards":              {text: "COPY public.t TO stdout;\n1\tx\n2\ty\n\\.\n", want: alien},
		"an expression":         {text: "COPY public.t (id, 'mail') FROM stdin;\n1\tx\n2\ty\n\\.\n", want: alien},
		"unclosed columns":      {text: "COPY public.t (id, mail", want: alien},
		"another statement":     {text: "DROP TABLE public.u;\n", want: alien},
		"no end":                {text: copyT + "1\tx\n2\ty\n", want: alien},
		"an end in a line":      {text: copyT + "1\tx\n2\ty\\.\n", want: alien},
		"nothing":               {text: "", want: alien},
		"too few rows":          {text: copyT + "1\tx\n\\.\n", want: "table public.t has 1 rows after the load, the dump has 2"},
		"too many rows":         {text: longer, rows: 1, want: "table public.t has 2 rows after the load, the dump has 1"},
		"a refused row": {text: copyT + "1\tx\nanna\ty\n\\.\n",
			want: "statement 6 at byte 495 (rows of table public.t) failed: invalid input syntax for type integer"},
		"a refused statement behind an index": {text: longer, tail: "CREATE INDEX a ON public.u USING btree (id);\nALTER TABLE public.t ADD n no_such;\n",
			want: "statement 9 at byte 758 (\"ALTER TABLE public.t ADD n no_such\") failed: type \"no_such\" does not exist"},
		"rows that the tail takes away":    {text: longer, tail: "DELETE FROM public.t;\n", want: "table public.t has 0 rows after the load, the dump has 32"},
		"a table that the tail takes away": {text: longer, tail: "DROP TABLE public.t;\n", want: "table public.t is missing after the load"},
		"rows in the tail": {text: longer, tail: "CREATE INDEX a ON public.u USING btree (id);\n" + longer + "INSERT INTO public.t VALUES (1,'1');\nDROP INDEX public.a;\nTRUNCATE public.x;\n",
			want: "statement 12 at byte 864 (\"TRUNCATE public.x\") failed: relation \"public.x\" does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("site21"))
			chunks := manyPG(dumpHead, test.tail, 4)
			chunks.Entries[3] = dump.StoredChunk{Section: dump.Rows, Table: "public.t", Rows: 2, Bytes: int64(len(test.text))}
			if test.rows > 0 {
				chunks.Entries[3].Rows = test.rows
			}
			chunks.Texts[3] = test.text
			_, err := targettest.PullChunks(t, db, chunks)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if chunks.OpenReaders.Load() != 0 {
				t.Errorf("%d readers are open", chunks.OpenReaders.Load())
			}
		})
	}
	t.Run("no closing line", func(t *testing.T) {
		db, _ := targettest.Open(t, server.URL("site21"))
		chunks := manyPG(dumpHead, "", 4)
		chunks.Entries, chunks.Texts = chunks.Entries[:5], chunks.Texts[:5]
		if _, err := targettest.PullChunks(t, db, chunks); err != target.ErrIncomplete {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a chunk is missing", func(t *testing.T) {
		db, _ := targettest.Open(t, server.URL("site21"))
		chunks := manyPG(dumpHead, "", 0)
		chunks.Entries, chunks.Texts = chunks.Entries[:1], chunks.Texts[:1]
		if _, err := targettest.PullChunks(t, db, chunks); err != target.ErrIncomplete {
			t.Errorf("got %v", err)
		}
	})
	broken := errors.New("the network is gone")
	for _, at := range []int{0, 7, 21} {
		db, _ := targettest.Open(t, server.URL("site21"))
		chunks := manyPG(dumpHead, "", 20)
		chunks.OnRead = func(_ context.Context, i int) error {
			if i == at {
				return broken
			}
			return nil
		}
		if _, err := targettest.PullChunks(t, db, chunks); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "read the dump: ") {
			t.Errorf("a source that fails at chunk %d gives %v", at, err)
		}
	}
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site21")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site21")
}

// slowIndex takes ten minutes.
const slowIndex = "CREATE FUNCTION public.slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_catalog.pg_sleep(60); RETURN i; END $$;\n"

func TestPostgresChunksCancelled(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site22", targettest.SitePG("old")...)
	old := targettest.ContentPG(t, server, "site22")
	head := dumpHead + slowIndex
	tail := "CREATE INDEX a ON public.t USING btree (public.slow(id));\nCREATE INDEX b ON public.u USING btree (public.slow(id));\n" +
		"ALTER TABLE ONLY public.t ADD CONSTRAINT k UNIQUE (id);\n"
	for name, when := range map[string]func(t *testing.T, chunks *targettest.Texts, stop func()){
		"while rows are read": func(_ *testing.T, chunks *targettest.Texts, stop func()) {
			chunks.OnRead = func(ctx context.Context, i int) error {
				if i < 9 {
					return nil
				}
				stop()
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"while indexes are made": func(t *testing.T, _ *targettest.Texts, stop func()) {
			go func() {
				for t.Context().Err() == nil {
					rows, err := server.Query("postgres", "SELECT 1 FROM pg_stat_activity WHERE datname = 'site22__dump_incoming' AND wait_event = 'PgSleep'")
					if err != nil || len(rows) > 0 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				stop()
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			chunks := manyPG(head, tail, 20)
			when(t, chunks, stop)
			db, _ := targettest.Open(t, server.URL("site22"))
			load, err := db.Begin(ctx)
			targettest.Must(t, err)
			_, err = load.RunChunks(ctx, chunks, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if chunks.OpenReaders.Load() != 0 {
				t.Errorf("%d readers are open", chunks.OpenReaders.Load())
			}
			begun := time.Now()
			targettest.Must(t, load.Discard())
			if took := time.Since(begun); took > 50*time.Second {
				t.Errorf("cleaning up took %v", took)
			}
			targettest.NoGarbagePG(t, server, "site22")
		})
	}
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site22")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
}

// TestPostgresChunksLost ends the sessions, and then the server, while rows are loaded and while indexes are made.
func TestPostgresChunksLost(t *testing.T) {
	dir, err := os.MkdirTemp("", "target-lost-")
	targettest.Must(t, err)
	defer os.RemoveAll(dir)
	server, err := testserver.Postgres(dir)
	targettest.Must(t, err)
	defer server.Stop()
	targettest.FreshPG(t, server, "site", targettest.SitePG("old")...)
	old := targettest.ContentPG(t, server, "site")
	end := func() error {
		return server.Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'site__dump_incoming'")
	}
	kill := func() error { server.Kill(); return nil }
	tail := "CREATE INDEX a ON public.t USING btree (id);\nCREATE INDEX b ON public.u USING btree (id);\n"
	for _, test := range []struct {
		name  string
		chunk int
		lose  func() error
	}{{"sessions, rows", 9, end}, {"sessions, tail", 21, end}, {"server, rows", 9, kill}, {"server, tail", 21, kill}} {
		t.Run(test.name, func(t *testing.T) {
			db, _ := targettest.Open(t, server.URL("site"))
			load, err := db.Begin(t.Context())
			targettest.Must(t, err)
			chunks := manyPG(dumpHead, tail, 20)
			chunks.OnRead = func(_ context.Context, i int) error {
				if i == test.chunk {
					return test.lose()
				}
				return nil
			}
			_, err = load.RunChunks(t.Context(), chunks, nil)
			var lost *target.LostError
			if !errors.As(err, &lost) || !strings.HasPrefix(err.Error(), "lost the connection to 127.0.0.1:") {
				t.Errorf("got %v", err)
			}
			_ = load.Discard() // which a dead server does not let it do
			if _, err := server.Query("postgres", "SELECT 1"); err != nil {
				targettest.Must(t, server.Restart())
			}
			targettest.Must(t, db.Recover(t.Context()))
			targettest.NoGarbagePG(t, server, "site")
			if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site")); diff != "" {
				t.Errorf("the database has changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPostgresChunksDiskFull loads into a tablespace that is too small.
func TestPostgresChunksDiskFull(t *testing.T) {
	server := targettest.PostgresServer(t)
	dir, err := os.MkdirTemp("", "target-full-")
	targettest.Must(t, err)
	defer os.RemoveAll(dir)
	unmount, err := testserver.SmallDisk(dir, "48m,mode=0755")
	targettest.Must(t, err)
	defer unmount()
	targettest.Must(t, os.Mkdir(dir+"/space", 0o755))
	var data syscall.Stat_t
	rows, err := server.Query("postgres", "SHOW data_directory")
	targettest.Must(t, err)
	targettest.Must(t, syscall.Stat(rows[0][0], &data))
	targettest.Must(t, os.Chown(dir+"/space", int(data.Uid), int(data.Gid)))
	targettest.FreshPG(t, server, "site23")
	targettest.Must(t, server.Exec("postgres", "CREATE TABLESPACE small LOCATION '"+dir+"/space'", "CREATE DATABASE site23 TABLESPACE small"))
	defer func() {
		targettest.FreshPG(t, server, "site23")
		targettest.Must(t, server.Exec("postgres", "DROP TABLESPACE small"))
	}()
	targettest.Must(t, server.Exec("site23", "CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)",
		"CHECKPOINT")) // a new database's files have holes, for which there would be no room later
	old := targettest.ContentPG(t, server, "site23")
	chunks := manyPG(dumpHead, "", 0)
	tail, text := chunks.Texts[1], "COPY public.t (mail) FROM stdin;\n"+strings.Repeat(strings.Repeat("x", 1000)+"\n", 2000)+"\\.\n"
	chunks.Entries, chunks.Texts = chunks.Entries[:1], chunks.Texts[:1]
	for range 40 {
		chunks.Add(dump.Rows, "public.t", 2000, text)
	}
	chunks.Add(dump.Tail, "", 0, tail)
	db, _ := targettest.Open(t, server.URL("site23"))
	_, err = targettest.PullChunks(t, db, chunks)
	var full *target.NoSpaceError
	if !errors.As(err, &full) || !strings.HasPrefix(err.Error(), "no space left on the disk of 127.0.0.1:") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(old, targettest.ContentPG(t, server, "site23")); diff != "" {
		t.Errorf("the database has changed (-want +got):\n%s", diff)
	}
	targettest.NoGarbagePG(t, server, "site23")
}

// TestPostgresChunksDeadlock has a foreign key meet somebody who takes the locks that it needs in the other order.
func TestPostgresChunksDeadlock(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site24", targettest.SitePG("old")...)
	head := dumpHead + "ALTER TABLE ONLY public.u ADD CONSTRAINT u_pkey PRIMARY KEY (id);\n"
	chunks := manyPG(head, "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES public.u(id);\n", 0)
	ended := make(chan error, 1)
	chunks.OnRead = func(ctx context.Context, i int) error {
		if i < 1 {
			return nil
		}
		conn, err := pgconn.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=site24__dump_incoming sslmode=disable", server.Port))
		if err != nil {
			return err
		}
		do := func(statement string) error {
			_, err := conn.Exec(t.Context(), statement).ReadAll()
			return err
		}
		// Of two that wait for one another, that one is ended which looks first.
		err = do("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE public.u IN SHARE ROW EXCLUSIVE MODE")
		go func() {
			defer conn.Close(context.Background())
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				waiting, err := server.Query("postgres", "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'")
				if err != nil || len(waiting) > 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			ended <- errors.Join(do("LOCK TABLE public.t IN SHARE ROW EXCLUSIVE MODE; COMMIT"), t.Context().Err())
		}()
		return err
	}
	db, _ := targettest.Open(t, server.URL("site24"))
	_, err := targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	if err := <-ended; err != nil {
		t.Errorf("the other one: %v", err)
	}
	rows, err := server.Query("site24", "SELECT conname FROM pg_constraint WHERE contype = 'f'")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"f"}}, rows); diff != "" {
		t.Errorf("foreign keys (-want +got):\n%s", diff)
	}
}

// TestPostgresChunksKeysFirst checks foreign keys of a big table when the keys of small ones are there, which are made last.
func TestPostgresChunksKeysFirst(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site27", targettest.SitePG("old")...)
	// Together longer than what is read of a dump at a time: what waits has been kept.
	comment := strings.Repeat("key", 1<<19)
	tail := "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_id UNIQUE (id);\nALTER TABLE ONLY public.u\n    ADD CONSTRAINT u_pkey PRIMARY KEY (id);\n" +
		strings.Repeat("COMMENT ON CONSTRAINT u_pkey ON public.u IS '"+comment+"';\n", 4) +
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES public.u(id) NOT VALID;\nCOMMENT ON CONSTRAINT f ON public.t IS 'foreign';\n"
	db, _ := targettest.Open(t, server.URL("site27"))
	_, err := targettest.PullChunks(t, db, manyPG(dumpHead, tail, 20))
	targettest.Must(t, err)
	rows, err := server.Query("site27", "SELECT conname, md5(obj_description(oid)) FROM pg_constraint WHERE conrelid IN ('t'::regclass, 'u'::regclass) ORDER BY 1")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"f", md5Of("foreign")}, {"t_id", "NULL"}, {"u_pkey", md5Of(comment)}}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func md5Of(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// TestPostgresChunksFewConnections loads with an account that gets no more connections than it needs.
func TestPostgresChunksFewConnections(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site25")
	targettest.Must(t, server.Exec("postgres", "DO $$ BEGIN CREATE ROLE single LOGIN PASSWORD 'pw' CREATEDB; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"ALTER ROLE single CONNECTION LIMIT 2", "CREATE DATABASE site25 OWNER single"))
	db, _ := targettest.Open(t, server.URLAs("single", "pw", "site25"))
	load, err := db.Begin(t.Context())
	targettest.Must(t, err)
	defer load.Discard()
	stats, err := load.RunChunks(t.Context(), manyPG(dumpHead, "CREATE INDEX a ON public.t USING btree (id);\nCREATE INDEX b ON public.u USING btree (id);\n", 20), nil)
	targettest.Must(t, err)
	targettest.Must(t, load.Compare(t.Context(), stats))
	rows, err := server.Query("site25__dump_incoming", "SELECT count(*), sum(id), (SELECT count(*) FROM pg_indexes WHERE schemaname = 'public') FROM t")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"200", "19900", "2"}}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPostgresChunksSettings has settings of the head and of the tail count for every session.
// What the server does not take is left out with a note, and what is about it without one. With Strict it costs the load.
func TestPostgresLeavesOut(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site27", targettest.SitePG("old")...)
	for name, test := range map[string]struct{ tail, note string }{
		"an index":  {"CREATE INDEX b ON public.t USING btree (nothing);\nCOMMENT ON INDEX public.b IS '';\n", "index b is left out: column \"nothing\" does not exist"},
		"a key":     {"CREATE INDEX a ON public.t USING btree (id);\nALTER TABLE ONLY public.t\n    ADD CONSTRAINT k UNIQUE (nothing);\n", "constraint k of table public.t is left out: column \"nothing\" named in key does not exist"},
		"a view":    {"CREATE VIEW public.v AS SELECT nothing;\nCREATE VIEW public.w AS SELECT * FROM public.v;\n", "view public.w is left out: relation \"public.v\" does not exist"},
		"a comment": {"COMMENT ON INDEX public.b IS '';\n", "the comment on index public.b is left out: relation \"public.b\" does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			said := &targettest.Notes{}
			strict, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("site27")), Strict: true, Note: said.Add})
			targettest.Must(t, err)
			defer strict.Close()
			var refused *target.StrictError
			if _, err := targettest.PullChunks(t, strict, manyPG(dumpHead, test.tail, 4)); !errors.As(err, &refused) {
				t.Errorf("a strict load gives %v", err)
			}
			db, said := targettest.Open(t, server.URL("site27"))
			_, err = targettest.PullChunks(t, db, manyPG(dumpHead, test.tail, 4))
			targettest.Must(t, err)
			said.Want(t, test.note)
			for _, line := range said.Lines {
				if name == "an index" && strings.Contains(line, "comment") {
					t.Errorf("note %q", line)
				}
			}
		})
	}
	targettest.NoGarbagePG(t, server, "site27")
}

func TestPostgresChunksSettings(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "site26", targettest.SitePG("old")...)
	head := dumpHead + "SET \"my.head\" = 'it''s';\nSET no_such = 1;\n" +
		"CREATE FUNCTION public.said() RETURNS text LANGUAGE sql AS $$ SELECT pg_catalog.current_setting('my.head') || pg_catalog.current_setting('my.tail', true) $$;\n" +
		"CREATE FUNCTION public.saying(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT public.said() $$;\n" +
		"ALTER TABLE public.t ADD said text DEFAULT pg_catalog.current_setting('my.head') || pg_catalog.current_setting('search_path');\n"
	tail := "SET \"my.tail\" = '!';\nSELECT pg_catalog.set_config('my.head', 'later', false);\n"
	want := [][]string{{"it's\"$user\", public, public", "400"}} // rows come in under the site's search path
	for i := range 8 {
		tail += fmt.Sprintf("CREATE INDEX i%d ON public.t USING btree (public.saying(id)) WHERE public.saying(id) = 'later!';\n", i)
	}
	db, said := targettest.Open(t, server.URL("site26"))
	chunks := manyPG(head, tail, 40)
	_, err := targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	rows, err := server.Query("site26", "SELECT said, count(*) FROM t GROUP BY 1")
	targettest.Must(t, err)
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rows, err = server.Query("site26", "SELECT DISTINCT reltuples FROM pg_class WHERE relname LIKE 'i_' AND relkind = 'i'")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"400"}}, rows); diff != "" {
		t.Errorf("rows in the indexes (-want +got):\n%s", diff)
	}
	said.Want(t, `a SET of the dump is skipped: unrecognized configuration parameter "no_such"`)
}
