package read

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mask"
	"github.com/jobiqo/dump-refresh/helper/internal/mask/rules"
)

// columnsQuery describes the columns of tables, with the names of the partitioned tables that they are parts of. %s is whether a column is
// generated. Array indexes of keys are joined by the caller.
const columnsQuery = `
WITH RECURSIVE up (leaf, oid) AS (
  SELECT c.oid, c.oid FROM pg_class c WHERE c.relkind = 'r'
  UNION ALL SELECT up.leaf, i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p')
SELECT n.nspname::text, c.relname::text, a.attname::text,
  CASE WHEN t.typtype = 'b' THEN t.typname::text ELSE '' END, a.atttypmod::text, a.attnotnull::text, (%s)::text,
  (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND a.attnum = ANY (i.indkey)))::text,
  (EXISTS (SELECT FROM pg_index i JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
    AND d.refobjid = c.oid AND d.refobjsubid = a.attnum WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND i.indexprs IS NOT NULL))::text,
  (EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey))
    OR EXISTS (SELECT FROM up JOIN pg_partitioned_table p ON p.partrelid = up.oid JOIN pg_attribute pa ON pa.attrelid = up.oid
      AND (pa.attnum = ANY (p.partattrs) OR p.partexprs IS NOT NULL) WHERE up.leaf = c.oid AND up.oid <> c.oid AND pa.attname = a.attname))::text,
  coalesce((SELECT string_agg(format('%%s.%%s.%%s', fn.nspname, fc.relname, fa.attname), E'\n') FROM pg_constraint k
    JOIN pg_class fc ON fc.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
    JOIN pg_attribute fa ON fa.attrelid = fc.oid AND fa.attnum = k.confkey[array_position(k.conkey, a.attnum)]
    WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)), ''),
  coalesce((SELECT string_agg(format('%%s.%%s', un.nspname, uc.relname), E'\n') FROM up JOIN pg_class uc ON uc.oid = up.oid
    JOIN pg_namespace un ON un.oid = uc.relnamespace WHERE up.leaf = c.oid AND up.oid <> c.oid), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname, c.relname, a.attnum`

// masking is what is masked, and the columns of each table in the order in which COPY sends them.
type masking struct {
	plan    *rules.Plan
	columns map[relationName][]string
}

// inspectMasks compares the rules for columns with the tables whose rows are read.
func (p *Server) inspectMasks(ctx context.Context, tx querier) (masking, error) {
	m := masking{columns: map[relationName][]string{}}
	if !p.config.Masks.Looks() {
		return m, nil
	}
	tables, err := p.describeTables(ctx, tx, m.columns)
	if err != nil {
		return m, err
	}
	m.plan, err = p.config.Masks.Compile(tables)
	return m, err
}

// describeTables describes the tables whose rows are read. It fills in their columns, but for generated ones, in the order in which COPY sends them.
func (p *Server) describeTables(ctx context.Context, tx querier, columns map[relationName][]string) (tables []rules.Table, err error) {
	generated := "false"
	if p.server.Major >= 12 {
		generated = "a.attgenerated <> ''"
	}
	rows, err := p.texts(ctx, tx, fmt.Sprintf(columnsQuery, generated))
	if err != nil {
		return nil, err
	}
	copied := map[string]bool{}
	for _, name := range p.copied {
		copied[name.String()] = true
	}
	for _, v := range rows {
		name := relationName{v[0], v[1]}
		if !copied[name.String()] {
			continue
		}
		if len(tables) == 0 || tables[len(tables)-1].Name != name.String() {
			tables = append(tables, rules.Table{Name: name.String(), Names: []string{name.name, name.String()}})
			for _, parent := range strings.Fields(strings.ReplaceAll(v[11], "\n", " ")) {
				_, plain, _ := strings.Cut(parent, ".")
				tables[len(tables)-1].Names = append(tables[len(tables)-1].Names, plain, parent)
			}
		}
		column := describeColumn(v)
		for _, reference := range strings.Split(v[10], "\n") {
			if point := strings.LastIndexByte(reference, '.'); point > 0 && copied[reference[:point]] {
				column.References = append(column.References, reference)
			}
		}
		tables[len(tables)-1].Columns = append(tables[len(tables)-1].Columns, column)
		if !column.Generated {
			columns[name] = append(columns[name], column.Name)
		}
	}
	return tables, nil
}

// becomeNull reports whether one of a table's columns is NULL in every row of the dump.
func (m masking) becomeNull(table relationName, columns []string) bool {
	return slices.ContainsFunc(columns, func(column string) bool { return m.plan.BecomesNull(table.String(), column) })
}

// kinds are the kinds of types. Others, also domains, enums and bytea, can only become NULL.
var kinds = map[string]mask.Kind{
	"text": mask.Text, "varchar": mask.Text, "bpchar": mask.Text, "citext": mask.Text, "int2": mask.Integer, "int4": mask.Integer, "int8": mask.Integer,
	"numeric": mask.Decimal, "float4": mask.Float, "float8": mask.Float, "date": mask.Date, "timestamp": mask.DateTime, "timestamptz": mask.DateTime,
	"json": mask.JSON, "jsonb": mask.JSON, "uuid": mask.UUID, "inet": mask.Inet, "cidr": mask.Network,
}

