package target

import "github.com/jobiqo/dump-refresh/helper/internal/version"

// FileServer says which tablespace files a server can import: those of servers like it.
type FileServer struct {
	Engine   string // mariadb or mysql
	Version  string // "11.8.3"
	PageSize int64  // bytes
}

// Series is what the versions of servers that can exchange files have in common: "mariadb-11.8".
func (s FileServer) Series() string {
	v, _ := version.Parse(s.Version)
	return s.Engine + "-" + v.Series()
}

// HasDictionary reports whether a MySQL server keeps its data dictionary in tables instead of files, as it does since
// 8.0.
func (s FileServer) HasDictionary() bool {
	v, _ := version.Parse(s.Version)
	return v.Major >= 8
}
