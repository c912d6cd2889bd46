package sqltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// show returns the pieces of a dump as short lines.
func show(t *testing.T, source io.Reader, dialect Dialect) ([]string, Stats, error) {
	t.Helper()
	names := map[Kind]string{
		Statement: "statement", Rows: "rows", CopyBegin: "copy", CopyRows: "lines", CopyEnd: "end", Command: "command",
	}
	splitter := NewSplitter(source, dialect)
	var lines []string
	for {
		piece, err := splitter.Next()
		if err == io.EOF {
			return lines, splitter.Stats(), nil
		}
		if err != nil {
			return lines, splitter.Stats(), err
		}
		text := string(piece.Text)
		if piece.Text == nil {
			text = strings.TrimSpace(string(piece.Raw))
		}
		switch {
		case piece.Kind == Filler:
		case piece.Table != "":
			lines = append(lines, fmt.Sprintf("%s %s %d: %s", names[piece.Kind], piece.Table, piece.Rows, text))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s", names[piece.Kind], text))
		}
	}
}

func TestSplitMySQL(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"no escapes", `/*!50003 SET sql_mode              = 'ANSI,NO_BACKSLASH_ESCAPES' */;SELECT 'a\';SELECT "b\";SET sql_mode = @saved_sql_mode;SELECT 'c\';';`, []string{
			"statement: /*!50003 SET sql_mode              = 'ANSI,NO_BACKSLASH_ESCAPES' */", `statement: SELECT 'a\'`, `statement: SELECT "b\"`,
			"statement: SET sql_mode = @saved_sql_mode", `statement: SELECT 'c\';'`,
		}},
		{"a saved mode", `/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;SELECT '\';';`, []string{
			"statement: /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */", `statement: SELECT '\';'`,
		}},
		{"semicolon in a string", `INSERT INTO t VALUES (1,'a;b'),(2,"c;d");`, []string{`rows t 2: INSERT INTO t VALUES (1,'a;b'),(2,"c;d")`}},
		{"escaped quotes", `INSERT INTO t VALUES ('it''s \\'),('\';(');SELECT 1;`, []string{`rows t 2: INSERT INTO t VALUES ('it''s \\'),('\';(')`, "statement: SELECT 1"}},
		{"columns and parentheses", "INSERT INTO `a``b` (`x`,`y`) VALUES (1,(2+3)),(NULL,-5);", []string{"rows a`b 2: INSERT INTO `a``b` (`x`,`y`) VALUES (1,(2+3)),(NULL,-5)"}},
		{"insert select", "INSERT INTO t SELECT (1),(2);", []string{"rows t -1: INSERT INTO t SELECT (1),(2)"}},
		{"insert ignore", "INSERT IGNORE INTO t VALUES (1);", []string{"rows t -1: INSERT IGNORE INTO t VALUES (1)"}},
		{"on duplicate key", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a=VALUES(a);", []string{"rows t -1: INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a=VALUES(a)"}},
		{"qualified table", "INSERT INTO `d`.`t` VALUES (1);", []string{"rows t 1: INSERT INTO `d`.`t` VALUES (1)"}},
		{"comments", "-- it's\n# it's too\n/* it's; three */ SELECT 1; -- '", []string{"statement: SELECT 1"}},
		{"dashes that are no comment", "SELECT 1--1;", []string{"statement: SELECT 1--1"}},
		{"executable comment", "/*!40101 SET NAMES utf8mb4 */;", []string{"statement: /*!40101 SET NAMES utf8mb4 */"}},
		{"delimiter", "DELIMITER ;;\nCREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a='x;;'; -- don't\n SET @b=1; END ;;\nDELIMITER ;\nSELECT 1;", []string{
			"command: DELIMITER ;;", "statement: CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a='x;;'; -- don't\n SET @b=1; END ", "command: DELIMITER ;", "statement: SELECT 1",
		}},
		{"byte order mark", "\xEF\xBB\xBF-- x\nSELECT 1;", []string{"statement: SELECT 1"}},
		{"sandbox line", "/*M!999999\\- enable the sandbox mode */ \nSELECT 1;", []string{`command: /*M!999999\- enable the sandbox mode */`, "statement: SELECT 1"}},
		{"empty statements", ";;SELECT 1;;", []string{"statement: SELECT 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, source := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				got, _, err := show(t, source, MySQL)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestSplitPostgres(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"copy", "COPY public.t (a, \"b c\") FROM stdin;\n1\t\\N\n2\t;'\n\\.\n\nSELECT 1;", []string{
			`copy public.t 0: COPY public.t (a, "b c") FROM stdin`, "lines public.t 2: 1\t\\N\n2\t;'", `end: \.`, "statement: SELECT 1",
		}},
		{"empty copy", "COPY t FROM stdin;\n\\.\n", []string{"copy t 0: COPY t FROM stdin", `end: \.`}},
		{"escaped dot", "COPY t FROM stdin;\n\\\\.\n\\.\n", []string{"copy t 0: COPY t FROM stdin", "lines t 1: \\\\.", `end: \.`}},
		{"dollar quotes", "CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; '; $$ END $body$;SELECT 1;", []string{
			"statement: CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; '; $$ END $body$", "statement: SELECT 1",
		}},
		{"atomic body", "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;SELECT 1;", []string{
			"statement: CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "statement: SELECT 1",
		}},
		{"rule", "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);SELECT 3;", []string{"statement: CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "statement: SELECT 3"}},
		{"backslash in a plain string", `SELECT 'a\';SELECT 1;`, []string{`statement: SELECT 'a\'`, "statement: SELECT 1"}},
		{"escape string", `SELECT E'a\';b';`, []string{`statement: SELECT E'a\';b'`}},
		{"old escapes", `SET standard_conforming_strings = off;SELECT 'a\';b';`, []string{"statement: SET standard_conforming_strings = off", `statement: SELECT 'a\';b'`}},
		{"nested comment", "/* a /* ; */ ' */SELECT 1;", []string{"statement: SELECT 1"}},
		{"psql commands", "\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", []string{`command: \restrict abc`, "statement: SELECT 1", `command: \unrestrict abc`}},
		{"inserts", `INSERT INTO public.t VALUES (1, 'x;(');`, []string{`rows public.t 1: INSERT INTO public.t VALUES (1, 'x;(')`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, source := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				got, _, err := show(t, source, Postgres)
				if err != nil {
					t.Fatal(err)
				}
				// Read byte by byte, a COPY's lines may come in more pieces.
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, test := range []struct {
		name, text string
		dialect    Dialect
		want       string
	}{
		{"open string", "SELECT 'a;", MySQL, "the dump ends in the middle of a statement"},
		{"no delimiter", "SELECT 1", MySQL, "the dump ends in the middle of a statement"},
		{"open comment", "SELECT 1; /* a", MySQL, "the dump ends in the middle of a statement"},
		{"half a word", "SELECT 1;\nINS", MySQL, "the dump ends in the middle of a statement"},
		{"half a mark", "SELECT 1;\n-", MySQL, "the dump ends in the middle of a statement"},
		{"half an executable comment", "SELECT 1;\n/*!401", MySQL, "the dump ends in the middle of a statement"},
		{"another word at the end", "SELECT 1;\nKilled", MySQL, `not SQL at byte 10: "Killed"`},
		{"open copy", "COPY t FROM stdin;\n1\n", Postgres, "the dump ends in the middle of a statement"},
		{"half a copy line", "COPY t FROM stdin;\n1", Postgres, "the dump ends in the middle of a statement"},
		{"html", "<!DOCTYPE html>\n<html>", MySQL, `not SQL at byte 0: "<!DOCTYPE html>"`},
		{"a warning between", "SELECT 1;\nPHP Warning:  Undefined;", MySQL, `not SQL at byte 10: "PHP Warning:  Undefined;"`},
		{"a client's shell", "\n\nsystem rm -rf x;", MySQL, `not SQL at byte 2: "system rm -rf x;"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := show(t, strings.NewReader(test.text), test.dialect)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestSourceErrorIsPassedOn(t *testing.T) {
	broken := errors.New("connection lost")
	for _, text := range []string{"", "SELECT 1", "SELECT 'a", "SELECT 1;", "-- half a comm"} {
		source := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		if _, _, err := show(t, source, MySQL); !errors.Is(err, broken) {
			t.Errorf("after %q: got %v", text, err)
		}
	}
}

func TestStats(t *testing.T) {
	dump := `-- MariaDB dump 10.19-11.4.2-MariaDB, for debian-linux-gnu (x86_64)
CREATE TABLE ` + "`a`" + ` (x int);
INSERT INTO a VALUES (1),(2);
INSERT INTO a VALUES (3);
CREATE TABLE IF NOT EXISTS b (x int);
/*!50001 CREATE TABLE v (x int) */;
/*!50001 DROP TABLE IF EXISTS v*/;
CREATE TEMPORARY TABLE tmp (x int);
INSERT IGNORE INTO c VALUES (1);
-- Dump completed on 2026-11-22  6:30:00
`
	_, got, err := show(t, strings.NewReader(dump), MySQL)
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{
		Bytes: int64(len(dump)), Tables: map[string]int64{"a": 3, "b": 0, "c": -1}, Rows: 3, Statements: 8, Complete: true, Tool: "mariadb-dump",
		Header: "-- MariaDB dump 10.19-11.4.2-MariaDB, for debian-linux-gnu (x86_64)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, got, _ := show(t, strings.NewReader(dump+"SELECT 1;"), MySQL); got.Complete {
		t.Error("a statement behind the last line: the dump counts as complete")
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]Dialect{
		"--\n-- PostgreSQL database dump\n":                                                                              Postgres,
		"-- MySQL dump 10.13\n":                                                                                          MySQL,
		"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump":                                                     MySQL,
		"\\restrict x\nSET statement_timeout = 0;":                                                                       Postgres,
		"DROP TABLE IF EXISTS `node`;\n-- a PostgreSQL database it is not":                                               MySQL,
		"-- Adminer 4.8.1 PostgreSQL 15.18 (Debian 15.18-0+deb12u1) dump\n\nDROP TABLE IF EXISTS \"a\";":                 Postgres,
		"-- Adminer 4.8.1 MySQL 8.0 dump\nSET NAMES utf8;\nCREATE TABLE `a` (b int);":                                    MySQL,
		"-- TablePlus 6.7.2(638)\nDROP TABLE IF EXISTS \"public\".\"users\";":                                            Postgres,
		"/*\n Navicat Premium Dump SQL\n\n Source Server Type    : PostgreSQL\n*/\nDROP TABLE IF EXISTS \"shop\".\"a\";": Postgres,
	} {
		if got, ok := Detect([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %v, %v", text, got, ok)
		}
	}
	if _, ok := Detect([]byte("CREATE TABLE x (y int);")); ok {
		t.Error("nothing tells, and yet a dialect was found")
	}
}

// FuzzSplit holds the splitter to its promise: the pieces are the dump, whatever it holds and however
// it is read.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"INSERT INTO t VALUES (1,'a;b');", "DELIMITER ;;\nSELECT 1;;\nDELIMITER ;\n", "/*!50001 SELECT 1 */;", "-- x\n",
		"COPY t FROM stdin;\n1\n\\.\n", "SELECT $a$ ; $a$;", "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;", "SELECT E'\\'';",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, dump []byte, postgres bool) {
		dialect := MySQL
		if postgres {
			dialect = Postgres
		}
		var outcomes [2]string
		for i, source := range []io.Reader{bytes.NewReader(dump), iotest.OneByteReader(bytes.NewReader(dump))} {
			splitter := NewSplitter(source, dialect)
			var whole []byte
			for {
				piece, err := splitter.Next()
				if err != nil {
					outcomes[i] = fmt.Sprint(err, len(whole))
					break
				}
				if len(piece.Raw) == 0 {
					t.Fatal("an empty piece")
				}
				whole = append(whole, piece.Raw...)
			}
			if !bytes.HasPrefix(dump, whole) || strings.HasPrefix(outcomes[i], "EOF") && len(whole) != len(dump) {
				t.Fatalf("the pieces are not the dump: %q", whole)
			}
		}
		if outcomes[0] != outcomes[1] && !postgres {
			t.Fatalf("read at once: %s; byte by byte: %s", outcomes[0], outcomes[1])
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	var dump bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&dump, "INSERT INTO `node__body` VALUES ")
		for j := range 1000 {
			if j > 0 {
				dump.WriteByte(',')
			}
			fmt.Fprintf(&dump, "('article',0,%d,%d,'en',0,'<p>It\\'s a fine day in %d; the lorem \\\"ipsum\\\" dolor sit amet consectetur.</p>\\n','',NULL)", i, j, i*j)
		}
		dump.WriteString(";\n")
	}
	b.SetBytes(int64(dump.Len()))
	for b.Loop() {
		splitter := NewSplitter(bytes.NewReader(dump.Bytes()), MySQL)
		for {
			if _, err := splitter.Next(); err != nil {
				break
			}
		}
	}
}
