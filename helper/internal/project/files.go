package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The largest file that is read, and how many bytes are read of all files of a project. Real ones have a few kilobytes.
const (
	largestFile = 1 << 20
	mostBytes   = 8 << 20
)

var (
	errNotRegular = errors.New("it is not a regular file")
	errTooLarge   = fmt.Errorf("it is larger than %d KiB", largestFile>>10)
	errTooMuch    = fmt.Errorf("the files of this project are larger than %d MiB together", mostBytes>>20)
	errLeadsAway  = errors.New("it is a link that leads out of the project's folder")
)

// reader reads files that others may have made: a pipe, a device or a huge file ends in an error, and never in waiting or in
// using up the memory.
type reader struct {
	// confined is the folder that links may not lead out of; nil if they may lead anywhere.
	confined *os.Root
	left     int64
}

// newReader returns a reader for the files of a project. Its folder is confined if others decide what is in it.
func newReader(root string, confined bool) (*reader, error) {
	r := &reader{left: mostBytes}
	if !confined {
		return r, nil
	}
	var err error
	if r.confined, err = os.OpenRoot(root); err != nil {
		return nil, fmt.Errorf("open the project's folder: %w", err)
	}
	return r, nil
}

func (r *reader) close() {
	if r.confined != nil {
		_ = r.confined.Close()
	}
}

// read reads a regular file. Opening a pipe without O_NONBLOCK would wait for a writer. What was opened is what is checked.
func (r *reader) read(path string) ([]byte, error) {
	file, err := r.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() && !info.IsDir(): // the system says it of a folder
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	case info.Size() > largestFile:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	text, err := io.ReadAll(io.LimitReader(file, largestFile+1)) // it may grow meanwhile
	switch r.left -= int64(len(text)); {
	case err != nil:
		return nil, err
	case len(text) > largestFile:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	case r.left < 0:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooMuch}
	}
	return text, nil
}

func (r *reader) open(path string) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	if r.confined == nil {
		return os.OpenFile(path, flags, 0)
	}
	inside, err := filepath.Rel(r.confined.Name(), path)
	if err != nil {
		return nil, err
	}
	file, err := r.confined.OpenFile(inside, flags, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && r.hasLink(inside) {
		err = &fs.PathError{Op: "open", Path: path, Err: errLeadsAway}
	}
	return file, err
}

// hasLink reports whether a path, or a folder on the way to it, is a link.
func (r *reader) hasLink(path string) bool {
	for ; path != "."; path = filepath.Dir(path) {
		if info, err := r.confined.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// within calls a function that nothing can interrupt, such as one that reads a file of a server that no longer answers. When ctx
// ends, it returns without waiting any longer.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type answer struct {
		result T
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if found := recover(); found != nil {
				a.err = fmt.Errorf("panic: %v", found)
			}
			answers <- a
		}()
		a.result, a.err = do()
	}()
	select {
	case a := <-answers:
		return a.result, a.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// mostPassword is more than any password has.
const mostPassword = 64 << 10

// readSecretFile reads a file that the user has named, which may also be a pipe: `file:/dev/fd/63`.
func readSecretFile(ctx context.Context, path string) ([]byte, error) {
	return within(ctx, func() ([]byte, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, mostPassword+1))
		if err == nil && len(text) > mostPassword {
			err = fmt.Errorf("it is larger than %d KiB", mostPassword>>10)
		}
		return text, err
	})
}
