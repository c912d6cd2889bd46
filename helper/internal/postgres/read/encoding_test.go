package read

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

// encodedPostgres makes a database with an encoding on the shared server.
func encodedPostgres(t *testing.T, name, encoding string) {
	t.Helper()
	server := sourcetest.PostgreSQL(t)
	drop := `DROP DATABASE IF EXISTS "` + name + `" WITH (FORCE)`
	if err := server.Exec("postgres", drop, `CREATE DATABASE "`+name+`" TEMPLATE template0 ENCODING '`+encoding+`' LC_COLLATE 'C' LC_CTYPE 'C'`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Exec("postgres", drop) })
}

// Names and values in another encoding come as UTF-8.
func TestPostgresEncodings(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	for encoding, word := range map[string]string{"LATIN1": "größe", "WIN1252": "größe €", "EUC_JP": "日本", "KOI8R": "слово"} {
		t.Run(encoding, func(t *testing.T) {
			encodedPostgres(t, "encoded", encoding)
			runClient(t, "encoded", `SET client_encoding = 'UTF8';
				CREATE TABLE "`+word+`" ("`+word+` id" serial PRIMARY KEY, v text); INSERT INTO "`+word+`" (v) VALUES ('`+word+` value');
				CREATE TABLE "cache `+word+`" (v text); INSERT INTO "cache `+word+`" VALUES ('of cache'); CREATE TABLE "old `+word+`" (v text);
				COMMENT ON TABLE "`+word+`" IS '`+word+`'; CREATE VIEW "view `+word+`" AS SELECT * FROM "`+word+`";`, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
			for _, client := range []bool{false, true} {
				src, _ := sourcetest.Open(t, source.Config{
					URL: sourcetest.ParseURL(t, server.URL("encoded")), Client: client, StructureOnly: []string{"cache " + word}, Exclude: []string{"old " + word},
				})
				text := sourcetest.DumpText(t, src)
				sourcetest.Expect(t, text, "SET client_encoding = 'UTF8'", `COPY public."`+word+`" ("`+word+` id", v) FROM stdin;`+"\n1\t"+word+" value\n",
					`CREATE TABLE public."cache `+word, `setval('public."`+word+`_`+word+` id_seq"', 1, true)`, "!of cache", "!old ")
			}
		})
	}
}

// A database that knows no encoding has bytes, which come as they are. Names must be UTF-8.
func TestPostgresBytes(t *testing.T) {
	server := sourcetest.PostgreSQL(t)
	encodedPostgres(t, "bytes", "SQL_ASCII")
	const made = "SET client_encoding = 'SQL_ASCII'; CREATE TABLE node (id serial, v text); INSERT INTO node (v) VALUES ('gr\xf6\xdfe'), ('größe'); COMMENT ON TABLE node IS '\xe4'; CREATE TABLE \"größe\" (id int);"
	runClient(t, "bytes", made, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	for _, client := range []bool{false, true} {
		src, _ := sourcetest.Open(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("bytes")), Client: client})
		text := sourcetest.DumpText(t, src)
		sourcetest.Expect(t, text, "SET client_encoding = 'SQL_ASCII'", "1\tgr\xf6\xdfe\n2\tgröße\n", "IS '\xe4'", `CREATE TABLE public."größe"`)
		encodedPostgres(t, "bytes restored", "SQL_ASCII")
		runClient(t, "bytes restored", text, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	}
	runClient(t, "bytes", "SET client_encoding = 'SQL_ASCII'; CREATE TABLE \"gr\xf6\xdfe\" (id int);", "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1")
	sourcetest.ExpectError(t, sourcetest.OpenError(t, source.Config{URL: sourcetest.ParseURL(t, server.URL("bytes"))}), source.ErrNotUTF8,
		`the database has the encoding SQL_ASCII, and names in it are not UTF-8: ERROR: invalid byte sequence for encoding "UTF8": 0xf6 0xdf 0x65`)
}
