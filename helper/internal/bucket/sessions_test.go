package bucket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// counting returns settings whose credentials come from a program, and a function that says how often it ran.
func counting(t *testing.T, script string) (environment map[string]string, runs func() int) {
	t.Helper()
	folder := t.TempDir()
	program, ran := filepath.Join(folder, "program"), filepath.Join(folder, "ran")
	config := filepath.Join(folder, "config")
	text := fmt.Sprintf("#!/bin/sh\necho ran >>%s\n%s\n", ran, script)
	if err := errors.Join(os.WriteFile(program, []byte(text), 0o755), os.WriteFile(config, []byte("[profile fleet]\ncredential_process = "+program+"\nregion = eu-central-1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	return map[string]string{"AWS_CONFIG_FILE": config, "AWS_PROFILE": "fleet"}, func() int {
		text, _ := os.ReadFile(ran)
		return strings.Count(string(text), "ran")
	}
}

const givesKeys = `echo '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "key", "Expiration": "2037-01-01T00:00:00Z"}'`

// Of many projects with equal settings, one asks for credentials, and all use its connections.
func TestSessionsAreShared(t *testing.T) {
	environment, runs := counting(t, givesKeys)
	sessions := &Sessions{}
	var group sync.WaitGroup
	opened := make([]*Bucket, 50)
	for i := range opened {
		group.Go(func() {
			var err error
			opened[i], err = Open(t.Context(), Config{Bucket: "dumps", Project: fmt.Sprint("p", i), Environment: environment, Sessions: sessions})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if runs() != 1 || len(sessions.known) != 1 {
		t.Errorf("the program ran %d times, %d sessions", runs(), len(sessions.known))
	}
	// Other settings are not shared, and neither is anything without Sessions.
	other := map[string]string{"AWS_REGION": "us-east-1"}
	for name, text := range environment {
		other[name] = text
	}
	for want, config := range map[int]Config{2: {Environment: other, Sessions: sessions}} {
		if _, err := Open(t.Context(), config); err != nil || runs() != want {
			t.Errorf("the program ran %d times, not %d: %v", runs(), want, err)
		}
	}
	if _, err := Open(t.Context(), Config{Environment: environment}); err != nil || runs() != 3 {
		t.Errorf("the program ran %d times: %v", runs(), err)
	}
}

// A failure is the answer for all who ask at about the same time, and each gets it as soon as he no longer wants to wait.
func TestSessionsThatFail(t *testing.T) {
	environment, runs := counting(t, "exit 1")
	sessions := &Sessions{}
	for range 5 {
		_, err := Open(t.Context(), Config{Environment: environment, Sessions: sessions})
		var failed *Error
		if !errors.As(err, &failed) || failed.Kind != ErrCredentialProcess {
			t.Fatal(err)
		}
	}
	if once := runs(); once > 3 { // the SDK tries again
		t.Errorf("the program ran %d times", once)
	}
	slow, _ := counting(t, "exec sleep 3")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, err := Open(ctx, Config{Environment: slow, Sessions: sessions}); err == nil || err.Error() != "enough" {
		t.Error(err)
	}
}
