package mysql

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jobiqo/dump-refresh/helper/internal/version"
)

// Flavour says whether a server or a client is MySQL's or MariaDB's.
type Flavour string

// The flavours.
const (
	MySQL   Flavour = "mysql"
	MariaDB Flavour = "mariadb"
)

// FlavourOf returns the flavour of the server that says this of its version.
func FlavourOf(version string) Flavour {
	if strings.Contains(strings.ToLower(version), "mariadb") {
		return MariaDB
	}
	return MySQL
}

// FlavourOfProgram returns the flavour of the program that says this when it is asked for its version. It begins with its path, in which there
// may be anything.
func FlavourOfProgram(text string) Flavour {
	_, said, _ := strings.Cut(text, " ")
	return FlavourOf(said)
}

// Product returns the flavour as people write it.
func (f Flavour) Product() string {
	if f == MariaDB {
		return "MariaDB"
	}
	return "MySQL"
}

// Release is what a server runs.
type Release struct {
	Flavour Flavour
	Version version.Version
	// Text is the version in the server's own words: "10.11.19-MariaDB-log".
	Text string
}

// ReleaseOf asks a server what it runs.
func ReleaseOf(ctx context.Context, conn *sql.Conn) (Release, error) {
	var text, comment string
	if err := conn.QueryRowContext(ctx, "SELECT VERSION(), @@version_comment").Scan(&text, &comment); err != nil {
		return Release{}, err
	}
	r := Release{Flavour: FlavourOf(text + comment), Text: text}
	r.Version, _ = version.Parse(text)
	return r, nil
}

// IsMariaDB reports whether the server is MariaDB.
func (r Release) IsMariaDB() bool { return r.Flavour == MariaDB }

// Since reports whether the server has what MariaDB has since one version and MySQL since another, both as in Number; 0 is for never.
func (r Release) Since(mariadb, mysql int) bool {
	first := mysql
	if r.IsMariaDB() {
		first = mariadb
	}
	return first > 0 && r.Number() >= first
}

// Number returns the version in the format of conditional comments: 101119 is 10.11.19.
func (r Release) Number() int { return r.Version.Major*10000 + r.Version.Minor*100 + r.Version.Patch }
