package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/config"
)

const example = "../../deploy/config.example.yaml"

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestDefaultsHoldWithoutFileAndVariables(t *testing.T) {
	c, notices, err := config.Load(config.Options{})
	require.NoError(t, err)
	assert.Empty(t, notices)
	want := config.Default()
	want.Spool.Dir = "data/spool"
	assert.Equal(t, &want, c)
	assert.False(t, c.KafkaExternal() || c.RedisExternal() || c.ClickHouseExternal())
	assert.False(t, c.Given("http"))
}

func TestVariableOutranksFileOutranksDefault(t *testing.T) {
	file := write(t, "c.yaml", "http: 127.0.0.1:9000\nshards: 16\nfresh: 30m\nkafka:\n  brokers: [a:9092]\n")
	c, _, err := config.Load(config.Options{File: file, Env: []string{
		"TAGWIRE_SHARDS=32", "TAGWIRE_KAFKA_BROKERS=b:9092, c:9092", "TAGWIRE_REDIS_CLUSTER=true", "HOME=/root",
	}})
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:9000", c.HTTP)
	assert.Equal(t, 32, c.Shards)
	assert.Equal(t, 30*time.Minute, c.Fresh)
	assert.Equal(t, []string{"b:9092", "c:9092"}, c.Kafka.Brokers)
	assert.True(t, c.KafkaExternal() && c.Redis.Cluster)
	assert.True(t, c.Given("http") && c.Given("shards") && !c.Given("late"))
	assert.Equal(t, 4, c.RawPartitions)
}

func TestFlagsAreCheckedLikeTheRest(t *testing.T) {
	_, _, err := config.Load(config.Options{Adjust: func(c *config.Config) {
		c.HTTP = "8080"
		c.Give("http")
	}})
	require.EqualError(t, err, `http: "8080" is not host:port`)
}

func TestAllErrorsComeAtOnceWithTheirPlaces(t *testing.T) {
	file := write(t, "c.yaml", strings.Join([]string{
		"htpp: 127.0.0.1:1",      // 1
		"shards: many",           // 2
		"kafka:",                 // 3
		"  brokers: a:9092",      // 4
		"  nonsense: 1",          // 5
		"fresh: 60",              // 6
		"log: {level: loud}",     // 7
		"redis: off",             // 8
		"public_url: tag.shop",   // 9
		"internal: ['138', [x]]", // 10
	}, "\n"))
	_, _, err := config.Load(config.Options{File: file, Env: []string{"TAGWIRE_LATE=soon"}})
	require.Error(t, err)
	want := []string{
		file + ":1:1: htpp: no such key; did you mean http?",
		file + `:2:9: shards: "many" is not a whole number`,
		file + ":4:12: kafka.brokers: is a list: write [a, b]",
		file + ":5:3: kafka.nonsense: no such key",
		file + ":6:8: fresh: 60 has no unit: write 60s, 60m or 60h",
		file + ":8:8: redis: holds keys, not a single value",
		file + ":10:11: internal: the list holds plain texts only",
		`TAGWIRE_LATE: "soon" is not a duration such as 90s, 30m or 24h`,
		file + `:9:1: public_url: "tag.shop" is not a whole address such as https://tag.example.com`,
		file + `:7:7: log.level: "loud" is not one of debug, info, warn, error`,
	}
	assert.Equal(t, want, strings.Split(err.Error(), "\n"))
}

