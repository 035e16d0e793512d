package checks_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/config"
)

// The settings that the guide shows are taken by the product, apart from the
// files with secrets, which are not there.
func TestGuidesShowSettingsThatAreTaken(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml tagwire-config\n(.*?)```")
	secret := regexp.MustCompile(`/run/secrets/\w+`)
	for _, lang := range []string{"en", "zh"} {
		m := block.FindSubmatch(read(t, "docs/guides/"+lang+"/real-parts.md"))
		require.NotNil(t, m, lang)
		dir := t.TempDir()
		given := filepath.Join(dir, "secret")
		require.NoError(t, os.WriteFile(given, []byte("x\n"), 0o600))
		file := filepath.Join(dir, "tagwire.yaml")
		require.NoError(t, os.WriteFile(file, secret.ReplaceAll(m[1], []byte(given)), 0o600))
		c, notices, err := config.Load(config.Options{File: file})
		require.NoError(t, err, lang)
		assert.Empty(t, notices)
		assert.True(t, c.KafkaExternal() && c.RedisExternal() && c.ClickHouseExternal())
		assert.True(t, c.Kafka.TLS.Enabled && c.Redis.TLS.Enabled && c.ClickHouse.TLS.Enabled)
	}
}

// Keys and variables named anywhere in guides and runbooks exist.
func TestGuidesNameKeysThatExist(t *testing.T) {
	keys, sections := map[string]bool{}, map[string]bool{}
	for _, k := range config.Keys() {
		keys[k], keys["TAGWIRE_"+strings.ToUpper(strings.ReplaceAll(k, ".", "_"))] = true, true
		section, _, dotted := strings.Cut(k, ".")
		if dotted {
			sections[section] = true
		}
	}
	variable := regexp.MustCompile(`TAGWIRE_[A-Z_]+`)
	key := regexp.MustCompile("`([a-z]+)\\.([a-z_.]+)`")
	files, err := filepath.Glob(filepath.Join(root, "docs/guides/*/real-parts.md"))
	require.NoError(t, err)
	require.Len(t, files, 2, "zh and en")
	for _, path := range append(files, runbookFiles(t)...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, name := range variable.FindAllString(string(text), -1) {
			assert.True(t, keys[name], "%s: %s", path, name)
		}
		for _, m := range key.FindAllStringSubmatch(string(text), -1) {
			if sections[m[1]] {
				assert.True(t, keys[m[1]+"."+m[2]], "%s: %s.%s", path, m[1], m[2])
			}
		}
	}
}
