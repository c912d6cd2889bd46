package version

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]Version{
		"10.11.14-MariaDB-0+deb12u2":          {10, 11, 14},
		"5.5.5-10.11.14-MariaDB":              {10, 11, 14},
		"5.5.5-m3":                            {5, 5, 5},
		"9.7.0":                               {9, 7, 0},
		"15.14 (Debian 15.14-0+deb12u1)":      {15, 14, 0},
		"9.6.24":                              {9, 6, 24},
		"19devel":                             {19, 0, 0},
		"mysqld  Ver 8.0.44 for Linux":        {8, 0, 44},
		"mariadb from 11.8.3-MariaDB, client": {11, 8, 3},
	} {
		if got, ok := Parse(text); !ok || got != want {
			t.Errorf("%q is read as %v, %v", text, got, ok)
		}
	}
	if v, ok := Parse("unknown"); ok || v != (Version{}) {
		t.Errorf("a text without a version is read as %v", v)
	}
}

func TestSeries(t *testing.T) {
	if got := (Version{11, 8, 3}).Series(); got != "11.8" {
		t.Error("got", got)
	}
}

func TestLess(t *testing.T) {
	for _, pair := range [][2]Version{{{9, 9, 9}, {10, 0, 0}}, {{10, 6, 9}, {10, 11, 0}}, {{10, 11, 9}, {10, 11, 10}}} {
		if older, newer := pair[0], pair[1]; !older.Less(newer) || newer.Less(older) || older.Less(older) {
			t.Errorf("%v is not less than %v", older, newer)
		}
	}
}
