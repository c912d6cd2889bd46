package swap

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// BenchmarkManyTables pulls 3000 tables of 20 columns with hardly any rows: what remains is what each table costs.
//
//	go test ./helper/internal/mysql/swap -run '^$' -bench ManyTables -benchtime 1x
func BenchmarkManyTables(b *testing.B) {
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	server, err := testserver.MariaDB(b.TempDir())
	must(err)
	b.Cleanup(server.Stop)
	must(server.Exec("CREATE DATABASE many"))
	u, err := dburl.Parse(server.URL("many"))
	must(err)
	var dump strings.Builder
	for table := range 3000 {
		fmt.Fprintf(&dump, "CREATE TABLE `field_data_%04d` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT COMMENT 'The entity id this data is attached to',\n", table)
		for column := range 18 {
			fmt.Fprintf(&dump, "  `value_%02d` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL COMMENT 'A value',\n", column)
		}
		fmt.Fprintf(&dump, "  `revision` int(10) unsigned DEFAULT 0,\n  PRIMARY KEY (`id`),\n  KEY `revision` (`revision`)\n) ENGINE=InnoDB;\nINSERT INTO `field_data_%04d` (`id`) VALUES (1);\n", table)
	}
	var compare, swap time.Duration
	for b.Loop() {
		db, err := Open(b.Context(), target.Config{URL: u, Token: "token", Note: func(line string) { b.Log(line) }, WithoutRows: func(string) bool { return false }})
		must(err)
		load, err := db.Begin(b.Context())
		must(err)
		stats, err := load.Run(b.Context(), strings.NewReader(dump.String()), sqltext.MySQL, nil)
		must(err)
		start := time.Now()
		must(load.Compare(b.Context(), stats))
		compare += time.Since(start)
		start = time.Now()
		must(load.Swap(b.Context(), target.Dump{}))
		swap += time.Since(start)
		must(load.Discard())
		db.Close()
	}
	b.ReportMetric(compare.Seconds()/float64(b.N), "s/compare")
	b.ReportMetric(swap.Seconds()/float64(b.N), "s/swap")
}
