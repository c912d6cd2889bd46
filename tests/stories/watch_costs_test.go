package stories

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestWatchCosts measures what a watched staging server is asked: a MariaDB server with a site of 44 tables and 100 MB of SQL, which nobody changes,
// and in which one table changes all the time.
func TestWatchCosts(t *testing.T) {
	if os.Getenv("DUMP_TEST_LONG") == "" {
		t.Skip("make test-long measures it")
	}
	server, err := testserver.MariaDB(t.TempDir(), "--table-definition-cache=2000")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	if err := server.Exec("CREATE DATABASE watched"); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), server.URL("watched"), data.Options{Seed: 1, MB: 100}); err != nil {
		t.Fatal(err)
	}
	p := unreadProgram(t, "line-watch-costs", server.URL("watched"))
	type counts struct{ queries, bytes int64 }
	count := func() counts {
		rows, err := server.Query("SELECT SUM(IF(VARIABLE_NAME = 'QUESTIONS', VARIABLE_VALUE, 0)), SUM(IF(VARIABLE_NAME LIKE 'BYTES%', VARIABLE_VALUE, 0)) FROM information_schema.GLOBAL_STATUS")
		if err != nil {
			t.Fatal(err)
		}
		var c counts
		queries, _ := strconv.ParseFloat(rows[0][0], 64)
		bytes, _ := strconv.ParseFloat(rows[0][1], 64)
		c.queries, c.bytes = int64(queries), int64(bytes)
		return c
	}
	time.Sleep(3100 * time.Millisecond)
	if code, out := p.run("refresh"); code != 0 {
		t.Fatal(out)
	}
	config := filepath.Join(p.cache, "fleet.yaml")
	for _, changing := range []bool{false, true} {
		// A minute in a second.
		if err := os.WriteFile(config, []byte("watch_interval: 1s\ndefaults: {trust: full, min_interval: 5s, environment: ['*']}\nprojects: [{path: .}]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		command := p.command("fleet", "watch", "--file", config)
		log, err := os.Create(filepath.Join(p.cache, "watch.log"))
		if err != nil {
			t.Fatal(err)
		}
		command.Stdout, command.Stderr = log, log
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second) // the first run
		keys, before, began := len(p.keys()), count(), time.Now()
		var own counts
		for range 60 {
			if changing {
				at := count()
				if err := server.Exec("UPDATE watched.key_value SET value = CONCAT(value, 'x') LIMIT 1"); err != nil {
					t.Log(err)
				}
				after := count()
				own.queries, own.bytes = own.queries+after.queries-at.queries, own.bytes+after.bytes-at.bytes
			}
			time.Sleep(time.Second)
		}
		took, after := time.Since(began), count()
		memory, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", command.Process.Pid))
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("it ended with %v", err)
		}
		text, _ := os.ReadFile(log.Name())
		t.Logf("changing %v: %.0f s with an interval of 1 s: %d queries, %d bytes, %d dumps\n%.600s\n%s", changing, took.Seconds(),
			after.queries-before.queries-own.queries, after.bytes-before.bytes-own.bytes, len(p.keys())-keys, text, regexp.MustCompile(`VmHWM:.*`).Find(memory))
	}
}
