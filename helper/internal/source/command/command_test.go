package command

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
	"github.com/jobiqo/dump-refresh/helper/internal/source"
	"github.com/jobiqo/dump-refresh/helper/internal/source/sourcetest"
)

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	src, _ := sourcetest.Open(t, source.Config{Command: "pwd; cat; echo '-- Dump completed'; echo warning >&2", Dir: dir})
	if info := src.Info(); info.Client != "command" || info.Engine != "" {
		t.Errorf("info %+v", info)
	}
	if got, want := sourcetest.DumpText(t, src), dir+"\n-- Dump completed\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := sourcetest.OpenError(t, source.Config{Command: "true", Dir: dir + "/absent"}); !strings.Contains(err.Error(), "/absent is not a folder") {
		t.Error(err)
	}
}

func TestCommandFails(t *testing.T) {
	for _, test := range []struct{ command, text string }{
		{"echo rows; echo 1 >&2; echo >&2; echo pass-word is wrong >&2; exit 3", "command failed (exit status 3): 1; *** is wrong"},
		{"echo rows; kill -9 $$", "command failed (killed by signal 9)"},
		{"no-such-program", "command failed (exit status 127): "},
		{"seq 1000 >&2; false", "command failed (exit status 1): 993; 994; 995; 996; 997; 998; 999; 1000"},
		// The shell dies, and its child would run on.
		{"sleep 1000 & echo rows; kill -9 $$", "command failed (killed by signal 9)"},
	} {
		src, _ := sourcetest.Open(t, source.Config{Command: test.command, Password: secret.New("pass-word")})
		dump, err := src.Dump(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = sourcetest.Rest(dump)
		var failed *source.ClientError
		if !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", test.command, err, test.text)
		}
		process := sourcetest.ChildOf(t, dump)
		_ = dump.Close()
		sourcetest.ExpectNoProcess(t, process)
	}
}

func TestCommandEndsWithItsContext(t *testing.T) {
	source, _ := sourcetest.Open(t, source.Config{Command: "echo rows; sleep 1000 | sleep 1000"})
	ctx, cancel := context.WithCancel(t.Context())
	dump, err := source.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(dump, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := sourcetest.Rest(dump); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c := sourcetest.ChildOf(t, dump)
	_ = dump.Close()
	sourcetest.ExpectNoProcess(t, c)
}

func TestCommandState(t *testing.T) {
	source, _ := sourcetest.Open(t, source.Config{Command: "true"})
	state := sourcetest.ReadState(t, source)
	sourcetest.Expect(t, state.Doubt, "a command")
	if state.String() != "" || state.Same("") || state.Same(".") {
		t.Errorf("state %q", state)
	}
}

// A command gets what programs need, and nothing that was meant for another one.
func TestCommandEnvironment(t *testing.T) {
	environ := []string{"PATH=/bin", "HOME=/home/ada", "LC_ALL=C", "XDG_CONFIG_HOME=/x", "AWS_SECRET_ACCESS_KEY=a", "DUMP_SOURCE_PASSWORD=b", "KUBECONFIG=c", "DRUSH_A=d", "DRUSH_B=e", "TOKEN=f"}
	for _, test := range []struct{ more, want string }{
		{"", "PATH=/bin HOME=/home/ada LC_ALL=C XDG_CONFIG_HOME=/x"},
		{"KUBECONFIG DRUSH_*", "PATH=/bin HOME=/home/ada LC_ALL=C XDG_CONFIG_HOME=/x KUBECONFIG=c DRUSH_A=d DRUSH_B=e"},
	} {
		if got := strings.Join(Environment(environ, strings.Fields(test.more)), " "); got != test.want {
			t.Errorf("with %q: %s", test.more, got)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "key of the bucket")
	for _, config := range []source.Config{
		{Command: "echo \"$AWS_SECRET_ACCESS_KEY.$GIVEN\""},
		{Command: "echo \"$AWS_SECRET_ACCESS_KEY.$GIVEN\"", Environment: []string{}},
	} {
		src, _ := sourcetest.Open(t, config)
		if got := sourcetest.DumpText(t, src); got != ".\n" {
			t.Errorf("the command sees %q", got)
		}
	}
}

// A command that prints nothing more does not keep the lease and those who wait for it for ever.
func TestSilentCommand(t *testing.T) {
	src, _ := sourcetest.Open(t, source.Config{Command: "echo rows; sleep 1000 | sleep 1000; echo more", CommandSilence: time.Second})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(dump, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	var silent *source.SilentCommandError
	if err := sourcetest.Rest(dump); !errors.As(err, &silent) || err.Error() != "the source command has printed nothing for 1s, and was ended" {
		t.Errorf("got %v", err)
	}
	process := sourcetest.ChildOf(t, dump)
	_ = dump.Close()
	sourcetest.ExpectNoProcess(t, process)
}

// Only silence counts: not how long it all takes, and not how long nobody wants the output.
func TestSlowCommand(t *testing.T) {
	src, _ := sourcetest.Open(t, source.Config{Command: "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done", CommandSilence: 1500 * time.Millisecond})
	dump, err := src.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close()
	time.Sleep(1700 * time.Millisecond) // nobody reads
	if err := sourcetest.Rest(dump); err != nil && err != io.EOF {
		t.Error(err)
	}
}
