package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/literal"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// A server may silently change a definition: it does not know a property, a setting overrides it, or we sent another
// text than the dump's. So each table's definition in the dump is compared with what the server shows, in the same
// language. information_schema would need a query for each family and version. Different spellings of the same thing
// do not count. Where it is unclear what a dump means, nothing is reported.

// definitionComparer compares tables of a dump with those of the server.
type definitionComparer struct {
	*Load
	// defaults are the collations that this server's character sets have by default.
	defaults map[string]string
	// srids has the reference systems of columns, for servers that do not show them.
	srids map[string]string
	table string
	dump  *rewrite.TableShape
	made  *rewrite.TableShape
	found []Difference
}

// Difference is what the dump says about something, and what the server has made of it.
type Difference struct{ Where, Said, Made string }

// compareDefinitions notes where tables differ from the dump's definition.
func (l *Load) compareDefinitions(ctx context.Context) error {
	d := &l.Rewriter.Declared
	var tables []string
	listed := map[string]bool{} // a name may appear more than once
	for _, table := range d.Names {
		if d.Tables[table] != nil && l.Server.Config.Part.Includes(table) && !listed[table] {
			tables, listed[table] = append(tables, table), true
		}
	}
	if len(tables) == 0 {
		return nil
	}
	if err := l.readDefinitions(ctx, tables); err != nil {
		return err
	}
	c := &definitionComparer{Load: l}
	if err := c.ask(ctx); err != nil {
		return err
	}
	for _, table := range tables {
		dump := d.Table(table)
		made := &rewrite.TableShape{Options: map[string]rewrite.Trait{}}
		if dump == nil || !made.Read(rewrite.Parse([]byte(l.Definitions[table]))) {
			continue // dropped, a view, or broken
		}
		c.table, c.dump, c.made = table, dump, made
		c.compare()
	}
	for _, note := range TellDifferences(c.found) {
		l.Rewriter.Once.Lose(note, note)
	}
	return nil
}

// readDefinitions asks the server for the definitions of tables, over all sessions. Before that each session gets its own
// settings back: a dump may leave others behind, by which the server shows tables in other words.
func (l *Load) readDefinitions(ctx context.Context, tables []string) error {
	if err := l.Pool.Wait(); err != nil {
		return err
	}
	for _, s := range l.Pool.Sessions {
		if err := l.Server.RestoreSettings(ctx, s); err != nil {
			return err
		}
	}
	l.Definitions = make(map[string]string, len(tables))
	var mutex sync.Mutex
	return l.Pool.Each(ctx, len(tables), func(ctx context.Context, s *session.Session, i int) error {
		definition, err := mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(l.Server.Names.Incoming, tables[i]))
		if mysql.Errno(err) != 0 {
			return nil // it was dropped, or it is a view that does not work
		}
		mutex.Lock()
		defer mutex.Unlock()
		l.Definitions[tables[i]] = definition
		return err
	})
}

// ask learns what definitions do not show.
func (c *definitionComparer) ask(ctx context.Context) error {
	c.defaults = map[string]string{}
	rows, err := c.Lock.Table(ctx, "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS")
	if err != nil {
		return err
	}
	for _, row := range rows {
		c.defaults[sameCharset(row["character_set_name"])] = sameCharset(row["default_collate_name"])
	}
	if c.Lock.Flavour == mysql.MySQL {
		return nil
	}
	c.srids = map[string]string{}
	systems, err := mysql.ReferenceSystems(ctx, c.Pool.Sessions[0].Conn)
	for table, columns := range systems {
		for column, srid := range columns {
			c.srids[strings.ToLower(table+"."+column)] = srid
		}
	}
	return err
}

// mostNamed is how many items with the same difference are named.
const mostNamed = 20

// TellDifferences makes a note for each difference, and a single one for many of the same.
func TellDifferences(found []Difference) (notes []string) {
	same := map[[2]string][]string{}
	for _, d := range found {
		key := [2]string{d.Said, d.Made}
		same[key] = append(same[key], d.Where)
	}
	for _, d := range found {
		key := [2]string{d.Said, d.Made}
		where := same[key]
		switch {
		case len(where) == 0:
			continue
		case len(where) <= mostNamed:
			notes = append(notes, fmt.Sprintf("%s: the dump says %s, this server made %s", d.Where, d.Said, d.Made))
			continue
		}
		notes = append(notes, fmt.Sprintf("%s; and %d more: the dump says %s, this server made %s",
			strings.Join(where[:mostNamed], "; "), len(where)-mostNamed, d.Said, d.Made))
		delete(same, key)
	}
	return notes
}

