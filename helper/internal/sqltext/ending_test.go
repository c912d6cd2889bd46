package sqltext

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exports returns the dumps that tests/exports has made, by name.
func exports(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../../tests/exports/dumps/*.sql")
	if err != nil || len(paths) < 15 {
		t.Fatal(paths, err)
	}
	dumps := map[string][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dumps[filepath.Base(path)] = text
	}
	return dumps
}

// endless are those exports that have no end by which one could know them.
var endless = []string{"mariadb-dump-compact.sql", "phpmyadmin-text.sql"}

func read(text []byte, each func(Piece)) (Stats, error) {
	dialect, _ := Detect(text[:min(len(text), 4096)])
	splitter := NewSplitter(bytes.NewReader(text), dialect)
	for {
		piece, err := splitter.Next()
		if err == io.EOF {
			return splitter.Stats(), nil
		}
		if err != nil {
			return splitter.Stats(), err
		}
		if each != nil {
			each(piece)
		}
	}
}

func TestEndOfExports(t *testing.T) {
	for name, text := range exports(t) {
		if dialect, _ := Detect(text[:min(len(text), 4096)]); (dialect == Postgres) != (strings.Contains(name, "postgres") || strings.HasPrefix(name, "pg_")) {
			t.Errorf("%s is taken for one of %s", name, dialect)
		}
		stats, err := read(text, nil)
		if err != nil || stats.Missing != "" || stats.Complete == slices.Contains(endless, name) {
			t.Errorf("%s: %v, complete %v, %q", name, err, stats.Complete, stats.Missing)
		}
	}
}

// TestCutExports cuts each export between any two statements, and at a few hundred bytes. No part of it passes for whole,
// and where the tool has an end, each that lacks rows or definitions is known to be cut off.
func TestCutExports(t *testing.T) {
	for name, text := range exports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cutExport(t, name, text)
		})
	}
}

func cutExport(t *testing.T, name string, text []byte) {
	random := rand.New(rand.NewPCG(1, uint64(len(text))))
	var cuts []int
	var content int // where the last statement ends that is more than a setting
	if _, err := read(text, func(piece Piece) {
		cuts = append(cuts, int(piece.Offset))
		if piece.Kind != Filler && piece.Kind != Command && !bytes.Contains(piece.Text, []byte("SET ")) {
			content = int(piece.Offset) + len(piece.Raw)
		}
	}); err != nil {
		t.Fatal(name, err)
	}
	for range 60 {
		cuts = append(cuts, random.IntN(len(text)))
	}
	var refused, noted int
	for _, cut := range cuts {
		stats, err := read(text[:cut], nil)
		switch {
		case err != nil, stats.Missing != "", len(stats.Tables) == 0:
			refused++
		case !stats.Complete:
			noted++
			if cut < content && !slices.Contains(endless, name) {
				t.Errorf("%s, cut at byte %d, passes with a note: …%q", name, cut, text[max(0, cut-60):cut])
			}
		default:
			if _, err := read(text[cut:], func(piece Piece) {
				if piece.Kind == Statement || piece.Kind == Rows || piece.Kind == CopyRows {
					t.Errorf("%s, cut at byte %d, passes for whole; it lacks %q", name, cut, piece.Text)
				}
			}); err != nil && cut < content {
				t.Errorf("%s, cut at byte %d, passes for whole", name, cut)
			}
		}
	}
	t.Logf("%s: %d cuts refused, %d noted", name, refused, noted)
}

const (
	oldSettings = "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n" +
		"/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n" +
		"/*!40101 SET @OLD_SQL_MODE='NO_AUTO_VALUE_ON_ZERO', SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n"
	putBack = "/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;\n" +
		"/*!40014 SET FOREIGN_KEY_CHECKS=IF(@OLD_FOREIGN_KEY_CHECKS IS NULL, 1, @OLD_FOREIGN_KEY_CHECKS) */;\n" +
		"/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n"
	twoTables = "CREATE TABLE a (id int, KEY (id)); INSERT INTO a VALUES (1);\nCREATE TABLE b (id int, KEY (id)); INSERT INTO b VALUES (1);\n"
)

