// Package sqltext takes the text of SQL dumps apart: into statements, rows and the lines that only a
// client program understands. It knows the texts of mysqldump, mariadb-dump and pg_dump, and no
// database.
//
// Nothing here rewrites anything, and nothing is found by searching in text that may be data: every
// byte is passed by a scanner that knows whether it stands in a string, a name, a comment or a row.
package sqltext

import (
	"bytes"
	"regexp"
)

// Dialect is the language of a dump.
type Dialect int

// The dialects. MySQL is MariaDB's too.
const (
	MySQL Dialect = iota
	Postgres
)

// String gives the dialect's usual name.
func (d Dialect) String() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "MySQL"
}

// EnginePostgres is how sources and indexes name PostgreSQL; every other engine speaks MySQL.
const EnginePostgres = "postgres"

// DialectOf gives the dialect of an engine's dumps.
func DialectOf(engine string) Dialect {
	if engine == EnginePostgres {
		return Postgres
	}
	return MySQL
}

// Detect tells the dialect from the first bytes of a dump; a few kilobytes are plenty. The second
// value is false where nothing tells.
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

// adminerPostgres is how Adminer opens its dumps of PostgreSQL.
var adminerPostgres = regexp.MustCompile(`(?m)^-- Adminer [^ ]+ PostgreSQL `)
