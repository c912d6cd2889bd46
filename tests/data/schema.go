package data

import (
	"fmt"
	"iter"
	"strings"
)

// table is the definition of a table and the function that makes its rows.
type table struct {
	name, comment string
	// columns has a line for each column: name, type, and "null" if it is nullable; keys has one for each key:
	// primary, unique NAME or key NAME, and the columns.
	columns, keys string
	engine        string // for MySQL; empty means InnoDB
	count         int
	// rowBytes is the approximate length of a row. It determines how many rows go into one statement.
	rowBytes int
	fill     func(m *maker, i int)
}

// batch is a range of rows of one table, from number from up to but not including number to.
type batch struct {
	table    *table
	from, to int
}

const statementBytes = 1 << 20 // like mariadb-dump's net_buffer_length

func (t *table) batches() iter.Seq[batch] {
	step := max(1, statementBytes/t.rowBytes)
	return func(yield func(batch) bool) {
		for from := 0; from < t.count; from += step {
			if !yield(batch{t, from, min(from+step, t.count)}) {
				return
			}
		}
	}
}

// columnTypes maps Drupal's types to both dialects. A length replaces the %s.
var columnTypes = map[string][2]string{
	"serial":   {"int(10) unsigned NOT NULL AUTO_INCREMENT", "serial NOT NULL"},
	"uint":     {"int(10) unsigned", "bigint"},
	"int":      {"int(11)", "integer"},
	"bigint":   {"bigint(20)", "bigint"},
	"small":    {"smallint(6)", "smallint"},
	"tiny":     {"tinyint(4)", "smallint"},
	"varchar":  {"varchar(%s)", "character varying(%s)"},
	"ascii":    {"varchar(%s) CHARACTER SET ascii COLLATE ascii_general_ci", "character varying(%s)"},
	"binary":   {"varchar(%s) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "character varying(%s)"},
	"text":     {"longtext", "text"},
	"blob":     {"longblob", "bytea"},
	"decimal":  {"decimal(%s)", "numeric(%s)"},
	"float":    {"float", "real"},
	"double":   {"double", "double precision"},
	"date":     {"date", "date"},
	"datetime": {"datetime", "timestamp without time zone"},
	"enum":     {"enum('web','mail','api','o''clock;')", "text"},
}

// lines returns the fields of each line that has any.
func lines(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 0 && !yield(fields) {
				return
			}
		}
	}
}

// create returns the CREATE TABLE statement. PostgreSQL's keys follow the data: see keyStatements.
func (t *table) create(d Dialect) string {
	var parts []string
	for fields := range lines(t.columns) {
		kind, length, _ := strings.Cut(strings.TrimSuffix(fields[1], ")"), "(")
		text := columnTypes[kind][d]
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, length)
		}
		null := len(fields) > 2
		switch {
		case strings.Contains(text, "NOT NULL"):
		case !null:
			text += " NOT NULL"
		case d == MySQL:
			text += " DEFAULT NULL"
		}
		if d == MySQL {
			text = "`" + fields[0] + "` " + text
		} else {
			text = `"` + fields[0] + `" ` + text
		}
		parts = append(parts, "  "+text)
	}
	if d == Postgres {
		return fmt.Sprintf("CREATE TABLE public.%q (\n%s\n)", t.name, strings.Join(parts, ",\n"))
	}
	for k := range t.eachKey() {
		columns := "(`" + strings.Join(k.columns, "`,`") + "`)"
		switch k.kind {
		case "primary":
			parts = append(parts, "  PRIMARY KEY "+columns)
		case "unique":
			parts = append(parts, "  UNIQUE KEY `"+k.name+"` "+columns)
		default:
			parts = append(parts, "  KEY `"+k.name+"` "+columns)
		}
	}
	engine := t.engine
	if engine == "" {
		engine = "InnoDB"
	}
	return fmt.Sprintf("CREATE TABLE `%s` (\n%s\n) ENGINE=%s DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='%s'",
		t.name, strings.Join(parts, ",\n"), engine, strings.ReplaceAll(t.comment, "'", "''"))
}

type key struct {
	kind, name string
	columns    []string
}

