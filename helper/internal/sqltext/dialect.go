// Package sqltext splits the text of SQL dumps into statements, rows and the lines that only a client program understands. It knows
// the texts of mysqldump, mariadb-dump and pg_dump, and needs no database.
//
// It never searches in text that may be data: a scanner passes every byte and knows whether it is in a string, a name, a comment
// or a row. It changes nothing by itself.
package sqltext

import (
	"bytes"
	"regexp"
)

// Dialect is the language of a dump.
type Dialect int

// The dialects. MariaDB's is MySQL.
const (
	MySQL Dialect = iota
	Postgres
)

// String returns the dialect's usual name.
func (d Dialect) String() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "MySQL"
}

// EnginePostgres is the name of PostgreSQL in sources and indexes. All other engines use the dialect MySQL.
const EnginePostgres = "postgres"

// DialectOf returns the dialect of an engine's dumps.
func DialectOf(engine string) Dialect {
	if engine == EnginePostgres {
		return Postgres
	}
	return MySQL
}

// Detect recognizes the dialect by the first bytes of a dump; a few kilobytes are enough. The second value is false if it cannot.
func Detect(head []byte) (Dialect, bool) {
	marks := []struct {
		text    string
		dialect Dialect
	}{
		{"-- PostgreSQL database", Postgres},
		{"\\restrict ", Postgres},
		{"-- Dumped by pg_dump", Postgres},
		{"SET statement_timeout", Postgres},
		{"SET client_encoding", Postgres},
		{"standard_conforming_strings", Postgres},
		{"pg_catalog.", Postgres},
		{"Source Server Type    : PostgreSQL", Postgres},
		{`"public".`, Postgres},
		{"::regclass", Postgres},
		{"-- MySQL dump", MySQL},
		{"-- MariaDB dump", MySQL},
		{"-- mysqldump", MySQL},
		{"/*!", MySQL},
		{"/*M!", MySQL},
		{"`", MySQL},
		{"ENGINE=", MySQL},
	}
	first, found := len(head), false
	var dialect Dialect
	for _, mark := range marks {
		if at := bytes.Index(head, []byte(mark.text)); at >= 0 && at < first {
			first, dialect, found = at, mark.dialect, true
		}
	}
	if at := adminerPostgres.FindIndex(head); at != nil && at[0] < first {
		return Postgres, true
	}
	return dialect, found
}

// adminerPostgres is the beginning of Adminer's dumps of PostgreSQL.
var adminerPostgres = regexp.MustCompile(`(?m)^-- Adminer [^ ]+ PostgreSQL `)
