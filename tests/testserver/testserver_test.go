package testserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/ssh"
)

// childVariable makes the test binary start a MariaDB, PostgreSQL and sshd in the folder it names,
// print their process ids and wait to be killed.
const childVariable = "TESTSERVER_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		startAndWait(dir)
	}
	os.Exit(m.Run())
}

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMariaDB(t *testing.T) {
	certs := must[*Certs](t)(NewCerts(filepath.Join(t.TempDir(), "certs")))
	m := must[*MySQL](t)(MariaDB(t.TempDir(), certs.MariaDBOptions()...))
	t.Cleanup(m.Stop)

	check(t, m.Exec("CREATE DATABASE a", "USE a; CREATE TABLE t (n INT PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL)"))
	rows := must[[][]string](t)(m.Query("SELECT n, s FROM a.t ORDER BY n"))
	if got := fmt.Sprint(rows); got != "[[1 x] [2 NULL]]" {
		t.Errorf("rows are %s", got)
	}
	if sums := must[map[string]string](t)(m.Checksums("a")); len(sums) != 1 || sums["t"] == "" || sums["t"] == "0" {
		t.Errorf("checksums are %v", sums)
	}
	if err := m.Exec("SELECT * FROM a.missing"); err == nil {
		t.Error("a query of a missing table succeeds")
	}

	t.Run("users log in by password and host", func(t *testing.T) {
		check(t, m.Exec("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'right'"))
		db := must[*sql.DB](t)(sql.Open("mysql", fmt.Sprintf("reader:wrong@tcp(127.0.0.1:%d)/", m.Port)))
		defer db.Close()
		var refused *mysql.MySQLError
		if err := db.Ping(); !errors.As(err, &refused) || refused.Number != 1045 {
			t.Errorf("a wrong password gives %v", err)
		}
	})
	t.Run("TLS is verified", func(t *testing.T) {
		check(t, mysql.RegisterTLSConfig("test", &tls.Config{RootCAs: pool(t, certs), ServerName: "localhost"}))
		db := must[*sql.DB](t)(sql.Open("mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/?tls=test", m.Port)))
		defer db.Close()
		var name, cipher string
		check(t, db.QueryRow("SHOW STATUS LIKE 'Ssl_cipher'").Scan(&name, &cipher))
		if cipher == "" {
			t.Error("the connection has no cipher")
		}
	})
	t.Run("kill and restart keep data and port", func(t *testing.T) {

		m.Kill()
		if alive(m.PID()) {
			t.Error("lives on after kill")
		}
		if err := m.Exec("SELECT 1"); err == nil {
			t.Error("answers after kill")
		}
		check(t, m.Restart())
		rows := must[[][]string](t)(m.Query("SELECT COUNT(*) FROM a.t"))
		if rows[0][0] != "2" {
			t.Errorf("%s rows after restart", rows[0][0])
		}
	})
	t.Run("the socket answers", func(t *testing.T) {
		conn := must[net.Conn](t)(net.Dial("unix", m.Socket))
		check(t, conn.Close())
	})
}

func TestMysqld(t *testing.T) {
	m := must[*MySQL](t)(Mysqld(t.TempDir()))
	t.Cleanup(m.Stop)
	version := must[[][]string](t)(m.Query("SELECT CONCAT(VERSION(), @@version_comment)"))
	if strings.Contains(version[0][0], "MariaDB") {
		t.Errorf("the server is %v", version)
	}
	check(t, m.Exec("CREATE DATABASE d", "CREATE TABLE d.t (id int PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"))
	m.Kill()
	check(t, m.Restart())
	if rows := must[[][]string](t)(m.Query("SELECT id FROM d.t")); len(rows) != 1 {
		t.Errorf("after a crash the table has %v", rows)
	}
}

func TestMariaDBInLongFolder(t *testing.T) {
	m := must[*MySQL](t)(MariaDB(filepath.Join(t.TempDir(), strings.Repeat("long", 30))))
	check(t, m.Restart())
	conn := must[net.Conn](t)(net.Dial("unix", m.Socket))
	check(t, conn.Close())
	m.Stop()
	if _, err := os.Stat(filepath.Dir(m.Socket)); err == nil {
		t.Errorf("%s is left behind", m.Socket)
	}
}

