package target

import (
	"strconv"
	"strings"
)

// FileServer says which tablespace files a server can import: those of servers like it.
type FileServer struct {
	Engine   string // mariadb or mysql
	Version  string // "11.8.3"
	PageSize int64  // bytes
}

// Series is what the versions of servers that can exchange files have in common: "mariadb-11.8".
func (s FileServer) Series() string {
	parts := strings.SplitN(s.Version, ".", 3)
	return s.Engine + "-" + strings.Join(parts[:min(len(parts), 2)], ".")
}

// HasDictionary says whether a MySQL server keeps its data dictionary in tables instead of files, as it does since
// 8.0.
func (s FileServer) HasDictionary() bool {
	major, _, _ := strings.Cut(s.Version, ".")
	number, err := strconv.Atoi(major)
	return err == nil && number >= 8
}
