package swap

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// kind is the kind of a row of a journal: of an object that RENAME TABLE cannot move to another database, or of what else a
// journal says.
type kind = mysql.ObjectKind

// foreignKey is a foreign key that leads out of its database.
const foreignKey kind = "FOREIGN KEY"

// creationOrder makes objects before those that use them: views may call functions, and triggers and events may use
// everything.
var creationOrder = []kind{
	foreignKey, mysql.Package, mysql.PackageBody, mysql.Function, mysql.Procedure, mysql.View, mysql.Trigger, mysql.Event,
}

// object is a view, trigger, routine, event or foreign key. Table is also that of a foreign key.
type object mysql.Object

// is says whether two objects have the same kind and name.
func (o object) is(other object) bool { return o.Kind == other.Kind && o.Name == other.Name }

// capture reads the views, triggers, routines and events of a database, and the foreign keys that lead out of it.
// Triggers are in the order in which they must be made again.
func capture(ctx context.Context, s *session.Session, database string) ([]object, error) {
	present, err := s.Exists(ctx, database)
	if err != nil || !present {
		return nil, err
	}
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(database)); err != nil {
		return nil, err
	}
	// Texts must arrive in their own character set, without conversion.
	if err := s.Exec(ctx, "SET SESSION character_set_results = binary"); err != nil {
		return nil, err
	}
	objects, err := shown(ctx, s, database)
	if reset := s.Exec(ctx, "SET SESSION character_set_results = utf8mb4"); err == nil {
		err = reset
	}
	if err != nil {
		return nil, err
	}
	keys, err := outgoing(ctx, s, database)
	return append(objects, keys...), err
}

// shown reads the objects that SHOW CREATE shows of the session's database.
func shown(ctx context.Context, s *session.Session, database string) ([]object, error) {
	var objects []object
	for _, list := range []func(context.Context, *sql.Conn) ([]mysql.Object, error){
		mysql.ListViews, mysql.ListTriggers, mysql.ListRoutines, mysql.ListEvents,
	} {
		listed, err := list(ctx, s.Conn)
		if err != nil {
			return nil, err
		}
		for _, o := range listed {
			if err := o.Show(ctx, s.Conn); err != nil {
				return nil, fmt.Errorf("read %s %s of database %s: %w", strings.ToLower(string(o.Kind)), o.Name, database, err)
			}
			objects = append(objects, object(o))
		}
	}
	return objects, nil
}

// drop drops an object.
func drop(ctx context.Context, s *session.Session, database string, o object) error {
	if o.Kind == foreignKey {
		return dropForeignKey(ctx, s, database, o.Table, o.Name)
	}
	return s.Exec(ctx, fmt.Sprintf("DROP %s IF EXISTS %s.%s", o.Kind, mysql.QuoteName(database), mysql.QuoteName(o.Name)))
}

// create makes objects in a database, each under its own settings. If the server refuses one, create leaves it out
// with a note, because the tables matter more. It returns all other errors.
func (db *Database) create(ctx context.Context, s *session.Session, database string, objects []object) (err error) {
	if err := s.Exec(ctx, "USE "+mysql.QuoteName(database)); err != nil {
		return err
	}
	defaults, err := defaultsOf(ctx, s, database)
	if err != nil {
		return err
	}
	defer func() {
		if reset := defaults.reset(ctx); err == nil {
			err = reset
		}
	}()
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
				err := defaults.become(ctx, o.DatabaseCollation)
				if mysql.Errno(err) != 0 {
					db.Config.Note(fmt.Sprintf("%s %s is made under the database's own collation: %s", strings.ToLower(string(o.Kind)), o.Name, mysql.ServerMessage(err)))
					err = nil
				}
				if err == nil {
					err = db.createOne(ctx, s, database, o)
				}
				switch {
				case err == nil:
					progress = true
					target.OnStep("object made")
				case mysql.Errno(err) == 0:
					return err
				default:
					refused = append(refused, o)
					if o.Kind != mysql.View {
						db.Config.Note(leftOut(o, err))
					}
				}
			}
			left = refused
			if k != mysql.View {
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
	if o.Kind != mysql.View {
		return o
	}
	o.SQL = renamedDatabase(o.SQL, from, to)
	return o
}

// renamedDatabase replaces the database from with the database to in a text.
func renamedDatabase(sql, from, to string) string {
	text := []byte(sql)
	var edits sqltext.Edits
	all := sqltext.Tokens(text, sqltext.MySQL)
	for i, token := range all[:max(len(all)-1, 0)] {
		if token.Kind == sqltext.QuotedName && token.Name(text) == from && all[i+1].IsSymbol(text, '.') {
			edits.Replace(token.Start, token.End, mysql.QuoteName(to))
		}
	}
	return string(edits.Apply(text))
}

// equals reports whether two objects are the same. The journals of earlier versions do not have the database's collation.
func (o object) equals(other object) bool {
	if o.DatabaseCollation == "" || other.DatabaseCollation == "" {
		o.DatabaseCollation, other.DatabaseCollation = "", ""
	}
	return o == other
}

// without returns the objects that have no equal among others.
func without(objects, others []object) []object {
	var left []object
	for _, o := range objects {
		if !slices.ContainsFunc(others, o.equals) {
			left = append(left, o)
		}
	}
	return left
}
