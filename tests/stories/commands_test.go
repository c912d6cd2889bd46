package stories

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/faults"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// story is the state of one story.
type story struct {
	number           int
	staging, local   *testserver.MySQL
	store            *testserver.S3
	database, bucket string
	background       map[string]background
	ownPostgres      *testserver.PG // nil if it uses the one that stories share
	// watch fails the story if it changes a neighbour on a server.
	watch func(localDatabases) error
}

type key struct{}

var storyKey key

func of(ts *testscript.TestScript) *story { return ts.Value(storyKey).(*story) }

// commands are the commands of stories beyond testscript's own. Those that can be negated (! same) say so.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"seed":        seed,
	"staging":     func(ts *testscript.TestScript, _ bool, args []string) { run(ts, of(ts).staging, args) },
	"local":       func(ts *testscript.TestScript, _ bool, args []string) { run(ts, of(ts).local, args) },
	"same":        same,
	"samerows":    sameRows,
	"remember":    remember,
	"unchanged":   unchanged,
	"objects":     objects,
	"uploads":     uploads,
	"put":         put,
	"putdated":    putDated,
	"get":         get,
	"delete":      remove,
	"flip":        flip,
	"truncate":    truncate,
	"credentials": restricted,
	"role":        role,
	"versitygw":   useVersityGW,
	"mysql":       useMySQL,
	"old":         useOldMariaDB,
	"postgres":    func(ts *testscript.TestScript, _ bool, _ []string) { usePostgres(ts, of(ts).postgres(ts)) },
	"ownpostgres": useOwnPostgres,
	"lacking":     useLacking,
	"psql":        runPostgres,
	"sshd":        useSSHD,
	"keys":        foreignKeys,
	"eventually":  eventually,
	"aged":        aged,
	"nextsecond":  nextSecond,
	"settled":     settled,
	"count":       count,
	"code":        code,
	"proxy":       proxy,
	"tmpfs":       smallDisk,
	"tinylocal":   tinyLocal,
	"ownlocal":    ownLocal,
	"ownmysql":    ownMySQL,
	"ownstaging":  ownStaging,
	"relay":       relay,
	"fill":        fill,
}

// keys lists the foreign keys of the story's local databases.
func foreignKeys(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	all, err := s.local.ForeignKeys()
	check(ts, err)
	for _, key := range all {
		if name, _, _ := strings.Cut(key, "/"); name == s.database || strings.HasPrefix(name, s.database+"_") {
			_, _ = ts.Stdout().Write([]byte(key + "\n"))
		}
	}
}

