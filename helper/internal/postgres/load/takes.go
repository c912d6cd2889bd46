package load

import (
	"context"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// offered lists what the server has of each kind of dump.Requirement.
const offered = `
SELECT 'extension', name::text FROM pg_available_extensions
UNION ALL SELECT 'collation', collname::text FROM pg_collation WHERE collnamespace = 'pg_catalog'::regnamespace
UNION ALL SELECT DISTINCT 'collation provider', 'icu' FROM pg_collation WHERE collprovider = 'i'`

// Takes fails with *target.TablesError if some tables need what the server lacks. Of tables that only exchange rows nothing is made.
func Takes(ctx context.Context, db *session.Server, needs *dump.Needs) error {
	if needs == nil || len(needs.Tables) == 0 || db.Config.Part.TablesOnly {
		return nil
	}
	s, err := db.Connect(ctx, db.Maintenance)
	if err != nil {
		return err
	}
	defer s.Close()
	rows, err := s.Query(ctx, offered)
	if postgres.SQLState(err) != "" {
		return nil // a server with a damaged control file lists no extension; what it lacks shows as the dump is loaded
	}
	if err != nil {
		return db.Classify("ask for extensions and collations", err)
	}
	has := map[dump.Requirement]bool{}
	kinds := map[dump.RequirementKind]bool{dump.Extension: true, dump.Collation: true, dump.CollationProvider: true}
	for _, row := range rows {
		has[dump.Requirement{Kind: dump.RequirementKind(row[0]), Name: row[1]}] = true
	}
	refused := target.TablesError{InChunks: true}
	for _, need := range needs.Tables {
		// A newer program may know other kinds.
		lacks := slices.DeleteFunc(slices.Clone(need.Of), func(r dump.Requirement) bool { return has[r] || !kinds[r.Kind] })
		if len(lacks) > 0 && db.Config.Part.Includes(need.Table) {
			refused.Tables = append(refused.Tables, need.Table)
			refused.Refusals = append(refused.Refusals, &target.LacksError{Table: need.Table, Lacks: lacks})
		}
	}
	if len(refused.Tables) > 0 {
		return &refused
	}
	return nil
}
