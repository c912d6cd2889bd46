package read

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// schemaObject is a trigger, event, routine or view, with the settings that it was made under and that its
// meaning depends on.
type schemaObject struct {
	kind, name string
	// create makes it. Its bytes are in the character set charset.
	create             string
	mode               string // sql_mode; a view has none
	charset, collation string // of the client, and of the connection
	zone               string // time_zone; only events have one
	database           string // the collation that the database had
}

// objectsHead keeps the settings that each object changes.
const objectsHead = `
SET @saved_cs_client=@@character_set_client, @saved_col_connection=@@collation_connection, @saved_sql_mode=@@sql_mode, @saved_time_zone=@@time_zone;
`

// objects writes the triggers of the given tables, the events and the routines. All of them may refer to
// things that are not there yet.
func (r *schemaReader) objects(ctx context.Context, s *script, tables []string) error {
	listings := []func(context.Context) ([]schemaObject, error){
		func(ctx context.Context) ([]schemaObject, error) { return r.triggers(ctx, tables) }, r.events, r.routines,
	}
	for _, listing := range listings {
		listed, err := listing(ctx)
		if err != nil {
			return err
		}
		for _, o := range listed {
			if err := r.show(ctx, &o); err != nil {
				return reading(strings.ToLower(o.kind)+" "+o.name, err)
			}
			r.write(s, o)
		}
	}
	return nil
}

// triggers lists those of the given tables, in the order in which they fire.
func (r *schemaReader) triggers(ctx context.Context, tables []string) ([]schemaObject, error) {
	rows, err := r.rows(ctx, "SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS `on` FROM information_schema.TRIGGERS"+
		" WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, TRIGGER_NAME")
	if err != nil {
		return nil, reading("the list of triggers", err)
	}
	// Servers on file systems that do not tell capitals apart may not agree with themselves.
	known := map[string]bool{}
	for _, table := range tables {
		known[strings.ToLower(table)] = true
	}
	var listed []schemaObject
	for _, row := range rows {
		o := schemaObject{kind: "TRIGGER", name: row["name"]}
		// One that fires at several events is listed for each.
		if known[strings.ToLower(row["on"])] && !slices.Contains(listed, o) {
			listed = append(listed, o)
		}
	}
	return listed, nil
}

func (r *schemaReader) events(ctx context.Context) ([]schemaObject, error) {
	if !r.server.events {
		return nil, nil
	}
	rows, err := r.rows(ctx, "SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()")
	if err != nil {
		return nil, reading("the list of events", err)
	}
	var listed []schemaObject
	for _, row := range rows {
		listed = append(listed, schemaObject{kind: "EVENT", name: row["name"]})
	}
	slices.SortFunc(listed, func(a, b schemaObject) int { return cmp.Compare(a.name, b.name) })
	return listed, nil
}

// routines lists them with the body of a package behind its head.
func (r *schemaReader) routines(ctx context.Context) ([]schemaObject, error) {
	rows, err := r.rows(ctx, "SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS kind FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()")
	if err != nil {
		return nil, reading("the list of routines", err)
	}
	var listed []schemaObject
	for _, row := range rows {
		listed = append(listed, schemaObject{kind: row["kind"], name: row["name"]})
	}
	// FUNCTION, PACKAGE, PACKAGE BODY, PROCEDURE
	slices.SortFunc(listed, func(a, b schemaObject) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return listed, nil
}

// show reads an object of which kind and name are known.
func (r *schemaReader) show(ctx context.Context, o *schemaObject) error {
	row, err := r.row(ctx, fmt.Sprintf("SHOW CREATE %s %s", o.kind, mysql.QuoteName(o.name)))
	if err != nil {
		return err
	}
	o.create = row["create "+strings.ToLower(o.kind)]
	if o.kind == "TRIGGER" {
		o.create = bareTrigger(row["sql original statement"], r.server.url.Name)
	}
	if o.create == "" {
		return fmt.Errorf("%w: the server does not show its text", source.ErrPrivilege)
	}
	o.mode, o.charset, o.collation = row["sql_mode"], row["character_set_client"], row["collation_connection"]
	o.zone, o.database = row["time_zone"], row["database collation"]
	return nil
}

// write makes an object under its own settings.
func (r *schemaReader) write(s *script, o schemaObject) {
	// The name in DROP is in the dump's own character set; that a package is meant, only its own sql_mode knows.
	s.add("\n")
	if o.kind != "VIEW" {
		s.add("SET sql_mode='", o.mode, "';\n")
	}
	if o.kind != "TRIGGER" { // which went with its table
		s.add("DROP ", o.kind, " IF EXISTS ", mysql.QuoteName(o.name), ";\n")
	}
	// Types in a routine that name no character set have the one that the database had then.
	elsewhere := o.database != "" && o.database != r.collation
	if elsewhere {
		s.add("ALTER DATABASE COLLATE ", o.database, ";\n")
	}
	set := "SET character_set_client=" + o.charset + ", collation_connection=" + o.collation
	reset := "SET character_set_client=@saved_cs_client, collation_connection=@saved_col_connection, sql_mode=@saved_sql_mode"
	if o.zone != "" {
		set += ", time_zone='" + o.zone + "'"
		reset += ", time_zone=@saved_time_zone"
	}
	s.add(set, ";\n")
	// Not within /*!50003 … */, as mysqldump writes triggers and events: such a comment in the text would end it.
	delimiter := delimiterFor(o.create)
	s.add("DELIMITER ", delimiter, "\n", o.create, "\n", delimiter, "\nDELIMITER ;\n")
	s.add(reset, ";\n")
	if elsewhere {
		s.add("ALTER DATABASE COLLATE ", r.collation, ";\n")
	}
}

// views writes the views in place of their stand-ins.
func (r *schemaReader) views(ctx context.Context, s *script, names []string) error {
	views := make([]schemaObject, len(names))
	for i, name := range names {
		views[i] = schemaObject{kind: "VIEW", name: name}
		if err := r.show(ctx, &views[i]); err != nil {
			return reading("view "+name, err)
		}
	}
	for _, view := range r.inOrderOfNeed(views) {
		r.write(s, view)
	}
	return nil
}

// inOrderOfNeed puts views behind those that they read: a view WITH CHECK OPTION is refused on a stand-in, which
// takes no rows.
func (r *schemaReader) inOrderOfNeed(views []schemaObject) []schemaObject {
	byName := map[string]int{}
	for i, view := range views {
		byName[strings.ToLower(view.name)] = i
	}
	var ordered []schemaObject
	visited := make([]bool, len(views))
	var visit func(int)
	visit = func(i int) {
		if visited[i] {
			return
		}
		visited[i] = true
		for _, name := range r.tableNames(views[i].create) {
			if needed, is := byName[strings.ToLower(name)]; is {
				visit(needed)
			}
		}
		ordered = append(ordered, views[i])
	}
	for i := range views {
		visit(i)
	}
	return ordered
}

// tableNames gives the names in a view's text that may be those of tables and views of this database: all but
// those of columns, which are qualified, and new names.
func (r *schemaReader) tableNames(create string) (names []string) {
	text := []byte(create)
	all := tokens(text)
	for i, token := range all {
		if token.Kind != sqltext.QuotedName || i < 2 || all[i-1].Is(text, "AS") {
			continue
		}
		if all[i-1].IsSymbol(text, '.') && !strings.EqualFold(nameOf(text, all[i-2]), r.server.url.Name) {
			continue
		}
		names = append(names, token.Name(text))
	}
	return names
}
