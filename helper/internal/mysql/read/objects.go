package read

import (
	"context"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// objectsHead saves the settings that each object changes.
const objectsHead = `
SET @saved_cs_client=@@character_set_client, @saved_col_connection=@@collation_connection, @saved_sql_mode=@@sql_mode, @saved_time_zone=@@time_zone;
`

// objects writes the triggers of the given tables, the events and the routines. All of them may refer to things that the dump
// makes later.
func (r *schemaReader) objects(ctx context.Context, s *script, tables []string) error {
	listings := []func(context.Context) ([]mysql.Object, error){
		func(ctx context.Context) ([]mysql.Object, error) { return r.triggers(ctx, tables) }, r.events, r.routines,
	}
	for _, listing := range listings {
		listed, err := listing(ctx)
		if err != nil {
			return err
		}
		for _, o := range listed {
			if r.server.isBroken(strings.ToLower(string(o.Kind)), o.Name) {
				continue
			}
			if err := r.show(ctx, &o); err != nil {
				return err
			}
			r.write(s, o)
		}
	}
	return nil
}

// triggers lists the triggers of the given tables.
func (r *schemaReader) triggers(ctx context.Context, tables []string) ([]mysql.Object, error) {
	listed, err := mysql.ListTriggers(ctx, r.conn)
	if err != nil {
		return nil, reading("the list of triggers", err)
	}
	// A server on a file system that ignores case may write the name of one table in two ways.
	known := map[string]bool{}
	for _, table := range tables {
		known[strings.ToLower(table)] = true
	}
	return slices.DeleteFunc(listed, func(o mysql.Object) bool { return !known[strings.ToLower(o.Table)] }), nil
}

func (r *schemaReader) events(ctx context.Context) ([]mysql.Object, error) {
	if !r.server.events {
		return nil, nil
	}
	listed, err := mysql.ListEvents(ctx, r.conn)
	if err != nil {
		return nil, reading("the list of events", err)
	}
	return listed, nil
}

func (r *schemaReader) routines(ctx context.Context) ([]mysql.Object, error) {
	listed, err := mysql.ListRoutines(ctx, r.conn)
	if err != nil {
		return nil, reading("the list of routines", err)
	}
	return listed, nil
}

// show reads the text and the settings of a listed object.
func (r *schemaReader) show(ctx context.Context, o *mysql.Object) error {
	err := o.Show(ctx, r.conn)
	if err != nil {
		return reading(strings.ToLower(string(o.Kind))+" "+o.Name, err)
	}
	switch o.Kind {
	case mysql.Trigger:
		o.SQL = bareTrigger(o.SQL, r.server.url.Name)
	case mysql.View:
		o.SQL = bareSequences(o.SQL, r.server.url.Name)
	}
	return nil
}

// write writes an object under its own settings.
func (r *schemaReader) write(s *script, o mysql.Object) {
	// The name in DROP is in the dump's own character set. That PACKAGE is a kind of object, the server only knows
	// under the object's own sql_mode.
	s.add("\n")
	if o.Kind != mysql.View {
		s.add("SET sql_mode='", o.SQLMode, "';\n")
	}
	if o.Kind != mysql.Trigger { // it was dropped with its table
		s.add("DROP ", string(o.Kind), " IF EXISTS ", mysql.QuoteName(o.Name), ";\n")
	}
	// Types in a routine that name no character set have the one that the database had when the routine was made.
	elsewhere := o.DatabaseCollation != "" && o.DatabaseCollation != r.collation
	if elsewhere {
		s.add("ALTER DATABASE COLLATE ", o.DatabaseCollation, ";\n")
	}
	set := "SET character_set_client=" + o.Charset + ", collation_connection=" + o.Collation
	reset := "SET character_set_client=@saved_cs_client, collation_connection=@saved_col_connection, sql_mode=@saved_sql_mode"
	if o.TimeZone != "" {
		set += ", time_zone='" + o.TimeZone + "'"
		reset += ", time_zone=@saved_time_zone"
	}
	s.add(set, ";\n")
	// mysqldump writes triggers and events within /*!50003 … */. A comment in the text would end that.
	delimiter := delimiterFor(o.SQL)
	s.add("DELIMITER ", delimiter, "\n", o.SQL, "\n", delimiter, "\nDELIMITER ;\n")
	s.add(reset, ";\n")
	if elsewhere {
		s.add("ALTER DATABASE COLLATE ", r.collation, ";\n")
	}
}

// views writes the views in place of their stand-ins.
func (r *schemaReader) views(ctx context.Context, s *script, names []string) error {
	views := make([]mysql.Object, len(names))
	for i, name := range names {
		views[i] = mysql.Object{Kind: mysql.View, Name: name}
		if err := r.show(ctx, &views[i]); err != nil {
			return err
		}
	}
	for _, view := range r.inOrderOfNeed(views) {
		r.write(s, view)
	}
	return nil
}

// inOrderOfNeed sorts views behind those that they read: the server refuses a view WITH CHECK OPTION on a stand-in,
// which cannot be updated.
func (r *schemaReader) inOrderOfNeed(views []mysql.Object) []mysql.Object {
	byName := map[string]int{}
	for i, view := range views {
		byName[strings.ToLower(view.Name)] = i
	}
	var ordered []mysql.Object
	visited := make([]bool, len(views))
	var visit func(int)
	visit = func(i int) {
		if visited[i] {
			return
		}
		visited[i] = true
		for _, name := range r.tableNames(views[i].SQL) {
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

// tableNames returns the names in a view's text that may be tables or views of this database: all except qualified
// names of columns and new names.
func (r *schemaReader) tableNames(create string) (names []string) {
	text := []byte(create)
	all := sqltext.Tokens(text, sqltext.MySQL)
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
