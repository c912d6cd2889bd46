package localdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// What a server makes of a definition it may change without a word: it does not know a property, has a setting of its own, or was
// handed another text than the dump's by us. So each table is compared, as the dump defines it, with what the server shows of it, which
// is in the same language: of information_schema there would be one for each family and version. What is spelled
// differently and means the same is no difference. Where it is not sure what a dump means, nothing is said.

// definitionComparer compares tables of a dump with those of the server.
type definitionComparer struct {
	*mysqlLoad
	// defaults are the collations of this server's character sets that have no other.
	defaults map[string]string
	// srids has the systems of reference of columns, where the server does not show them.
	srids map[string]string
	table string
	dump  *tableShape
	made  *tableShape
	found []difference
}

// difference is what the dump says of something, and what the server has made.
type difference struct{ where, said, made string }

// compareDefinitions notes where tables are not what the dump says.
func (l *mysqlLoad) compareDefinitions(ctx context.Context) error {
	d := &l.rewriter.declared
	c := &definitionComparer{mysqlLoad: l}
	for _, table := range d.names {
		if d.tables[table] == nil || !l.db.config.Part.has(table) {
			continue
		}
		dump := d.table(table)
		delete(d.tables, table) // it may have come more than once
		if dump == nil {
			continue
		}
		if c.defaults == nil {
			if err := c.ask(ctx); err != nil {
				return err
			}
		}
		rows, err := l.lock.table(ctx, "SHOW CREATE TABLE "+quoteName(l.db.names.incoming)+"."+quoteName(table))
		if err != nil && number(err) == 0 {
			return err
		}
		made := &tableShape{options: map[string]trait{}}
		if err != nil || len(rows) == 0 || !made.read(parse([]byte(rows[0]["create table"]))) {
			continue // gone, a view, or one that does not work
		}
		c.table, c.dump, c.made = table, dump, made
		c.compare()
	}
	for _, note := range tellDifferences(c.found) {
		l.db.config.Note(note)
	}
	return nil
}

// ask learns what definitions do not say.
func (c *definitionComparer) ask(ctx context.Context) error {
	c.defaults = map[string]string{}
	rows, err := c.lock.table(ctx, "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS")
	if err != nil {
		return err
	}
	for _, row := range rows {
		c.defaults[sameCharset(row["character_set_name"])] = sameCharset(row["default_collate_name"])
	}
	if c.lock.oracle {
		return nil
	}
	c.srids = map[string]string{}
	rows, err = c.lock.table(ctx, "SELECT G_TABLE_NAME, G_GEOMETRY_COLUMN, SRID FROM information_schema.GEOMETRY_COLUMNS WHERE G_TABLE_SCHEMA = ?", c.db.names.incoming)
	for _, row := range rows {
		c.srids[strings.ToLower(row["g_table_name"]+"."+row["g_geometry_column"])] = row["srid"]
	}
	return err
}

// mostNamed is how many of those that differ in the same way are named.
const mostNamed = 20

// tellDifferences makes a note of each difference; where many are the same, one of all of them.
func tellDifferences(found []difference) (notes []string) {
	same := map[[2]string][]string{}
	for _, d := range found {
		key := [2]string{d.said, d.made}
		same[key] = append(same[key], d.where)
	}
	for _, d := range found {
		key := [2]string{d.said, d.made}
		where := same[key]
		switch {
		case len(where) == 0:
			continue
		case len(where) <= mostNamed:
			notes = append(notes, fmt.Sprintf("%s: the dump says %s, this server made %s", d.where, d.said, d.made))
			continue
		}
		notes = append(notes, fmt.Sprintf("%s; and %d more: the dump says %s, this server made %s",
			strings.Join(where[:mostNamed], "; "), len(where)-mostNamed, d.said, d.made))
		delete(same, key)
	}
	return notes
}