func check(ts *testscript.TestScript, err error) {
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// seed [MB] fills the staging database with a generated site.
func seed(ts *testscript.TestScript, _ bool, args []string) {
	options := data.Options{Seed: 1, MB: 1, View: true, Trigger: true}
	if len(args) > 0 {
		size, err := strconv.Atoi(args[0])
		check(ts, err)
		options.MB = size
	}
	check(ts, data.Load(context.Background(), of(ts).staging.URL(of(ts).database), options))
}

// run executes statements, one argument each, with the story's variables. The results of queries go to standard output.
func run(ts *testscript.TestScript, server *testserver.MySQL, args []string) {
	for _, statement := range args {
		statement = os.Expand(statement, ts.Getenv)
		verb := strings.ToUpper(strings.Fields(statement)[0])
		if verb != "SELECT" && verb != "SHOW" {
			check(ts, server.Exec("USE "+of(ts).database, statement))
			continue
		}
		rows, err := server.Query(statement)
		check(ts, err)
		for _, row := range rows {
			_, _ = ts.Stdout().Write([]byte(strings.Join(row, "\t") + "\n"))
		}
	}
}

// same [TABLE...] requires that staging and local have the same tables with the same contents by CHECKSUM TABLE. The named tables must
// exist and be empty instead.
func same(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	want, err := s.staging.Checksums(s.database)
	check(ts, err)
	got, err := s.local.Checksums(s.database)
	check(ts, err)
	for _, table := range args {
		rows, err := s.local.Query("SELECT COUNT(*) FROM " + s.database + "." + table)
		check(ts, err)
		if rows[0][0] != "0" {
			ts.Fatalf("table %s has %s rows, none were expected", table, rows[0][0])
		}
		delete(want, table)
		delete(got, table)
	}
	if len(want) == 0 {
		ts.Fatalf("staging has no tables to compare")
	}
	if maps.Equal(want, got) == neg {
		ts.Fatalf("equal: %v\nstaging: %v\nlocal:   %v", !neg, want, got)
	}
}

// remember saves the checksums of the local database in the file local.sums; unchanged compares with them.
func remember(ts *testscript.TestScript, _ bool, _ []string) {
	check(ts, os.WriteFile(ts.MkAbs("local.sums"), []byte(localState(ts)), 0o644))
}

func unchanged(ts *testscript.TestScript, neg bool, _ []string) {
	before, err := os.ReadFile(ts.MkAbs("local.sums"))
	check(ts, err)
	if after := localState(ts); (after == string(before)) == neg {
		ts.Fatalf("unchanged: %v\nbefore: %s\nafter:  %s", !neg, before, after)
	}
}

// localState is the local database, and whether there is a scratch database beside it.
func localState(ts *testscript.TestScript) string {
	s := of(ts)
	sums, err := s.local.Checksums(s.database)
	check(ts, err)
	var text strings.Builder
	for _, table := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%s %s\n", table, sums[table])
	}
	rows, err := s.local.Query("SHOW DATABASES LIKE '" + s.database + "\\_\\_dump\\_incoming'")
	check(ts, err)
	for _, row := range rows {
		text.WriteString("left behind: " + row[0] + "\n")
	}
	return text.String()
}

// objects N requires that there are N objects in the bucket, not counting the helper's own state, and lists their keys.
func objects(ts *testscript.TestScript, _ bool, args []string) { list(ts, dumpKeys(ts), args) }

func dumpKeys(ts *testscript.TestScript) []string {
	keys, err := of(ts).store.Keys(of(ts).bucket)
	check(ts, err)
	return slices.DeleteFunc(keys, func(key string) bool { return strings.Contains(key, ".dump-refresh/") })
}

// uploads N requires that there are N unfinished uploads.
func uploads(ts *testscript.TestScript, _ bool, args []string) {
	keys, err := of(ts).store.Uploads(of(ts).bucket)
	check(ts, err)
	list(ts, keys, args)
}

func list(ts *testscript.TestScript, keys, args []string) {
	if len(args) > 0 && args[0] != strconv.Itoa(len(keys)) {
		ts.Fatalf("there are %d, not %s: %v", len(keys), args[0], keys)
	}
	_, _ = ts.Stdout().Write([]byte(strings.Join(append(keys, ""), "\n")))
}

// put KEY FILE stores a file unchanged.
func put(ts *testscript.TestScript, _ bool, args []string) {
	check(ts, of(ts).store.PutObject(of(ts).bucket, args[0], []byte(ts.ReadFile(args[1]))))
}

// putdated PREFIX AGE FILE stores a dump of shop with that age, which is negative for the future.
func putDated(ts *testscript.TestScript, _ bool, args []string) {
	age, err := time.ParseDuration(args[1])
	check(ts, err)
	key := args[0] + "/shop-" + time.Now().Add(-age).UTC().Format(keyTimeLayout) + "-aaaaaa.sql.zst"
	check(ts, of(ts).store.PutObject(of(ts).bucket, key, []byte(ts.ReadFile(args[2]))))
}

// get KEY FILE fetches an object unchanged; "newest" is the last key.
func get(ts *testscript.TestScript, _ bool, args []string) {
	content, err := of(ts).store.GetObject(of(ts).bucket, named(ts, args[0]))
	check(ts, err)
	check(ts, os.WriteFile(ts.MkAbs(args[1]), content, 0o644))
}

// delete KEY removes an object.
func remove(ts *testscript.TestScript, _ bool, args []string) {
	check(ts, of(ts).store.DeleteObject(of(ts).bucket, named(ts, args[0])))
}

