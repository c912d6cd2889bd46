package load

import (
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// A dump may name databases: pg_dump --create its own, and pg_dumpall all of the server, of which most have no content.

// command skips a psql command; \connect names a database.
func (l *Load) command(line string) {
	verb, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
	if verb != `\connect` && verb != `\c` {
		return
	}
	if name := connected(arguments); name != "" {
		l.entered = name
	}
}

// connected reads the database in the arguments of \connect, as pg_dump writes them: a name, or -reuse-previous=on and a connection string.
func connected(arguments string) string {
	begin, end := strings.IndexByte(arguments, '"'), strings.LastIndexByte(arguments, '"')
	if begin < 0 || begin == end {
		words := strings.Fields(arguments)
		if len(words) == 0 {
			return ""
		}
		return words[len(words)-1]
	}
	name := strings.ReplaceAll(arguments[begin+1:end], `""`, `"`)
	value, is := strings.CutPrefix(name, "dbname=")
	if !is {
		return name
	}
	value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(value)
}

// fills notes that the dump has content for the database that it has named last, and refuses that of a second one.
func (l *Load) fills() error {
	switch l.entered {
	case "", l.database:
		return nil
	}
	if l.database != "" {
		return &target.SeveralDatabasesError{First: l.database, Second: l.entered}
	}
	l.database = l.entered
	return nil
}
