package project

import (
	"path/filepath"
	"strconv"
)

// layer orders the places where settings come from: a later one overrides the ones before it.
type layer int

const (
	builtIn layer = iota
	ddev
	configFiles
	envFiles
	environment
	flags
)

// origin says where a value comes from.
type origin struct {
	layer layer
	file  string // relative to the project's root, with slashes; empty if it is not from a file
	line  int
	rank  int // among the env files, which override one another
	flag  string
	// repository means that it is a file of the project itself. Whoever may push to its repository decides what is in it.
	repository bool
}

// isAfter reports whether what comes from o overrides what comes from other.
func (o origin) isAfter(other origin) bool {
	return o.layer > other.layer || o.layer == other.layer && o.rank > other.rank
}

// inFile returns the origin of a whole file below root.
func inFile(layer layer, root, path string) origin {
	if relative, err := filepath.Rel(root, path); err == nil {
		path = filepath.ToSlash(relative)
	}
	return origin{layer: layer, file: path, repository: true}
}

func (o origin) at(line int) origin {
	o.line = line
	return o
}

// String returns what users see: a file with its line, "environment", a flag, "DDEV" or "built-in".
func (o origin) String() string {
	switch {
	case o.file != "" && o.line > 0:
		return o.file + ":" + strconv.Itoa(o.line)
	case o.file != "":
		return o.file
	case o.layer == ddev:
		return "DDEV"
	case o.layer == environment:
		return "environment"
	case o.layer == flags:
		return "flag " + o.flag
	default:
		return "built-in"
	}
}
