package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a page in a headless Chromium, driven by the DevTools protocol over a pair of pipes.
type browser struct {
	t       *testing.T
	to      *os.File
	session string

	mutex    sync.Mutex
	last     int
	answers  map[int]chan answer
	requests []request // what the page has asked for
	talk     []string  // what the console and the log say, that of a request that its policy forbids among it
	ended    chan struct{}
}

type request struct{ id, url string }

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// patience is how long a single answer of the browser may take on a machine that is busy.
const patience = 60 * time.Second

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not started by short tests")
	}
	toRead, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, fromWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	program := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+home, "about:blank")
	program.ExtraFiles = []*os.File{toRead, fromWrite} // 3 and 4, as the browser wants them
	program.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	if err := program.Start(); err != nil {
		t.Fatalf("start chromium (the Debian package of that name): %v", err)
	}
	_, _ = toRead.Close(), fromWrite.Close()
	b := &browser{t: t, to: to, answers: map[int]chan answer{}, ended: make(chan struct{})}
	go b.listen(from)
	t.Cleanup(func() {
		b.send("Browser.close", nil)
		select {
		case <-b.ended:
		case <-time.After(time.Minute):
			_ = program.Process.Kill()
		}
		_ = program.Wait()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) listen(from *os.File) {
	defer close(b.ended)
	messages := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := messages.ReadBytes(0)
		if err != nil {
			return
		}
		var message struct {
			ID     int
			Method string
			Params json.RawMessage
			answer
		}
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &message); err != nil {
			continue
		}
		b.mutex.Lock()
		if waiting := b.answers[message.ID]; waiting != nil {
			waiting <- message.answer
			delete(b.answers, message.ID)
		}
		b.note(message.Method, message.Params)
		b.mutex.Unlock()
	}
}

// note keeps what a page should not do: ask for something, and complain.
func (b *browser) note(method string, params json.RawMessage) {
	switch method {
	case "Network.requestWillBeSent":
		var event struct {
			RequestID string
			Request   struct{ URL string }
		}
		_ = json.Unmarshal(params, &event)
		if !strings.HasPrefix(event.Request.URL, "data:") {
			b.requests = append(b.requests, request{event.RequestID, event.Request.URL})
		}
	case "Network.loadingFailed":
		var event struct{ RequestID, BlockedReason string }
		_ = json.Unmarshal(params, &event)
		if event.BlockedReason == "csp" {
			b.requests = slices.DeleteFunc(b.requests, func(r request) bool { return r.id == event.RequestID })
		}
	case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
		b.talk = append(b.talk, string(params))
	}
}

func (b *browser) send(method string, params any) chan answer {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.last++
	waiting := make(chan answer, 1)
	b.answers[b.last] = waiting
	message := map[string]any{"id": b.last, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		message["sessionId"] = b.session
	}
	text, _ := json.Marshal(message)
	_, _ = b.to.Write(append(text, 0))
	return waiting
}

func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	select {
	case got := <-b.send(method, params):
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(got.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-b.ended:
		b.t.Fatalf("%s: the browser has ended", method)
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// open shows a file.
func (b *browser) open(path string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	b.eventually(`location.protocol === "file:" && document.readyState === "complete"`)
}

func (b *browser) eventually(condition string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !b.is(condition); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("never: %s", condition)
		}
	}
}

// eval returns the value of an expression of JavaScript as JSON has it.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var result struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &result)
	if result.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, result.ExceptionDetails.Exception.Description)
	}
	if value != nil {
		if err := json.Unmarshal(result.Result.Value, value); err != nil {
			b.t.Fatalf("%s: %v", expression, err)
		}
	}
}

func (b *browser) is(condition string) bool {
	b.t.Helper()
	var is bool
	b.eval("Boolean("+condition+")", &is)
	return is
}

func (b *browser) texts(expression string) []string {
	b.t.Helper()
	var texts []string
	b.eval(expression, &texts)
	return texts
}

// press presses keys: Tab, Enter, Space, Escape, or what a single character types.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Space": 32, "Escape": 27}
	texts := map[string]string{"Enter": "\r", "Space": " "}
	for _, key := range keys {
		event := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
		if text, ok := texts[key]; ok {
			event["text"] = text
		} else if len(key) == 1 {
			event["text"] = key
		}
		if key == "Space" {
			event["key"] = " "
		}
		b.call("Input.dispatchKeyEvent", event, nil)
		event["type"] = "keyUp"
		delete(event, "text")
		b.call("Input.dispatchKeyEvent", event, nil)
	}
}

// look sets the window's size and the user's preference for light or dark.
func (b *browser) look(scheme string, width, height int) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
	}, nil)
}

func (b *browser) screenshot(path string) {
	b.t.Helper()
	var picture struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &picture)
	content, err := base64.StdEncoding.DecodeString(picture.Data)
	if err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// quiet demands that the page has asked for nothing but itself, and that nothing complained.
func (b *browser) quiet(path string) {
	b.t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(b.requests) != 1 || b.requests[0].url != "file://"+path {
		b.t.Errorf("requested: %v, only the page itself was wanted", b.requests)
	}
	if len(b.talk) > 0 {
		b.t.Errorf("the console says: %s", strings.Join(b.talk, "\n"))
	}
}