// flip KEY inverts a bit in the middle of an object.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	rewrite(ts, args[0], func(content []byte) []byte {
		content[len(content)/2] ^= 1
		return content
	})
}

// truncate KEY removes the last third of an object.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	rewrite(ts, args[0], func(content []byte) []byte { return content[:len(content)*2/3] })
}

func rewrite(ts *testscript.TestScript, name string, change func([]byte) []byte) {
	s, key := of(ts), named(ts, name)
	content, err := s.store.GetObject(s.bucket, key)
	check(ts, err)
	check(ts, s.store.PutObject(s.bucket, key, change(content)))
}

func named(ts *testscript.TestScript, name string) string {
	if name != "newest" {
		return name
	}
	keys := dumpKeys(ts)
	if len(keys) == 0 {
		ts.Fatalf("the bucket is empty")
	}
	return keys[len(keys)-1]
}

// credentials FILE continues with the rights that the IAM policy in the file allows; $BUCKET in it is the story's bucket. Without a
// file it continues with the owner's.
func restricted(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	credentials := s.store.Owner()
	if len(args) > 0 {
		var err error
		credentials, err = s.store.Restricted(strings.ReplaceAll(ts.ReadFile(args[0]), "$BUCKET", s.bucket))
		check(ts, err)
	}
	become(ts, credentials)
}

func become(ts *testscript.TestScript, credentials testserver.Credentials) {
	ts.Setenv("AWS_SESSION_TOKEN", "")
	for _, pair := range credentials.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		ts.Setenv(name, value)
	}
}

// role NAME continues with the rights that a policy of deploy/iam gives for the project shop.
func role(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	text, err := os.ReadFile(filepath.Join("../../deploy/iam", args[0]+".json"))
	check(ts, err)
	policy := strings.NewReplacer("BUCKET", s.bucket, "PREFIX", "shop", "PROJECT", "shop").Replace(string(text))
	// MinIO has no such setting, and rejects policies that contain it.
	policy = regexp.MustCompile(`"s3:(Get|Put)BucketPublicAccessBlock",`).ReplaceAllString(policy, "")
	credentials, err := s.store.Restricted(policy)
	check(ts, err)
	become(ts, credentials)
}

// versitygw continues with the other S3 server.
func useVersityGW(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	store, err := versitygw()
	check(ts, err)
	check(ts, store.CreateBucket(s.bucket))
	s.store = store
	ts.Setenv("DUMP_S3_ENDPOINT", store.Endpoint)
	restricted(ts, false, nil)
}

// mysql continues with MySQL servers for both sides, and lets the program find one to bake with, $REAL_MYSQLD. $MYSQL is their series: 8.4.
func useMySQL(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	var err error
	if s.staging, err = mysqlStaging(); err == nil {
		s.local, err = mysqlLocal()
	}
	check(ts, err)
	for _, server := range []*testserver.MySQL{s.staging, s.local} {
		check(ts, server.Exec("CREATE DATABASE "+s.database))
	}
	check(ts, s.watch(s.local))
	ts.Setenv("DUMP_SOURCE", s.staging.URL(s.database))
	ts.Setenv("DUMP_TARGET", s.local.URL(s.database))
	rows, err := s.local.Query("SELECT SUBSTRING_INDEX(VERSION(), '.', 2)")
	check(ts, err)
	ts.Setenv("MYSQL", rows[0][0])
	ts.Setenv("LOCAL_PORT", fmt.Sprint(s.local.Port))
	program, err := testserver.Program("mysqld", "make tools")
	check(ts, err)
	ts.Setenv("REAL_MYSQLD", program)
	ts.Setenv("PATH", ts.Getenv("PATH")+string(os.PathListSeparator)+filepath.Dir(program))
}

// postgres returns the story's PostgreSQL server.
func (s *story) postgres(ts *testscript.TestScript) *testserver.PG {
	if s.ownPostgres != nil {
		return s.ownPostgres
	}
	server, err := pgServer()
	check(ts, err)
	return server
}

