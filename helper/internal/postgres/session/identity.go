package session

import (
	"context"
	"errors"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// checkServer makes sure that a session that has just been opened is one of the server that is meant.
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

// identity asks a server who it is. For the name of its machine there is no function: it is in a file, which takes a superuser
// to read, as DDEV's account is one.
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
	// Up to version 10 a function may not leave the data folder, and COPY may. It takes a table, which is gone with the transaction.
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

// hostnameFile is where a container has its name.
const hostnameFile = "/etc/hostname"
