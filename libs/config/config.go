// Package config reads the one configuration file of Tagwire and the
// TAGWIRE_… variables.
//
// It guarantees: a variable outranks the file, the file outranks the defaults;
// unknown keys, doubled keys, wrong types and wrong values are errors with
// file, line and column; all errors come at once, joined; secrets come from
// the file, a variable or a file of their own, and never show themselves in
// logs.
//
// It does not watch the file, open connections or check that a part answers;
// `tagwire doctor` does that. The mains of all services call it.
//
// The variable of a key is its path in capitals: kafka.brokers is
// TAGWIRE_KAFKA_BROKERS. Lists are separated by commas there.
package config

import (
	"strings"
	"time"
)

// Config is everything that can be set. deploy/config.example.yaml explains
// each key; a test keeps the two equal.
type Config struct {
	Data           string   `yaml:"data"`
	HTTP           string   `yaml:"http"`
	PublicURL      string   `yaml:"public_url"`
	LinkFallback   string   `yaml:"link_fallback"`
	BIListen       string   `yaml:"bi_listen"`
	TLS            TLSFiles `yaml:"tls"`
	TrustedProxies []string `yaml:"trusted_proxies"`
	CORSOrigins    []string `yaml:"cors_origins"`

	WriteKey       Secret `yaml:"write_key"`
	WriteKeyFile   string `yaml:"write_key_file"`
	AdminToken     Secret `yaml:"admin_token"`
	AdminTokenFile string `yaml:"admin_token_file"`
	MasterKey      Secret `yaml:"master_key"`
	MasterKeyFile  string `yaml:"master_key_file"`

	Kafka      Kafka      `yaml:"kafka"`
	Redis      Redis      `yaml:"redis"`
	ClickHouse ClickHouse `yaml:"clickhouse"`
	Embedded   Embedded   `yaml:"embedded"`

	Shards        int `yaml:"shards"`
	RawPartitions int `yaml:"raw_partitions"`

	Fresh  time.Duration `yaml:"fresh"`
	Late   time.Duration `yaml:"late"`
	Limits Limits        `yaml:"limits"`
	Spool  Spool         `yaml:"spool"`

	Internal []string `yaml:"internal"`
	Identity Identity `yaml:"identity"`

	SMTP   SMTP   `yaml:"smtp"`
	WeCom  WeCom  `yaml:"wecom"`
	Notify Notify `yaml:"notify"`
	Log    Log    `yaml:"log"`

	given map[string]bool
}

// TLSFiles serve HTTPS directly; without them TLS ends at a proxy before.
type TLSFiles struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// TLSClient is TLS towards a part.
type TLSClient struct {
	Enabled    bool   `yaml:"enabled"`
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
}

// Kafka is external when Brokers are given.
type Kafka struct {
	Brokers      []string      `yaml:"brokers"`
	TLS          TLSClient     `yaml:"tls"`
	SASL         string        `yaml:"sasl"`
	User         string        `yaml:"user"`
	Password     Secret        `yaml:"password"`
	PasswordFile string        `yaml:"password_file"`
	Retention    time.Duration `yaml:"retention"`
}

// Redis is external when Addr is given.
type Redis struct {
	Addr                 string    `yaml:"addr"`
	Database             int       `yaml:"database"`
	SentinelMaster       string    `yaml:"sentinel_master"`
	SentinelUser         string    `yaml:"sentinel_user"`
	SentinelPassword     Secret    `yaml:"sentinel_password"`
	SentinelPasswordFile string    `yaml:"sentinel_password_file"`
	Cluster              bool      `yaml:"cluster"`
	Replicas             int       `yaml:"replicas"` // that must have a plan and a commit before they count
	User                 string    `yaml:"user"`
	Password             Secret    `yaml:"password"`
	PasswordFile         string    `yaml:"password_file"`
	TLS                  TLSClient `yaml:"tls"`
}

// ClickHouse is external when Addr, its native protocol's, is given.
type ClickHouse struct {
	Addr         string    `yaml:"addr"`
	HTTP         string    `yaml:"http"`
	User         string    `yaml:"user"`
	Password     Secret    `yaml:"password"`
	PasswordFile string    `yaml:"password_file"`
	Database     string    `yaml:"database"`
	Cluster      string    `yaml:"cluster"`
	TLS          TLSClient `yaml:"tls"`
}