// TestEndings has the heads and ends of tools that are not among the exports, and what dumps open and close.
func TestEndings(t *testing.T) {
	for _, test := range []struct {
		name, head, body, end string
		dialect               Dialect
		missing               string // what is missing without the end; "" if the text does not show it
		whole                 bool   // with the end, it is known to be whole
	}{
		{name: "HeidiSQL", head: "-- HeidiSQL Version:             12.3.0.6589\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "an old HeidiSQL on Windows", head: "\xEF\xBB\xBF# HeidiSQL Dump \r\n#\r\n" + strings.ReplaceAll(oldSettings, "\n", "\r\n"),
			end:     strings.ReplaceAll(putBack, "\n", "\r\n"),
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "Sequel Ace", head: "# *****\n# Sequel Ace SQL dump\n# Version 20096\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "TablePlus", head: "-- TablePlus 6.7.2(638)\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "TablePlus of PostgreSQL", head: "-- TablePlus 6.7.2(638)\n", dialect: Postgres},
		{name: "SQLyog", head: "/*\nSQLyog Ultimate v12.09 (64 bit)\nMySQL - 5.7.17 : Database - sells\n*/\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "dbForge Studio", head: "--\n-- Script was generated by Devart dbForge Studio 2019 for MySQL\n--\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "UpdraftPlus", head: "# WordPress MySQL database backup\n# Created by UpdraftPlus version 1.16.20\n" + oldSettings +
			"/*!40101 SET foreign_key_checks = 0 */;\n", end: putBack, missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "BackWPup", head: "-- Backup with BackWPup ver.: 3.4.4\n" + oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "an unknown tool that saves settings", head: oldSettings, end: putBack,
			missing: "it saves a setting in @OLD_CHARACTER_SET_CLIENT and never puts it back", whole: true},
		{name: "mysqlpump", head: "-- Dump created by MySQL pump utility, version: 8.0.30, Linux (x86_64)\n" + oldSettings,
			end: putBack + "-- Dump end time: Thu Apr 23 18:45:21 2020\n", missing: "the line by which dumps of mysqlpump end is missing", whole: true},
		{name: "mysqldump-php", head: "-- mysqldump-php https://github.com/ifsnop/mysqldump-php\n" + oldSettings,
			end: putBack + "-- Dump completed on: Mon, 03 May 2021\n", missing: "the line by which dumps of mysqldump-php end is missing", whole: true},
		{name: "MySQLDumper", head: "-- Status:2:2:MP_0:shop:php:1.24.4\n-- Dump by MySQLDumper 1.24.4 (http://mysqldumper.net)\nSET FOREIGN_KEY_CHECKS=0;\n",
			end: "SET FOREIGN_KEY_CHECKS=1;\n-- EOB\n", missing: "the line by which dumps of MySQLDumper end is missing", whole: true},
		{name: "Duplicator", head: "/* DUPLICATOR-LITE (PHP BUILD MODE) MYSQL SCRIPT CREATED ON : 2020-10-26 08:15:38 */\n" +
			"/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\nSET FOREIGN_KEY_CHECKS = 0;\n",
			end:     "SET FOREIGN_KEY_CHECKS = 1;\n\n/* Duplicator WordPress Timestamp: 2017-03-13 02:46:32*/\n/* DUPLICATOR_MYSQLDUMP_EOF */\n",
			missing: "the line by which dumps of Duplicator end is missing", whole: true},
		{name: "Navicat", head: "/*\n Navicat Premium Dump SQL\n\n Source Server Type    : MySQL\n*/\n\nSET NAMES utf8mb4;\nSET FOREIGN_KEY_CHECKS = 0;\n",
			end: "SET FOREIGN_KEY_CHECKS = 1;\n", missing: "it turns FOREIGN_KEY_CHECKS off and never on again", whole: true},
		{name: "Navicat within a table", head: "/*\n Navicat Premium Dump SQL\n\n Source Server Type    : MySQL\n*/\nSET FOREIGN_KEY_CHECKS = 0;\n",
			body: "CREATE TABLE c (id int);\nBEGIN;\nINSERT INTO c VALUES (1);\n", end: "COMMIT;\nSET FOREIGN_KEY_CHECKS = 1;\n",
			missing: "it begins a transaction and never commits it", whole: true},
		{name: "an old Navicat", head: "/*\nNavicat MySQL Data Transfer\n\nSource Server Version : 50717\n*/\n\nSET FOREIGN_KEY_CHECKS=0;\n"},
		{name: "Navicat of PostgreSQL", head: "/*\n Navicat Premium Dump SQL\n\n Source Server Type    : PostgreSQL\n*/\n", dialect: Postgres},
		{name: "WP Migrate", head: "# WordPress MySQL database migration\n#\n/*!40101 SET NAMES utf8mb4 */;\nSET sql_mode='NO_AUTO_VALUE_ON_ZERO';\n"},
		{name: "checks turned off by nobody in particular", head: "SET foreign_key_checks = 0;\n"},
		{name: "a newer Adminer", head: "-- Adminer 5.4.1 MySQL 8.0.43 dump\n", end: "-- 2026-11-29 12:00:00 UTC\n",
			missing: "the line by which dumps of Adminer end is missing", whole: true},
		{name: "phpMyAdmin 3", head: "-- phpMyAdmin SQL Dump\n-- version 3.5.5\nSET AUTOCOMMIT=0;\nSTART TRANSACTION;\n", end: "COMMIT;\n",
			missing: "it begins a transaction and never commits it", whole: true},
		{name: "phpMyAdmin's keys", head: "-- phpMyAdmin SQL Dump\n", body: "CREATE TABLE `c` (`keys` int); CREATE TABLE d (id int);",
			end: "ALTER TABLE d ADD KEY (id);", missing: ""},
		{name: "tables that stay locked", body: "LOCK TABLES `a` WRITE;\n", end: "UNLOCK TABLES;\n", missing: "it locks tables and never unlocks them"},
		{name: "keys that stay disabled", body: "/*!40000 ALTER TABLE `a` DISABLE KEYS */;\n", end: "/*!40000 ALTER TABLE `a` ENABLE KEYS */;\n",
			missing: "it disables the keys of table a and never enables them"},
		{name: "triggers that stay disabled", dialect: Postgres, body: "ALTER TABLE ONLY public.a DISABLE TRIGGER ALL;\n", end: "ALTER TABLE public.a ENABLE TRIGGER ALL;\n",
			missing: "it disables the triggers of table public.a and never enables them"},
		{name: "a delimiter", body: "DELIMITER $$\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @a=1; END $$\n", end: "DELIMITER ;\n",
			missing: "it sets the delimiter to $$ and never sets it back"},
		{name: "a transaction of PostgreSQL", head: "BEGIN;\n", dialect: Postgres, end: "END;\n", missing: "it begins a transaction and never commits it"},
		{name: "autocommit", head: "SET autocommit = 0;\n", end: "COMMIT;\n", missing: "it begins a transaction and never commits it"},
		{name: "a restricted psql", dialect: Postgres, head: "\\restrict abc\n", end: "\\unrestrict abc\n",
			missing: `it begins with \restrict and never comes to \unrestrict`},
		{name: "settings of one table", body: "/*!40101 SET @saved_cs_client = @@character_set_client */;\n", end: "/*!40101 SET character_set_client = @saved_cs_client */;\n",
			missing: "it saves a setting in @SAVED_CS_CLIENT and never puts it back"},
		{name: "a dump behind one that is cut off", body: "", head: "-- MySQL dump 10.13\n" + twoTables + "-- MySQL dump 10.13\n", end: "-- Dump completed\n",
			missing: "the line by which dumps of mysqldump end is missing, and another dump follows"},
		{name: "two dumps", head: "-- MySQL dump 10.13\n" + twoTables + "-- Dump completed\n-- MySQL dump 10.13\n", end: "-- Dump completed\n",
			missing: "the line by which dumps of mysqldump end is missing", whole: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := test.body
			if body == "" {
				body = twoTables
			}
			cut, whole := test.head+body, test.head+body+test.end
			check := func(text, missing string, complete bool) {
				t.Helper()
				splitter := NewSplitter(strings.NewReader(text), test.dialect)
				for {
					if _, err := splitter.Next(); err == io.EOF {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if got := splitter.Stats(); got.Missing != missing || got.Complete != complete {
					t.Errorf("%q, complete: %v", got.Missing, got.Complete)
				}
			}
			if test.end != "" && !strings.HasPrefix(test.name, "phpMyAdmin's keys") {
				check(cut, test.missing, false)
			}
			missing := ""
			if strings.HasSuffix(test.missing, "another dump follows") {
				missing = test.missing
			}
			check(whole, missing, test.whole)
		})
	}
}

// People and tools put statements behind the closing line, and some options make the tools write parts of a dump, which have one, too.
func TestBehindTheClosingLine(t *testing.T) {
	const open, closing = "--\n-- PostgreSQL database dump\n--\n", "--\n-- PostgreSQL database dump complete\n--\n"
	const table, rows, key = "CREATE TABLE public.a (id int);\n", "COPY public.a (id) FROM stdin;\n1\n\\.\n", "ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id);\n"
	const tabTable = "-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB\n" +
		"/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='' */;\n" +
		"CREATE TABLE `a` (`id` int);\n" +
		"/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n"
	const tabTrigger = "DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET new.id = 1 */;;\nDELIMITER ;\n"
	const tabPart = "it has definitions alone, as --tab writes them beside files with the rows"
	for _, test := range []struct {
		name, text string
		missing    string
		part       string
		bare       bool
		whole      bool
	}{
		{name: "a transaction around it", text: "BEGIN;\n" + open + table + rows + closing + "COMMIT;\n", whole: true},
		{name: "a byte order mark and Windows' lines", text: "\xEF\xBB\xBF" + strings.ReplaceAll(open+table+rows+closing, "\n", "\r\n"), whole: true},
		{name: "settings", text: "SET session_replication_role = replica;\n" + open + table + rows + closing + "SET session_replication_role = DEFAULT;\nRESET ALL;\nVACUUM ANALYZE;\n", whole: true},
		{name: "MySQL's", text: "SET autocommit=0;\n-- MySQL dump 10.13\n" + twoTables + "-- Dump completed on 2026-11-22\nCOMMIT;\nSET autocommit=1;\n", whole: true},
		{name: "a table", text: open + table + rows + closing + "CREATE TABLE public.b (id int);\n", missing: "the line by which dumps of pg_dump end is missing"},
		{name: "a second one that is cut off", text: open + table + rows + closing + open + "SET statement_timeout = 0;\n", missing: "the line by which dumps of pg_dump end is missing"},
		{name: "structure and rows", text: open + table + key + closing + open + rows + closing, whole: true},
		{name: "structure", text: open + table + key + closing, whole: true},
		{name: "rows alone", text: open + rows + closing, whole: true, part: "it has rows alone, and creates no table for them"},
		{name: "rows of MySQL alone", text: "-- MySQL dump 10.13\nINSERT INTO `a` VALUES (1);\n-- Dump completed\n", whole: true, part: "it has rows alone, and creates no table for them"},
		{name: "rows of nobody in particular", text: "SET NAMES utf8mb4;\nINSERT INTO `a` VALUES (1);\n", part: "it has rows alone, and creates no table for them"},
		{name: "a table of --tab", text: tabTable + "-- Dump completed on 2026-12-01\n", whole: true, part: tabPart},
		{name: "a table of --tab, and its trigger", text: tabTable + "-- Dump completed on 2026-12-01\n" + tabTrigger, part: tabPart},
		{name: "all tables of --tab", text: tabTable + "-- Dump completed on 2026-12-01\n" + tabTrigger + tabTable + "-- Dump completed on 2026-12-01\n", whole: true, part: tabPart},
		{name: "half a table of --tab", text: tabTable, missing: "the line by which dumps of mariadb-dump end is missing", part: tabPart},
		{name: "mariadb-dump --no-data", text: "-- MariaDB dump 10.19\n" + oldSettings + "CREATE TABLE a (id int);\n" + putBack + "-- Dump completed\n", whole: true},
		{name: "pre-data", text: open + table + closing, whole: true, bare: true},
	} {
		dialect, _ := Detect([]byte(test.text))
		splitter := NewSplitter(strings.NewReader(test.text), dialect)
		for {
			if _, err := splitter.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		if got := splitter.Stats(); got.Missing != test.missing || got.Complete != test.whole || got.Part != test.part || got.Bare != test.bare {
			t.Errorf("%s: missing %q, part %q, complete: %v, bare: %v", test.name, got.Missing, got.Part, got.Complete, got.Bare)
		}
	}
}

// HeidiSQL writes its opening line in the language of its user.
func TestHeidiSQLInAnyLanguage(t *testing.T) {
	for _, text := range []string{"# HeidiSQL Dump \n", "-- HeidiSQL Version:             12.3.0.6589\n", "-- HeidiSQL Versión:             12.6.0.6765\n", "-- HeidiSQL Версия:              12.6.0.6765\n"} {
		if stats, err := read([]byte(text+twoTables), nil); err != nil || stats.Tool != "HeidiSQL" {
			t.Errorf("%q is taken for one of %q: %v", text, stats.Tool, err)
		}
	}
}
