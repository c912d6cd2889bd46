package swap

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Contents says what the live database contains: see target.Database.
func (db *Database) Contents(ctx context.Context) (target.Contents, error) {
	action := "ask what database " + db.Names.Live + " holds"
	s, err := db.Connect(ctx)
	if err != nil {
		return target.Contents{}, err
	}
	defer s.Close()
	tables, err := s.Tables(ctx, db.Names.Live)
	if err != nil {
		return target.Contents{}, db.Classify(action, err)
	}
	kept, err := ReadProvenance(ctx, s, db.Names)
	if err != nil {
		return target.Contents{}, db.Classify(action, err)
	}
	if len(tables) == 0 {
		held := kept.Contents(0)
		held.Empty = true
		return held, nil
	}
	first, _, err := tableNumbers(ctx, s, db.Names.Live)
	if err != nil {
		return target.Contents{}, db.Classify(action, err)
	}
	held := kept.Contents(first)
	if !kept.Describes(first) {
		held.Created, err = created(ctx, s, db.Names.Live)
	}
	return held, db.Classify(action, err)
}

// ReadProvenance returns what the journal says about the live database, which may have been replaced since.
func ReadProvenance(ctx context.Context, s *session.Session, n target.Names) (target.Provenance, error) {
	// No lock is held: a swap may close the journal between two looks at it.
	for _, journal := range []string{session.JournalSwapped, session.JournalDone, session.JournalMarked} {
		present, err := s.HasTable(ctx, n.Previous, journal)
		if err != nil {
			return target.Provenance{}, err
		}
		if !present {
			continue
		}
		live, err := readJournal(ctx, s, n, journal, newSide)
		if mysql.Errno(err) == mysql.ErrnoUnknownTable {
			continue
		}
		return live.provenance, err
	}
	return target.Provenance{}, nil
}

// tableNumbers returns the lowest and the highest number of a database's tables, as InnoDB counts them. Both are 0 if
// there are none, or if the account lacks PROCESS and cannot see them.
func tableNumbers(ctx context.Context, s *session.Session, database string) (first, last int64, err error) {
	// MySQL 8 has the second view, and no longer knows the character set of file names.
	for _, q := range []struct{ view, folder, name string }{
		{"INNODB_SYS_TABLES", "CONVERT(%s USING filename)", database}, {"INNODB_TABLES", "%s", folderName(database)},
	} {
		var low, high sql.NullInt64
		folder := fmt.Sprintf(q.folder, "IF(@@lower_case_table_names = 0, ?, LOWER(?))")
		err = s.Conn.QueryRowContext(ctx, fmt.Sprintf("SELECT MIN(TABLE_ID), MAX(TABLE_ID) FROM information_schema.%s"+
			" WHERE CAST(SUBSTRING_INDEX(NAME, '/', 1) AS BINARY) = CAST(%s AS BINARY)", q.view, folder), q.name, q.name).Scan(&low, &high)
		if mysql.Errno(err) == 0 {
			return low.Int64, high.Int64, err
		}
	}
	return 0, 0, nil
}

// folderName returns the name of a database's folder, if the database's name is ASCII. Other names are encoded, and
// are not found.
func folderName(database string) string {
	var name strings.Builder
	for _, c := range database {
		if c == '_' || c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			name.WriteRune(c)
		} else {
			fmt.Fprintf(&name, "@%04x", c)
		}
	}
	return name.String()
}

// created returns the earliest time that the server remembers for the tables of a database. The tables are never
// younger than that, but may be older: InnoDB reports a file's time, which changes when the table is moved or the
// file changes its owner, and statistics are rebuilt as the table grows.
func created(ctx context.Context, s *session.Session, database string) (time.Time, error) {
	// In local time, one hour of the year occurs twice.
	if err := s.Exec(ctx, "SET SESSION time_zone = '+00:00'"); err != nil {
		return time.Time{}, err
	}
	var earliest time.Time
	for _, query := range []string{
		"SELECT UNIX_TIMESTAMP(MIN(CREATE_TIME)) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?",
		"SELECT UNIX_TIMESTAMP(MIN(last_update)) FROM mysql.innodb_table_stats WHERE database_name = ?",
	} {
		var seconds sql.NullInt64
		err := s.Conn.QueryRowContext(ctx, query, database).Scan(&seconds)
		switch {
		case mysql.Errno(err) != 0:
			continue // few accounts may read the mysql database
		case err != nil:
			return time.Time{}, err
		}
		if at := time.Unix(seconds.Int64, 0).UTC(); seconds.Valid && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	}
	return earliest, nil
}
