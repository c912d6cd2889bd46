package swap

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// The comment on the previous database has the provenance of the live database and of the previous one. A comment can
// be set in the same transaction that renames, every owner can set it, and nothing has to be stored in the live
// database. The comment that the previous database had before is kept inside, until undo restores it.

// label is what the comment on the previous database says.
type label struct {
	Live     target.Provenance `json:"live"`
	Previous target.Provenance `json:"previous"`
	// Marked means that nothing was swapped: the previous database exists only for this comment.
	Marked bool `json:"marked,omitempty"`
	// Comment is the comment that the previous database had when it was live.
	Comment string `json:"comment,omitempty"`
	// Serial is higher than the serials of the earlier databases that existed when this one was replaced, at
	// Replaced. An earlier version of this program wrote neither.
	Serial   int64     `json:"serial,omitempty"`
	Replaced time.Time `json:"replaced,omitzero"`
}

// labelMark is how the comment begins.
const labelMark = "dump-refresh: "

// readLabel reads the comment on the previous database; one that is not ours is the database's own.
func readLabel(comment string) label {
	var l label
	if text, ours := strings.CutPrefix(comment, labelMark); ours && json.Unmarshal([]byte(text), &l) == nil {
		return l
	}
	return label{Comment: comment}
}

func (l label) text() (string, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("describe the dump %s: %w", l.Live.Key, err)
	}
	return labelMark + string(text), nil
}

// Contents says what the live database contains: see target.Database.
func (db *Database) Contents(ctx context.Context) (target.Contents, error) {
	action := "ask what database " + db.Names.Live + " holds"
	s, err := db.Enter(ctx)
	if postgres.SQLState(err) == postgres.UnknownDatabase {
		return target.Contents{Empty: true}, nil
	}
	if err != nil {
		return target.Contents{}, err
	}
	defer s.Close()
	first, _, err := tableNumbers(ctx, s)
	if err != nil {
		return target.Contents{}, db.Classify(action, err)
	}
	kept, err := currentLabel(ctx, s, db.Names)
	if err != nil {
		return target.Contents{}, db.Classify(action, err)
	}
	held := kept.Live.Contents(first)
	if held.Empty = first == 0; !held.Empty && !kept.Live.Describes(first) {
		held.Created, err = created(ctx, s)
	}
	return held, db.Classify(action, err)
}

// currentLabel reads the label in the comment on the previous database.
func currentLabel(ctx context.Context, s *session.Session, n target.Names) (label, error) {
	comment, err := commentOf(ctx, s, n.Previous)
	return readLabel(comment), err
}

// commentOf returns the comment on a database, "" if there is none.
func commentOf(ctx context.Context, s *session.Session, database string) (string, error) {
	rows, err := s.Query(ctx, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", database)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0][0], nil
}

// setComment sets the comment on a database; "" removes it.
func setComment(ctx context.Context, s *session.Session, database, comment string) error {
	rows, err := s.Query(ctx, "SELECT format('COMMENT ON DATABASE %I IS %L', $1::text, nullif($2::text, ''))", database, comment)
	if err != nil {
		return err
	}
	return s.Exec(ctx, rows[0][0])
}

// ownTables selects the tables of the session's database that belong neither to the server nor to an extension.
const ownTables = " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384" +
	" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"

// tableNumbers returns the lowest and the highest number of a table of the session's database, 0 if it has none.
func tableNumbers(ctx context.Context, s *session.Session) (first, last int64, err error) {
	rows, err := s.Query(ctx, "SELECT coalesce(min(c.oid), 0), coalesce(max(c.oid), 0)"+ownTables)
	if err != nil {
		return 0, 0, err
	}
	if first, err = strconv.ParseInt(rows[0][0], 10, 64); err == nil {
		last, err = strconv.ParseInt(rows[0][1], 10, 64)
	}
	return first, last, err
}

// created returns the oldest time of change among the files of the tables. No table can be younger than the last
// change of its file, and every site has tables that are never written to. Only superusers may look at files.
func created(ctx context.Context, s *session.Session) (time.Time, error) {
	rows, err := s.Query(ctx, "SELECT floor(extract(epoch FROM min((pg_stat_file(pg_relation_filepath(c.oid), true)).modification)))::bigint"+ownTables)
	if postgres.SQLState(err) != "" || err == nil && rows[0][0] == "" {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(rows[0][0], 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}
