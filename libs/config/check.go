package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker collects what is wrong with the values.
type checker struct {
	found []*Problem
}

func (k *checker) failf(key, format string, args ...any) {
	k.found = append(k.found, &Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}

// problems checks every value and gives all that is wrong.
func (c *Config) problems() []*Problem {
	var k checker
	if c.Data == "" {
		k.failf("data", "is empty; name the folder that keeps everything")
	}
	k.address("http", c.HTTP, true)
	k.address("bi_listen", c.BIListen, false)
	k.url("public_url", c.PublicURL, false)
	k.url("link_fallback", c.LinkFallback, false)
	k.pair("tls.cert_file", c.TLS.CertFile, "tls.key_file", c.TLS.KeyFile)
	k.networks("trusted_proxies", c.TrustedProxies)
	k.networks("notify.private_targets", c.Notify.PrivateTargets)
	for _, origin := range c.CORSOrigins {
		if origin != "*" {
			k.url("cors_origins", origin, true)
		}
	}
	c.checkParts(&k)
	c.checkNumbers(&k)
	c.checkDelivery(&k)
	for _, id := range c.Internal {
		if namespace, value, ok := strings.Cut(id, ":"); !ok || namespace == "" || value == "" {
			k.failf("internal", "%q is not an identity; write namespace:value, such as phone:13800000000", id)
		}
	}
	k.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	k.oneOf("log.format", c.Log.Format, "console", "json")
	order := Keys()
	slices.SortStableFunc(k.found, func(a, b *Problem) int {
		return slices.Index(order, a.Key) - slices.Index(order, b.Key)
	})
	return k.found
}

func (c *Config) checkParts(k *checker) {
	for _, b := range c.Kafka.Brokers {
		k.address("kafka.brokers", b, true)
	}
	k.oneOf("kafka.sasl", c.Kafka.SASL, "", "plain", "scram-sha-256", "scram-sha-512")
	if c.Kafka.SASL != "" && (c.Kafka.User == "" || c.Kafka.Password == "") {
		k.failf("kafka.sasl", "needs kafka.user and kafka.password")
	}
	for a := range strings.SplitSeq(c.Redis.Addr, ",") {
		k.address("redis.addr", strings.TrimSpace(a), false)
	}
	k.between("redis.replicas", int64(c.Redis.Replicas), 0, 5)
	for a := range strings.SplitSeq(c.ClickHouse.Addr, ",") {
		k.address("clickhouse.addr", strings.TrimSpace(a), false)
	}
	if at, ok := strings.CutPrefix(c.ClickHouse.HTTP, "https://"); ok {
		k.address("clickhouse.http", at, true)
	} else {
		k.address("clickhouse.http", c.ClickHouse.HTTP, false)
	}
	if c.BIListen != "" && c.ClickHouseExternal() && c.ClickHouse.HTTP == "" {
		k.failf("bi_listen", "needs clickhouse.http, the address that it leads to")
	}
	c.checkRedis(k)
	if !isName(c.ClickHouse.Database) {
		k.failf("clickhouse.database", "%q is not a name of letters, digits and _", c.ClickHouse.Database)
	}
	for key, t := range map[string]TLSClient{"kafka.tls": c.Kafka.TLS, "redis.tls": c.Redis.TLS, "clickhouse.tls": c.ClickHouse.TLS} {
		k.pair(key+".cert_file", t.CertFile, key+".key_file", t.KeyFile)
	}
	e := c.Embedded
	for key, a := range map[string]string{
		"embedded.kafka": e.Kafka, "embedded.redis": e.Redis,
		"embedded.clickhouse": e.ClickHouse, "embedded.clickhouse_http": e.ClickHouseHTTP,
	} {
		k.loopback(key, a)
	}
}

func (c *Config) checkRedis(k *checker) {
	r := c.Redis
	if r.Cluster && r.SentinelMaster != "" {
		k.failf("redis.cluster", "cannot be true together with redis.sentinel_master")
	}
	k.between("redis.database", int64(r.Database), 0, 1<<20)
	if r.Cluster && r.Database != 0 {
		k.failf("redis.database", "is %d; a Cluster has database 0 only", r.Database)
	}
	if r.SentinelMaster == "" && (r.SentinelUser != "" || r.SentinelPassword != "") {
		k.failf("redis.sentinel_master", "is empty, but a user or a password for Sentinels is given")
	}
}

func (c *Config) checkNumbers(k *checker) {
	k.between("shards", int64(c.Shards), 1, 1024)
	k.between("raw_partitions", int64(c.RawPartitions), 1, 1024)
	l := c.Limits
	k.between("limits.event_bytes", int64(l.EventBytes), 1<<10, 512<<10)
	k.between("limits.batch_bytes", int64(l.BatchBytes), int64(l.EventBytes), 64<<20)
	k.between("limits.batch_events", int64(l.BatchEvents), 1, 100_000)
	k.between("limits.nesting", int64(l.Nesting), 4, 256)
	k.between("limits.event_id", int64(l.EventID), 36, 1000)
	k.between("limits.rate_per_key", int64(l.RatePerKey), 1, 10_000_000)
	k.between("spool.max_bytes", c.Spool.MaxBytes, 1<<20, 1<<44)
	k.between("identity.people_per_phone", int64(c.Identity.PeoplePerPhone), 1, 100)
	k.between("identity.people_per_device", int64(c.Identity.PeoplePerDevice), 1, 100)
	k.duration("fresh", c.Fresh, time.Minute, 24*time.Hour)
	k.duration("late", c.Late, time.Minute, 30*24*time.Hour)
	k.duration("kafka.retention", c.Kafka.Retention, 24*time.Hour, 365*24*time.Hour)
}

func (c *Config) checkDelivery(k *checker) {
	k.between("smtp.port", int64(c.SMTP.Port), 1, 65535)
	k.oneOf("smtp.security", c.SMTP.Security, "starttls", "tls", "none")
	if c.SMTP.Host != "" && !strings.Contains(c.SMTP.From, "@") {
		k.failf("smtp.from", "is the sender's address and needed with smtp.host")
	}
	k.url("wecom.api_base", c.WeCom.APIBase, true)
	k.url("wecom.robot_base", c.WeCom.RobotBase, true)
	k.duration("wecom.timeout", c.WeCom.Timeout, time.Second, time.Minute)
	k.duration("notify.timeout", c.Notify.Timeout, time.Second, time.Minute)
	k.duration("notify.retry_for", c.Notify.RetryFor, time.Minute, 7*24*time.Hour)
}

func (k *checker) address(key, addr string, needed bool) {
	if addr == "" {
		if needed {
			k.failf(key, "is empty; write host:port")
		}
		return
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		k.failf(key, "%q is not host:port", addr)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		k.failf(key, "%q has no port between 0 and 65535", addr)
	}
}

func (k *checker) loopback(key, addr string) {
	before := len(k.found)
	k.address(key, addr, false)
	if addr == "" || len(k.found) > before {
		return
	}
	host, _, _ := net.SplitHostPort(addr)
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		k.failf(key, "%q is not on loopback; embedded parts listen there only", addr)
	}
}

func (k *checker) url(key, text string, needed bool) {
	if text == "" && !needed {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		k.failf(key, "%q is not a whole address such as https://tag.example.com", text)
	}
}

func (k *checker) networks(key string, list []string) {
	for _, text := range list {
		if _, err := netip.ParsePrefix(text); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil {
			k.failf(key, "%q is neither an IP address nor a network such as 10.0.0.0/8", text)
		}
	}
}

func (k *checker) pair(aKey, a, bKey, b string) {
	if (a == "") != (b == "") {
		k.failf(aKey, "goes together with %s; one of them is missing", bKey)
	}
}

func (k *checker) between(key string, n, low, high int64) {
	if n < low || n > high {
		k.failf(key, "%d is not between %d and %d", n, low, high)
	}
}

func (k *checker) duration(key string, d, low, high time.Duration) {
	if d < low || d > high {
		k.failf(key, "%s is not between %s and %s", d, low, high)
	}
}

func (k *checker) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	shown := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	k.failf(key, "%q is not one of %s", value, strings.Join(shown, ", "))
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
