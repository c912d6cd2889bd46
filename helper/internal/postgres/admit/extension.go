package admit

import (
	"slices"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

// Extension is what a CREATE EXTENSION says.
type Extension struct {
	Name, Schema, Version string // Schema and Version may be ""
	Cascade               bool
}

// ReadExtension reads a CREATE EXTENSION; false if it is none.
func ReadExtension(text []byte) (e Extension, is bool) {
	s := read(text)
	if !s.Begins("CREATE", "EXTENSION") {
		return e, false
	}
	at := 2
	if s.Is(at, "IF", "NOT", "EXISTS") {
		at += 3
	}
	value := func(i int) string {
		if i < len(s.Tokens) && s.Tokens[i].Kind == sqltext.Text {
			return strings.ReplaceAll(strings.Trim(s.raw(i), "'"), "''", "'")
		}
		return strings.Join(s.parts(i), ".")
	}
	e.Name = value(at)
	for at++; at < len(s.Tokens); at++ {
		switch {
		case s.Is(at, "WITH"):
		case s.Is(at, "SCHEMA"):
			at++
			e.Schema = value(at)
		case s.Is(at, "VERSION"):
			at++
			e.Version = value(at)
		case s.Is(at, "CASCADE"):
			e.Cascade = true
		default:
			return e, false
		}
	}
	return e, e.Name != ""
}

// Statement is the statement that creates the extension.
func (e Extension) Statement() string {
	text := "CREATE EXTENSION IF NOT EXISTS " + postgres.QuoteIdentifier(e.Name)
	if e.Schema != "" {
		text += " SCHEMA " + postgres.QuoteIdentifier(e.Schema)
	}
	if e.Version != "" {
		text += " VERSION " + postgres.QuoteText(e.Version)
	}
	if e.Cascade {
		text += " CASCADE"
	}
	return text
}

// harmless are extensions whose functions reach nothing outside the database, whoever calls them: those that owners of databases may create
// since version 13, and others that sites have.
var harmless = strings.Fields(`plpgsql btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch hstore intagg intarray isn lo ltree
	pgcrypto pg_trgm seg tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp plperl pltcl jsonb_plperl bool_plperl hstore_plperl
	autoinc insert_username moddatetime refint bloom xml2 pg_stat_statements address_standardizer address_standardizer_data_us
	postgis postgis_raster postgis_topology postgis_sfcgal postgis_tiger_geocoder pgrouting pointcloud pointcloud_postgis vector h3 h3_postgis
	hll rum pgaudit hypopg pg_partman pgjwt pg_hashids semver prefix ip4r plv8 unit temporal_tables pg_bigm zhparser pgroonga timescaledb pgtap
	http_status pg_ivm jsquery periods`)

// IsHarmless reports whether what an extension brings may be used while the dump is loaded.
func IsHarmless(extension string) bool { return slices.Contains(harmless, extension) }
