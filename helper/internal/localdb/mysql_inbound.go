package localdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// inboundKey is a foreign key of a table of another database that refers to one of ours. It would follow that one to wherever it is
// renamed: so it is taken off before a swap and put back afterwards, when it refers to the live database as before.
type inboundKey struct {
	Database string `json:"database"`
	Table    string `json:"table"`
	Name     string `json:"name"`
	// Refers is the table of the live database, Add the statement that makes the key.
	Refers string `json:"refers"`
	Add    string `json:"add"`
}

func (k inboundKey) String() string {
	return fmt.Sprintf("foreign key %s of table %s.%s", k.Name, k.Database, k.Table)
}

// inbound lists the foreign keys of other databases that refer to tables of an extent, and those that an earlier version of this program
// has led astray. It fails with *PrivilegeError where there are some that the account may not see.
func (db *mysqlDatabase) inbound(ctx context.Context, s *mysqlSession, e extent) ([]inboundKey, error) {
	n := db.names
	referring, known, err := s.referring(ctx, n)
	if err != nil || known && len(referring) == 0 {
		return nil, err
	}
	ours, arguments := list(n)
	rows, err := s.table(ctx, "SELECT CONSTRAINT_SCHEMA AS of_database, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA AS refers_in, REFERENCED_TABLE_NAME AS refers_to"+
		" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE UNIQUE_CONSTRAINT_SCHEMA IN "+ours+" AND CONSTRAINT_SCHEMA NOT IN "+ours+
		" ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME", slices.Concat(arguments, arguments)...)
	if err != nil {
		return nil, err
	}
	if len(rows) < len(referring) {
		other, _, _ := strings.Cut(referring[0], "/")
		return nil, &PrivilegeError{
			Action: "put back what refers to database " + n.live + ", the foreign keys of " + strings.Join(referring, ", "),
			Grant:  "GRANT SELECT, ALTER, INDEX, REFERENCES ON " + quoteName(other) + ".* TO " + db.grantee(),
			Err:    errors.New("this account does not see them"),
		}
	}
	var keys []inboundKey
	for _, row := range rows {
		k := inboundKey{Database: row["of_database"], Table: row["table_name"], Name: row["constraint_name"], Refers: row["refers_to"]}
		if row["refers_in"] == n.live && !e.has(k.Refers) {
			continue
		}
		shown, err := s.table(ctx, "SHOW CREATE TABLE "+quoteName(k.Database)+"."+quoteName(k.Table))
		if err != nil {
			return nil, err
		}
		if len(shown) == 0 {
			continue // dropped just now
		}
		for _, key := range readDefinition(shown[0]["create table"]).foreign {
			if key.name == k.Name {
				add := foreignKeyOf(k.Table, key.name, key.text).referringTo(n.live, k.Refers).SQL
				k.Add = "ALTER TABLE " + quoteName(k.Database) + "." + strings.TrimPrefix(add, "ALTER TABLE ")
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
}

// list writes the databases of n as a list of placeholders, with what goes in their places.
func list(n names) (text string, arguments []any) {
	for _, database := range n.all() {
		arguments = append(arguments, database)
	}
	return "(?" + strings.Repeat(", ?", len(arguments)-1) + ")", arguments
}

// referring names the foreign keys of other databases that refer to ours as InnoDB keeps them, database/table. Known is false where the
// account may not see that: it needs PROCESS.
func (s *mysqlSession) referring(ctx context.Context, n names) (keys []string, known bool, err error) {
	ours, arguments := list(n)
	query := func(view string) ([]string, error) {
		return s.list(ctx, "SELECT FOR_NAME AS name FROM information_schema."+view+
			" WHERE SUBSTRING_INDEX(REF_NAME, '/', 1) IN "+ours+" AND SUBSTRING_INDEX(FOR_NAME, '/', 1) NOT IN "+ours+" ORDER BY 1", slices.Concat(arguments, arguments)...)
	}
	// Since MySQL 8 names are as they are, elsewhere as files are called.
	if keys, err = query("INNODB_FOREIGN"); number(err) != 0 {
		ours = strings.ReplaceAll(ours, "?", "CAST(CONVERT(IF(@@lower_case_table_names = 0, ?, LOWER(?)) USING filename) AS BINARY)")
		for i := 0; i < len(arguments); i += 2 {
			arguments = slices.Insert(arguments, i, arguments[i])
		}
		keys, err = query("INNODB_SYS_FOREIGN")
	}
	if number(err) != 0 {
		return nil, false, nil
	}
	return keys, err == nil, err
}

// detachKey is the statement that takes a foreign key off a table.
func detachKey(database, table, key string) string {
	return "ALTER TABLE " + quoteName(database) + "." + quoteName(table) + " DROP FOREIGN KEY " + quoteName(key)
}

// tryInbound fails with *InboundKeyError where a key cannot be made to the table that comes from a database. It is tried with an empty copy
// of the table that has the key, among the rubbish.
func (db *mysqlDatabase) tryInbound(ctx context.Context, s *mysqlSession, from string, keys []inboundKey) error {
	n := db.names
	for _, k := range keys {
		comes, err := s.hasTable(ctx, from, k.Refers)
		if err != nil {
			return err
		}
		if !comes {
			continue // it waits for one, as it may
		}
		trial := quoteName(n.spare) + "." + quoteName(k.Table)
		_, key, _ := strings.Cut(k.Add, " ADD ")
		for _, statement := range []string{
			"DROP TABLE IF EXISTS " + trial,
			"CREATE TABLE " + trial + " LIKE " + quoteName(k.Database) + "." + quoteName(k.Table),
			"ALTER TABLE " + trial + " ADD " + key,
			"DROP TABLE " + trial,
		} {
			if strings.HasPrefix(statement, "ALTER") {
				statement = object{SQL: statement}.referringTo(from, k.Refers).SQL
				onStep("foreign key of another database to be tried")
			}
			err := s.exec(ctx, statement)
			switch {
			case number(err) == mysqlDatabaseDenied || number(err) == mysqlTableDenied:
				return db.explainInbound("try", k, err)
			case number(err) != 0 && strings.HasPrefix(statement, "ALTER"):
				return &InboundKeyError{Database: k.Database, Table: k.Table, Name: k.Name, Refers: k.Refers, Reason: serverMessage(err),
					Remedy: detachKey(k.Database, k.Table, k.Name), Err: err}
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// detachInbound takes those keys off that lead to the tables that are about to move.
func (db *mysqlDatabase) detachInbound(waiting, ctx context.Context, s *mysqlSession, keys []inboundKey) error {
	for _, k := range keys {
		err := db.patiently(waiting, s, func() error { return s.dropForeignKey(ctx, k.Database, k.Table, k.Name) })
		if err != nil {
			return db.explainInbound("take off", k, err)
		}
		onStep("foreign key of another database taken off")
	}
	return nil
}

// attachInbound puts back what detachInbound has taken off, as the journal has it.
func (db *mysqlDatabase) attachInbound(ctx context.Context, s *mysqlSession, journal string) error {
	var keys []inboundKey
	if err := s.readFromJournal(ctx, db.names, journal, inboundKind, &keys); err != nil {
		return err
	}
	for _, k := range keys {
		there, err := s.hasForeignKey(ctx, k.Database, k.Table, k.Name)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		err = db.patiently(ctx, s, func() error {
			err := s.exec(ctx, k.Add)
			if number(err) == mysqlUnknownTable { // that database's own affair
				return nil
			}
			return err
		})
		switch number(err) {
		case 0:
		case mysqlUnknownDatabase:
			continue
		case mysqlDatabaseDenied, mysqlTableDenied:
			return db.explainInbound("put back", k, err)
		default:
			db.config.Note(fmt.Sprintf("%s, which refers to table %s, cannot be put back: %s", k, k.Refers, serverMessage(err)))
			continue
		}
		if err != nil {
			return err
		}
		onStep("foreign key of another database put back")
	}
	return nil
}

// explainInbound names the key that could not be taken off or put back.
func (db *mysqlDatabase) explainInbound(action string, k inboundKey, err error) error {
	action += " " + k.String()
	switch number(err) {
	case mysqlDatabaseDenied, mysqlTableDenied:
		return &PrivilegeError{Action: action, Grant: "GRANT SELECT, ALTER, INDEX, REFERENCES ON " + quoteName(k.Database) + ".* TO " + db.grantee(), Err: err}
	}
	return db.explain(action, err)
}

// tellInbound tells which keys of other databases a swap takes off and puts back.
func (db *mysqlDatabase) tellInbound(ctx context.Context, s *mysqlSession) error {
	_, known, err := s.referring(ctx, db.names)
	if err == nil && !known {
		db.config.Note("whether foreign keys of other databases refer to " + db.names.live +
			" is seen only in part; an administrator may run: GRANT PROCESS ON *.* TO " + db.grantee())
	}
	var keys []inboundKey
	if err == nil {
		keys, err = db.inbound(ctx, s, extent{})
	}
	if err != nil {
		return db.explain("look for foreign keys of other databases", err)
	}
	for _, k := range keys {
		if db.config.Part.has(k.Refers) {
			db.config.Note(fmt.Sprintf("%s refers to table %s: it is taken off for the swap and put back, its rows are not checked against the new ones", k, k.Refers))
		}
	}
	return nil
}

func (db *mysqlDatabase) Check(ctx context.Context) error {
	s, err := db.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.checkInside(ctx, db.names.live, db.config.Part.has); err != nil {
		return db.explain("look for the files of tables", err)
	}
	return db.tellInbound(ctx, s)
}
