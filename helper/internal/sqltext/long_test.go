package sqltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An INSERT that is too long for the memory comes in pieces, each a statement of its own.
func TestSplitManyRows(t *testing.T) {
	const rows = 600_000
	var values strings.Builder
	for i := range rows {
		if i > 0 {
			values.WriteString(",\n")
		}
		fmt.Fprintf(&values, "(%d,'it''s (row) %d; with \\'quotes\\', and %s')", i, i, strings.Repeat("x", i%30))
	}
	for _, test := range []struct {
		name, head, tail string
		dialect          Dialect
		want             int64
	}{
		{"plain", "INSERT INTO `t` VALUES ", ";", MySQL, rows},
		{"columns", "INSERT INTO `d`.`t` (`a`, `b`)\nVALUES\n", " ;", MySQL, rows},
		{"ignore", "INSERT IGNORE INTO t VALUES ", ";", MySQL, -1},
		{"replace", "REPLACE INTO t VALUES ", ";", MySQL, -1},
		{"duplicates", "INSERT INTO t (a,b) VALUES ", " ON DUPLICATE KEY UPDATE a = VALUES(a);", MySQL, -1},
		{"postgres", "INSERT INTO public.t (a, b) OVERRIDING SYSTEM VALUE VALUES ", ";", Postgres, rows},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := values.String()
			if test.dialect == Postgres {
				body = strings.ReplaceAll(body, `\'`, "''")
			}
			dump := test.head + body + test.tail
			splitter := NewSplitter(strings.NewReader(dump), test.dialect)
			var raw, joined bytes.Buffer
			pieces := 0
			for {
				piece, err := splitter.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				raw.Write(piece.Raw)
				head := strings.TrimRight(test.head, " \n")
				text, is := strings.CutPrefix(string(piece.Text), head)
				if !is || len(piece.Text) > longestText || piece.Open || piece.Partial != (raw.Len() < len(dump)) {
					t.Fatalf("piece %d: %.60q", pieces, piece.Text)
				}
				if pieces++; pieces > 1 {
					joined.WriteString(",\n")
				}
				joined.WriteString(text)
			}
			whole := dump[len(strings.TrimRight(test.head, " \n")) : len(dump)-1]
			if raw.String() != dump || strings.ReplaceAll(joined.String(), ",\n(", ",(") != strings.ReplaceAll(whole, ",\n(", ",(") {
				t.Error("the pieces are not the dump")
			}
			stats := splitter.Stats()
			want := map[string]int64{tableOf(test.dialect): test.want}
			if diff := cmp.Diff(want, stats.Tables); diff != "" || pieces < 2 || stats.Statements != 1 {
				t.Errorf("%d pieces, %d statements %s", pieces, stats.Statements, diff)
			}
		})
	}
}

func tableOf(d Dialect) string {
	if d == Postgres {
		return "public.t"
	}
	return "t"
}

// A row that is too long comes in parts, between rows that are not.
func TestSplitLongRow(t *testing.T) {
	long := strings.Repeat(`a\'b''c\\`, 5<<20)
	dump := "INSERT INTO `t` (`a`) VALUES (1,'x'),(2,'" + long + "'),(3,'y'),(4,'" + long + "'),(5,'z');\nSELECT 1;\n"
	splitter := NewSplitter(strings.NewReader(dump), MySQL)
	var raw bytes.Buffer
	var statements []string
	var rows []int64
	open := false
	for {
		piece, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		raw.Write(piece.Raw)
		if piece.Continued != open {
			t.Fatalf("after an open piece %v comes a continued one %v", open, piece.Continued)
		}
		open = piece.Open
		switch {
		case piece.Kind == Filler:
		case piece.Continued:
			statements[len(statements)-1] += string(piece.Text)
			rows[len(rows)-1] += piece.Rows
		default:
			statements, rows = append(statements, string(piece.Text)), append(rows, piece.Rows)
		}
	}
	if raw.String() != dump {
		t.Error("the pieces are not the dump")
	}
	var joined []string
	all := int64(0)
	for i, statement := range statements[:len(statements)-1] {
		values, is := strings.CutPrefix(statement, "INSERT INTO `t` (`a`) VALUES")
		if !is || rows[i] < 1 {
			t.Errorf("statement %d with %d rows: %.60q", i, rows[i], statement)
		}
		joined = append(joined, strings.TrimSpace(values))
		all += rows[i]
	}
	want := "(1,'x'),(2,'" + long + "'),(3,'y'),(4,'" + long + "'),(5,'z')"
	if strings.Join(joined, ",") != want || all != 5 || len(statements) < 4 || statements[len(statements)-1] != "SELECT 1" {
		t.Errorf("%d statements with %d rows", len(statements), all)
	}
	if got := splitter.Stats(); got.Tables["t"] != 5 || got.Rows != 5 || got.Statements != 2 {
		t.Errorf("%+v", got)
	}
}