// Embedded are the loopback addresses of the parts that `tagwire up` runs by
// itself. Empty: the documented port, or a free one when that is busy.
type Embedded struct {
	Kafka          string `yaml:"kafka"`
	Redis          string `yaml:"redis"`
	ClickHouse     string `yaml:"clickhouse"`
	ClickHouseHTTP string `yaml:"clickhouse_http"`
}

// Limits are checked by the collector while it reads.
type Limits struct {
	EventBytes  int `yaml:"event_bytes"`
	BatchBytes  int `yaml:"batch_bytes"`
	BatchEvents int `yaml:"batch_events"`
	Nesting     int `yaml:"nesting"`
	EventID     int `yaml:"event_id"`
	RatePerKey  int `yaml:"rate_per_key"`
}

// Spool keeps what never-retrying senders gave while Kafka was away.
type Spool struct {
	Dir      string `yaml:"dir"`
	MaxBytes int64  `yaml:"max_bytes"`
}

// Identity bounds what joins customers. People are distinct user_id and wecom
// identities; a phone or device that was seen with more joins nobody any more.
type Identity struct {
	PeoplePerPhone  int `yaml:"people_per_phone"`
	PeoplePerDevice int `yaml:"people_per_device"`
}

// SMTP sends alert mails when Host is given.
type SMTP struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	Security     string `yaml:"security"`
	User         string `yaml:"user"`
	Password     Secret `yaml:"password"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"`
}

// WeCom is how WeCom's servers are reached; corps are definitions.
type WeCom struct {
	APIBase   string        `yaml:"api_base"`
	RobotBase string        `yaml:"robot_base"`
	Timeout   time.Duration `yaml:"timeout"`
}

// Notify bounds the delivery of alerts.
type Notify struct {
	Timeout        time.Duration `yaml:"timeout"`
	RetryFor       time.Duration `yaml:"retry_for"`
	PrivateTargets []string      `yaml:"private_targets"`
}

// Log is the program's own log.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Default is the configuration when nothing is given.
func Default() Config {
	return Config{
		Data:          "./data",
		HTTP:          "127.0.0.1:8080",
		CORSOrigins:   []string{"*"},
		Kafka:         Kafka{Retention: 7 * 24 * time.Hour},
		ClickHouse:    ClickHouse{User: "tagwire", Database: "tagwire"},
		Shards:        8,
		RawPartitions: 4,
		Fresh:         time.Hour,
		Late:          24 * time.Hour,
		Limits: Limits{
			EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 2500,
			Nesting: 32, EventID: 100, RatePerKey: 100000,
		},
		Spool:    Spool{MaxBytes: 1 << 30},
		Identity: Identity{PeoplePerPhone: 2, PeoplePerDevice: 3},
		SMTP:     SMTP{Port: 587, Security: "starttls"},
		WeCom:    WeCom{APIBase: "https://qyapi.weixin.qq.com", RobotBase: "https://qyapi.weixin.qq.com", Timeout: 10 * time.Second},
		Notify:   Notify{Timeout: 10 * time.Second, RetryFor: 24 * time.Hour},
		Log:      Log{Level: "info", Format: "console"},
	}
}

// Given reports whether the key of this path ("http", "redis.addr") was set by
// the file, a variable or [Config.Give]. A given address is never replaced.
func (c *Config) Given(path string) bool { return c.given[path] }

// Give marks a key as given; the command line does so for its flags.
func (c *Config) Give(path string) {
	if c.given == nil {
		c.given = make(map[string]bool)
	}
	c.given[path] = true
}

// KafkaExternal reports whether Kafka is run by someone else.
func (c *Config) KafkaExternal() bool { return len(c.Kafka.Brokers) > 0 }

// RedisExternal reports whether Redis is run by someone else.
func (c *Config) RedisExternal() bool { return c.Redis.Addr != "" }

// HTTPURL is the address of ClickHouse's HTTP interface with its scheme; empty
// when none is known. HTTP may be given as host:port or as https://host:port.
func (c *ClickHouse) HTTPURL() string {
	if c.HTTP == "" || strings.Contains(c.HTTP, "://") {
		return c.HTTP
	}
	return "http://" + c.HTTP
}

// ClickHouseExternal reports whether ClickHouse is run by someone else.
func (c *Config) ClickHouseExternal() bool { return c.ClickHouse.Addr != "" }
