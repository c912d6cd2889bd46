package swap

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

func TestMain(m *testing.M) { targettest.Run(m, Open) }
