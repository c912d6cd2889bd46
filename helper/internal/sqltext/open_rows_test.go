package sqltext

import (
	"errors"
	"strings"
	"testing"
)

// TestCounterOfOpenRows counts a row that comes in parts.
func TestCounterOfOpenRows(t *testing.T) {
	for _, c := range []struct {
		dialect       Dialect
		before, after string
	}{
		{MySQL, "INSERT INTO `t` (`a`) VALUES ('", "');\n"},
		{Postgres, "COPY public.t (a) FROM stdin;\n", "\n\\.\n"},
	} {
		table := map[Dialect]string{MySQL: "t", Postgres: "public.t"}[c.dialect]
		for name, rows := range map[string]int64{"right": 1, "wrong": 2} {
			counter := NewCounter(c.dialect)
			if err := counter.Text([]byte("CREATE TABLE x (a int);\n"), pass); err != nil {
				t.Fatal(err)
			}
			open := counter.Open()
			parts := []string{c.before}
			for range 40 {
				parts = append(parts, strings.Repeat("x", 1<<20))
			}
			for _, part := range append(parts, c.after) {
				if _, err := open.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			err := open.Close(table, rows)
			var wrong *CountError
			if name == "right" && err != nil || name == "wrong" && !errors.As(err, &wrong) {
				t.Errorf("%v, %s: %v", c.dialect, name, err)
			}
			if stats, _ := counter.Stats(); name == "right" && stats.Rows != 1 {
				t.Errorf("%v: %d rows", c.dialect, stats.Rows)
			}
		}
		open := NewCounter(c.dialect).Open()
		if _, err := open.Write([]byte(c.before)); err != nil {
			t.Fatal(err)
		}
		open.Abort()
	}
}
