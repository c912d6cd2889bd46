package pull

import (
	"slices"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
	"github.com/jobiqo/dump-refresh/helper/internal/signing"
)

// UnsignedError means that a dump was refused because none of the project's keys has signed it as one of this project.
type UnsignedError struct {
	Dump string
	// Why continues the sentence that begins with the dump's name.
	Why string
}

func (e *UnsignedError) Error() string { return e.Dump + " " + e.Why }

// CheckSignature fails with *UnsignedError unless one of the keys has signed the index as that of a dump of the project, or there are no keys.
// index is nil for a dump by another tool, which nobody can have signed.
func CheckSignature(index *dumpfile.Index, name, project string, keys []signing.PublicKey) error {
	isKey := func(key signing.PublicKey) bool { return index.IsSignedBy(key) }
	switch {
	case len(keys) == 0:
		return nil
	case index == nil || index.Signature == nil:
		return &UnsignedError{name, "is not signed, and DUMP_VERIFY_KEY is set"}
	case !slices.ContainsFunc(keys, isKey):
		return &UnsignedError{name, "is not signed by a key in DUMP_VERIFY_KEY: it says that key " + index.Signature.Key + " has signed it"}
	case index.Project != project:
		return &UnsignedError{name, "is signed as a dump of another project, " + index.Project}
	}
	return nil
}
