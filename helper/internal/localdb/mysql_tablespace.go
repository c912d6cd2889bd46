package localdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"github.com/jobiqo/dump-refresh/helper/internal/innodb"
)

// tablespace is a table of the scratch database that gets its rows as files.
type tablespace struct {
	FileTable
	folder   folder
	pageSize int64 // of the server, bytes
	uncached bool  // the server reads its files past the kernel's memory
	// space is the number that the first file gets until it is imported, 0 where all keep that which they had; the others have the next
	// ones. MySQL does not start where two files in its folder have the same number, whether it knows them or not.
	space uint32
	file  string      // how its files are called, without an ending
	like  fs.FileInfo // the file of the empty table

	once  sync.Once
	begun error // why it could not
	files []*os.File
	// sparse says of each file that what is not written reads as zeros, and that there is room for it.
	sparse []bool
	left   atomic.Int64 // stretches that are not written yet
}

func newTablespace(table FileTable) *tablespace {
	return &tablespace{FileTable: table, files: make([]*os.File, len(table.Files)), sparse: make([]bool, len(table.Files))}
}

// check fails with *FilesError where the table is not what it was on the server that wrote the files.
func (t *tablespace) check(ctx context.Context, s *mysqlSession) error {
	definition, err := s.definition(ctx, t.Name)
	if number(err) == mysqlUnknownTable {
		return &FilesError{Table: t.Name, Reason: "the dump does not make it", Err: err}
	}
	if err != nil {
		return err
	}
	if hasFullText(definition) {
		return &FilesError{Table: t.Name, Reason: "it has a FULLTEXT index"}
	}
	if DefinitionSum(definition) != t.Definition {
		return &FilesError{Table: t.Name, Reason: "this server makes another table of its definition"}
	}
	return nil
}

// hasFullText says whether a table has an index that lies in other files. MariaDB takes the table without it, and dies of the
// next row.
func hasFullText(definition string) bool { return parse([]byte(definition)).find("FULLTEXT") > 0 }

// discard takes the files of the empty table away.
func (t *tablespace) discard(ctx context.Context, s *mysqlSession) error {
	first := slices.IndexFunc(t.Files, TableFile.isTablespace)
	if first < 0 {
		return &FilesError{Table: t.Name, Reason: "it has no file with rows"}
	}
	var err error
	t.like, err = t.folder.Lstat(t.file + t.Files[first].Name)
	if errors.Is(err, fs.ErrNotExist) {
		return &FilesError{Table: t.Name, Reason: "its file is not in the folder of its database", Err: err}
	}
	if err != nil {
		return unreachable(err)
	}
	if _, err := s.retry(ctx, "ALTER TABLE "+quoteName(t.Name)+" DISCARD TABLESPACE"); err != nil {
		return t.refused(err)
	}
	onStep("tablespace discarded")
	return nil
}

// begin makes new files. Of several callers one does it, and all hear what came of it.
func (t *tablespace) begin() error {
	t.once.Do(func() { t.begun = t.makeFiles() })
	return t.begun
}

func (t *tablespace) makeFiles() error {
	for i, what := range t.Files {
		// That the server has taken its file away shows that the folder is its own: where there still is one this fails.
		file, err := t.folder.create(t.file+what.Name, t.like)
		if err != nil {
			return t.unwritten(err)
		}
		t.files[i] = file
		if t.sparse[i], err = allocate(file, what.Size); err != nil {
			return t.unwritten(err)
		}
		onStep("file made")
	}
	return nil
}

// fits compares what a file says of itself in its first page with what it is. A server would find out as well, at the cost of a
// crash perhaps.
func (t *tablespace) fits(text []byte, what TableFile) error {
	header, err := innodb.ReadHeader(text)
	if err == nil {
		err = header.Check(t.pageSize, what.Size)
	}
	if err == nil && t.space != 0 && header.FilePageSize != t.pageSize {
		err = errors.New(compressedPages)
	}
	if err != nil {
		return &FilesError{Table: t.Name, Reason: err.Error(), Err: err}
	}
	return nil
}

// compressedPages is why a table does not come to MySQL as files: the checksums of all of its pages depend on its number.
const compressedPages = "its pages are compressed (ROW_FORMAT=COMPRESSED)"

// zeros is what the blocks of a file that hold nothing are compared with. InnoDB makes files larger than it needs at once.
var zeros [16 << 10]byte

// writeSize is how much is written at once, bytes. The kernel takes the memory to keep it in as one block, and large blocks are
// those that nobody has used for long: virtual machines give such memory back, and then get it again page by page.
const writeSize = 256 << 10

