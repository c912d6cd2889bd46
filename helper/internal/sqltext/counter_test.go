package sqltext

import (
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
)

// A dump in chunks counts as its whole text does, whatever its settings say about strings.
func TestCounterCountsAsASplitter(t *testing.T) {
	for name, dump := range map[string]struct {
		dialect Dialect
		head    string
		rows    map[string]string
		tail    string
	}{
		"PostgreSQL": {Postgres, "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.a (t text);\nCREATE TABLE public.b (t text);\n",
			map[string]string{"public.a": "COPY public.a (t) FROM stdin;\n1\n2\n\\.\n", "public.b": "COPY public.b (t) FROM stdin;\n;\n\\.\n"},
			"COPY public.of_extension (t) FROM stdin;\nx\ny\nz\n\\.\n\nCREATE INDEX i ON public.a (t);\n--\n-- PostgreSQL database dump complete\n--\n\n"},
		"MySQL": {MySQL, "-- dump-helper dump\nSET sql_mode = 'NO_BACKSLASH_ESCAPES';\nCREATE TABLE `a` (t text);\nCREATE TABLE `b` (t text);\n",
			map[string]string{"a": "INSERT INTO `a` (`t`) VALUES ('\\'),('\\');\n", "b": "INSERT INTO `b` (`t`) VALUES (');');\n"},
			"DELIMITER ;;\nCREATE TRIGGER x BEFORE INSERT ON a FOR EACH ROW BEGIN INSERT INTO b VALUES (1); END ;;\nDELIMITER ;\n-- Dump completed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			counter, whole := NewCounter(dump.dialect), dump.head
			if err := counter.Text([]byte(dump.head), pass); err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for table, text := range dump.rows {
				whole += text
				group.Go(func() {
					if err := counter.Rows([]byte(text), table, map[string]int64{"a": 2, "b": 1}[strings.TrimPrefix(table, "public.")]); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if err := counter.Text([]byte(dump.tail), pass); err != nil {
				t.Fatal(err)
			}
			got, inText := counter.Stats()
			splitter := NewSplitter(strings.NewReader(whole+dump.tail), dump.dialect)
			for {
				if _, err := splitter.Next(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			want := splitter.Stats()
			if !maps.Equal(got.Tables, want.Tables) || got.Rows != want.Rows || got.Bytes != want.Bytes || got.Complete != want.Complete ||
				got.Statements != want.Statements || got.Header != want.Header {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if !want.Complete {
				t.Error("the dump is incomplete")
			}
			if dump.dialect == Postgres && !maps.Equal(inText, map[string]int64{"public.of_extension": 3}) {
				t.Errorf("in the text: %v", inText)
			}
		})
	}
}

// What does not hold the rows that were announced, or cannot be read, is found before anybody publishes it.
func TestCounterFindsWhatCannotBeRead(t *testing.T) {
	counter := NewCounter(Postgres)
	var wrong *CountError
	for _, text := range []string{
		"COPY public.a (t) FROM stdin;\n1\n\\.\n",
		"COPY public.b (t) FROM stdin;\n1\n2\n\\.\n",
		"COPY public.a (t) FROM stdin;\n1\n2\n\\.\nCOPY public.b (t) FROM stdin;\n\\.\n",
	} {
		if err := counter.Rows([]byte(text), "public.a", 2); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := counter.Rows([]byte("COPY public.a (t) FROM stdin;\n1\n2\n"), "public.a", 2); !errors.Is(err, ErrUnterminated) {
		t.Errorf("rows without an end: %v", err)
	}
	var notSQL *NotSQLError
	if err := counter.Text([]byte("Warning: nothing\n"), pass); !errors.As(err, &notSQL) {
		t.Errorf("a warning: %v", err)
	}
}