// ownpostgres SETTING... is postgres with a server of the story's own that has these settings, for stories that do harm to it.
func useOwnPostgres(ts *testscript.TestScript, _ bool, args []string) {
	// The server's account needs access to its data.
	folder, err := os.MkdirTemp(workshop, "own-postgres-")
	check(ts, err)
	check(ts, os.Chmod(folder, 0o755))
	server, err := testserver.Postgres(filepath.Join(folder, "server"), args...)
	check(ts, err)
	ts.Defer(server.Stop)
	of(ts).ownPostgres = server
	usePostgres(ts, server)
}

// usePostgres continues with PostgreSQL databases for both sides: $DATABASE and ${DATABASE}_local.
func usePostgres(ts *testscript.TestScript, server *testserver.PG) {
	s := of(ts)
	check(ts, server.Exec("postgres", "CREATE DATABASE "+s.database, "CREATE DATABASE "+s.database+"_local"))
	check(ts, s.watch(server))
	ts.Setenv("DUMP_SOURCE", server.URL(s.database))
	ts.Setenv("DUMP_TARGET", server.URL(s.database+"_local"))
	address, err := url.Parse(server.URL(s.database))
	check(ts, err)
	ts.Setenv("PGHOST", address.Hostname())
	ts.Setenv("PGPORT", address.Port())
	ts.Setenv("PGUSER", address.User.Username())
}

// lacking EXTENSION... continues with a local PostgreSQL server of the story's own that lacks these extensions.
func useLacking(ts *testscript.TestScript, _ bool, args []string) {
	server, err := testserver.PostgresLacking(ts.MkAbs("lacking"), 15, args...)
	check(ts, err)
	ts.Defer(server.Stop)
	check(ts, server.Exec("postgres", "CREATE DATABASE "+of(ts).database))
	check(ts, of(ts).watch(server))
	ts.Setenv("DUMP_TARGET", server.URL(of(ts).database))
}

// psql DATABASE STATEMENT... executes statements on the PostgreSQL server.
func runPostgres(ts *testscript.TestScript, _ bool, args []string) {
	server := of(ts).postgres(ts)
	for _, statement := range args[1:] {
		statement = os.Expand(statement, ts.Getenv)
		if !strings.HasPrefix(strings.ToUpper(statement), "SELECT") {
			check(ts, server.Exec(args[0], statement))
			continue
		}
		rows, err := server.Query(args[0], statement)
		check(ts, err)
		for _, row := range rows {
			_, _ = ts.Stdout().Write([]byte(strings.Join(row, "\t") + "\n"))
		}
	}
}

// sshd starts an SSH server and puts its port, user, key and known_hosts into the environment.
func useSSHD(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := sshd()
	check(ts, err)
	ts.Setenv("SSH_PORT", fmt.Sprint(server.Port))
	ts.Setenv("SSH_USER", server.User)
	ts.Setenv("SSH_KEY", server.ClientKey)
	ts.Setenv("SSH_KNOWN_HOSTS", server.KnownHosts)
}

// eventually DURATION FILE TEXT waits until a growing file contains the text.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	limit, err := time.ParseDuration(args[0])
	check(ts, err)
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		content, err := os.ReadFile(ts.MkAbs(args[1]))
		if err == nil && strings.Contains(string(content), args[2]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q did not appear in %s:\n%s", args[2], args[1], content)
		}
	}
}

// nextsecond waits until the clock shows another second. Times in keys, of objects and of tables are whole seconds, and within one of them
// nothing has an order.
func nextSecond(*testscript.TestScript, bool, []string) {
	now := time.Now()
	time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
}

