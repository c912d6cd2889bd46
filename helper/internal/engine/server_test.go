package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/oneserver"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// relay is an address at which one server answers, and later another one.
type relay struct {
	net.Listener
	mutex sync.Mutex
	port  int // of the server that answers now
	conns []net.Conn
}

// newRelay makes one that leads to a port of this machine.
func newRelay(t *testing.T, port int) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	targettest.Must(t, err)
	r := &relay{Listener: listener, port: port}
	t.Cleanup(func() {
		_ = listener.Close()
		r.leadTo(0, true)
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			r.mutex.Lock()
			far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.port))
			if err != nil {
				_ = near.Close()
			} else {
				r.conns = append(r.conns, near, far)
				go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
				go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
			}
			r.mutex.Unlock()
		}
	}()
	return r
}

// leadTo has the next connections lead to another port. Gone ends those that there are.
func (r *relay) leadTo(port int, gone bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.port = port
	for _, conn := range r.conns {
		if gone {
			_ = conn.Close()
		}
	}
}

// through returns the URL of a database by way of the relay.
func (r *relay) through(url string, port int) string {
	return strings.Replace(url, fmt.Sprintf("127.0.0.1:%d", port), r.Addr().String(), 1)
}

// isWrongServer demands the error that says so.
func isWrongServer(t *testing.T, err error) {
	t.Helper()
	var wrong *oneserver.WrongServerError
	if !errors.As(err, &wrong) {
		t.Errorf("got %v, want a *WrongServerError", err)
	}
}

// takenOver is a server whose address another one takes over, which is just loading a database of the same name.
type takenOver struct {
	own, other         int // ports
	url, dump          string
	content            func() string // of the other server
	ownName, otherName string        // how the two say who they are
}

func (c takenOver) test(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("old connections gone: %v", gone), func(t *testing.T) {
			r := newRelay(t, c.own)
			url, before := r.through(c.url, c.own), c.content()
			db, _ := targettest.Open(t, url)
			targettest.Must(t, targettest.Pull(t, db, c.dump))

			// After it has been opened.
			r.leadTo(c.other, gone)
			_, err := db.Contents(t.Context())
			isWrongServer(t, err)
			if want := fmt.Sprintf("another server answers at %s: %s, not %s", r.Addr(), c.otherName, c.ownName); err != nil && err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
			isWrongServer(t, db.Undo(t.Context()))
			isWrongServer(t, db.Recover(t.Context()))
			_, err = db.Begin(t.Context())
			isWrongServer(t, err)

			// While it is being loaded.
			r.leadTo(c.own, gone)
			load, err := db.Begin(t.Context())
			targettest.Must(t, err)
			r.leadTo(c.other, gone)
			dialect, _ := sqltext.Detect([]byte(c.dump))
			stats, err := load.Run(t.Context(), strings.NewReader(c.dump), dialect, nil)
			if err == nil { // over the connections that it had already
				targettest.Must(t, load.Compare(t.Context(), stats))
				err = load.Swap(t.Context(), target.Dump{})
			}
			if gone && err == nil {
				t.Error("loaded without connections")
			}
			_ = load.Discard()
			if diff := cmp.Diff(before, c.content()); diff != "" {
				t.Error("the other server was written to:", diff)
			}

			// Whatever the interruption left is finished on the server where it began.
			r.leadTo(c.own, gone)
			targettest.Must(t, db.Recover(t.Context()))
			targettest.Must(t, targettest.Pull(t, db, c.dump))
			targettest.Must(t, db.Undo(t.Context()))
		})
	}
}

func TestMySQLTakenOver(t *testing.T) {
	maria := targettest.MariadbServer(t)
	oracle, err := targettest.Mysqld()
	targettest.Must(t, err)
	for name, servers := range map[string][2]*testserver.MySQL{"mariadb": {maria, oracle}, "mysql": {oracle, maria}} {
		t.Run(name, func(t *testing.T) {
			own, other := servers[0], servers[1]
			targettest.Fresh(t, own, "taken", "CREATE TABLE a (id int PRIMARY KEY)")
			targettest.Fresh(t, other, "taken", "CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a VALUES (7)")
			// The journal of a pull that is at work.
			targettest.Must(t, other.Exec("CREATE DATABASE taken__dump_incoming", "CREATE TABLE taken__dump_incoming.a (id int PRIMARY KEY)",
				"CREATE DATABASE taken__dump_previous", "CREATE TABLE taken__dump_previous.a (id int PRIMARY KEY)"))
			takenOver{
				own: own.Port, other: other.Port, url: own.URL("taken"),
				dump:    "CREATE TABLE a (id int PRIMARY KEY);\nINSERT INTO a VALUES (1),(2);\n-- Dump completed\n",
				ownName: nameOf(t, own), otherName: nameOf(t, other),
				content: func() string {
					return targettest.Mysqldump(t, other, "taken", "--skip-dump-date", "--databases", "taken__dump_incoming", "taken__dump_previous")
				},
			}.test(t)
			targettest.Fresh(t, own, "taken")
			targettest.Fresh(t, other, "taken")
		})
	}
}

