package stories

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// The program is killed in the midst of what it does. Only kills count that hit: the process was alive, and what it had begun is still there
// afterwards. The next run of the program needs no help.

// phase is what the program is killed in.
type phase struct {
	name  string
	words []string
	// before is called before each start.
	before func()
	// reached tells that the program is there, and left, after its death, that it had not come to the end of it.
	reached, left func() bool
	// longest is how long the kill may come after that.
	longest time.Duration
	// judge looks at what is left.
	judge func(t *testing.T)
}

const killed = "kills"

func TestKills(t *testing.T) {
	if os.Getenv("DUMP_TEST_LONG") == "" {
		t.Skip("make test-long kills it")
	}
	const hits = 100
	t.Parallel()
	p, local := killing(t)
	refresh, load, swap := p.phases(local)
	t.Run("refresh", func(t *testing.T) { p.at(t).kill(refresh, hits) })
	t.Run("pull by SQL", func(t *testing.T) { p.at(t).kill(load, hits) })
	t.Run("swap", func(t *testing.T) {
		slow := p.at(t)
		slow.local = through(t, slow.local, slow.ports[1], line{down: faults.Trickle(64<<10, time.Millisecond)})
		slow.local = strings.Replace(slow.local, "silence=2s", "silence=1m", 1) // a busy machine is no silent one
		slow.kill(swap, hits)
	})
	if code, out := p.run("bake", "--quiet", "--for=mariadb:10.11"); code != 0 {
		t.Fatal(out)
	}
	if code, out := p.run("pull", "--yes"); code != 0 || !strings.Contains(out, " as files), ") {
		t.Fatal(out)
	}
	t.Run("pull by files", func(t *testing.T) { p.at(t).kill(load, hits) })
}

// killing makes a staging and a local database of their own, and a dump.
func killing(t *testing.T) (program, *testserver.MySQL) {
	t.Helper()
	staging, err := stagingServer()
	if err != nil {
		t.Fatal(err)
	}
	local, err := localServer()
	if err != nil {
		t.Fatal(err)
	}
	store, err := minio()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(staging.Exec("CREATE DATABASE "+killed), local.Exec("CREATE DATABASE "+killed), store.CreateBucket(killed)); err != nil {
		t.Fatal(err)
	}
	p := program{t: t, store: store, bucket: killed, cache: t.TempDir(), place: place{
		staging: staging.URL(killed), local: local.URL(killed), ports: [2]int{staging.Port, local.Port},
		tables: func() (map[string]string, error) { return local.Checksums(killed) },
		sessions: func(int) ([][]string, error) {
			return staging.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '" + killed + "' AND ID <> CONNECTION_ID()")
		},
	}}
	if err := data.Load(t.Context(), p.staging, data.Options{Seed: 1, MB: 4}); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"refresh"}, {"pull", "--yes"}} {
		if code, out := p.run(words...); code != 0 {
			t.Fatal(out)
		}
	}
	return p, local
}

func (p program) phases(local *testserver.MySQL) (refresh, load, swap phase) {
	found := func(query string) func() bool {
		return func() bool {
			rows, err := local.Query(query)
			return err == nil && rows[0][0] != "0"
		}
	}
	fresh, err := p.tables()
	if err != nil {
		p.t.Fatal(err)
	}
	var dumps []string
	refresh = phase{
		name: "refresh", words: []string{"refresh", "--force"}, longest: 300 * time.Millisecond,
		before: func() { dumps = p.keys() },
		reached: func() bool {
			open, err := p.sessions(p.ports[0])
			return err == nil && len(open) > 0
		},
		left: func() bool { return slices.Equal(p.keys(), dumps) },
		judge: func(t *testing.T) {
			if code, out := p.run("verify"); code != 0 {
				t.Errorf("verify: %s", out)
			}
		},
	}
	mine := func() {
		if err := local.Exec("CREATE TABLE IF NOT EXISTS " + killed + ".mine (id INT PRIMARY KEY)"); err != nil {
			p.t.Fatal(err)
		}
	}
	load = phase{
		name: "pull", before: mine, words: []string{"pull", "--yes"}, longest: time.Second,
		reached: found("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '" + killed + "__dump_incoming'"),
	}
	swap = phase{
		name: "swap", before: mine, words: []string{"pull", "--yes"}, longest: 50 * time.Millisecond,
		reached: found("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '" + killed + "__dump_previous'" +
			" AND TABLE_NAME IN ('dump_refresh_pending', 'dump_refresh_swapped')"),
	}
	// The live database is as it was, or as the dump has it: never a mixture.
	load.judge = func(t *testing.T) {
		if code, out := p.run("list"); code != 0 { // finishes what was interrupted
			t.Errorf("list: %s", out)
		}
		now, err := p.tables()
		if err != nil {
			t.Fatal(err)
		}
		_, before := now["mine"]
		if delete(now, "mine"); !maps.Equal(now, fresh) {
			t.Errorf("the local database is neither as it was nor as the dump (mine: %v): %q", before, now)
		}
	}
	load.left, swap.left, swap.judge = load.reached, swap.reached, load.judge
	return refresh, load, swap
}

// kill kills the program until so many kills have hit.
func (p program) kill(at phase, hits int) {
	missed, longest := 0, at.longest
	for hit := 0; hit < hits; {
		at.before()
		if p.killOnce(at, longest) {
			hit++
			longest = min(at.longest, longest*21/20)
			at.judge(p.t)
		} else {
			missed++
			longest = longest * 9 / 10 // it came too late
		}
		if missed > 20*hits+20 {
			p.t.Fatalf("%d kills have hit, %d have missed", hit, missed)
		}
		if hit%10 != 0 {
			p.forgetLease() // for which the next refresh would wait half a minute
		}
		if code, out := p.run(at.words...); code != 0 {
			p.t.Fatalf("the run after kill %d: exit code %d\n%s", hit, code, out)
		}
		_, _ = p.run("pull", "--drop-earlier", "1", "--yes") // those with the table mine would all be kept
	}
	if uploads, err := p.store.Uploads(p.bucket); err != nil || len(uploads) > 0 {
		p.t.Errorf("left behind: %q, %v", uploads, err)
	}
	local, err := localServer()
	if err != nil {
		p.t.Fatal(err)
	}
	left, err := local.Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('" + killed + "__dump_incoming', '" + killed + "__dump_spare')" +
		" UNION ALL SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE User LIKE 'dump\\_%'")
	if err != nil || len(left) > 0 {
		p.t.Errorf("left behind on the local server: %q, %v", left, err)
	}
	p.t.Logf("%d kills in the %s have hit, %d came too late", hits, at.name, missed)
}

// forgetLease removes the lease of a killed refresh.
func (p program) forgetLease() {
	keys, err := p.store.Keys(p.bucket)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, key := range keys {
		if strings.HasSuffix(key, ".lease.json") {
			if err := p.store.DeleteObject(p.bucket, key); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// killOnce starts the program and kills it. It reports whether that hit.
func (p program) killOnce(at phase, longest time.Duration) bool {
	for at.reached() { // what the last one left ends
		time.Sleep(10 * time.Millisecond)
	}
	command := p.command(at.words...)
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	for !at.reached() {
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case <-ended:
		return false
	case <-time.After(rand.N(longest + 1)):
	}
	_ = command.Process.Kill()
	<-ended
	status, ok := command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && at.left()
}
