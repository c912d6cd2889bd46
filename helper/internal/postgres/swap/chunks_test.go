package swap

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

const dumpClosing = "--\n-- PostgreSQL database dump complete\n--\n\n"

// cutPG makes chunks of a database as a dump has them: of no more than so many rows each.
func cutPG(t *testing.T, server *testserver.PG, database string, most int) *targettest.Texts {
	t.Helper()
	section := func(name string) string {
		return strings.ReplaceAll(targettest.PgDump(t, server, database, "--section="+name), dumpClosing, "")
	}
	chunks := &targettest.Texts{}
	chunks.Add(dump.Head, "", 0, section("pre-data"))
	var tail strings.Builder
	splitter := sqltext.NewSplitter(strings.NewReader(section("data")), sqltext.Postgres)
	var begin, table string
	var lines []string
	for piece, err := splitter.Next(); err == nil; piece, err = splitter.Next() {
		switch piece.Kind {
		case sqltext.CopyBegin:
			begin, table, lines = string(piece.Text)+";\n", piece.Table, nil
		case sqltext.CopyRows:
			lines = slices.AppendSeq(lines, strings.Lines(string(piece.Raw)))
		case sqltext.CopyEnd:
			for part := range slices.Chunk(lines, most) {
				chunks.Add(dump.Rows, table, int64(len(part)), begin+strings.Join(part, "")+"\\.\n")
			}
		default:
			tail.Write(piece.Raw)
		}
	}
	chunks.Add(dump.Tail, "", 0, tail.String())
	chunks.Add(dump.Tail, "", 0, section("post-data")+dumpClosing)
	return chunks
}

// sortedPG is ContentPG with the rows of each table in order: chunks come in as they like.
func sortedPG(t *testing.T, server *testserver.PG, database string) string {
	t.Helper()
	lines := slices.Collect(strings.Lines(targettest.ContentPG(t, server, database)))
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], "COPY ") {
			continue
		}
		end := i + slices.Index(lines[i:], "\\.\n")
		slices.Sort(lines[i+1 : end])
		i = end
	}
	return strings.Join(lines, "")
}

