package project

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ddevConfig is what this program needs of .ddev/config.yaml and the files that override it.
type ddevConfig struct {
	name, projectType string
	named             origin // where the name is; the zero value if it is the folder's
	database          Database
	mariadb, mysql    string // mariadb_version and mysql_version, which DDEV wrote before v1.19
	environment       []assigned
	hooks             map[string][]Task
	failOnHookFail    bool
	omitted           []string // the containers that the project goes without
}

// readConfig reads .ddev/config.yaml and then .ddev/config.*.y*ml in glob order, and merges them as DDEV does: a later scalar
// wins, lists are appended, or replaced if the later file has override_config: true, and a key without a value changes nothing.
// It ignores all other keys, old ones included.
func readConfig(root string, files *reader) (ddevConfig, ConfigErrors) {
	folder := filepath.Join(root, ".ddev")
	overrides, _ := fs.Glob(os.DirFS(folder), "config.*.y*ml") // its only error is a malformed pattern
	var config ddevConfig
	var problems ConfigErrors
	for _, name := range append([]string{"config.yaml"}, overrides...) {
		path := filepath.Join(folder, name)
		from := inFile(configFiles, root, path)
		entries, problem := readMapping(files, path, from)
		if problem != nil {
			problems = append(problems, problem)
			continue
		}
		problems = append(problems, config.merge(entries, from)...)
	}
	// As in DDEV, the old keys win over the new one.
	if config.mariadb != "" {
		config.database = Database{Type: "mariadb", Version: config.mariadb}
	}
	if config.mysql != "" {
		config.database = Database{Type: "mysql", Version: config.mysql}
	}
	if config.database.Type == "" {
		config.database = Database{Type: "mariadb"}
	}
	if config.name == "" {
		config.name = strings.ReplaceAll(filepath.Base(root), "_", "-")
	}
	return config, problems
}

func (c *ddevConfig) merge(entries []entry, from origin) ConfigErrors {
	replace := false
	for _, e := range entries {
		if strings.EqualFold(e.key, "override_config") {
			var value any
			_ = e.value.Decode(&value)
			replace = value == true // as in DDEV, only the boolean counts
		}
	}
	var problems ConfigErrors
	for _, e := range entries {
		if e.value.Tag == "!!null" {
			continue
		}
		switch strings.ToLower(e.key) {
		case "name":
			c.name, c.named = scalar(e.value), from.at(e.line)
		case "type":
			c.projectType = scalar(e.value)
		case "mariadb_version":
			c.mariadb = scalar(e.value)
		case "mysql_version":
			c.mysql = scalar(e.value)
		case "database":
			c.mergeDatabase(e.value)
		case "web_environment":
			if replace {
				c.environment = nil
			}
			added, found := environmentOf(e, from)
			c.environment = append(c.environment, added...)
			problems = append(problems, found...)
		case "hooks":
			c.mergeHooks(e.value, replace, from)
		case "omit_containers":
			if replace {
				c.omitted = nil
			}
			for _, item := range e.value.Content {
				c.omitted = append(c.omitted, scalar(resolveAlias(item)))
			}
		case "fail_on_hook_fail":
			c.failOnHookFail, _ = strconv.ParseBool(scalar(e.value))
		}
	}
	return problems
}

func (c *ddevConfig) mergeDatabase(node *yaml.Node) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		value := scalar(resolveAlias(node.Content[i+1]))
		switch node.Content[i].Value {
		case "type":
			c.database.Type = value
		case "version":
			c.database.Version = value
		}
	}
}

// environmentOf reads a web_environment list. Values stay as they are written.
func environmentOf(e entry, from origin) (result []assigned, problems ConfigErrors) {
	if e.value.Kind != yaml.SequenceNode {
		problems.add(ErrSyntax, from.at(e.line), e.key, "must be a list of NAME=VALUE")
		return nil, problems
	}
	for _, item := range e.value.Content {
		item = resolveAlias(item)
		if item.Kind == yaml.ScalarNode {
			// A bare NAME passes the host's value on, just as NAME=$NAME does.
			name, raw, isAssignment := strings.Cut(item.Value, "=")
			name = strings.TrimSpace(name)
			if !isAssignment {
				raw = "${" + name + "}"
			}
			result = append(result, assigned{name: name, raw: raw, from: from.at(item.Line)})
			continue
		}
		// DDEV reports whatever else is wrong in it.
		if len(item.Content) > 0 && strings.HasPrefix(item.Content[0].Value, namePrefix) {
			problems.add(ErrSyntax, from.at(item.Line), item.Content[0].Value, "must be written NAME=VALUE in "+e.key)
		}
	}
	return result, problems
}
