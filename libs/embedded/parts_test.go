package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// startHost runs this test binary as the owner of a folder and says how to reach its parts.
func startHost(t *testing.T, dir string) (*exec.Cmd, *Parts) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it is gone already unless the test failed
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	p := &Parts{}
	require.NoError(t, json.Unmarshal(line, p))
	return cmd, p
}

// fill writes something to each part; check finds it again.
func fill(t *testing.T, p *Parts) {
	k := kafkaClient(t, p)
	createTopic(t, k, "events.1", map[string]string{"retention.ms": "604800000"})
	put(t, k, "events.1", "a=1", "b=2")
	put(t, k, "events.1", "a=3")
	commit(t, k, "archiver", "events.1", 2, "frozen:0-1")
	require.NoError(t, redisClient(t, p).Set(t.Context(), "tw:k", "v", 0).Err())
	admin(t, p, "CREATE DATABASE tagwire")
	admin(t, p, "CREATE TABLE tagwire.t (a Int32) ENGINE = MergeTree ORDER BY a")
	admin(t, p, "INSERT INTO tagwire.t VALUES (1), (2)")
}

func check(t *testing.T, p *Parts) {
	k := kafkaClient(t, p)
	assert.Equal(t, []string{"0:a=1", "1:b=2", "2:a=3"}, read(t, k, "events.1", 0))
	offset, metadata := committed(t, k, "archiver", "events.1")
	assert.EqualValues(t, 2, offset)
	assert.Equal(t, "frozen:0-1", metadata)
	value, err := redisClient(t, p).Get(t.Context(), "tw:k").Result()
	require.NoError(t, err)
	assert.Equal(t, "v", value)
	assert.Equal(t, "3", admin(t, p, "SELECT sum(a) FROM tagwire.t"))
}

// A host that is killed loses nothing it acknowledged, leaves no child behind, and the next start goes on.
func TestPartsSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	cmd, p := startHost(t, dir)
	fill(t, p)
	for range 3 {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		cmd, p = startHost(t, dir)
		check(t, p)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "an orderly end")
	require.Error(t, answers(p.RedisAddr), "Redis has ended")
	require.Error(t, answers(p.ClickHouseHTTP), "ClickHouse has ended")

	_, p = startHost(t, dir)
	check(t, p)
}

func answers(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// The children of a killed host end too: nothing keeps their locks.
func TestChildrenEndWithTheirParent(t *testing.T) {
	dir := t.TempDir()
	cmd, p := startHost(t, dir)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool {
		return answers(p.RedisAddr) != nil && answers(p.ClickHouseHTTP) != nil && answers(p.ClickHouseNative) != nil
	}, partWait, 20*time.Millisecond)
	for _, part := range []string{"redis", "clickhouse"} {
		f, err := flock(t.Context(), dir+"/"+part+"/child.lock", partWait)
		require.NoError(t, err, part)
		require.NoError(t, f.Close())
	}
}

// A child that dies comes back on its port with its data, and nothing is reported as failed.
func TestDeadChildComesBack(t *testing.T) {
	p, err := Start(t.Context(), allParts(t.TempDir()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.WithoutCancel(t.Context()))) })
	fill(t, p)
	killChild(t, "valkey-server")
	killChild(t, "tagwire-clickhouse")
	require.Eventually(t, func() bool {
		return ping(t.Context(), p.RedisAddr, p.RedisPassword) == nil &&
			askClickHouse(t.Context(), p.ClickHouseNative, p.ClickHouseHTTP, p.ClickHousePassword) == nil
	}, patience, 50*time.Millisecond)
	check(t, p)
	select {
	case err := <-p.Failed():
		t.Fatal(err)
	default:
	}
}

// killChild kills the child of this process whose command line holds name.
func killChild(t *testing.T, name string) {
	t.Helper()
	killed := 0
	out, err := exec.Command("ps", "-o", "pid=,args=", "--ppid", strconv.Itoa(os.Getpid())).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.Contains(args, name) {
			continue
		}
		n, err := strconv.Atoi(pid)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
		killed++
	}
	require.Equal(t, 1, killed, string(out))
}

// A part that never comes back is reported, with the last words of its process.
func TestChildThatStaysDeadIsReported(t *testing.T) {
	dir := t.TempDir()
	script := dir + "/part"
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n[ -e "+dir+"/broken ] && { echo no more; exit 3; }\ntouch "+dir+"/up\nexec sleep 1000\n"), 0o700))
	c, err := startChild(t.Context(), childSpec{
		name: "Part", logPath: dir + "/log", log: zap.NewNop(), stop: terminate, giveUp: 3,
		command: func() (*exec.Cmd, error) { return exec.Command(script), nil },
		ready:   func(context.Context) error { _, err := os.Stat(dir + "/up"); return err },
	})
	require.NoError(t, err)
	t.Cleanup(c.close)
	require.NoError(t, os.WriteFile(dir+"/broken", nil, 0o600))
	require.NoError(t, os.Remove(dir+"/up"))
	killChild(t, "sleep 1000")
	select {
	case err := <-c.failed:
		require.ErrorIs(t, err, ErrPartDied)
		require.ErrorContains(t, err, "no more")
	case <-time.After(time.Minute):
		t.Fatal("a part that stays dead was not reported")
	}
}

