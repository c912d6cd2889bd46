package read

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/wildcard"
)

// definitions is a dump's text around its rows.
type definitions struct {
	head, tail []byte
	// lasting is a hash of both, without what the server changes by itself while rows are read.
	lasting [sha256.Size]byte
}

// same says whether nothing was altered between two readings. Counters of AUTO_INCREMENT and sequences may have moved.
func (d *definitions) same(other *definitions) bool { return d.lasting == other.lasting }

// readDefinitions reads everything in a dump except rows: the definitions of the given tables, and of the sequences,
// views, triggers, routines and events that the rules do not exclude. The readers help with the tables. It changes
// settings of the sessions and restores them.
func (m *Server) readDefinitions(ctx context.Context, conn *sql.Conn, tables []string, readers []*snapshotReader) (_ *definitions, err error) {
	r := &schemaReader{server: m, conn: conn}
	if err := r.open(ctx); err != nil {
		return nil, reading("the session's settings", err)
	}
	defer func() {
		if closing := r.close(ctx); err == nil && closing != nil {
			err = reading("the session's settings", closing)
		}
	}()
	sequences, views, err := r.list(ctx)
	if err != nil {
		return nil, reading("the list of views", err)
	}
	if m.release.IsMariaDB() {
		if r.references, err = mysql.ReferenceSystems(ctx, conn); err != nil {
			return nil, reading("the reference systems of geometries", err)
		}
	}
	lasting := sha256.New()
	head, tail := script{lasting: lasting}, script{lasting: lasting}

	head.add(r.header(), dumpHead)
	if len(m.versions) > 0 {
		head.add(insertHistory)
	}
	for _, sequence := range sequences {
		if err := r.sequence(ctx, &head, sequence); err != nil {
			return nil, reading("sequence "+sequence, err)
		}
	}
	if err := r.tables(ctx, &head, tables, readers); err != nil {
		return nil, err
	}
	for _, view := range views {
		if err := r.standIn(ctx, &head, view); err != nil {
			return nil, reading("view "+view, err)
		}
	}
	head.add("\n")

	if len(m.versions) > 0 {
		tail.add("\n", endOfHistory)
	}
	tail.add(objectsHead)
	if err := r.objects(ctx, &tail, tables); err != nil {
		return nil, err
	}
	if err := r.views(ctx, &tail, views); err != nil {
		return nil, err
	}
	tail.add(dumpTail)

	d := &definitions{head: head.text.Bytes(), tail: tail.text.Bytes()}
	lasting.Sum(d.lasting[:0])
	return d, nil
}

// script is SQL text under construction.
type script struct {
	text    bytes.Buffer
	lasting hash.Hash
}

func (s *script) add(parts ...string) {
	for _, part := range parts {
		s.text.WriteString(part)
		_, _ = io.WriteString(s.lasting, part)
	}
}

// addMoving adds text that the server changes by itself.
func (s *script) addMoving(part string) { s.text.WriteString(part) }

// These are the session settings that dumps of mysqldump make and restore, and two that let in everything that a table
// may hold: dates that no calendar has, and rows that are older than a constraint.
const (
	dumpHead = `
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' */;
/*M!100201 SET @OLD_CHECK_CONSTRAINT_CHECKS=@@CHECK_CONSTRAINT_CHECKS, CHECK_CONSTRAINT_CHECKS=0 */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
`
	dumpTail = `
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*M!100201 SET CHECK_CONSTRAINT_CHECKS=@OLD_CHECK_CONSTRAINT_CHECKS */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

` + trailer + "\n"
)

// header is the comment at the beginning of the dump. Its second line is like mysqldump's: it tells a loader to which
// database qualified names belong.
func (r *schemaReader) header() string {
	host := r.server.url.Host
	if r.server.url.IsSocket() {
		host = "localhost"
	}
	lines := strings.NewReplacer("\n", " ", "\r", " ")
	return fmt.Sprintf("-- dump-helper dump, format 1\n-- Host: %s    Database: %s\n-- Server: %s %s\n-- Collation of the database: %s\n",
		lines.Replace(host), lines.Replace(r.server.url.Name), r.server.release.Flavour.Product(), lines.Replace(r.version), r.collation)
}

