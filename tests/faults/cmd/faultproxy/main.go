// Command faultproxy stands between a program and a server, and harms what passes. It prints where it listens, and at the end what
// has passed:
//
//	faultproxy -to 127.0.0.1:3306 -down cut=100000
//	faultproxy -to http://127.0.0.1:9000 -on UploadPart -skip 2 -times 1 -up flip=17
//	faultproxy -to http://127.0.0.1:9000 -on ListObjectsV2 -answer page
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/jobiqo/dump-refresh/tests/faults"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "listen at `ADDRESS`")
	to := flag.String("to", "", "pass on to `SERVER`: host:port, or a URL of HTTP")
	up := flag.String("up", "", "do `DAMAGE` to what goes to the server: cut=N, short=N, stall=N, flip=N, trickle=BYTES/PAUSE")
	down := flag.String("down", "", "do `DAMAGE` to what comes from it")
	on := flag.String("on", "", "HTTP: harm only this S3 `OPERATION`, such as UploadPart")
	path := flag.String("path", "", "HTTP: harm only requests whose path contains `TEXT`")
	skip := flag.Int("skip", 0, "HTTP: let the first `N` pass")
	times := flag.Int("times", 0, "HTTP: harm `N` requests; 0 is all")
	answer := flag.String("answer", "", "HTTP: answer in the server's place: page, empty, drop, hang, or STATUS[:CODE]")
	flag.Parse()
	rule := faults.Rule{Skip: *skip, Times: *times, Matches: func(r *http.Request) bool {
		return (*on == "" || faults.Operation(r) == *on) && strings.Contains(r.URL.Path, *path)
	}}
	var err error
	if *up != "" {
		if rule.Up, err = faults.Parse(*up); err != nil {
			return err
		}
	}
	if *down != "" {
		if rule.Down, err = faults.Parse(*down); err != nil {
			return err
		}
	}
	if *answer != "" {
		if rule.Answer, err = named(*answer); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if strings.HasPrefix(*to, "http://") || strings.HasPrefix(*to, "https://") {
		proxy, err := faults.ListenHTTP(*listen, *to)
		if err != nil {
			return err
		}
		proxy.Rules(rule)
		fmt.Println(proxy.URL)
		<-ctx.Done()
		fmt.Printf("%d requests, %d harmed\n", len(proxy.Requests()), proxy.Hits())
		proxy.CloseClientConnections()
		return nil
	}
	proxy, err := faults.ListenTCP(*listen, *to)
	if err != nil {
		return err
	}
	proxy.Damage(rule.Up, rule.Down)
	fmt.Println(proxy.Address())
	<-ctx.Done()
	proxy.Close()
	count := proxy.Count()
	fmt.Printf("%d connections, %d bytes up, %d down\n", count.Connections, count.Up, count.Down)
	return nil
}

// named returns the answer with a name.
func named(text string) (func(http.ResponseWriter, *http.Request), error) {
	answers := map[string]func(http.ResponseWriter, *http.Request){
		"page": faults.Page, "empty": faults.Empty, "drop": faults.Drop, "hang": faults.Hang,
	}
	if found, ok := answers[text]; ok {
		return found, nil
	}
	number, code, _ := strings.Cut(text, ":")
	status, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("-answer %s: page, empty, drop, hang, or STATUS[:CODE] is expected", text)
	}
	return faults.Error(status, code, "invented by faultproxy"), nil
}
