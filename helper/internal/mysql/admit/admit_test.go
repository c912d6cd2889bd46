package admit

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/admit/admittest"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

var servers = []mysql.Release{
	{Flavour: mysql.MariaDB, Version: version.Version{Major: 11, Minor: 8}},
	{Flavour: mysql.MariaDB, Version: version.Version{Major: 10, Minor: 2}},
	{Flavour: mysql.MySQL, Version: version.Version{Major: 8, Minor: 4}},
	{Flavour: mysql.MySQL, Version: version.Version{Major: 5, Minor: 7}},
}

func judgeFor(server mysql.Release) *Judge {
	return &Judge{Server: server, Database: "site__dump_incoming", Loadable: map[string]bool{"SYS_EXEC": true}, Mode: Mode{Charset: "utf8mb4"}}
}

// judged judges one text as the loader does.
func judged(j *Judge, text string) error {
	first := strings.ToUpper(strings.Trim(strings.SplitN(text, " ", 2)[0], " \t\n"))
	if first == "INSERT" || first == "REPLACE" {
		return j.Insert([]byte(text))
	}
	return j.Statement([]byte(text))
}

func TestRefused(t *testing.T) {
	for _, server := range servers {
		for _, text := range admittest.Hostile {
			if err := judged(judgeFor(server), text); err == nil {
				t.Errorf("%s %d admits %s", server.Flavour, server.Number(), text)
			}
		}
		for name, texts := range admittest.Sequences {
			j := judgeFor(server)
			last := len(texts) - 1
			for _, text := range texts[:last] {
				if err := judged(j, text); err != nil {
					t.Errorf("%s: %s: %v", name, text, err)
				}
			}
			if err := judged(j, texts[last]); err == nil {
				t.Errorf("%s %d admits %s: %s", server.Flavour, server.Number(), name, texts[last])
			}
		}
	}
}

func TestAdmitted(t *testing.T) {
	for _, server := range servers {
		j := judgeFor(server)
		for _, text := range admittest.Ordinary {
			if err := judged(j, text); err != nil {
				t.Errorf("%s %d refuses %s: %v", server.Flavour, server.Number(), text, err)
			}
		}
	}
}

// Variables that no dump needs are named, so that they can be left out.
func TestUnknownSettings(t *testing.T) {
	for text, name := range map[string]string{
		"SET binlog_format = 'ROW'":                         "BINLOG_FORMAT",
		"SET @@session.debug = 'd:o,/tmp/x'":                "DEBUG",
		"SET SESSION innodb_tmpdir = '/tmp'":                "INNODB_TMPDIR",
		"/*!40101 SET sql_log_off = 1 */":                   "SQL_LOG_OFF",
		"SET time_zone = '+00:00', gtid_next = 'AUTOMATIC'": "GTID_NEXT",
	} {
		var setting *SettingError
		if err := judgeFor(servers[0]).Statement([]byte(text)); !errors.As(err, &setting) || setting.Name != name {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// A row that comes in parts is judged as if it came at once, wherever it is cut.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{`INSERT INTO t (a, b) VALUES (1, 'it''s \' (select x) ` + "`" + `', /* b.c( */ NULL), (-- d.e(
 0x1F, _binary 'a\\')`, true},
		{"INSERT INTO t VALUES (1, 'a long text before \\\\\\\\\\' sleep(1) \\\\', 2)", true},
		{"INSERT INTO t VALUES (1, 'a long text before \\\\\\\\' + sleep(1), '\\\\', 2)", false},
		{"INSERT INTO t VALUES (1, /* a long comment before * / sleep(1) **/ 2)", true},
		{"INSERT INTO t VALUES (1, 'a\\\\', (select 1))", false},
		{"INSERT INTO t VALUES (1, /* * / */ other.f())", false},
		{"INSERT INTO t VALUES (1, sleep(5))", false},
	} {
		for cut := len("INSERT INTO t (a, b) VALUES") + 1; cut < len(c.text); cut++ {
			for second := cut; second <= len(c.text); second += 7 {
				rows := judgeFor(servers[0]).Rows()
				err := rows.Part([]byte(c.text[:cut]), false)
				if err == nil {
					err = rows.Part([]byte(c.text[cut:second]), false)
				}
				if err == nil {
					err = rows.Part([]byte(c.text[second:]), true)
				}
				if (err == nil) != c.ok {
					t.Fatalf("cut at %d and %d: %s: %v", cut, second, c.text, err)
				}
			}
		}
	}
}

// What ends a literal depends on settings of the session.
func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		text string
		ok   bool
	}{
		{Mode{}, `INSERT INTO t VALUES ('\', sleep(9), ' -- ')`, true},
		{Mode{NoBackslashEscapes: true}, `INSERT INTO t VALUES ('\', sleep(9), ' -- ')`, false},
		{ModeOf("REAL_AS_FLOAT,NO_BACKSLASH_ESCAPES", "latin1"), `INSERT INTO t VALUES ('\', sleep(9), ' -- ')`, false},
		{Mode{}, `DROP TABLE "a" , mysql.user`, false},
		{ModeOf("ANSI_QUOTES", "utf8mb4"), `INSERT INTO "t" VALUES (1)`, true},
		{ModeOf("ANSI_QUOTES", "utf8mb4"), `INSERT INTO "o"."t" VALUES (1)`, false},
		{Mode{Charset: "gbk"}, "INSERT INTO t VALUES ('\xbf\\', sleep(9), ' -- ')", false},
		{Mode{Charset: "gbk"}, "INSERT INTO t VALUES ('\xbf\\', '\xbf`', ' ')", true},
		{Mode{Charset: "sjis"}, "INSERT INTO t VALUES ('\xb1\\', sleep(9), ' -- ')", true},
		{Mode{Charset: "big5"}, "INSERT INTO t VALUES (\xbf`, sleep(9), `')", false},
	} {
		j := judgeFor(servers[0])
		j.Mode = c.mode
		if err := judged(j, c.text); (err == nil) != c.ok {
			t.Errorf("%+v: %s: %v", c.mode, c.text, err)
		}
	}
}

// The exports of real tools are admitted.
func TestExports(t *testing.T) {
	files, err := filepath.Glob("../../../../tests/exports/dumps/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.Contains(file, "pg_") || strings.Contains(file, "postgres") {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		j := judgeFor(servers[0])
		splitter := sqltext.NewSplitter(f, sqltext.MySQL)
		for {
			piece, err := splitter.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch piece.Kind {
			case sqltext.Rows:
				err = j.Insert(piece.Text)
			case sqltext.Statement:
				if first := strings.ToUpper(string(piece.Text[:min(len(piece.Text), 15)])); !strings.HasPrefix(first, "USE ") && !strings.HasPrefix(first, "CREATE DATABASE") {
					err = j.Statement(piece.Text)
				}
			}
			if err != nil {
				t.Errorf("%s at %d: %v: %.200s", file, piece.Offset, err, piece.Text)
			}
		}
	}
}
