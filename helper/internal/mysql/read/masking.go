package read

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/protocol"
)

// inspectMasks compares the rules for columns with the tables whose rows are read.
func (m *Server) inspectMasks(ctx context.Context, conn *sql.Conn, tables []string) (*rules.Plan, error) {
	if !m.config.Masks.Looks() {
		return nil, nil
	}
	described, err := describeColumns(ctx, conn, tables, m.release)
	if err != nil {
		return nil, reading("the columns that are masked", err)
	}
	return m.config.Masks.Compile(described)
}

// describeColumns describes the columns of tables as far as it limits maskers.
func describeColumns(ctx context.Context, conn *sql.Conn, names []string, release mysql.Release) ([]rules.Table, error) {
	tables := make([]rules.Table, len(names))
	byName := map[string]*rules.Table{}
	for i, name := range names {
		tables[i] = rules.Table{Name: name, Names: []string{name}}
		byName[name] = &tables[i]
	}
	column := func(table, name string) *rules.Column {
		if t := byName[table]; t != nil {
			if i := slices.IndexFunc(t.Columns, func(c rules.Column) bool { return c.Name == name }); i >= 0 {
				return &t.Columns[i]
			}
		}
		return nil
	}
	err := eachLine(ctx, conn, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COALESCE(COLLATION_NAME, ''), IS_NULLABLE,"+
		" EXTRA, COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(CHARACTER_OCTET_LENGTH, 0) FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION", func(v []string) {
		if t := byName[v[0]]; t != nil {
			t.Columns = append(t.Columns, describeColumn(v[1], strings.ToLower(v[2]), strings.ToLower(v[3]), v[4], v[5], v[6] == "YES", v[7], v[8], v[9]))
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachLine(ctx, conn, "SELECT TABLE_NAME, COLUMN_NAME, COALESCE(SUB_PART, 0) FROM information_schema.STATISTICS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 AND COLUMN_NAME IS NOT NULL", func(v []string) {
		if c := column(v[0], v[1]); c != nil {
			prefix := number(v[2])
			if !c.Unique || prefix > 0 && (c.UniquePrefix == 0 || prefix < c.UniquePrefix) {
				c.UniquePrefix = prefix
			}
			c.Unique = true
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachLine(ctx, conn, "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"+
		" WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()", func(v []string) {
		if c := column(v[0], v[1]); c != nil {
			c.References = append(c.References, v[2]+"."+v[3])
		}
	})
	if err != nil {
		return nil, err
	}
	checks, ok := checksQuery(release)
	if !ok {
		return tables, nil
	}
	return tables, eachLine(ctx, conn, checks, func(v []string) {
		t := byName[v[0]]
		if t == nil {
			return
		}
		for i := range t.Columns {
			switch c := &t.Columns[i]; {
			case strings.EqualFold(strings.Trim(v[1], "()"), "json_valid("+mysql.QuoteName(c.Name)): // how MariaDB makes a column of JSON
				c.Kind = mask.JSON
			case namesColumn(v[1], c.Name):
				c.Checked = true
			}
		}
	})
}

// namesColumn says whether the condition of a CHECK names a column.
func namesColumn(condition, name string) bool {
	return strings.Contains(strings.ToLower(condition), strings.ToLower(mysql.QuoteName(name)))
}

// checksQuery returns the query for the conditions of CHECK; false if the server knows none.
func checksQuery(release mysql.Release) (string, bool) {
	const columns = "SELECT c.TABLE_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c WHERE c.CONSTRAINT_SCHEMA = DATABASE()"
	switch {
	case release.IsMariaDB():
		return columns, release.Number() >= 100222
	case release.Number() >= 80016:
		return "SELECT t.TABLE_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t" +
			" ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME AND t.CONSTRAINT_TYPE = 'CHECK'" +
			" WHERE c.CONSTRAINT_SCHEMA = DATABASE()", true
	}
	return "", false
}

// eachLine calls a function with each row of a query, as texts.
func eachLine(ctx context.Context, conn *sql.Conn, query string, do func(values []string)) error {
	_, lines, err := mysql.Lines(ctx, conn, query)
	for _, line := range lines {
		do(line)
	}
	return err
}

// integers are the ranges of integers: signed, and unsigned.
var integers = map[string][4]string{
	"tinyint":   {"-128", "127", "0", "255"},
	"smallint":  {"-32768", "32767", "0", "65535"},
	"mediumint": {"-8388608", "8388607", "0", "16777215"},
	"int":       {"-2147483648", "2147483647", "0", "4294967295"},
	"bigint":    {"-9223372036854775808", "9223372036854775807", "0", "18446744073709551615"},
}

// otherKinds are the kinds of the types that have one of their own.
var otherKinds = map[string]mask.Kind{
	"decimal": mask.Decimal, "float": mask.Float, "double": mask.Float, "date": mask.Date, "datetime": mask.DateTime, "timestamp": mask.DateTime,
	"json": mask.JSON, "uuid": mask.UUID, "inet4": mask.Inet, "inet6": mask.Inet,
	"varbinary": mask.Binary, "tinyblob": mask.Binary, "blob": mask.Binary, "mediumblob": mask.Binary, "longblob": mask.Binary,
}

// oneByte are the character sets whose characters have one byte each, and that have ASCII in them. Of others, but for UTF-8, a masker
// cannot tell where a character begins.
var oneByte = []string{"ascii", "latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "greek",
	"hebrew", "koi8r", "koi8u", "macce", "macroman", "keybcs2", "dec8", "hp8", "armscii8", "geostd8", "tis620"}

// describeColumn describes one column. What maskers cannot write in its character set or its type is of kind Other.
func describeColumn(name, dataType, definition, charset, collation string, nullable bool, extra, characters, length string) rules.Column {
	c := rules.Column{Name: name}
	c.Nullable = nullable
	extra = strings.ReplaceAll(strings.ToUpper(extra), "DEFAULT_GENERATED", "")
	c.Generated = strings.Contains(extra, "GENERATED") || strings.Contains(extra, "PERSISTENT")
	if limits, ok := integers[dataType]; ok {
		c.Kind, c.Least, c.Most = mask.Integer, limits[0], limits[1]
		if strings.Contains(definition, "unsigned") {
			c.Least, c.Most = limits[2], limits[3]
		}
		return c
	}
	if c.Kind = otherKinds[dataType]; c.Kind == mask.Binary {
		c.Bytes = number(length)
	}
	switch dataType {
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		utf8 := slices.Contains([]string{"utf8mb4", "utf8mb3", "utf8"}, charset)
		if !utf8 && !slices.Contains(oneByte, charset) {
			return c
		}
		c.Kind, c.ASCII, c.Bytes = mask.Text, !utf8, number(length)
		if strings.HasSuffix(dataType, "char") {
			c.Characters = number(characters)
		}
		c.Folded = strings.HasSuffix(collation, "_ci")
	}
	return c
}

// number reads a length; of what is too large for an int, there is no limit.
func number(text string) int {
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// readLong reads a row that is too long for the memory of a reader, but not for a masker.
func (w *rowWriter) readLong(from io.Reader) ([]byte, error) {
	row, err := io.ReadAll(io.LimitReader(from, rules.LongestRow+1))
	if err == nil && len(row) > rules.LongestRow {
		err = rules.ErrRowTooLong
	}
	if err != nil {
		return nil, fmt.Errorf("read a row of table %s: %w", w.table.name, err)
	}
	return row, nil
}

// longMasked writes a long row as a statement of its own, in parts.
func (w *rowWriter) longMasked(row []byte, nulls int) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.row(row, nulls); err != nil {
		return err
	}
	w.endStatement()
	text := w.buf
	for len(text) > longPart {
		w.buf, text = bytes.Clone(text[:longPart]), text[longPart:]
		if err := w.handOn(true); err != nil {
			return err
		}
	}
	w.buf = bytes.Clone(text)
	return w.handOn(false)
}

// findFields lists where the values of a row begin, so that a rule can look at another column.
func (w *rowWriter) findFields(row []byte, nulls int) error {
	w.fields = w.fields[:0]
	at := nulls
	for i, value := range w.values {
		w.fields = append(w.fields, at)
		if isNull(row, i) {
			continue
		}
		size := value.Size(row[at:])
		if size == 0 {
			return fmt.Errorf("read a row of table %s: column %s: %w", w.table.name, w.table.columns[i].Name, protocol.ErrNotUnderstood)
		}
		at += size
	}
	return nil
}

// field returns the text of a field of a row; false if it is NULL.
func (w *rowWriter) field(row []byte, i int) ([]byte, bool) {
	if isNull(row, i) {
		return nil, false
	}
	w.other, _ = w.values[i].Text(w.other[:0], row[w.fields[i]:])
	return w.other, true
}

// masked writes a value that may be masked, and returns its length in data, 0 if data is cut short.
func (w *rowWriter) masked(row, data []byte, i int) int {
	value := w.values[i]
	masker := w.masks.Masker(i, func(column int) ([]byte, bool) { return w.field(row, column) })
	if masker == nil {
		var size int
		w.buf, size = value.Append(w.buf, data)
		return size
	}
	var size int
	if w.plain, size = value.Text(w.plain[:0], data); size == 0 {
		return 0
	}
	made, null := masker.Mask(w.became[:0], w.plain)
	w.became = made
	if null {
		w.buf = append(w.buf, "NULL"...)
	} else {
		w.buf = value.AppendText(w.buf, made)
	}
	return size
}

// maskRows prepares the masking of a table's rows.
func (t *tableRows) maskRows() (*rules.Row, error) {
	names := make([]string, len(t.columns))
	for i, column := range t.columns {
		names[i] = column.Name
	}
	return t.plan.Row(t.name, names)
}