// absent is what is said of a trait that is not there.
var absent = map[string]string{
	"default": "no DEFAULT", "on update": "no ON UPDATE", "counter": "no AUTO_INCREMENT", "generated": "no expression", "visible": "visible",
	"versions": "WITH SYSTEM VERSIONING", "versioning": "no SYSTEM VERSIONING", "engine": "no ENGINE", "charset": "no CHARACTER SET",
	"srid": "no SRID", "comment": "no COMMENT", "compressed": "not COMPRESSED", "enforced": "enforced", "on DELETE": "no ON DELETE",
	"on UPDATE": "no ON UPDATE", "row format": "no ROW_FORMAT", "encryption": "no encryption", "page compression": "no page compression",
	"partition by": "no partitions", "partitions": "no partitions", "partition values": "no partitions",
}

// differ notes those traits of something that are others than the dump says.
func (c *definitionComparer) differ(where string, dump, made map[string]trait, names ...string) {
	var said, is []string
	for _, name := range names {
		a, b := dump[name], made[name]
		if a.unknown || b.unknown || a.value == b.value {
			continue
		}
		for i, one := range []trait{a, b} {
			text := one.text
			if text == "" {
				text = absent[name]
			}
			if i == 0 {
				said = append(said, text)
			} else {
				is = append(is, text)
			}
		}
	}
	if len(said) > 0 {
		c.note(where, strings.Join(slices.Compact(said), " "), strings.Join(slices.Compact(is), " "))
	}
}

func (c *definitionComparer) note(where, said, made string) {
	subject := "table " + c.table
	if where != "" {
		subject += ", " + where
	}
	c.found = append(c.found, difference{subject, said, made})
}

// was says whether the user has been told of a warning about the table.
func (c *definitionComparer) was(code string) bool {
	return slices.Contains(c.heard, tableWarning{c.table, code})
}

func (c *definitionComparer) compare() {
	c.compareColumns()
	c.compareKeys()
	c.compareForeign()
	c.compareChecks()
	c.compareOptions()
}

func (c *definitionComparer) compareColumns() {
	var primary []string
	for _, key := range c.dump.of(primaryKey) {
		primary = append(primary, key.columns...)
	}
	for _, dump := range c.dump.of(columnPart) {
		made := c.made.column(dump.name)
		if made == nil {
			c.note(dump.describe(), dump.traits["type"].text, "none")
			continue
		}
		if dump.unread || made.unread {
			continue
		}
		if slices.Contains(primary, strings.ToLower(dump.name)) && dump.traits["null"].value == "NULL" {
			dump.traits["null"], dump.traits["default"] = trait{unknown: true}, trait{unknown: true}
		}
		c.alike(dump, made)
		c.differ(dump.describe(), dump.traits, made.traits, "type", "collation", "null", "default", "default expression", "on update", "counter",
			"generated", "expression", "stored", "visible", "srid", "comment", "compressed", "versions")
	}
	for _, made := range c.made.of(columnPart) {
		if c.dump.column(made.name) == nil {
			c.note(made.describe(), "nothing of it", made.traits["type"].text)
		}
	}
}

// alike makes the traits of a column those that can be compared as they are.
func (c *definitionComparer) alike(dump, made *tablePart) {
	if dump.typeName() == "json" && made.typeName() == "longtext" { // as MariaDB makes it
		made.traits["type"] = dump.traits["type"]
		made.traits["collation"], made.traits["charset"] = trait{}, trait{}
	}
	c.compareCollations(dump, made)
	if a, b := dump.traits["default"].value, made.traits["default"].value; a == "expression" && strings.HasPrefix(b, "=") || b == "expression" && strings.HasPrefix(a, "=") {
		dump.traits["default"], dump.traits["default expression"] = trait{unknown: true}, trait{unknown: true}
	}
	if dump.traits["generated"].value != made.traits["generated"].value {
		for _, name := range []string{"default", "on update", "stored"} {
			dump.traits[name] = trait{unknown: true}
		}
	}
	for _, name := range []string{"expression", "default expression"} {
		if a, b := dump.traits[name], made.traits[name]; a.value == "" || b.value == "" || sameExpression(a.value, b.value, c.dump) {
			dump.traits[name] = trait{unknown: true}
		}
	}
	if c.srids != nil {
		srid := c.srids[strings.ToLower(c.table+"."+dump.name)]
		if dump.traits["srid"].value == "0" || dump.traits["srid"].value == "" {
			dump.traits["srid"] = trait{unknown: true}
		} else if srid != "" {
			made.traits["srid"] = trait{value: srid, text: "SRID " + srid}
		}
	}
}

