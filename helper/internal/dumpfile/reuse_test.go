package dumpfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
)

// The sizes are those of real dumps, divided by 32.
const (
	leastInTest = 5 << 20 / 32
	chunkInTest = 16 << 10
)

// object puts an object together as S3 does.
type object struct {
	earlier      []byte
	placed, rest []byte
	copied, puts int
	copyFails    bool
}

func (o *object) Write(p []byte) (int, error) {
	o.rest = append(o.rest, p...)
	return len(p), nil
}

func (o *object) Room() int64 { return 0 }

func (o *object) Put(p []byte) error {
	if len(p) < leastInTest {
		return fmt.Errorf("a range of %d bytes", len(p))
	}
	o.puts++
	o.placed = append(o.placed, p...)
	return nil
}

func (o *object) Copy(offset, size int64) error {
	if o.copyFails {
		return ErrEarlierLost
	}
	o.copied += int(size)
	return o.Put(o.earlier[offset : offset+size])
}

func (o *object) bytes() []byte { return slices.Concat(o.placed, o.rest) }

// text is the SQL of a chunk: about size bytes that compress badly.
func text(random *rand.Rand, table string, size int) []byte {
	sql := fmt.Appendf(nil, "INSERT INTO %s VALUES (x'", table)
	for len(sql) < size {
		sql = fmt.Appendf(sql, "%016x", random.Uint64())
	}
	return append(sql, "');\n"...)
}

// day is what a database has on one day.
type day struct {
	head, tail []byte
	rows       [][]byte
}

// write writes a dump, with an earlier one if there is one.
func (d day) write(t *testing.T, c Compression, earlier []byte, copyFails bool) (*object, *Writer, error) {
	t.Helper()
	out := &object{earlier: earlier, copyFails: copyFails}
	w, err := NewWriter(context.Background(), out, c, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if earlier != nil {
		index, err := ReadIndex(bytes.NewReader(earlier), int64(len(earlier)), c)
		if err != nil {
			t.Fatal(err)
		}
		w.Reuse(Earlier{index, bytes.NewReader(earlier)}, out, leastInTest)
	}
	add := func(sql []byte, about About) {
		if _, err := w.Add(bytes.Clone(sql), about); err != nil {
			t.Fatal(err)
		}
	}
	add(d.head, About{Section: dump.Head})
	for _, sql := range d.rows {
		add(sql, About{Section: dump.Rows, Table: "t", Rows: 1})
	}
	add(d.tail, About{Section: dump.Tail})
	n := int64(len(d.rows))
	return out, w, w.Close(Index{ToolVersion: "test", Rows: n, Tables: []Table{{"t", n}}})
}

// check compares a dump with the day: the verifier takes it, and it has the same chunks in some order.
func (d day) check(t *testing.T, c Compression, stored []byte) {
	t.Helper()
	index, err := ReadIndex(bytes.NewReader(stored), int64(len(stored)), c)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := NewChunkDecoder(index)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	var rows [][]byte
	for i, chunk := range index.Chunks {
		sql, err := decoder.Read(bytes.NewReader(stored), i)
		if err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
		switch chunk.Section {
		case dump.Head:
			if !bytes.Equal(sql, d.head) {
				t.Error("another head")
			}
		case dump.Tail:
			if !bytes.Equal(sql, d.tail) {
				t.Error("another tail")
			}
		default:
			if i > 0 && index.Chunks[i-1].Partial {
				rows[len(rows)-1] = append(rows[len(rows)-1], sql...)
			} else {
				rows = append(rows, bytes.Clone(sql))
			}
		}
	}
	want := slices.SortedFunc(slices.Values(d.rows), bytes.Compare)
	slices.SortFunc(rows, bytes.Compare)
	if !slices.EqualFunc(rows, want, bytes.Equal) {
		t.Errorf("%d chunks of rows, want %d, or with another text", len(rows), len(want))
	}
	all := slices.Concat(slices.Concat(want...), d.head, d.tail)
	if index.RawBytes != int64(len(all)) {
		t.Errorf("%d bytes of SQL, want %d", index.RawBytes, len(all))
	}
}

// indexSize is how much comes after the chunks. Chunks this small make a large index.
func (d day) indexSize(t *testing.T, c Compression, stored []byte) int {
	t.Helper()
	index, err := ReadIndex(bytes.NewReader(stored), int64(len(stored)), c)
	if err != nil {
		t.Fatal(err)
	}
	last := index.Chunks[len(index.Chunks)-1]
	return len(stored) - int(last.Offset+last.Size)
}

func TestReuseOfAnEarlierDump(t *testing.T) {
	for _, c := range []Compression{Zstd, Gzip} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 1))
			fresh := func() []byte { return text(random, "t", chunkInTest) }
			today := day{head: []byte("CREATE TABLE t (a text);\n"), tail: []byte("-- done\n")}
			for range 200 {
				today.rows = append(today.rows, fresh())
			}
			out, _, err := today.write(t, c, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			stored := out.bytes()
			for _, step := range []struct {
				name   string
				change func()
				most   float64 // the share that may be sent
			}{
				{"nothing", func() {}, 0.02},
				{"the head", func() { today.head = append(today.head, "CREATE TABLE u (b int);\n"...) }, 0.12},
				{"the tail", func() { today.tail = append([]byte("CREATE VIEW v AS SELECT 1;\n"), today.tail...) }, 0.02},
				{"a text comes twice", func() { today.rows = append(today.rows, today.rows[3]) }, 0.03},
				{"one chunk", func() { today.rows[100] = fresh() }, 0.03},
				{"the first chunk", func() { today.rows[0] = fresh() }, 0.12},
				{"a chunk less", func() { today.rows = slices.Delete(today.rows, 60, 61) }, 0.12},
				{"another order", func() { slices.Reverse(today.rows) }, 0.02},
				{"a statement of several chunks", func() { today.rows[7] = text(random, "t", 20<<20) }, 1},
				{"the same again", func() {}, 1}, // chunks of one statement are not reused
				{"no such statement", func() { today.rows[7] = fresh() }, 0.2},
				{"nearly all", func() {
					for i := range today.rows[4:] {
						today.rows[i+4] = fresh()
					}
				}, 1},
				{"few are left", func() { today.rows = today.rows[:5] }, 1},
				{"they are many again", func() {
					for range 150 {
						today.rows = append(today.rows, fresh())
					}
				}, 1},
				{"none is left", func() { today.rows = nil }, 1},
				{"and more than ever", func() {
					for range 300 {
						today.rows = append(today.rows, fresh())
					}
				}, 1},
			} {
				step.change()
				out, w, err := today.write(t, c, stored, false)
				if err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				next := out.bytes()
				today.check(t, c, next)
				if w.Written() != int64(len(next)) {
					t.Errorf("%s: %d bytes written, %d are there", step.name, w.Written(), len(next))
				}
				sent := len(next) - out.copied - today.indexSize(t, c, next)
				t.Logf("%s: %d of %d bytes sent, %d ranges", step.name, sent, len(next), out.puts)
				if share := float64(sent) / float64(len(next)); share > step.most {
					t.Errorf("%s: %.3f of the bytes were sent", step.name, share)
				}
				stored = next
			}
			if _, _, err := today.write(t, c, stored, true); !errors.Is(err, ErrEarlierLost) {
				t.Errorf("the earlier dump is gone: %v", err)
			}
			stored[len(stored)/2] ^= 1
			today.head = append(today.head, '\n')
			for i := range today.rows { // short runs, which are read
				if i%3 == 0 {
					today.rows[i] = fresh()
				}
			}
			if _, _, err := today.write(t, c, stored, false); err != nil && !errors.Is(err, ErrEarlierLost) {
				t.Errorf("the earlier dump is damaged: %v", err)
			}
		})
	}
}