// list returns the names of the sequences and views that are dumped.
func (r *schemaReader) list(ctx context.Context) (sequences, views []string, err error) {
	rows, err := r.rows(ctx, "SELECT TABLE_NAME AS name, TABLE_TYPE AS kind FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('VIEW', 'SEQUENCE')")
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		switch {
		case wildcard.MatchAny(r.server.config.Exclude, row["name"]), r.server.isBroken("view", row["name"]):
		case row["kind"] == "VIEW":
			views = append(views, row["name"])
		default:
			sequences = append(sequences, row["name"])
		}
	}
	slices.Sort(sequences)
	slices.Sort(views)
	return sequences, views, nil
}

// tables writes the definitions of tables.
func (r *schemaReader) tables(ctx context.Context, s *script, tables []string, readers []*snapshotReader) (err error) {
	shower, err := newTableShower(ctx, r, tables, readers)
	if err != nil {
		return reading("the session's settings", err)
	}
	defer func() {
		if closing := shower.close(ctx); err == nil && closing != nil {
			err = reading("the session's settings", closing)
		}
	}()
	return shower.each(ctx, tables, func(table, definition string) { r.writeTable(s, table, definition) })
}

// writeTable writes the definition of a table.
func (r *schemaReader) writeTable(s *script, name, definition string) {
	if slices.Contains(r.server.remote, name) {
		definition = withoutRemote(definition)
	}
	text := withReferences(bareSequences(definition, r.server.url.Name), r.references[name])
	before, counter, after := mysql.CutCounter(text)
	s.add("\nDROP TABLE IF EXISTS ", mysql.QuoteName(name), ";\n", before)
	if !strings.HasSuffix(before, "ENGINE=ARCHIVE ") { // a table of ARCHIVE takes no rows below its counter
		s.addMoving(counter)
	}
	s.add(after, ";\n")
}

// sequence writes the definition of a sequence and moves it to its present value. SETVAL only moves forwards, so a
// sequence that was set back before its start is restarted.
func (r *schemaReader) sequence(ctx context.Context, s *script, name string) error {
	quoted := mysql.QuoteName(name)
	definition, err := r.row(ctx, "SHOW CREATE SEQUENCE "+quoted)
	if err != nil {
		return err
	}
	state, err := r.row(ctx, "SELECT next_not_cached_value AS next, cycle_count AS round, cycle_count = 0 AND"+
		" IF(increment < 0, next_not_cached_value > start_value, next_not_cached_value < start_value) AS back FROM "+quoted)
	if err != nil {
		return err
	}
	s.add("\nDROP SEQUENCE IF EXISTS ", quoted, ";\n", definition["create table"], ";\n")
	if state["back"] == "1" {
		s.addMoving(fmt.Sprintf("ALTER SEQUENCE %s RESTART %s;\n", quoted, state["next"]))
	} else {
		s.addMoving(fmt.Sprintf("DO SETVAL(%s, %s, 0, %s);\n", quoted, state["next"], state["round"]))
	}
	return nil
}

// standIn writes a view with the same name and columns, which other views can refer to until the real one is made.
func (r *schemaReader) standIn(ctx context.Context, s *script, name string) error {
	quoted := mysql.QuoteName(name)
	rows, err := r.rows(ctx, "SHOW FIELDS FROM "+quoted)
	if err != nil {
		return err
	}
	columns := make([]string, len(rows))
	for i, row := range rows {
		columns[i] = " NULL AS " + mysql.QuoteName(row["field"])
	}
	s.add("\nDROP TABLE IF EXISTS ", quoted, ";\nDROP VIEW IF EXISTS ", quoted, ";\nCREATE VIEW ", quoted, " AS SELECT\n",
		strings.Join(columns, ",\n"), ";\n")
	return nil
}
