package project

import (
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is a key of a YAML mapping with its value.
type entry struct {
	key   string
	line  int
	value *yaml.Node
}

// readMapping reads a YAML file that contains a mapping; from is the file's origin. A file that does not exist has no entries.
func readMapping(files *reader, path string, from origin) ([]entry, *ConfigError) {
	text, err := files.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(err, from)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		line, message := yamlError(err)
		return nil, &ConfigError{Kind: ErrSyntax, Origin: from.at(line).String(), Text: message}
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	root := resolveAlias(document.Content[0])
	if root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, &ConfigError{Kind: ErrSyntax, Origin: from.at(root.Line).String(), Text: "must hold keys and values"}
	}
	var entries []entry
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		entries = append(entries, entry{key.Value, key.Line, resolveAlias(root.Content[i+1])})
	}
	return entries, nil
}

func resolveAlias(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// scalar returns the text of a node as it is written, so that 10.10 stays 10.10; "" for null and for anything but a scalar.
func scalar(node *yaml.Node) string {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return ""
	}
	return node.Value
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// yamlError returns the line that a YAML error names, 0 if it names none, and the rest of its text.
func yamlError(err error) (line int, message string) {
	message = err.Error()
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		line, _ = strconv.Atoi(match[1])
		message = message[len(match[0]):]
	}
	return line, "not valid YAML: " + strings.TrimPrefix(message, "yaml: ")
}

// unreadable returns the problem of a file that exists but cannot be read. Its origin has the path.
func unreadable(err error, from origin) *ConfigError {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	kind := ErrUnreadable
	if errors.Is(err, errLeadsAway) {
		kind = ErrNotTrusted
	}
	return &ConfigError{Kind: kind, Origin: from.String(), Text: "cannot be read: " + err.Error(), Cause: err}
}