func TestBrokenYAMLNamesTheLine(t *testing.T) {
	for _, text := range []string{"a: [1,\nb: 2", "shards: 4\nshards: 5", "a:\n\t- 1", "'", "--- 1\n--- 2"} {
		file := write(t, "c.yaml", text)
		_, _, err := config.Load(config.Options{File: file})
		require.ErrorContains(t, err, file+":", "%q", text)
	}
	_, _, err := config.Load(config.Options{File: "nowhere.yaml"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSecretsComeFromFilesAndStayHidden(t *testing.T) {
	key := write(t, "key", "0123\n")
	c, notices, err := config.Load(config.Options{
		File: write(t, "c.yaml", "write_key_file: "+key+"\nredis: {password: 007}\n"),
		Env:  []string{"TAGWIRE_ADMIN_TOKEN=t0ken"},
	})
	require.NoError(t, err)
	assert.Empty(t, notices)
	assert.Equal(t, "0123", c.WriteKey.Reveal())
	assert.Equal(t, "007", c.Redis.Password.Reveal(), "as written, not as a number")
	assert.Equal(t, "t0ken", c.AdminToken.Reveal())
	text, err := json.Marshal(c)
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %+v %#v %s", c, *c, *c, text)
	for _, secret := range []string{"0123", "t0ken", `"007"`} {
		assert.NotContains(t, shown, secret)
	}
}

func TestSecretGivenTwiceIsRefusedUnlessTheVariableOutranks(t *testing.T) {
	key := write(t, "key", "fromfile")
	_, _, err := config.Load(config.Options{File: write(t, "c.yaml", "write_key: a\nwrite_key_file: "+key)})
	require.ErrorContains(t, err, ":1:1: write_key: both write_key and write_key_file are given; keep one")
	c, _, err := config.Load(config.Options{
		File: write(t, "c.yaml", "write_key_file: "+key), Env: []string{"TAGWIRE_WRITE_KEY=fromenv"},
	})
	require.NoError(t, err)
	assert.Equal(t, "fromenv", c.WriteKey.Reveal())
}

func TestSecretFilesAreNamedWhenMissingEmptyOrOpen(t *testing.T) {
	_, _, err := config.Load(config.Options{Env: []string{"TAGWIRE_MASTER_KEY_FILE=nowhere"}})
	require.ErrorContains(t, err, "master_key_file: read the secret: stat nowhere")
	_, _, err = config.Load(config.Options{Env: []string{"TAGWIRE_MASTER_KEY_FILE=" + write(t, "k", "\n")}})
	require.ErrorContains(t, err, "is empty")
	open := write(t, "k", "s")
	require.NoError(t, os.Chmod(open, 0o644))
	_, notices, err := config.Load(config.Options{Env: []string{"TAGWIRE_MASTER_KEY_FILE=" + open}})
	require.NoError(t, err)
	require.Len(t, notices, 1)
	assert.Contains(t, notices[0], "chmod 600")
}

func TestUnknownVariablesAreNotices(t *testing.T) {
	_, notices, err := config.Load(config.Options{
		Env:            []string{"TAGWIRE_PORT=tcp://10.0.0.1:80", "TAGWIRE_CHILD_CLICKHOUSE=1", "TAGWIRE_CACHE=/c"},
		OtherVariables: []string{"TAGWIRE_CHILD_", "TAGWIRE_CACHE"},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"the variable TAGWIRE_PORT sets nothing: there is no such key"}, notices)
}

func TestWrongValuesAreRefused(t *testing.T) {
	for variable, part := range map[string]string{
		"TAGWIRE_SHARDS=0":                           "shards: 0 is not between",
		"TAGWIRE_DATA= ":                             "",
		"TAGWIRE_TLS_CERT_FILE=a.pem":                "tls.cert_file: goes together with tls.key_file",
		"TAGWIRE_TRUSTED_PROXIES=10.0.0.0/8,proxy":   `trusted_proxies: "proxy"`,
		"TAGWIRE_KAFKA_SASL=plain":                   "kafka.sasl: needs kafka.user",
		"TAGWIRE_KAFKA_BROKERS=one":                  `kafka.brokers: "one" is not host:port`,
		"TAGWIRE_EMBEDDED_REDIS=0.0.0.0:6379":        "is not on loopback",
		"TAGWIRE_CLICKHOUSE_DATABASE=a;drop":         "is not a name",
		"TAGWIRE_LIMITS_BATCH_BYTES=10":              "limits.batch_bytes: 10 is not between 32768",
		"TAGWIRE_SMTP_HOST=mail":                     "smtp.from: is the sender's address",
		"TAGWIRE_INTERNAL=phone:":                    "is not an identity",
		"TAGWIRE_REDIS_ADDR=a:1,b":                   `redis.addr: "b"`,
		"TAGWIRE_REDIS_DATABASE=-1":                  "redis.database: -1 is not between",
		"TAGWIRE_REDIS_SENTINEL_USER=watch":          "redis.sentinel_master: is empty",
		"TAGWIRE_CLICKHOUSE_HTTP=https://ch":         `clickhouse.http: "ch" is not host:port`,
		"TAGWIRE_CLICKHOUSE_HTTP=https://ch:8443":    "",
		"TAGWIRE_CORS_ORIGINS=shop.example":          "cors_origins",
		"TAGWIRE_HTTP=127.0.0.1:99999":               "no port between",
		"TAGWIRE_WECOM_API_BASE=qyapi.weixin.qq.com": "wecom.api_base",
		"TAGWIRE_LINK_FALLBACK=/sorry":               `link_fallback: "/sorry" is not a whole address`,
		"TAGWIRE_LINK_FALLBACK=https://shop.cn/":     "",
		"TAGWIRE_REDIS_CLUSTER=maybe":                "is not true or false",
		"TAGWIRE_LATE=1s":                            "late: 1s is not between",
	} {
		_, _, err := config.Load(config.Options{Env: []string{variable}})
		if part == "" {
			require.NoError(t, err, variable)
			continue
		}
		require.ErrorContains(t, err, part, variable)
	}
}

func TestRedisAndBISettingsThatDoNotFitAreRefused(t *testing.T) {
	_, _, err := config.Load(config.Options{Env: []string{"TAGWIRE_REDIS_CLUSTER=true", "TAGWIRE_REDIS_DATABASE=3", "TAGWIRE_REDIS_ADDR=a:1"}})
	require.ErrorContains(t, err, "redis.database: is 3; a Cluster has database 0 only")
	_, _, err = config.Load(config.Options{Env: []string{"TAGWIRE_BI_LISTEN=:8124", "TAGWIRE_CLICKHOUSE_ADDR=ch:9000"}})
	require.ErrorContains(t, err, "bi_listen: needs clickhouse.http")
	c, _, err := config.Load(config.Options{Env: []string{"TAGWIRE_BI_LISTEN=:8124", "TAGWIRE_CLICKHOUSE_ADDR=ch:9000", "TAGWIRE_CLICKHOUSE_HTTP=ch:8123"}})
	require.NoError(t, err)
	assert.Equal(t, "http://ch:8123", c.ClickHouse.HTTPURL())
}

func TestTLSClient(t *testing.T) {
	off, err := config.TLSClient{}.Config()
	require.NoError(t, err)
	assert.Nil(t, off)
	on, err := config.TLSClient{Enabled: true, ServerName: "kafka"}.Config()
	require.NoError(t, err)
	assert.Equal(t, "kafka", on.ServerName)
	_, err = config.TLSClient{Enabled: true, CAFile: write(t, "ca.pem", "nothing")}.Config()
	require.ErrorContains(t, err, "holds none in PEM form")
}

// exampleKeys are the paths of all leaves of the annotated example.
func exampleKeys(n ast.Node, prefix string) []string {
	var out []string
	for _, pair := range n.(*ast.MappingNode).Values {
		path := prefix + pair.Key.GetToken().Value
		if under, ok := pair.Value.(*ast.MappingNode); ok && len(under.Values) > 0 {
			out = append(out, exampleKeys(under, path+".")...)
			continue
		}
		out = append(out, path)
	}
	return out
}

func asJSON(t *testing.T, c *config.Config) string {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "null", "[]")
}

func TestExampleLoadsAndHoldsEveryKeyOnceInOrder(t *testing.T) {
	c, _, err := config.Load(config.Options{File: example})
	require.NoError(t, err)
	want := config.Default()
	want.Spool.Dir = "data/spool"
	assert.JSONEq(t, asJSON(t, &want), asJSON(t, c), "the example shows the defaults")
	file, err := parser.ParseFile(example, 0)
	require.NoError(t, err)
	assert.Equal(t, config.Keys(), exampleKeys(file.Docs[0].Body, ""))
}

func TestExampleExplainsEveryKey(t *testing.T) {
	text, err := os.ReadFile(example)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		key, _, isKey := strings.Cut(strings.TrimSpace(line), ":")
		if !isKey || strings.HasPrefix(key, "#") {
			continue
		}
		explained := strings.Contains(line, " # ") || i > 0 && strings.HasPrefix(strings.TrimSpace(lines[i-1]), "#")
		assert.True(t, explained, "line %d: %s has no comment", i+1, key)
	}
}

func TestDeployFilesSetOnlyVariablesThatExist(t *testing.T) {
	known := make(map[string]bool)
	for _, key := range config.Keys() {
		known["TAGWIRE_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = true
	}
	known["TAGWIRE_ENGINES_DIR"] = true // read by the embedded parts
	variable := regexp.MustCompile(`TAGWIRE_[A-Z_]+`)
	for _, file := range []string{"docker-compose.yml", "deploy/docker/Dockerfile", "deploy/docker/parts.env.example"} {
		text, err := os.ReadFile("../../" + file)
		require.NoError(t, err)
		names := variable.FindAllString(string(text), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			assert.True(t, known[name], "%s sets %s, which is no setting", file, name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	text, err := os.ReadFile(example)
	require.NoError(f, err)
	for _, seed := range []string{string(text), "a: &x 1\nb: *x", "{", "http: [\n", "kafka: {brokers: [a:1]}", "? - a\n: b", "!!binary x: 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := write(t, "c.yaml", text)
		c, _, err := config.Load(config.Options{File: file})
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v with error %v", c, err)
		}
	})
}
