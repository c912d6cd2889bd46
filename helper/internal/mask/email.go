package mask

import (
	"fmt"
	"strings"
)

// email replaces addresses with others, whose first part is a hash. Upper and lower case are the same in practice, so they are here,
// unless a unique key tells them apart.
type email struct {
	*hasher
	length int
	behind string
}

func newEmail(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor("email", column, Text); err != nil {
		return nil, err
	}
	domain := spec.Domain
	if domain == "" {
		domain = "example.com"
	}
	if !isDomain(domain) {
		return nil, fmt.Errorf("email: %q is not a domain", domain)
	}
	length, err := hashRoom("email", column, len(domain)+1)
	if err != nil {
		return nil, err
	}
	return &email{key.hasher("email", column.Folded || !column.Unique), length, "@" + domain}, nil
}

func isDomain(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func (m *email) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	return append(appendHash(dst, m.hash(value), m.length), m.behind...), false
}
