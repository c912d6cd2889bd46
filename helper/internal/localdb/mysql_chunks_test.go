package localdb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A statement of a chunk is a line, but for what names have in them.
func TestMySQLLineBreaksInNames(t *testing.T) {
	server := mariadbServer(t)
	for _, above := range []int{0, bulkBytes} {
		fresh(t, server, "broken_names")
		db, _ := open(t, server.URL("broken_names"))
		load, err := db.Begin(t.Context())
		must(t, err)
		load.(*mysqlPull).mysqlLoad.bulkAbove = above
		chunks := &pgTexts{}
		chunks.add(Head, "", 0, "CREATE TABLE `a\nb``;\nc` (`c\n``);\nd` INT PRIMARY KEY, `e` TEXT);\n")
		chunks.add(Rows, "a\nb`;\nc", 3, "INSERT INTO `a\nb``;\nc` (`c\n``);\nd`,`e`) VALUES (1,'x'),(2,'\\n');\nINSERT INTO `a\nb``;\nc` (`c\n``);\nd`,`e`) VALUES (3,NULL);\n")
		chunks.add(Tail, "", 0, "-- Dump completed\n")
		stats, err := load.RunChunks(t.Context(), chunks, nil)
		must(t, err)
		must(t, load.Compare(t.Context(), stats))
		must(t, load.Swap(t.Context(), Dump{}))
		rows, err := server.Query("SELECT `c\n``);\nd`, HEX(e) FROM broken_names.`a\nb``;\nc` ORDER BY 1")
		must(t, err)
		if diff := cmp.Diff([][]string{{"1", "78"}, {"2", "0A"}, {"3", "NULL"}}, rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		must(t, load.Discard())
	}
}

// noted is a dump that notes which chunks each of its readers was asked for.
type noted struct {
	*pgTexts
	mutex   sync.Mutex
	readers []*notedReader
}

type notedReader struct {
	ChunkReader
	chunks []int
}

func (n *noted) Open() (ChunkReader, error) {
	reader, err := n.pgTexts.Open()
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.readers = append(n.readers, &notedReader{ChunkReader: reader})
	return n.readers[len(n.readers)-1], err
}

func (r *notedReader) Read(ctx context.Context, i int) ([]byte, error) {
	r.chunks = append(r.chunks, i)
	time.Sleep(20 * time.Millisecond) // for the others to have their share
	return r.ChunkReader.Read(ctx, i)
}

// In order, the rows of a table are one session's, though they may go in in any order.
func TestMySQLInOrder(t *testing.T) {
	server := mariadbServer(t)
	for _, inOrder := range []bool{false, true} {
		fresh(t, server, "in_order")
		db, err := tryOpen(t, Config{URL: parseURL(t, server.URL("in_order")), Threads: 3, InOrder: inOrder})
		must(t, err)
		t.Cleanup(func() { db.Close() })
		chunks := &noted{pgTexts: &pgTexts{}}
		chunks.add(Head, "", 0, "CREATE TABLE `t` (`id` INT PRIMARY KEY);\n")
		for i := range 8 {
			chunks.add(Rows, "t", 1, fmt.Sprintf("INSERT INTO `t` (`id`) VALUES (%d);\n", i))
		}
		chunks.add(Tail, "", 0, "-- Dump completed\n")
		_, err = pullChunks(t, db, chunks)
		must(t, err)
		alone := slices.ContainsFunc(chunks.readers, func(r *notedReader) bool { return slices.Equal(r.chunks, []int{1, 2, 3, 4, 5, 6, 7, 8}) })
		if alone != inOrder {
			t.Errorf("in order: %t; all rows were read in order by one session: %t", inOrder, alone)
		}
	}
}
