package localdb

import "testing"

func TestMain(m *testing.M) { runTests(m, Open) }
