package throwaway

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jobiqo/dump-refresh/helper/internal/postgres"
)

// segments lists the segments of shared memory of all processes.
func segments(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A PostgreSQL server runs as another account if the program runs as root. Nothing of it is left, whether it is stopped or the program is killed.
func TestPostgresLeavesNothing(t *testing.T) {
	folder := inTemporaryFolder(t)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Kind{Engine: "postgres", Version: "12"}, func(line string) { t.Error(line) })
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.folder.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others can come into the folder: %v, %v", info.Mode(), err)
	}
	config, err := postgres.Config(s.URL("postgres"), "postgres", postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	var key string
	if err := conn.QueryRow(t.Context(), "SELECT (pg_read_file('postmaster.pid'))::text").Scan(&key); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
	number := strings.Fields(strings.Split(key, "\n")[6])[0] // of its segment of shared memory
	if !strings.Contains(segments(t), number) {
		t.Errorf("segment %s is not there", number)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(segments(t), number) {
		t.Error("a segment of shared memory is left")
	}
	if !isEmpty(t, folder) {
		t.Error("files are left")
	}

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=postgres:12")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	socket := filepath.Join(strings.TrimSpace(line), ".s.PGSQL.5432")
	if !answers(socket) {
		t.Fatalf("the program says %q", line)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	for deadline := time.Now().Add(time.Minute); answers(socket); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server lives on")
		}
	}
}

// A dump is not read by an older server.
func TestNoPostgresIsNewEnough(t *testing.T) {
	_, err := Start(t.Context(), Kind{Engine: "postgres", Version: "99"}, func(string) {})
	var missing *NoServerError
	if !errors.As(err, &missing) || !strings.HasPrefix(err.Error(), "no postgres 99 can be started here: this machine has postgres ") ||
		!strings.HasSuffix(err.Error(), "; this machine has no PostgreSQL server of version 99 or newer") {
		t.Errorf("error %v", err)
	}
}

// Of several servers, the oldest that is new enough is taken: it is the most like that of the dump.
func TestPostgresVersions(t *testing.T) {
	folder := t.TempDir()
	var path []string
	for _, version := range []string{"14.2", "17.1", "16beta1"} {
		bin := filepath.Join(folder, version)
		if err := os.Mkdir(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"postgres", "initdb"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) "+version+" (of a test)'\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		path = append(path, bin)
	}
	t.Setenv("PATH", strings.Join(path, ":"))
	found, _ := findPostgres(t.Context(), Kind{Engine: "postgres", Version: "16"})
	if found.name != "postgres 16beta1" {
		t.Errorf("%q", found.name)
	}
}
