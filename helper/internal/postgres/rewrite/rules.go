package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

// rules are what PostgreSQL has learned, by the first version that knows it. What is left out of a statement, or replaced by
// something that is not the same, is told.
var rules = []rule{
	{18, virtualColumns},
	{18, namedNotNull},
	{18, notEnforced},
	{18, overPeriods},
	{16, collationRules},
	{15, nullsNotDistinct},
	{15, someColumnsToNull},
	{15, unloggedSequence},
	{15, numericScale},
	{14, compression},
	{14, atomicBody},
	{14, multirangeName},
	{14, statisticsOfExpressions},
	{13, operatorClassOptions},
	{13, statisticsTarget},
	{13, triggersOfPartitioned},
	{12, generatedColumns},
	{12, nondeterministic},
	{12, materializedQueries},
	{12, commonValues},
	{11, executeFunction},
	{11, includedColumns},
	{11, procedures},
	{11, indexColumns},
	{Newest, functions},
	{Newest, options},
}

// virtualColumns has columns stored that would be computed when they are read: their values are the same.
func virtualColumns(s *statement) {
	if !s.Begins("CREATE") || s.rewriter.server < 12 {
		return
	}
	for i := s.Find(0, 1, "GENERATED", "ALWAYS", "AS", "("); i > 0; i = s.Find(i+1, 1, "GENERATED", "ALWAYS", "AS", "(") {
		switch end := s.closing(i + 3); {
		case s.Is(end+1, "STORED"):
			continue
		case s.Is(end+1, "VIRTUAL"):
			s.replace(end+1, end+1, " STORED")
		default:
			s.edits.Replace(s.Tokens[end].End, s.Tokens[end].End, " STORED")
		}
		s.lose("virtual generated columns", "so that column "+s.column(i)+" is stored")
	}
}

// generatedColumns makes ordinary columns of generated ones. They are filled when all rows are there.
func generatedColumns(s *statement) {
	if !s.Begins("CREATE") {
		return
	}
	for i := s.Find(0, 1, "GENERATED", "ALWAYS", "AS", "("); i > 0; i = s.Find(i+1, 1, "GENERATED", "ALWAYS", "AS", "(") {
		end := s.closing(i + 3)
		if s.Is(end+1, "STORED") || s.Is(end+1, "VIRTUAL") {
			end++
		}
		s.replace(i, end, "")
		if s.Is(end+1, "NOT", "NULL") {
			s.replace(end+1, end+2, "")
		}
		s.lose("generated columns", "so that column "+s.column(i)+" stays empty")
	}
}

// column is the name of the column in whose definition token i is.
func (s *statement) column(i int) string {
	for ; i > 0; i-- {
		if s.Depths[i] == 1 && s.Is(i-1, ",") || s.Depths[i-1] == 0 && s.Is(i-1, "(") {
			return s.name(i)
		}
	}
	return ""
}

// namedNotNull turns constraints that forbid NULL and have a name, or only hold for the table itself, into properties of columns.
func namedNotNull(s *statement) {
	written, table := s.table()
	if s.Begins("CREATE") {
		s.ownNotNull(written, table)
		return
	}
	if s.Begins("COMMENT", "ON", "CONSTRAINT") {
		if at := s.Find(0, 0, "ON"); at > 0 {
			if on := s.Find(at+1, 0, "ON"); on > 0 && s.rewriter.gone[[2]string{s.qualified(s.skip(on+1, "ONLY")), s.name(3)}] {
				s.leftOut = true // it is told of the constraint
			}
		}
		return
	}
	i := s.Find(0, 0, "ADD", "CONSTRAINT")
	if !s.Begins("ALTER", "TABLE") || i < 0 || !s.Is(i+3, "NOT", "NULL") || !s.IsName(i+5) {
		return
	}
	s.rewriter.gone[[2]string{table, s.name(i + 2)}] = true
	if s.Find(i, 0, "NOT", "VALID") > 0 {
		s.leaveOut("NOT NULL … NOT VALID")
		return
	}
	s.replace(i, len(s.Tokens)-1, " ALTER COLUMN "+s.raw(i+5, i+5)+" SET NOT NULL")
}

