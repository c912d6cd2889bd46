package stories

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/tests/data"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestUnreadPays measures what it saves not to read tables: 1 % of the rows of one table of 300 MB of SQL change. An account without PROCESS
// reads all tables.
func TestUnreadPays(t *testing.T) {
	if os.Getenv("DUMP_TEST_LONG") == "" {
		t.Skip("make test-long measures it")
	}
	server, err := testserver.MariaDB(t.TempDir(), "--table-definition-cache=2000", "--innodb-buffer-pool-size=512M")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	if err := server.Exec("CREATE DATABASE pays", "CREATE USER sees@'%'", "CREATE USER blind@'%'", "GRANT ALL ON pays.* TO sees@'%', blind@'%'", "GRANT RELOAD ON *.* TO sees@'%', blind@'%'",
		"GRANT PROCESS ON *.* TO sees@'%'"); err != nil {
		t.Fatal(err)
	}
	if err := data.Load(t.Context(), server.URL("pays"), data.Options{Seed: 1, MB: 300}); err != nil {
		t.Fatal(err)
	}
	largest, err := server.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'pays' AND TABLE_NAME LIKE 'node\\_\\_%' ORDER BY DATA_LENGTH DESC LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	p := unreadProgram(t, "line-unread-pays", "")
	sent := func() int64 {
		rows, err := server.Query("SHOW GLOBAL STATUS LIKE 'Bytes_sent'")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.ParseInt(rows[0][1], 10, 64)
		return n
	}
	number := func(out, name string) float64 {
		found := regexp.MustCompile(`"` + name + `": ?([0-9.]+)`).FindStringSubmatch(out)
		if found == nil {
			t.Fatalf("no %s: %s", name, out)
		}
		n, _ := strconv.ParseFloat(found[1], 64)
		return n
	}
	median := map[string][]float64{}
	for round := range 5 {
		for _, account := range []string{"blind", "sees"} {
			p.staging = server.URLAs(account, "", "pays")
			for _, measured := range []bool{false, true} {
				if measured {
					change := fmt.Sprintf("UPDATE pays.%s SET revision_id = revision_id + 1 WHERE entity_id %% 100 = %d", largest[0][0], round)
					if err := server.Exec(change); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(3100 * time.Millisecond)
				before := sent()
				code, out := p.run("refresh", "--json")
				if code != 0 {
					t.Fatal(out)
				}
				if measured {
					seconds := number(out, "seconds")
					median[account] = append(median[account], seconds)
					t.Logf("%s: %.0f of %.0f tables not read, %.1f MB of SQL, %.2f s, %.1f MB read from staging, %.1f MB sent to the store", account,
						number(out, "unread_tables"), number(out, "tables"), number(out, "raw_bytes")/1e6, seconds, float64(sent()-before)/1e6, number(out, "sent_bytes")/1e6)
				}
			}
		}
	}
	for account, seconds := range median {
		slices.Sort(seconds)
		t.Logf("%s: %.2f s, the median of %d", account, seconds[len(seconds)/2], len(seconds))
	}
}
