package target

import (
	"strconv"
	"strings"
)

// FileServer says which files of tables a server takes: those that one like it has written.
type FileServer struct {
	Engine   string // mariadb or mysql
	Version  string // "11.8.3"
	PageSize int64  // bytes
}

// Series is what the versions of servers that take one another's files have in common: "mariadb-11.8".
func (s FileServer) Series() string {
	parts := strings.SplitN(s.Version, ".", 3)
	return s.Engine + "-" + strings.Join(parts[:min(len(parts), 2)], ".")
}

// HasDictionary says whether a MySQL server keeps what it knows of tables in tables, and not in files: since 8.0.
func (s FileServer) HasDictionary() bool {
	major, _, _ := strings.Cut(s.Version, ".")
	number, err := strconv.Atoi(major)
	return err == nil && number >= 8
}