// fullPG has one of everything that pg_dump writes behind the rows, and rows that are easily spoiled on the way there.
var fullPG = append(targettest.SitePG("new"),
	// Partitions of partitions, whose keys and indexes are attached.
	"CREATE TABLE log (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
	"CREATE TABLE log_25 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (id)",
	"CREATE TABLE log_25_1 PARTITION OF log_25 FOR VALUES IN (1, 2, 3)", "CREATE TABLE log_25_rest PARTITION OF log_25 DEFAULT",
	"CREATE TABLE log_26 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
	"CREATE INDEX log_v ON log (lower(v)); CREATE UNIQUE INDEX log_unique ON log (day, id)",
	"INSERT INTO log SELECT i, date '2025-06-01' + i % 400, 'v' || i FROM generate_series(1, 500) i",
	// Foreign keys in circles, to itself, to and from partitions.
	"CREATE TABLE egg (id int PRIMARY KEY, hen int, prior int REFERENCES egg, log_id int, log_day date, FOREIGN KEY (log_id, log_day) REFERENCES log ON DELETE CASCADE)",
	"CREATE TABLE hen (id int PRIMARY KEY, egg int UNIQUE REFERENCES egg DEFERRABLE INITIALLY DEFERRED)",
	"INSERT INTO egg SELECT i, i, nullif(i - 1, 0), NULL, NULL FROM generate_series(1, 300) i; INSERT INTO hen SELECT i, i FROM generate_series(1, 300) i",
	"ALTER TABLE egg ADD CONSTRAINT of_hen FOREIGN KEY (hen) REFERENCES hen; ALTER TABLE log ADD egg int REFERENCES egg",
	"ALTER TABLE hen ADD CONSTRAINT not_all CHECK (egg > 1000) NOT VALID; ALTER TABLE hen ADD CONSTRAINT loose FOREIGN KEY (id) REFERENCES egg NOT VALID",
	// Indexes of all sorts, and what is said of them.
	"CREATE TABLE booking (room int, during int4range, note text, EXCLUDE USING gist (during WITH &&))",
	"INSERT INTO booking SELECT i, int4range(i * 10, i * 10 + 5), repeat('x', i) FROM generate_series(1, 200) i",
	"CREATE FUNCTION folded(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(t) || '; CREATE INDEX' $$",
	"CREATE INDEX booking_folded ON booking (folded(note)); CREATE INDEX booking_part ON booking (room DESC NULLS LAST) INCLUDE (note) WHERE room > 10",
	"ALTER INDEX booking_folded ALTER COLUMN 1 SET STATISTICS 500; COMMENT ON INDEX booking_folded IS 'it''s; folded'",
	"CREATE UNIQUE INDEX hen_eggs ON hen (egg DESC); ALTER TABLE hen CLUSTER ON hen_eggs; ALTER TABLE egg REPLICA IDENTITY USING INDEX egg_pkey",
	"COMMENT ON CONSTRAINT of_hen ON egg IS 'a circle'; COMMENT ON CONSTRAINT egg_pkey ON egg IS 'key'",
	"CREATE STATISTICS booking_both ON room, note FROM booking; ALTER STATISTICS booking_both SET STATISTICS 77",
	"CREATE INDEX by_hash ON booking USING hash (note); CREATE INDEX by_brin ON booking USING brin (room)",
	// What needs a key to be defined, and so comes behind it: a view, a materialized view with an index, a function that an index uses.
	"CREATE VIEW grouped AS SELECT id, hen FROM egg GROUP BY id",
	"CREATE MATERIALIZED VIEW hatched AS SELECT id, hen, count(*) AS n FROM egg GROUP BY id; CREATE UNIQUE INDEX hatched_id ON hatched (id)",
	"CREATE MATERIALIZED VIEW twice_hatched AS SELECT n FROM hatched; CREATE INDEX twice_n ON twice_hatched (n); CREATE MATERIALIZED VIEW never AS SELECT 1 AS one WITH NO DATA; CREATE INDEX never_one ON never (one)",
	"CREATE FUNCTION first_hen() RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT hen FROM egg GROUP BY id ORDER BY id LIMIT 1; END",
	"CREATE INDEX by_first ON booking ((room + first_hen()))",
	// Numbers.
	"CREATE SEQUENCE steps INCREMENT -3 MINVALUE -1000 MAXVALUE 1000 START 1000; SELECT nextval('steps'), nextval('steps')",
	"CREATE TABLE numbered (id int GENERATED BY DEFAULT AS IDENTITY (START 7), double int GENERATED ALWAYS AS (n * 2) STORED, n int)",
	"INSERT INTO numbered (n) SELECT * FROM generate_series(1, 50); CREATE SEQUENCE fresh",
	// Triggers and rules, which must not see the rows.
	"CREATE TABLE seen (n int)", "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (1); RETURN NULL; END $$",
	"CREATE TRIGGER see AFTER INSERT ON booking FOR EACH ROW EXECUTE FUNCTION see(); CREATE TRIGGER see AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION see()",
	"ALTER TABLE booking DISABLE TRIGGER see; CREATE RULE lost AS ON INSERT TO numbered DO INSTEAD NOTHING",
	"ALTER TABLE numbered ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON numbered USING (n > 3)",
	"CREATE PUBLICATION booked FOR TABLE booking",
	// Rows.
	"CREATE TABLE odd (id int, v text, b bytea, a text[], f float8)",
	`INSERT INTO odd VALUES (1, '', '\x00ff5c2e0a', '{"a b",NULL,""}', 'NaN'), (2, NULL, NULL, NULL, 0.1), (3, E'\\.', E'\\\\.', '{}', 1e-300), (4, E'a\n\\.\nCOPY x FROM stdin;', '', NULL, '-0')`,
	"CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES; CREATE TABLE empty (id int PRIMARY KEY)",
	`CREATE SCHEMA "Sch.""ema"`, "CREATE TABLE \"Sch.\"\"ema\".\"a;\nb(\" (\"c) FROM stdin;\" int PRIMARY KEY); INSERT INTO \"Sch.\"\"ema\".\"a;\nb(\" SELECT * FROM generate_series(1, 30)",
	"CREATE UNLOGGED TABLE loose AS SELECT i FROM generate_series(1, 40) i; ANALYZE",
	"SELECT lo_from_bytea(700001, 'large'), lo_from_bytea(700002, decode(repeat('00ff', 200000), 'hex')); COMMENT ON LARGE OBJECT 700001 IS 'one'",
)

func TestPostgresChunks(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "staging20", fullPG...)
	targettest.FreshPG(t, server, "site20", targettest.SitePG("old")...)
	plain, _ := sqltextStats(t, targettest.PgDump(t, server, "staging20"))
	want := sortedPG(t, server, "staging20")
	db, said := targettest.Open(t, server.URL("site20"))
	chunks := cutPG(t, server, "staging20", 40)
	stats, err := targettest.PullChunks(t, db, chunks)
	targettest.Must(t, err)
	if diff := cmp.Diff(want, sortedPG(t, server, "site20")); diff != "" {
		t.Errorf("after the pull (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(plain.Tables, stats.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if stats.Rows != plain.Rows || stats.Header != plain.Header || !stats.Complete {
		t.Errorf("stats are %+v, want %+v", stats, plain)
	}
	rows, err := server.Query("site20", "SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM pg_index WHERE NOT indisvalid),"+
		" (SELECT count(*) FROM pg_constraint WHERE NOT convalidated)")
	targettest.Must(t, err)
	if diff := cmp.Diff([][]string{{"0", "0", "2"}}, rows); diff != "" {
		t.Errorf("rows seen by triggers, invalid indexes, invalid constraints (-want +got):\n%s", diff)
	}
	if len(said.Lines) > 0 {
		t.Errorf("notes: %q", said.Lines)
	}
	if chunks.Opened.Load() < 4 || chunks.OpenReaders.Load() != 0 {
		t.Errorf("%d readers were opened, %d are open", chunks.Opened.Load(), chunks.OpenReaders.Load())
	}
	targettest.NoGarbagePG(t, server, "site20")
	targettest.WantContents(t, db, "chunks")
}

func sqltextStats(t *testing.T, dump string) (sqltext.Stats, error) {
	t.Helper()
	splitter := sqltext.NewSplitter(strings.NewReader(dump), sqltext.Postgres)
	for {
		if _, err := splitter.Next(); err != nil {
			return splitter.Stats(), err
		}
	}
}
