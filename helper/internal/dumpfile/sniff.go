package dumpfile

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
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

// headSize is how much of a file is enough to recognize it: the first small files of a tar archive.
const headSize = 32 * tarBlock

// tarBlock is the size of a header in a tar archive.
const tarBlock = 512

// foreignHeads are the beginnings of files that people mistake for dumps.
var foreignHeads = []struct{ head, name, remedy string }{
	{"PK\x03\x04", "a zip archive", unpack},
	{"SQLite format 3\x00", "a SQLite database", ""},
	{"\xFF\xFE", "UTF-16 text, as PowerShell's > writes it", "let the dump client write the file itself, by --result-file (pg_dump: --file), because > changes letters"},
	{"\xFE\xFF", "UTF-16 text", "export it as UTF-8"},
	{"7z\xBC\xAF\x27\x1C", "a 7z archive", unpack},
	{"XBSTCK01", "a backup of mariadb-backup or xtrabackup", restoreFiles},
	{"<?xml version=\"1.0\"?>\n<mysqldump", "XML of mysqldump", "dump without --xml"},
	{"Started dump at:", "a file of mydumper", loadMydumper},
	{"# Started dump at:", "a file of mydumper", loadMydumper},
}

// mydumperHead matches how mydumper's files of tables and rows begin: no other tool leaves out the blank there.
var mydumperHead = regexp.MustCompile(`^/\*!40(101 SET NAMES '?\w+'?|014 SET FOREIGN_KEY_CHECKS=0)\*/;`)

// foreignWords are words of files that people mistake for dumps, near their beginning, behind an opening bracket.
var foreignWords = []struct{ word, name, remedy string }{
	{"WordPress eXtended RSS", "an export of WordPress' posts (WXR)", "it has posts and no database: export that with wp db export, phpMyAdmin or a backup plugin"},
	{"phpMyAdmin XML Dump", "XML of phpMyAdmin", "choose SQL as the format of the export"},
	{"Export to JSON plugin for PHPMyAdmin", "JSON of phpMyAdmin", "choose SQL as the format of the export"},
}

// What helps against what is no SQL.
const (
	unpack       = "unpack it, and publish the SQL in it"
	loadMydumper = "load its whole folder with myloader, and publish that database: by `dump-helper refresh`, or a dump by mariadb-dump or mysqldump"
	restoreFiles = "restore it on a server, and publish that database: by `dump-helper refresh`, or a dump by mariadb-dump or mysqldump"
)

// foreignFolders are folders that tools write, recognized by the name of a file of theirs in a tar archive.
var foreignFolders = []struct {
	member       *regexp.Regexp
	name, remedy string
}{
	{regexp.MustCompile(`(^|/)(metadata(\.partial)?|[^/]+-schema(-create|-post|-triggers|-view)?\.sql(\.\w+)?|[^/]+\.\d{5,}\.(sql|dat)(\.\w+)?)$`), "a folder of mydumper", loadMydumper},
	{regexp.MustCompile(`(^|/)(@(\.done|\.users|\.post)?\.(json|sql)|[^/]+@@?\d+\.tsv(\.\w+)?(\.idx)?)$`), "a dump of MySQL Shell", "load it with MySQL Shell's util.loadDump, and publish that database: by `dump-helper refresh`, or a dump by mysqldump"},
	{regexp.MustCompile(`(^|/)(ibdata1|ib_logfile\d+|backup-my\.cnf|(xtrabackup|mariadb_backup)_\w+|PG_VERSION|base\.tar(\.\w+)?)$`), "a copy of a server's files", restoreFiles},
}

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

// tarMembers are the names of the first members of a tar archive, as many as are in its head.
func tarMembers(head []byte) (names []string) {
	for len(head) >= tarBlock {
		name := tarMember(head)
		size, err := strconv.ParseInt(strings.Trim(string(head[124:136]), " \x00"), 8, 64)
		if name == "" {
			break
		}
		names = append(names, name)
		next := tarBlock * (1 + (size+tarBlock-1)/tarBlock)
		if err != nil || size < 0 || next > int64(len(head)) {
			break
		}
		head = head[next:]
	}
	return names
}

// notTar returns what a tar archive is; nil if it is none.
func notTar(head []byte) error {
	if tarMember(head) == "" {
		return nil
	}
	names := tarMembers(head)
	for _, folder := range foreignFolders {
		if slices.ContainsFunc(names, folder.member.MatchString) {
			return &NotSQLError{Found: folder.name, Remedy: folder.remedy}
		}
	}
	// mysqldump --tab writes a file with the definition and a file with the rows of each table.
	if slices.ContainsFunc(names, func(name string) bool {
		table, is := strings.CutSuffix(name, ".txt")
		return is && slices.Contains(names, table+".sql")
	}) {
		return &NotSQLError{Found: "a folder of mysqldump --tab", Remedy: "dump without --tab"}
	}
	return &NotSQLError{Found: "a tar archive", Remedy: unpack}
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
	if mydumperHead.Match(head) {
		return &NotSQLError{Found: "a file of mydumper", Remedy: loadMydumper}
	}
	if err := notTar(head); err != nil {
		return err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	if bytes.ContainsAny(text[:min(len(text), 1)], "<[{") {
		for _, foreign := range foreignWords {
			if bytes.Contains(text[:min(len(text), 2*tarBlock)], []byte(foreign.word)) {
				return &NotSQLError{Found: foreign.name, Remedy: foreign.remedy}
			}
		}
	}
	if bytes.HasPrefix(text, []byte("<")) {
		return &NotSQLError{Found: "an HTML or XML page"}
	}
	if bytes.ContainsAny(text[:min(len(text), 1)], "[{") {
		return &NotSQLError{Found: "JSON"}
	}
	for _, b := range head[:min(len(head), tarBlock)] {
		if b < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1a\x1b\b", rune(b)) {
			return &NotSQLError{Found: "binary data"}
		}
	}
	return nil
}
