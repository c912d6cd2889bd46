package cli

import (
	"os"
	"strings"
)

// leftOutVariable holds the names of the caller's variables that the add-on's host commands do not pass into the container of the dump
// service, because the files that they name are not there.
const leftOutVariable = "DUMP_REFRESH_LEFT_OUT"

// leftOutHint returns a hint, or another one if credentials are missing because such a file is.
func leftOutHint(hint string) string {
	names := strings.Fields(os.Getenv(leftOutVariable))
	if len(names) == 0 {
		return hint
	}
	return orOnThisMachine(hint, "the file that "+strings.Join(names, " and ")+" names is outside of ~/.aws, where the dump service sees nothing: move it there")
}

// orOnThisMachine returns a hint; in the container of the dump service, it is the other one, with what always helps there.
func orOnThisMachine(hint, inService string) string {
	if _, ok := os.LookupEnv(forwardedVariable); !ok {
		return hint
	}
	return inService + ", or run dump-helper on this machine: export DUMP_HELPER=/path/to/dump-helper"
}
