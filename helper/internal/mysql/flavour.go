package mysql

import (
	"bytes"
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

// Comment is an executable comment: /*!50700 … */, or /*M!100301 … */.
type Comment struct {
	MariaDB bool // /*M! instead of /*!
	Version int  // as in Number; 0 for none
}

// Executes reports whether the server executes what is in a comment. MariaDB ignores what MySQL has had since 5.7.
func (r Release) Executes(c Comment) bool {
	switch {
	case !r.IsMariaDB():
		return !c.MariaDB && c.Version <= r.Number()
	case c.Version > r.Number():
		return false
	}
	return c.MariaDB || c.Version < 50700 || c.Version >= 100000
}

// ReadComment reads the beginning of an executable comment, with which the text begins: its mark and the digits of its version. length is 0 if
// there is none.
func ReadComment(text []byte) (c Comment, length, digits int) {
	switch {
	case bytes.HasPrefix(text, []byte("/*!")):
		length = len("/*!")
	case bytes.HasPrefix(text, []byte("/*M!")):
		c.MariaDB, length = true, len("/*M!")
	default:
		return c, 0, 0
	}
	for ; length < len(text) && text[length]-'0' < 10; length++ {
		c.Version = min(c.Version*10+int(text[length]-'0'), 1<<24)
		digits++
	}
	return c, length, digits
}

// Number returns the version in the format of conditional comments: 101119 is 10.11.19.
func (r Release) Number() int { return r.Version.Major*10000 + r.Version.Minor*100 + r.Version.Patch }
