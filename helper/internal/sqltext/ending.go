package sqltext

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// ending finds out whether a dump is complete. The dumps of some tools have a closing line. For those of others it counts what they
// open at the beginning and close at the end: saved variables, a transaction, checks that are off. A dump must also close
// everything else that it opens: locked tables, disabled keys, a delimiter.
type ending struct {
	dialect Dialect
	tool    *tool  // the tool that signed the dump; nil if none or an unknown one did
	signed  string // the line by which the tool signed
	closed  bool   // the last thing that was read is its closing line
	once    bool   // its closing line has been read
	earlier string // what an earlier dump in the same text lacks
	begun   bool   // a table has been created or filled
	defines bool   // something has been created that may hold rows or lead to tables
	filled  bool   // rows have come
	keyed   bool   // a constraint or an index has been added

	saved    map[string]bool // variables in which settings are saved, in capitals; true if saved at the beginning
	restored bool            // one that was saved at the beginning has been restored, and no rows or tables followed
	off      map[string]bool // settings that are off; the value is as above
	on       bool            // one of these has been turned on again; as above

	transaction, outer bool              // one has begun; it began at the beginning
	committed          bool              // that one has been committed, and no rows or tables followed
	disabled           map[string]string // what is disabled, by table
	locked             bool
	delimiter          string // "" for the default
	restricted         bool   // psql is restricted, by \restrict

	tables, keys int // tables created, and keys created with them or added

	keepsMode   bool // the setting sql_mode has been saved
	keepsChecks bool // the setting foreign_key_checks has been saved
}

func newEnding(dialect Dialect) ending {
	return ending{dialect: dialect, saved: map[string]bool{}, off: map[string]bool{}, disabled: map[string]string{}}
}

// comment reads comments and blank lines.
func (e *ending) comment(text []byte) {
	if !bytes.ContainsAny(text, "-#*") {
		return
	}
	for raw := range bytes.Lines(text) {
		text := commentLine(raw)
		switch {
		case len(text) == 0:
		case e.closes(text):
			e.closed, e.once = true, true
		default:
			if opened := toolThatOpens(text); opened != nil {
				e.sign(opened, bytes.TrimSpace(raw))
			}
		}
	}
}

// closes reports whether a line is the tool's closing one. Without a tool it must be that of a dump whose head was removed on purpose.
func (e *ending) closes(text []byte) bool {
	if e.tool != nil {
		return e.tool.closes != nil && e.tool.closes.Match(text)
	}
	return completed.Match(text) || bytes.HasPrefix(text, []byte("PostgreSQL database dump complete"))
}

// sign records a tool's opening line.
func (e *ending) sign(opened *tool, signed []byte) {
	inside := e.tool != nil && !e.closed && e.tool.closes != nil && !(e.once && e.isOfTab())
	switch {
	case inside && (!e.begun || slices.Contains(e.tool.wraps, opened.name)):
		return // the outer one's closing line comes last
	case inside && e.earlier == "":
		e.earlier = e.missing() + ", and another dump follows"
	}
	e.tool, e.signed, e.closed, e.once = opened, string(signed), false, false
}

// command handles a line for the client.
func (e *ending) command(text []byte) {
	words := strings.Fields(string(text))
	switch {
	case len(words) == 0:
	case words[0] == `\restrict`:
		e.restricted = true
	case words[0] == `\unrestrict`:
		e.restricted = false
	case strings.EqualFold(words[0], "DELIMITER") && len(words) > 1:
		e.delimiter = words[1]
		if e.delimiter == ";" {
			e.delimiter = ""
		}
	}
}

// rows records that rows follow.
func (e *ending) rows() {
	e.content()
	e.begun, e.filled = true, true
}

// content records that the dump continues.
func (e *ending) content() { e.closed, e.restored, e.on, e.committed = false, false, false, false }

// statement handles a statement that is not about rows.
func (e *ending) statement(text []byte) {
	first := NextToken(text, 0, e.dialect)
	second := NextToken(text, first.End, e.dialect)
	e.closed = e.closed && slices.ContainsFunc(afterwards, func(word string) bool { return first.Is(text, word) })
	e.defines = e.defines || first.Is(text, "CREATE") && !second.Is(text, "DATABASE") && !second.Is(text, "SCHEMA") && !second.Is(text, "ROLE")
	switch {
	case first.Is(text, "RESET"), first.Is(text, "ANALYZE"), first.Is(text, "VACUUM"):
	case first.Is(text, "SET"):
		e.set(text, first.End)
	case first.Is(text, "START") && second.Is(text, "TRANSACTION"), first.Is(text, "BEGIN") && !second.Is(text, "NOT"):
		e.transaction, e.outer = true, e.outer || !e.begun
	case first.Is(text, "COMMIT"), first.Is(text, "ROLLBACK"), first.Is(text, "END"):
		e.committed = e.committed || e.transaction && e.outer
		e.transaction, e.outer = false, false
	case first.Is(text, "LOCK") && e.dialect == MySQL:
		e.locked = true
	case first.Is(text, "UNLOCK"):
		e.locked = false
	case first.Is(text, "ALTER"):
		e.alter(text, second)
	case first.Is(text, "CREATE") && second.Is(text, "TABLE"):
		e.content()
		e.begun = true
		e.tables++
		e.countKeys(text, second.End)
	default:
		e.keyed = e.keyed || first.Is(text, "CREATE") && (second.Is(text, "INDEX") || second.Is(text, "UNIQUE"))
		e.content()
	}
}

