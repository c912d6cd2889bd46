package staging

import "testing"

func TestMain(m *testing.M) { runTests(m, Open) }
