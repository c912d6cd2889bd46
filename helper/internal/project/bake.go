package project

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// BakeServer is a kind of server that dumps are baked for.
type BakeServer struct {
	Engine  string // mariadb or mysql
	Version string // "11.8"
	// Image is the container image to use if this machine has no such server; "" for the official one.
	Image string
}

var bakeServer = regexp.MustCompile(`^(mariadb|mysql):([0-9]+\.[0-9]+)(?:=([A-Za-z0-9][^\s,]*))?$`)

// oldMySQL matches a MySQL whose data dictionary does not survive crashes.
var oldMySQL = regexp.MustCompile(`^mysql:[0-7]\.`)

// setBake reads a list of servers.
func setBake(s *Settings, text string) error {
	var servers []BakeServer
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		match := bakeServer.FindStringSubmatch(item)
		if oldMySQL.MatchString(item) {
			return fmt.Errorf("must be servers of MariaDB, or of MySQL since 8.0: older ones can lose tables that are imported as files (got %q)", item)
		}
		if match == nil {
			return fmt.Errorf("must be servers with the first two parts of their version, such as mariadb:11.8,mysql:8.4,"+
				" each with =IMAGE if its container is made of another image (got %q)", item)
		}
		server := BakeServer{Engine: match[1], Version: match[2], Image: match[3]}
		if slices.ContainsFunc(servers, func(b BakeServer) bool { return b.Engine == server.Engine && b.Version == server.Version }) {
			return fmt.Errorf("names %s:%s twice", server.Engine, server.Version)
		}
		servers = append(servers, server)
	}
	s.Bake = servers
	return nil
}
