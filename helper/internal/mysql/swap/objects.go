package swap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// kind is a kind of object that RENAME TABLE cannot move to another database.
type kind string

const (
	view        kind = "VIEW"
	trigger     kind = "TRIGGER"
	procedure   kind = "PROCEDURE"
	function    kind = "FUNCTION"
	event       kind = "EVENT"
	packageHead kind = "PACKAGE"
	packageBody kind = "PACKAGE BODY"
	foreignKey  kind = "FOREIGN KEY" // leads out of its database
)

// creationOrder makes objects before those that use them: views may call functions, and triggers and events may use
// everything.
var creationOrder = []kind{foreignKey, packageHead, packageBody, function, procedure, view, trigger, event}

// object is a view, trigger, routine, event or foreign key, with the session settings that it was made under and
// depends on.
type object struct {
	Kind kind
	Name string
	// Table is the table of a trigger or a foreign key.
	Table string
	// SQL creates it. Its bytes are in Charset.
	SQL                                   string
	SQLMode, Charset, Collation, TimeZone string
}

// is says whether two objects have the same kind and name.
func (o object) is(other object) bool { return o.Kind == other.Kind && o.Name == other.Name }

// capture reads the views, triggers, routines and events of a database, and the foreign keys that lead out of it.
// Triggers are in the order in which they must be made again.
func capture(ctx context.Context, s *session.Session, database string) ([]object, error) {
	present, err := s.Exists(ctx, database)
	if err != nil || !present {
		return nil, err
	}
	// The server leaves out a database's own name in a view only for sessions that use that database.
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(database)); err != nil {
		return nil, err
	}
	listings := []string{
		"SELECT TABLE_NAME AS name, 'VIEW' AS kind FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?",
		"SELECT TRIGGER_NAME AS name, 'TRIGGER' AS kind, EVENT_OBJECT_TABLE AS on_table FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?" +
			" ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
		"SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS kind FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?",
		"SELECT EVENT_NAME AS name, 'EVENT' AS kind FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?",
	}
	var objects []object
	for _, listing := range listings {
		rows, err := s.Table(ctx, listing, database)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			o, err := show(ctx, s, kind(row["kind"]), row["name"])
			if err != nil {
				return nil, fmt.Errorf("read %s %s of database %s: %w", strings.ToLower(row["kind"]), row["name"], database, err)
			}
			o.Table = row["on_table"]
			objects = append(objects, o)
		}
	}
	keys, err := outgoing(ctx, s, database)
	return append(objects, keys...), err
}

// show reads one object of the session's database.
func show(ctx context.Context, s *session.Session, k kind, name string) (object, error) {
	// The text must arrive in its original character set, without conversion.
	if err := s.Exec(ctx, "SET SESSION character_set_results = binary"); err != nil {
		return object{}, err
	}
	rows, err := s.Table(ctx, fmt.Sprintf("SHOW CREATE %s %s", k, mysql.QuoteName(name)))
	if err == nil {
		err = s.Exec(ctx, "SET SESSION character_set_results = utf8mb4")
	}
	if err != nil {
		return object{}, err
	}
	if len(rows) == 0 {
		return object{}, errors.New("it was dropped a moment ago")
	}
	row := rows[0]
	o := object{
		Kind: k, Name: name, SQL: row["create "+strings.ToLower(string(k))],
		SQLMode: row["sql_mode"], Charset: row["character_set_client"], Collation: row["collation_connection"],
		TimeZone: row["time_zone"],
	}
	if k == trigger {
		o.SQL = row["sql original statement"]
	}
	if o.SQL == "" {
		return object{}, errUnreadable
	}
	return o, nil
}

// errUnreadable means that the account may not see the body of a routine, which the server then reports as NULL.
var errUnreadable = errors.New("the account may not see its text")

// drop drops an object.
func drop(ctx context.Context, s *session.Session, database string, o object) error {
	if o.Kind == foreignKey {
		return dropForeignKey(ctx, s, database, o.Table, o.Name)
	}
	return s.Exec(ctx, fmt.Sprintf("DROP %s IF EXISTS %s.%s", o.Kind, mysql.QuoteName(database), mysql.QuoteName(o.Name)))
}

