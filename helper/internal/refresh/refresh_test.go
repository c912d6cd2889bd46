package refresh

import (
	"fmt"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/gate"
	"github.com/jobiqo/dump-refresh/helper/internal/retention"
)

func TestGateCompares(t *testing.T) {
	many := func(count int, rows int64) gate.Contents {
		tables := map[string]int64{}
		for i := range count {
			tables[fmt.Sprint("t", i)] = rows
		}
		return gate.Contents{Tables: tables}
	}
	with := func(c gate.Contents, structureOnly ...string) gate.Contents {
		c.StructureOnly = structureOnly
		return c
	}
	for _, test := range []struct {
		name        string
		now, before gate.Contents
		want        string
	}{
		{"the same", many(40, 100), many(40, 100), ""},
		{"more of both", many(60, 200), many(40, 100), ""},
		{"a module less", many(35, 100), many(40, 100), ""},
		{"most tables gone", many(10, 1000), many(40, 100), "the dump has 10 tables, the last one had 40 (last.sql.zst)"},
		{"few tables, two gone", many(2, 1000), many(4, 1000), ""},
		{"most rows gone", many(40, 10), many(40, 100), "the dump has 400 rows, the last one had 4000 (last.sql.zst)"},
		{"hardly any rows before", many(4, 1), many(4, 200), ""},
		{"rows left out by a new rule", with(gate.Contents{Tables: map[string]int64{"a": 600, "log": 0}}, "log"), gate.Contents{Tables: map[string]int64{"a": 600, "log": 90000}}, ""},
		{"rows that nobody counted", gate.Contents{Tables: map[string]int64{"a": 600, "b": -1}}, gate.Contents{Tables: map[string]int64{"a": 600, "b": 90000}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			if err := compare(test.now, test.before, "last.sql.zst"); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRetention(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	dump := func(key string, days int) bucket.Object {
		return bucket.Object{Key: key, Ours: key != "theirs", Time: now.AddDate(0, 0, -days)}
	}
	beside := func(dump bucket.Object) bucket.Object {
		dump.Baked = []bucket.Object{{Key: dump.Key + ".mariadb-10.11"}, {Key: dump.Key + ".mariadb-11.8"}}
		return dump
	}
	orphans := []bucket.Object{{Key: "orphan.mysql-9.7"}}
	dumps := []bucket.Object{dump("theirs", 0), dump("a", 1), dump("b", 3), dump("theirs", 5), beside(dump("c", 10)), dump("d", 40)}
	for _, test := range []struct {
		rule retention.Rules
		want string
	}{
		{retention.Rules{}, "[]"},
		{retention.Rules{Last: 1}, "[b c.mariadb-10.11 c.mariadb-11.8 c d orphan.mysql-9.7]"},
		{retention.Rules{Last: 3}, "[d orphan.mysql-9.7]"},
		{retention.Rules{Last: 9}, "[orphan.mysql-9.7]"},
		{retention.Rules{Days: 7}, "[c.mariadb-10.11 c.mariadb-11.8 c d orphan.mysql-9.7]"},
		{retention.Rules{Days: 30, Last: 1}, "[d orphan.mysql-9.7]"},
		{retention.Rules{Last: 3, Days: 2}, "[d orphan.mysql-9.7]"},
	} {
		keys := []string{}
		for _, expired := range Expired(test.rule, bucket.Contents{Dumps: dumps, Orphans: orphans, Now: now}) {
			keys = append(keys, expired.Key)
		}
		if got := fmt.Sprint(keys); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.rule, got, test.want)
		}
	}
	if old := dumps[5:]; len(Expired(retention.Rules{Days: 1}, bucket.Contents{Dumps: old, Now: now})) != 0 {
		t.Error("the newest dump of all was taken for expired")
	}
}