// aged waits until each dump that is in the bucket now is more than a second old by the bucket's clock, which has whole seconds. A dump may
// be dated a little in the future, after another one of its second, or because the clock has been set back since.
func aged(ts *testscript.TestScript, neg bool, args []string) {
	nextSecond(ts, neg, args)
	nextSecond(ts, neg, args)
	for _, key := range dumpKeys(ts) {
		dated := keyTime.FindString(key)
		at, err := time.Parse(keyTimeLayout, dated)
		for err == nil && time.Until(at) > -2*time.Second && time.Until(at) < time.Minute {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

const keyTimeLayout = "20060102T150405Z"

var keyTime = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z`)

// settled [DATABASE] waits until staging can be sure that it is not being changed: its last change is more than two seconds old or, in a
// PostgreSQL database, no session is left.
func settled(ts *testscript.TestScript, _ bool, args []string) {
	last := func() ([][]string, error) {
		return of(ts).staging.Query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN" +
			" ('information_schema', 'performance_schema', 'mysql', 'sys') AND" +
			" (UPDATE_TIME >= NOW() - INTERVAL 2 SECOND OR CREATE_TIME >= NOW() - INTERVAL 2 SECOND)")
	}
	if len(args) > 0 {
		server := of(ts).postgres(ts)
		last = func() ([][]string, error) {
			return server.Query("postgres", "SELECT pid, query FROM pg_stat_activity WHERE datname = '"+args[0]+"'")
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		busy, err := last()
		check(ts, err)
		if len(busy) == 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("staging is still being changed: %q", busy)
		}
	}
}

// count N TEXT FILE requires that the text is in the file N times.
func count(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	check(ts, err)
	if got := strings.Count(ts.ReadFile(args[2]), args[1]); got != want {
		ts.Fatalf("%q is %d times in %s, not %d times", args[1], got, args[2], want)
	}
}

// tmpfs FOLDER SIZE makes a folder with its own small disk.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	folder := ts.MkAbs(args[0])
	check(ts, os.MkdirAll(folder, 0o755))
	unmount, err := testserver.SmallDisk(folder, args[1])
	check(ts, err)
	ts.Defer(unmount)
}

// relay puts a TCP relay in front of the staging server, into $DUMP_SOURCE. It breaks its connections when the file "cut" appears in the
// working directory.
func relay(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	address := fmt.Sprintf("127.0.0.1:%d", s.staging.Port)
	proxy, err := faults.NewTCP(address)
	check(ts, err)
	ts.Defer(proxy.Close)
	ts.Setenv("DUMP_SOURCE", strings.Replace(s.staging.URL(s.database), address, proxy.Address(), 1))
	cut, done := ts.MkAbs("cut"), make(chan struct{})
	ts.Defer(func() { close(done) })
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			_, err := os.Stat(cut)
			if proxy.Refuse(err == nil); err == nil {
				proxy.Break()
			}
		}
	}()
}

// fill N PREFIX stores that many small dumps, one second apart.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	n, err := strconv.Atoi(args[0])
	check(ts, err)
	for i := range n {
		at := time.Date(2020, 1, 1, 0, 0, i, 0, time.UTC).Format("20060102T150405Z")
		check(ts, s.store.PutObject(s.bucket, fmt.Sprintf("%s/shop-%s-%06x.sql", args[1], at, i), []byte("CREATE TABLE t (id INT);\n")))
	}
}

// code N COMMAND... runs a command and requires its exit code. stdout and stderr can check its output.
func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = strconv.Itoa(exit.ExitCode())
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

// ownstaging [OPTION...] continues with a staging server that only this story writes to.
func ownStaging(ts *testscript.TestScript, _ bool, options []string) {
	s := of(ts)
	server, err := testserver.MariaDB(ts.MkAbs("ownstaging"), options...)
	check(ts, err)
	ts.Defer(server.Stop)
	check(ts, server.Exec("CREATE DATABASE "+s.database))
	s.staging = server
	ts.Setenv("DUMP_SOURCE", server.URL(s.database))
	ts.Setenv("STAGING", server.URL(s.database))
	ts.Setenv("STAGING_PORT", fmt.Sprint(server.Port))
	ts.Setenv("STAGING_SOCKET", server.Socket)
}

// tinylocal continues with a local server of the story's own whose disk has 160 MB.
func tinyLocal(ts *testscript.TestScript, _ bool, _ []string) {
	folder := ts.MkAbs("tinylocal")
	smallDisk(ts, false, []string{folder, "160m"})
	startLocal(ts, folder, "--innodb-data-file-path=ibdata1:12M", "--innodb-undo-tablespaces=0")
}
