package session

import (
	"context"
	"errors"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// checkServer checks that a new session leads to the intended server.
func (db *Server) checkServer(ctx context.Context, s *Session) error {
	found, err := s.identity(ctx, db.server.Wanted != nil)
	switch kind := postgres.Classify(err); {
	case err == nil:
		return db.server.Compare(found)
	case postgres.SQLState(err) == "", kind != fault.None && kind != fault.Privilege:
		return db.Classify("ask who the server is", err)
	}
	return db.server.CannotTell(errors.New(postgres.Plain(err).Error()))
}

// identity asks a server for its identity. No function returns the name of its machine, but a file contains it. Only a
// superuser may read that, as DDEV's account may.
func (s *Session) identity(ctx context.Context, withHostname bool) (found oneserver.Identity, err error) {
	rows, err := s.Query(ctx, "SELECT system_identifier, pg_catalog.current_setting('port') FROM pg_catalog.pg_control_system()")
	if err != nil {
		return found, err
	}
	found.Further = []string{"system " + rows[0][0], "port " + rows[0][1]}
	if !withHostname {
		return found, nil
	}
	if rows, err = s.Query(ctx, "SELECT pg_catalog.pg_read_file('"+hostnameFile+"')"); err == nil {
		found.Hostname = strings.TrimSpace(rows[0][0])
		return found, nil
	}
	// Up to version 10, functions cannot read files outside the data folder, but COPY can. It needs a table, which ends with
	// the transaction.
	if postgres.SQLState(err) != postgres.InsufficientPrivilege {
		return found, err
	}
	results, err := s.Conn.Exec(ctx, "BEGIN; CREATE TEMPORARY TABLE dump_hostname (name text) ON COMMIT DROP; "+
		"COPY pg_temp.dump_hostname FROM '"+hostnameFile+"'; SELECT name FROM pg_temp.dump_hostname; ROLLBACK").ReadAll()
	if err != nil {
		return found, errors.Join(err, s.Exec(ctx, "ROLLBACK"))
	}
	for _, result := range results {
		for _, row := range result.Rows {
			found.Hostname = string(row[0])
		}
	}
	return found, nil
}

// hostnameFile contains the name of a container.
const hostnameFile = "/etc/hostname"
