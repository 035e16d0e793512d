package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const java = "/opt/java/bin/java"

// setting is the name of Kafka's for a variable of the registry's image:
// KAFKA_LOG_DIRS is log.dirs, two underscores are one, three a dash.
func setting(variable string) string {
	name := strings.ToLower(strings.TrimPrefix(variable, "KAFKA_"))
	return strings.NewReplacer("___", "-", "__", "_", "_", ".").Replace(name)
}

// properties are the settings of all variables. Those that end in _OPTS are the JVM's.
func properties(environ []string) string {
	lines := []string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "KAFKA_") && !strings.HasSuffix(name, "_OPTS") {
			lines = append(lines, setting(name)+"="+value+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func kafka(ctx context.Context) error {
	dir := variable("KAFKA_LOG_DIRS", "/data/kafka")
	settings := filepath.Join(os.TempDir(), "server.properties")
	text := properties(append(os.Environ(), "KAFKA_LOG_DIRS="+dir))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the settings of Kafka: %w", err)
	}
	args := []string{java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info"}
	args = append(args, strings.Fields(variable("KAFKA_HEAP_OPTS", "-Xmx512m"))...)
	args = append(args, "-cp", "/opt/kafka/libs/*")
	if _, err := os.Stat(filepath.Join(dir, "meta.properties")); errors.Is(err, os.ErrNotExist) {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never fails
		id[0] &= 0x7f           // or its text may begin with a dash, as options do
		format := append(slices.Clone(args[1:]), "kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", settings)
		cmd := exec.CommandContext(ctx, java, format...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("format the log folder of Kafka: %w", err)
		}
	}
	if err := syscall.Exec(java, append(args, "kafka.Kafka", settings), os.Environ()); err != nil {
		return fmt.Errorf("run Kafka: %w", err)
	}
	return nil
}
