package throwaway

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// childVariable makes this binary a program that starts a server of that kind and waits to be killed.
const childVariable = "THROWAWAY_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVariable); kind != "" {
		engine, version, _ := strings.Cut(kind, ":")
		s, err := Start(context.Background(), Kind{Engine: engine, Version: version}, func(string) {})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(s.folder.path)
		select {}
	}
	os.Exit(m.Run())
}

// here is the kind of the MariaDB or MySQL that tests have. One is needed, as for the other tests.
func here(t *testing.T, engine string) Kind {
	t.Helper()
	if engine == "mysql" {
		path, err := testserver.Program("mysqld", "make tools")
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", filepath.Dir(path)+":"+os.Getenv("PATH"))
	}
	_, reasons := findProgram(t.Context(), Kind{Engine: engine, Version: "0.0"})
	for _, reason := range reasons {
		if version, ok := strings.CutPrefix(reason, "this machine has "+engine+" "); ok {
			return Kind{Engine: engine, Version: strings.Join(strings.Split(version, ".")[:2], ".")}
		}
	}
	t.Fatalf("no %s: %q", engine, reasons)
	return Kind{}
}

// eachEngine runs a test for MariaDB and for MySQL.
func eachEngine(t *testing.T, test func(t *testing.T, kind Kind)) {
	for _, engine := range []string{"mariadb", "mysql"} {
		t.Run(engine, func(t *testing.T) { test(t, here(t, engine)) })
	}
}

// inTemporaryFolder gives the test a folder for temporary files, whose path a socket can have.
func inTemporaryFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	t.Setenv("TMPDIR", folder)
	return folder
}

func isEmpty(t *testing.T, folder string) bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) == 0
}

// answers reports whether somebody listens at a socket.
func answers(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func TestServerLeavesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, kind Kind) {
		folder := inTemporaryFolder(t)
		s, err := Start(t.Context(), kind, func(line string) { t.Error(line) })
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(s.folder.path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("others can come into the folder: %v, %v", info.Mode(), err)
		}
		if program := map[string]string{"mariadb": "mariadbd ", "mysql": "mysqld "}[kind.Engine]; !strings.HasPrefix(s.Source, program+kind.Version+".") || !answers(s.Socket()) {
			t.Errorf("%s does not answer", s.Source)
		}
		// A server that starts meanwhile must not mistake this one's folder for an abandoned one.
		sweep(folder)
		if _, err := os.Stat(s.folder.file(dataName)); err != nil {
			t.Error("the folder of a server that runs was removed")
		}
		pid := s.process.cmd.Process.Pid
		for range 2 {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
		if !isEmpty(t, folder) {
			t.Error("files are left")
		}
		if left := group(t, pid); len(left) > 0 {
			t.Errorf("processes are left: %q", left)
		}
	})
}

// group lists the processes of a group that have not ended.
func group(t *testing.T, pid int) (commands []string) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 2 && fields[0] != "Z" && fields[2] == fmt.Sprint(pid) {
			commands = append(commands, string(text))
		}
	}
	return commands
}

// After kill -9 the server ends by itself, and the next start removes its files.
func TestKilledProgramLeavesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, kind Kind) {
		folder := inTemporaryFolder(t)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childVariable+"="+kind.String())
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(output).ReadString('\n')
		left := strings.TrimSpace(line)
		if !answers(filepath.Join(left, socketName)) {
			t.Fatalf("the program says %q", left)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
		for deadline := time.Now().Add(time.Minute); answers(filepath.Join(left, socketName)); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the server lives on")
			}
		}
		next, err := newFolder()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", left, err)
		}
		if err := next.remove(); err != nil || !isEmpty(t, folder) {
			t.Error("files are left", err)
		}
	})
}

