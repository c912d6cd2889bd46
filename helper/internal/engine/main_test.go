package engine

import (
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
	"github.com/jobiqo/dump-refresh/helper/internal/target/targettest"
)

func TestMain(m *testing.M) {
	sourcetest.SetUp(OpenSource)
	targettest.AtEnd(sourcetest.TearDown)
	targettest.Run(m, OpenTarget)
}
