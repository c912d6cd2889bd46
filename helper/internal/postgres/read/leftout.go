package read

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/elsewhere"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// What belongs to staging's server rather than to its database does not go into a dump: ways to other servers, and what was set for the
// database as a whole. But without some settings of a database a site does not find its tables, or gets other results. These go along.

// carried are the settings of a database that its copy needs to work as it does.
var carried = map[string]bool{
	"search_path": true, "datestyle": true, "intervalstyle": true, "timezone": true, "bytea_output": true, "extra_float_digits": true,
	"default_text_search_config": true, "lc_monetary": true, "lc_numeric": true, "lc_time": true,
	"plpgsql.variable_conflict": true, "pg_trgm.similarity_threshold": true, "pg_trgm.word_similarity_threshold": true,
	"pg_trgm.strict_word_similarity_threshold": true,
}

// ownSettings lists the settings of the database, and those of its owner, which is the site's account on most servers. Later ones prevail.
const ownSettings = `
SELECT split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
FROM pg_db_role_setting x JOIN pg_database d ON d.datname = current_database(), unnest(x.setconfig) c
WHERE x.setdatabase IN (0, d.oid) AND x.setrole IN (0, d.datdba)
ORDER BY x.setrole <> 0, x.setdatabase <> 0`

// leads lists what would lead to other servers, and what was set for the database as a whole.
const leads = `
SELECT 'the user mapping of ' || usename || ' for server ' || srvname FROM pg_user_mappings
UNION ALL SELECT 'the options of server ' || srvname FROM pg_foreign_server WHERE srvoptions IS NOT NULL
UNION ALL SELECT 'the options of foreign-data wrapper ' || fdwname FROM pg_foreign_data_wrapper WHERE fdwoptions IS NOT NULL
UNION ALL SELECT 'subscription ' || s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()
UNION ALL SELECT 'the comment on the database' FROM pg_database WHERE datname = current_database() AND shobj_description(oid, 'pg_database') IS NOT NULL
UNION ALL SELECT 'the ICU rules by which the database sorts' FROM pg_database d WHERE datname = current_database() AND to_jsonb(d) ->> 'daticurules' IS NOT NULL`

// inspectOwn finds out which settings go along, and what is left out.
func (p *Server) inspectOwn(ctx context.Context, tx querier) error {
	rows, err := p.texts(ctx, tx, ownSettings)
	if err != nil {
		return err
	}
	p.own, p.leftOut = nil, nil
	var left []string
	for _, row := range rows {
		name := strings.ToLower(row[0])
		if !carried[name] || p.config.Client {
			left = append(left, row[0])
			continue
		}
		p.own = slices.DeleteFunc(p.own, func(s ownSetting) bool { return s.name == name })
		p.own = append(p.own, ownSetting{name, row[1]})
	}
	if rows, err = p.texts(ctx, tx, leads); err != nil {
		return err
	}
	for _, row := range rows {
		p.leftOut = append(p.leftOut, row[0])
	}
	if len(left) > 0 {
		slices.Sort(left)
		p.leftOut = append(p.leftOut, "settings of the database: "+strings.Join(slices.Compact(left), ", "))
	}
	return nil
}

// ownSetting is a setting of the database.
type ownSetting struct{ name, value string }

// statements are statements that give a restored database the settings. Whoever restores it may lack the privilege, and an older server the
// setting: then the rest is restored all the same.
func (p *Server) statements() []byte {
	var text bytes.Buffer
	for _, s := range p.own {
		value := postgres.QuoteText(s.value)
		if s.name == "search_path" { // a list of names, quoted already
			value = s.value
		}
		fmt.Fprintf(&text, "DO $dump$ BEGIN EXECUTE 'ALTER DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database()) || %s;"+
			" EXCEPTION WHEN OTHERS THEN RAISE WARNING '%%', SQLERRM; END $dump$;\n\n", postgres.QuoteText(" SET "+s.name+" TO "+value))
	}
	return text.Bytes()
}

// emitOwn adds the settings to the head.
func (n *nativeDump) emitOwn(emit dump.Emit) error {
	text := n.statements()
	if len(text) == 0 {
		return nil
	}
	_, err := emit(dump.Chunk{Section: dump.Head, SQL: append([]byte("--\n-- Settings of the database\n--\n\n"), text...)})
	return err
}

// ownWay returns what is left of a piece of a dump without what leads to other servers, and makes its settings only where they exist.
func ownWay(piece sqltext.Piece) []byte {
	if piece.Kind != sqltext.Statement {
		return piece.Raw
	}
	left, what := elsewhere.Without(piece.Text)
	switch {
	case what == "":
		return portable(piece)
	case left == nil:
		return nil
	}
	return append(bytes.Clone(left), piece.Raw[len(piece.Text):]...)
}

// ownText reads the text of a dump without what leads to other servers.
type ownText struct {
	splitter *sqltext.Splitter
	left     []byte
	err      error
}

func newOwnText(text io.Reader) *ownText {
	return &ownText{splitter: sqltext.NewSplitter(text, sqltext.Postgres)}
}

func (t *ownText) Read(p []byte) (int, error) {
	for len(t.left) == 0 && t.err == nil {
		var piece sqltext.Piece
		if piece, t.err = t.splitter.Next(); t.err == nil {
			t.left = ownWay(piece)
		}
	}
	n := copy(p, t.left)
	t.left = t.left[n:]
	if n == 0 {
		return 0, t.err
	}
	return n, nil
}
