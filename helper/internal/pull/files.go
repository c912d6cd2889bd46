package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/sqltext"
	"github.com/jobiqo/dump-refresh/helper/internal/target"
)

// Files says which tables of a dump come as files.
type Files struct {
	Key    string // the baked object's
	Size   int64  // of that object, in bytes
	Tables int64  // how many tables come as files
	Bytes  int64  // the size of these files
	// Refused says why the object cannot be used; nil if it can.
	Refused error

	source source // set if the object can be used
}

// Files returns what Inspect has found; nil if the dump has no tables as files for this server.
func (p *Plan) Files() *Files { return p.files }

// lookForFiles looks for the dump's tables as files for servers like the local one. If there are none, or they cannot be
// used, the pull falls back to SQL. Only what would stop the SQL as well is an error.
func (p *Plan) lookForFiles(ctx context.Context) error {
	if p.OnlySQL || p.index == nil || !p.index.Sectioned() || p.dialect != sqltext.MySQL {
		return nil
	}
	info := p.database.Info()
	object, err := p.findBaked(ctx, target.FileServer{Engine: info.Engine, Version: info.Version}.Series())
	if errors.Is(err, bucket.ErrNoSuchKey) {
		return nil
	}
	p.files = &Files{Key: object.Key, Size: object.Size}
	if err == nil {
		err = p.considerFiles(ctx, object)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && !sqlMayDo(ctx, err):
		return err
	}
	p.files.Refused = err
	if err == nil && p.files.Tables == 0 {
		p.files = nil // no selected table comes as files
	}
	return nil
}

// findBaked finds the object that was baked from the dump for a series of servers.
func (p *Plan) findBaked(ctx context.Context, series string) (bucket.Object, error) {
	if p.Key != "" { // the dump was not listed
		return p.bucket.Baked(ctx, p.Dump.Key, series)
	}
	for _, object := range p.Dump.Baked {
		if object.Series == series {
			return object, nil
		}
	}
	return bucket.Object{}, bucket.ErrNoSuchKey
}

// considerFiles fails if the baked object cannot be used.
func (p *Plan) considerFiles(ctx context.Context, object bucket.Object) error {
	server, err := p.database.TakesFiles(ctx)
	if err != nil {
		return err
	}
	index, err := dumpfile.ReadIndex(p.bucket.ReaderAt(ctx, object), object.Size, dumpfile.Zstd)
	if err != nil {
		return fmt.Errorf("read %s: %w", object.Name, err)
	}
	if err := CheckSignature(index, object.Name, p.Project, p.VerifyKeys); err != nil {
		return err
	}
	if err := fits(index.Baked, p.index, server); err != nil {
		return fmt.Errorf("%s %w", object.Name, err)
	}
	if index, err = p.Selection.narrow(index); err != nil {
		return fmt.Errorf("read %s: %w", object.Name, err)
	}
	if !slices.Equal(index.Tables, p.index.Tables) {
		return fmt.Errorf("%s does not have the dump's tables and row counts", object.Name)
	}
	p.files.source = source{object: object, compression: dumpfile.Zstd, index: index}
	p.files.Tables, p.files.Bytes = int64(len(index.Baked.Tables)), p.files.source.fileBytes()
	return p.preflight(ctx, p.files.source)
}

// fits compares a baked object with the dump and with the server. Its errors continue a sentence that begins with the
// object's name: "was made from another dump".
func fits(baked *dumpfile.Baked, dump *dumpfile.Index, server target.FileServer) error {
	if baked == nil {
		return errors.New("has no tables as files")
	}
	writer := target.FileServer{Engine: baked.Engine, Version: baked.Version}
	switch {
	case baked.DumpIndex != dump.Digest():
		return errors.New("was made from another dump")
	case writer.Series() != server.Series():
		return fmt.Errorf("was made by %s %.40s, the local server is %s %s", writer.Engine, writer.Version, server.Engine, server.Version)
	case baked.PageSize != server.PageSize:
		return fmt.Errorf("has pages of %d bytes, the local server's have %d", baked.PageSize, server.PageSize)
	}
	return nil
}

// byFiles loads the baked object. Done is false if the SQL must be loaded instead.
func (p *Plan) byFiles(ctx context.Context, cache *cache, result *Result) (stats sqltext.Stats, done bool, err error) {
	if p.files == nil {
		return stats, false, nil
	}
	if p.files.Refused == nil {
		stats, err = p.fetchAndLoad(ctx, cache, p.files.source, result)
		if err == nil {
			result.Files, result.FileTables = true, p.files.Tables
		}
		if err == nil || !sqlMayDo(ctx, err) {
			return stats, true, err
		}
		p.files.Refused = err
	}
	result.NoFiles = p.files.Refused.Error()
	p.Progress.Note("loading tables as SQL, not as files: " + result.NoFiles)
	return stats, false, p.preflight(ctx, p.dump())
}

// sqlMayDo reports whether SQL may succeed where files have failed. It cannot if the pull was cancelled, or if the cause
// is the server or another session.
func sqlMayDo(ctx context.Context, err error) bool {
	var (
		full        *target.NoSpaceError
		lost        *target.LostError
		unreachable *target.UnreachableError
		busy        *target.BusyError
		privilege   *target.PrivilegeError
		foreign     *target.ForeignKeyError
	)
	return ctx.Err() == nil && !errors.As(err, &full) && !errors.As(err, &lost) && !errors.As(err, &unreachable) &&
		!errors.As(err, &busy) && !errors.As(err, &privilege) && !errors.As(err, &foreign)
}
