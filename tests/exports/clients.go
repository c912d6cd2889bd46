package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// clients makes dumps with the dump clients.
func (m *maker) clients() error {
	mysql := []string{"mariadb-dump", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprint("--port=", m.mysql.Port), "--user=root",
		"--routines", "--events", "--skip-dump-date"}
	postgres := []string{"--host=127.0.0.1", fmt.Sprint("--port=", m.postgres.Port), "--username=postgres"}
	for _, made := range []struct {
		name    string
		command []string
	}{
		{"mariadb-dump.sql", append(mysql[:len(mysql):len(mysql)], database)},
		{"mariadb-dump-skip-comments.sql", append(mysql[:len(mysql):len(mysql)], "--skip-comments", database)},
		{"mariadb-dump-compact.sql", append(mysql[:len(mysql):len(mysql)], "--compact", database)},
		{"pg_dump.sql", append([]string{"pg_dump"}, append(postgres, database)...)},
		{"pg_dump-inserts.sql", append([]string{"pg_dump"}, append(postgres, "--inserts", "--no-owner", database)...)},
		{"pg_dumpall.sql", append([]string{"pg_dumpall"}, append(postgres, "--exclude-database=postgres", "--exclude-database=template1")...)},
	} {
		out, err := exec.Command(made.command[0], made.command[1:]...).Output()
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(made.command, " "), err)
		}
		if err := m.write(made.name, out); err != nil {
			return err
		}
	}
	return nil
}

// dump returns a database of MariaDB as the dump client writes it.
func (m *maker) dump(database string) (string, error) {
	out, err := exec.Command("mariadb-dump", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprint("--port=", m.mysql.Port), "--user=root",
		"--skip-dump-date", "--hex-blob", database).Output()
	if err != nil {
		return "", fmt.Errorf("mariadb-dump %s: %w", database, err)
	}
	return string(out), nil
}

// client loads a text into a database with the command line client.
func client(server *testserver.MySQL, input, database string) error {
	cmd := exec.Command("mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprint("--port=", server.Port), "--user=root", database)
	cmd.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mariadb: %w: %s", err, output.String())
	}
	return nil
}
