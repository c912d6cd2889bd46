package bake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dump"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/mysql/export"
)

// smallest is the size of a table's SQL from which its files are worth it, in bytes: importing a table costs a server some
// milliseconds, however small it is.
const smallest = 64 << 10

// compressionLevel is zstd's. Pages compress about as well as the SQL of their rows.
const compressionLevel = 3

// chunkSize is the size of the chunks of a file, in bytes.
const chunkSize = 4 << 20

// large returns the names of the tables that are large enough to come as files.
func (r *run) large() []string {
	bytes := map[string]int64{}
	for _, chunk := range r.index.Chunks {
		if chunk.Section == dump.Rows {
			bytes[chunk.Table] += chunk.RawSize
		}
	}
	var all []string
	for _, table := range r.index.Tables {
		if bytes[table.Name] >= smallest {
			all = append(all, table.Name)
		}
	}
	return all
}

// publish uploads an object with the exported tables and everything else from the dump.
func (r *run) publish(ctx context.Context, export *export.Export) (key string, size int64, err error) {
	key = bucket.Beside(r.dump.Key, export.Server.Series())
	upload, err := r.Bucket.Upload(ctx, key, bucket.UploadOptions{})
	if err != nil {
		return "", 0, err
	}
	writer, err := dumpfile.NewWriter(ctx, upload, dumpfile.Zstd, compressionLevel, 0)
	if err != nil {
		return "", 0, err
	}
	if r.SignKey.IsSet() {
		writer.SignWith(r.SignKey)
	}
	defer func() {
		// The upload ends first, so that no Write waits when the writer ends.
		if err := upload.Abort(); err != nil {
			r.Progress.Note("parts of the upload may be left in the bucket; the next bake removes them: " + err.Error())
		}
		writer.Abort()
	}()
	if err := r.write(ctx, export, writer); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", 0, err
	}
	r.Progress.Phase("finishing the upload", 0)
	if err := upload.Complete(ctx); err != nil {
		return "", 0, err
	}
	if err := r.checkDump(ctx, key); err != nil {
		return "", 0, err
	}
	return key, writer.Written(), nil
}

// checkDump deletes the new object if its dump was deleted meanwhile.
func (r *run) checkDump(ctx context.Context, key string) error {
	dump, err := r.Bucket.Head(ctx, r.dump.Key)
	if err == nil && dump.ETag != r.dump.ETag {
		err = bucket.ErrChanged
	}
	if !errors.Is(err, bucket.ErrNoSuchKey) && !errors.Is(err, bucket.ErrChanged) {
		return nil // an error that lasts will show with the next request
	}
	return errors.Join(ErrGone, r.Bucket.Delete(ctx, bucket.Object{Key: key}))
}

// write writes the object: the dump's head, the rows of the tables that do not come as files, the files, the dump's tail.
func (r *run) write(ctx context.Context, export *export.Export, writer *dumpfile.Writer) error {
	asFiles := make(map[string]bool, len(export.Tables))
	for _, table := range export.Tables {
		asFiles[table.Name] = true
	}
	rest := *r.index
	rest.Chunks = nil
	total, tail := export.Bytes(), 0
	for _, chunk := range r.index.Chunks {
		if chunk.Section == dump.Rows && asFiles[chunk.Table] {
			continue
		}
		if chunk.Section == dump.Tail {
			tail++
		}
		rest.Chunks = append(rest.Chunks, chunk)
		total += chunk.RawSize
	}
	r.Progress.Phase("sending", total)
	text, err := dumpfile.NewChunkReader(r.Bucket.ReaderAt(ctx, r.dump), &rest, 0)
	if err != nil {
		return err
	}
	defer func() { _ = text.Close() }()
	w := &chunkWriter{Writer: writer, advance: r.Progress.Advance}
	before := len(rest.Chunks) - tail
	if err := w.copyText(text, rest.Chunks[:before]); err != nil {
		return fmt.Errorf("read %s: %w", r.dump.Name, err)
	}
	for _, table := range export.Tables {
		for _, file := range table.Files {
			if err := w.copyFile(export, table, file); err != nil {
				return fmt.Errorf("send the files of table %s: %w", table.Name, err)
			}
		}
	}
	if err := w.copyText(text, rest.Chunks[before:]); err != nil {
		return fmt.Errorf("read %s: %w", r.dump.Name, err)
	}
	return writer.Close(r.describe(export))
}

// describe returns the object's index: the dump's index with a description of the files.
func (r *run) describe(export *export.Export) dumpfile.Index {
	index := *r.index
	index.ToolVersion, index.Publisher = r.ToolVersion, r.Publisher
	baked := &dumpfile.Baked{
		Dump: r.dump.Name, DumpIndex: r.index.Digest(),
		Engine: export.Server.Engine, Version: export.Server.Version, PageSize: export.Server.PageSize,
		Checksums: map[string]uint32{},
	}
	for _, table := range export.Tables {
		if table.Checksum != 0 {
			baked.Checksums[table.Name] = table.Checksum
		}
		files := make([]dumpfile.BakedFile, 0, len(table.Files))
		for _, file := range table.Files {
			files = append(files, dumpfile.BakedFile(file))
		}
		baked.Tables = append(baked.Tables, dumpfile.BakedTable{
			Name: table.Name, Definition: table.Definition, RowFormat: table.RowFormat, Files: files,
		})
	}
	index.Baked = baked
	return index
}

// chunkWriter adds chunks one after the other and reuses their buffers.
type chunkWriter struct {
	*dumpfile.Writer
	advance func(int64)
	spare   []byte
}

// buffer returns a buffer of n bytes.
func (w *chunkWriter) buffer(n int64) []byte {
	if int64(cap(w.spare)) < n {
		w.spare = make([]byte, n)
	}
	return w.spare[:n]
}

// copyText copies chunks of the dump.
func (w *chunkWriter) copyText(text io.Reader, chunks []dumpfile.Chunk) (err error) {
	for _, chunk := range chunks {
		sql := w.buffer(chunk.RawSize)
		if _, err := io.ReadFull(text, sql); err != nil {
			return err
		}
		if chunk.Partial {
			w.spare, err = w.AddPartial(sql, chunk.About)
		} else {
			w.spare, err = w.Add(sql, chunk.About)
		}
		if err != nil {
			return err
		}
		w.advance(chunk.RawSize)
	}
	return nil
}

// copyFile adds a file in chunks.
func (w *chunkWriter) copyFile(export *export.Export, table export.ExportedTable, file dump.TableFile) error {
	from, err := export.Open(table, file)
	if err != nil {
		return err
	}
	defer from.Close()
	about := dumpfile.About{Section: dump.Files, Table: table.Name, File: file.Name}
	for left := file.Size; left > 0; {
		part := w.buffer(min(left, chunkSize))
		if _, err := io.ReadFull(from, part); err != nil {
			return err
		}
		left -= int64(len(part))
		n := int64(len(part))
		if w.spare, err = w.Add(part, about); err != nil {
			return err
		}
		w.advance(n)
	}
	return nil
}
