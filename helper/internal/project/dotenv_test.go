package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDotenv(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []variable
	}{
		"plain":                      {"A=1\nB = two words \n", []variable{{name: "A", value: "1", line: 1}, {name: "B", value: "two words", line: 2}}},
		"export and colon":           {"export A=1\nB: 2\nexported=3", []variable{{name: "A", value: "1", line: 1}, {name: "B", value: "2", line: 2}, {name: "exported", value: "3", line: 3}}},
		"comments":                   {"# x\nA=1 # y\nB=1#2\nC=#z\nD='1' # y", []variable{{name: "A", value: "1", line: 2}, {name: "B", value: "1#2", line: 3}, {name: "C", line: 4}, {name: "D", value: "1", line: 5}}},
		"quotes":                     {`A='$B \n "x"'` + "\n" + `B="a\"b\\c\nd\$E"`, []variable{{name: "A", value: `$B \n "x"`, line: 1}, {name: "B", value: "a\"b\\c\nd$E", line: 2}}},
		"several lines":              {"A=\"1\n2\n\"\nB=3", []variable{{name: "A", value: "1\n2\n", line: 1}, {name: "B", value: "3", line: 4}}},
		"Windows":                    {"\ufeffA=1\r\nB=2\r\n", []variable{{name: "A", value: "1", line: 1}, {name: "B", value: "2", line: 2}}},
		"references":                 {"A=1\nB=${A}2$A\nC=\"$A\"\nD='$A'\nE=pa$word\nF=$NO", []variable{{name: "A", value: "1", line: 1}, {name: "B", value: "121", line: 2}, {name: "C", value: "1", line: 3}, {name: "D", value: "$A", line: 4}, {name: "E", value: "pa$word", line: 5}, {name: "F", line: 6, unset: true}}},
		"as ddev dotenv set writes":  {`A="pa\$\$w\"ord"`, []variable{{name: "A", value: `pa$$w"ord`, line: 1}}},
		"empty":                      {"A=\nB=''\n", []variable{{name: "A", line: 1}, {name: "B", line: 2}}},
		"a backslash without quotes": {`A=C:\new\$x`, []variable{{name: "A", value: `C:\new$x`, line: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, broken := parseDotenv(test.text)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(variable{})); diff != "" {
				t.Error(diff)
			}
			if len(broken) > 0 {
				t.Errorf("broken: %v", broken)
			}
		})
	}
}

func TestInterpolate(t *testing.T) {
	env := map[string]string{"A": "1", "EMPTY": ""}
	lookup := func(name string) (string, bool) { text, ok := env[name]; return text, ok }
	for text, want := range map[string]string{
		"$A-${A}":                      "1-1",
		"$$A $ 5$":                     "$A $ 5$",
		"${NO}$NO":                     "",
		"${NO:-x} ${EMPTY:-y} ${A:-z}": "x y 1",
		"${NO-x}${EMPTY-y}":            "x",
		"${A:+x}${NO+y}${EMPTY:+z}":    "x",
	} {
		if got := interpolate(text, lookup); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"mysql://ada:hush@db/x":                      "mysql://ada:***@db/x",
		"mysql://ada:hu/s@h@db/x":                    "mysql://ada:***@db/x",
		"mysql://ada@db:3306/x":                      "mysql://ada@db:3306/x",
		"command:mysqldump -u ada -phush shop":       "command:mysqldump -u ada -p*** shop",
		"command:mysqldump -p shop":                  "command:mysqldump -p shop",
		"command:ssh -p2222 stage drush sql-dump":    "command:ssh -p2222 stage drush sql-dump",
		"command:MYSQL_PWD='hu sh' mysqldump shop":   "command:MYSQL_PWD=*** mysqldump shop",
		"command:pg_dump --password=$PW shop":        "command:pg_dump --password=$PW shop",
		"command:x --password=hush --other=y":        "command:x --password=*** --other=y",
		`command:PGPASSWORD="hu sh" pg_dump -p 5432`: "command:PGPASSWORD=*** pg_dump -p 5432",
	} {
		if got := redact(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
