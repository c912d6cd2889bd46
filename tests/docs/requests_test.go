package docs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// counter is a proxy in front of an S3 server that counts requests by price class.
type counter struct {
	*httptest.Server
	mu     sync.Mutex
	counts map[string]int
}

func newCounter(t *testing.T, s3 *testserver.S3) *counter {
	t.Helper()
	target, err := url.Parse(s3.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{counts: map[string]int{}}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the signature covers it
	}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.counts[paidAs(r)]++
		c.mu.Unlock()
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

// paidAs returns the price class of a request.
func paidAs(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case strings.HasSuffix(r.URL.Path, ".lease.json"):
		return "lease" // the number of renewals depends on the machine
	case r.Method == http.MethodGet && (query.Has("list-type") || query.Has("uploads")):
		return "LIST"
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return "GET"
	case r.Method == http.MethodPut, r.Method == http.MethodPost:
		return "PUT"
	}
	return r.Method
}

// take returns the counts since the last call in the format of the table, without the lease.
func (c *counter) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf("%d | %d | %d", c.counts["PUT"], c.counts["LIST"], c.counts["GET"])
	if others := c.counts[http.MethodDelete]; others > 0 {
		text += fmt.Sprintf(" and %d DELETE", others)
	}
	clear(c.counts)
	return text
}

// TestRequestsAreCounted compares the requests of commands with the table in docs/cost.md.
func TestRequestsAreCounted(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are not started by short tests")
	}
	s3, err := testserver.MinIO(t.TempDir())
	bucketOn(t, s3, err)
	c := newCounter(t, s3)
	server := mariadb(t)
	if err := server.Exec("CREATE DATABASE shop"); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), server.URL("shop"), data.Options{Seed: 1, MB: 2}); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, s3, "DUMP_S3_ENDPOINT="+c.URL, "DUMP_SOURCE="+server.URL("shop"), "DUMP_TARGET="+server.URL("db"))

	s.ok(t, s3.Owner(), "refresh") // the first refresh has no earlier dump to compare with
	if err := server.Exec("CREATE TABLE shop.new (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	c.take()
	got := map[string]string{}
	for _, words := range []string{"refresh", "refresh --if-older-than 20h", "list", "pull --yes", "pull --yes --if-newer"} {
		s.ok(t, s3.Owner(), strings.Fields(words)...)
		got["`"+words+"`"] = c.take()
	}
	s.ok(t, s3.Owner(), "refresh")
	got["`refresh` of what has not changed"] = c.take()
	fleet := []string{"fleet", "refresh", "--root", s.folder, "--trust", "full"}
	s.ok(t, s3.Owner(), fleet...)
	c.take()
	s.ok(t, s3.Owner(), fleet...)
	got["`fleet refresh`, fresh"] = c.take()
	if err := server.Exec("CREATE TABLE shop.newer (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // dumps are dated, and stores tell their time, in seconds
	s.ok(t, s3.Owner(), append(fleet, "--max-age", "1ms")...)
	got["`fleet refresh`, due"] = c.take()
	// Compression removes a quarter of random base64 rows. 40 MB remain, which are five parts.
	if err := os.WriteFile(s.folder+"/random.sh", []byte(`echo 'CREATE TABLE noise (id int);'
for row in $(seq 40); do echo "INSERT INTO noise VALUES ('$(head -c 1000000 /dev/urandom | base64 --wrap=0)');"; done
echo '-- Dump completed'
`), 0o644); err != nil {
		t.Fatal(err)
	}
	s.environ = append(s.environ, "DUMP_S3_PREFIX=noise", "DUMP_SOURCE=command:sh "+s.folder+"/random.sh")
	s.ok(t, s3.Owner(), "refresh")
	c.take()
	s.ok(t, s3.Owner(), "refresh")
	got["`refresh` of 40 MB"] = c.take()

	want := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.+?) \\| (\\d+ \\| \\d+ \\| \\d+) \\|").FindAllStringSubmatch(read(t, "../../docs/cost.md"), -1) {
		want[row[1]] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (PUT | LIST | GET) in the document (-) and of the program (+):\n%s", diff)
	}
}
