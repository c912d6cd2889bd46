package innodb

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/tests/testserver"
)

// TestRenumber gives a file of a real server other numbers: one whose number was the server's own must have its checksum again, and
// a page that was never used must stay so.
func TestRenumber(t *testing.T) {
	dir := t.TempDir()
	server, err := testserver.Mysqld(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if err := server.Exec("CREATE DATABASE d", "CREATE TABLE d.t (id int PRIMARY KEY AUTO_INCREMENT, v text)", "INSERT INTO d.t (v) VALUES (REPEAT('x', 9000))",
		"INSERT INTO d.t (v) SELECT v FROM d.t", "INSERT INTO d.t (v) SELECT v FROM d.t", "INSERT INTO d.t (v) SELECT v FROM d.t", "DELETE FROM d.t WHERE id > 2"); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	const pageSize = 16 << 10
	file, err := os.ReadFile(filepath.Join(dir, "data", "d", "t.ibd"))
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(file)
	number := func(page []byte) uint32 { return binary.BigEndian.Uint32(page[pageSpaceAt:]) }
	own := number(file)
	Renumber(file, pageSize, 1<<30+7)
	if bytes.Equal(file[:pageSize], want[:pageSize]) || binary.BigEndian.Uint32(file[spaceAt:]) != 1<<30+7 {
		t.Error("the first page is as it was")
	}
	used, empty := 0, 0
	for at := 0; at < len(file); at += pageSize {
		page := file[at : at+pageSize]
		if bytes.Equal(page, make([]byte, pageSize)) {
			empty++
		} else if used++; number(page) != 1<<30+7 {
			t.Errorf("the page at %d has the number %d", at, number(page))
		}
	}
	if used < 4 || empty == 0 {
		t.Errorf("the file has %d pages that are used and %d that are not", used, empty)
	}
	Renumber(file, pageSize, own)
	if !bytes.Equal(file, want) {
		t.Error("with its own number again the file is another one")
	}
}