// write puts a chunk where it belongs.
func (t *tablespace) write(part stretch, text []byte) error {
	file, offset := t.files[part.file], part.offset
	if what := t.Files[part.file]; offset == 0 && what.isTablespace() {
		if err := t.fits(text, what); err != nil {
			return err
		}
	}
	if t.space != 0 && t.Files[part.file].isTablespace() {
		if offset%t.pageSize != 0 || int64(len(text))%t.pageSize != 0 {
			return &FilesError{Table: t.Name, Reason: "the chunks of its file do not end where pages do"}
		}
		innodb.Renumber(text, t.pageSize, t.space+uint32(part.file))
	}
	onStep("chunk to be written")
	for len(text) > 0 {
		skipped, length := 0, min(len(text), writeSize)
		if t.sparse[part.file] {
			skipped, length = nextUsed(text[:length])
		}
		if _, err := file.WriteAt(text[skipped:length], offset+int64(skipped)); err != nil {
			return t.unwritten(err)
		}
		text = text[length:]
		offset += int64(length)
	}
	return nil
}

// nextUsed says where the first blocks that hold something begin and end.
func nextUsed(text []byte) (from, to int) {
	empty := func(at int) bool {
		block := text[at:min(at+len(zeros), len(text))]
		return bytes.Equal(block, zeros[:len(block)])
	}
	for from < len(text) && empty(from) {
		from += len(zeros)
	}
	from = min(from, len(text))
	for to = from; to < len(text) && !empty(to); to += len(zeros) {
	}
	return from, min(to, len(text))
}

// take has the server make the files its own, when all of them are there.
func (t *tablespace) take(ctx context.Context, s *mysqlSession) error {
	if err := t.close(); err != nil {
		return t.unwritten(err)
	}
	onStep("files written")
	if _, err := s.retry(ctx, "ALTER TABLE "+quoteName(t.Name)+" IMPORT TABLESPACE"); err != nil {
		return t.refused(err)
	}
	onStep("tablespace imported")
	if err := s.keepCounter(ctx, t.Name); err != nil {
		return t.refused(err)
	}
	for _, what := range t.Files {
		if what.isTablespace() {
			t.forget(what)
			continue
		}
		// It would stay behind when the table is renamed, and keep the server from dropping the database.
		if err := t.folder.Remove(t.file + what.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return t.unwritten(err)
		}
		onStep("settings removed")
	}
	return nil
}

// keepCounter has MySQL write down where the counter of a table stands that was imported: it knows, and forgets it when it is started
// again, then begins at 1 and finds every number taken (9.7.4).
func (s *mysqlSession) keepCounter(ctx context.Context, table string) error {
	if !s.oracle {
		return nil
	}
	definition, err := s.definition(ctx, table)
	if err != nil {
		return err
	}
	counter := counterOption.FindStringSubmatch(definition)
	if counter == nil {
		return nil
	}
	_, err = s.retry(ctx, "ALTER TABLE "+quoteName(table)+" "+counter[1])
	return err
}

// counterOption finds where a table's counter stands among its options.
var counterOption = regexp.MustCompile(`(?m)^\) .*?ENGINE=\w+ (AUTO_INCREMENT=\d+)`)

// forget gives back the memory that the kernel keeps a file in, for those of other tables: memory that was used just now is to be
// had for less than any other.
func (t *tablespace) forget(what TableFile) {
	if !t.uncached {
		return
	}
	if file, err := t.folder.Open(t.file + what.Name); err == nil {
		forget(file)
		_ = file.Close()
	}
}

// refused makes of what the server says a *FilesError, unless it is not about the table.
func (t *tablespace) refused(err error) error {
	var refusal *mysql.MySQLError
	if !errors.As(err, &refusal) || refusal.Number == mysqlServerShutdown || isFull(refusal) {
		return err
	}
	return &FilesError{Table: t.Name, Reason: "the server refuses its files: " + withoutValues(serverMessage(err)), Err: err}
}

// unwritten makes of what the file system says a *FilesError, unless the disk is full.
func (t *tablespace) unwritten(err error) error {
	if isFullHere(err) {
		return err
	}
	return &FilesError{Table: t.Name, Reason: fmt.Sprintf("its files cannot be written: %v", err), Err: err}
}

// close closes the files that are open.
func (t *tablespace) close() error {
	var all error
	for i, file := range t.files {
		if file != nil {
			all = errors.Join(all, file.Close())
			t.files[i] = nil
		}
	}
	return all
}

// isFullHere says whether an error of the file system means that there is no room left.
func isFullHere(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
