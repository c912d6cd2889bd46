package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// reviewedFile is the path of the list of reviewed columns below the project's root.
const reviewedFile = ".ddev/dump-refresh/reviewed.txt"

const reviewedHead = `# Columns that have been looked at and found harmless, one in each line, as table.column. * stands for any text, ? for one character.
# dump-helper scan --accept adds lines. With DUMP_PRIVACY=strict, columns that are neither here nor in rules.yaml are published empty.
`

// readReviewed returns the columns that somebody has reviewed.
func readReviewed(root string, files *reader) (columns []string, problems ConfigErrors) {
	path := filepath.Join(root, filepath.FromSlash(reviewedFile))
	from := inFile(configFiles, root, path)
	text, err := files.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ConfigErrors{unreadable(err, from)}
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !strings.Contains(line, "."):
			problems.add(ErrInvalidValue, from.at(i+1), "reviewed", line+notColumn)
		default:
			columns = append(columns, line)
		}
	}
	return columns, problems
}

// Review adds columns, as table.column, to the list of those that somebody has found harmless. It returns the path of the list.
func (p *Project) Review(columns []string) (path string, err error) {
	all := slices.Concat(p.Rules.Reviewed, columns)
	slices.Sort(all)
	path = filepath.Join(p.Root, filepath.FromSlash(reviewedFile))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("write the list of reviewed columns: %w", err)
	}
	if err := os.WriteFile(path, []byte(reviewedHead+strings.Join(slices.Compact(all), "\n")+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("write the list of reviewed columns: %w", err)
	}
	return reviewedFile, nil
}
