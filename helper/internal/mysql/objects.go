package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
)

// ObjectKind is a kind of object that is made by a statement of its own, as CREATE, DROP and SHOW CREATE name it.
type ObjectKind string

// The kinds of objects beside tables and sequences.
const (
	View        ObjectKind = "VIEW"
	Trigger     ObjectKind = "TRIGGER"
	Procedure   ObjectKind = "PROCEDURE"
	Function    ObjectKind = "FUNCTION"
	Event       ObjectKind = "EVENT"
	Package     ObjectKind = "PACKAGE"
	PackageBody ObjectKind = "PACKAGE BODY"
)

// Object is a view, trigger, routine or event, with the session settings that it was made under and depends on.
type Object struct {
	Kind ObjectKind
	Name string
	// Table is the table of a trigger.
	Table string
	// SQL creates it. Its bytes are in Charset.
	SQL     string
	SQLMode string // a view has none
	// Charset is character_set_client, and Collation is collation_connection.
	Charset, Collation string
	TimeZone           string // only an event has one
	// DatabaseCollation is the collation that the database had: types in a routine that name no character set have that one.
	DatabaseCollation string
}

var (
	// ErrVanished means that something was dropped after it had been listed.
	ErrVanished = errors.New("it was dropped a moment ago")
	// ErrTextHidden means that the account may not see the text of a routine, which the server then reports as NULL.
	ErrTextHidden = errors.New("the account may not see its text")
)

// ListViews lists the views of the session's database.
func ListViews(ctx context.Context, conn *sql.Conn) ([]Object, error) {
	return listObjects(ctx, conn, "SELECT TABLE_NAME AS name, 'VIEW' AS kind FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME")
}

// ListTriggers lists the triggers of the session's database, by table and in the order in which they fire. If they are made
// again in this order, they fire in it.
func ListTriggers(ctx context.Context, conn *sql.Conn) ([]Object, error) {
	listed, err := listObjects(ctx, conn, "SELECT TRIGGER_NAME AS name, 'TRIGGER' AS kind, EVENT_OBJECT_TABLE AS on_table FROM information_schema.TRIGGERS"+
		" WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, TRIGGER_NAME")
	var distinct []Object
	for _, o := range listed {
		// A trigger for several events is listed once for each.
		if !slices.Contains(distinct, o) {
			distinct = append(distinct, o)
		}
	}
	return distinct, err
}

// ListRoutines lists the functions, procedures and packages of the session's database, the body of a package behind its head.
func ListRoutines(ctx context.Context, conn *sql.Conn) ([]Object, error) {
	listed, err := listObjects(ctx, conn, "SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS kind FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()")
	slices.SortFunc(listed, func(a, b Object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return listed, err
}

// ListEvents lists the events of the session's database.
func ListEvents(ctx context.Context, conn *sql.Conn) ([]Object, error) {
	listed, err := listObjects(ctx, conn, "SELECT EVENT_NAME AS name, 'EVENT' AS kind FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()")
	slices.SortFunc(listed, func(a, b Object) int { return cmp.Compare(a.Name, b.Name) })
	return listed, err
}

func listObjects(ctx context.Context, conn *sql.Conn, query string) ([]Object, error) {
	rows, err := Rows(ctx, conn, query)
	var listed []Object
	for _, row := range rows {
		listed = append(listed, Object{Kind: ObjectKind(row["kind"]), Name: row["name"], Table: row["on_table"]})
	}
	return listed, err
}

// Show reads the text and the settings of a listed object of the session's database. The server leaves that database's own name
// out of a view's text; a trigger's text is as somebody wrote it. character_set_results must be binary, so that the text
// arrives in its own character set.
func (o *Object) Show(ctx context.Context, conn *sql.Conn) error {
	rows, err := Rows(ctx, conn, "SHOW CREATE "+string(o.Kind)+" "+QuoteName(o.Name))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ErrVanished
	}
	row := rows[0]
	o.SQL = row["create "+strings.ToLower(string(o.Kind))]
	if o.Kind == Trigger {
		o.SQL = row["sql original statement"]
	}
	if o.SQL == "" {
		return ErrTextHidden
	}
	o.SQLMode, o.Charset, o.Collation = row["sql_mode"], row["character_set_client"], row["collation_connection"]
	o.TimeZone, o.DatabaseCollation = row["time_zone"], row["database collation"]
	return nil
}
