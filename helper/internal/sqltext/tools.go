package sqltext

import (
	"bytes"
	"regexp"
)

// tool is a program that writes dumps. Comments in its dumps identify it.
type tool struct {
	name string
	// opens matches the line that opens its dumps.
	opens *regexp.Regexp
	// closes matches the line that closes them; nil if it writes none, or not always.
	closes *regexp.Regexp
	// checks means that it turns foreign_key_checks off at the beginning, if at all, and on at the end. Other tools leave it off.
	checks bool
	// commits means that a transaction that begins at the beginning ends at the end. With other tools it may be one table's.
	commits bool
	// keysLast means that it creates tables without keys and adds these at the end.
	keysLast bool
	// parts means that options make it write a part of a dump, which ends as a whole one does. tab means that one of them is --tab.
	parts, tab bool
	// wraps are the tools whose dumps its own may contain.
	wraps []string
}

// line matches the beginning of a comment's line, without the comment's mark.
func line(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)`) }

// completed matches the closing line of mysqldump and its imitators.
var completed = line(`Dump completed`)

var tools = []*tool{
	{name: "dump-helper", opens: line(`dump-helper dump`), closes: line(`Dump completed|PostgreSQL database dump complete`)},
	{name: "mysqldump", opens: line(`MySQL dump `), closes: completed, parts: true, tab: true},
	{name: "mariadb-dump", opens: line(`MariaDB dump `), closes: completed, parts: true, tab: true},
	{name: "mysqldump-php", opens: line(`mysqldump-php `), closes: completed},
	{name: "mysqlpump", opens: line(`Dump created by MySQL pump utility`), closes: line(`Dump end time`)},
	{name: "pg_dump", opens: line(`PostgreSQL database dump$`), closes: line(`PostgreSQL database dump complete`), parts: true},
	{name: "pg_dumpall", opens: line(`PostgreSQL database cluster dump$`), closes: line(`PostgreSQL database cluster dump complete`), parts: true, wraps: []string{"pg_dump"}},
	{name: "Adminer", opens: line(`Adminer [0-9].* dump$`), closes: line(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}`)},
	{name: "MySQLDumper", opens: line(`Dump by MySQLDumper`), closes: line(`EOB`)},
	{name: "Duplicator", opens: line(`DUPLICATOR.* MYSQL SCRIPT CREATED ON`), closes: line(`DUPLICATOR_MYSQLDUMP_EOF`), wraps: []string{"mysqldump", "mariadb-dump"}},
	{name: "phpMyAdmin", opens: line(`phpMyAdmin SQL Dump`), checks: true, commits: true, keysLast: true},
	{name: "HeidiSQL", opens: line(`HeidiSQL (?:Dump|\S+:)`)},
	{name: "Sequel Ace", opens: line(`Sequel (?:Ace|Pro) SQL dump`)},
	{name: "TablePlus", opens: line(`TablePlus [0-9]`)},
	{name: "Navicat", opens: line(`Navicat .*(?:Data Transfer|Dump SQL)`)},
	{name: "Navicat", opens: line(`Source Server Type +:`), checks: true}, // newer versions, which turn the checks on again
	{name: "SQLyog", opens: line(`SQLyog `)},
	{name: "dbForge Studio", opens: line(`.*Devart dbForge Studio`)},
	{name: "UpdraftPlus", opens: line(`Created by UpdraftPlus version`)},
	{name: "BackWPup", opens: line(`Backup with BackWPup`)},
	{name: "Backup and Migrate", opens: line(`Backup and Migrate \(Drupal\)`)},
	{name: "WP Migrate", opens: line(`WordPress MySQL database migration`)},
}

// toolThatOpens returns the tool that opens its dumps with a line; nil if there is none.
func toolThatOpens(text []byte) *tool {
	for _, t := range tools {
		if t.opens.Match(text) {
			return t
		}
	}
	return nil
}

// commentLine removes the marks of a comment from a line.
func commentLine(text []byte) []byte {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, byteOrderMark))
	for _, mark := range []string{"--", "#", "/*"} {
		if rest, found := bytes.CutPrefix(text, []byte(mark)); found {
			text = rest
			break
		}
	}
	return bytes.TrimSpace(bytes.TrimSuffix(text, []byte("*/")))
}