// ownNotNull is namedNotNull for CREATE TABLE.
func (s *statement) ownNotNull(written, table string) {
	opens := s.Find(0, 0, "(")
	if !s.Begins("CREATE") || s.Find(0, 0, "TABLE") < 0 || opens < 0 {
		return
	}
	for _, item := range s.items(opens) {
		start := item[0]
		if s.Is(start, "CONSTRAINT") {
			start += 2
		}
		if s.Is(start, "NOT", "NULL") && s.IsName(start+2) { // a column's constraint has no column behind it
			if start > item[0] {
				s.rewriter.gone[[2]string{table, s.name(start - 1)}] = true
			}
			s.more = append(s.more, []byte("ALTER TABLE "+written+" ALTER COLUMN "+s.raw(start+2, start+2)+" SET NOT NULL"))
			s.removeItem(opens, item)
			continue
		}
		for i := item[0]; i <= item[1]; i++ {
			if s.Depths[i] != 1 {
				continue
			}
			if s.Is(i, "CONSTRAINT") && s.Is(i+2, "NOT", "NULL") {
				s.rewriter.gone[[2]string{table, s.name(i + 1)}] = true
			}
			if s.Is(i, "NOT", "NULL", "NO", "INHERIT") {
				s.replace(i+2, i+3, "")
			}
		}
	}
}

// notEnforced leaves out constraints that nothing enforces.
func notEnforced(s *statement) {
	if s.Begins("ALTER", "TABLE") {
		if s.Find(0, 0, "NOT", "ENFORCED") > 0 {
			s.rewriter.gone[[2]string{s.tableName(), s.constraint()}] = true
			s.leaveOut("NOT ENFORCED of constraint " + s.constraint())
		}
		return
	}
	opens := s.Find(0, 0, "(")
	if !s.Begins("CREATE") || s.Find(0, 0, "TABLE") < 0 || opens < 0 {
		return
	}
	for _, item := range s.items(opens) {
		at := s.Find(item[0], 1, "NOT", "ENFORCED")
		if at < 0 || at > item[1] || !s.Is(item[0], "CONSTRAINT") {
			continue
		}
		name := s.name(item[0] + 1)
		s.rewriter.gone[[2]string{s.tableName(), name}] = true
		s.lose("NOT ENFORCED", "so that constraint "+name+" is left out")
		s.removeItem(opens, item)
	}
}

func (s *statement) tableName() string {
	_, name := s.table()
	return name
}

// constraint is the name of the constraint that the statement adds.
func (s *statement) constraint() string {
	if i := s.Find(0, 0, "ADD", "CONSTRAINT"); i > 0 && s.IsName(i+2) {
		return s.name(i + 2)
	}
	return ""
}

// overPeriods turns keys WITHOUT OVERLAPS into exclusion constraints, which hold the same, and leaves out foreign keys over a PERIOD.
func overPeriods(s *statement) {
	if !s.Begins("ALTER", "TABLE") {
		return
	}
	if i := s.Find(0, 0, "FOREIGN", "KEY", "("); i > 0 {
		for _, item := range s.items(i + 2) {
			if s.Is(item[0], "PERIOD") && item[1] > item[0] {
				s.leaveOut("PERIOD in foreign key " + s.constraint())
				return
			}
		}
		return
	}
	i := s.Find(0, 0, "PRIMARY", "KEY", "(")
	opens := i + 2
	if i < 0 {
		if i = s.Find(0, 0, "UNIQUE", "("); i < 0 {
			return
		}
		opens = i + 1
	}
	items := s.items(opens)
	if len(items) == 0 {
		return
	}
	last := items[len(items)-1]
	if !s.Is(last[1]-1, "WITHOUT", "OVERLAPS") {
		return
	}
	var columns []string
	for _, item := range items[:len(items)-1] {
		columns = append(columns, s.raw(item[0], item[1])+" WITH =")
	}
	columns = append(columns, s.raw(last[0], last[1]-2)+" WITH &&")
	s.replace(i, s.closing(opens), " EXCLUDE USING gist ("+strings.Join(columns, ", ")+")")
	s.lose("WITHOUT OVERLAPS", "so that "+s.constraint()+" becomes an exclusion constraint")
}

// nullsNotDistinct makes keys in which NULL is equal to NULL ordinary ones.
func nullsNotDistinct(s *statement) {
	for depth := range 2 {
		if i := s.Find(0, depth, "NULLS", "NOT", "DISTINCT"); i > 0 && !s.Begins("COMMENT") && s.Find(0, 0, "AS") < 0 {
			s.replace(i, i+2, "")
			key := s.constraint()
			if key != "" {
				key = " for " + key
			}
			s.lose("NULLS NOT DISTINCT", "which is left out"+key)
		}
	}
}

