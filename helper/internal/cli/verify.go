package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/pull"
	"github.com/jobiqo/dump-refresh/helper/internal/ui"
)

func verifyCommand() *cli.Command {
	return command(cli.Command{
		Name:      "verify",
		Usage:     "read a dump whole and say whether it is complete",
		ArgsUsage: "[KEY]",
		Action: func(c *cli.Context) error {
			s, err := open(c)
			if err != nil {
				return err
			}
			return s.verify(c.Context, c.Args().First())
		},
	})
}

func (s *session) verify(ctx context.Context, key string) error {
	store, object, index, err := s.dump(ctx, key)
	if err != nil {
		return err
	}
	stream := store.Open(ctx, object)
	defer func() { _ = stream.Close() }()
	s.out.Phase("verifying "+object.Name, object.Size)
	content := io.Reader(progressReader{stream, s.out})
	var known *bucket.Sum
	if index == nil { // nothing else would show a wrong byte
		if known, err = store.Sum(ctx, object); err != nil {
			return err
		}
		if known != nil {
			content = io.TeeReader(content, known)
		}
	}
	text, err := dumpfile.NewVerifier(content, compressionOf(object), index)
	if err != nil {
		return fmt.Errorf("verify %s: %w", object.Name, err)
	}
	defer func() { _ = text.Close() }()
	stats, err := pull.Check(text, index)
	if known != nil {
		if _, failed := io.Copy(io.Discard, content); failed == nil && !known.Right() && (known.Sure || comesRight(ctx, store, object)) {
			err = known.Err(false) // whatever is wrong with the text is a consequence
		}
	}
	s.out.Finish()
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, dumpfile.ErrCorrupt) {
			return context.Cause(ctx)
		}
		return fmt.Errorf("verify %s: %w", object.Name, unusable(object, err))
	}
	verdict, unjudged := "is complete", ""
	if index == nil {
		unjudged = pull.Unjudged(object.Name, stats)
	}
	if unjudged != "" {
		verdict = "ends between two statements"
	}
	result := map[string]any{
		"key": object.Key, "complete": unjudged == "", "object_bytes": object.Size,
		"raw_bytes": stats.Bytes, "tables": len(stats.Tables), "rows": stats.Rows,
	}
	contents := fmt.Sprintf("%s, %s, %s of SQL", ui.Count(int64(len(stats.Tables)), "table"), ui.Count(stats.Rows, "row"), ui.Bytes(stats.Bytes))
	if index != nil && index.Baked != nil {
		contents = describeContents(index, int64(len(stats.Tables)), index.Rows)
		files, size := storedFiles(index)
		result["rows"], result["files"], result["file_bytes"], result["dump"] = index.Rows, files, size, index.Baked.Dump
	}
	if len(s.project.VerifyKeys) > 0 {
		if err := pull.CheckSignature(index, object.Name, s.project.DumpsOf, s.project.VerifyKeys); err != nil {
			return err
		}
		contents += "\nsigned by key " + index.Signature.Key
		result["signed_by"] = index.Signature.Key
	}
	if index.IsMasked() {
		result["masked_columns"] = len(index.Masking.Columns)
		contents += "\n" + describeMasking(index.Masking)
	}
	s.out.Print("%s %s\n%s\n", object.Key, verdict, contents)
	if unjudged != "" {
		s.out.Note(unjudged)
	}
	return s.out.Result(result)
}

// comesRight reports whether an object comes as the store knows it when it is read once more.
func comesRight(ctx context.Context, store *bucket.Bucket, object bucket.Object) bool {
	known, err := store.Sum(ctx, object)
	if err != nil || known == nil {
		return false
	}
	stream := store.Open(ctx, object)
	defer func() { _ = stream.Close() }()
	_, err = io.Copy(known, stream)
	return err == nil && known.Right()
}

// progressReader tells how much of the object has been read.
type progressReader struct {
	io.Reader
	out *ui.Output
}

func (r progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.out.Advance(int64(n))
	return n, err
}
