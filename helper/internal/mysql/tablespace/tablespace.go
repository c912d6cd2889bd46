// Package tablespace imports tables of InnoDB as files: transportable tablespaces, as MySQL calls them.
package tablespace

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

	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/innodb"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/rewrite"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/session"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Tablespace is a table of the scratch database whose rows are imported as files.
type Tablespace struct {
	dump.FileTable
	Folder   Folder
	PageSize int64 // of the server, in bytes
	Uncached bool  // the server bypasses the kernel's page cache
	// Space is the tablespace number of the first file until it is imported; the other files get the next numbers. If
	// it is 0, all files keep their own. MySQL does not start if two files in its folder have the same number, even
	// if it does not know them.
	Space uint32
	File  string      // the name of its files, without an ending
	like  fs.FileInfo // the file of the empty table

	once  sync.Once
	begun error // why Begin failed
	files []*os.File
	// sparse says of each file that space is reserved for it, and that what is not written reads as zeros.
	sparse []bool
	Left   atomic.Int64 // segments that are not written yet
}

// New returns the tablespace of a table that is stored as files.
func New(table dump.FileTable) *Tablespace {
	return &Tablespace{FileTable: table, files: make([]*os.File, len(table.Files)), sparse: make([]bool, len(table.Files))}
}

// Check fails with *FilesError if the table is not as it was on the server that wrote the files.
func (t *Tablespace) Check(ctx context.Context, s *session.Session) error {
	definition, err := s.Definition(ctx, t.Name)
	if mysql.Errno(err) == mysql.ErrnoUnknownTable {
		return &target.FilesError{Table: t.Name, Reason: "the dump does not make it", Err: err}
	}
	if err != nil {
		return err
	}
	if HasFullText(definition) {
		return &target.FilesError{Table: t.Name, Reason: "it has a FULLTEXT index"}
	}
	if rewrite.DefinitionSum(definition) != t.Definition {
		return &target.FilesError{Table: t.Name, Reason: "this server makes another table of its definition"}
	}
	return nil
}

// HasFullText says whether a table has a full-text index, which lies in other files. MariaDB imports the table
// without it, and crashes at the next row.
func HasFullText(definition string) bool {
	return rewrite.Parse([]byte(definition)).Find("FULLTEXT") > 0
}

// Discard removes the files of the empty table.
func (t *Tablespace) Discard(ctx context.Context, s *session.Session) error {
	first := slices.IndexFunc(t.Files, IsTablespace)
	if first < 0 {
		return &target.FilesError{Table: t.Name, Reason: "it has no file with rows"}
	}
	var err error
	t.like, err = t.Folder.Lstat(t.File + t.Files[first].Name)
	if errors.Is(err, fs.ErrNotExist) {
		return &target.FilesError{Table: t.Name, Reason: "its file is not in the folder of its database", Err: err}
	}
	if err != nil {
		return unreachable(err)
	}
	if _, err := s.Retry(ctx, "ALTER TABLE "+mysql.QuoteName(t.Name)+" DISCARD TABLESPACE"); err != nil {
		return t.Refused(err)
	}
	target.OnStep("tablespace discarded")
	return nil
}

// Begin creates the new files. If it is called several times, one call does it, and all return the result.
func (t *Tablespace) Begin() error {
	t.once.Do(func() { t.begun = t.makeFiles() })
	return t.begun
}

func (t *Tablespace) makeFiles() error {
	for i, what := range t.Files {
		// The server has discarded its file, which proves that the folder is its own: if the file were still there,
		// this would fail.
		file, err := t.Folder.create(t.File+what.Name, t.like)
		if err != nil {
			return t.unwritten(err)
		}
		t.files[i] = file
		if t.sparse[i], err = allocate(file, what.Size); err != nil {
			return t.unwritten(err)
		}
		target.OnStep("file made")
	}
	return nil
}

// fits checks that the first page of a file agrees with what is known about it. The server would notice too, but
// might crash.
func (t *Tablespace) fits(text []byte, what dump.TableFile) error {
	header, err := innodb.ReadHeader(text)
	if err == nil {
		err = header.Check(t.PageSize, what.Size)
	}
	if err == nil && t.Space != 0 && header.FilePageSize != t.PageSize {
		err = errors.New(CompressedPages)
	}
	if err != nil {
		return &target.FilesError{Table: t.Name, Reason: err.Error(), Err: err}
	}
	return nil
}

// CompressedPages is why a table cannot be imported by MySQL: the checksums of all its pages depend on the
// tablespace's number.
const CompressedPages = "its pages are compressed (ROW_FORMAT=COMPRESSED)"

