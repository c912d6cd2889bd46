package dumpfile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// output keeps a dump in memory. Its open part, if any, ends at the given offset.
type output struct {
	bytes.Buffer
	partEnd int64
}

func (o *output) Room() int64 { return max(o.partEnd-int64(o.Len()), 0) }

// statement appends an INSERT that looks like one of mysqldump's, of about that many bytes.
func statement(dst []byte, rng *rand.Rand, size int) []byte {
	words := []string{"the", "council", "meeting", "über", "station", "timetable", "it''s", "node", "revision", "published", "summary", "and", "of", "in", "grün"}
	end := len(dst) + size
	dst = append(dst, "INSERT INTO `node__body` VALUES "...)
	for row := 0; len(dst) < end; row++ {
		if row > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, "('article',0,%d,%d,'de',0,'<p>", rng.IntN(1<<20), rng.IntN(1<<20))
		for range 20 + rng.IntN(60) {
			dst = append(dst, words[rng.IntN(len(words))]...)
			dst = append(dst, ' ')
			if rng.IntN(4) == 0 {
				dst = strconv.AppendUint(dst, rng.Uint64()>>rng.IntN(60), 36)
				dst = append(dst, ' ')
			}
		}
		dst = append(dst, "</p>','','basic_html')"...)
	}
	return append(dst, ";\n"...)
}

// statements returns SQL of about that many bytes, cut into statements.
func statements(total, each int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	list := [][]byte{[]byte("-- MariaDB dump 10.19\n")}
	for n := 0; n < total; {
		s := statement(nil, rng, each)
		list = append(list, s)
		n += len(s)
	}
	return append(list, []byte("-- Dump completed\n"))
}

var testIndex = Index{
	ToolVersion:   "1.2.3",
	Project:       "shop",
	Publisher:     "ada@laptop",
	Engine:        "mariadb",
	EngineVersion: "10.11.9",
	Client:        "mariadb-dump 10.19",
	SnapshotTime:  time.Date(2026, 11, 22, 6, 30, 0, 0, time.UTC),
	Rules:         Rules{StructureOnly: []string{"cache_*"}, Excluded: []string{"tmp"}},
	Tables:        []Table{{"node__body", 12}, {"users", 3}},
	Rows:          15,
}

// write makes a dump of statements.
func write(t testing.TB, c Compression, list [][]byte, out Output) {
	t.Helper()
	w, err := NewWriter(context.Background(), out, c, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if _, err := w.Write(s); err != nil {
			t.Fatal(err)
		}
		w.Cut()
	}
	if err := w.Close(testIndex); err != nil {
		t.Fatal(err)
	}
}

// smallDump is one of several chunks that are not long, as a Writer never makes them: every byte of
// it can be tried.
func smallDump(t testing.TB, c Compression, partEnd int64) (object, sql []byte) {
	t.Helper()
	out := &output{partEnd: partEnd}
	w, err := NewWriter(context.Background(), out, c, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"-- a dump\nCREATE TABLE a (b text);\n", "INSERT INTO a VALUES ('x'),('y'),('z');\n", "-- Dump completed\n"} {
		sql = append(sql, s...)
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if err := w.endChunk(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(testIndex); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sql
}

// kinds are dumps that are small enough to damage each byte in turn: without sections, with them, and with tables as files.
var kinds = map[string]func(t testing.TB, c Compression, partEnd int64) (object, sql []byte){
	"stream": smallDump, "sections": smallSections, "files": smallBaked,
}

func readIndex(t testing.TB, object []byte, c Compression) *Index {
	t.Helper()
	idx, err := ReadIndex(bytes.NewReader(object), int64(len(object)), c)
	if err != nil {
		t.Fatal(err)
	}
	return idx
}

var written = []Compression{Zstd, Gzip}

// Verify reads a whole dump, as NewVerifier does, and returns how many bytes of SQL it holds.
func Verify(r io.Reader, c Compression, idx *Index) (int64, error) {
	v, err := NewVerifier(r, c, idx)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	return io.Copy(io.Discard, v)
}