// sameCharset is a character set, or a collation, by its newer name.
func sameCharset(name string) string {
	name = strings.ToLower(name)
	if name == "utf8" || strings.HasPrefix(name, "utf8_") {
		return "utf8mb3" + name[len("utf8"):]
	}
	return name
}

// known gives what the rewriter has put in the place of a character set or a collation.
func (c *definitionComparer) known(what, name string) string {
	if nearest := c.rewriter.collations.nearest[what+strings.ToLower(name)]; nearest != "" {
		name = nearest
	}
	return sameCharset(name)
}

// collationOf gives the character set and collation that traits have, else those of a table's options.
func (c *definitionComparer) collationOf(traits, options map[string]trait) (charset, collation string) {
	charset, collation = traits["charset"].value, traits["collation"].value
	if charset == "" && collation == "" && options != nil {
		charset, collation = options["charset"].value, options["collation"].value
	}
	charset, collation = c.known("character set", charset), c.known("collation", collation)
	if prefix, _, is := strings.Cut(collation, "_"); (is || collation == "binary") && !strings.HasPrefix(collation, "uca1400") {
		charset = prefix
	}
	if strings.HasPrefix(collation, "uca1400") {
		collation = charset + "_" + collation
	}
	return charset, collation
}

// compareCollations makes the collations of a column two traits that can be compared: where the dump leaves it to the server which one
// a character set has, it is that.
func (c *definitionComparer) compareCollations(dump, made *tablePart) {
	charset, collation := c.collationOf(dump.traits, c.dump.options)
	if charset == "binary" && dump.hasCharset() { // the server makes varbinary of varchar
		dump.traits["type"] = trait{unknown: true}
	}
	if charset == "" || !dump.hasCharset() || !made.hasCharset() || charset == "binary" {
		dump.traits["collation"] = trait{unknown: true}
		return
	}
	madeCharset, madeCollation := c.collationOf(made.traits, c.made.options)
	dump.traits["collation"], made.traits["collation"] = c.collationTraits(charset, collation, madeCharset, madeCollation)
}

func (c *definitionComparer) collationTraits(charset, collation, madeCharset, madeCollation string) (dump, made trait) {
	if collation == "" || madeCharset == "" {
		return trait{value: charset, text: "CHARACTER SET " + charset}, trait{value: madeCharset, text: "CHARACTER SET " + madeCharset, unknown: madeCharset == ""}
	}
	if madeCollation == "" {
		madeCollation = c.defaults[madeCharset]
	}
	return trait{value: collation, text: "COLLATE " + collation}, trait{value: madeCollation, text: "COLLATE " + madeCollation}
}

// matched finds the part of the server's table that a part of the dump has become: that of its name, and of parts without a name the
// first for which like is true. It is then no longer there for others.
func matched(dump *tablePart, left *[]*tablePart, like func(made *tablePart) bool) *tablePart {
	is := like
	if dump.name != "" {
		is = func(made *tablePart) bool { return made.kind == dump.kind && strings.EqualFold(made.name, dump.name) }
	}
	at := slices.IndexFunc(*left, is)
	if at < 0 {
		return nil
	}
	made := (*left)[at]
	*left = slices.Delete(*left, at, at+1)
	return made
}

// namedFirst puts those parts first that have names.
func namedFirst(parts []*tablePart) []*tablePart {
	slices.SortStableFunc(parts, func(a, b *tablePart) int {
		switch {
		case a.name != "" && b.name == "":
			return -1
		case a.name == "" && b.name != "":
			return 1
		}
		return 0
	})
	return parts
}

