package dumpfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// added is text for Add, and what it is.
type added struct {
	sql   string
	about About
}

// add makes a dump with sections, whose chunks may be as short as one likes.
func add(t testing.TB, c Compression, partEnd int64, list []added) (object, sql []byte) {
	t.Helper()
	out := &output{partEnd: partEnd}
	w, err := NewWriter(context.Background(), out, c, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	idx := testIndex
	idx.Tables, idx.Rows = nil, 0
	for _, a := range list {
		sql = append(sql, a.sql...)
		if _, err := w.Add([]byte(a.sql), a.about); err != nil {
			t.Fatal(err)
		}
		if n := len(idx.Tables); a.about.Section == dump.Rows && (n == 0 || idx.Tables[n-1].Name != a.about.Table) {
			idx.Tables = append(idx.Tables, Table{Name: a.about.Table})
		}
		if a.about.Section == dump.Rows {
			idx.Tables[len(idx.Tables)-1].Rows += a.about.Rows
			idx.Rows += a.about.Rows
		}
	}
	if err := w.Close(idx); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sql
}

// smallSections is a dump with sections that is small enough to damage each byte in turn.
func smallSections(t testing.TB, c Compression, partEnd int64) (object, sql []byte) {
	t.Helper()
	return add(t, c, partEnd, []added{
		{"CREATE TABLE a (b text);\nCREATE TABLE c (d text);\n", About{Section: dump.Head}},
		{"INSERT INTO a VALUES ('x'),('y');\n", About{Section: dump.Rows, Table: "a", Rows: 2}},
		{"INSERT INTO a VALUES ('z');\n", About{Section: dump.Rows, Table: "a", Rows: 1}},
		{"INSERT INTO c VALUES ('v');\n", About{Section: dump.Rows, Table: "c", Rows: 1}},
		{"-- Dump completed\n", About{Section: dump.Tail}},
	})
}

// Several goroutines add rows of several tables, some of them very long: the object holds all of them, in an
// order that restores the dump.
func TestAddAtOnce(t *testing.T) {
	const adders, each = 5, 12
	for _, c := range written {
		t.Run(string(c), func(t *testing.T) {
			var out output
			w, err := NewWriter(t.Context(), &out, c, 1, 3)
			if err != nil {
				t.Fatal(err)
			}
			head, tail := []byte("CREATE TABLE …;\n"), []byte("-- Dump completed\n")
			if _, err := w.Add(bytes.Clone(head), About{Section: dump.Head}); err != nil {
				t.Fatal(err)
			}
			idx := testIndex
			idx.Tables = nil
			want := make(map[string][]byte)
			var group sync.WaitGroup
			for n := range adders {
				// Two goroutines never have the same table: the order of its rows is that of the calls.
				table := fmt.Sprintf("t%d", n)
				texts := make([][]byte, each)
				for i := range texts {
					length := 1 + (n*each+i)*7919%(300<<10)
					if n == 2 && i%5 == 1 {
						length = 2*hardChunkRaw + i // several chunks
					}
					texts[i] = fmt.Appendf(nil, "INSERT INTO %s VALUES (%d,'%s');\n", table, i, strings.Repeat("x", length))
				}
				want[table] = bytes.Join(texts, nil)
				idx.Tables = append(idx.Tables, Table{table, each})
				group.Go(func() {
					var spare []byte
					for _, text := range texts {
						var err error
						if spare, err = w.Add(append(spare, text...), About{Section: dump.Rows, Table: table, Rows: 1}); err != nil {
							t.Error(err)
						}
						if len(spare) > 0 {
							t.Errorf("a spare buffer with %d bytes of content", len(spare))
						}
					}
				})
			}
			group.Wait()
			if _, err := w.Add(bytes.Clone(tail), About{Section: dump.Tail}); err != nil {
				t.Fatal(err)
			}
			idx.Rows = adders * each
			if err := w.Close(idx); err != nil {
				t.Fatal(err)
			}

			object := out.Bytes()
			read := readIndex(t, object, c)
			if !read.Sectioned() {
				t.Error("not sectioned")
			}
			r, err := NewChunkReader(bytes.NewReader(object), read, 2)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got := make(map[string][]byte)
			partial := 0
			for i, chunk := range read.Chunks {
				if chunk.RawSize > hardChunkRaw {
					t.Errorf("chunk %d has %d bytes", i, chunk.RawSize)
				}
				if chunk.Partial {
					partial++
				}
				text := make([]byte, chunk.RawSize)
				if _, err := io.ReadFull(r, text); err != nil {
					t.Fatal(err)
				}
				// Which table a chunk is of shows in the text as well.
				if !chunk.Partial && chunk.Section == dump.Rows && !bytes.HasSuffix(text, []byte(");\n")) {
					t.Errorf("chunk %d ends inside a statement", i)
				}
				got[string(chunk.Section)+chunk.Table] = append(got[string(chunk.Section)+chunk.Table], text...)
			}
			if partial != 6 {
				t.Errorf("%d chunks are partial", partial)
			}
			for table, sql := range want {
				if !bytes.Equal(got["rows"+table], sql) {
					t.Errorf("table %s has other rows", table)
				}
			}
			if !bytes.Equal(got["head"], head) || !bytes.Equal(got["tail"], tail) || len(got) != adders+2 {
				t.Error("other head or tail")
			}
			if n, err := Verify(bytes.NewReader(object), c, read); err != nil || n != read.RawBytes {
				t.Errorf("Verify: %d of %d bytes, %v", n, read.RawBytes, err)
			}
		})
	}
}

// What would make a dump that no reader takes is an error, and Close does not finish such a dump.
func TestAddWrongOrder(t *testing.T) {
	head, rows, tail := About{Section: dump.Head}, About{Section: dump.Rows, Table: "users", Rows: 1}, About{Section: dump.Tail}
	for want, list := range map[string][]About{
		`write a chunk of the dump: section "head" comes after section "rows"`:                               {head, rows, head},
		`write a chunk of the dump: section "rows" comes after section "tail"`:                               {head, tail, rows},
		`write a chunk of the dump: section "" comes after section "head"`:                                   {head, {}},
		`write a chunk of the dump: section "head" comes after section ""`:                                   {{}, head},
		`write a chunk of the dump: unknown section "body"`:                                                  {{Section: "body"}},
		`write a chunk of the dump: section "tail" has 1 rows of table ""`:                                   {{Section: dump.Tail, Table: "", Rows: 1}},
		`write a chunk of the dump: section "head" has 0 rows of table "a"`:                                  {{Section: dump.Head, Table: "a", Rows: 0}},
		`write a chunk of the dump: section "rows" has -1 rows of table "a"`:                                 {{Section: dump.Rows, Table: "a", Rows: -1}},
		`no reader would take the dump's index: chunk 0 has rows of table "a", which the dump does not have`: {{Section: dump.Rows, Table: "a", Rows: 1}, tail},
		`no reader would take the dump's index: chunk 2 has 1 rows of table "users", of which 0 are left`:    {head, {Section: dump.Rows, Table: "users", Rows: 3}, rows},
		`no reader would take the dump's index: the chunks lack 2 of the 3 rows of table "users"`:            {head, rows, tail},
	} {
		var out output
		w := newTestWriter(t.Context(), t, &out, 1)
		var err error
		for _, about := range list {
			if err == nil {
				_, err = w.Add([]byte("SELECT 1;\n"), about)
			}
		}
		idx := testIndex
		idx.Tables, idx.Rows = []Table{{"users", 3}}, 3
		if closed := w.Close(idx); closed == nil || err != nil && err.Error() != closed.Error() {
			t.Errorf("Add: %v, Close: %v", err, closed)
		} else if closed.Error() != want {
			t.Errorf("want %s\ngot  %s", want, closed)
		}
		if _, err := ReadIndex(bytes.NewReader(out.Bytes()), int64(out.Len()), Zstd); out.Len() > 20 && !errors.Is(err, ErrTruncated) {
			t.Error("what is left is not a truncated dump:", err)
		}
	}

	// Text that was given to Write belongs to no section.
	var out output
	w := newTestWriter(t.Context(), t, &out, 1)
	if _, err := w.Add([]byte("SELECT 1;\n"), head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "SELECT 2;\n"); err != nil {
		t.Fatal(err)
	}
	const want = `write a chunk of the dump: section "" comes after section "head"`
	if err := w.Close(testIndex); err == nil || err.Error() != want {
		t.Errorf("want %s, got %v", want, err)
	}
}

// A statement may be added in pieces, as another dump has it. What does not go on with it makes no dump.
func TestAddPartial(t *testing.T) {
	rows := About{Section: dump.Rows, Table: "users"}
	last := rows
	last.Rows = 1
	for want, next := range map[string]About{
		"": last,
		"no reader would take the dump's index: chunk 1 does not continue the statement of the chunk before": {Section: dump.Tail},
	} {
		var out output
		w := newTestWriter(t.Context(), t, &out, 1)
		if _, err := w.AddPartial([]byte("INSERT INTO users "), rows); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add([]byte("VALUES (1);\n"), next); err != nil {
			t.Fatal(err)
		}
		idx := testIndex
		idx.Tables, idx.Rows = []Table{{"users", next.Rows}}, next.Rows
		if err := w.Close(idx); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("got %v, want %q", err, want)
			continue
		}
		if want != "" {
			continue
		}
		if read := readIndex(t, out.Bytes(), Zstd); len(read.Chunks) != 2 || !read.Chunks[0].Partial || read.Chunks[1].Partial {
			t.Errorf("chunks %+v", read.Chunks)
		}
	}
}

