package swap

import (
	"context"
	"fmt"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// bringInside returns the statements that move the files of a table into the folder of its database.
func bringInside(database, table string) string {
	return fmt.Sprintf("SET sql_mode = 'NO_DIR_IN_CREATE'; ALTER TABLE %s.%s FORCE, ALGORITHM=COPY", mysql.QuoteName(database), mysql.QuoteName(table))
}

// checkInside fails with *OutsideError if a table of an extent has files outside the folder of its database.
func checkInside(ctx context.Context, s *session.Session, database string, has func(table string) bool) error {
	// MariaDB shows this option for tables, but not for partitions. MySQL shows it for neither.
	condition := " AND (CREATE_OPTIONS LIKE '%DIRECTORY%' OR CREATE_OPTIONS LIKE '%partitioned%')"
	if s.Flavour == mysql.MySQL {
		condition = " AND TABLE_TYPE = 'BASE TABLE'"
	}
	tables, err := s.List(ctx, "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?"+condition+" ORDER BY TABLE_NAME", database)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if !has(table) {
			continue
		}
		definition, err := mysql.ShowCreateTable(ctx, s.Conn, mysql.QuoteQualified(database, table))
		if mysql.Errno(err) == mysql.ErrnoUnknownTable {
			continue // dropped a moment ago
		}
		if err != nil {
			return err
		}
		if option := rewrite.OutsideOption(definition); option != "" {
			return &target.OutsideError{Database: database, Table: table, Option: option, Remedy: bringInside(database, table)}
		}
	}
	return nil
}