// repeated reads as a text that repeats.
type repeated struct {
	text string
	at   int
}

// again returns so many bytes of a text that repeats.
func again(text string, length int64) io.Reader {
	return io.LimitReader(&repeated{text: strings.Repeat(text, 1+64<<10/len(text))}, length)
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		copied := copy(p[n:], r.text[r.at:])
		n += copied
		r.at = (r.at + copied) % len(r.text)
	}
	return n, nil
}

// bombs are texts that go on for ever: what they begin with, and what follows again and again.
var bombs = []struct {
	name, begin, again string
	dialect            Dialect
}{
	{"line feeds", "", "\n", MySQL},
	{"spaces", "SELECT 1; ", " \t\r", Postgres},
	{"line comment", "-- ", "x", MySQL},
	{"line comments", "", "-- x\n", Postgres},
	{"hash", "#", "\\'", MySQL},
	{"comment", "/* ", "x*", MySQL},
	{"comment of PostgreSQL", "/* ", "x /", Postgres},
	{"nested comments", "", "/*", Postgres},
	{"executable comment", "/*!40101 SET @a='", "x", MySQL},
	{"sandbox line", "/*M!999999\\- ", "x", MySQL},
	{"comment in a statement", "CREATE TABLE t /* ", "x", MySQL},
	{"literal", "SELECT '", "x", MySQL},
	{"literal of backslashes", "SELECT '", "\\\\", MySQL},
	{"literal of PostgreSQL", "INSERT INTO t VALUES ('", "x''", Postgres},
	{"escape string", "INSERT INTO t VALUES (E'", "x\\'", Postgres},
	{"dollar quotes", "CREATE FUNCTION f() RETURNS int AS $body$ ", "x$bod", Postgres},
	{"a row", "INSERT INTO t VALUES ('", "x\\'", MySQL},
	{"a row of numbers", "INSERT INTO t VALUES (", "1,", MySQL},
	{"rows", "INSERT INTO t VALUES (1)", ",(2,'x')", MySQL},
	{"rows of PostgreSQL", "INSERT INTO t VALUES (1)", ",(2,'x')", Postgres},
	{"rows without commas", "INSERT INTO t VALUES ", "(1)", MySQL},
	{"rows with ROW", "INSERT INTO t VALUES ROW(1)", ",ROW(1)", MySQL},
	{"space between rows", "INSERT INTO t VALUES (1),", " ", MySQL},
	{"columns", "INSERT INTO t (a", ",a", MySQL},
	{"words before INTO", "INSERT ", "LOW_PRIORITY ", MySQL},
	{"INSERT with SELECT", "INSERT INTO t SELECT '", "x", MySQL},
	{"INSERT with SET", "INSERT INTO t SET a='", "x", MySQL},
	{"a name", "DROP TABLE `", "x``", MySQL},
	{"a name in quotes", `DROP TABLE "`, `x""`, Postgres},
	{"a bare name", "DROP TABLE ", "x", MySQL},
	{"a bare first word", "", "SELECT", MySQL},
	{"parentheses", "SELECT ", "(", MySQL},
	{"closing parentheses", "SELECT ", ")", Postgres},
	{"words", "SELECT ", "a,", MySQL},
	{"delimiter line", "DELIMITER ", "x", MySQL},
	{"delimiter lines", "", "DELIMITER ;\n", MySQL},
	{"psql's line", `\restrict `, "x", Postgres},
	{"psql's lines", "", "\\echo x\n", Postgres},
	{"COPY", "COPY t (a) FROM stdin;\n", "1\t2\n", Postgres},
	{"a line of COPY", "COPY t (a) FROM stdin;\n", "x", Postgres},
	{"behind COPY", "COPY t (a) FROM stdin; ", " ", Postgres},
	{"the end of COPY", "COPY t (a) FROM stdin;\n\\.", "x", Postgres},
	{"columns of COPY", "COPY t (", "a,", Postgres},
	{"semicolons", "", ";", MySQL},
	{"semicolons in a body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ", ";", Postgres},
	{"statements", "", "SET a = 1;", MySQL},
}