func TestPostgres(t *testing.T) {
	certs := must[*Certs](t)(NewCerts(filepath.Join(t.TempDir(), "certs")))
	p := must[*PG](t)(Postgres(t.TempDir(), certs.PostgresOptions()...))
	t.Cleanup(p.Stop)

	check(t, p.Exec("postgres", "CREATE DATABASE a", "CREATE USER reader PASSWORD 'right'"))
	check(t, p.Exec("a", "CREATE TABLE t (n INT PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL)"))
	rows := must[[][]string](t)(p.Query("a", "SELECT n, s FROM t ORDER BY n"))
	if got := fmt.Sprint(rows); got != "[[1 x] [2 NULL]]" {
		t.Errorf("rows are %s", got)
	}

	ctx := context.Background()
	if _, err := pgx.Connect(ctx, p.URLAs("reader", "wrong", "a")); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password gives %v", err)
	}
	query := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {certs.CA}}
	conn := must[*pgx.Conn](t)(pgx.Connect(ctx, p.URLAs("reader", "right", "a")+"?"+query.Encode()))
	check(t, conn.Close(ctx))

	p.Kill()
	if err := p.Exec("a", "SELECT 1"); err == nil {
		t.Error("answers after kill")
	}
	check(t, p.Restart())
	if rows := must[[][]string](t)(p.Query("a", "SELECT COUNT(*) FROM t")); rows[0][0] != "2" {
		t.Errorf("%s rows after restart", rows[0][0])
	}
}

func TestSSH(t *testing.T) {
	target := must[*SSH](t)(SSHD(t.TempDir()))
	t.Cleanup(target.Stop)
	jump := must[*SSH](t)(SSHD(t.TempDir()))
	t.Cleanup(jump.Stop)

	t.Run("a command runs through a jump host", func(t *testing.T) {
		first := must[*ssh.Client](t)(dialSSH(jump))
		defer first.Close()
		address := fmt.Sprintf("127.0.0.1:%d", target.Port)
		tunnel := must[net.Conn](t)(first.Dial("tcp", address))
		conn, channels, requests, err := ssh.NewClientConn(tunnel, address, clientConfig(t, target))
		check(t, err)
		second := ssh.NewClient(conn, channels, requests)
		defer second.Close()
		session := must[*ssh.Session](t)(second.NewSession())
		output := must[[]byte](t)(session.Output("echo it runs"))
		if string(output) != "it runs\n" {
			t.Errorf("output is %q", output)
		}
	})
	t.Run("dropped connections end, new ones work", func(t *testing.T) {
		client := must[*ssh.Client](t)(dialSSH(target))
		target.DropConnections()
		if err := client.Wait(); err == nil {
			t.Error("the connection ended well")
		}
		again := must[*ssh.Client](t)(dialSSH(target))
		check(t, again.Close())
	})
	t.Run("a changed host key is noticed", func(t *testing.T) {
		config := clientConfig(t, target)
		check(t, target.ChangeHostKey())
		_, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", target.Port), config)
		if err == nil || !strings.Contains(err.Error(), "host key mismatch") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("an unknown key is refused", func(t *testing.T) {
		other := *jump
		other.ClientKey = filepath.Join(t.TempDir(), "other")
		must[string](t)(NewKey(other.ClientKey))
		if _, err := dialSSH(&other); err == nil {
			t.Error("an unknown key is let in")
		}
	})
}

func TestSSHAgent(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	public := must[string](t)(NewKey(key))
	agent := must[*Agent](t)(SSHAgent(t.TempDir()))
	t.Cleanup(agent.Stop)
	if listed := listAgent(t, agent); listed != "The agent has no identities.\n" {
		t.Errorf("an empty agent lists %q", listed)
	}
	check(t, agent.Add(key))
	if listed := listAgent(t, agent); !strings.HasPrefix(listed, public) {
		t.Errorf("the agent lists %q, not %q", listed, public)
	}
}

func TestMinIO(t *testing.T) {
	s := must[*S3](t)(MinIO(t.TempDir(), KMS()))
	t.Cleanup(s.Stop)
	contract(t, s)

	t.Run("restricted credentials", func(t *testing.T) {
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::dumps"]}]}`
		limited := s.ClientAs(must[Credentials](t)(s.Restricted(policy)))
		bucket, key := "dumps", "d/one"
		if _, err := limited.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &bucket}); err != nil {
			t.Errorf("list: %v", err)
		}
		_, err := limited.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" {
			t.Errorf("get: %v", err)
		}
	})
	t.Run("SSE-KMS", func(t *testing.T) {
		bucket, key, kms := "dumps", "encrypted", KMSKeyID
		answer, err := s.Client().PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: strings.NewReader("x"),
			ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: &kms,
		})
		check(t, err)
		if answer.ServerSideEncryption != types.ServerSideEncryptionAwsKms {
			t.Errorf("encryption is %q", answer.ServerSideEncryption)
		}
	})
}

func TestVersityGW(t *testing.T) {
	s := must[*S3](t)(VersityGW(t.TempDir()))
	t.Cleanup(s.Stop)
	contract(t, s)
}