// someColumnsToNull has foreign keys empty all of their columns where they would empty some.
func someColumnsToNull(s *statement) {
	for _, action := range []string{"NULL", "DEFAULT"} {
		if i := s.Find(0, 0, "ON", "DELETE", "SET", action, "("); s.Begins("ALTER", "TABLE") && i > 0 {
			s.replace(i+4, s.closing(i+4), "")
			s.lose("ON DELETE SET "+action+" (…)", "so that foreign key "+s.constraint()+" sets all of its columns")
		}
	}
}

// unloggedSequence logs sequences as all others.
func unloggedSequence(s *statement) {
	switch {
	case s.Begins("CREATE", "UNLOGGED", "SEQUENCE"):
		s.replace(1, 1, "")
	case s.Begins("ALTER", "SEQUENCE") && (s.Find(0, 0, "SET", "LOGGED") > 0 || s.Find(0, 0, "SET", "UNLOGGED") > 0):
		s.leftOut = true
	case s.Begins("ALTER", "TABLE") && s.Find(0, 0, "IDENTITY") > 0:
		for _, word := range []string{"LOGGED", "UNLOGGED"} {
			if i := s.Find(0, 1, word); i > 0 && !s.Is(i-1, ".") && !s.Is(i-1, "NAME") {
				s.replace(i, i, "")
			}
		}
	}
}

// numericScale leaves out the precision of numbers that are rounded before the point, or that have zeros behind it.
func numericScale(s *statement) {
	for i := s.Find(0, 1, "numeric", "("); i > 0; i = s.Find(i+1, 1, "numeric", "(") {
		words := strings.FieldsFunc(s.raw(i+2, s.closing(i+1)-1), func(r rune) bool { return r == ',' || r == ' ' })
		if len(words) != 2 {
			continue
		}
		precision, err := strconv.Atoi(words[0])
		scale, failed := strconv.Atoi(words[1])
		if err != nil || failed != nil || scale >= 0 && scale <= precision {
			continue
		}
		s.replace(i+1, s.closing(i+1), "")
		s.lose(s.raw(i, s.closing(i+1)), "so that column "+s.column(i)+" takes any number")
	}
}

// compression leaves the compression of values to the server.
func compression(s *statement) {
	if s.Begins("ALTER") {
		if s.Find(0, 0, "SET", "COMPRESSION") > 0 {
			s.leaveOut("COMPRESSION")
		}
		return
	}
	opens := s.Find(0, 0, "(")
	if !s.Begins("CREATE") || s.Find(0, 0, "TABLE") < 0 || opens < 0 {
		return
	}
	for _, item := range s.items(opens) {
		for i := item[0] + 2; i < item[1]; i++ { // behind a name and a type
			if s.Depths[i] == 1 && s.Is(i, "COMPRESSION") && s.IsName(i+1) && !s.Is(i-1, ".") && !s.Is(i-1, "REFERENCES") {
				s.replace(i, i+1, "")
				s.lose("COMPRESSION", "which is left out")
			}
		}
	}
}

// atomicBody writes the body of a function as text.
func atomicBody(s *statement) {
	if !s.Begins("CREATE") || s.Find(0, 0, "FUNCTION") < 0 && s.Find(0, 0, "PROCEDURE") < 0 {
		return
	}
	last := len(s.Tokens) - 1
	if i := s.Find(0, 0, "BEGIN", "ATOMIC"); i > 0 && s.Is(last, "END") {
		s.edits.Replace(s.Tokens[i].Start, s.Tokens[last].End, "AS "+dollarQuote(string(s.Text[s.Tokens[i+1].End:s.Tokens[last].Start])))
	} else if i := s.Find(0, 0, "RETURN"); i > 0 && i < last && s.Find(0, 0, "AS") < 0 {
		s.edits.Replace(s.Tokens[i].Start, s.Tokens[last].End, "AS "+dollarQuote("SELECT "+s.raw(i+1, last)))
	}
}

// dollarQuote quotes a text that may contain quotes.
func dollarQuote(text string) string {
	tag := "$body$"
	for strings.Contains(text, tag) {
		tag = tag[:len(tag)-1] + "_$"
	}
	return tag + text + tag
}

