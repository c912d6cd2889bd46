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
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// inboundKey is a foreign key of another database's table that refers to one of our tables. It would follow our table
// wherever that is renamed. So it is dropped before a swap and added again afterwards, referring to the live database
// as before.
type inboundKey struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Name     string `json:"name"`
	// Refers is the table of the live database. Add is the statement that adds the key.
	Refers string `json:"refers"`
	Add    string `json:"add"`
}

func (k inboundKey) String() string {
	return fmt.Sprintf("foreign key %s of table %s.%s", k.Name, k.Database, k.Table)
}

// inbound lists the foreign keys of other databases that refer to tables of an extent, and those that an earlier
// version of this program misdirected. It fails with *PrivilegeError if there are keys that the account cannot see.
func (db *Database) inbound(ctx context.Context, s *session.Session, e extent) ([]inboundKey, error) {
	n := db.Names
	referring, known, err := referring(ctx, s, n)
	if err != nil || known && len(referring) == 0 {
		return nil, err
	}
	ours, arguments := list(n)
	rows, err := s.Table(ctx, "SELECT CONSTRAINT_SCHEMA AS of_database, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA AS refers_in, REFERENCED_TABLE_NAME AS refers_to"+
		" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE UNIQUE_CONSTRAINT_SCHEMA IN "+ours+" AND CONSTRAINT_SCHEMA NOT IN "+ours+
		" ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME", slices.Concat(arguments, arguments)...)
	if err != nil {
		return nil, err
	}
	if len(rows) < len(referring) {
		other, _, _ := strings.Cut(referring[0], "/")
		return nil, &target.PrivilegeError{
			Action: "put back what refers to database " + n.Live + ", the foreign keys of " + strings.Join(referring, ", "),
			Grant:  "GRANT SELECT, ALTER, INDEX, REFERENCES ON " + mysql.QuoteName(other) + ".* TO " + db.Grantee(),
			Err:    errors.New("this account does not see them"),
		}
	}
	var keys []inboundKey
	for _, row := range rows {
		k := inboundKey{Database: row["of_database"], Table: row["table_name"], Name: row["constraint_name"], Refers: row["refers_to"]}
		if row["refers_in"] == n.Live && !e.has(k.Refers) {
			continue
		}
		definition, err := mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(k.Database, k.Table))
		if err != nil {
			return nil, err
		}
		for _, key := range rewrite.ReadDefinition(definition).Foreign {
			if key.Name == k.Name {
				add := foreignKeyOf(k.Table, key.Name, key.Text).referringTo(n.Live, k.Refers).SQL
				k.Add = "ALTER TABLE " + mysql.QuoteName(k.Database) + "." + strings.TrimPrefix(add, "ALTER TABLE ")
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
}

// list returns placeholders for the databases of n, and their values.
func list(n target.Names) (text string, arguments []any) {
	for _, database := range n.All() {
		arguments = append(arguments, database)
	}
	return "(?" + strings.Repeat(", ?", len(arguments)-1) + ")", arguments
}

// referring lists the foreign keys of other databases that refer to ours, as InnoDB names the tables that have them:
// database/table. known is false if the account lacks PROCESS and cannot see them.
func referring(ctx context.Context, s *session.Session, n target.Names) (keys []string, known bool, err error) {
	ours, arguments := list(n)
	query := func(view string) ([]string, error) {
		return s.List(ctx, "SELECT FOR_NAME AS name FROM information_schema."+view+
			" WHERE SUBSTRING_INDEX(REF_NAME, '/', 1) IN "+ours+" AND SUBSTRING_INDEX(FOR_NAME, '/', 1) NOT IN "+ours+" ORDER BY 1", slices.Concat(arguments, arguments)...)
	}
	// MySQL 8 and newer report plain names; older servers and MariaDB report them as files are named.
	if keys, err = query("INNODB_FOREIGN"); mysql.Errno(err) != 0 {
		ours = strings.ReplaceAll(ours, "?", "CAST(CONVERT(IF(@@lower_case_table_names = 0, ?, LOWER(?)) USING filename) AS BINARY)")
		for i := 0; i < len(arguments); i += 2 {
			arguments = slices.Insert(arguments, i, arguments[i])
		}
		keys, err = query("INNODB_SYS_FOREIGN")
	}
	if mysql.Errno(err) != 0 {
		return nil, false, nil
	}
	return keys, err == nil, err
}

// detachKey returns the statement that drops a foreign key of a table.
func detachKey(database, table, key string) string {
	return "ALTER TABLE " + mysql.QuoteName(database) + "." + mysql.QuoteName(table) + " DROP FOREIGN KEY " + mysql.QuoteName(key)
}

// tryInbound fails with *InboundKeyError if a key cannot be added to the incoming table. It tries this with an empty
// copy of the table that has the key, in a database that is dropped later.
func (db *Database) tryInbound(ctx context.Context, s *session.Session, from string, keys []inboundKey) error {
	n := db.Names
	for _, k := range keys {
		comes, err := s.HasTable(ctx, from, k.Refers)
		if err != nil {
			return err
		}
		if !comes {
			continue // the key may refer to a missing table
		}
		trial := mysql.QuoteName(n.Spare) + "." + mysql.QuoteName(k.Table)
		_, key, _ := strings.Cut(k.Add, " ADD ")
		for _, statement := range []string{
			"DROP TABLE IF EXISTS " + trial,
			"CREATE TABLE " + trial + " LIKE " + mysql.QuoteName(k.Database) + "." + mysql.QuoteName(k.Table),
			"ALTER TABLE " + trial + " ADD " + key,
			"DROP TABLE " + trial,
		} {
			if strings.HasPrefix(statement, "ALTER") {
				statement = object{SQL: statement}.referringTo(from, k.Refers).SQL
				target.OnStep("foreign key of another database to be tried")
			}
			err := s.Exec(ctx, statement)
			switch {
			case mysql.Errno(err) == mysql.ErrnoDatabaseDenied || mysql.Errno(err) == mysql.ErrnoTableDenied:
				return db.classifyInbound("try", k, err)
			case mysql.Errno(err) != 0 && strings.HasPrefix(statement, "ALTER"):
				return &target.InboundKeyError{Database: k.Database, Table: k.Table, Name: k.Name, Refers: k.Refers, Reason: mysql.ServerMessage(err),
					Remedy: detachKey(k.Database, k.Table, k.Name), Err: err}
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// detachInbound drops the foreign keys that lead to the tables that are about to move.
func (db *Database) detachInbound(waiting, ctx context.Context, s *session.Session, keys []inboundKey) error {
	for _, k := range keys {
		err := db.patiently(waiting, s, func() error { return dropForeignKey(ctx, s, k.Database, k.Table, k.Name) })
		if err != nil {
			return db.classifyInbound("take off", k, err)
		}
		target.OnStep("foreign key of another database taken off")
	}
	return nil
}

// attachInbound adds again what detachInbound dropped, as noted in the journal.
func (db *Database) attachInbound(ctx context.Context, s *session.Session, journal string) error {
	var keys []inboundKey
	if err := readFromJournal(ctx, s, db.Names, journal, inboundKind, &keys); err != nil {
		return err
	}
	for _, k := range keys {
		there, err := hasForeignKey(ctx, s, k.Database, k.Table, k.Name)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		err = db.patiently(ctx, s, func() error {
			err := s.Exec(ctx, k.Add)
			if mysql.Errno(err) == mysql.ErrnoUnknownTable { // the other database has dropped its table
				return nil
			}
			return err
		})
		switch mysql.Errno(err) {
		case 0:
		case mysql.ErrnoUnknownDatabase:
			continue
		case mysql.ErrnoDatabaseDenied, mysql.ErrnoTableDenied:
			return db.classifyInbound("put back", k, err)
		default:
			db.Config.Note(fmt.Sprintf("%s, which refers to table %s, cannot be put back: %s", k, k.Refers, mysql.ServerMessage(err)))
			continue
		}
		if err != nil {
			return err
		}
		target.OnStep("foreign key of another database put back")
	}
	return nil
}

// classifyInbound names the key that could not be dropped or added again.
func (db *Database) classifyInbound(action string, k inboundKey, err error) error {
	action += " " + k.String()
	switch mysql.Errno(err) {
	case mysql.ErrnoDatabaseDenied, mysql.ErrnoTableDenied:
		return &target.PrivilegeError{Action: action, Grant: "GRANT SELECT, ALTER, INDEX, REFERENCES ON " + mysql.QuoteName(k.Database) + ".* TO " + db.Grantee(), Err: err}
	}
	return db.Classify(action, err)
}

// tellInbound notes which keys of other databases a swap drops and adds again.
func (db *Database) tellInbound(ctx context.Context, s *session.Session) error {
	_, known, err := referring(ctx, s, db.Names)
	if err == nil && !known {
		db.Config.Note("this account may not see all foreign keys of other databases that refer to " + db.Names.Live +
			"; to show them, an administrator can run: GRANT PROCESS ON *.* TO " + db.Grantee())
	}
	var keys []inboundKey
	if err == nil {
		keys, err = db.inbound(ctx, s, extent{})
	}
	if err != nil {
		return db.Classify("look for foreign keys of other databases", err)
	}
	for _, k := range keys {
		if db.Config.Part.Includes(k.Refers) {
			db.Config.Note(fmt.Sprintf("%s refers to table %s: the swap drops it and adds it again, without checking its rows against the new ones", k, k.Refers))
		}
	}
	return nil
}

// Check looks for what a swap could not leave as it is: see target.Database.
func (db *Database) Check(ctx context.Context) error {
	s, err := db.Connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := checkInside(ctx, s, db.Names.Live, db.Config.Part.Includes); err != nil {
		return db.Classify("look for the files of tables", err)
	}
	return db.tellInbound(ctx, s)
}
