package project

import (
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ddevConfig is what counts here of .ddev/config.yaml and the files that override it.
type ddevConfig struct {
	name, projectType string
	database          Database
	mariadb, mysql    string // mariadb_version and mysql_version, which DDEV wrote before v1.19
	environment       []assigned
}

// readConfig reads .ddev/config.yaml and then .ddev/config.*.y*ml in glob order, and merges them as
// DDEV does: a later scalar wins, lists are appended, or replaced where the later file says
// override_config: true. Keys that are of no interest here, old ones among them, are passed over.
func readConfig(root string) (ddevConfig, ConfigErrors) {
	// The pattern has no syntax that Glob could object to, unless the root's path has: then there is
	// nothing to override with.
	overrides, _ := filepath.Glob(filepath.Join(escapeGlob(root), ".ddev", "config.*.y*ml"))
	var config ddevConfig
	var problems ConfigErrors
	for _, path := range append([]string{filepath.Join(root, ".ddev", "config.yaml")}, overrides...) {
		from := inFile(configFiles, root, path, 0)
		entries, problem := readMapping(path, from)
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
			replace = scalar(e.value) == "true"
		}
	}
	var problems ConfigErrors
	for _, e := range entries {
		switch strings.ToLower(e.key) {
		case "name":
			c.name = scalar(e.value)
		case "type":
			c.projectType = scalar(e.value)
		case "mariadb_version":
			c.mariadb = scalar(e.value)
		case "mysql_version":
			c.mysql = scalar(e.value)
		case "database":
			c.mergeDatabase(e.value)
		case "web_environment":
			if replace || e.value.Kind != yaml.SequenceNode {
				c.environment = nil
			}
			added, found := environmentOf(e, from)
			c.environment = append(c.environment, added...)
			problems = append(problems, found...)
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

// environmentOf reads a web_environment list. Values are left as they are written.
func environmentOf(e entry, from origin) (result []assigned, problems ConfigErrors) {
	if e.value.Kind != yaml.SequenceNode {
		if e.value.Tag != "!!null" {
			problems.add(ErrSyntax, from.at(e.line), e.key, "must be a list of NAME=VALUE")
		}
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
		// What else is wrong in there is for DDEV to say.
		if len(item.Content) > 0 && strings.HasPrefix(item.Content[0].Value, namePrefix) {
			problems.add(ErrSyntax, from.at(item.Line), item.Content[0].Value, "must be written NAME=VALUE in "+e.key)
		}
	}
	return result, problems
}

// escapeGlob makes a path that filepath.Glob takes literally.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