// absent is how a note names a trait that is missing.
var absent = map[string]string{
	"default": "no DEFAULT", "on update": "no ON UPDATE", "counter": "no AUTO_INCREMENT", "generated": "no expression", "visible": "visible",
	"versions": "WITH SYSTEM VERSIONING", "versioning": "no SYSTEM VERSIONING", "engine": "no ENGINE", "charset": "no CHARACTER SET",
	"srid": "no SRID", "comment": "no COMMENT", "compressed": "not COMPRESSED", "enforced": "enforced", "on DELETE": "no ON DELETE",
	"on UPDATE": "no ON UPDATE", "row format": "no ROW_FORMAT", "encryption": "no encryption", "page compression": "no page compression",
	"partition by": "no partitions", "partitions": "no partitions", "partition values": "no partitions",
}

// differ notes the traits that are not what the dump says.
func (c *definitionComparer) differ(where string, dump, made map[string]rewrite.Trait, names ...string) {
	var said, is []string
	for _, name := range names {
		a, b := dump[name], made[name]
		if a.Unknown || b.Unknown || a.Value == b.Value {
			continue
		}
		for i, one := range []rewrite.Trait{a, b} {
			text := one.Text
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
	c.found = append(c.found, Difference{subject, said, made})
}

// was says whether the user has already seen a warning about the table.
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
	for _, key := range c.dump.Of(rewrite.PrimaryKey) {
		primary = append(primary, key.Columns...)
	}
	for _, dump := range c.dump.Of(rewrite.ColumnPart) {
		made := c.made.Column(dump.Name)
		if made == nil {
			c.note(dump.Describe(), dump.Traits["type"].Text, "none")
			continue
		}
		if dump.Unread || made.Unread {
			continue
		}
		if slices.Contains(primary, strings.ToLower(dump.Name)) && dump.Traits["null"].Value == "NULL" {
			dump.Traits["null"], dump.Traits["default"] = rewrite.Trait{Unknown: true}, rewrite.Trait{Unknown: true}
		}
		c.alike(dump, made)
		c.differ(dump.Describe(), dump.Traits, made.Traits, "type", "collation", "null", "default", "default expression", "on update", "counter",
			"generated", "expression", "stored", "visible", "srid", "comment", "compressed", "versions")
	}
	for _, made := range c.made.Of(rewrite.ColumnPart) {
		if c.dump.Column(made.Name) == nil {
			c.note(made.Describe(), "nothing of it", made.Traits["type"].Text)
		}
	}
}

// alike converts the traits of a column so that they can be compared directly.
func (c *definitionComparer) alike(dump, made *rewrite.TablePart) {
	if dump.TypeName() == "json" && made.TypeName() == "longtext" { // as MariaDB stores it
		made.Traits["type"] = dump.Traits["type"]
		made.Traits["collation"], made.Traits["charset"] = rewrite.Trait{}, rewrite.Trait{}
	}
	c.compareCollations(dump, made)
	if a, b := dump.Traits["default"].Value, made.Traits["default"].Value; a == "expression" && strings.HasPrefix(b, "=") || b == "expression" && strings.HasPrefix(a, "=") {
		dump.Traits["default"], dump.Traits["default expression"] = rewrite.Trait{Unknown: true}, rewrite.Trait{Unknown: true}
	}
	if dump.Traits["generated"].Value != made.Traits["generated"].Value {
		for _, name := range []string{"default", "on update", "stored"} {
			dump.Traits[name] = rewrite.Trait{Unknown: true}
		}
	}
	for _, name := range []string{"expression", "default expression"} {
		if a, b := dump.Traits[name], made.Traits[name]; a.Value == "" || b.Value == "" || sameExpression(a.Value, b.Value, c.dump) {
			dump.Traits[name] = rewrite.Trait{Unknown: true}
		}
	}
	if c.srids != nil {
		srid := c.srids[strings.ToLower(c.table+"."+dump.Name)]
		if dump.Traits["srid"].Value == "0" || dump.Traits["srid"].Value == "" {
			dump.Traits["srid"] = rewrite.Trait{Unknown: true}
		} else if srid != "" {
			made.Traits["srid"] = rewrite.Trait{Value: srid, Text: "SRID " + srid}
		}
	}
}

// sameCharset returns the newer name of a character set or a collation.
func sameCharset(name string) string {
	name = strings.ToLower(name)
	if name == "utf8" || strings.HasPrefix(name, "utf8_") {
		return "utf8mb3" + name[len("utf8"):]
	}
	return name
}

// known returns what the rewriter has substituted for a character set or a collation.
func (c *definitionComparer) known(what, name string) string {
	if nearest := c.Rewriter.Collations.Nearest[what+strings.ToLower(name)]; nearest != "" {
		name = nearest
	}
	return sameCharset(name)
}

// collationOf returns the character set and collation among traits, or else those of the table's options.
func (c *definitionComparer) collationOf(traits, options map[string]rewrite.Trait) (charset, collation string) {
	charset, collation = traits["charset"].Value, traits["collation"].Value
	if charset == "" && collation == "" && options != nil {
		charset, collation = options["charset"].Value, options["collation"].Value
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

// compareCollations completes the collations of a column so that they can be compared. Where the dump names only a
// character set, the server's default collation is what it means.
func (c *definitionComparer) compareCollations(dump, made *rewrite.TablePart) {
	charset, collation := c.collationOf(dump.Traits, c.dump.Options)
	if charset == "binary" && dump.HasCharset() { // the server turns varchar into varbinary
		dump.Traits["type"] = rewrite.Trait{Unknown: true}
	}
	if charset == "" || !dump.HasCharset() || !made.HasCharset() || charset == "binary" {
		dump.Traits["collation"] = rewrite.Trait{Unknown: true}
		return
	}
	madeCharset, madeCollation := c.collationOf(made.Traits, c.made.Options)
	dump.Traits["collation"], made.Traits["collation"] = c.collationTraits(charset, collation, madeCharset, madeCollation)
}

func (c *definitionComparer) collationTraits(charset, collation, madeCharset, madeCollation string) (dump, made rewrite.Trait) {
	if collation == "" || madeCharset == "" {
		return rewrite.Trait{Value: charset, Text: "CHARACTER SET " + charset}, rewrite.Trait{Value: madeCharset, Text: "CHARACTER SET " + madeCharset, Unknown: madeCharset == ""}
	}
	if madeCollation == "" {
		madeCollation = c.defaults[madeCharset]
	}
	return rewrite.Trait{Value: collation, Text: "COLLATE " + collation}, rewrite.Trait{Value: madeCollation, Text: "COLLATE " + madeCollation}
}

// matched finds the part of the server's table that a part of the dump has become: the one of the same name, or for a
// part without a name the first one for which like is true. It then removes the part from left.
func matched(dump *rewrite.TablePart, left *[]*rewrite.TablePart, like func(made *rewrite.TablePart) bool) *rewrite.TablePart {
	is := like
	if dump.Name != "" {
		is = func(made *rewrite.TablePart) bool {
			return made.Kind == dump.Kind && strings.EqualFold(made.Name, dump.Name)
		}
	}
	at := slices.IndexFunc(*left, is)
	if at < 0 {
		return nil
	}
	made := (*left)[at]
	*left = slices.Delete(*left, at, at+1)
	return made
}

// namedFirst puts parts with names first.
func namedFirst(parts []*rewrite.TablePart) []*rewrite.TablePart {
	slices.SortStableFunc(parts, func(a, b *rewrite.TablePart) int {
		switch {
		case a.Name != "" && b.Name == "":
			return -1
		case a.Name == "" && b.Name != "":
			return 1
		}
		return 0
	})
	return parts
}

func (c *definitionComparer) compareKeys() {
	left := c.made.Of(rewrite.PrimaryKey, rewrite.KeyPart)
	for _, key := range namedFirst(c.dump.Of(rewrite.PrimaryKey, rewrite.KeyPart)) {
		wholeColumns(c.dump, key)
		made := matched(key, &left, func(made *rewrite.TablePart) bool {
			return made.Kind == key.Kind && (key.Kind == rewrite.PrimaryKey || made.Traits["kind"].Value == key.Traits["kind"].Value && slices.Equal(made.Columns, key.Columns))
		})
		where := key.Describe()
		if made == nil {
			if key.Name == "" && key.Kind == rewrite.KeyPart {
				where = "a key"
			}
			c.note(where, keyText(key), "none")
			continue
		}
		wholeColumns(c.made, made)
		if c.was(keyTooLong) {
			key.Traits["columns"] = rewrite.Trait{Unknown: true}
		}
		c.differ(made.Describe(), key.Traits, made.Traits, "kind", "columns", "visible", "comment")
	}
	for _, made := range left {
		needed := func(foreign *rewrite.TablePart) bool { return rewrite.BeginsWith(made.Columns, foreign.Columns) }
		if !slices.ContainsFunc(c.made.Of(rewrite.ForeignPart), needed) && !slices.ContainsFunc(c.dump.Of(rewrite.ForeignPart), needed) {
			c.note(made.Describe(), "nothing of it", keyText(made))
		}
	}
}

func keyText(key *rewrite.TablePart) string {
	if key.Kind == rewrite.PrimaryKey || key.Traits["kind"].Value == "" {
		return "KEY " + key.Traits["columns"].Text
	}
	return key.Traits["kind"].Text + " KEY " + key.Traits["columns"].Text
}

// wholeColumns removes prefix lengths of key columns that cover the whole column.
func wholeColumns(t *rewrite.TableShape, key *rewrite.TablePart) {
	columns := key.Traits["columns"]
	parts := strings.Split(columns.Value, ",")
	for i, part := range parts {
		name, length, is := strings.Cut(part, "(")
		column := t.Column(name)
		if !is || column == nil {
			continue
		}
		digits, rest, _ := strings.Cut(length, ")")
		_, whole, _ := strings.Cut(column.Traits["type"].Value, "(")
		if strings.TrimSuffix(whole, ")") == digits {
			parts[i] = name + rest
		}
	}
	columns.Value = strings.Join(parts, ",")
	key.Traits["columns"] = columns
}

func (c *definitionComparer) compareForeign() {
	left := c.made.Of(rewrite.ForeignPart)
	for _, key := range namedFirst(c.dump.Of(rewrite.ForeignPart)) {
		made := matched(key, &left, func(made *rewrite.TablePart) bool { return slices.Equal(made.Columns, key.Columns) })
		if made == nil {
			where := key.Describe()
			if key.Name == "" {
				where = "a foreign key"
			}
			c.note(where, "FOREIGN KEY "+key.Traits["columns"].Text+" "+key.Traits["refers columns"].Text, "none")
			continue
		}
		for _, side := range []*rewrite.TablePart{key, made} {
			refers := side.Traits["refers"]
			_, table := cutLast(refers.Value)
			if p, is := c.Rewriter.Elsewhere.Resolve(table); is {
				table = p.Table
			}
			refers.Value = strings.ToLower(table)
			side.Traits["refers"] = refers
		}
		c.differ(made.Describe(), key.Traits, made.Traits, "columns", "refers", "refers columns", "on DELETE", "on UPDATE")
	}
}

// cutLast cuts a name before its last dot.
func cutLast(name string) (before, last string) {
	at := strings.LastIndexByte(name, '.')
	return name[:max(at, 0)], name[at+1:]
}

func (c *definitionComparer) compareChecks() {
	left := c.made.Of(rewrite.CheckPart)
	for _, check := range namedFirst(c.dump.Of(rewrite.CheckPart)) {
		same := func(made *rewrite.TablePart) bool {
			return sameExpression(check.Traits["condition"].Value, made.Traits["condition"].Value, c.dump)
		}
		made := matched(check, &left, same)
		if made == nil {
			where := check.Describe()
			if check.Name == "" {
				where = "a check"
			}
			c.note(where, check.Traits["condition"].Text, "none")
			continue
		}
		if same(made) {
			check.Traits["condition"] = rewrite.Trait{Unknown: true}
		}
		c.differ(made.Describe(), check.Traits, made.Traits, "condition", "enforced")
	}
	for _, made := range left {
		s := rewrite.Parse([]byte(made.Traits["condition"].Value))
		if at := s.Find("JSON_VALID"); at >= 0 && len(s.Tokens) <= at+5 {
			continue // MariaDB's json
		}
		where := made.Describe()
		if made.Name == "" {
			where = "a check"
		}
		c.note(where, "nothing of it", made.Traits["condition"].Text)
	}
}

// sameExpression says whether two texts may be the same expression: they contain the same columns and strings.
// Servers format functions, operators and numbers in their own ways.
func sameExpression(a, b string, table *rewrite.TableShape) bool {
	return slices.Equal(expressionParts(a, table), expressionParts(b, table))
}

// operators are words of expressions that are not columns, unless they are quoted.
var operators = []string{"AND", "OR", "NOT", "XOR", "IS", "IN", "LIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "NULL", "TRUE", "FALSE", "MOD", "DIV", "INTERVAL"}

// expressionParts lists the columns and plain strings of an expression.
func expressionParts(text string, table *rewrite.TableShape) (parts []string) {
	s := rewrite.Parse([]byte(text))
	for i, token := range s.Tokens {
		switch {
		case token.Kind == sqltext.Text:
			value := rewrite.Decoded(s, i)
			coded := s.Word(i-1) == "X" || s.Word(i-1) == "B"
			if value != "" && !coded && literal.IsASCII(value) && !strings.ContainsAny(value, "\\'\"%") {
				parts = append(parts, "'"+value)
			}
		case token.Kind == sqltext.Word && (s.Symbol(i+1, '(') || slices.Contains(operators, s.Word(i))):
		case s.IsName(i) && table.Column(s.NameAt(i)) != nil:
			parts = append(parts, strings.ToLower(s.NameAt(i)))
		}
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

func (c *definitionComparer) compareOptions() {
	dump, made := c.dump.Options, c.made.Options
	if dump["engine"].Value == "" || c.was(otherEngine) {
		dump["engine"] = rewrite.Trait{Unknown: true}
	}
	for _, side := range []map[string]rewrite.Trait{dump, made} {
		if format := side["row format"]; format.Value == "default" || format.Value == map[string]string{"innodb": "dynamic", "aria": "page"}[made["engine"].Value] {
			side["row format"] = rewrite.Trait{Text: format.Text}
		}
	}
	if c.was(optionIgnored) {
		for _, name := range []string{"row format", "encryption", "page compression"} {
			dump[name] = rewrite.Trait{Unknown: true}
		}
	}
	if made["encryption"].Value != "" && dump["encryption"].Value == "" { // the server's own setting
		dump["encryption"] = rewrite.Trait{Unknown: true}
	}
	charset, collation := c.collationOf(dump, nil)
	madeCharset, madeCollation := c.collationOf(made, nil)
	dump["collation"], made["collation"] = c.collationTraits(charset, collation, madeCharset, madeCollation)
	if charset == "" {
		dump["collation"] = rewrite.Trait{Unknown: true}
	}
	c.compareCounter()
	if (dump["partition by"].Value == "") != (made["partition by"].Value == "") {
		dump["partitions"], dump["partition values"] = rewrite.Trait{Unknown: true}, rewrite.Trait{Unknown: true}
	}
	if strings.HasPrefix(dump["partition by"].Value, "SYSTEM_TIME") { // the server adds partitions
		dump["partitions"], dump["partition values"] = rewrite.Trait{Unknown: true}, rewrite.Trait{Unknown: true}
	}
	if dump["partition values"].Value == "" {
		dump["partition values"] = rewrite.Trait{Unknown: true}
	}
	c.differ("", dump, made, "engine", "collation", "row format", "counter", "versioning", "encryption", "page compression", "comment",
		"partition by", "partitions", "partition values")
}

// compareCounter compares where AUTO_INCREMENT starts. Rows may have raised it.
func (c *definitionComparer) compareCounter() {
	dump, made := c.dump.Options["counter"], c.made.Options["counter"]
	counts := slices.ContainsFunc(c.made.Of(rewrite.ColumnPart), func(p *rewrite.TablePart) bool { return p.Traits["counter"].Value != "" })
	said, is := dump.Value, made.Value
	if is == "" {
		is = "1"
	}
	less := len(is) < len(said) || len(is) == len(said) && is < said
	dump.Unknown = !counts || !less
	c.dump.Options["counter"] = dump
}