// Where the kernel does not end children with their parent, a watcher of ours does, and passes the wish to end on.
func TestWatcherRunsAndStopsAPart(t *testing.T) {
	dir := t.TempDir()
	addr, _, err := place{part: "Redis", given: "127.0.0.1:0"}.reserve()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	program, err := valkeyServer(t.Context(), EnginesDir())
	require.NoError(t, err)
	command, err := reexec("watcher", childOrder{Watch: program, Args: []string{"--port", port, "--dir", dir, "--requirepass", "p"}})
	require.NoError(t, err)
	c, err := startChild(t.Context(), childSpec{
		name: "Redis", logPath: dir + "/log", log: zap.NewNop(), stop: terminate, command: command,
		ready: func(ctx context.Context) error { return ping(ctx, addr, "p") },
	})
	require.NoError(t, err)
	c.close()
	require.Error(t, answers(addr), "it has ended with its watcher")
}

// ClickHouse: each user can do what it should and nothing else, on both protocols.
func TestClickHouseUsers(t *testing.T) {
	o := allParts(t.TempDir())
	o.Kafka, o.Redis = false, false
	p, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.WithoutCancel(t.Context()))) })
	for _, q := range []string{
		"CREATE DATABASE tagwire", "CREATE DATABASE bi",
		"CREATE TABLE tagwire.t (a Int32) ENGINE = MergeTree ORDER BY a", "INSERT INTO tagwire.t VALUES (1), (2)",
		"CREATE VIEW bi.v (a Int32) DEFINER = tagwire SQL SECURITY DEFINER AS SELECT a FROM tagwire.t",
		"ALTER TABLE tagwire.t DELETE WHERE a = 2 SETTINGS mutations_sync = 2", // an erasure: needs a free place in the pool
	} {
		admin(t, p, q)
	}
	bi := func(query string) (string, error) { return sql(t.Context(), p, p.BIUser, p.BIPassword, query) }
	out, err := bi("SELECT sum(a) FROM bi.v")
	require.NoError(t, err)
	assert.Equal(t, "1", out)
	out, err = bi("SELECT sum(a) FROM bi.v SETTINGS max_execution_time = 5")
	require.NoError(t, err, "a setting that BI tools send")
	assert.Equal(t, "1", out)
	for query, code := range map[string]string{
		"SELECT * FROM tagwire.t":                                  "ACCESS_DENIED",
		"CREATE TABLE bi.x (a Int8) ENGINE = Memory":               "ACCESS_DENIED",
		"INSERT INTO tagwire.t VALUES (9)":                         "ACCESS_DENIED",
		"DROP VIEW bi.v":                                           "ACCESS_DENIED",
		"SELECT * FROM file('/etc/passwd', 'LineAsString')":        "ACCESS_DENIED",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')": "ACCESS_DENIED",
		"SET max_memory_usage = 0":                                 "READONLY",
		"SELECT 1 SETTINGS max_memory_usage = 0":                   "READONLY",
		"SELECT 1 SETTINGS max_execution_time = 100000":            "SETTING_CONSTRAINT_VIOLATION",
		"SELECT 1 SETTINGS readonly = 0":                           "READONLY",
		"SYSTEM STOP LISTEN TCP":                                   "ACCESS_DENIED",
	} {
		_, err := bi(query)
		assert.ErrorContains(t, err, code, query)
	}
	_, err = sql(t.Context(), p, "default", "", "SELECT 1")
	require.ErrorContains(t, err, "USER_SESSION_LIMIT_EXCEEDED", "the user without a password is no way in")
	_, err = sql(t.Context(), p, "tagwire", "", "SELECT 1")
	require.ErrorContains(t, err, "AUTHENTICATION_FAILED")
	require.NoError(t, native(t, p, p.ClickHouseUser, p.ClickHousePassword))
	require.NoError(t, native(t, p, p.BIUser, p.BIPassword))
	assert.Empty(t, admin(t, p, "SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'"))
}

// A client that misbehaves does not take the engine down: its process is the same afterwards.
func TestClickHouseOutlivesBadClients(t *testing.T) {
	o := allParts(t.TempDir())
	o.Kafka, o.Redis = false, false
	p, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(context.WithoutCancel(t.Context()))) })
	life, err := os.ReadFile(o.Dir + "/clickhouse/data/status")
	require.NoError(t, err)
	require.Error(t, native(t, p, "bi", "wrong"))
	require.Error(t, native(t, p, "default", ""))
	for _, text := range []string{"", "\x07\x07\x07\x07\x07\x07\x07\x07", "\x00\x05abc", "GET / HTTP/1.1\r\n\r\n"} {
		tell(t, p.ClickHouseNative, text)
	}
	user := "X-ClickHouse-User: tagwire\r\nX-ClickHouse-Key: " + p.ClickHousePassword + "\r\n"
	for _, text := range []string{
		"GARBAGE\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 100\r\n" + user + "\r\nselect 1",
		"POST / HTTP/1.1\r\nContent-Length: 29\r\n" + user + "\r\nselect sleep(0.5), throwIf(1)",
	} {
		tell(t, p.ClickHouseHTTP, text)
	}
	require.Eventually(t, func() bool { return admin(t, p, "SELECT count() FROM system.processes") == "2" }, patience, 100*time.Millisecond,
		"all of them are done with; what is left is the lifeline and this question")
	same, err := os.ReadFile(o.Dir + "/clickhouse/data/status")
	require.NoError(t, err)
	assert.Equal(t, string(life), string(same), "process id and time of start")
}

// tell sends text and goes away without reading the answer.
func tell(t *testing.T, addr, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
	require.NoError(t, conn.Close())
}

func native(t *testing.T, p *Parts, user, password string) error {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{p.ClickHouseNative}, Auth: clickhouse.Auth{Username: user, Password: password},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	var one uint8
	return conn.QueryRow(t.Context(), "SELECT 1").Scan(&one)
}
