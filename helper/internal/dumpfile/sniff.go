package dumpfile

import (
	"bytes"
	"regexp"
	"strings"
)

// magics are the first bytes of files.
var magics = map[Compression]string{
	Zstd:  "\x28\xB5\x2F\xFD",
	Gzip:  "\x1F\x8B",
	Bzip2: "BZh",
	XZ:    "\xFD7zXZ\x00",
}

// sniff returns the compression that the first bytes of a file show; None if they show none.
func sniff(head []byte) Compression {
	for c, magic := range magics {
		if bytes.HasPrefix(head, []byte(magic)) {
			return c
		}
	}
	if isSkippable(head) {
		return Zstd
	}
	return None
}

// isSkippable reports whether a skippable frame of zstd begins here.
func isSkippable(head []byte) bool {
	return len(head) >= 4 && head[0]&0xF0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2A, 0x4D, 0x18})
}

// headSize is how much of a file is enough to recognize it: two blocks of a tar archive.
const headSize = 2 * tarBlock

// tarBlock is the size of a header in a tar archive.
const tarBlock = 512

// foreignHeads are the beginnings of files that people mistake for dumps.
var foreignHeads = []struct{ head, name, remedy string }{
	{"PK\x03\x04", "a zip archive", unpack},
	{"SQLite format 3\x00", "a SQLite database", ""},
	{"\xFF\xFE", "UTF-16 text, as PowerShell's > writes it", "let the dump client write the file itself, by --result-file (pg_dump: --file), because > changes letters"},
	{"\xFE\xFF", "UTF-16 text", "export it as UTF-8"},
	{"7z\xBC\xAF\x27\x1C", "a 7z archive", unpack},
	{"<?xml version=\"1.0\"?>\n<mysqldump", "XML of mysqldump", "dump without --xml"},
}

// unpack is what helps against archives.
const unpack = "unpack it, and publish the SQL in it"

// archive returns the format of the archive of pg_dump that begins like this; "" if it is none.
func archive(head []byte) ArchiveFormat {
	if bytes.HasPrefix(head, []byte("PGDMP")) {
		return CustomArchive
	}
	name := tarMember(head)
	switch {
	case name == "toc.dat":
		return TarArchive
	case strings.HasSuffix(name, "/") && len(head) >= tarBlock && directoryMember.MatchString(tarMember(head[tarBlock:])):
		return DirectoryArchive
	}
	return ""
}

// directoryMember matches the files of pg_dump -Fd.
var directoryMember = regexp.MustCompile(`/(toc\.dat|\d+\.dat(\.[a-z0-9]+)?|blobs(_\d+)?\.toc|blob_\d+\.dat(\.[a-z0-9]+)?)$`)

// tarMember is the name in a header of a tar archive, "" if it is none.
func tarMember(header []byte) string {
	if len(header) < 262 || string(header[257:262]) != "ustar" {
		return ""
	}
	name, _, _ := strings.Cut(string(header[:100]), "\x00")
	return name
}

// notSQL returns a *NotSQLError or an *ArchiveError if no text begins like this; head is its first headSize bytes, or all of it. Finer
// checks are up to the reader of the SQL.
func notSQL(head []byte) error {
	if format := archive(head); format != "" {
		return &ArchiveError{Format: format, Compression: None}
	}
	if c := sniff(head); c != None {
		return &NotSQLError{Found: string(c) + " data"}
	}
	for _, foreign := range foreignHeads {
		if strings.HasPrefix(string(head), foreign.head) {
			return &NotSQLError{Found: foreign.name, Remedy: foreign.remedy}
		}
	}
	if tarMember(head) != "" {
		return &NotSQLError{Found: "a tar archive", Remedy: unpack}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	if bytes.HasPrefix(text, []byte("<")) {
		return &NotSQLError{Found: "an HTML or XML page"}
	}
	if bytes.HasPrefix(text, []byte("{")) {
		return &NotSQLError{Found: "JSON"}
	}
	for _, b := range head[:min(len(head), tarBlock)] {
		if b < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1a\x1b\b", rune(b)) {
			return &NotSQLError{Found: "binary data"}
		}
	}
	return nil
}
