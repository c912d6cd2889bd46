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

// kind is what RENAME TABLE cannot move from one database to another.
type kind string

const (
	view        kind = "VIEW"
	trigger     kind = "TRIGGER"
	procedure   kind = "PROCEDURE"
	function    kind = "FUNCTION"
	event       kind = "EVENT"
	packageHead kind = "PACKAGE"
	packageBody kind = "PACKAGE BODY"
	foreignKey  kind = "FOREIGN KEY" // one that leads out of its database
)

// creationOrder: views may call functions, triggers and events may use everything.
var creationOrder = []kind{foreignKey, packageHead, packageBody, function, procedure, view, trigger, event}

// object is a view, trigger, routine or event, with the session settings that it was made under and
// that its meaning depends on.
type object struct {
	Kind kind
	Name string
	// Table is the one that a trigger or a foreign key belongs to.
	Table string
	// SQL creates it. Its bytes are in Charset.
	SQL                                   string
	SQLMode, Charset, Collation, TimeZone string
}

// is says whether both are the same but for what they do.
func (o object) is(other object) bool { return o.Kind == other.Kind && o.Name == other.Name }

// capture reads the views, triggers, routines and events of a database, and the foreign keys that lead out of it, in an order in
// which triggers can be made again.
func capture(ctx context.Context, s *session.Session, database string) ([]object, error) {
	present, err := s.Exists(ctx, database)
	if err != nil || !present {
		return nil, err
	}
	// A view is shown without the names of databases only from within its own.
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
	// The text comes as it was sent, in the character set of then, and not converted.
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
		return object{}, errors.New("it has vanished just now")
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

// errUnreadable is what servers say of a routine whose body the account may not see: nothing.
var errUnreadable = errors.New("the account may not see its text")

// drop drops an object.
func drop(ctx context.Context, s *session.Session, database string, o object) error {
	if o.Kind == foreignKey {
		return dropForeignKey(ctx, s, database, o.Table, o.Name)
	}
	return s.Exec(ctx, fmt.Sprintf("DROP %s IF EXISTS %s.%s", o.Kind, mysql.QuoteName(database), mysql.QuoteName(o.Name)))
}

// create makes objects in a database, each under its own settings. What the server refuses to make
// is left out with a note, for the tables matter more; err tells of everything else.
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
		// Views may need one another: in each round those are made whose turn has come.
		for progress := true; progress && len(left) > 0; {
			progress = false
			var refused []object
			for _, o := range left {
				err := db.createOne(ctx, s, database, o)
				switch {
				case err == nil:
					progress = true
					target.OnStep("object made")
				case mysql.ErrorNumber(err) == 0:
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
		// The table to which it refers may have come meanwhile: then it is none that is looked for.
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
	if mysql.ErrorNumber(err) == mysql.MysqlSpecificDenied {
		// Only an administrator may make things in the name of others.
		if mine, changed := rewrite.ReplaceDefiner(o.SQL, func(string, string) bool { return true }); changed {
			db.Config.Note(fmt.Sprintf("%s %s now belongs to %s", strings.ToLower(string(o.Kind)), o.Name, db.Account))
			err = s.Exec(ctx, mine)
		}
	}
	if mysql.ErrorNumber(err) == mysql.MysqlEventInThePast || mysql.ErrorNumber(err) == mysql.MysqlEventPastChange {
		err = nil // its time is over
	}
	// There are modes in which '' is NULL.
	reset := s.Exec(ctx, "SET SESSION sql_mode = 0, time_zone = DEFAULT, NAMES utf8mb4")
	if err == nil {
		err = reset
	}
	return err
}

// moved gives an object of the database from as it must read in the database to. Only views whose text
// reaches beyond their own database name it.
func (o object) moved(from, to string) object {
	if o.Kind != view {
		return o
	}
	o.SQL = renamedDatabase(o.SQL, from, to)
	return o
}

// renamedDatabase gives a text in which what lay in the database from lies in the database to.
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

// without gives the objects of which others has no equal.
func without(objects, others []object) []object {
	var left []object
	for _, o := range objects {
		if !slices.Contains(others, o) {
			left = append(left, o)
		}
	}
	return left
}