// adders calls Add with text of that size from many goroutines until each got an error, which it returns.
func adders(w *Writer, n, size int, taken *atomic.Int64) <-chan error {
	result := make(chan error, n)
	for range n {
		go func() {
			for {
				_, err := w.Add(make([]byte, size), About{Section: dump.Rows, Table: "users", Rows: 1})
				if err != nil {
					result <- err
					return
				}
				taken.Add(int64(size))
			}
		}()
	}
	return result
}

// A slow output stops those who add, however long their texts; cancelling ends everything.
func TestAddBackPressure(t *testing.T) {
	const workers, callers = 2, 8
	for size, most := range map[int]int64{
		chunkRaw:         (workers + 2) * chunkRaw, // those whose texts wait for the output
		hardChunkRaw + 1: (workers + 2) / 2 * (hardChunkRaw + 1),
		100 << 20:        0, // never one as a whole
	} {
		for name, end := range map[string]func(w *Writer, cancel context.CancelFunc){
			"cancel": func(_ *Writer, cancel context.CancelFunc) { cancel() },
			"abort": func(w *Writer, cancel context.CancelFunc) {
				go w.Abort()
				synctest.Wait()
				cancel()
			},
		} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					w := newTestWriter(ctx, t, outputFunc(func([]byte) (int, error) {
						<-ctx.Done()
						return 0, ctx.Err()
					}), workers)
					var taken atomic.Int64
					result := adders(w, callers, size, &taken)
					synctest.Wait() // until nothing moves any more
					if n := taken.Load(); n != most {
						t.Errorf("the writer took %d bytes while the output took none, not %d", n, most)
					}
					end(w, cancel)
					for range callers {
						if err := <-result; !errors.Is(err, context.Canceled) && !errors.Is(err, errAborted) {
							t.Error(err)
						}
					}
					w.group.Wait()
					if err := w.Close(testIndex); err == nil {
						t.Error("a cancelled dump was closed as a complete one")
					}
				})
			})
		}
	}
}