// nameOf returns how a server identifies itself.
func nameOf(t *testing.T, server *testserver.MySQL) string {
	t.Helper()
	query, format := "SELECT @@hostname, @@port, @@datadir", "host %s, port %s, data in %s"
	if targettest.IsOracle(t, server) {
		query, format = query+", @@server_uuid", format+", number %s"
	}
	rows, err := server.Query(query)
	targettest.Must(t, err)
	values := make([]any, len(rows[0]))
	for i := range rows[0] {
		values[i] = rows[0][i]
	}
	return fmt.Sprintf(format, values...)
}

func TestPostgresTakenOver(t *testing.T) {
	own := targettest.PostgresServer(t)
	other, err := testserver.Postgres(t.TempDir())
	targettest.Must(t, err)
	defer other.Stop()
	targettest.FreshPG(t, own, "taken", "CREATE TABLE a (id int PRIMARY KEY)")
	targettest.FreshPG(t, other, "taken", "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (7)")
	targettest.FreshPG(t, other, "taken__dump_incoming", "CREATE TABLE a (id int PRIMARY KEY)")
	targettest.FreshPG(t, other, "taken__dump_previous", "CREATE TABLE a (id int PRIMARY KEY)")
	name := func(server *testserver.PG) string {
		rows, err := server.Query("postgres", "SELECT system_identifier FROM pg_control_system()")
		targettest.Must(t, err)
		return fmt.Sprintf("system %s, port %d", rows[0][0], server.Port)
	}
	takenOver{
		own: own.Port, other: other.Port, url: own.URL("taken"), dump: targettest.PgDump(t, own, "taken"),
		ownName: name(own), otherName: name(other),
		content: func() string {
			rows, err := other.Query("postgres", "SELECT datname, oid FROM pg_database ORDER BY oid")
			targettest.Must(t, err)
			return fmt.Sprint(rows) + targettest.ContentPG(t, other, "taken") + targettest.ContentPG(t, other, "taken__dump_incoming") + targettest.ContentPG(t, other, "taken__dump_previous")
		},
	}.test(t)
}

// The named server must answer, on each address that is given for it.
func TestServerThatIsMeant(t *testing.T) {
	hostname, err := os.Hostname()
	targettest.Must(t, err)
	pg := targettest.PostgresServer(t)
	urls := map[string]string{"postgres": pg.URL("meant")}
	targettest.EachServer(t, func(t *testing.T, server *testserver.MySQL) {
		urls[map[bool]string{true: "mysql", false: "mariadb"}[targettest.IsOracle(t, server)]] = server.URL("meant")
	})
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			u := targettest.ParseURL(t, url)
			u.Server = &dburl.Server{Hostname: hostname}
			db, err := targettest.TryOpen(t, target.Config{URL: u})
			targettest.Must(t, err)
			targettest.Must(t, db.Close())

			u.Server = &dburl.Server{Hostname: "shop-db"}
			_, err = targettest.TryOpen(t, target.Config{URL: u})
			isWrongServer(t, err)
			if want := fmt.Sprintf("another server answers at %s: host %s, not host shop-db", u.Address(), hostname); err != nil && err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}

			// A name with given addresses is not looked up.
			u.Host = "shop.invalid"
			u.Server = &dburl.Server{Hostname: hostname, Addresses: []string{"127.255.255.254", "127.0.0.1"}}
			db, err = targettest.TryOpen(t, target.Config{URL: u})
			targettest.Must(t, err)
			targettest.Must(t, db.Close())
		})
	}
}

// A server that does not identify itself is not trusted.
func TestServerThatCannotBeTold(t *testing.T) {
	server := targettest.PostgresServer(t)
	targettest.FreshPG(t, server, "untold", "CREATE TABLE a (id int)")
	targettest.Must(t, server.Exec("postgres", "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN CREATEDB PASSWORD 'x'"))
	u := targettest.ParseURL(t, server.URLAs("clerk", "x", "untold"))
	db, err := targettest.TryOpen(t, target.Config{URL: u})
	targettest.Must(t, err)
	targettest.Must(t, db.Close())
	u.Server = &dburl.Server{Hostname: "shop-db"}
	_, err = targettest.TryOpen(t, target.Config{URL: u})
	isWrongServer(t, err)
	if want := "cannot tell whether the server at " + u.Address() + " is host shop-db: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}
