package localdb

import (
	"testing"

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
		load.(*mysqlLoad).bulkAbove = above
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