// afterwards are the words that begin statements which people and tools put behind a tool's closing line.
var afterwards = []string{"SET", "RESET", "COMMIT", "END", "UNLOCK", "ANALYZE", "VACUUM"}

// alter handles ALTER TABLE.
func (e *ending) alter(text []byte, kind Token) {
	parts, _, end := QualifiedName(text, kind.End, e.dialect)
	if kind.Is(text, "TABLE") && NextToken(text, kind.End, e.dialect).Is(text, "ONLY") {
		parts, _, end = QualifiedName(text, NextToken(text, kind.End, e.dialect).End, e.dialect)
	}
	if !kind.Is(text, "TABLE") || len(parts) == 0 {
		e.content()
		return
	}
	table := tableName(parts, e.dialect)
	verb := NextToken(text, end, e.dialect)
	what := NextToken(text, verb.End, e.dialect)
	thing := map[bool]string{what.Is(text, "KEYS"): "keys", what.Is(text, "TRIGGER"): "triggers"}[true]
	switch {
	case thing != "" && verb.Is(text, "DISABLE") && len(e.disabled) < mostVariables && len(table) <= longestVariable:
		e.disabled[table] = thing
	case thing != "" && verb.Is(text, "ENABLE"):
		delete(e.disabled, table)
	default:
		e.keyed = e.keyed || verb.Is(text, "ADD")
		e.content()
		e.countKeys(text, end)
	}
}

// countKeys counts the keys that a statement creates after an offset, if the number means something.
func (e *ending) countKeys(text []byte, at int) {
	if e.tool == nil || !e.tool.keysLast {
		return
	}
	for token := NextToken(text, at, e.dialect); token.Kind != End; token = NextToken(text, token.End, e.dialect) {
		if token.Is(text, "KEY") {
			e.keys++
		}
	}
}

// missing returns what the dump has opened and not closed; "" if nothing shows that it is cut off.
func (e *ending) missing() string {
	switch {
	case e.earlier != "":
		return e.earlier
	case e.closed:
		return ""
	case e.isOfTab() && e.once: // triggers come behind the closing line
		return ""
	case e.tool != nil && e.tool.closes != nil:
		return "the line by which dumps of " + e.tool.name + " end is missing"
	case e.delimiter != "":
		return "it sets the delimiter to " + e.delimiter + " and never sets it back"
	case e.transaction:
		return "it begins a transaction and never commits it"
	case e.locked:
		return "it locks tables and never unlocks them"
	case len(e.disabled) > 0:
		table := least(e.disabled)
		return fmt.Sprintf("it disables the %s of table %s and never enables them", e.disabled[table], table)
	case len(e.saved) > 0 && !e.restored:
		return "it saves a setting in @" + least(e.saved) + " and never puts it back"
	case e.restricted:
		return `it begins with \restrict and never comes to \unrestrict`
	case len(e.off) > 0 && e.tool != nil && e.tool.checks:
		return "it turns " + least(e.off) + " off and never on again"
	case e.tables > 1 && e.keys == 0 && e.tool != nil && e.tool.keysLast:
		return "its tables have no keys, which " + e.tool.name + " adds at the end"
	}
	return ""
}

// part says which part of a dump this is; "" if it is none.
func (e *ending) part() string {
	switch {
	case e.filled && !e.defines:
		return "it has rows alone, and creates no table for them"
	case e.isOfTab():
		return "it has definitions alone, as --tab writes them beside files with the rows"
	}
	return ""
}

// isOfTab reports whether this is what mysqldump or mariadb-dump writes with --tab. Only there the client saves sql_mode and not
// foreign_key_checks.
func (e *ending) isOfTab() bool {
	return e.tool != nil && e.tool.tab && e.keepsMode && !e.keepsChecks && !e.filled && e.defines
}

// bare reports whether this is what pg_dump --section=pre-data writes, or pg_dump --schema-only of tables that have no keys.
func (e *ending) bare() bool {
	return e.tool != nil && e.tool.parts && e.dialect == Postgres && e.tables > 0 && !e.filled && !e.keyed
}

// whole reports whether the dump has ended in a way that is known to be the tool's.
func (e *ending) whole() bool {
	switch {
	case e.missing() != "":
		return false
	case e.closed:
		return true
	case len(e.saved) > 0:
		return false // it ends within its last lines: no rows or tables are lost, but not every tool is known to end so
	}
	return e.restored || e.tool != nil && (e.tool.checks && e.on && len(e.off) == 0 || e.tool.commits && e.committed)
}

// least returns the first key in alphabetical order.
func least[V any](of map[string]V) (first string) {
	for key := range of {
		if first == "" || key < first {
			first = key
		}
	}
	return first
}