// contract is what both S3 servers must do.
func contract(t *testing.T, s *S3) {
	bucket, key := "dumps", "d/unfinished"
	check(t, s.CreateBucket(bucket))
	check(t, s.PutObject(bucket, "d/one", []byte("first")))
	check(t, s.EnableVersions(bucket))
	check(t, s.PutObject(bucket, "d/one", []byte("second")))
	check(t, s.PutObject(bucket, "d/two", nil))
	check(t, s.DeleteObject(bucket, "d/two"))
	if body := must[[]byte](t)(s.GetObject(bucket, "d/one")); string(body) != "second" {
		t.Errorf("body is %q", body)
	}
	if keys := must[[]string](t)(s.Keys(bucket)); fmt.Sprint(keys) != "[d/one]" {
		t.Errorf("keys are %v", keys)
	}
	versions, err := s.Client().ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	check(t, err)
	if len(versions.Versions) != 3 || len(versions.DeleteMarkers) != 1 {
		t.Errorf("%d versions and %d markers, not 3 and 1", len(versions.Versions), len(versions.DeleteMarkers))
	}

	upload, err := s.Client().CreateMultipartUpload(context.Background(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	check(t, err)
	if uploads := must[[]string](t)(s.Uploads(bucket)); fmt.Sprint(uploads) != "[d/unfinished]" {
		t.Errorf("unfinished uploads are %v", uploads)
	}
	_, err = s.Client().AbortMultipartUpload(context.Background(), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: upload.UploadId})
	check(t, err)
	if uploads := must[[]string](t)(s.Uploads(bucket)); len(uploads) != 0 {
		t.Errorf("unfinished uploads after abort: %v", uploads)
	}
	stranger := s.ClientAs(Credentials{AccessKey: s.AccessKey, SecretKey: "wrong"})
	if _, err := stranger.ListBuckets(context.Background(), &s3.ListBucketsInput{}); err == nil {
		t.Error("a wrong secret is let in")
	}
}

func TestMissingProgram(t *testing.T) {
	missing := program{"no-such-program", "apt-get install it", nil}
	if _, err := missing.path(); err == nil || err.Error() != "no-such-program is missing: apt-get install it" {
		t.Errorf("error is %v", err)
	}
	t.Setenv(ToolsVariable, t.TempDir())
	t.Setenv("PATH", t.TempDir())
	if _, err := MinIO(t.TempDir()); err == nil || err.Error() != "minio is missing: make tools" {
		t.Errorf("error is %v", err)
	}
}

func TestFailedStartShowsLog(t *testing.T) {
	_, err := MariaDB(t.TempDir(), "--no-such-flag")
	if err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("error is %v", err)
	}
}

// TestServersDieWithTheirStarter kills a process that started servers and expects them to end, after
// Go has had every chance to end threads that it no longer needs.
func TestServersDieWithTheirStarter(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends orphans")
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+t.TempDir())
	child.Stderr = os.Stderr
	output := must[io.ReadCloser](t)(child.StdoutPipe())
	check(t, child.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	check(t, err)
	var pids []int
	for _, word := range strings.Fields(line) {
		pid := must[int](t)(strconv.Atoi(word))
		if !alive(pid) {
			t.Errorf("server %d ended before its starter", pid)
		}
		pids = append(append(pids, pid), descendants(pid)...)
	}
	if len(pids) < 4 { // PostgreSQL has children
		t.Fatalf("the child started %v", pids)
	}
	check(t, child.Process.Kill())
	_ = child.Wait()
	deadline := time.Now().Add(stopPatience)
	for _, pid := range pids {
		for alive(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives on", pid)
			}
			time.Sleep(pollInterval)
		}
	}
}

func startAndWait(dir string) {
	m, err := MariaDB(filepath.Join(dir, "mariadb"))
	exitOn(err)
	// This goroutine ends with its thread locked: Go ends the thread, and with it would go every
	// server that it had started.
	started := make(chan *PG)
	go func() {
		runtime.LockOSThread()
		p, err := Postgres(filepath.Join(dir, "postgres"))
		exitOn(err)
		started <- p
	}()
	p := <-started
	s, err := SSHD(filepath.Join(dir, "sshd"))
	exitOn(err)
	fmt.Println(m.PID(), p.PID(), s.PID())
	select {}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// alive reports whether a process runs; one that has ended and waits to be collected does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return !bytes.HasPrefix(after, []byte(" Z"))
}

func pool(t *testing.T, certs *Certs) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(must[[]byte](t)(os.ReadFile(certs.CA))) {
		t.Fatal("no certificate in the authority's file")
	}
	return pool
}

func dialSSH(s *SSH) (*ssh.Client, error) {
	config, err := sshConfig(s)
	if err != nil {
		return nil, err
	}
	return ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port), config)
}

func clientConfig(t *testing.T, s *SSH) *ssh.ClientConfig {
	return must[*ssh.ClientConfig](t)(sshConfig(s))
}

func sshConfig(s *SSH) (*ssh.ClientConfig, error) {
	text, err := os.ReadFile(s.ClientKey)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User: s.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(hostKey),
	}, nil
}

func listAgent(t *testing.T, agent *Agent) string {
	cmd := exec.Command("ssh-add", "-L")
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+agent.Socket)
	output, err := cmd.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) { // an empty agent makes ssh-add exit with 1
		t.Fatal(err)
	}
	return string(output)
}