var integers = map[string][2]string{
	"int2": {"-32768", "32767"}, "int4": {"-2147483648", "2147483647"}, "int8": {"-9223372036854775808", "9223372036854775807"},
}

// describeColumn describes a column by a row of columnsQuery.
func describeColumn(v []string) rules.Column {
	is := func(text string) bool { return text == "true" || text == "t" }
	c := rules.Column{Name: v[2], Generated: is(v[6]), Checked: is(v[9])}
	c.Kind, c.Nullable = kinds[v[3]], !is(v[5])
	c.Unique = is(v[7]) || is(v[8])
	// The expression of an index may take upper and lower case for the same.
	c.Folded = v[3] == "citext" || is(v[8])
	if limits, ok := integers[v[3]]; ok {
		c.Least, c.Most = limits[0], limits[1]
	}
	const header = 4 // that the length of a text is stored with
	if length, err := strconv.Atoi(v[4]); err == nil && length > header && (v[3] == "varchar" || v[3] == "bpchar") {
		c.Characters = length - header
	}
	return c
}

// rowMasker masks rows of COPY's text.
type rowMasker struct {
	row           *rules.Row
	columns       int
	partial       []byte // of a row that comes in parts
	fields        [][]byte
	plain, became []byte
	other, made   []byte
}

// newRowMasker returns what masks the rows of a table; nil if nothing is masked.
func (m masking) newRowMasker(table relationName) (*rowMasker, error) {
	row, err := m.plan.Row(table.String(), m.columns[table])
	if row == nil || err != nil {
		return nil, err
	}
	return &rowMasker{row: row, columns: len(m.columns[table])}, nil
}

// add takes a row, or a part of one, and returns the row once it is complete, with its line feed: as it was, and masked.
func (m *rowMasker) add(data []byte) (row, masked []byte, err error) {
	whole := bytes.HasSuffix(data, []byte{'\n'})
	if len(m.partial) > 0 || !whole {
		if m.partial = append(m.partial, data...); len(m.partial) > rules.LongestRow {
			return nil, nil, rules.ErrRowTooLong
		}
		data = m.partial
	}
	if !whole {
		return nil, nil, nil
	}
	masked, err = m.mask(data)
	m.partial = m.partial[:0]
	return data, masked, err
}

// mask masks a row. Tabs separate the fields; those in values are escaped.
func (m *rowMasker) mask(line []byte) ([]byte, error) {
	m.fields = m.fields[:0]
	for rest := line[:len(line)-1]; ; {
		field, after, more := bytes.Cut(rest, []byte{'\t'})
		m.fields = append(m.fields, field)
		if rest = after; !more {
			break
		}
	}
	if len(m.fields) != m.columns {
		return nil, fmt.Errorf("a row has %d fields, its table %d columns", len(m.fields), m.columns)
	}
	m.made = m.made[:0]
	for i, field := range m.fields {
		if i > 0 {
			m.made = append(m.made, '\t')
		}
		var masker mask.Masker
		if m.row.Masks(i) && !isNull(field) {
			masker = m.row.Masker(i, m.value)
		}
		if masker == nil {
			m.made = append(m.made, field...)
			continue
		}
		m.plain = appendUnescaped(m.plain[:0], field)
		became, null := masker.Mask(m.became[:0], m.plain)
		if m.became = became; null {
			m.made = append(m.made, `\N`...)
		} else {
			m.made = appendEscaped(m.made, became)
		}
	}
	return append(m.made, '\n'), nil
}

// value returns the text of another field of the row; false if it is NULL.
func (m *rowMasker) value(column int) ([]byte, bool) {
	if isNull(m.fields[column]) {
		return nil, false
	}
	m.other = appendUnescaped(m.other[:0], m.fields[column])
	return m.other, true
}

func isNull(field []byte) bool { return string(field) == `\N` }

// copyEscapes are the letters of the escapes that COPY writes, and what they stand for.
const copyEscapes = "b\bf\fn\nr\rt\tv\v\\\\"

// appendUnescaped appends a field without COPY's escapes.
func appendUnescaped(dst, field []byte) []byte {
	for {
		backslash := bytes.IndexByte(field, '\\')
		if backslash < 0 || backslash+1 >= len(field) {
			return append(dst, field...)
		}
		dst = append(dst, field[:backslash]...)
		c := field[backslash+1]
		for i := 0; i < len(copyEscapes); i += 2 {
			if copyEscapes[i] == c {
				c = copyEscapes[i+1]
				break
			}
		}
		dst = append(dst, c)
		field = field[backslash+2:]
	}
}

// appendEscaped appends a value as COPY writes it.
func appendEscaped(dst, value []byte) []byte {
	for _, c := range value {
		if i := slices.Index([]byte("\b\f\n\r\t\v\\"), c); i >= 0 {
			dst = append(dst, '\\', copyEscapes[2*i])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