// memory is how much of the heap a reader of any text may take.
const memory = 128 << 20

// mostBomb is how much of a bomb is read: with DUMP_TEST_LONG, which takes hours for all of them, ten gigabytes.
func mostBomb() int64 {
	if os.Getenv("DUMP_TEST_LONG") != "" {
		return 10_000_000_000
	}
	return 16 << 20
}

// drain reads a text to its end or to an error, and returns that and the most memory of the heap that was in use.
func drain(text io.Reader, dialect Dialect) (most uint64, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	splitter := NewSplitter(text, dialect)
	for pieces := 0; err == nil; pieces++ {
		_, err = splitter.Next()
		if pieces%1000 == 0 || err != nil {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	return most, err
}

func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads gigabytes")
	}
	for _, bomb := range bombs {
		t.Run(bomb.name, func(t *testing.T) {
			text := io.MultiReader(strings.NewReader(bomb.begin), again(bomb.again, mostBomb()))
			most, err := drain(text, bomb.dialect)
			var long *TooLongError
			var not *NotSQLError
			if err != io.EOF && !errors.Is(err, ErrUnterminated) && !errors.As(err, &long) && !errors.As(err, &not) {
				t.Errorf("got %v", err)
			}
			if most > memory {
				t.Errorf("%d MiB, %v", most>>20, err)
			}
		})
	}
}

// The tables of a dump are counted by name, and so is what they take.
func TestTooManyTables(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs many tables")
	}
	reader, writer := io.Pipe()
	defer reader.Close()
	go func() {
		name := strings.Repeat("x", 1000)
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(writer, "INSERT INTO t%d%s VALUES (1);\n", i, name); err != nil {
				return
			}
		}
	}()
	most, err := drain(reader, MySQL)
	var long *TooLongError
	if !errors.As(err, &long) || most > memory+longestNames {
		t.Errorf("%d MiB, %v", most>>20, err)
	}
}

func TestTooLong(t *testing.T) {
	for _, test := range []struct {
		begin, again, want string
		dialect            Dialect
	}{
		{"SELECT 1;SELECT '", "x", "a statement at byte 9 has more than 16777216 bytes", MySQL},
		{"SELECT 1;SELECT ", "a,", "a statement at byte 9 has more than 16777216 bytes", MySQL},
		{"INSERT INTO t VALUES ('", "x", "a row at byte 0 has more than 33554432 bytes", Postgres},
		{"DELIMITER ", "x", "a line at byte 0 has more than 65536 bytes", MySQL},
	} {
		text := io.MultiReader(strings.NewReader(test.begin), again(test.again, 64<<20))
		if _, err := drain(text, test.dialect); err == nil || err.Error() != test.want {
			t.Errorf("after %q: got %v, want %s", test.begin, err, test.want)
		}
	}
	text := "SELECT " + strings.Repeat("a,", 1<<20) + "a;"
	want := "a statement at byte 0 has more than 1048576 words and signs"
	if _, err := drain(strings.NewReader(text), MySQL); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzBombs looks for texts that take more memory than there is for them.
func FuzzBombs(f *testing.F) {
	for _, bomb := range bombs {
		f.Add(bomb.begin, bomb.again, bomb.dialect == Postgres)
	}
	f.Fuzz(func(t *testing.T, begin, more string, postgres bool) {
		if more == "" {
			return
		}
		dialect := MySQL
		if postgres {
			dialect = Postgres
		}
		const length = 12 << 20 // what is kept of a text grows long before that
		text := io.MultiReader(strings.NewReader(begin), again(more, length))
		if most, err := drain(text, dialect); most > memory {
			t.Errorf("%d MiB, %v", most>>20, err)
		}
	})
}