func (c *definitionComparer) compareKeys() {
	left := c.made.of(primaryKey, keyPart)
	for _, key := range namedFirst(c.dump.of(primaryKey, keyPart)) {
		c.dump.wholeColumns(key)
		made := matched(key, &left, func(made *tablePart) bool {
			return made.kind == key.kind && (key.kind == primaryKey || made.traits["kind"].value == key.traits["kind"].value && slices.Equal(made.columns, key.columns))
		})
		where := key.describe()
		if made == nil {
			if key.name == "" && key.kind == keyPart {
				where = "a key"
			}
			c.note(where, keyText(key), "none")
			continue
		}
		c.made.wholeColumns(made)
		if c.was(keyTooLong) {
			key.traits["columns"] = trait{unknown: true}
		}
		c.differ(made.describe(), key.traits, made.traits, "kind", "columns", "visible", "comment")
	}
	for _, made := range left {
		needed := func(foreign *tablePart) bool { return beginsWith(made.columns, foreign.columns) }
		if !slices.ContainsFunc(c.made.of(foreignPart), needed) && !slices.ContainsFunc(c.dump.of(foreignPart), needed) {
			c.note(made.describe(), "nothing of it", keyText(made))
		}
	}
}

func keyText(key *tablePart) string {
	if key.kind == primaryKey || key.traits["kind"].value == "" {
		return "KEY " + key.traits["columns"].text
	}
	return key.traits["kind"].text + " KEY " + key.traits["columns"].text
}

// wholeColumns takes lengths off the columns of a key that are as long as the columns.
func (t *tableShape) wholeColumns(key *tablePart) {
	columns := key.traits["columns"]
	parts := strings.Split(columns.value, ",")
	for i, part := range parts {
		name, length, is := strings.Cut(part, "(")
		column := t.column(name)
		if !is || column == nil {
			continue
		}
		digits, rest, _ := strings.Cut(length, ")")
		_, whole, _ := strings.Cut(column.traits["type"].value, "(")
		if strings.TrimSuffix(whole, ")") == digits {
			parts[i] = name + rest
		}
	}
	columns.value = strings.Join(parts, ",")
	key.traits["columns"] = columns
}

func (c *definitionComparer) compareForeign() {
	left := c.made.of(foreignPart)
	for _, key := range namedFirst(c.dump.of(foreignPart)) {
		made := matched(key, &left, func(made *tablePart) bool { return slices.Equal(made.columns, key.columns) })
		if made == nil {
			where := key.describe()
			if key.name == "" {
				where = "a foreign key"
			}
			c.note(where, "FOREIGN KEY "+key.traits["columns"].text+" "+key.traits["refers columns"].text, "none")
			continue
		}
		for _, side := range []*tablePart{key, made} {
			refers := side.traits["refers"]
			_, table := cutLast(refers.value)
			if p, is := c.rewriter.elsewhere.place(table); is {
				table = p.table
			}
			refers.value = strings.ToLower(table)
			side.traits["refers"] = refers
		}
		c.differ(made.describe(), key.traits, made.traits, "columns", "refers", "refers columns", "on DELETE", "on UPDATE")
	}
}

// cutLast cuts a name before its last dot.
func cutLast(name string) (before, last string) {
	at := strings.LastIndexByte(name, '.')
	return name[:max(at, 0)], name[at+1:]
}

func (c *definitionComparer) compareChecks() {
	left := c.made.of(checkPart)
	for _, check := range namedFirst(c.dump.of(checkPart)) {
		same := func(made *tablePart) bool {
			return sameExpression(check.traits["condition"].value, made.traits["condition"].value, c.dump)
		}
		made := matched(check, &left, same)
		if made == nil {
			where := check.describe()
			if check.name == "" {
				where = "a check"
			}
			c.note(where, check.traits["condition"].text, "none")
			continue
		}
		if same(made) {
			check.traits["condition"] = trait{unknown: true}
		}
		c.differ(made.describe(), check.traits, made.traits, "condition", "enforced")
	}
	for _, made := range left {
		s := parse([]byte(made.traits["condition"].value))
		if at := s.find("JSON_VALID"); at >= 0 && len(s.tokens) <= at+5 {
			continue // MariaDB's json
		}
		where := made.describe()
		if made.name == "" {
			where = "a check"
		}
		c.note(where, "nothing of it", made.traits["condition"].text)
	}
}