// multirangeName leaves out the name of a type that only comes with newer ranges.
func multirangeName(s *statement) {
	opens := s.Find(0, 0, "AS", "RANGE", "(")
	if !s.Begins("CREATE", "TYPE") || opens < 0 {
		return
	}
	s.dropItem(opens+2, "multirange_type_name")
}

// dropItem removes the item that begins with a word from the list that opens at token i.
func (s *statement) dropItem(i int, word string) bool {
	for _, item := range s.items(i) {
		if s.Is(item[0], word) {
			s.removeItem(i, item)
			return true
		}
	}
	return false
}

// collationRules leaves out rules that change the order of a collation.
func collationRules(s *statement) {
	if opens := s.Find(0, 0, "("); s.Begins("CREATE", "COLLATION") && opens > 0 && s.dropItem(opens, "rules") {
		s.lose("rules of a collation", "which are left out")
	}
}

func nondeterministic(s *statement) {
	if opens := s.Find(0, 0, "("); s.Begins("CREATE", "COLLATION") && opens > 0 && s.dropItem(opens, "deterministic") {
		s.lose("collations that are not deterministic", "and makes it one that is")
	}
}

func statisticsOfExpressions(s *statement) {
	if on := s.Find(0, 0, "ON"); s.Begins("CREATE", "STATISTICS") && on > 0 && s.Find(on, 0, "(") > 0 {
		s.leaveOut("statistics of expressions")
	}
}

func statisticsTarget(s *statement) {
	s.leftOut = s.leftOut || s.Begins("ALTER", "STATISTICS") && s.Find(0, 0, "SET", "STATISTICS") > 0
}

// triggersOfPartitioned leaves out triggers of partitioned tables that act before each row.
func triggersOfPartitioned(s *statement) {
	switch {
	case s.Begins("CREATE") && s.Find(0, 0, "TABLE") > 0 && s.Find(0, 0, "PARTITION", "BY") > 0:
		s.rewriter.partitioned[s.tableName()] = true
	case s.Begins("CREATE", "TRIGGER"):
		on := s.Find(0, 0, "ON")
		if s.Find(0, 0, "BEFORE") > 0 && s.Find(0, 0, "FOR", "EACH", "ROW") > 0 && on > 0 && s.rewriter.partitioned[s.qualified(on+1)] {
			s.leaveOut("triggers of partitioned tables before each row")
		}
	}
}

// commonValues leaves out statistics of a kind. It only makes queries slower.
func commonValues(s *statement) {
	if s.Begins("CREATE", "STATISTICS") && s.Find(0, 1, "mcv") > 0 {
		s.leaveOut("statistics of the kind mcv")
	}
}

// operatorClassOptions leaves out options of operator classes, which decide how large an index is.
func operatorClassOptions(s *statement) {
	using := s.Find(0, 0, "USING")
	if !s.Begins("CREATE") || s.Find(0, 0, "INDEX") < 0 || using < 0 || !s.Is(using+2, "(") {
		return
	}
	for i := using + 3; i < s.closing(using+2); i++ {
		if s.Depths[i] == 1 && s.Is(i, "(") && s.IsName(i-1) && s.IsName(i+1) && s.Is(i+2, "=") {
			s.replace(i, s.closing(i), "")
			s.lose("options of operator classes", "which are left out")
		}
	}
}

// materializedQueries leaves out whether a query of a view is kept apart.
func materializedQueries(s *statement) {
	for i := range s.Tokens {
		switch {
		case s.Is(i, "AS", "MATERIALIZED", "("):
			s.replace(i+1, i+1, "")
		case s.Is(i, "AS", "NOT", "MATERIALIZED", "("):
			s.replace(i+1, i+2, "")
		}
	}
}

// executeFunction uses the older word for the same.
func executeFunction(s *statement) {
	if i := s.Find(0, 0, "EXECUTE", "FUNCTION"); s.Begins("CREATE") && i > 0 {
		s.edits.Replace(s.Tokens[i+1].Start, s.Tokens[i+1].End, "PROCEDURE")
	}
}

func includedColumns(s *statement) {
	if i := s.Find(0, 0, "INCLUDE", "("); i > 0 && (s.Begins("ALTER", "TABLE") || s.Find(0, 0, "INDEX") > 0) {
		s.replace(i, s.closing(i+1), "")
		s.lose("INCLUDE", "which is left out")
	}
}

