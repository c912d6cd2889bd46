package target

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dburl"
	"github.com/jobiqo/dump-refresh/helper/internal/fault"
)

// An error that is classified once more on its way up says nothing twice.
func TestFaultyTwice(t *testing.T) {
	inner := Attempt{URL: dburl.URL{Host: "db", Port: 3306, User: "u"}, Action: "create a database", Grant: "GRANT …"}
	outer := Attempt{URL: inner.URL, Action: "pull", Grant: "GRANT more …"}
	for _, kind := range []fault.Kind{
		fault.Auth, fault.Privilege, fault.NoSpace, fault.Lost, fault.Unreachable, fault.PasswordExpired, fault.AccountLocked, fault.HostBlocked,
		fault.TLS, fault.TooManyConnections, fault.Limit,
	} {
		once := inner.Faulty(kind, errors.New("Error 4711"))
		if again := outer.Faulty(kind, fmt.Errorf("look: %w", once)); again != once {
			t.Errorf("%s: %v becomes %v", kind, once, again)
		}
		if errors.Is(once, kind) {
			t.Errorf("%v is %q, which is what errors of a source are", once, kind)
		}
	}
	if err := inner.Faulty(fault.Lost, context.Canceled); !errors.Is(err, context.Canceled) || explained(err) != nil {
		t.Errorf("an interruption becomes %v", err)
	}
	if err := inner.Faulty(fault.None, nil); err != nil {
		t.Errorf("nothing becomes %v", err)
	}
}