// sameExpression says whether two texts may be the same expression: they have the same columns and texts in them. Servers show
// functions, operators and numbers as they like.
func sameExpression(a, b string, table *tableShape) bool {
	return slices.Equal(expressionParts(a, table), expressionParts(b, table))
}

// operators are words that are no columns in an expression, unless they are quoted.
var operators = []string{"AND", "OR", "NOT", "XOR", "IS", "IN", "LIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "NULL", "TRUE", "FALSE", "MOD", "DIV", "INTERVAL"}

// expressionParts lists the columns and plain texts of an expression.
func expressionParts(text string, table *tableShape) (parts []string) {
	s := parse([]byte(text))
	for i, token := range s.tokens {
		switch {
		case token.Kind == sqltext.Text:
			value := decoded(s, i)
			coded := s.word(i-1) == "X" || s.word(i-1) == "B"
			if value != "" && !coded && isASCII([]byte(value)) && !strings.ContainsAny(value, "\\'\"%") {
				parts = append(parts, "'"+value)
			}
		case token.Kind == sqltext.Word && (s.symbol(i+1, '(') || slices.Contains(operators, s.word(i))):
		case s.isName(i) && table.column(s.nameAt(i)) != nil:
			parts = append(parts, strings.ToLower(s.nameAt(i)))
		}
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func (c *definitionComparer) compareOptions() {
	dump, made := c.dump.options, c.made.options
	if dump["engine"].value == "" || c.was(otherEngine) {
		dump["engine"] = trait{unknown: true}
	}
	for _, side := range []map[string]trait{dump, made} {
		if format := side["row format"]; format.value == "default" || format.value == map[string]string{"innodb": "dynamic", "aria": "page"}[made["engine"].value] {
			side["row format"] = trait{text: format.text}
		}
	}
	if c.was(optionIgnored) {
		for _, name := range []string{"row format", "encryption", "page compression"} {
			dump[name] = trait{unknown: true}
		}
	}
	if made["encryption"].value != "" && dump["encryption"].value == "" { // the server's own rule
		dump["encryption"] = trait{unknown: true}
	}
	charset, collation := c.collationOf(dump, nil)
	madeCharset, madeCollation := c.collationOf(made, nil)
	dump["collation"], made["collation"] = c.collationTraits(charset, collation, madeCharset, madeCollation)
	if charset == "" {
		dump["collation"] = trait{unknown: true}
	}
	c.compareCounter()
	if (dump["partition by"].value == "") != (made["partition by"].value == "") {
		dump["partitions"], dump["partition values"] = trait{unknown: true}, trait{unknown: true}
	}
	if strings.HasPrefix(dump["partition by"].value, "SYSTEM_TIME") { // the server adds to them
		dump["partitions"], dump["partition values"] = trait{unknown: true}, trait{unknown: true}
	}
	if dump["partition values"].value == "" {
		dump["partition values"] = trait{unknown: true}
	}
	c.differ("", dump, made, "engine", "collation", "row format", "counter", "versioning", "encryption", "page compression", "comment",
		"partition by", "partitions", "partition values")
}

// compareCounter compares where a table begins to count: rows may have moved it on.
func (c *definitionComparer) compareCounter() {
	dump, made := c.dump.options["counter"], c.made.options["counter"]
	counts := slices.ContainsFunc(c.made.of(columnPart), func(p *tablePart) bool { return p.traits["counter"].value != "" })
	said, is := dump.value, made.value
	if is == "" {
		is = "1"
	}
	less := len(is) < len(said) || len(is) == len(said) && is < said
	dump.unknown = !counts || !less
	c.dump.options["counter"] = dump
}