func procedures(s *statement) {
	if s.Begins("CREATE", "PROCEDURE") || s.Begins("CREATE", "OR", "REPLACE", "PROCEDURE") {
		s.leaveOut("procedures")
	}
}

// indexColumns leaves out what was set for a column of an index.
func indexColumns(s *statement) {
	s.leftOut = s.leftOut || s.Begins("ALTER", "INDEX") && s.Find(0, 0, "ALTER", "COLUMN") > 0
}

// newFunctions are functions that make up values, by the first version that has them.
var newFunctions = map[string]int{"uuidv7": 18, "uuidv4": 18}

// functions leaves out defaults that call functions which the server does not have. uuidv4 has an older name.
func functions(s *statement) {
	for i := range s.Tokens {
		if !s.Is(i, "DEFAULT") || !s.IsName(i+1) || !s.Is(i+2, "(") {
			continue
		}
		function := strings.ToLower(s.name(i + 1))
		if s.since = newFunctions[function]; s.since <= s.rewriter.server {
			continue
		}
		if function == "uuidv4" && s.rewriter.server >= 13 {
			s.edits.Replace(s.Tokens[i+1].Start, s.Tokens[i+1].End, "gen_random_uuid")
			continue
		}
		what := "the function " + function
		if s.Begins("ALTER") {
			s.leaveOut(what)
			return
		}
		s.replace(i, s.closing(i+2), "")
		s.lose(what, "so that column "+s.column(i)+" has no default")
	}
}

// newOptions are options of tables, indexes and views by the first version that knows them.
var newOptions = map[string]int{
	"toast_tuple_target":   11,
	"vacuum_index_cleanup": 12, "vacuum_truncate": 12,
	"deduplicate_items": 13, "autovacuum_vacuum_insert_threshold": 13, "autovacuum_vacuum_insert_scale_factor": 13,
	"security_invoker":                15,
	"autovacuum_vacuum_max_threshold": 18, "vacuum_max_eager_freeze_failure_rate": 18,
}

// options leaves out options that the server does not know. Only that of a view changes what it does.
func options(s *statement) {
	for _, word := range []string{"WITH", "SET"} {
		for i := s.Find(0, 0, word, "("); i > 0; i = s.Find(i+1, 0, word, "(") {
			s.withoutOptions(i)
		}
	}
}

func (s *statement) withoutOptions(i int) {
	items := s.items(i + 1)
	var kept []string
	for _, item := range items {
		name := item[0]
		if s.Is(name, "toast") && s.Is(name+1, ".") {
			name += 2
		}
		if s.since = newOptions[strings.ToLower(s.name(name))]; s.since <= s.rewriter.server {
			kept = append(kept, s.raw(item[0], item[1]))
		} else if what := s.name(name); what == "security_invoker" {
			s.lose(what, "so that it reads with its owner's rights")
		}
	}
	switch {
	case len(kept) == len(items):
	case len(kept) > 0:
		s.replace(i+1, s.closing(i+1), "("+strings.Join(kept, ", ")+")")
	case s.Begins("ALTER"):
		s.leftOut = true
	default:
		s.replace(i, s.closing(i+1), "")
	}
}

// anycompatibleSince is the first version in which functions over arrays take values of other types than the array's.
const anycompatibleSince = 14

// anycompatible gives aggregates over arrays the types that their functions have since version 14.
func anycompatible(s *statement) {
	if !s.Begins("CREATE", "AGGREGATE") && !s.Begins("CREATE", "OR", "REPLACE", "AGGREGATE") {
		return
	}
	function := ""
	for i, token := range s.Tokens {
		if token.Is(s.Text, "SFUNC") && s.Is(i+1, "=") && i+2 < len(s.Tokens) {
			function = s.qualified(i + 2)
		}
	}
	if !slices.Contains([]string{"array_append", "array_prepend", "array_cat"}, strings.TrimPrefix(function, "pg_catalog.")) {
		return
	}
	for _, token := range s.Tokens {
		for was, is := range map[string]string{"anyelement": "anycompatible", "anyarray": "anycompatiblearray"} {
			if token.Is(s.Text, was) {
				s.edits.Replace(token.Start, token.End, is)
			}
		}
	}
}