// Long and short texts from more goroutines than there are buffers do not deadlock.
func TestAddManyLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) { return len(p), nil }), 1)
		const callers = 12
		idx := testIndex
		idx.Tables, idx.Rows = []Table{{"users", 2 * callers}}, 2*callers
		var group sync.WaitGroup
		for n := range callers {
			group.Go(func() {
				for i := range 2 {
					size := 1000
					if (n+i)%3 == 0 {
						size = 5 * hardChunkRaw
					}
					if _, err := w.Add(make([]byte, size), About{Section: dump.Rows, Table: "users", Rows: 1}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait() // synctest reports a deadlock
		if err := w.Close(idx); err != nil {
			t.Error(err)
		}
	})
}

func TestAddOutputFails(t *testing.T) {
	full := errors.New("the bucket is full")
	for failAt := range 4 {
		for _, size := range []int{1000, chunkRaw, 3 * hardChunkRaw} {
			synctest.Test(t, func(t *testing.T) {
				var writes int
				w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) {
					if writes++; writes > failAt {
						return len(p) / 2, full
					}
					return len(p), nil
				}), 2)
				var taken atomic.Int64
				result := adders(w, 4, size, &taken)
				for range 4 {
					if err := <-result; !errors.Is(err, full) {
						t.Error(err)
					}
				}
				if _, err := w.Add([]byte("SELECT 1;\n"), About{Section: dump.Tail}); !errors.Is(err, full) {
					t.Error("Add:", err)
				}
				if err := w.Close(testIndex); !errors.Is(err, full) {
					t.Error("Close:", err)
				}
				w.Abort()
				if _, err := w.Add(nil, About{}); !errors.Is(err, full) {
					t.Error("Add:", err)
				}
			})
		}
	}
}

