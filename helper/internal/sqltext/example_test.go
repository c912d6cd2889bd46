package sqltext_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
)

const dump = `-- MariaDB dump 10.19
CREATE TABLE node (id int, title text);
INSERT INTO node VALUES (1,'a; b'),(2,'INSERT INTO x VALUES (3);');
-- Dump completed on 2026-11-22
`

// A Splitter separates statements from rows without changing a byte, whatever the rows contain.
func ExampleSplitter() {
	s := sqltext.NewSplitter(strings.NewReader(dump), sqltext.MySQL)
	for {
		piece, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch piece.Kind {
		case sqltext.Statement:
			fmt.Printf("statement: %s\n", piece.Text)
		case sqltext.Rows:
			fmt.Printf("%d rows of %s\n", piece.Rows, piece.Table)
		}
	}
	// Output:
	// statement: CREATE TABLE node (id int, title text)
	// 2 rows of node
}

// When a dump has been read, its Stats say what is in it and whether it is complete.
func ExampleSplitter_Stats() {
	for _, text := range []string{dump, strings.TrimSuffix(dump, "-- Dump completed on 2026-11-22\n")} {
		s := sqltext.NewSplitter(strings.NewReader(text), sqltext.MySQL)
		for {
			if _, err := s.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				log.Fatal(err)
			}
		}
		stats := s.Stats()
		fmt.Println(stats.Rows, "rows, complete:", stats.Complete)
	}
	// Output:
	// 2 rows, complete: true
	// 2 rows, complete: false
}