// TestAYearOfChanges changes a few chunks each day, as sites do: some that change every day, a few neighbours, a few anywhere, one more at
// the end. What is sent again because ranges are short must not grow from month to month.
func TestAYearOfChanges(t *testing.T) {
	const chunks = 1600
	days := 120
	if os.Getenv("DUMP_TEST_LONG") != "" {
		days = 365
	}
	random := rand.New(rand.NewPCG(2, 3))
	fresh := func() []byte { return text(random, "t", 10<<10) } // 5 KB compressed, 160 KB in real dumps
	today := day{head: []byte("CREATE TABLE t (a text);\n"), tail: []byte("-- done\n")}
	for range chunks {
		today.rows = append(today.rows, fresh())
	}
	out, _, err := today.write(t, Zstd, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	stored := out.bytes()
	var sentShares, changedShares []float64
	mostRanges := 0
	for number := range days {
		changed := map[int]bool{}
		for i := range 2 {
			changed[len(today.rows)/3+i] = true
		}
		first := random.IntN(len(today.rows) - 5)
		for i := range 5 {
			changed[first+i] = true
		}
		for range 3 {
			changed[random.IntN(len(today.rows))] = true
		}
		for i := range changed {
			today.rows[i] = fresh()
		}
		today.rows = append(today.rows, fresh())
		out, _, err := today.write(t, Zstd, stored, false)
		if err != nil {
			t.Fatalf("day %d: %v", number, err)
		}
		stored = out.bytes()
		rows := len(stored) - today.indexSize(t, Zstd, stored)
		sentShares = append(sentShares, float64(rows-out.copied)/float64(rows))
		changedShares = append(changedShares, float64(len(changed)+1)/float64(len(today.rows)))
		mostRanges = max(mostRanges, out.puts)
		if number%30 == 0 {
			today.check(t, Zstd, stored)
		}
	}
	mean := func(shares []float64) (sum float64) {
		for _, share := range shares {
			sum += share / float64(len(shares))
		}
		return sum
	}
	early, late := mean(sentShares[20:60]), mean(sentShares[days-40:])
	sorted := slices.Sorted(slices.Values(sentShares))
	t.Logf("a day changes %.2f %% of the chunks; %.2f %% are sent (95th percentile %.2f), %.2f %% in the last weeks; at most %d ranges",
		100*mean(changedShares), 100*mean(sentShares), 100*sorted[days*95/100], 100*late, mostRanges)
	if mean(sentShares) > 0.03 || sorted[days*95/100] > 0.05 {
		t.Errorf("%.3f of the bytes are sent, 95th percentile %.3f", mean(sentShares), sorted[days*95/100])
	}
	if late > 1.5*early {
		t.Errorf("%.4f of the bytes are sent in the first weeks, %.4f in the last ones", early, late)
	}
	if mostRanges > 100 {
		t.Errorf("the object is made of %d ranges", mostRanges)
	}
}
