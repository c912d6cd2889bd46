package swap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/load"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

// A statement of a chunk is a line, but for what names have in them.
func TestMySQLLineBreaksInNames(t *testing.T) {
	server := targettest.MariadbServer(t)
	for _, above := range []int{0, load.BulkBytes} {
		targettest.Fresh(t, server, "broken_names")
		db, _ := targettest.Open(t, server.URL("broken_names"))
		load, err := db.Begin(t.Context())
		targettest.Must(t, err)
		load.(*pull).Load.BulkAbove = above
		chunks := &targettest.Texts{}
		chunks.Add(dump.Head, "", 0, "CREATE TABLE `a\nb``;\nc` (`c\n``);\nd` INT PRIMARY KEY, `e` TEXT);\n")
		chunks.Add(dump.Rows, "a\nb`;\nc", 3, "INSERT INTO `a\nb``;\nc` (`c\n``);\nd`,`e`) VALUES (1,'x'),(2,'\\n');\nINSERT INTO `a\nb``;\nc` (`c\n``);\nd`,`e`) VALUES (3,NULL);\n")
		chunks.Add(dump.Tail, "", 0, "-- Dump completed\n")
		stats, err := load.RunChunks(t.Context(), chunks, nil)
		targettest.Must(t, err)
		targettest.Must(t, load.Compare(t.Context(), stats))
		targettest.Must(t, load.Swap(t.Context(), target.Dump{}))
		rows, err := server.Query("SELECT `c\n``);\nd`, HEX(e) FROM broken_names.`a\nb``;\nc` ORDER BY 1")
		targettest.Must(t, err)
		if diff := cmp.Diff([][]string{{"1", "78"}, {"2", "0A"}, {"3", "NULL"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		targettest.Must(t, load.Discard())
	}
}

// noted is a dump that records which chunks each of its readers was asked for.
type noted struct {
	*targettest.Texts
	several bool // chunks with rows wait until two readers have asked for some
	shared  chan struct{}
	mutex   sync.Mutex
	readers []*notedReader
}

type notedReader struct {
	dump.ChunkReader
	of     *noted
	chunks []int
}

func (n *noted) Open() (dump.ChunkReader, error) {
	reader, err := n.Texts.Open()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.readers = append(n.readers, &notedReader{ChunkReader: reader, of: n})
	return n.readers[len(n.readers)-1], err
}

func (r *notedReader) Read(ctx context.Context, i int) ([]byte, error) {
	r.of.note(r, i)
	if r.of.several && rowsOf(i) {
		select {
		case <-r.of.shared:
		case <-time.After(time.Minute):
			return nil, errors.New("only one session reads")
		}
	}
	return r.ChunkReader.Read(ctx, i)
}

func (r *notedReader) Stream(ctx context.Context, i int) io.Reader {
	r.of.note(r, i)
	return r.ChunkReader.Stream(ctx, i)
}

func (n *noted) note(r *notedReader, i int) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	first := !slices.ContainsFunc(r.chunks, rowsOf)
	r.chunks = append(r.chunks, i)
	reading := 0
	for _, r := range n.readers {
		if slices.ContainsFunc(r.chunks, rowsOf) {
			reading++
		}
	}
	if first && rowsOf(i) && reading == 2 {
		close(n.shared)
	}
}

// rowsOf reports whether a chunk of the test has rows, and is neither the head nor the tail.
func rowsOf(i int) bool { return i >= 1 && i <= 8 }

// With InOrder, one session loads all rows of a table, although their order would not matter to the server.
func TestMySQLInOrder(t *testing.T) {
	server := targettest.MariadbServer(t)
	for _, inOrder := range []bool{false, true} {
		targettest.Fresh(t, server, "in_order")
		db, err := targettest.TryOpen(t, target.Config{URL: targettest.ParseURL(t, server.URL("in_order")), Threads: 3, InOrder: inOrder})
		targettest.Must(t, err)
		t.Cleanup(func() { db.Close() })
		chunks := &noted{Texts: &targettest.Texts{}, several: !inOrder, shared: make(chan struct{})}
		chunks.Add(dump.Head, "", 0, "CREATE TABLE `t` (`id` INT PRIMARY KEY);\n")
		for i := range 8 {
			chunks.Add(dump.Rows, "t", 1, fmt.Sprintf("INSERT INTO `t` (`id`) VALUES (%d);\n", i))
		}
		chunks.Add(dump.Tail, "", 0, "-- Dump completed\n")
		_, err = targettest.PullChunks(t, db, chunks)
		targettest.Must(t, err)
		alone := slices.ContainsFunc(chunks.readers, func(r *notedReader) bool { return slices.Equal(r.chunks, []int{1, 2, 3, 4, 5, 6, 7, 8}) })
		if alone != inOrder {
			t.Errorf("in order: %t; all rows were read in order by one session: %t", inOrder, alone)
		}
	}
}