// A server that has crashed has what it had, and ends like any other.
func TestCrash(t *testing.T) {
	eachEngine(t, func(t *testing.T, kind Kind) {
		folder := inTemporaryFolder(t)
		s, err := Start(t.Context(), kind, func(line string) { t.Error(line) })
		if err != nil {
			t.Fatal(err)
		}
		config := mysql.NewConfig()
		config.User, config.Net, config.Addr, config.Logger = "root", "unix", s.Socket(), &mysql.NopLogger{}
		connector, err := mysql.NewConnector(config)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		for _, statement := range []string{
			"SET GLOBAL innodb_flush_log_at_trx_commit = 1", "CREATE DATABASE d", "CREATE TABLE d.t (id int PRIMARY KEY)", "INSERT INTO d.t VALUES (7)",
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		var id int
		for range 2 {
			if err := s.Crash(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := db.QueryRowContext(t.Context(), "SELECT id FROM d.t").Scan(&id); err != nil || id != 7 {
				t.Errorf("after a crash there is %d, %v", id, err)
			}
		}
		if err := os.Truncate(filepath.Join(s.Folder(dataName), "ibdata1"), 0); err != nil {
			t.Fatal(err)
		}
		if err := s.Crash(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "start "+s.Source+": it ended before it was ready; its log ends: …") {
			t.Errorf("without its data it starts: %v", err)
		}
		if err := s.Stop(); err != nil || !isEmpty(t, folder) {
			t.Error("files are left", err)
		}
	})
}

func TestInterruptedStartLeavesNothing(t *testing.T) {
	folder, kind := inTemporaryFolder(t), here(t, "mariadb")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, err := Start(ctx, kind, func(string) {}); err == nil || err.Error() != "enough" {
		t.Errorf("got %v", err)
	}
	if !isEmpty(t, folder) {
		t.Error("files are left")
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	folder := inTemporaryFolder(t)
	f, err := newFolder()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Source: "a server", kind: here(t, "mariadb"), folder: f, origin: origin{command: func(string) []string {
		return []string{"/bin/sh", "-c", supervised("echo no such tablespace >&2; exit 3")}
	}}}
	err = s.start(t.Context())
	const want = "start a server: it ended before it was ready; its log ends: …no such tablespace"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := s.Stop(); err != nil || !isEmpty(t, folder) {
		t.Error("files are left", err)
	}
}

// Both MariaDB and MySQL have a mysqld, and its version text shows which one it is. A relative folder in PATH does not count.
func TestTwoServersOfOneName(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	var path []string
	for name, said := range map[string]string{
		"maria":  "mysqld  Ver 98.4.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)",
		"oracle": filepath.Join(folder, "beside-MariaDB", "mysqld") + "  Ver 98.4.3 for Linux on x86_64 (MySQL Community Server - GPL)",
		"here":   "mysqld  Ver 98.5.1 for Linux on x86_64 (MySQL Community Server - GPL)",
	} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(name, "mysqld"), []byte("#!/bin/sh\necho '"+said+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "here" {
			name = filepath.Join(folder, name)
		}
		path = append(path, name)
	}
	t.Setenv("PATH", strings.Join(path, ":")+":"+os.Getenv("PATH"))
	for kind, want := range map[Kind]string{
		{Engine: "mysql", Version: "98.4"}:   "mysqld 98.4.3",
		{Engine: "mariadb", Version: "98.4"}: "mysqld 98.4.19",
		{Engine: "mysql", Version: "98.5"}:   "",
	} {
		if found, reasons := findProgram(t.Context(), kind); found.name != want {
			t.Errorf("for %s there is %q, not %q (%q)", kind, found.name, want, reasons)
		}
	}
}

func TestNoServer(t *testing.T) {
	inTemporaryFolder(t)
	t.Setenv("PATH", t.TempDir())
	var missing *NoServerError
	_, err := Start(t.Context(), Kind{Engine: "mariadb", Version: "8.4"}, func(string) {})
	if !errors.As(err, &missing) || !strings.HasPrefix(err.Error(), "no mariadb 8.4 can be started here: ") ||
		!strings.HasSuffix(err.Error(), "; there is no docker for a container of mariadb:8.4") {
		t.Errorf("got %v", err)
	}
}

// fakeDocker puts a docker on PATH that writes its words down.
func fakeDocker(t *testing.T, info string) (words func() []string) {
	t.Helper()
	folder := t.TempDir()
	log := filepath.Join(folder, "log")
	script := "#!/bin/sh\necho \"$@\" | head -n 1 >> " + log + "\ncase $1 in info) " + info + ";; image) exit 1;; pull) exit 0;; esac\n"
	if err := os.WriteFile(filepath.Join(folder, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	return func() []string {
		text, _ := os.ReadFile(log)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// Where the machine has no server of the kind, its image is fetched, and a container is made that has no network, no other
// folder than the server's, and ends with its standard input.
func TestContainer(t *testing.T) {
	said := fakeDocker(t, "echo '[name=seccomp]'")
	var notes []string
	found, err := find(t.Context(), Kind{Engine: "mariadb", Version: "99.1", Image: "registry.example.com/maria:99"}, func(line string) { notes = append(notes, line) })
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"info --format {{.SecurityOptions}}", "image inspect registry.example.com/maria:99", "pull --quiet registry.example.com/maria:99"}
	if !slices.Equal(said(), want) || !slices.Equal(notes, []string{"fetching the image registry.example.com/maria:99"}) {
		t.Errorf("docker was told %q, the user %q", said(), notes)
	}
	line, again := strings.Join(found.command("/tmp/x"), " "), strings.Join(found.command("/tmp/x"), " ")
	if line == again {
		t.Error("a second container has the name of the first one")
	}
	for _, word := range []string{
		"docker run --rm --interactive --pull=never --name=dump-bake-", " --network=none ", fmt.Sprintf(" --user=%d:%d ", os.Geteuid(), os.Getegid()),
		" --volume=/tmp/x:/tmp/x --entrypoint=/bin/sh registry.example.com/maria:99 -c exec 4<&0\n", "'--socket=/tmp/x/s'",
	} {
		if !strings.Contains(line, word) {
			t.Errorf("%q is not in %s", word, line)
		}
	}
	// An image of a database server has a volume of its own, which must not stay behind either.
	found.remove(t.Context())
	if calls := said(); !strings.HasPrefix(calls[len(calls)-1], "rm --force --volumes dump-bake-") {
		t.Errorf("docker was told %q", calls)
	}
	if strings.Contains(line, "'--user=root'") != (os.Geteuid() == 0) {
		t.Errorf("the server's user is wrong: %s", line)
	}

	if found, err = find(t.Context(), Kind{Engine: "mysql", Version: "99.1"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if line := strings.Join(found.command("/tmp/x"), " "); !strings.Contains(line, " mysql:99.1 -c ") || !strings.Contains(line, `"$(command -v mysqld)" '--no-defaults' '--initialize-insecure'`) {
		t.Errorf("a container of MySQL is made by %s", line)
	}

	fakeDocker(t, "echo '[name=seccomp name=rootless]'")
	if found, err = find(t.Context(), Kind{Engine: "mariadb", Version: "99.1"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if line := strings.Join(found.command("/tmp/x"), " "); !strings.Contains(line, " --user=0:0 ") || !strings.Contains(line, "'--user=root'") {
		t.Errorf("got %s", line)
	}

	fakeDocker(t, "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
	_, err = find(t.Context(), Kind{Engine: "mariadb", Version: "99.1", Image: "x"}, func(string) {})
	if err == nil || err.Error() != "no mariadb 99.1 can be started here: docker: Cannot connect to the Docker daemon" {
		t.Errorf("got %v", err)
	}
}