// zeros is compared with the blocks of a file to find the empty ones. InnoDB creates files larger than it needs at
// first.
var zeros [16 << 10]byte

// writeSize is how many bytes are written at once. The kernel takes one block of memory for them, and large blocks
// are usually those that were unused for long. A virtual machine gives such memory back to its host, and then
// receives it again page by page.
const writeSize = 256 << 10

// Write writes a chunk at its position.
func (t *Tablespace) Write(part Segment, text []byte) error {
	file, offset := t.files[part.File], part.Offset
	if what := t.Files[part.File]; offset == 0 && IsTablespace(what) {
		if err := t.fits(text, what); err != nil {
			return err
		}
	}
	if t.Space != 0 && IsTablespace(t.Files[part.File]) {
		if offset%t.PageSize != 0 || int64(len(text))%t.PageSize != 0 {
			return &target.FilesError{Table: t.Name, Reason: "the chunks of its file do not end where pages do"}
		}
		innodb.Renumber(text, t.PageSize, t.Space+uint32(part.File))
	}
	target.OnStep("chunk to be written")
	for len(text) > 0 {
		skipped, length := 0, min(len(text), writeSize)
		if t.sparse[part.File] {
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

// nextUsed returns where the first run of blocks that are not empty begins and ends.
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

// Take makes the server import the files when all of them are there.
func (t *Tablespace) Take(ctx context.Context, s *session.Session) error {
	if err := t.Close(); err != nil {
		return t.unwritten(err)
	}
	target.OnStep("files written")
	if _, err := s.Retry(ctx, "ALTER TABLE "+mysql.QuoteName(t.Name)+" IMPORT TABLESPACE"); err != nil {
		return t.Refused(err)
	}
	target.OnStep("tablespace imported")
	if err := keepCounter(ctx, s, t.Name); err != nil {
		return t.Refused(err)
	}
	for _, what := range t.Files {
		if IsTablespace(what) {
			t.forget(what)
			continue
		}
		// A leftover file would stay behind when the table is renamed, and keep the server from dropping the
		// database.
		if err := t.Folder.Remove(t.File + what.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return t.unwritten(err)
		}
		target.OnStep("settings removed")
	}
	return nil
}

// keepCounter makes MySQL store the AUTO_INCREMENT counter of an imported table. Otherwise MySQL forgets it at the
// next restart, begins at 1 and finds every number taken (9.7.4).
func keepCounter(ctx context.Context, s *session.Session, table string) error {
	if s.Flavour != mysql.MySQL {
		return nil
	}
	definition, err := s.Definition(ctx, table)
	if err != nil {
		return err
	}
	counter := counterOption.FindStringSubmatch(definition)
	if counter == nil {
		return nil
	}
	_, err = s.Retry(ctx, "ALTER TABLE "+mysql.QuoteName(table)+" "+counter[1])
	return err
}

// counterOption finds the counter among a table's options.
var counterOption = regexp.MustCompile(`(?m)^\) .*?ENGINE=\w+ (AUTO_INCREMENT=\d+)`)

// forget gives back the memory in which the kernel caches a file, so that other tables can use it: recently used
// memory is the cheapest to get.
func (t *Tablespace) forget(what dump.TableFile) {
	if !t.Uncached {
		return
	}
	if file, err := t.Folder.Open(t.File + what.Name); err == nil {
		forget(file)
		_ = file.Close()
	}
}

// Refused turns an error of the server into *FilesError if it concerns the table.
func (t *Tablespace) Refused(err error) error {
	if kind := mysql.Classify(err); mysql.Errno(err) == 0 || kind == fault.Lost || kind == fault.NoSpace {
		return err
	}
	return &target.FilesError{Table: t.Name, Reason: "the server refuses its files: " + mysql.WithoutValues(mysql.ServerMessage(err)), Err: err}
}

// unwritten turns an error of the file system into *FilesError, unless the disk is full.
func (t *Tablespace) unwritten(err error) error {
	if isFullHere(err) {
		return err
	}
	return &target.FilesError{Table: t.Name, Reason: fmt.Sprintf("its files cannot be written: %v", err), Err: err}
}

// Close closes the open files.
func (t *Tablespace) Close() error {
	var all error
	for i, file := range t.files {
		if file != nil {
			all = errors.Join(all, file.Close())
			t.files[i] = nil
		}
	}
	return all
}

// isFullHere says whether an error of the file system means that the disk is full.
func isFullHere(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
