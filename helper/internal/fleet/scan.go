package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folderLimit is how long a file system may take for one folder.
const folderLimit = 10 * time.Second

// scan returns the folders, at and below a folder, that contain a .ddev/config.yaml, in lexical order. It does not search
// projects that it has found, nor hidden folders, installed packages or symbolic links. A folder that does not answer counts as a
// project: its own settings cannot be read either, which is then reported.
func scan(ctx context.Context, folder string) (found []string, err error) {
	isProject, names, err := search(ctx, folder, readFolder)
	if err != nil {
		return nil, fmt.Errorf("search %s for projects: %w", folder, err)
	}
	return scanBelow(ctx, folder, isProject, names, readFolder)
}

func scanBelow(ctx context.Context, folder string, isProject bool, names []string, read folderReader) (found []string, err error) {
	if isProject {
		return []string{folder}, nil
	}
	for _, name := range names {
		path := filepath.Join(folder, name)
		isProject, below, err := search(ctx, path, read)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errSilent):
			isProject = true
		case err != nil: // a folder that this user may not read is none of his projects
			continue
		}
		more, err := scanBelow(ctx, path, isProject, below, read)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// errSilent means that a file system does not answer.
var errSilent = fmt.Errorf("the file system has not answered within %s", folderLimit)

// folderReader reads a folder: whether it has a project, and the names of the folders in it that are searched.
type folderReader func(folder string) (isProject bool, names []string, err error)

// search reads a folder, but waits for it no longer than the limit.
func search(ctx context.Context, folder string, read folderReader) (isProject bool, names []string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, folderLimit, errSilent)
	defer cancel()
	type answer struct {
		isProject bool
		names     []string
		err       error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		a.isProject, a.names, a.err = read(folder)
		answers <- a
	}()
	select {
	case a := <-answers:
		return a.isProject, a.names, a.err
	case <-ctx.Done():
		return false, nil, context.Cause(ctx)
	}
}

// readFolder looks at the link of a file that is one, because a link that leads nowhere should not hide a project.
func readFolder(folder string) (isProject bool, names []string, err error) {
	_, err = os.Lstat(filepath.Join(folder, ".ddev", "config.yaml"))
	switch {
	case err == nil:
		return true, nil, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, nil, err
	}
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if entry.IsDir() && !skipped(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return false, names, err
}

func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}
