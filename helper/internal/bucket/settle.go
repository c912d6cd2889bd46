package bucket

import (
	"context"
	"errors"
	"fmt"
)

// settle finds out what came of a request that should have made the object appear, and whose answer was an error. The request may
// have succeeded all the same: S3 answers a long CompleteMultipartUpload with 200 and white space first, and that answer may be
// cut; and a second try then finds no upload. Nobody else writes this key, so an object of the right size is the whole dump.
func (u *Upload) settle(op string, err error) error {
	err = u.b.fail(u.ctx, op, "s3:PutObject", u.key, err)
	if u.ctx.Err() != nil || errors.Is(err, ErrAccessDenied) {
		return err
	}
	if o, found := u.look(u.ctx); found == nil && o.Size == u.written {
		return nil
	}
	return err
}

// look returns the object. If the store does not show it to a HEAD, a listing may.
func (u *Upload) look(ctx context.Context) (Object, error) {
	o, err := u.b.Head(ctx, u.key)
	if err == nil {
		return o, nil
	}
	for listed, failed := range u.b.objects(ctx, u.key, "") {
		if failed != nil {
			break
		}
		if object := u.b.listed(listed); object.Key == u.key {
			return object, nil
		}
	}
	return Object{}, err
}

// removeStrays aborts uploads that were begun for this object and whose ID was lost with an answer. What it cannot remove, the next
// refresh does.
func (u *Upload) removeStrays(ctx context.Context) {
	if !u.strays {
		return
	}
	ctx, cancel := detached(Hasty(ctx))
	defer cancel()
	uploads, _ := u.b.listUnfinished(ctx)
	for _, other := range uploads {
		if other.key == u.key && other.id != u.id {
			_ = u.b.abort(ctx, other.key, other.id, 0)
		}
	}
}

// check compares the size: some stores keep more than they were sent. The store has confirmed the dump, so it is published even if
// nobody can look at it now.
func (u *Upload) check() error {
	o, err := u.look(Hasty(u.ctx))
	switch {
	case u.ctx.Err() != nil:
		return err
	case errors.Is(err, ErrAccessDenied):
		u.b.note("the size of the uploaded dump could not be checked: s3:GetObject is not allowed")
	case errors.Is(err, ErrNoSuchKey):
		return &Error{Op: "check", Target: u.b.target(u.key), Kind: ErrDamaged, message: "the store has confirmed it and does not have it"}
	case err != nil:
		u.b.note("the size of the uploaded dump could not be checked: " + err.Error())
	case o.Size != u.written:
		u.wrong = true
		return &Error{Op: "check", Target: u.b.target(u.key), Kind: ErrDamaged,
			message: fmt.Sprintf("%d bytes were sent, it has %d", u.written, o.Size)}
	}
	u.etag = unquotedETag(o.ETag)
	return nil
}
