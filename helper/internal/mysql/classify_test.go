package mysql

import (
	"context"
	"errors"
	"fmt"
	"testing"

	driver "github.com/go-sql-driver/mysql"
)

func TestIsVerdict(t *testing.T) {
	for errno, want := range map[uint16]bool{
		1064: true, 1356: true, 1049: true, 1146: true, 4031: true, // in MariaDB
		1040: false, 1045: false, 1053: false, 1114: false, 1142: false, 1205: false, 1213: false, 1290: false, 1317: false, 1461: false, 1969: false, 3024: false,
	} {
		err := fmt.Errorf("create: %w", &driver.MySQLError{Number: errno, Message: "no"})
		if got := IsVerdict(err); got != want {
			t.Errorf("%d: got %v", errno, got)
		}
	}
	for _, err := range []error{nil, errors.New("something"), driver.ErrInvalidConn, context.Canceled} {
		if IsVerdict(err) {
			t.Errorf("%v is a verdict", err)
		}
	}
}
