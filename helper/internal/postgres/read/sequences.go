package read

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// pg_dump asks for the value of each sequence on its own. Of many sequences, a few queries can ask for all.

// sequencesQuery lists the sequences that are dumped: that of an identity column is if its table is, any other also if it is not left
// out itself. The caller adds what is left out.
const sequencesQuery = `
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
  AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery()) AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND CASE WHEN d.deptype IS NULL THEN (n.nspname, c.relname) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
    WHEN (tn.nspname, t.relname) NOT IN (SELECT * FROM unnest($1::text[], $2::text[])) THEN true
    ELSE d.deptype <> 'i' AND (n.nspname, c.relname) NOT IN (SELECT * FROM unnest($1::text[], $2::text[])) END
ORDER BY 1`

// othersQuery says whether there is something beside tables and sequences that only pg_dump knows how to restore.
// The second column says whether there are materialized views, which pg_dump fills behind the indexes.
const othersQuery = "SELECT NOT $1 AND EXISTS (SELECT FROM pg_largeobject_metadata) OR EXISTS (SELECT FROM pg_extension WHERE extconfig IS NOT NULL)," +
	" EXISTS (SELECT FROM pg_class WHERE relkind = 'm')"

// readOthers asks what there is beside tables and sequences. bare means that definitions are all that pg_dump has to write.
func (s *snapshot) readOthers(ctx context.Context) (bare bool, err error) {
	var filled bool
	err = s.readers[0].QueryRow(ctx, othersQuery, s.largeObjects).Scan(&s.others, &filled)
	return !s.others && !filled, err
}

// readSequences lists the sequences whose values are dumped.
func (s *snapshot) readSequences(ctx context.Context) error {
	if s.others {
		return nil
	}
	keeper := s.readers[0]
	var schemas, names []string
	for _, one := range s.postgres.excluded {
		schemas, names = append(schemas, one.schema), append(names, one.name)
	}
	rows, err := keeper.Query(ctx, sequencesQuery, schemas, names)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var quoted string
		if err := rows.Scan(&quoted); err != nil {
			return err
		}
		s.sequences = append(s.sequences, quoted)
	}
	return rows.Err()
}

// sequencesAtOnce is how many sequences one query reads: the server plans a union of many in the square of their number.
const sequencesAtOnce = 25

// sequenceValues returns the statements that set the sequences to their present values. A snapshot does not cover these: they are at
// least those of its moment.
func (s *snapshot) sequenceValues(ctx context.Context) ([]byte, error) {
	called, err := s.lastValues(ctx)
	if err != nil {
		return nil, s.classifyList(err)
	}
	var unknown []string
	for _, sequence := range s.sequences {
		if called[sequence] == "" {
			unknown = append(unknown, sequence)
		}
	}
	values := map[string]string{}
	for some := range slices.Chunk(unknown, sequencesAtOnce) {
		parts := make([]string, len(some))
		for i, sequence := range some {
			parts[i] = fmt.Sprintf("SELECT %s::text, last_value || ', ' || is_called FROM %s", postgres.QuoteText(sequence), sequence)
		}
		rows, err := s.ask(ctx, strings.Join(parts, " UNION ALL "))
		if err != nil {
			return nil, s.classifyList(err)
		}
		if len(rows) != len(some) {
			return nil, fmt.Errorf("read the values of sequences: %d of %d came", len(rows), len(some))
		}
		for _, row := range rows {
			values[row[0]] = row[1]
		}
	}
	var text bytes.Buffer
	for _, sequence := range s.sequences {
		value := values[sequence]
		if last := called[sequence]; last != "" {
			value = last + ", true"
		}
		fmt.Fprintf(&text, "SELECT pg_catalog.setval(%s, %s);\n", postgres.QuoteText(sequence), value)
	}
	if text.Len() > 0 {
		text.WriteByte('\n')
	}
	return text.Bytes(), nil
}

// lastValues returns the last values of the sequences from which one was taken, by one query. Of others the server tells nothing this way, nor
// before version 10.
func (s *snapshot) lastValues(ctx context.Context) (map[string]string, error) {
	values := map[string]string{}
	if len(s.sequences) == 0 || s.postgres.server.Less(version.Version{Major: 10}) {
		return values, nil
	}
	names := make([]string, len(s.sequences))
	for i, sequence := range s.sequences {
		names[i] = postgres.QuoteText(sequence)
	}
	rows, err := s.ask(ctx, "SELECT name, coalesce(pg_sequence_last_value(to_regclass(name))::text, '') FROM unnest(ARRAY["+strings.Join(names, ", ")+"]) name")
	for _, row := range rows {
		values[row[0]] = row[1]
	}
	return values, err
}

// ask runs a query on the connection aside, or else on a reader that has nothing to read.
func (s *snapshot) ask(ctx context.Context, query string) ([][]string, error) {
	if s.aside != nil {
		return s.now(ctx, query)
	}
	return readAll(s.readers[0].PgConn().Exec(ctx, query))
}
