package gate

import (
	"fmt"
	"testing"
)

func tables(count int, rows int64) Contents {
	c := Contents{Tables: map[string]int64{}}
	for i := range count {
		c.Tables[fmt.Sprint("t", i)] = rows
	}
	return c
}

// and adds tables to some.
func and(c Contents, more map[string]int64) Contents {
	for name, rows := range more {
		c.Tables[name] = rows
	}
	return c
}

func TestCompareUnruled(t *testing.T) {
	for _, test := range []struct {
		name        string
		now, before Contents
		want        string // "" where nothing is lost
	}{
		{"nothing before", tables(3, 10), tables(0, 0), ""},
		{"the same", tables(40, 100), tables(40, 100), ""},
		{"most tables gone", tables(10, 1000), tables(40, 100), "10 tables of 40"},
		{"few tables, two gone", tables(2, 1000), tables(4, 1000), ""},
		{"most rows gone", tables(40, 10), tables(40, 100), "400 rows of 4000"},
		{"the largest table gone", tables(40, 10), and(tables(40, 10), map[string]int64{"large": 5000}), "400 rows of 5400"},
		{"the rows of caches left out", and(tables(40, 10), map[string]int64{"cache": 0}), and(tables(40, 10), map[string]int64{"cache": 5000}), ""},
		{"only definitions", tables(40, 0), tables(40, 1), "0 tables with rows of 40"},
		{"rows that nobody counted", and(tables(40, 10), map[string]int64{"a": -1}), and(tables(40, 10), map[string]int64{"a": 5000}), ""},
		{"hardly any rows before", tables(4, 1), tables(4, 200), ""},
	} {
		got := ""
		if loss, lost := CompareUnruled(test.now, test.before); lost {
			got = fmt.Sprintf("%s of %d", loss, loss.Before)
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