// create makes objects in a database, each under its own settings. If the server refuses one, create leaves it out
// with a note, because the tables matter more. It returns all other errors.
func (db *Database) create(ctx context.Context, s *session.Session, database string, objects []object) error {
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(database)); err != nil {
		return err
	}
	for _, k := range creationOrder {
		var left []object
		for _, o := range objects {
			if o.Kind == k {
				left = append(left, o)
			}
		}
		// Views may need one another: each round makes those whose turn has come.
		for progress := true; progress && len(left) > 0; {
			progress = false
			var refused []object
			for _, o := range left {
				err := db.createOne(ctx, s, database, o)
				switch {
				case err == nil:
					progress = true
					target.OnStep("object made")
				case mysql.Errno(err) == 0:
					return err
				default:
					refused = append(refused, o)
					if o.Kind != view {
						db.Config.Note(leftOut(o, err))
					}
				}
			}
			left = refused
			if k != view {
				break
			}
			if !progress {
				for _, o := range left {
					db.Config.Note(leftOut(o, db.createOne(ctx, s, database, o)))
				}
			}
		}
	}
	return nil
}

func leftOut(o object, err error) string {
	if o.Kind == foreignKey {
		_, table := o.reach()
		return fmt.Sprintf("foreign key %s of table %s to table %s is left out: %v", o.Name, o.Table, table, err)
	}
	return fmt.Sprintf("%s %s is left out: %v", strings.ToLower(string(o.Kind)), o.Name, err)
}

func (db *Database) createOne(ctx context.Context, s *session.Session, database string, o object) error {
	if o.Kind == foreignKey {
		// If the table that was missing exists by now, the key is there, but capture no longer counts it as leading
		// out.
		if there, err := hasForeignKey(ctx, s, database, o.Table, o.Name); there || err != nil {
			return err
		}
	}
	settings := "SET SESSION sql_mode = " + mysql.QuoteText(o.SQLMode)
	if o.Charset != "" {
		settings += fmt.Sprintf(", character_set_client = %s, collation_connection = %s", mysql.QuoteText(o.Charset), mysql.QuoteText(o.Collation))
	}
	if o.TimeZone != "" {
		settings += ", time_zone = " + mysql.QuoteText(o.TimeZone)
	}
	err := s.Exec(ctx, settings)
	if err == nil {
		err = s.Exec(ctx, o.SQL)
	}
	if mysql.Errno(err) == mysql.ErrnoSpecificDenied {
		// Only an administrator may create objects that run as someone else.
		if mine, changed := rewrite.ReplaceDefiner(o.SQL, func(string, string) bool { return true }); changed {
			db.Config.Note(fmt.Sprintf("%s %s now belongs to %s", strings.ToLower(string(o.Kind)), o.Name, db.Account))
			err = s.Exec(ctx, mine)
		}
	}
	if mysql.Errno(err) == mysql.ErrnoEventInThePast || mysql.Errno(err) == mysql.ErrnoEventPastChange {
		err = nil // the event's time is over
	}
	// Some modes turn '' into NULL.
	reset := s.Exec(ctx, "SET SESSION sql_mode = 0, time_zone = DEFAULT, NAMES utf8mb4")
	if err == nil {
		err = reset
	}
	return err
}

// moved returns an object as it must read after moving from one database to another. Only a view that refers to other
// databases names its own.
func (o object) moved(from, to string) object {
	if o.Kind != view {
		return o
	}
	o.SQL = renamedDatabase(o.SQL, from, to)
	return o
}

// renamedDatabase replaces the database from with the database to in a text.
func renamedDatabase(sql, from, to string) string {
	text := []byte(sql)
	var edits sqltext.Edits
	for at := 0; ; {
		token := sqltext.NextToken(text, at, sqltext.MySQL)
		if token.Kind == sqltext.End {
			return string(edits.Apply(text))
		}
		at = token.End
		if token.Kind == sqltext.QuotedName && token.Name(text) == from && sqltext.NextToken(text, at, sqltext.MySQL).IsSymbol(text, '.') {
			edits.Replace(token.Start, token.End, mysql.QuoteName(to))
		}
	}
}

// without returns the objects that have no equal among others.
func without(objects, others []object) []object {
	var left []object
	for _, o := range objects {
		if !slices.Contains(others, o) {
			left = append(left, o)
		}
	}
	return left
}
