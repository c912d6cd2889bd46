package load

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPostgresReadBuild(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE INDEX i ON public.t USING btree (id)":                                                     "public.t",
		"CREATE UNIQUE INDEX i ON ONLY public.t USING btree (lower(v)) WHERE (id > 1)":                    "public.t",
		"-- a comment\nCREATE INDEX \"a.b ON x\" ON \"S\".\"T \"\"t\" USING gin (v)":                      "S.T \"t",
		"CREATE INDEX using ON only.t USING btree (id)":                                                   "only.t",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k PRIMARY KEY (id)":                                "public.t exclusive",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k UNIQUE NULLS NOT DISTINCT (id)":                  "public.t exclusive",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k EXCLUDE USING gist (r WITH &&)":                  "public.t exclusive",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT k FOREIGN KEY (a, \"b)\") REFERENCES s.u(a, b)":    "public.t s.u exclusive foreign",
		"ALTER TABLE public.t\n    ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES public.t(id) NOT VALID":    "public.t public.t exclusive foreign",
		"ALTER TABLE public.t ADD CONSTRAINT k PRIMARY KEY (id)":                                          "",
		"ALTER TABLE ONLY public.t ADD CONSTRAINT k CHECK ((id > 1)) NOT VALID":                           "",
		"ALTER TABLE ONLY public.t ADD CONSTRAINT k NOT NULL id":                                          "",
		"ALTER TABLE ONLY public.t ATTACH PARTITION public.u FOR VALUES IN (1)":                           "",
		"ALTER TABLE ONLY public.t ADD CONSTRAINT k FOREIGN KEY (a":                                       "",
		"CREATE INDEX CONCURRENTLY i ON public.t USING btree (id)":                                        "",
		"CREATE INDEX IF NOT EXISTS i ON public.t USING btree (id)":                                       "",
		"CREATE INDEX ON public.t USING btree (id)":                                                       "",
		"CREATE MATERIALIZED VIEW public.v AS SELECT 'CREATE INDEX i ON public.t USING btree (id)'::text": "",
		"COMMENT ON INDEX public.i IS 'CREATE INDEX i ON public.t USING btree (id)'":                      "",
		"": "",
	} {
		got := ""
		if build := readBuild([]byte(text)); build != nil {
			got = strings.Join(build.tables, " ")
			if build.exclusive {
				got += " exclusive"
			}
			if build.foreign {
				got += " foreign"
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestPostgresFollows(t *testing.T) {
	for text, want := range map[string]bool{
		"COMMENT ON INDEX public.i IS 'x'":                             true,
		"COMMENT ON CONSTRAINT k ON public.t IS 'x'":                   true,
		"ALTER INDEX public.i ATTACH PARTITION public.j":               true,
		"ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 5":         true,
		"ALTER TABLE public.t CLUSTER ON i":                            true,
		"ALTER TABLE ONLY public.t REPLICA IDENTITY USING INDEX i":     true,
		"ALTER INDEX public.i OWNER TO x":                              false,
		"ALTER TABLE public.t ENABLE ROW LEVEL SECURITY":               false,
		"ALTER TABLE ONLY public.t ATTACH PARTITION public.u DEFAULT":  false,
		"CREATE STATISTICS public.s ON a, b FROM public.t":             false,
		"SET default_tablespace = fast":                                false,
		"REFRESH MATERIALIZED VIEW public.v":                           false,
		"CREATE FUNCTION public.f() RETURNS int LANGUAGE sql RETURN 1": false,
		"COMMENT ON DOMAIN public.d IS 'x'":                            false,
	} {
		if got := follows([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestPostgresQueue takes builds as sessions would that end one only when told.
func TestPostgresQueue(t *testing.T) {
	build := func(text string, exclusive bool, tables ...string) *buildStatement {
		b := &buildStatement{tables: tables, exclusive: exclusive}
		b.Text = []byte(text)
		return b
	}
	queue := newBuildQueue([]*buildStatement{
		build("key of a", true, "a"), build("index of a", false, "a"), build("index of b", false, "b"), build("another of b", false, "b"),
		build("key of b", true, "b"), build("from a to b", true, "a", "b"), build("from c to c", true, "c", "c"),
	})
	var order []string
	take := func() *buildStatement {
		b := queue.take(t.Context())
		order = append(order, string(b.Text))
		return b
	}
	keyA, b1, b2, self := take(), take(), take(), take()
	queue.done(keyA)
	indexA := take()
	queue.done(b1)
	next := make(chan *buildStatement)
	go func() { next <- queue.take(t.Context()) }()
	select {
	case early := <-next:
		t.Fatalf("%s has begun beside %v", early.Text, order)
	case <-time.After(50 * time.Millisecond):
	}
	queue.done(b2)
	keyB := <-next
	order = append(order, string(keyB.Text))
	queue.done(indexA)
	queue.done(keyB)
	queue.done(self)
	last := take()
	want := []string{"key of a", "index of b", "another of b", "from c to c", "index of a", "key of b", "from a to b"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	queue.done(last)
	if b := queue.take(t.Context()); b != nil {
		t.Errorf("%s is left", b.Text)
	}
	queue = newBuildQueue([]*buildStatement{build("x", true, "x")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if b := queue.take(ctx); b != nil {
		t.Errorf("%s is given after the end", b.Text)
	}
}