func (t *table) eachKey() iter.Seq[key] {
	return func(yield func(key) bool) {
		for fields := range lines(t.keys) {
			k := key{kind: fields[0], name: fields[len(fields)-2], columns: strings.Split(fields[len(fields)-1], ",")}
			if !yield(k) {
				return
			}
		}
	}
}

// keyStatements returns the statements that add PostgreSQL's keys.
func (t *table) keyStatements() []string {
	var statements []string
	for k := range t.eachKey() {
		columns := `("` + strings.Join(k.columns, `", "`) + `")`
		switch k.kind {
		case "primary":
			statements = append(statements, fmt.Sprintf("ALTER TABLE ONLY public.%q ADD CONSTRAINT %q PRIMARY KEY %s", t.name, t.name+"____pkey", columns))
		case "unique":
			statements = append(statements, fmt.Sprintf("ALTER TABLE ONLY public.%q ADD CONSTRAINT %q UNIQUE %s", t.name, t.name+"__"+k.name+"__key", columns))
		default:
			statements = append(statements, fmt.Sprintf("CREATE INDEX %q ON public.%q USING btree %s", t.name+"__"+k.name+"__idx", t.name, columns))
		}
	}
	return statements
}

// sequence returns the name of the auto-increment column, if there is one.
func (t *table) sequence() (column string, ok bool) {
	fields := strings.Fields(t.columns)
	if len(fields) > 1 && fields[1] == "serial" {
		return fields[0], true
	}
	return "", false
}

func (t *table) copyCommand() string {
	var names []string
	for fields := range lines(t.columns) {
		names = append(names, `"`+fields[0]+`"`)
	}
	return fmt.Sprintf("COPY public.%q (%s) FROM stdin", t.name, strings.Join(names, ", "))
}

// after returns the statements that follow the rows.
func after(d Dialect, tables []table, o Options) []string {
	var statements []string
	if d == Postgres {
		for _, t := range tables {
			statements = append(statements, t.keyStatements()...)
			if column, ok := t.sequence(); ok {
				statements = append(statements, fmt.Sprintf("SELECT pg_catalog.setval('public.%s_%s_seq', %d, true)", t.name, column, max(1, t.count)))
			}
		}
	}
	if o.ForeignKeys {
		for _, f := range [][4]string{
			{"node__field_tags", "field_tags_target_id", "taxonomy_term_data", "tid"},
			{"job_statistics", "job_id", "node", "nid"},
			{"user__roles", "entity_id", "users", "uid"},
		} {
			text := "ALTER TABLE %s ADD CONSTRAINT fk_%s_%s FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE CASCADE"
			statements = append(statements, fmt.Sprintf(text, f[0], f[0], f[1], f[1], f[2], f[3]))
		}
	}
	if o.View {
		statements = append(statements, viewStatement)
	}
	if o.Trigger {
		if d == MySQL {
			statements = append(statements, mysqlTrigger)
		} else {
			statements = append(statements, postgresFunction, postgresTrigger)
		}
	}
	return statements
}

const (
	viewStatement = `CREATE VIEW published_jobs AS SELECT n.nid, n.title, s.views, s.applications
  FROM node_field_data n LEFT JOIN job_statistics s ON s.job_id = n.nid WHERE n.status = 1 AND n.title <> ';'`

	mysqlTrigger = "CREATE TRIGGER `node_field_data_title` BEFORE UPDATE ON `node_field_data` FOR EACH ROW\n" +
		"BEGIN\n  -- an apostrophe that isn't closed; and a semicolon\n  IF NEW.title = ';' THEN SET NEW.title = 'it''s \\\"empty\\\";'; END IF;\n" +
		"  SET NEW.changed = GREATEST(NEW.changed, OLD.changed);\nEND"

	postgresFunction = "CREATE FUNCTION public.node_title() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n" +
		"  -- an apostrophe that isn't closed; and a semicolon\n  IF NEW.title = ';' THEN NEW.title := 'it''s \"empty\";'; END IF;\n  RETURN NEW;\nEND\n$body$"
	postgresTrigger = `CREATE TRIGGER node_title BEFORE UPDATE ON public.node_field_data FOR EACH ROW EXECUTE FUNCTION public.node_title()`
)
