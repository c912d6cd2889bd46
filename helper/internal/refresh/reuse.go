package refresh

import (
	"errors"

	"github.com/jobiqo/dump-refresh/helper/internal/bucket"
	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// leastReused is the smallest dump, in bytes, of which the next one reuses chunks: less has hardly a range that can be copied.
const leastReused = 2 * bucket.LeastPart

// earlier returns the object whose chunks the new dump may contain; nil if everything is sent. Chunks of an object that was changed after
// it was published may be damaged, and every later dump would have them, too.
func (r *run) earlier() *bucket.Object {
	last := &r.previous
	if r.SignKey.IsSet() && last.index != nil && !last.index.IsSignedBy(r.SignKey.Public()) {
		return nil // nobody answers for what it says about its chunks
	}
	if r.Full || r.sendAll || !last.intact || last.object.Size < leastReused || !(dumpfile.Earlier{Index: last.index}).Reusable(r.Compression) {
		return nil
	}
	return &last.object
}

// cannotCopy says that everything is sent.
func (r *run) cannotCopy(err error) {
	r.Progress.Note("everything is sent: " + err.Error())
	r.sendAll = true
}

// cannotReuse reports whether a dump failed because of what it was to reuse.
func cannotReuse(err error) bool {
	return errors.Is(err, bucket.ErrNotCopied) || errors.Is(err, dumpfile.ErrEarlierLost)
}