// Nothing is added after the end, not even by a goroutine that comes too late.
func TestAddAfterEnd(t *testing.T) {
	for range 50 { // a select among ways that are all open takes any
		var out output
		w := newTestWriter(t.Context(), t, &out, 2)
		late := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = w.Add([]byte("SELECT 1;\n"), About{Section: dump.Head})
			}
			late <- err
		}()
		if err := w.Close(testIndex); err == nil {
			// Rows of tables are missing: an index with sections shows it.
			if readIndex(t, out.Bytes(), Zstd).Sectioned() {
				t.Error("a dump without rows was finished")
			}
		}
		if err := <-late; !errors.Is(err, errClosed) {
			t.Error(err)
		}
		size := out.Len()
		if _, err := w.Add([]byte("SELECT 1;\n"), About{Section: dump.Head}); !errors.Is(err, errClosed) || out.Len() != size {
			t.Error("added after Close:", err)
		}

		w = newTestWriter(t.Context(), t, &output{}, 2)
		w.Abort()
		if _, err := w.Add([]byte("SELECT 1;\n"), About{Section: dump.Head}); !errors.Is(err, errAborted) {
			t.Error("added after Abort:", err)
		}
	}
}

// Memory depends neither on the number of chunks nor on how long a row is: what a Writer holds of a long text is
// bounded, beside the text itself, which is its caller's.
func TestAddMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 32<<20) // cannot be compressed: what leaves the compressors is as long
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, test := range map[string]struct{ callers, size, rounds int }{
		"usual":    {3, chunkRaw + 1<<20, 10},
		"long":     {3, hardChunkRaw, 10},
		"16 MiB":   {3, 16 << 20, 6},
		"one long": {1, 400 << 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			const workers = 2
			var now, start runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&start)
			var highest uint64
			w := newTestWriter(t.Context(), t, outputFunc(func(p []byte) (int, error) {
				runtime.GC()
				runtime.ReadMemStats(&now)
				highest = max(highest, now.HeapAlloc-start.HeapAlloc)
				return len(p), nil
			}), workers)
			var group sync.WaitGroup
			for range test.callers {
				group.Go(func() {
					var spare []byte
					for range test.rounds {
						text := spare
						if cap(text) < test.size {
							text = make([]byte, 0, test.size)
						}
						for len(text) < test.size {
							text = append(text, noise[:min(len(noise), test.size-len(text))]...)
						}
						var err error
						if spare, err = w.Add(text, About{Section: dump.Rows, Table: "users", Rows: 1}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			idx := testIndex
			idx.Rows = int64(test.callers * test.rounds)
			idx.Tables = []Table{{"users", idx.Rows}}
			if err := w.Close(idx); err != nil {
				t.Fatal(err)
			}
			// Most of it is the buffers of the worst case, text that cannot be compressed, while they grow: 30 to 160 MiB, because what a
			// buffer has outgrown is seen or not, by chance. A second copy of a long text would be 400.
			const bound = 240 << 20
			own := test.callers * test.size
			held := int(highest) - own
			t.Logf("%d MiB beside the %d MiB of those who add", held>>20, own>>20)
			if held > bound {
				t.Errorf("the writer holds %d MiB, more than %d", held>>20, bound>>20)
			}
			for range cap(w.raws) {
				if buf := <-w.raws; cap(buf) > hardChunkRaw {
					t.Errorf("a buffer of %d bytes is kept", cap(buf))
				}
			}
		})
	}
}
